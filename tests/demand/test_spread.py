"""Bands: calibrated for counts, amounts and demand of both signs; totals are distributions of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
    day, week = (spread.variance(spread.ids, np.full((SERIES, 1), 4.0 * span), span=span).mean() for span in (1, 7))
    assert week > 2 * 7 * day


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


def shocked(shock: float, seed: int, origins: int = 3) -> tuple[Spread, FloatArray]:
    """A spread learnt where all series move together at each origin, and outcomes of 30 new origins; means of 40."""
    random = np.random.default_rng(seed)
    shape = (origins + 30, 100, STEPS)
    level = 40 * (1 + shock * random.standard_normal((shape[0], 1, 1)))
    actual = random.negative_binomial(40, 40 / (40 + np.broadcast_to(np.maximum(level, 1), shape))).astype(float)
    days = pd.date_range("2024-01-01", periods=2 * STEPS)
    panel = Panel(pd.RangeIndex(100), days, actual[0])
    return Spread.learn(panel, Rehearsal(np.full((origins, *shape[1:]), 40.0), actual[:origins]), seed=0), actual[-30:]


def held(spread: Spread, actual: FloatArray, span: int) -> float:
    """Share of totals within their 90 % band."""
    total = actual.reshape(*actual.shape[:2], -1, span).sum(axis=3)
    mean = np.full(total.shape[1:], 40.0 * span)
    first = 1 + span * np.arange(mean.shape[1])
    band = spread.quantiles(spread.ids, mean, (0.05, 0.95), span=span, first=first)
    return float(((total >= band[..., 0]) & (total <= band[..., 1])).mean())


def test_what_all_series_share_was_drawn_once_per_origin() -> None:
    """With common shocks of 10 % bands hold 86 to 94 % of new origins; without their variance less than 75 %."""
    drawn = [shocked(0.1, seed) for seed in range(30)]
    alone = [replace(spread, totals=tuple(replace(one, shock=0.0) for one in spread.totals)) for spread, _ in drawn]
    for span in (7, 28):
        assert 0.86 < np.mean([held(spread, actual, span) for spread, actual in drawn]) < 0.94
        assert np.mean([held(one, actual, span) for one, (_, actual) in zip(alone, drawn, strict=True)]) < 0.75


def test_where_nothing_is_shared_bands_stay_as_narrow() -> None:
    """Without common shocks, what is allowed for them widens the band of a week by less than 6 %."""
    spread, actual = shocked(0.0, 0)
    alone = replace(spread, totals=tuple(replace(one, shock=0.0) for one in spread.totals))
    with_, without = (
        np.diff(each.quantiles(each.ids, np.full((100, 1), 280.0), (0.05, 0.95), span=7), axis=2).mean()
        for each in (spread, alone)
    )
    assert without < with_ < 1.06 * without
    assert 0.88 < held(spread, actual, 7) < 0.93


def test_errors_grow_with_the_distance() -> None:
    """Where the fourth week is known worse than the first, its band is wider, and both hold what they promise."""
    random = np.random.default_rng(0)
    drift = 0.05 * random.standard_normal((6, 1500, 4)).cumsum(axis=2)
    level = np.repeat(60 * np.exp(drift), 7, axis=2)
    actual = random.poisson(level).astype(float)
    panel = Panel(pd.RangeIndex(1500), pd.date_range("2024-01-01", periods=2 * STEPS), actual[0])
    spread = Spread.learn(panel, Rehearsal(np.full((3, 1500, STEPS), 60.0), actual[:3]), seed=0)
    near, far = (
        spread.quantiles(spread.ids, np.full((1500, 1), 420.0), (0.05, 0.95), span=7, first=first) for first in (1, 22)
    )
    assert np.diff(far, axis=2).mean() > 1.25 * np.diff(near, axis=2).mean()
    for band, days in ((near, slice(0, 7)), (far, slice(21, 28))):
        total = actual[3:, :, days].sum(axis=2)
        assert 0.86 < ((total >= band[:, 0, 0]) & (total <= band[:, 0, 1])).mean() < 0.94


def test_quantiles_never_cross() -> None:
    """Higher probabilities have no lower quantiles, over all families, sizes, spans and distances."""
    levels = tuple(np.linspace(0.01, 0.99, 9))
    mean = np.geomspace(0.01, 5000, SERIES)[:, None] * np.ones(4)
    for kind in ("counts", "amounts", "signed"):
        spread = learn(kind)
        for span in (1, 3, 7, 28):
            for first in (None, 1, 1 + span * np.arange(4)):
                found = spread.quantiles(spread.ids, mean, levels, span=span, first=first)
                assert (np.diff(found, axis=2) >= 0).all()


def test_a_spread_read_back_is_the_same(tmp_path: Path) -> None:
    """What is kept in a folder gives the same quantiles."""
    spread, _ = shocked(0.08, 0)
    spread.save(tmp_path)
    mean = np.full((100, 4), 280.0)
    kept, again = (
        each.quantiles(spread.ids, mean, (0.05, 0.5, 0.95), span=7, first=1) for each in (spread, Spread.load(tmp_path))
    )
    assert (kept == again).all()
