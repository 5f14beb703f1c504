"""What a warehouse's order turned out to be worth, counted by hand from what its stores sold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.supply.replenish import Policy
from aislehub.supply.warehouse_outcome import judge_warehouse_orders

DAY = date(2017, 12, 3)
IN_STORE = {
    "item": "milk", "on_hand": 10.0, "on_order": 0.0, "orderable": True, "supplier": "W", "lead_days": 2.0,
    "lead_days_sd": 0.0, "cover_days": 3.0, "case_pack": 1.0, "moq": 0.0, "presentation_stock": 0.0, "order_cost": 0.0,
    "price": 3.0, "cost": 2.0, "mean_sales": 2.0, "own_mean": 12.0, "variance_ratio": 1.0, "source": "facts",
}  # fmt: skip
IN_WAREHOUSE = {
    "store": "W", "item": "milk", "on_hand": 5.0, "on_order": 0.0, "supplier": "DAIRY", "orderable": True,
    "lead_days": 4.0, "lead_days_sd": 0.0, "cover_days": 6.0, "case_pack": 1.0, "moq": 0.0, "order_cost": 0.5,
}  # fmt: skip
NO_HOLDING = Policy(holding_rate=0.0)


def house(sold: float, stores: tuple[str, ...] = ("1", "2"), empty: tuple[int, ...] = (), **terms: Any) -> Tables:
    """Two stores below a warehouse that sell so many a day each; on `empty` days the shelf is bare."""
    tables = Tables(None, registry().contracts)
    state = [IN_STORE | {"store": store, "day": DAY} for store in stores]
    tables.write("supply_state", pa.Table.from_pylist(state), DAY)
    tables.write("warehouse_state", pa.Table.from_pylist([IN_WAREHOUSE | terms | {"day": DAY}]), DAY)
    lines, stock = [line("bag", "1", 30, 1.0)], []
    for store in stores:
        for ahead in range(1, 20):
            if ahead in empty:
                stock.append({"store": store, "item": "milk", "day": DAY + timedelta(days=ahead), "on_hand": 0.0})
            elif sold:
                lines.append(line("milk", store, ahead, sold))
    for name, rows in (("sales_lines", lines), ("stock", stock)):
        if rows:
            tables.append(name, tables.contracts[name].check(pa.Table.from_pylist(rows)).good)
    return tables


def line(item: str, store: str, ahead: int, units: float) -> dict[str, Any]:
    """A till line some days after the orders."""
    day = DAY + timedelta(days=ahead)
    return {
        "store": store, "receipt": str(day), "line": item, "item": item, "day": day, "quantity": units,
        "sold_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "amount": 3 * units,
    }  # fmt: skip


def decision(quantity: float, baseline: float = 0.0, **more: Any) -> dict[str, Any]:
    """One order of milk."""
    row = {
        "id": "x", "store": "W", "subject": "milk", "action": {"quantity": quantity}, "state": "done",
        "baseline": {"name": "weeks_of_cover", "quantity": baseline}, "override": None,
    }  # fmt: skip
    return row | more


def measured(tables: Tables, row: dict[str, Any], ahead: int = 30, policy: Policy = NO_HOLDING) -> Any:
    """The measurement at the close of a later day; None where there is none."""
    today = DAY + timedelta(days=ahead)
    return judge_warehouse_orders(tables, [row], day=DAY, today=today, policy=policy).get("x")


def test_money_is_the_margin_of_what_the_order_let_the_stores_sell() -> None:
    """5 in the warehouse and 20 in the stores; they sell 36 in 9 days: 11 of 30 ordered sell for 1 each, less 0.50."""
    found = measured(house(2.0), decision(30.0))
    assert found.money == pytest.approx(11 - 0.5)
    assert (found.low, found.high, found.chosen) == (found.money, found.money, None)
    assert found.facts == {"sold": 36.0, "days": 9, "stores": 2, "sold_out": 0}


def test_what_today_s_rule_would_have_ordered_is_taken_off() -> None:
    """The rule's 8 units would have sold, too."""
    assert measured(house(2.0), decision(30.0, baseline=8.0)).money == pytest.approx(11 - 8)


def test_units_too_many_cost_their_holding() -> None:
    """Nothing sold: 10 units lie in the warehouse for the 5 days after they came, at its share of the holding."""
    policy = Policy(holding_rate=0.365, warehouse_holding=0.5)
    found = measured(house(0.0), decision(10.0), policy=policy)
    assert found.money == pytest.approx(-10 * 5 * 2.0 * 0.001 * 0.5 - 0.5)


def test_empty_shelves_hide_demand() -> None:
    """On three days both stores were bare: their mean of 2 a day stands in, from nothing to twice that."""
    found = measured(house(2.0, empty=(7, 8, 9)), decision(30.0))
    assert (found.low, found.money, found.high) == pytest.approx((0 - 0.5, 11 - 0.5, 23 - 0.5))
    assert found.facts["sold_out"] == 6


def test_an_override_and_a_rejection_are_measured_beside_the_proposal() -> None:
    """5 instead of 30 bring 5; a rejection is today's rule."""
    tables = house(2.0)
    changed = decision(30.0, override={"action": {"quantity": 5.0}, "who": "ann", "why": "room"})
    assert measured(tables, changed).chosen == pytest.approx(5 - 0.5)
    rejected = measured(tables, decision(30.0, state="rejected"))
    assert (rejected.money, rejected.chosen) == (pytest.approx(10.5), 0.0)


def test_it_waits_for_the_days_and_needs_the_state() -> None:
    """Sales of eight of nine days are not enough; a warehouse that serves nobody cannot be measured."""
    assert measured(house(2.0), decision(30.0), ahead=8) is None
    assert measured(house(2.0, supplier="DAIRY", store="V"), decision(30.0)) is None
