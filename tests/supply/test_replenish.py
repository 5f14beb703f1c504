"""From facts to orders: what is simulated says so, and every order keeps its promises."""

import json
from datetime import UTC, date, datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.reasons import sentence
from aislehub.schema import DEMAND_FORECAST, ITEMS, LEAD_TIMES, SALES_LINES, STOCK
from aislehub.supply import replenish as orders_of
from aislehub.supply import state as state_of

DAY = date(2017, 12, 3)  # a Sunday
FACTS = {"stock": STOCK, "lead_times": LEAD_TIMES, "items": ITEMS, "sales_lines": SALES_LINES}


def table(contract, rows):
    """Rows as a step gets them: every promised column, lazily."""
    frame = pd.DataFrame(rows)
    checked = contract.check(pa.Table.from_pandas(frame, preserve_index=False)) if len(frame) else None
    if checked is not None:
        assert not checked.rejected.num_rows, checked.rejected.to_pylist()
    return ibis.memtable(checked.good if checked else contract.empty())


def sales(items=("bread", "milk", "soap"), stores=("1", "2"), days=120, last=DAY):
    """One line per store, item and day of about 4 units at 2.50."""
    rng = np.random.default_rng(4)
    return [
        {
            "store": store, "receipt": str(day), "line": item, "item": item, "day": day,
            "sold_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            "quantity": float(units), "amount": 2.5 * units,
        }
        for store in stores for item in items
        for day in (last - timedelta(days=ago) for ago in range(days))
        if (units := rng.poisson(4))
    ]  # fmt: skip


ITEM_ROWS = [
    {"item": "bread", "department": "BAKERY", "category": "BREAD", "is_sellable": True},
    {"item": "milk", "department": "DAIRY", "category": "MILK", "cost": 1.75, "is_sellable": True},
    {"item": "soap", "department": "DRUG GM", "category": "SOAP", "cost": 1.5, "tax_rate": 0.25},
    {"item": "fuel", "department": "FUEL", "is_sellable": False},
]


def state(policy=None, **given):
    """The step `supply_state` on given facts."""
    facts = {"sales_lines": sales(), "items": ITEM_ROWS, "stock": [], "lead_times": []} | given
    inputs = [table(FACTS[name], facts[name]) for name in state_of.supply_state.reads]
    frame = state_of.supply_state(*inputs, day=DAY, policy=policy or state_of.Policy())
    state_of.SUPPLY_STATE.require(pa.Table.from_pandas(frame.assign(day=DAY), preserve_index=False))
    return frame.set_index(["store", "item"]) if len(frame) else frame


STOCK_ROW = {"store": "1", "item": "milk", "day": DAY, "on_hand": 5.0, "on_order": 3.0}
TERMS = {"store": "1", "item": "milk", "lead_days": 2.0}


def test_without_facts_all_is_simulated_and_says_so():
    """No stock, lead times or costs: plausible ones, and the row's source names each kind."""
    rows = state()
    assert rows.loc[("1", "bread"), "source"] == "simulated: stock, lead times, cost"
    assert rows.loc[("1", "milk"), "source"] == "simulated: stock, lead times"
    assert (rows["on_hand"] >= 0).all() and (rows["cost"] < rows["price"]).all()
    assert rows.loc[("1", "bread"), "shelf_life_days"] == 3
    assert rows.loc[("1", "soap"), "shelf_life_days"] == 730


def test_facts_are_never_simulated():
    """Where the chain has stock, terms and cost, the row holds them and its source is `facts`."""
    rows = state(stock=[STOCK_ROW], lead_times=[TERMS])
    assert list(rows.index) == [("1", "milk")]  # the only one with stock and terms
    row = rows.iloc[0]
    assert (row["source"], row["on_hand"], row["on_order"], row["cost"]) == ("facts", 5, 3, 1.75)
    assert (row["lead_days"], row["cover_days"], row["orderable"]) == (2, 3, True)


def test_simulation_can_be_refused():
    """With `simulate` off, chains without stock get no rows rather than made-up ones."""
    assert len(state(policy=state_of.Policy(simulate=False))) == 0


def test_simulation_is_stable():
    """The same item has the same terms whatever else is in the range, and the same seed the same stock."""
    alone = state(sales_lines=sales(items=("bread",), stores=("1",)))
    among = state(sales_lines=sales(items=("bread",), stores=("1",)) + sales(items=("milk", "soap"), stores=("2",)))
    pd.testing.assert_frame_equal(
        alone.loc[[("1", "bread")], "on_hand":"cost"], among.loc[[("1", "bread")], "on_hand":"cost"]
    )


def test_old_stock_is_not_used():
    """A stock figure older than `stock_max_age_days` is no stock figure."""
    old = STOCK_ROW | {"day": DAY - timedelta(days=8)}
    fresh = STOCK_ROW | {"store": "2", "day": DAY - timedelta(days=7), "on_order": None}
    rows = state(stock=[old, fresh], lead_times=[TERMS, TERMS | {"store": "2"}])
    assert list(rows.index) == [("2", "milk")] and rows["on_order"].tolist() == [0]


def test_price_is_what_is_left_after_tax():
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
def test_calendars_stretch_the_cover(terms, orderable, lead, cover):
    """Cover runs until the delivery of the order after the next one, by the supplier's weekdays."""
    row = state(stock=[STOCK_ROW], lead_times=[TERMS | terms]).iloc[0]
    assert (row["orderable"], row["lead_days"], row["cover_days"]) == (orderable, lead, cover)


def forecast(mean=4.0, sd=None, days=28, items=("milk",), stores=("1",)):
    """A flat forecast."""
    rows = [
        {
            "day": DAY, "store": store, "item": item, "ds": DAY + timedelta(days=ahead), "mean": mean, "low": 0.0,
            "high": 2 * mean, "total_mean": mean * ahead, "total_sd": (sd or 2.0) * ahead**0.5,
        }
        for store in stores for item in items for ahead in range(1, days + 1)
    ]  # fmt: skip
    return table(DEMAND_FORECAST, rows)


def orders(policy=None, demand=None, **given):
    """The steps `supply_state` and `replenish` on given facts."""
    lines = state(**given).reset_index().assign(day=DAY)
    frame = orders_of.replenish(
        demand if demand is not None else forecast(),
        ibis.memtable(pa.Table.from_pandas(lines, preserve_index=False)),
        day=DAY,
        policy=policy or orders_of.Policy(),
    )
    orders_of.ORDERS.require(pa.Table.from_pandas(frame.assign(day=DAY), preserve_index=False))
    return frame


FACTS_OF_MILK = {"stock": [STOCK_ROW], "lead_times": [TERMS]}


def test_order_fills_up_to_the_quantile():
    """12 ± 3.5 units are expected in 3 days; the order brings 8 on hand and on order up to the 95 % quantile."""
    policy = orders_of.Policy(service="cycle_service", service_level=0.95)
    row = orders(policy=policy, **FACTS_OF_MILK).iloc[0]
    assert row["order_up_to"] == 18
    assert json.loads(row["action"]) == {"quantity": 10.0}
    assert (row["bound"], row["arrives"], row["horizon_days"]) == ("none", date(2017, 12, 6), 3)
    assert row["outlay"] == pytest.approx(17.5)
    assert json.loads(row["baseline"])["name"] == "weeks_of_cover"


def test_critical_ratio_stays_within_its_limits():
    """Keeping milk costs next to nothing beside its margin: the service is the highest allowed."""
    high, low = (orders(policy=orders_of.Policy(most_service=s), **FACTS_OF_MILK).iloc[0] for s in (0.97, 0.6))
    assert 0.97 <= high["service_level"] < 0.99
    assert 0.6 <= low["service_level"] < 0.75


@pytest.mark.parametrize(
    ("terms", "policy", "quantity", "bound"),
    [
        ({"case_pack": 6.0}, {}, 12, "case_pack"),
        ({"moq": 40.0}, {}, 40, "moq"),
        ({"shelf_life_days": 1.0}, {}, 2, "shelf_life"),
        ({"shelf_life_days": 1.0, "presentation_stock": 11.0}, {}, 3, "shelf_life"),
        ({"shelf_capacity": 7.0}, {}, 7, "shelf"),
        ({}, {"budget": 9.0}, 5, "budget"),
        ({}, {"budgets": {"1": 3.6}}, 2, "budget"),
        ({"presentation_stock": 20.0}, {}, 24, "none"),
    ],
)
def test_limits_bind_by_name(terms, policy, quantity, bound):
    """Each term of supply and policy reaches the limit of its name."""
    knobs = {"service": "cycle_service", "service_level": 0.95} | policy
    row = orders(policy=orders_of.Policy(**knobs), stock=[STOCK_ROW], lead_times=[TERMS | terms]).iloc[0]
    assert (row["quantity"], row["bound"]) == (quantity, bound)


def test_no_line_on_a_day_without_orders():
    """When the supplier takes none tomorrow, there is nothing to decide."""
    assert orders(stock=[STOCK_ROW], lead_times=[TERMS | {"order_weekdays": "5"}]).empty


def test_a_slow_item_needs_no_forecast():
    """An item without a forecast is ordered by what its own sales say."""
    slow = orders(demand=forecast(items=("other",)), **FACTS_OF_MILK).iloc[0]
    assert slow["demand"] == pytest.approx(12, rel=0.15)
    assert slow["quantity"] > 0


def test_a_short_forecast_goes_on():
    """Nine days to cover and five forecast: demand goes on at the rate of those five."""
    weekly = {"stock": [STOCK_ROW], "lead_times": [TERMS | {"order_weekdays": "1"}]}
    row = orders(demand=forecast(days=5), **weekly).iloc[0]
    assert row["demand"] == pytest.approx(36)


def test_uncertain_lead_time_asks_for_more():
    """A lead time that scatters raises the order-up-to level."""
    sure, unsure = (
        orders(stock=[STOCK_ROW], lead_times=[TERMS | {"lead_days_sd": sd}]).iloc[0]["order_up_to"] for sd in (0.0, 2.0)
    )
    assert unsure > sure


def test_negative_book_stock_counts_as_none():
    """A booking error is shown as it is, and never ordered for."""
    row = orders(stock=[STOCK_ROW | {"on_hand": -30.0, "on_order": 0.0}], lead_times=[TERMS]).iloc[0]
    assert row["on_hand"] == -30
    assert row["quantity"] == row["order_up_to"]


def test_money_of_an_empty_shelf_beside_nothing():
    """With nothing there, ordering earns the margin of what sells before the order after next."""
    policy = orders_of.Policy(baseline="nothing", holding_rate=0.0)
    empty = {"stock": [STOCK_ROW | {"on_hand": 0.0, "on_order": 0.0}], "lead_times": [TERMS]}
    row = orders(policy=policy, **empty).iloc[0]
    assert row["money"] == pytest.approx(0.75 * 12, rel=0.02)  # margin 2.50 − 1.75 on 12 units
    assert row["money_low"] < row["money"] < row["money_high"]


def test_reasons_read_in_both_languages_and_state_the_facts():
    """The reasons name demand, stock and limit, and read as sentences in English and Chinese."""
    row = orders(stock=[STOCK_ROW], lead_times=[TERMS | {"case_pack": 5.0}]).iloc[0]
    told = {lang: " ".join(sentence(r, lang) for r in json.loads(row["reasons"])) for lang in ("en", "zh")}
    assert "5 on hand, 3 on order" in told["en"] and "whole cases of 5" in told["en"]
    assert "现有库存 5，在途 3" in told["zh"] and "每箱 5" in told["zh"]
