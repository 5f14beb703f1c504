"""The commands say what they did, and refuse in sentences."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from aislehub.core.hub import Hub
from aislehub.serve.cli import main
from tests.data.privacy.conftest import ANN, BEN, holding


def test_a_request_from_its_code_to_the_proof(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Link, ask, verify, carry out: each command works as its help says, and the proof checks."""
    assert main(["identity", "link", ANN, "email:ann@example.com"]) == 0
    assert main(["request", "open", "erase", "email:Ann@Example.com"]) == 0
    told = capsys.readouterr().out
    id, code = re.findall(r"Request (\w{16})", told)[0], re.findall(r"\b\d{8}\b", told)[0]
    proof = tmp_path / "proof.json"
    assert main(["request", "finish", id, "--out", str(proof)]) == 1
    assert "has to be verified" in capsys.readouterr().err
    assert main(["request", "verify", id, "email:ann@example.com", "--code", code]) == 0
    assert main(["request", "finish", id, "--out", str(proof)]) == 0
    assert "nothing found" in capsys.readouterr().out
    assert holding(hub.home, ANN) == []
    assert main(["proof", "verify", str(proof), "--person", ANN]) == 0
    assert main(["proof", "verify", str(proof), "--person", BEN]) == 1
    assert json.loads(proof.read_text())["request"] == id
    assert main(["request", "finish", id, "--out", str(proof)]) == 1


def test_without_a_yes_nothing_goes(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`erase` without --yes shows what would go, ends with 1 and changes nothing."""
    assert main(["erase", ANN, "--proof", str(tmp_path / "p.json")]) == 1
    shown = capsys.readouterr()
    assert "sales_lines: 4" in shown.out and "Add --yes" in shown.err and holding(hub.home, ANN)


def test_an_empty_export_says_so(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped key exports a file that says nothing of anybody: whoever would hand it over is warned."""
    assert main(["export-person", "mistyped", "--out", str(tmp_path / "m.json")]) == 0
    assert "Nothing is held under the key mistyped" in capsys.readouterr().err
    assert main(["export-person", ANN, "--out", str(tmp_path / "ann.json")]) == 0
    assert "Nothing is held" not in capsys.readouterr().err


def test_a_word_is_kept_and_holds(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """A no to every purpose is noted, shown and holds; a purpose that does not exist is named with the known ones."""
    assert main(["consent", "set", ANN, "all", "--no", "--how", "till"]) == 0
    capsys.readouterr()
    assert main(["consent", "show", ANN, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["allowed"] for row in told["now"]] == [False] * 3 and len(told["history"]) == 4
    assert main(["consent", "set", ANN, "mesages", "--no"]) == 1
    assert "messages" in capsys.readouterr().err
