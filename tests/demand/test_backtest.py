"""Rehearsals: nothing from the future, and accuracy by its definition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aislehub.demand.backtest import accuracy, pinball, rehearse, rehearse_all, weekly_error
from aislehub.demand.forecast import Forecaster
from aislehub.demand.models.seasonal import RecentMean, SeasonalNaive
from aislehub.demand.panel import FloatArray, Panel


def panel(periods: int = 100, horizon: int = 7) -> Panel:
    """Two series whose demand is the number of the day."""
    days = pd.date_range("2024-01-01", periods=periods)
    rows = pd.DataFrame({"unique_id": np.repeat(["a", "b"], periods), "ds": np.tile(days, 2)})
    return Panel.from_table(rows.assign(y=np.tile(np.arange(periods, dtype=float), 2)), horizon)


class Spy(SeasonalNaive):
    """Remembers the newest demand that it saw."""

    fitted_up_to = 0.0
    forecast_from: list[float] = []  # noqa: RUF012

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None:
        Spy.fitted_up_to = float(np.nanmax(panel.y))

    def predict(self, panel: Panel) -> FloatArray:
        Spy.forecast_from.append(float(np.nanmax(panel.y)))
        return super().predict(panel)


def test_a_rehearsed_model_sees_nothing_of_what_it_forecasts() -> None:
    """It learns before the first origin and forecasts from each origin's own past."""
    rehearsal = rehearse(Spy, panel(), horizon=7, seed=0)
    assert rehearsal is not None
    assert Spy.fitted_up_to == 100 - 21 - 1
    assert Spy.forecast_from == [78.0, 85.0, 92.0]
    assert (rehearsal.actual[:, 0, 0] == [79, 86, 93]).all()
    assert (rehearsal.actual - rehearsal.mean == 7).all()


def test_too_little_past_is_not_rehearsed() -> None:
    """Two periods cannot be split into a past and a future of their own."""
    assert rehearse(SeasonalNaive, panel(periods=2), horizon=7, seed=0) is None


def test_models_rehearsed_together_are_rehearsed_as_alone() -> None:
    """Several models at once, on series that were not always eligible: each one's rehearsal is its own."""
    eligible = np.ones((2, 101), dtype=bool)
    eligible[1, :90] = False
    of = replace(panel(), eligible=eligible)
    together = rehearse_all([SeasonalNaive, RecentMean], of, horizon=7, seed=0)
    for make, found in zip((SeasonalNaive, RecentMean), together, strict=True):
        alone = rehearse(make, of, horizon=7, seed=0)
        assert alone is not None
        np.testing.assert_array_equal(found.mean, alone.mean)
        np.testing.assert_array_equal(found.actual, alone.actual)
    assert (together[0].mean != together[1].mean).any()
    assert rehearse_all([SeasonalNaive], panel(periods=2), horizon=7, seed=0) == []


def test_accuracy_by_hand() -> None:
    """RMSSE scales by the in-sample naive error; WAPE is of weekly totals; bias is signed."""
    history = np.array([[1.0, 3.0, 1.0, 3.0]])
    actual = np.full((1, 14), 2.0)
    mean = np.array([[3.0] * 7 + [1.0] * 7])
    found = accuracy(history, actual, mean)
    assert found == pytest.approx({"rmsse": 0.5, "wape": 0.5, "bias": 0.0})


def test_pinball_is_asymmetric() -> None:
    """Falling short of a 90 % quantile costs nine times what exceeding it does."""
    assert pinball(np.array([2.0]), np.array([1.0]), 0.9) == pytest.approx(0.9)
    assert pinball(np.array([1.0]), np.array([2.0]), 0.9) == pytest.approx(0.1)


def test_what_is_unknown_is_in_no_total() -> None:
    """A day without a known outcome counts neither as sold nor as forecast."""
    actual = np.array([[2.0, np.nan, 2.0, 2.0]])
    assert weekly_error(actual, np.array([[2.0, 50.0, 3.0, 2.0]]), 2) == pytest.approx((1 / 6, 1 / 6))


def test_what_was_not_eligible_is_not_scored() -> None:
    """A series that one would not have forecast at an origin has no outcome there, and is not asked for."""
    of = panel()
    eligible = np.ones((2, 101), dtype=bool)
    eligible[1, :90] = False
    rehearsal = rehearse(SeasonalNaive, replace(of, eligible=eligible), horizon=7, seed=0)
    assert rehearsal is not None
    assert np.isnan(rehearsal.actual[:, 1, 0]).tolist() == [True, True, False]
    assert not np.isnan(rehearsal.actual[:, 0]).any()


def test_goods_that_stopped_selling_keep_forecasts_honest() -> None:
    """Chosen by what sells now, goods come from a past that only rose: forecasts are too high, rehearsals too low.

    With the goods that were chosen lately beside them, the forecast is right and the rehearsal far nearer.
    """
    random = np.random.default_rng(0)
    past, ahead, count = 364, 28, 2000
    month = random.gamma(0.5, 2.0, (count, 14)) * random.gamma(1.0, 0.06, (count, 1))  # wanted in some, not in others
    sold = random.poisson(np.repeat(month, 28, axis=1))
    days = np.hstack([np.zeros((count, 57)), (sold[:, :past] > 0).cumsum(axis=1)])
    eligible = days[:, 56:] - days[:, : past + 1] >= 4
    y = sold[:, :past].astype(np.float32)
    lately = eligible[:, [past, past - 28, past - 56, past - 84]].any(axis=1)
    chosen = Panel(pd.RangeIndex(lately.sum()), pd.date_range("2024-01-01", periods=past + ahead), y[lately])
    now = np.flatnonzero(eligible[lately][:, -1])
    truth = sold[lately][now, past:].sum()

    survivors = replace(chosen.only(now), among=None)
    honest = replace(chosen, eligible=eligible[lately])
    bias = {}
    for name, of in (("survivors", survivors), ("honest", honest)):
        forecaster = Forecaster.learn(of, model="light", seed=0)
        mean = forecaster.means(of.only(now) if of is honest else of)
        known = ~np.isnan(forecaster.rehearsal.actual)
        rehearsed = forecaster.rehearsal.mean[known].sum() / forecaster.rehearsal.actual[known].sum() - 1
        bias[name] = (mean.sum() / truth - 1, rehearsed)
    assert bias["survivors"][0] > 0.2
    assert bias["survivors"][1] < -0.2
    assert abs(bias["honest"][0]) < 0.1
    assert abs(bias["honest"][1]) < 0.5 * abs(bias["survivors"][1])
