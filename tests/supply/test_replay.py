"""A replay keeps the calendar, the balance of units and the past."""

import numpy as np
import pytest

from aislehub.supply.replay import Supply, replay


def terms(lead=2, review=1, first=0, case=1.0, life=np.inf, n=1):
    """The same terms for n series."""
    whole = [np.full(n, value, np.int64) for value in (lead, review, first)]
    return Supply(*whole, case=np.full(n, float(case)), life=np.full(n, float(life)))


def base_stock(level):
    """A rule that orders up to a fixed level."""
    return lambda t, past, rows: np.full(len(rows), float(level))


def test_an_order_arrives_after_its_lead_time():
    """An order placed at the opening of day t is on the shelf at the opening of day t + lead."""
    demand = np.array([[3.0, 0, 0, 0, 0, 0]])
    outcome = replay(demand, terms(lead=2), base_stock(5))
    assert outcome.ordered[0].tolist() == [0, 3, 0, 0, 0, 0]
    assert outcome.stock[0].tolist() == [2, 2, 2, 5, 5, 5]


def test_orders_only_on_review_days():
    """Between two reviews nothing is ordered, however empty the shelf."""
    demand = np.ones((1, 21))
    outcome = replay(demand, terms(lead=1, review=7, first=3), base_stock(8))
    assert set(np.flatnonzero(outcome.ordered[0]) % 7) == {3}


def test_lost_sales_count_against_fill_rate():
    """Demand beyond the shelf is lost: 10 asked, 6 there, fill rate .6."""
    outcome = replay(np.array([[10.0]]), terms(), base_stock(6))
    assert outcome.fill_rate() == pytest.approx(0.6)
    assert outcome.mean_stock() == 0


def test_units_balance():
    """Starting stock plus received equals sold plus spoiled plus left, per series."""
    rng = np.random.default_rng(1)
    demand = rng.poisson(3, (40, 120)).astype(float)
    supply = Supply(
        lead=rng.integers(0, 5, 40),
        review=rng.integers(1, 8, 40),
        first=rng.integers(0, 7, 40),
        case=rng.choice([1.0, 6.0], 40),
        life=rng.choice([4.0, 9.0, np.inf], 40),
    )
    outcome = replay(demand, supply, base_stock(25))
    start = np.ceil(25 / supply.case) * supply.case
    received = outcome.ordered.sum(axis=1) - outcome.on_order
    sold = (outcome.demand - outcome.lost).sum(axis=1)
    np.testing.assert_allclose(start + received, sold + outcome.spoiled.sum(axis=1) + outcome.stock[:, -1])
    assert (outcome.ordered % supply.case[:, None] == 0).all()


def test_what_is_not_sold_in_time_spoils():
    """Units with three days of life are gone after the third closing."""
    outcome = replay(np.zeros((1, 5)), terms(lead=9, life=3), base_stock(4))
    assert outcome.spoiled[0].tolist() == [0, 0, 4, 0, 0]
    assert outcome.stock[0].tolist() == [4, 4, 0, 0, 0]


def test_oldest_units_sell_first():
    """With a fresh delivery beside old units, customers empty the old ones and nothing spoils."""
    demand = np.array([[2.0, 0, 2, 2, 2, 2]])
    outcome = replay(demand, terms(lead=0, life=3), base_stock(4))
    assert outcome.spoiled.sum() == 0


def test_a_rule_sees_only_the_past():
    """The rule of day t gets the days before t."""
    seen = []

    def rule(t, past, rows):
        seen.append((t, past.shape[1]))
        return np.zeros(len(rows))

    replay(np.ones((2, 9)), terms(n=2), rule, start=4)
    assert seen == [(t, t) for t in range(4, 9)]


def test_more_stock_fills_more():
    """A higher base stock gives no lower fill rate and no lower stock."""
    demand = np.random.default_rng(2).poisson(4, (30, 200)).astype(float)
    outcomes = [replay(demand, terms(n=30), base_stock(level)) for level in (8, 12, 16, 24)]
    fills = [outcome.fill_rate() for outcome in outcomes]
    assert fills == sorted(fills) and fills[0] < fills[-1]
    stocks = [outcome.mean_stock() for outcome in outcomes]
    assert stocks == sorted(stocks)
