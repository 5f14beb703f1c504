"""Rehearsals: nothing from the future, and accuracy by its definition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aislehub.demand.backtest import accuracy, pinball, rehearse, weekly_error
from aislehub.demand.models.seasonal import SeasonalNaive
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
