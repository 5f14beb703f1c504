"""What is simulated says so; calendars, prices and old stock are read as they are meant."""

from datetime import date, timedelta

import pandas as pd
import pytest

from aislehub.core.errors import HubError
from aislehub.supply import state as state_of

DAY = date(2017, 12, 3)  # a Sunday
STOCK_ROW = {"store": "1", "item": "milk", "day": DAY, "on_hand": 5.0, "on_order": 3.0}
TERMS = {"store": "1", "item": "milk", "lead_days": 2.0}


def test_without_facts_all_is_simulated_and_says_so(state):
    """No stock, lead times or costs: plausible ones, and the row's source names each kind."""
    rows = state()
    assert rows.loc[("1", "bread"), "source"] == "simulated: stock, lead times, cost"
    assert rows.loc[("1", "milk"), "source"] == "simulated: stock, lead times"
    assert (rows["on_hand"] >= 0).all() and (rows["cost"] < rows["price"]).all()
    assert rows.loc[("1", "bread"), "shelf_life_days"] == 3
    assert rows.loc[("1", "soap"), "shelf_life_days"] == 730


def test_facts_are_never_simulated(state):
    """Where the chain has stock, terms and cost, the row holds them and its source is `facts`."""
    rows = state(stock=[STOCK_ROW], lead_times=[TERMS])
    assert list(rows.index) == [("1", "milk")]  # the only one with stock and terms
    row = rows.iloc[0]
    assert (row["source"], row["on_hand"], row["on_order"], row["cost"]) == ("facts", 5, 3, 1.75)
    assert (row["lead_days"], row["cover_days"], row["orderable"]) == (2, 3, True)


def test_simulation_can_be_refused(state):
    """With `simulate` off, chains without stock get no rows rather than made-up ones."""
    assert len(state(policy=state_of.Policy(simulate=False))) == 0


def test_simulation_is_stable(sales, state):
    """The same item has the same terms whatever else is in the range, and the same seed the same stock."""
    alone = state(sales_lines=sales(items=("bread",), stores=("1",)))
    among = state(sales_lines=sales(items=("bread",), stores=("1",)) + sales(items=("milk", "soap"), stores=("2",)))
    pd.testing.assert_frame_equal(
        alone.loc[[("1", "bread")], "on_hand":"cost"], among.loc[[("1", "bread")], "on_hand":"cost"]
    )


def test_old_stock_is_not_used(state):
    """A stock figure older than `stock_max_age_days` is no stock figure."""
    old = STOCK_ROW | {"day": DAY - timedelta(days=8)}
    fresh = STOCK_ROW | {"store": "2", "day": DAY - timedelta(days=7), "on_order": None}
    rows = state(stock=[old, fresh], lead_times=[TERMS, TERMS | {"store": "2"}])
    assert list(rows.index) == [("2", "milk")] and rows["on_order"].tolist() == [0]


def test_an_export_that_stopped_is_told_not_made_up(state):
    """Where every stock figure is too old the step fails with their day; nothing is simulated over them."""
    with pytest.raises(HubError) as refused:
        state(stock=[STOCK_ROW | {"day": DAY - timedelta(days=30)}], lead_times=[TERMS])
    assert refused.value.code == "supply.stock_too_old"
    assert "2017-11-03" in str(refused.value)


def test_price_is_what_is_left_after_tax(state):
    """2.50 on the label with 25 % tax in it is 2.00 for the chain."""
    assert state().loc[("1", "soap"), "price"] == pytest.approx(2.0)
    assert state().loc[("1", "milk"), "price"] == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("terms", "orderable", "lead", "cover"),
    [
        ({}, True, 2, 3),  # Monday's order is there on Wednesday, Tuesday's on Thursday
        ({"order_weekdays": "1"}, True, 2, 9),  # the next order after Monday's is a week later
        ({"order_weekdays": "3"}, False, 4, 11),  # Wednesday, then the Wednesday after
        ({"order_weekdays": "14"}, True, 2, 5),
        ({"delivery_weekdays": "5"}, True, 4, 5),  # ready on Wednesday, comes on Friday; so does Tuesday's
        ({"delivery_weekdays": "5", "lead_days": 4.0}, True, 4, 11),  # Tuesday's is too late for that lorry
        ({"lead_days": 0.0}, True, 0, 1),
    ],
)
def test_calendars_stretch_the_cover(terms, orderable, lead, cover, state):
    """Cover runs until the delivery of the order after the next one, by the supplier's weekdays."""
    row = state(stock=[STOCK_ROW], lead_times=[TERMS | terms]).iloc[0]
    assert (row["orderable"], row["lead_days"], row["cover_days"]) == (orderable, lead, cover)
