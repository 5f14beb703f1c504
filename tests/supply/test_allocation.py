"""Sharing out a short warehouse's stock: never more than there is, and never worth less than any other way."""

import json
from datetime import date
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.reasons import sentence
from aislehub.supply.allocation import share_out

LINES = st.lists(
    st.tuples(st.lists(st.floats(0, 100), min_size=0, max_size=4), st.sampled_from([1.0, 4.0, 6.0]), st.integers(0, 1)),
    min_size=1,
    max_size=6,
)


def arrays(lines, one_size=None):
    """Falling worth of each line's cases, cases, case and pool."""
    worth = np.array([w for line in lines for w in sorted(line[0], reverse=True)], dtype=float)
    cases = np.array([len(line[0]) for line in lines])
    case = np.array([one_size or line[1] for line in lines])
    return worth, cases, case, np.array([line[2] for line in lines])


def value(given_units, worth, cases, case):
    """Money of what each line was given."""
    starts = np.cumsum(cases) - cases
    return sum(
        worth[s : s + round(units / size)].sum() for s, units, size in zip(starts, given_units, case, strict=True)
    )


@given(lines=LINES, stock=st.tuples(st.floats(0, 60), st.floats(0, 60)))
def test_never_more_than_there_is_nor_than_was_asked(lines, stock):
    """Each line gets whole cases, at most what it asked for, and all of it where the pool's stock suffices."""
    worth, cases, case, pool = arrays(lines)
    units = share_out(worth, cases, case, pool, np.array(stock))
    assert (units >= 0).all() and (units <= cases * case).all()
    np.testing.assert_allclose(units / case, np.round(units / case))
    for p in (0, 1):
        mine = pool == p
        assert units[mine].sum() <= stock[p] + 1e-6
        if (cases * case)[mine].sum() <= stock[p]:
            np.testing.assert_array_equal(units[mine], (cases * case)[mine])


@given(lines=LINES.filter(lambda lines: len(lines) <= 5), stock=st.integers(0, 12))
def test_no_other_way_is_worth_more(lines, stock):
    """With cases of one size, no other way of giving out the same stock earns more: all of them are tried."""
    worth, cases, case, _ = arrays(lines, one_size=2.0)
    pool = np.zeros(len(cases), np.int64)
    units = share_out(worth, cases, case, pool, np.array([float(stock)]))
    best = max(
        value(np.array(way) * case, worth, cases, case)
        for way in product(*(range(count + 1) for count in cases))
        if sum(way) * 2.0 <= stock
    )
    assert value(units, worth, cases, case) == pytest.approx(best, abs=1e-6)


@given(lines=LINES, stock=st.floats(0, 60), more=st.floats(0, 30))
def test_more_stock_never_lowers_the_value(lines, stock, more):
    """What a fuller warehouse gives out, in cases of one size, is worth at least as much."""
    worth, cases, case, _ = arrays(lines, one_size=4.0)
    pool = np.zeros(len(cases), np.int64)
    less, full = (share_out(worth, cases, case, pool, np.array([s])) for s in (stock, stock + more))
    assert value(full, worth, cases, case) >= value(less, worth, cases, case) - 1e-9


def test_without_worth_shares_are_fair():
    """Where no case is worth more than another, each line gets the same share of what it asked for."""
    cases = np.array([8, 4, 2])
    units = share_out(np.zeros(14), cases, np.ones(3), np.zeros(3, np.int64), np.array([7.0]))
    assert units.tolist() == [4, 2, 1]


def test_a_case_too_large_for_the_rest_is_passed_over():
    """Where cases differ in size, what is left goes to the next one that fits."""
    units = share_out(
        np.array([60.0, 5.0]), np.array([1, 1]), np.array([12.0, 4.0]), np.zeros(2, np.int64), np.array([10.0])
    )
    assert units.tolist() == [0, 4]


# From the chain's tables to the orders


def short_chain(available, **changed):
    """Two stores that ask the warehouse `W` for milk: store 1 has nothing, store 2 has some."""
    day = date(2017, 12, 3)
    stock = [
        {"store": "1", "item": "milk", "day": day, "on_hand": 0.0, "on_order": 0.0},
        {"store": "2", "item": "milk", "day": day, "on_hand": 8.0, "on_order": 0.0},
        {"store": "W", "item": "milk", "day": day, "on_hand": available, "on_order": 0.0},
    ]
    terms = [{"store": store, "item": "milk", "supplier": "W", "lead_days": 2.0} for store in ("1", "2")]
    stores = [{"store": "1"}, {"store": "2"}, {"store": "W", "kind": "warehouse"}]
    return {"stock": stock, "lead_times": terms, "stores": stores} | changed


def test_a_short_warehouse_cuts_its_stores_orders(supply_day, forecast):
    """The stores together order what the warehouse has, bound by it, and the emptier store gets more."""
    made = supply_day(demand=forecast(stores=("1", "2")), **short_chain(10.0))
    orders = made["orders"].set_index("store")
    assert orders["quantity"].sum() == 10 and set(orders["bound"]) == {"warehouse"}
    assert orders.loc["1", "quantity"] > orders.loc["2", "quantity"]
    told = {lang: sentence(_reason(orders.loc["1"]), lang) for lang in ("en", "zh")}
    assert "Warehouse W has 10" in told["en"] and "仓库 W 现有 10" in told["zh"]


def test_a_full_warehouse_cuts_nothing(supply_day, forecast):
    """Where the warehouse has enough, orders are what they are without one."""
    demand = forecast(stores=("1", "2"))
    full = supply_day(demand=demand, **short_chain(500.0))
    without = supply_day(demand=demand, **short_chain(500.0, stores=[{"store": "1"}, {"store": "2"}, {"store": "W"}]))
    assert full["allotments"].empty and without["warehouse_state"].empty
    assert full["orders"].equals(without["orders"])


def test_the_next_order_day_is_kept_in_mind(supply_day, forecast):
    """A store that orders on another day keeps its share of a short warehouse's stock."""
    chain = short_chain(10.0)
    alone = short_chain(10.0)
    chain["lead_times"] = [chain["lead_times"][0], chain["lead_times"][1] | {"order_weekdays": "2"}]
    alone["lead_times"] = alone["lead_times"][:1]
    demand = forecast(stores=("1", "2"))
    shared, greedy = (supply_day(demand=demand, **facts)["orders"] for facts in (chain, alone))
    first, all_of_it = (orders.set_index("store").loc["1", "quantity"] for orders in (shared, greedy))
    assert first < all_of_it == 10


def test_the_minimum_order_is_waived(supply_day, forecast):
    """A warehouse that has less than a store's minimum order gives what it has."""
    chain = short_chain(5.0)
    chain["lead_times"] = [chain["lead_times"][0] | {"moq": 12.0}]
    orders = supply_day(demand=forecast(stores=("1", "2")), **chain)["orders"].set_index("store")
    assert (orders.loc["1", "quantity"], orders.loc["1", "bound"]) == (5, "warehouse")


def _reason(order):
    (found,) = (r for r in json.loads(order["reasons"]) if r["code"] == "supply.because_warehouse")
    return found
