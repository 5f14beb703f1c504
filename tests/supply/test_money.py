"""Expected money is the expected contribution beside the baseline."""

import numpy as np
import pytest
from scipy import stats

from aislehub.supply.base_stock import critical_ratio, demand_quantile
from aislehub.supply.money import (
    Economics,
    Interval,
    cases_worth_having,
    expected_contribution,
    expected_money,
    worth_having,
)

INTERVAL = Interval(*(np.array([value]) for value in (12.0, 40.0, 2.0, 6.0, 9.0)))
ECONOMICS = Economics(*(np.array([value]) for value in (1.5, 2.0, 0.05, 0.3)))


def money(order, baseline, position=4.0, interval=INTERVAL, economics=ECONOMICS):
    """Expected money of a single line."""
    columns = (np.array([float(value)]) for value in (order, baseline, position))
    return expected_money(*columns, interval, economics)


def test_same_order_as_baseline_brings_nothing():
    """An order that equals its baseline has no expected money, and no interval."""
    same = money(8, 8)
    assert (same.mean[0], same.low[0], same.high[0]) == (0, 0, 0)


def test_equals_the_sum_over_all_demands():
    """The closed form equals contribution, holding and waste summed over every possible demand."""

    def left(days, units):
        mean, variance = 12 * days / 6, 40 * days / 6
        demand = np.arange(2000)
        probability = stats.nbinom(mean**2 / (variance - mean), mean / variance).pmf(demand)
        return np.sum(probability * np.maximum(units - demand, 0))

    def contribution(order):
        units = 4 + order
        sold = units - left(6, units)
        held = 4 * (left(2, units) + left(6, units)) / 2
        return 1.5 * sold - 0.05 * held - 2.0 * left(11, units) - 0.3 * (order > 0)

    assert money(10, 3).mean[0] == pytest.approx(contribution(10) - contribution(3), rel=1e-9)


def test_interval_holds_the_mean():
    """5 % quantile ≤ expected money ≤ 95 % quantile, for orders above and below the baseline."""
    for order, baseline in ((20, 0), (0, 20), (3, 9), (60, 0)):
        found = money(order, baseline)
        assert found.low[0] <= found.mean[0] <= found.high[0]
        assert found.low[0] < found.high[0]


def test_simulation_agrees():
    """20,000 simulated weeks give the expected money and about 90 % of them fall into its interval."""
    rng = np.random.default_rng(5)
    interval = Interval(*(np.array([value]) for value in (30.0, 30.0, 0.0, 7.0, np.inf)))
    economics = Economics(*(np.array([value]) for value in (2.0, 0.0, 0.0, 0.0)))
    found = money(20, 5, position=10, interval=interval, economics=economics)
    demand = rng.poisson(30, 20_000)
    gained = 2.0 * (np.minimum(demand, 30) - np.minimum(demand, 15))
    assert found.mean[0] == pytest.approx(gained.mean(), rel=0.01)
    inside = (gained >= found.low[0]) & (gained <= found.high[0])
    assert inside.mean() >= 0.9


def test_the_critical_ratio_earns_most():
    """Without spoilage, holding charged at the interval's end, no order beats the critical-ratio quantile."""
    interval = Interval(*(np.array([value]) for value in (18.0, 60.0, 0.0, 7.0, np.inf)))
    margin, holding = 1.0, 0.02
    best = demand_quantile(18.0, 60.0, critical_ratio(margin, holding * 7 / 2))[0]
    economics = Economics(*(np.array([value]) for value in (margin, 0.0, holding, 0.0)))
    gains = {
        order: money(order, 0, position=0, interval=interval, economics=economics).mean[0]
        for order in range(int(best) - 12, int(best) + 12)
    }
    # Stock right after arrival is held too: a constant holding · review / 2 for every unit ordered.
    wanted = {order: gain + holding * 7 / 2 * order for order, gain in gains.items()}
    assert max(wanted, key=wanted.get) == best


@pytest.mark.parametrize("life", [1.0, 3.0, 9.0, np.inf])
@pytest.mark.parametrize("mean", [0.2, 3.0, 40.0])
def test_worth_having_is_the_best_of_all_positions(life, mean):
    """No position earns more than the one found, for goods that expire soon, late or never."""
    interval = Interval(*(np.array([value]) for value in (mean, 2 * mean, 2.0, 6.0, life)))
    economics = Economics(*(np.array([value]) for value in (1.5, 2.0, 0.02, 0.0)))
    found = worth_having(np.array([150.0]), interval, economics)[0]
    earned = [money(order, 0, position=0, interval=interval, economics=economics).mean[0] for order in range(151)]
    assert earned[int(found)] == pytest.approx(max(earned), abs=1e-9)
    assert worth_having(np.array([2.0]), interval, economics)[0] == min(found, 2)


@pytest.mark.parametrize("life", [1.0, 3.0, 9.0, np.inf])
@pytest.mark.parametrize("case", [1.0, 7.0, 24.0])
@pytest.mark.parametrize("position", [0.0, 3.5, 40.0])
def test_no_other_number_of_cases_earns_more(life, case, position):
    """Of all whole numbers of cases the one found earns most, be it beyond the best position or short of it."""
    columns = ((12.0,), (24.0,), (2.0,), (6.0,), (life,))
    interval = Interval(*(np.array(column) for column in columns))
    economics = Economics(*(np.array([value]) for value in (1.5, 2.0, 0.02, 0.0)))
    at, packed = np.array([position]), np.array([case])
    found = cases_worth_having(np.array([20.0]), at, packed, interval, economics)[0]
    earned = [expected_contribution(n * packed, at, interval, economics)[0] for n in range(21)]
    assert earned[int(found)] == pytest.approx(max(earned), abs=1e-9)
    assert cases_worth_having(np.array([1.0]), at, packed, interval, economics)[0] == min(found, 1)
