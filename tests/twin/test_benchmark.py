"""The twin's benchmark runs, with its baselines: what shared chance is worth, and the closed loop."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aislehub.twin.report import FIGURES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    """The small run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT), *sys.path])
        from benchmarks import twin

        return twin.run(quick=True)


def test_shared_chance_makes_differences_sharper(rows: list[dict]) -> None:
    """Speed stands beside a plain loop; under shared chance two policies differ with less than half the variance."""
    assert {row["bench"] for row in rows} == {"twin"}
    speeds = {row["model"] for row in rows if row["metric"] == "store_item_days_per_cpu_s" and row["value"] > 0}
    assert speeds == {"aislehub", "plain loop"}
    ratio = next(row["value"] for row in rows if row["metric"] == "variance_ratio")
    assert 0 < ratio < 0.5


def test_the_loop_is_measured_against_todays_rules(rows: list[dict]) -> None:
    """The hub that orders, and the one that prices and promotes too, each with paired differences and intervals."""
    found = {(row["model"], row["metric"]): row for row in rows}
    for model in ("aislehub", "aislehub, prices and promotions"):
        for figure in FIGURES:
            apart = found[model, f"{figure}_vs_today"]
            between = found[model, figure]["value"] - found["today", figure]["value"]
            assert apart["value"] == pytest.approx(between, abs=1e-3)
            assert apart["low"] <= apart["value"] <= apart["high"]
