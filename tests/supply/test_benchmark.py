"""The replenishment benchmark: contenders compared at equal fill, on any long table, without a look ahead."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aislehub.core.errors import HubError

FILE = Path(__file__).parents[2] / "benchmarks" / "replenish.py"
COLUMNS = ["bench", "data", "model", "metric", "value", "low", "high", "cpu_s", "peak_mb"]


@pytest.fixture(scope="module")
def bench():
    """The benchmark as a module; it belongs to the source tree, not to the package."""
    spec = importlib.util.spec_from_file_location("benchmarks.replenish", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def long_table(path, series=40, days=260):
    """Overdispersed daily demand with a weekday profile, untidy: shuffled, a return, an empty cell, text dates."""
    rng = np.random.default_rng(11)
    level = rng.gamma(1.2, 3.0, series)[:, None]
    mean = level * np.tile([0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 0.9], days // 7 + 1)[None, :days]
    table = pd.DataFrame(
        {
            "unique_id": np.repeat([f"item {i}" for i in range(series)], days),
            "ds": np.tile(pd.date_range("2023-03-01", periods=days).strftime("%Y-%m-%d"), series),
            "y": rng.negative_binomial(mean, 0.4).ravel().astype(float),
        }
    )
    table.loc[5, "y"], table.loc[6, "y"] = -2, np.nan
    table.sample(frac=1, random_state=1).to_csv(path, index=False)
    return path


def test_rows_compare_every_contender_at_equal_fill(bench, tmp_path):
    """One run gives each contender's stock at 95 and 97 % fill, tuned and equal, with intervals around the values."""
    rows = pd.DataFrame(bench.run(long_table(tmp_path / "own.csv"), quick=True))
    assert list(rows.columns) == COLUMNS
    assert set(rows["data"]) == {"own"} and set(rows["bench"]) == {"replenish"}
    stock = rows[rows["metric"] == "stock_at_fill_95"].set_index("model")
    assert {"aislehub", "weeks_of_cover", "classical", "cover_beyond_lead"} <= set(stock.index)
    assert ((stock["low"] <= stock["value"]) & (stock["value"] <= stock["high"])).all()
    assert stock.loc["aislehub", "value"] < 0.85 * stock.loc["weeks_of_cover", "value"]
    more = rows[rows["metric"] == "stock_at_fill_97"].set_index("model")["value"]
    assert (more > stock["value"]).all()
    tuned = rows[rows["metric"] == "tuned_fill_95"]["value"]
    assert tuned.between(0.9, 0.99).all()


def test_scored_weeks_tune_nothing(bench):
    """Demand of the scored weeks changes no contender's tuned knob."""
    rng = np.random.default_rng(0)
    demand = rng.poisson(3, (30, 240)).astype(float)
    other = demand.copy()
    other[:, -60:] = rng.poisson(9, (30, 60))
    curves = []
    for values in (demand, other):
        series = bench.Series("x", values, pd.Timestamp("2024-01-01"), daily=True)
        windows = bench._windows(series)
        supply = bench.simulated_terms(30, daily=True, seed=1)
        history = bench.interval_demand(values, supply.cover, fit_until=windows.replay)
        rule = bench.contenders(series, supply, history, history.mean)[-1]
        curves.append(bench._curve(values, supply, windows, rule, rule.grid[:8]))
    assert windows.score == 180
    everyone = np.ones((1, 30))
    before, after = (curve.fill(0, everyone)[0][:8] for curve in curves)
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("unique_id,ds\na,2024-01-01\n", "supply.bench_columns"),
        ("unique_id,ds,y\na,2024-01-01,3\na,2024-01-02,4\n", "supply.bench_short"),
        ("unique_id,ds,y\na,no date,3\n", "supply.bench_short"),
        ("", "file.empty"),
    ],
)
def test_bad_tables_are_refused(bench, tmp_path, content, code):
    """A table without the columns, or too short to fit, tune and score, is refused with a sentence."""
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(HubError) as refused:
        bench.run(path)
    assert refused.value.code == code and str(refused.value)


def test_weekly_data_are_replayed_in_weeks(bench, tmp_path):
    """A weekly table keeps its own period: lead times of 1 to 2 weeks, no weekday profile."""
    weeks = pd.date_range("2021-01-04", periods=120, freq="7D")
    table = pd.DataFrame({"unique_id": "a", "ds": weeks, "y": 5.0})
    table.to_parquet(tmp_path / "weekly.parquet")
    series = bench._long_table(tmp_path / "weekly.parquet")
    assert not series.daily and series.demand.shape == (1, 120)
