"""A chain of two stores and three items, and the steps of supply on it."""

from datetime import UTC, date, datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.step import as_arrow
from aislehub.schema import DEMAND_FORECAST, ITEMS, LEAD_TIMES, RECEIPTS, SALES_LINES, STOCK, STORES
from aislehub.supply import replenish as orders_of
from aislehub.supply import state as state_of
from aislehub.supply.ages import stock_ages
from aislehub.supply.allocation import allotments
from aislehub.supply.first_delivery import first_deliveries
from aislehub.supply.warehouse import warehouse_orders, warehouse_state

DAY = date(2017, 12, 3)  # a Sunday
FACTS = {
    "stock": STOCK, "receipts": RECEIPTS, "lead_times": LEAD_TIMES, "items": ITEMS, "sales_lines": SALES_LINES,
    "stores": STORES,
}  # fmt: skip

STEPS = (
    state_of.supply_state, stock_ages, warehouse_state, allotments, orders_of.replenish, warehouse_orders,
    first_deliveries,
)  # fmt: skip


def table(contract, rows):
    """Rows as a step gets them: every promised column, lazily."""
    frame = pd.DataFrame(rows)
    checked = contract.check(pa.Table.from_pandas(frame, preserve_index=False)) if len(frame) else None
    if checked is not None:
        assert not checked.rejected.num_rows, checked.rejected.to_pylist()
    return ibis.memtable(checked.good if checked else contract.empty())


def make_sales(items=("bread", "milk", "soap"), stores=("1", "2"), days=120, last=DAY):
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


def make_state(policy=None, **given):
    """The step `supply_state` on given facts."""
    facts = {"sales_lines": make_sales(), "items": ITEM_ROWS, "stock": [], "lead_times": []} | given
    inputs = [table(FACTS[name], facts[name]) for name in state_of.supply_state.reads]
    frame = state_of.supply_state(*inputs, day=DAY, policy=policy or state_of.Policy())
    state_of.SUPPLY_STATE.require(pa.Table.from_pandas(frame.assign(day=DAY), preserve_index=False))
    return frame.set_index(["store", "item"]) if len(frame) else frame


def make_forecast(mean=4.0, sd=None, days=28, items=("milk",), stores=("1",)):
    """A flat forecast."""
    rows = [
        {
            "day": DAY, "store": store, "item": item, "ds": DAY + timedelta(days=ahead), "mean": mean, "low": 0.0,
            "high": 2 * mean, "total_mean": mean * ahead, "total_sd": (sd or 2.0) * ahead**0.5,
        }
        for store in stores for item in items for ahead in range(1, days + 1)
    ]  # fmt: skip
    return table(DEMAND_FORECAST, rows)


def make_day(policy=None, demand=None, **given):
    """All steps of supply on given facts, as one frame a table."""
    facts = {"sales_lines": make_sales(), "items": ITEM_ROWS} | given
    tables = {name: table(contract, facts.get(name, [])) for name, contract in FACTS.items()}
    tables["demand_forecast"] = demand if demand is not None else make_forecast()
    made = {}
    for step in STEPS:
        asked = {} if step.policy is None else {"policy": step.policy()}
        if policy and step.policy is type(policy):
            asked = {"policy": policy}
        rows = as_arrow(step(*(tables[name] for name in step.reads), day=DAY, **asked))
        if "day" not in rows.column_names:
            rows = rows.append_column("day", pa.array([DAY] * len(rows), pa.date32()))
        made[step.writes.name] = rows.to_pandas()
        tables[step.writes.name] = ibis.memtable(step.writes.require(rows))
    return made


def make_orders(policy=None, demand=None, **given):
    """The orders of `make_day`."""
    return make_day(policy, demand, **given)["orders"]


@pytest.fixture
def sales():
    """Makes sales lines."""
    return make_sales


@pytest.fixture
def state():
    """Makes state of supply."""
    return make_state


@pytest.fixture
def forecast():
    """Makes flat forecasts."""
    return make_forecast


@pytest.fixture
def orders():
    """Makes orders."""
    return make_orders


@pytest.fixture
def supply_day():
    """Makes all tables of supply of one day."""
    return make_day
