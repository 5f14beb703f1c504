"""The command ranks scenarios for a house: twins of its own tables, kept, and not lived again without need."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from aislehub.core.hub import Hub, open_hub
from aislehub.serve.cli import main
from aislehub.twin.live import told, warmed
from aislehub.twin.world import World

SMALL = {"WORLDS": 2, "SETTLE": 0, "DAYS": 2, "STORES": 2, "ITEMS": 6, "WORKERS": 1}
TABLES = {"sales_lines", "items", "stores", "promotions", "prices", "stock", "lead_times", "receipts", "calendar"}


def fill(hub: Hub) -> None:
    """Twelve weeks of a small simulated chain as the house's own tables."""
    pieces: dict[str, list[pa.Table]] = {}
    for piece in told(warmed(World.make("heterogeneous", stores=3, items=9, seed=1), 1, 84)):
        for name in TABLES & set(piece):
            pieces.setdefault(name, []).append(piece[name])
    for name, parts in pieces.items():
        hub.tables.append(name, pa.concat_tables(parts))


def test_the_command_finds_values_keeps_them_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every scenario that the twin can live gets money with its interval; a second call shows what was kept."""
    monkeypatch.setenv("AISLEHUB_HOME", str(tmp_path))
    for name, value in SMALL.items():
        monkeypatch.setenv(f"AISLEHUB_PRIORITIES__{name}", str(value))
    with open_hub(tmp_path) as hub:
        fill(hub)
    assert main(["readiness"]) == 0
    capsys.readouterr()
    assert main(["priorities", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    by_name = {row["scenario"]: row for row in first["scenarios"]}
    for name in ("orders", "prices", "promotions"):
        row = by_name[name]
        value = row["value"]
        assert value["basis"] == "twin"
        assert value["low"] <= value["money"] <= value["high"]
        assert row["twin"]["value"] == pytest.approx(row["twin"]["over_today"] - max(0.0, row["twin"]["plain"]))
        assert row["priority"] == pytest.approx(max(0.0, value["money"]) * row["feasibility"])
    assert by_name["warehouse_orders"]["value"] is None
    assert by_name["markdowns"]["value"] is None  # nothing in this range spoils, so there is nothing to clear
    assert by_name["rosters"]["built"] and by_name["shelf_vision"]["built"] is False
    assert (first["together"]["stores"], first["together"]["items"], first["together"]["source"]) == (2, 6, "simulated")
    assert 0 < first["together"]["share"] < 1
    assert main(["priorities"]) == 0
    shown = capsys.readouterr()
    assert "max(0, " in shown.out
    assert shown.err == ""  # nothing was lived again
    with open_hub(tmp_path) as hub:
        assert hub.tables.count("scenario_values") == 4


def test_without_sales_there_is_nothing_to_fit(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty house is told what to load first."""
    assert main(["priorities"]) == 1
    assert "aislehub demo" in capsys.readouterr().err
