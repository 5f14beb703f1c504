"""How old the stock is, from counts and deliveries, and what of it will expire."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.schema import STOCK_AGES
from aislehub.supply.ages import outdated, stock_ages
from aislehub.supply.state import SUPPLY_STATE
from tests.supply.conftest import DAY, RECEIPTS, make_sales, make_state, table

TERMS = {"store": "1", "item": "milk", "lead_days": 1.0, "shelf_life_days": 6.0}


def delivery(quantity, ago, best_before=None):
    """A row of `receipts` of milk in store 1."""
    day = DAY - timedelta(days=ago)
    return {
        "store": "1", "delivery": str(ago), "line": "1", "item": "milk", "quantity": float(quantity),
        "received_at": datetime(day.year, day.month, day.day, 6, tzinfo=UTC), "best_before": best_before,
    }  # fmt: skip


def ages(on_hand, *deliveries):
    """(days left, units) of milk in store 1."""
    stock = [{"store": "1", "item": "milk", "day": DAY, "on_hand": float(on_hand)}]
    state = make_state(stock=stock, lead_times=[TERMS], sales_lines=make_sales(items=("milk",), stores=("1",)))
    state = pa.Table.from_pandas(state.reset_index().assign(day=DAY), preserve_index=False)
    frame = stock_ages(table(SUPPLY_STATE, state.to_pylist()), table(RECEIPTS, list(deliveries)), day=DAY)
    STOCK_AGES.require(pa.Table.from_pandas(frame.assign(day=DAY), preserve_index=False))
    return list(zip(frame["days_left"], frame["units"], strict=True))


def test_the_latest_delivery_is_there_in_full():
    """Of 15 on hand, the 10 of yesterday are all there and 5 of the 10 before; 6 days of life count from arrival."""
    assert sorted(ages(15, delivery(10, 1), delivery(10, 3))) == [(2, 5.0), (4, 10.0)]


def test_a_date_on_the_goods_overrules_their_usual_life():
    """Best before in 2 days is 2 days; what has expired, or was sent back, is not on the shelf."""
    assert ages(15, delivery(10, 1, DAY + timedelta(days=2)), delivery(10, 7), delivery(-4, 0)) == [(2, 10.0)]


def test_what_no_delivery_explains_has_no_age():
    """Without deliveries, or without stock, nothing is said."""
    assert ages(15) == [] and ages(0, delivery(10, 1)) == []


@given(
    units=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    sold=st.lists(st.integers(0, 12), min_size=9, max_size=9),
)
def test_units_outdate_as_a_shelf_lived_day_by_day(units, sold):
    """The worst date's surplus is what is thrown away where the oldest units go first, day by day."""
    shelf = {day + 1: float(number) for day, number in enumerate(units)}
    batches = pd.DataFrame({"row": 0, "days_left": list(shelf), "units": list(shelf.values())})
    total = np.concatenate([[0], np.cumsum(sold)])
    found = outdated(batches, np.array([9.0]), lambda rows, days, stock: np.maximum(stock - total[days.astype(int)], 0))
    thrown = 0.0
    for day, wanted in enumerate(sold, start=1):
        for last in sorted(shelf):
            taken = min(shelf[last], wanted)
            shelf[last] -= taken
            wanted -= taken
        thrown += shelf.pop(day, 0.0)
    assert found[0] == pytest.approx(thrown)


def test_old_stock_does_not_count_for_the_days_after_it(orders):
    """Where 20 of 20 units expire tomorrow, an order is placed as if nearly nothing lay there, and says so."""
    stock = [{"store": "1", "item": "milk", "day": DAY, "on_hand": 20.0}]
    given = {"stock": stock, "lead_times": [TERMS], "sales_lines": make_sales(items=("milk",), stores=("1",))}
    fresh = orders(**given, receipts=[delivery(20, 0)])
    old = orders(**given, receipts=[delivery(20, 4)])
    assert old["quantity"].sum() > fresh["quantity"].sum()
    assert old["outdated"].iloc[0] > 10
    assert "supply.because_outdated" in old["reasons"].iloc[0] and "outdated" not in fresh["reasons"].sum()
