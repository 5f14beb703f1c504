"""The command line acts on the ledger as its help says: JSON alone on standard output, 0, 1 and 2 as exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from aislehub import __version__
from aislehub.core.hub import Hub
from aislehub.core.ledger import Filter
from aislehub.serve.cli import main

Run = Callable[..., tuple[int, str, str]]

PROMISED = {
    "id", "kind", "day", "store", "subject", "action", "baseline", "money", "money_low", "money_high", "reasons",
    "bound", "state", "model", "policy", "versions", "source",
}  # fmt: skip


@pytest.fixture
def run(hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """(words of a command) → exit code, standard output, standard error, in the furnished house."""
    monkeypatch.setenv("AISLEHUB_HOME", str(hub.home))
    monkeypatch.setenv("AISLEHUB_LANG", "en")

    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        return code, *capsys.readouterr()

    return run


def told(run: Run, *words: str) -> Any:
    """The one JSON document that a command prints."""
    code, out, _ = run(*words, "--json")
    assert code == 0
    return json.loads(out)


def test_decisions_are_listed_by_money_with_every_field(run: Run) -> None:
    """The filters narrow, the most money comes first, and each reason has its sentence."""
    found = told(run, "decisions", "--kind", "orders", "--store", "367", "--state", "proposed", "--limit", "5")
    assert len(found) == 5 and all(found[0].keys() >= PROMISED and row["store"] == "367" for row in found)
    assert [row["money"] for row in found] == sorted((row["money"] for row in found), reverse=True)
    assert found[0]["reasons"][0]["sentence"] == "on_hand is 2; the lowest allowed value is 9."
    assert told(run, "decisions", "--kind", "prices") == []
    assert (
        len(told(run, "decisions", "--day", "2017-11-05")) == 120
        and told(run, "decisions", "--day", "2017-11-06") == []
    )


def test_a_list_is_read_by_people(run: Run) -> None:
    """As a table: names for numbers, money in the chain's currency, what is simulated, and how many more there are."""
    code, out, err = run("decisions", "--limit", "3")
    assert (code, err) == (0, "")
    assert "Whole milk 1 L (1001)" in out and "Order 6" in out and "$" in out and "simulated" in out
    assert "批准" not in out and "订货 6" in run("--lang", "zh", "decisions", "--limit", "1")[1]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json", "xlsx"])
def test_a_list_goes_to_a_file(run: Run, hub: Hub, suffix: str) -> None:
    """`--out` writes a file by its suffix and nothing on standard output."""
    path = hub.home / f"plan.{suffix}"
    assert run("decisions", "--limit", "7", "--out", str(path)) == (0, "", "")
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "json": pd.read_json, "xlsx": pd.read_excel}[suffix]
    assert len(read(path)) == 7 and "action_quantity" in read(path).columns


def test_one_decision_is_moved_by_the_beginning_of_its_id(run: Run, hub: Hub) -> None:
    """Approve, undo, override and reject tell what became of it; the ledger knows who and why."""
    id = hub.ledger.find(Filter(), limit=1)[0]["id"]
    assert told(run, "approve", id[:8], "--why", "agreed") == {"moved": 1, "state": "approved"}
    assert told(run, "undo", id[:8])["state"] == "proposed"
    changed = told(run, "override", id[:8], "--to", "24", "--why", "school fair")
    assert changed["state"] == "overridden" and changed["override"]["action"]["quantity"] == 24
    assert run("undo", id[:8])[1] == f"{id} is proposed again.\n"
    assert told(run, "reject", id[:8], "--why", "cancelled") == {"moved": 1, "state": "rejected"}
    moves = hub.ledger.history(id)
    assert [move["state_to"] for move in moves[1:]] == ["approved", "proposed", "overridden", "proposed", "rejected"]
    assert moves[1]["why"] == "agreed" and all(move["who"].startswith("cli") for move in moves[1:])


def test_all_of_a_filter_are_approved_and_sent_once(run: Run, hub: Hub) -> None:
    """`--all` takes what the filters select; `send` writes each decision to one file, once."""
    count = len(hub.ledger.find(Filter(store="406")))
    assert run("approve", "--all", "--store", "406")[1] == f"{count} decision(s) now approved.\n"
    (file,) = told(run, "send", "--kind", "orders")["files"]
    assert len(pd.read_csv(file)) == count and set(pd.read_csv(file)["store"]) == {406}
    assert told(run, "send") == {"files": []}
    assert {row["state"] for row in hub.ledger.find(Filter(store="406"))} == {"done"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["approve", "0" * 16], "There is no decision 0000000000000000."),
        (["override", "ID", "--to", "-3", "--why", "x"], "-3 is no value for quantity"),
        (["override", "ID", "--to", "many", "--why", "x"], "'many' is neither a number nor a JSON object."),
        (["override", "ID", "--to", "3", "--why", " "], "An override needs a reason."),
        (["undo", "ID"], "it cannot become"),
        (["decisions", "--state", "lost"], "lost is no state of a decision; known: proposed"),
        (["decisions", "--out", "plan.doc"], "ends in '.doc'"),
        (["kpis", "--store", "none"], "none"),
        (["token", "nobody"], "There is no user nobody."),
        (["bench", "replenishh"], "Did you mean replenish?"),
    ],
)
def test_a_refusal_says_why_and_exits_1(run: Run, hub: Hub, words: list[str], sentence: str) -> None:
    """The sentence stands on standard error, nothing on standard output, and nothing has moved."""
    id = hub.ledger.find(Filter(), limit=1)[0]["id"]
    code, out, err = run(*(id if word == "ID" else word for word in words))
    assert (code, out) == (1, "") and sentence in err
    assert {group["state"] for group in hub.ledger.summary(Filter())} == {"proposed"}


@pytest.mark.parametrize(
    "words", [["approve"], ["approve", "1f3a9c", "--all"], ["decisions", "--colour", "red"], ["fly"]]
)
def test_wrong_use_exits_2(run: Run, words: list[str]) -> None:
    """An unknown verb or option, or neither or both of ids and --all."""
    assert run(*words)[0] == 2


def test_the_house_describes_itself(run: Run) -> None:
    """Settings with help and variable, tables with rows, and a token that is printed alone."""
    settings = {row["setting"]: row for row in told(run, "settings")}
    assert settings["hub.currency"]["env"] == "AISLEHUB_HUB__CURRENCY" and settings["hub.currency"]["help"]
    assert next(row for row in told(run, "tables") if row["table"] == "items")["rows"] == 8
    assert isinstance(told(run, "models"), list)
    code, out, err = run("token", "admin", "--label", "test")
    assert (code, err) == (0, "") and len(out.split()) == 1


def test_facts_are_counted_again(run: Run) -> None:
    """`check` says how many decisions it went through."""
    assert told(run, "check", "--limit", "20") == {"checked": 20, "wrong": []}


def test_the_version_needs_no_command() -> None:
    """`--version` alone prints it and is done."""
    done = subprocess.run(
        [sys.executable, "-m", "aislehub.serve.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"aislehub {__version__}\n"
