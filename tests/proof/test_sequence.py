"""Always-valid intervals: rarely wrong at any of many looks, and their power is what the plan says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.proof.effect import Effect
from aislehub.proof.sequence import always_interval, always_p, crossing_power, detectable_always, multiple_of_se

ERRORS = 1 / np.sqrt(np.arange(1, 29) / 28)
"""Standard errors of 28 looks, 1 at the last."""


def effect(difference: float, se: float, freedom: float = 1e9) -> Effect:
    """A difference with its standard error."""
    part = se / math.sqrt(2)
    return Effect(10.0, 10.0 + difference, part, part, freedom, freedom, 1.0)


def paths(drift: float, count: int = 20_000) -> np.ndarray:
    """Estimates at 28 looks, (count, 28), of a true difference `drift`."""
    steps = np.random.default_rng(6).normal(drift, np.sqrt(28), (count, 28))
    return steps.cumsum(axis=1) / np.arange(1, 29)


def test_28_looks_are_rarely_wrong() -> None:
    """Without an effect, fewer than 5 % ever leave out 0; the naive interval does so for more than a quarter."""
    found = np.abs(paths(0.0)) / ERRORS
    limits = [multiple_of_se(error**-2, 1.0, 0.05) for error in ERRORS]
    assert (found > limits).any(axis=1).mean() < 0.02
    assert (found > 1.96).any(axis=1).mean() > 0.25


def test_power_is_what_integration_says() -> None:
    """The probability of finding an effect at any look is that of simulated paths, and at no effect the level's."""
    limits = np.array([multiple_of_se(error**-2, 1.0, 0.05) for error in ERRORS])
    for drift in (0.0, 3.0, 4.0):
        simulated = (np.abs(paths(drift)) / ERRORS > limits).any(axis=1).mean()
        assert crossing_power(drift, ERRORS, 0.05) == pytest.approx(simulated, abs=0.012)


def test_the_smallest_effect_has_the_wanted_power() -> None:
    """`detectable_always` inverts `crossing_power`; it lies between a single look's and one always-valid look's."""
    found = detectable_always(ERRORS, 0.05, 0.8)
    assert crossing_power(found, ERRORS, 0.05) == pytest.approx(0.8, abs=1e-3)
    assert 2.80 < found < detectable_always(ERRORS[-1:], 0.05, 0.8)


@given(
    difference=st.floats(-5, 5), se=st.floats(0.05, 5), planned=st.floats(0.05, 5), alpha=st.floats(0.001, 0.2),
    freedom=st.floats(3, 1e4),
)  # fmt: skip
def test_interval_and_p_value_agree(difference: float, se: float, planned: float, alpha: float, freedom: float) -> None:
    """0 is left out exactly when the p-value is below the level."""
    one = effect(difference, se, freedom)
    low, high = always_interval(one, planned, alpha)
    p = always_p(one, planned, alpha)
    assert 0 <= p <= 1
    if abs(p - alpha) > 1e-6:
        assert (low > 0 or high < 0) == (p < alpha)


@given(share=st.floats(0.01, 3), alpha=st.floats(0.001, 0.2), freedom=st.floats(2, 1e5))
def test_always_valid_is_wider(share: float, alpha: float, freedom: float) -> None:
    """Wider than the single look's interval, wider with more confidence, wider with few degrees of freedom."""
    one = effect(1.0, share**-0.5, freedom)
    low, high = always_interval(one, 1.0, alpha)
    single = one.interval(alpha)
    assert low < single[0] and single[1] < high
    assert multiple_of_se(share, 1.0, alpha) > multiple_of_se(share, 1.0, 1.1 * alpha)
    assert multiple_of_se(share, 1.0, alpha, freedom) >= multiple_of_se(share, 1.0, alpha)


def test_it_is_narrowest_where_it_was_planned() -> None:
    """Half the width relative to a single look's at the same information is smallest near the planned end."""
    at = {share: multiple_of_se(share, 1.0, 0.05) for share in np.linspace(0.1, 3, 300)}
    assert 0.8 < min(at, key=at.__getitem__) < 1.7


def test_without_scatter_there_is_certainty() -> None:
    """Arms that do not vary give a point."""
    assert always_interval(effect(1.0, 0.0), 1.0, 0.05) == (1.0, 1.0)
    assert (always_p(effect(1.0, 0.0), 1.0, 0.05), always_p(effect(0.0, 0.0), 1.0, 0.05)) == (0.0, 1.0)
