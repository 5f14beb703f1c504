"""Intervals over units × weeks: they hold what is shared by a unit or a week, and say so where they cannot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.proof.two_way import FloatArray, two_way


def cells(seed: int, *, units: int = 30, weeks: int = 8, unit_sd: float = 0.0, week_sd: float = 0.0) -> FloatArray:
    """Cells around 0 that share a part by unit and a part by week."""
    random = np.random.default_rng(seed)
    by_unit, by_week = random.normal(0, 1, (units, 1)), random.normal(0, 1, (1, weeks))
    return unit_sd * by_unit + week_sd * by_week + random.normal(0, 1, (units, weeks))


@pytest.mark.parametrize(("unit_sd", "week_sd"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
def test_a_90_percent_interval_holds_the_truth_in_about_90_of_100(unit_sd: float, week_sd: float) -> None:
    """The mean is 0, whatever units or weeks have in common."""
    found = [two_way(cells(seed, unit_sd=unit_sd, week_sd=week_sd)) for seed in range(400)]
    share = np.mean([one.low <= 0 <= one.high for one in found])
    assert 0.86 <= share <= 0.97


def test_what_a_week_shares_widens_the_interval() -> None:
    """The same cells' scatter, once each by itself, once the same for all units of a week."""
    alone, together = two_way(cells(1)), two_way(cells(1, week_sd=1.0))
    assert together.high - together.low > 2 * (alone.high - alone.low)


@given(st.floats(0.1, 10.0), st.integers(0, 50))
def test_a_quotient_knows_no_units(scale: float, seed: int) -> None:
    """Parts and whole in another unit: the same quotient, the same interval."""
    part, whole = cells(seed), 1 + np.abs(cells(seed + 100))
    once, again = two_way(part, whole), two_way(scale * part, scale * whole)
    assert (again.value, again.low, again.high) == pytest.approx((once.value, once.low, once.high))


@given(st.integers(0, 50), st.floats(-5.0, 5.0))
def test_a_constant_quotient_is_certain(seed: int, share: float) -> None:
    """Where every cell has the same quotient, the interval is a point."""
    whole = 1 + np.abs(cells(seed))
    found = two_way(share * whole, whole)
    assert (found.low, found.value, found.high) == pytest.approx((share, share, share), abs=1e-9)


@pytest.mark.parametrize("shape", [(1, 8), (30, 1)])
def test_one_unit_or_one_week_proves_nothing(shape: tuple[int, int]) -> None:
    """Of one of them there is no scatter to be seen: the interval has no end."""
    found = two_way(np.ones(shape))
    assert (found.low, found.high) == (-np.inf, np.inf)
