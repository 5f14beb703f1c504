"""Interval demand knows only the past and is right on average."""

import numpy as np
import pytest

from aislehub.supply.interval_demand import PowerLaw, fit_power_law, interval_demand


@pytest.fixture
def demand():
    """200 items of different levels with one weekday profile, 364 days."""
    rng = np.random.default_rng(3)
    weekly = np.array([0.6, 0.7, 0.8, 0.9, 1.2, 1.8, 1.0])
    level = rng.gamma(1.0, 4.0, 200)[:, None]
    mean = level * np.tile(weekly, 52)[None, :]
    return rng.negative_binomial(mean, 0.5).astype(float)


def test_a_column_knows_only_the_past(demand):
    """Changing day t and later changes no column up to t."""
    cover = np.full(len(demand), 5)
    changed = demand.copy()
    changed[:, 300:] = 99
    before = interval_demand(demand, cover, fit_until=280)
    after = interval_demand(changed, cover, fit_until=280)
    np.testing.assert_array_equal(before.mean[:, 280:301], after.mean[:, 280:301])
    np.testing.assert_array_equal(before.variance[:, 280:301], after.variance[:, 280:301])
    assert not np.array_equal(before.mean[:, 302], after.mean[:, 302])


def test_weekday_profile_is_learned(demand):
    """Three days that hold the peak are forecast above three days that do not, as in truth."""
    mean = interval_demand(demand, np.full(len(demand), 3), fit_until=350).mean
    peak, trough = mean[:, 361].sum(), mean[:, 358].sum()  # days 4–6 and days 1–3 of the week
    assert peak / trough == pytest.approx((1.2 + 1.8 + 1.0) / (0.7 + 0.8 + 0.9), rel=0.08)


def test_variance_is_that_of_the_interval(demand):
    """Over all series the variance forecast equals the mean squared error of the interval forecast."""
    cover = np.full(len(demand), 7)
    forecast = interval_demand(demand, cover, fit_until=300)
    ends = range(300, 350)
    errors = np.column_stack([demand[:, t : t + 7].sum(axis=1) - forecast.mean[:, t] for t in ends])
    assert forecast.variance[:, 300:350].mean() == pytest.approx((errors**2).mean(), rel=0.15)


def test_power_law_is_found():
    """Errors drawn with variance 2 · mean ** 1.4 give that law back."""
    rng = np.random.default_rng(0)
    mean = np.exp(rng.uniform(-1, 5, (500, 60)))
    actual = mean + rng.normal(size=mean.shape) * np.sqrt(2 * mean**1.4)
    law = fit_power_law(mean, actual, np.ones(500, np.int64), 60)
    assert law.scale == pytest.approx(2, rel=0.1)
    assert law.exponent == pytest.approx(1.4, abs=0.05)


def test_short_history_falls_back_to_poisson():
    """Three days of three items are too little for a law: Poisson, and finite figures."""
    demand = np.array([[1.0, 0, 2], [0, 0, 0], [5, 4, 6]])
    cover = np.array([2, 2, 3])
    forecast = interval_demand(demand, cover)
    assert np.isfinite(forecast.mean).all() and np.isfinite(forecast.variance).all()
    assert forecast.mean[1, -1] == 0
    assert fit_power_law(forecast.mean, np.full((3, 4), np.nan), cover, 3) == PowerLaw(1.0, 1.0)
