"""The twin's benchmark runs, with its baselines, and shows what shared chance is worth."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_shared_chance_makes_differences_sharper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speed stands beside a plain loop; under shared chance two policies differ with less than half the variance."""
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    from benchmarks import twin

    rows = twin.run(quick=True)
    assert {row["bench"] for row in rows} == {"twin"}
    speeds = {row["model"] for row in rows if row["metric"] == "store_item_days_per_cpu_s" and row["value"] > 0}
    assert speeds == {"aislehub", "plain loop"}
    ratio = next(row["value"] for row in rows if row["metric"] == "variance_ratio")
    assert 0 < ratio < 0.5
