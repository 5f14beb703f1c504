"""Sums forecast for themselves move the parts where, and only where, the rehearsal says that it pays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aislehub.demand.backtest import rehearse
from aislehub.demand.coherence import Coherence
from aislehub.demand.hierarchy import Hierarchy, labels_of
from aislehub.demand.models.seasonal import RecentMean, SeasonalMean
from aislehub.demand.panel import FloatArray, Panel

LEVELS = ("total", "store", "department")
HORIZON = 28


@pytest.fixture(scope="module")
def sparse() -> tuple[Panel, FloatArray]:
    """120 series that sell about once in three days, all with the same week and swelling and falling together."""
    random = np.random.default_rng(0)
    days = pd.date_range("2023-01-02", periods=364 + HORIZON)
    week = np.array([0.5, 0.6, 0.8, 1.0, 1.3, 1.8, 1.0])[np.arange(len(days)) % 7]
    swell = np.exp(0.5 * np.sin(np.arange(len(days)) / 20))
    names = [(f"s{store}", f"i{item}") for store in range(6) for item in range(20)]
    table = pd.DataFrame(
        {
            "unique_id": np.repeat([f"{store}/{item}" for store, item in names], len(days)),
            "store": np.repeat([store for store, _item in names], len(days)),
            "department": np.repeat([f"d{int(item[1:]) % 3}" for _store, item in names], len(days)),
            "ds": np.tile(days, len(names)),
            "y": random.poisson(0.3 * week * swell, (len(names), len(days))).ravel().astype(float),
        }
    )
    past = table[table["ds"] <= days[363]]
    later = table[table["ds"] > days[363]].pivot(index="unique_id", columns="ds", values="y")
    panel = Panel.from_table(past, HORIZON, freq="D")
    return panel, later.loc[panel.ids].to_numpy()


def learnt(panel: Panel, make: type) -> Coherence:
    """Coherence beside a rule that forecasts the parts."""
    rehearsal = rehearse(make, panel, horizon=HORIZON, seed=0)
    return Coherence.learn(panel, labels_of(panel), LEVELS, rehearsal, seed=0)


def weekly(values: FloatArray) -> FloatArray:
    """Totals of weeks."""
    return values.reshape(len(values), -1, 7).sum(axis=2)


def test_parts_learn_from_their_sums_what_they_cannot_see(sparse: tuple[Panel, FloatArray], tmp_path: Path) -> None:
    """A common movement that single series hide is seen in the sum and handed down: both get better, and add up."""
    panel, truth = sparse
    found = learnt(panel, RecentMean)
    assert found.method == "reconciled"
    assert found.gains["total"] < 0
    before = RecentMean().predict(panel)
    after = found.reconciled(panel, labels_of(panel), before)
    hierarchy = Hierarchy.of(panel, LEVELS)

    def error(mean: FloatArray) -> float:
        return float(np.abs(hierarchy.aggregate(mean) - hierarchy.aggregate(truth)).sum())

    assert error(after) < 0.8 * error(before)
    assert np.abs(weekly(after) - weekly(truth)).sum() < 1.02 * np.abs(weekly(before) - weekly(truth)).sum()
    assert (after >= 0).all()

    found.save(tmp_path)
    again = Coherence.load(tmp_path)
    np.testing.assert_allclose(again.reconciled(panel, labels_of(panel), before), after)
    sums, bands = again.totals(hierarchy, after, (0.1, 0.9))
    np.testing.assert_allclose(sums, hierarchy.aggregate(after))
    real = hierarchy.aggregate(truth)
    assert 0.55 < ((real >= bands[..., 0]) & (real <= bands[..., 1])).mean() < 0.95


def test_what_does_not_pay_is_not_done() -> None:
    """Independent series with a level and nothing else: their own mean is best, so parts stay and sums are added up."""
    random = np.random.default_rng(1)
    days = pd.date_range("2023-01-02", periods=200)
    table = pd.DataFrame({"unique_id": np.repeat(np.arange(40).astype(str), 200), "ds": np.tile(days, 40)})
    table["store"] = "s" + (table["unique_id"].astype(int) % 4).astype(str)
    table["y"] = random.poisson(4, len(table)).astype(float)
    panel = Panel.from_table(table, HORIZON, freq="D")
    rehearsal = rehearse(SeasonalMean, panel, horizon=HORIZON, seed=0)
    assert rehearsal is not None
    perfect = type(rehearsal)(np.full_like(rehearsal.mean, 4.0), rehearsal.actual)
    found = Coherence.learn(panel, labels_of(panel), ("total", "store"), perfect, seed=0)
    assert found.method == "bottom_up"
    mean = np.full((40, HORIZON), 4.0)
    assert found.reconciled(panel, labels_of(panel), mean) is mean


def test_unasked_or_unrehearsed_it_adds_up(sparse: tuple[Panel, FloatArray], tmp_path: Path) -> None:
    """Without a rehearsal, or when not asked to reconcile, sums are what the parts add up to; bands exist."""
    panel, _truth = sparse
    rehearsal = rehearse(RecentMean, panel, horizon=HORIZON, seed=0)
    mean = RecentMean().predict(panel)
    for found in (
        Coherence.learn(panel, labels_of(panel), LEVELS, None, seed=0),
        Coherence.learn(panel, labels_of(panel), LEVELS, rehearsal, seed=0, reconcile=False),
    ):
        assert (found.method, found.gains) == ("bottom_up", {})
        found.save(tmp_path)
        hierarchy = Hierarchy.of(panel, LEVELS)
        sums, bands = Coherence.load(tmp_path).totals(hierarchy, mean, (0.1, 0.9))
        np.testing.assert_allclose(sums, hierarchy.aggregate(mean))
        assert (bands[..., 0] <= bands[..., 1]).all()
