"""Bands: calibrated for counts, amounts and demand of both signs; totals are distributions of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aislehub.demand.backtest import Rehearsal
from aislehub.demand.panel import FloatArray, Panel
from aislehub.demand.spread import Spread

SERIES, STEPS = 300, 28


def draw(kind: str, seed: int) -> FloatArray:
    """Outcomes around a mean of 4 (origins × series × steps) that the family alone would get wrong."""
    random = np.random.default_rng(seed)
    shape = (3, SERIES, STEPS)
    if kind == "counts":
        return random.negative_binomial(2, 1 / 3, shape).astype(float)
    if kind == "amounts":
        return random.lognormal(np.log(4) - 0.5, 1.0, shape)
    return 4 + 3 * random.standard_t(4, shape)


def learn(kind: str) -> Spread:
    """A spread learnt on one draw."""
    actual = draw(kind, 0)
    days = pd.date_range("2024-01-01", periods=3 * STEPS)
    table = pd.DataFrame({"unique_id": np.repeat(np.arange(SERIES), len(days)), "ds": np.tile(days, SERIES)})
    table["y"] = actual.transpose(1, 0, 2).ravel()
    return Spread.learn(Panel.from_table(table, 1), Rehearsal(np.full_like(actual, 4.0), actual), seed=0)


@pytest.mark.parametrize("kind", ["counts", "amounts", "signed"])
def test_quantiles_hold_on_new_outcomes(kind: str) -> None:
    """P(Y < q) ≤ level ≤ P(Y ≤ q), within a percent or two, whatever the shape of the errors."""
    spread = learn(kind)
    assert spread.family == kind
    outcome = draw(kind, 1)[0]
    levels = (0.05, 0.1, 0.5, 0.9, 0.95)
    found = spread.quantiles(pd.Index(np.arange(SERIES)), np.full((SERIES, STEPS), 4.0), levels)
    for at, level in enumerate(levels):
        assert (outcome < found[..., at]).mean() <= level + 0.025
        assert (outcome <= found[..., at]).mean() >= level - 0.025


@pytest.mark.parametrize("kind", ["counts", "amounts", "signed"])
def test_totals_of_independent_days_hold_too(kind: str) -> None:
    """Weekly totals of independent errors: about 90 % between the 5 and the 95 % quantile."""
    spread = learn(kind)
    total = draw(kind, 1)[0].reshape(SERIES, 4, 7).sum(axis=2)
    found = spread.quantiles(pd.Index(np.arange(SERIES)), np.full((SERIES, 4), 28.0), (0.05, 0.95), span=7)
    assert 0.86 < ((total >= found[..., 0]) & (total <= found[..., 1])).mean() < 0.94


def test_errors_that_persist_widen_totals() -> None:
    """Where a series' error lasts all week, the week's dispersion grows far above a day's."""
    random = np.random.default_rng(0)
    level = random.gamma(4, 1, (3, SERIES, 1))
    actual = random.poisson(np.repeat(level, STEPS, axis=2)).astype(float)
    days = pd.date_range("2024-01-01", periods=3 * STEPS)
    table = pd.DataFrame({"unique_id": np.repeat(np.arange(SERIES), len(days)), "ds": np.tile(days, SERIES)})
    table["y"] = actual.transpose(1, 0, 2).ravel()
    spread = Spread.learn(Panel.from_table(table, 1), Rehearsal(np.full_like(actual, 4.0), actual), seed=0)
    assert spread.dispersion_of(spread.ids, 7).mean() > 2 * spread.dispersion_of(spread.ids, 1).mean()


def test_a_series_that_was_not_rehearsed_gets_the_typical_band() -> None:
    """A new item's quantiles come from all series together."""
    spread = learn("counts")
    found = spread.quantiles(pd.Index(["new"]), np.array([[4.0]]), (0.1, 0.9))
    assert found[0, 0, 0] < 4 < found[0, 0, 1]


def test_nothing_expected_is_nothing_sold() -> None:
    """A mean of 0 (closed) has all quantiles at 0."""
    assert (learn("counts").quantiles(pd.Index([0]), np.zeros((1, 3)), (0.5, 0.99)) == 0).all()


def test_a_band_of_counts_holds_no_more_than_it_promises() -> None:
    """Around 12, a 90 % band holds 90 %, not the 92 of "at least" at both ends; of rare counts at least 90 %."""
    random = np.random.default_rng(0)
    for mean, low, high in ((12.0, 0.885, 0.915), (0.4, 0.9, 1.0)):
        variance = 4 * mean
        size = mean / 3.0
        actual = random.negative_binomial(size, mean / variance, (3, 2000, STEPS)).astype(float)
        days = pd.date_range("2024-01-01", periods=3 * STEPS)
        panel = Panel(pd.RangeIndex(2000), days, actual.transpose(1, 0, 2).reshape(2000, -1)[:, :-1])
        spread = Spread.learn(panel, Rehearsal(np.full_like(actual, mean), actual), seed=0)
        new = random.negative_binomial(size, mean / variance, (2000, 50))
        found = spread.quantiles(panel.ids, np.full(new.shape, mean), (0.05, 0.5, 0.95))
        assert low <= ((new >= found[..., 0]) & (new <= found[..., 2])).mean() <= high
        assert (np.diff(found, axis=2) >= 0).all()
