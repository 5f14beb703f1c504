"""What weeks of orders brought together, counted by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.supply.replenish import Policy
from aislehub.supply.together import orders_together

DAY = date(2017, 12, 3)
LINE = {
    "store": "1", "item": "milk", "on_hand": 4.0, "on_order": 0.0, "orderable": True, "lead_days": 0.0,
    "lead_days_sd": 0.0, "cover_days": 2.0, "case_pack": 1.0, "moq": 0.0, "presentation_stock": 0.0, "order_cost": 0.5,
    "price": 3.0, "cost": 2.0, "mean_sales": 2.0, "own_mean": 4.0, "variance_ratio": 1.0, "source": "facts",
}  # fmt: skip
POLICY = Policy(holding_rate=0.0, weeks_of_cover=1.0)
SOLD = {1: 2.0, 2: 2.0, 3: 2.0, 4: 2.0}


def house(sold: Mapping[int, float], evenings: int = 3, stores: tuple[str, ...] = ("1",), **state: Any) -> Tables:
    """States of supply of some evenings in a row, and what sold on the days after the first."""
    tables = Tables(None, registry().contracts)
    for ahead in range(evenings):
        day = DAY + timedelta(days=ahead)
        rows = [LINE | state | {"day": day, "store": store} for store in stores]
        tables.write("supply_state", pa.Table.from_pylist(rows), day)
    lines = [till(store, ahead, units) for store in stores for ahead, units in sold.items()]
    tables.append("sales_lines", tables.contracts["sales_lines"].check(pa.Table.from_pylist(lines)).good)
    return tables


def till(store: str, ahead: int, units: float) -> dict[str, Any]:
    """A till line some days after the first evening."""
    day = DAY + timedelta(days=ahead)
    return {
        "store": store, "receipt": f"{store} {day}", "line": "1", "item": "milk", "day": day, "quantity": units,
        "sold_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "amount": 3 * units,
    }  # fmt: skip


def order(ahead: int, quantity: float, **more: Any) -> dict[str, Any]:
    """An order of milk on an evening."""
    return {
        "day": DAY + timedelta(days=ahead), "store": "1", "subject": "milk", "action": {"quantity": quantity},
        "baseline": {"quantity": 0.0}, "override": None, "state": "done", "arm": "",
    } | more  # fmt: skip


def brought(tables: Tables, *orders: dict[str, Any], policy: Policy = POLICY) -> dict[str, Any]:
    """Money by store."""
    found = orders_together(tables, orders, today=DAY + timedelta(days=30), policy=policy)
    return {part.store: part for part in found}


def test_today_s_rule_does_not_order_again_what_it_has_on_its_own_shelf() -> None:
    """A week's 14 units are ordered once, then what sold: three order lines, where ours are two."""
    mine = brought(house(SOLD), order(0, 2.0), order(1, 0.0), order(2, 4.0))["1"]
    assert mine.days == 4
    assert mine.money == pytest.approx(-2 * 0.5 + 3 * 0.5)  # both sold all 8 units; the rule ordered 10, 2 and 2


def test_what_ours_let_sell_less_is_lost() -> None:
    """Without an order 4 units sell, with today's rule 8."""
    mine = brought(house(SOLD), order(0, 0.0), order(1, 0.0), order(2, 0.0))["1"]
    assert mine.money == pytest.approx(-4 * 1.0 + 3 * 0.5)


def test_waste_is_of_each_shelf() -> None:
    """Of goods that keep for 2 days today's rule throws away after slow days what ours did not buy."""
    tables = house({1: 2.0, 2: 0.0, 3: 0.0, 4: 0.0, 9: 1.0}, shelf_life_days=2.0, on_hand=0.0, order_cost=0.0)
    mine = brought(tables, order(0, 2.0), order(1, 0.0), order(2, 0.0))["1"]
    assert mine.money > 0


def test_stores_that_did_not_follow_say_nothing() -> None:
    """Nor does a store that was an experiment's control arm."""
    tables = house(SOLD, stores=("1", "2", "3"))
    found = brought(
        tables, order(0, 2.0), order(1, 2.0), order(0, 2.0, store="2", state="expired"),
        order(0, 2.0, store="3", arm="trial:control"), order(1, 2.0, store="3"),
    )  # fmt: skip
    assert set(found) == {"1"}


def test_without_orders_or_states_nothing_is_said() -> None:
    """No orders, or orders whose states are gone."""
    assert brought(house(SOLD)) == {} and brought(house(SOLD), order(-5, 2.0)) == {}
