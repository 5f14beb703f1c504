"""`aislehub twin`: policies compared on the command line, and a twin beside its chain."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy import stats

from aislehub.core.hub import open_hub
from aislehub.serve.cli import main
from aislehub.twin.live import live, warmed
from aislehub.twin.policy import TODAY, Policy
from aislehub.twin.report import FIGURES, by_day, compare, figures, lines, lived
from aislehub.twin.world import World

SMALL = ["--stores", "2", "--items", "20", "--days", "14", "--warm-up", "28"]
LEAN = Policy("lean", weeks_of_cover=0.5)


def policy_file(tmp_path: Path, text: str) -> str:
    """A policy file."""
    file = tmp_path / "lean.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_policy_is_compared_with_todays_rules(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every figure of both policies is told, with the difference and its interval, and as simulated."""
    file = policy_file(tmp_path, "weeks_of_cover = 0.5\n")
    assert main(["twin", "run", "--policy", file, *SMALL, "--seeds", "3", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["policy"], row["figure"]) for row in rows] == [
        (policy, figure) for policy in ("today", "lean") for figure in FIGURES
    ]
    stock = next(row for row in rows if (row["policy"], row["figure"]) == ("lean", "stock"))
    assert stock["low"] < stock["difference"] < stock["high"] < 0
    assert {row["source"] for row in rows} == {"simulated"}
    assert main(["twin", "run", "--policy", file, *SMALL, "--seeds", "1"]) == 0
    shown = capsys.readouterr().out
    assert "Fill rate" in shown and "Simulated" in shown


def test_a_report_can_be_kept(tmp_path: Path, home: Path) -> None:
    """`--out` writes the rows to a file."""
    out = tmp_path / "report.csv"
    file = policy_file(tmp_path, "weeks_of_cover = 0.5\n")
    assert main(["twin", "run", "--policy", file, *SMALL, "--seeds", "1", "--out", str(out)]) == 0
    assert len(pd.read_csv(out)) == 2 * len(FIGURES)


def test_a_wrong_policy_is_refused(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown key ends with exit 1, the key and the nearest known one."""
    assert main(["twin", "run", "--policy", policy_file(tmp_path, 'prices = "hub"'), *SMALL]) == 1
    told = capsys.readouterr().err
    assert "'prices'" in told and "Did you mean price?" in told


def test_intervals_are_paired() -> None:
    """The interval is Student's over the differences chain by chain; a policy against itself differs by nothing."""
    worlds = [World.make("heterogeneous", stores=2, items=20, seed=seed) for seed in (1, 2, 3, 4)]
    lines = {
        (line.policy, line.figure): line for line in compare(worlds, [TODAY, LEAN, Policy("same")], 14, warm_up=28)
    }
    pairs = []
    for world in worlds:
        past = warmed(world, world.seed, 28)
        pairs.append([figures(world, live(past.fork(), policy, 14))["profit"] for policy in (TODAY, LEAN)])
    apart = pd.DataFrame(pairs).diff(axis=1)[1]
    low, high = stats.t.interval(0.95, 3, apart.mean(), apart.sem())
    found = lines["lean", "profit"]
    assert (found.difference, found.low, found.high) == pytest.approx((apart.mean(), low, high))
    assert lines["same", "profit"].difference == lines["same", "profit"].high == 0


def test_days_add_up_to_the_whole() -> None:
    """Profits of the days sum to the total; on the last day a policy is ahead by the difference, with its interval."""
    worlds = [World.make("heterogeneous", stores=2, items=20, seed=seed) for seed in (1, 2, 3)]
    lives = lived(worlds, [TODAY, LEAN], 14, warm_up=28)
    total = {line.policy: line for line in lines(lives) if line.figure == "profit"}
    days = by_day(lives)
    assert [(day.policy, day.day) for day in days] == [(name, n + 1) for name in ("today", "lean") for n in range(14)]
    for name, line in total.items():
        assert sum(day.profit for day in days if day.policy == name) == pytest.approx(line.value)
    last = days[-1]
    assert (last.ahead, last.low, last.high) == pytest.approx(
        (total["lean"].difference, total["lean"].low, total["lean"].high)
    )
    assert days[0].ahead is None and days[0].low is None


def test_a_house_can_be_filled_with_a_simulated_chain(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What `tell` writes is taken in like any chain's files, whole, and a twin can be fitted to it."""
    folder = tmp_path / "simulated"
    assert main(["twin", "tell", "--days", "70", "--stores", "2", "--items", "12", "--out", str(folder)]) == 0
    assert main(["ingest", str(folder)]) == 0
    past = warmed(World.make("heterogeneous", stores=2, items=12, seed=1), 1, 70)
    with open_hub(home) as hub:
        assert hub.tables.count("rejected") == 0
        for file in folder.glob("*.parquet"):
            assert hub.tables.count(file.stem) == pq.read_metadata(file).num_rows > 0
        assert hub.tables.fetch("sales_lines", columns=["quantity"])["quantity"].to_numpy().sum() == sum(
            outcome.sold.sum() for outcome in past.past
        )
    capsys.readouterr()
    file = policy_file(tmp_path, "weeks_of_cover = 0.5")
    call = ["twin", "run", "--policy", file, "--family", "own", "--stores", "2", "--items", "12", "--days", "14"]
    assert main([*call, "--warm-up", "28", "--seeds", "1", "--json"]) == 0
    sales = next(row for row in json.loads(capsys.readouterr().out) if row["figure"] == "sales")
    real = sum(outcome.revenue.sum() for outcome in past.past) / 70
    assert sales["value"] / 14 == pytest.approx(real, rel=0.35)
    assert main(["twin", "fidelity", "--stores", "2", "--items", "12", "--days", "70", "--seeds", "2", "--json"]) == 0
    found = {row["figure"]: row for row in json.loads(capsys.readouterr().out)}
    assert found["mean"]["simulated"] == pytest.approx(found["mean"]["real"], rel=0.15)


def test_fidelity_needs_sales(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A house without sales is told what to load."""
    assert main(["twin", "fidelity"]) == 1
    assert "no sales lines" in capsys.readouterr().err
