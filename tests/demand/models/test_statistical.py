"""statsforecast's models on a panel: the season is the panel's, closed days do not count, short series have a mean."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from aislehub.core.errors import HubError
from aislehub.demand.models import make_model
from aislehub.demand.panel import Panel

NAMES = ("auto_ets", "croston", "croston_sba", "tsb")
WEEK = np.array([1.0, 2, 3, 4, 5, 6, 7])


def panel_of(*series: list[float], horizon: int = 7) -> Panel:
    """Daily series that end on the same day."""
    last = pd.Timestamp("2024-06-30")
    rows = [
        pd.DataFrame({"unique_id": number, "ds": pd.date_range(end=last, periods=len(y)), "y": y})
        for number, y in enumerate(series)
    ]
    return Panel.from_table(pd.concat(rows), horizon)


def forecast(name: str, panel: Panel) -> np.ndarray:
    """Means by a model of this name."""
    pytest.importorskip("statsforecast")
    model = make_model(name)
    model.fit(panel, horizon=panel.horizon, seed=0)
    return model.predict(panel)


def test_exponential_smoothing_knows_the_week() -> None:
    """A week that repeats with noise is forecast as that week, from the right day on."""
    noise = np.random.default_rng(0).normal(0, 0.1, 150)
    mean = forecast("auto_ets", panel_of(list(10 + WEEK[np.arange(150) % 7] + noise)))[0]
    np.testing.assert_allclose(mean, 10 + WEEK[np.arange(150, 157) % 7], atol=0.3)


def test_exponential_smoothing_knows_the_year_of_months() -> None:
    """Seven years of months with a peak every December: the peak comes in the right month again."""
    random = np.random.default_rng(0)
    y = 20 + 30 * (np.arange(84) % 12 == 11) + random.normal(0, 1, 84)
    table = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2017-01-01", periods=84, freq="MS"), "y": y})
    mean = forecast("auto_ets", Panel.from_table(table, 12))[0]
    assert mean[11] == pytest.approx(50, abs=5)
    np.testing.assert_allclose(mean[:11], 20, atol=5)


def test_intermittent_demand_has_its_rate() -> None:
    """A sale of 4 every 4th day is 1 a day for Croston's method and TSB; the corrected one gives 5 % less."""
    panel = panel_of([0.0, 0, 0, 4] * 60)
    rates = {name: forecast(name, panel)[0].mean() for name in ("croston", "croston_sba", "tsb")}
    assert rates["croston"] == pytest.approx(1, rel=0.02)
    assert rates["croston_sba"] == pytest.approx(0.95 * rates["croston"])
    assert rates["tsb"] == pytest.approx(1, rel=0.25)


def test_an_item_that_stopped_selling_fades_with_tsb_only() -> None:
    """After 60 days without a sale TSB forecasts next to nothing; Croston's method has not noticed."""
    panel = panel_of([1.0, 0] * 60 + [0.0] * 60)
    assert forecast("tsb", panel).max() < 0.01
    assert forecast("croston", panel).min() > 0.3


@pytest.mark.parametrize("name", NAMES)
def test_closed_and_unknown_days_do_not_lower_the_forecast(name: str) -> None:
    """A shop closed on Sundays, and days whose sales are unknown: open days are forecast at what they sell."""
    days = pd.date_range("2024-01-01", periods=147)
    closed = (days.dayofweek == 6).astype(float)
    table = pd.DataFrame({"unique_id": "a", "ds": days, "y": 5.0 * (1 - closed), "closed": closed})
    table.loc[[43, 44, 45, 93], "y"] = np.nan
    past, plan = table.iloc[:140], table.iloc[140:].drop(columns="y")
    mean = forecast(name, Panel.from_table(past, 7, known=plan))
    correction = 0.95 if name == "croston_sba" else 1.0
    np.testing.assert_allclose(mean, 5.0 * correction, rtol=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_short_and_constant_series_work(name: str) -> None:
    """Series of one day, of a few, all zero, constant and with returns: finite, and the mean where too short."""
    panel = panel_of([3.0], [2.0, 4.0], [0.0] * 60, [5.0] * 60, [1.0] + [0.0] * 59)
    mean = forecast(name, panel)
    assert np.isfinite(mean).all()
    np.testing.assert_allclose(mean[:2], 3.0)
    np.testing.assert_allclose(mean[2], 0.0)
    np.testing.assert_allclose(mean[3], 5.0, rtol=0.06)
    signed = panel_of([float(day % 7 - 3) for day in range(70)])
    assert np.abs(forecast(name, signed)).max() < 4


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where statsforecast is not installed the refusal names it and the command that installs it."""
    monkeypatch.setitem(sys.modules, "statsforecast.models", None)
    with pytest.raises(HubError, match=r"statsforecast.*hub setup peers") as caught:
        make_model("tsb").fit(panel_of([1.0]), horizon=7, seed=0)
    assert caught.value.code == "demand.needs_peers"
