"""Benchmarks run from the command line and give rows of one form, their baseline in the same run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aislehub.serve.cli import main

COLUMNS = ["bench", "data", "model", "metric", "value", "low", "high", "cpu_s", "peak_mb"]


@pytest.mark.parametrize(
    ("name", "metric", "baseline"),
    [("ledger", "page_today_s", "plain_sqlite"), ("ingest", "lines_per_cpu_s", "pandas merge")],
)
def test_a_benchmark_writes_its_rows(
    name: str, metric: str, baseline: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`bench NAME --quick --out FILE` writes the promised columns, the product as `aislehub` beside its baseline."""
    monkeypatch.setenv("AISLEHUB_ADMIN_PASSWORD", "set-by-the-benchmark")  # it overwrites it; undone here
    monkeypatch.setenv("AISLEHUB_HUB__STATE_URL", "")
    out = tmp_path / "rows.json"
    assert main(["bench", name, "--quick", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())
    assert all(list(row) == COLUMNS and row["bench"] == name for row in rows)
    assert {"aislehub", baseline} <= {row["model"] for row in rows}
    assert all(row["value"] > 0 for row in rows if row["metric"] == metric and row["model"] == "aislehub")
    assert metric in {row["metric"] for row in rows}


def test_an_unknown_benchmark_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that no file has ends with 1 and the nearest name."""
    assert main(["bench", "ledgr"]) == 1
    assert "ledger" in capsys.readouterr().err


def test_forecasts_are_scored_beside_the_rules(
    data_folder: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`bench forecast --quick`: every contender has accuracy from one origin, the product bands and distances, too."""
    monkeypatch.setenv("AISLEHUB_TEST_DATA", str(data_folder))
    out = tmp_path / "rows.json"
    assert main(["bench", "forecast", "--quick", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())
    simple = ("seasonal_naive", "mean28", "seasonal_mean")
    assert all(list(row) == COLUMNS for row in rows)
    assert {*simple, "croston", "tsb", "recursive", "boosted", "aislehub"} <= {row["model"] for row in rows}
    mine = {row["metric"]: row["value"] for row in rows if row["model"] == "aislehub"}
    rules = [row["value"] for row in rows if row["metric"] == "wape_weekly" and row["model"] in simple]
    assert {"rmsse", "bias", "pinball", "coverage_80", "coverage_90_lead_time_large"} <= mine.keys()
    assert mine["wape_weekly_vs_best_rule"] == pytest.approx(mine["wape_weekly"] / min(rules) - 1, abs=1e-3)
