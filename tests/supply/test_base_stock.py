"""Order-up-to levels and losses equal the textbook's and the brute-force sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aislehub.supply.base_stock import (
    covered,
    critical_ratio,
    demand_quantile,
    economic_quantity,
    expected_left,
    expected_short,
)

MEANS = np.array([0.02, 0.5, 3.0, 3.0, 40.0, 250.0])
VARIANCES = np.array([0.02, 0.9, 3.0, 12.0, 90.0, 9000.0])


def distribution(mean, variance):
    """Demand as scipy has it."""
    if variance > mean:
        return stats.nbinom(mean**2 / (variance - mean), mean / variance)
    return stats.poisson(mean)


def brute_force_short(mean, variance, position):
    """The sum that the closed form replaces."""
    units = np.arange(40_000)
    return float(np.sum(np.maximum(units - position, 0) * distribution(mean, variance).pmf(units)))


@pytest.mark.parametrize("level", [0.01, 0.5, 0.9, 0.999])
def test_quantile_is_smallest_level_that_reaches_the_service(level):
    """S is the smallest whole number with P(D ≤ S) ≥ level."""
    levels = demand_quantile(MEANS, VARIANCES, level)
    for mean, variance, units in zip(MEANS, VARIANCES, levels, strict=True):
        demand = distribution(mean, variance)
        assert demand.cdf(units) >= level
        assert units == 0 or demand.cdf(units - 1) < level


def test_covered_is_the_distribution_function():
    """P(D ≤ S) is scipy's, and 0 below zero."""
    for position in (-1, 0, 2, 5.7, 300):
        wanted = [distribution(m, v).cdf(position) for m, v in zip(MEANS, VARIANCES, strict=True)]
        np.testing.assert_allclose(covered(MEANS, VARIANCES, position), wanted, atol=1e-12)
    assert covered(0.0, 0.0, [-1.0, 0.0]).tolist() == [0.0, 1.0]


def test_quantile_of_no_demand_is_zero():
    """Nothing is stocked for what nobody buys, whatever the service level."""
    assert demand_quantile([0.0, 0.0], [0.0, 5.0], 0.99).tolist() == [0.0, 0.0]


@given(mean=st.floats(0.01, 300), excess=st.floats(0, 20), low=st.floats(0.05, 0.9), more=st.floats(0.0, 0.09))
def test_quantile_grows_with_service(mean, excess, low, more):
    """A higher service level never needs less stock."""
    variance = mean * (1 + excess)
    assert demand_quantile(mean, variance, low + more)[0] >= demand_quantile(mean, variance, low)[0]


@pytest.mark.parametrize("position", [0, 1, 2.5, 7, 60, 300.25])
def test_expected_short_equals_the_sum_over_all_demands(position):
    """The closed form of the loss function is the sum of (k − S)⁺ · P(D = k)."""
    found = expected_short(MEANS, VARIANCES, position)
    wanted = [brute_force_short(mean, variance, position) for mean, variance in zip(MEANS, VARIANCES, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-9)


def test_expected_short_of_a_back_order_is_all_demand_and_the_debt():
    """Below zero every unit of demand and every unit owed is short."""
    np.testing.assert_allclose(expected_short(3.0, 5.0, -4), 7.0)


def test_no_demand_is_never_short():
    """Without demand a position of zero or more is never short, and all of it is left."""
    assert expected_short(0.0, 0.0, [0.0, 5.0]).tolist() == [0.0, 0.0]
    assert expected_left(0.0, 0.0, [0.0, 5.0]).tolist() == [0.0, 5.0]


@given(mean=st.floats(0.01, 500), excess=st.floats(0, 30), position=st.floats(0, 800))
def test_sold_and_left_make_the_position(mean, excess, position):
    """Expected sales plus expected leftover is the position; neither is negative."""
    variance = mean * (1 + excess)
    short = expected_short(mean, variance, position)[0]
    left = expected_left(mean, variance, position)[0]
    sold = mean - short
    assert sold == pytest.approx(position - left, abs=1e-6 * (1 + mean + position))
    assert -1e-6 <= sold <= mean + 1e-6


def test_poisson_is_the_limit_of_the_negative_binomial():
    """A variance a hair above the mean gives what Poisson gives: no jump where the formula changes."""
    above = expected_short(20.0, 20.0 * 1.0002, 25)
    np.testing.assert_allclose(above, expected_short(20.0, 20.0, 25), rtol=5e-3)


def test_critical_ratio_weighs_lost_against_kept():
    """Losing 3 per unit short and 1 per unit over asks for a service of 3 / 4; no stakes, no service."""
    np.testing.assert_allclose(critical_ratio([3.0, 0.0, 2.0], [1.0, 0.0, 0.0]), [0.75, 0.0, 1.0])


@pytest.mark.parametrize(
    ("holding", "shortage", "mean", "level", "cost"),
    [(0.18, 0.70, 50, 56, 1.7972352118), (1, 4, 20, 24, 6.4380037020), (2, 60, 7.5, 13, 13.4585196691)],
)
def test_newsvendor_instances(holding, shortage, mean, level, cost):
    """Poisson newsvendor: level and cost that the package stockpyl 1.0 finds, the first from Snyder & Shen."""
    units = demand_quantile(mean, mean, critical_ratio(shortage, holding))
    found = holding * expected_left(mean, mean, units) + shortage * expected_short(mean, mean, units)
    assert units[0] == level
    np.testing.assert_allclose(found, cost, rtol=1e-9)


@given(rate=st.floats(0.01, 100), line=st.floats(0.01, 50), holding=st.floats(1e-4, 1))
def test_no_other_quantity_of_an_order_costs_less(rate, line, holding):
    """Per day, lines and holding cost least at the economic quantity; without either cost there is none."""
    best = economic_quantity(rate, line, holding)[0]
    cost = [line * rate / units + holding * units / 2 for units in (best, 0.9 * best, 1.1 * best)]
    assert cost[0] <= min(cost) * (1 + 1e-12)
    assert economic_quantity(rate, 0.0, holding)[0] == economic_quantity(rate, line, 0.0)[0] == 0
