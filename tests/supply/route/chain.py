"""A small chain with deliveries due, and the step `routes` on it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import ibis
import pandas as pd
import pyarrow as pa

from aislehub.schema import CUSTOMER_ORDERS, DISTANCES, ITEMS, STORES, VEHICLES
from aislehub.supply.replenish import ORDERS
from aislehub.supply.route.daily import ROUTES, routes
from aislehub.supply.route.deliveries import Policy
from aislehub.supply.route.depot_day import depot_days

DAY = date(2017, 12, 3)
FACTS = {
    "orders": ORDERS, "customer_orders": CUSTOMER_ORDERS, "stores": STORES, "items": ITEMS, "vehicles": VEHICLES,
    "distances": DISTANCES,
}  # fmt: skip
QUICK = {"rounds": 5}
ITEM_ROWS = [
    {"item": "soap", "weight_kg": 1.0, "volume_l": 2.0, "temperature": "ambient"},
    {"item": "milk", "weight_kg": 1.0, "volume_l": 1.0, "temperature": "chilled"},
    {"item": "peas", "weight_kg": 0.5, "volume_l": 1.0, "temperature": "frozen"},
]
TRUCK = {
    "depot": "W", "capacity_kg": 1000.0, "capacity_l": 4000.0, "temperature": "frozen", "cost_per_km": 1.0,
    "cost_per_hour": 30.0, "cost_per_day": 50.0, "co2_g_per_km": 500.0,
}  # fmt: skip


def warehouse(**more):
    """The depot, at 48° N 9° E."""
    return {"store": "W", "kind": "warehouse", "latitude": 48.0, "longitude": 9.0} | more


def store(name, north=0.1, east=0.0, **more):
    """A store so many degrees from the warehouse."""
    return {"store": name, "latitude": 48.0 + north, "longitude": 9.0 + east} | more


def ordered(store, item="soap", quantity=100.0, *, arrives=2, day=DAY, supplier="W", **more):
    """A line of `orders` that arrives so many days after `DAY`."""
    return {
        "day": day, "store": store, "subject": item, "supplier": supplier, "quantity": quantity,
        "arrives": DAY + timedelta(days=arrives), "order_up_to": 1.0, "service_level": 0.9, "demand": 1.0,
        "demand_sd": 1.0, "cover_days": 3, "on_hand": 0.0, "on_order": 0.0, "outdated": 0.0, "case_pack": 1.0,
        "action": "{}", "baseline": "{}", "money": 0.0, "money_low": 0.0, "money_high": 0.0, "horizon_days": 3,
        "bound": "none", "source": "facts",
    } | more  # fmt: skip


def home(order, store, *, item="milk", quantity=2.0, begins=10, ends=12, north=0.02, **more):
    """A line of a customer's order with a window tomorrow, in UTC."""
    tomorrow = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(days=1)
    return {
        "order": order, "line": "1", "store": store, "ordered_at": datetime(2017, 12, 3, 9, tzinfo=UTC), "item": item,
        "quantity": quantity, "fulfilment": "delivery", "window_from": tomorrow + timedelta(hours=begins),
        "window_to": tomorrow + timedelta(hours=ends), "latitude": 48.1 + north, "longitude": 9.0, "status": "placed",
    } | more  # fmt: skip


def make_day(policy=None, timezone="UTC", depot="W", **given):
    """The day of one depot on given facts, before it is planned."""
    facts = {"items": ITEM_ROWS} | given
    inputs = [_table(FACTS[name], facts.get(name, [])) for name in routes.reads]
    days = depot_days(*inputs, day=DAY, policy=Policy(**(QUICK | (policy or {}))), timezone=timezone)
    (found,) = (one for one in days if one.depot == depot)
    return found


def make_routes(policy=None, timezone="UTC", **given):
    """Rows of `routes` on given facts, action, baseline and reasons read; by depot."""
    facts = {"items": ITEM_ROWS} | given
    inputs = [_table(FACTS[name], facts.get(name, [])) for name in routes.reads]
    settings = Policy(**(QUICK | (policy or {})))
    frame = routes(*inputs, day=DAY, policy=settings, timezone=timezone).assign(day=DAY)
    rows = ROUTES.require(pa.Table.from_pandas(frame, preserve_index=False)).to_pylist()
    parsed = [row | {name: json.loads(row[name]) for name in ("action", "baseline", "reasons")} for row in rows]
    return {row["store"]: row for row in parsed}


def _table(contract, rows):
    if not rows:
        return ibis.memtable(contract.empty())
    checked = contract.check(pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))
    assert not checked.rejected.num_rows, checked.rejected.to_pylist()
    return ibis.memtable(checked.good)
