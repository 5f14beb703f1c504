"""The benchmark of monitoring: shifts are planted where they are said to be, and seen only by forecasts made before."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from aislehub.core.errors import HubError
from aislehub.demand.deviation import Outcomes

FILE = Path(__file__).parents[2] / "benchmarks" / "monitor.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The benchmark's module."""
    spec = importlib.util.spec_from_file_location("benchmarks.monitor", FILE)
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chain() -> Outcomes:
    """A chain of two stores that each sell 100 a week as forecast, over 6 weeks."""
    units = np.repeat(np.array([200.0, 100.0, 100.0])[:, None], 6, axis=1)
    cube = np.repeat(units[:, :, None], 4, axis=2)
    return Outcomes(cube, cube.copy(), np.array([[-1], [0], [0]]), np.array([0, 1, 1]))


def test_a_planted_shift_moves_what_contains_it(bench: ModuleType) -> None:
    """A store that loses a fifth from week 4 on takes as many units off the chain, and nothing off before."""
    moved = bench._moved(chain(), np.array([0.0, -0.2, 0.0]), 4)
    assert moved.sold[:, 3, 0].tolist() == [200.0, 100.0, 100.0]
    assert moved.sold[:, 4, 0].tolist() == [180.0, 80.0, 100.0]


def test_a_shift_is_seen_by_forecasts_made_before_it_only(bench: ModuleType) -> None:
    """In the second week after an onset the forecast made a week before is hidden from the method."""
    seen: list[Outcomes] = []

    def call(now: Outcomes) -> np.ndarray:
        seen.append(now)
        return np.zeros(now.sold.shape[:2], dtype=int)

    bench._as_seen(chain(), 3, 1, call)
    assert seen[0].sold.shape[1] == 5
    assert np.isnan(seen[0].expected[:, 4, 0]).all()
    assert np.isfinite(seen[0].expected[:, 4, 1:]).all()
    assert np.isfinite(seen[0].expected[:, 3]).all()


def test_own_data_are_added_up_and_measured(bench: ModuleType, tmp_path: Path) -> None:
    """A long table of three stores and two kinds of goods gives every method's false alarms and detections."""
    random = np.random.default_rng(0)
    days = pd.date_range("2022-01-03", periods=7 * 80)
    table = pd.concat(
        pd.DataFrame({"unique_id": f"{store}/{goods}", "ds": days, "y": random.poisson(60, len(days))})
        for store in "ABC" for goods in ("dry", "fresh")
    )  # fmt: skip
    table.to_parquet(tmp_path / "own.parquet")
    rows = {(row["model"], row["metric"]): row["value"] for row in bench.run(tmp_path / "own.parquet")}
    for model in ("five_percent", "trigg", "cusum", "aislehub"):
        assert 0 <= rows[model, "found_within_1"] <= rows[model, "found_within_3"] <= 1
    assert rows["aislehub", "false_alerts_per_1000"] < rows["five_percent", "false_alerts_per_1000"]


def test_a_short_history_is_refused(bench: ModuleType, tmp_path: Path) -> None:
    """Too few weeks to learn, to set limits and to judge: refused with both numbers."""
    days = pd.date_range("2024-01-01", periods=70)
    pd.DataFrame({"unique_id": "A/dry", "ds": days, "y": 5.0}).to_parquet(tmp_path / "short.parquet")
    with pytest.raises(HubError) as refused:
        bench.run(tmp_path / "short.parquet")
    assert refused.value.code == "demand.bench_short"
