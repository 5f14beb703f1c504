"""Scatter: the standard error that is counted on is rarely exceeded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.proof.scatter import assured_error

ERRORS = st.lists(st.floats(0.01, 1.0), min_size=1, max_size=8)


@given(errors=ERRORS, units=st.integers(4, 10_000), factor=st.floats(0.1, 10))
def test_it_is_an_error_in_the_metric_s_own_unit(errors: list[float], units: int, factor: float) -> None:
    """It grows with assurance, is the geometric mean in half of the periods, and scales with the currency."""
    half, most = (assured_error(errors, units, assurance) for assurance in (0.5, 0.9))
    assert most > half == pytest.approx(np.exp(np.mean(np.log(errors))))
    scaled = assured_error([factor * error for error in errors], units, 0.9)
    assert scaled == pytest.approx(factor * most)


def test_one_period_is_no_certainty() -> None:
    """A single one allows for what a sample of so many units scatters by; few units allow for more."""
    assert assured_error([1.0], 60, 0.9) > 1.1 > assured_error([1.0], 2000, 0.9) > 1.0


@pytest.mark.parametrize("units", [20, 60])
def test_nine_of_ten_periods_stay_below(units: int) -> None:
    """Over many chains whose periods differ as samples of so many units do, by as many past periods as a year has."""
    random = np.random.default_rng(units)
    kept = []
    for _ in range(3000):
        errors = np.sqrt(random.chisquare(units - 1, 8) / (units - 1))
        kept.append(errors[-1] <= assured_error(list(errors[:-1]), units, 0.9))
    assert 0.88 <= np.mean(kept) <= 0.95
