"""What an order turned out to be worth, counted by hand from the sales that followed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.supply.outcome import judge_orders
from aislehub.supply.replenish import Policy

DAY = date(2017, 12, 3)
STATE = {
    "store": "1", "item": "milk", "on_hand": 4.0, "on_order": 0.0, "orderable": True, "lead_days": 2.0,
    "lead_days_sd": 0.0, "cover_days": 5.0, "case_pack": 1.0, "moq": 0.0, "presentation_stock": 0.0, "order_cost": 0.5,
    "price": 3.0, "cost": 2.0, "mean_sales": 2.0, "own_mean": 10.0, "variance_ratio": 1.0, "source": "facts",
}  # fmt: skip
NO_HOLDING = Policy(holding_rate=0.0)


def house(sold: Mapping[int, float], stock: Mapping[int, float] | None = None, **state: Any) -> Tables:
    """Sales and closing stock by days after the orders; the last day always has a sale of something else."""
    tables = Tables(None, registry().contracts)
    tables.write("supply_state", pa.Table.from_pylist([STATE | state | {"day": DAY}]), DAY)
    lines = [line("milk", ahead, units) for ahead, units in sold.items()] + [line("soap", 9, 1.0)]
    closing = [
        {"store": "1", "item": "milk", "day": DAY + timedelta(days=ahead), "on_hand": units}
        for ahead, units in (stock or {}).items()
    ]
    for table, rows in (("sales_lines", lines), ("stock", closing)):
        if rows:
            tables.append(table, tables.contracts[table].check(pa.Table.from_pylist(rows)).good)
    return tables


def line(item: str, ahead: int, units: float) -> dict[str, Any]:
    """A till line some days after the orders."""
    day = DAY + timedelta(days=ahead)
    return {
        "store": "1", "receipt": str(day), "line": item, "item": item, "day": day, "quantity": units,
        "sold_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "amount": 3 * units,
    }  # fmt: skip


def decision(quantity: float, baseline: float = 0.0, **more: Any) -> dict[str, Any]:
    """One order of milk."""
    row = {
        "id": "x", "store": "1", "subject": "milk", "action": {"quantity": quantity}, "state": "done",
        "baseline": {"name": "weeks_of_cover", "quantity": baseline}, "override": None,
    }  # fmt: skip
    return row | more


def measured(tables: Tables, *decisions: dict[str, Any], ahead: int = 9, policy: Policy = NO_HOLDING) -> Any:
    """The measurement of the (last) decision at the close of a later day; None where there is none."""
    today = DAY + timedelta(days=ahead)
    return judge_orders(tables, decisions, day=DAY, today=today, policy=policy).get("x")


def test_money_is_the_margin_of_what_the_order_let_sell() -> None:
    """4 on hand and 10 sold in 5 days: 6 ordered sell for a margin of 1 each, less 0.50 for the order line."""
    found = measured(house({1: 2, 2: 2, 3: 2, 4: 2, 5: 2}), decision(6.0))
    assert found.money == pytest.approx(6 * 1.0 - 0.5)
    assert (found.low, found.high, found.chosen) == (found.money, found.money, None)
    assert found.facts == {"sold": 10.0, "days": 5, "sold_out": 0}


def test_sales_after_the_cover_days_do_not_count() -> None:
    """What sells on day 6 is the next order's."""
    assert measured(house({1: 2, 6: 50}), decision(6.0)).facts["sold"] == 2.0


def test_units_too_many_cost_their_holding() -> None:
    """Nothing sold: 6 units more than the baseline lie for the 3 days of the review, at 36.5 % a year of 2.00."""
    found = measured(house({9: 0}), decision(6.0), policy=Policy(holding_rate=0.365))
    assert found.money == pytest.approx(-6 * 3 * 2.0 * 0.001 - 0.5)


def test_units_that_expire_cost_what_they_were_bought_for() -> None:
    """Of 4 + 6 units 7 sell until the order expires, 3 days after its arrival: 3 units are thrown away."""
    found = measured(house({1: 2, 2: 2, 3: 1, 4: 1, 5: 1}, shelf_life_days=3.0), decision(6.0))
    assert found.money == pytest.approx(3 * 1.0 - 3 * 2.0 - 0.5)


def test_an_empty_shelf_hides_demand() -> None:
    """On two days with an empty shelf nothing could sell: the other days' mean of 3 stands in, from 0 to 6."""
    found = measured(house({1: 3, 2: 3, 3: 3}, stock={1: 5, 2: 5, 3: 5, 4: 0, 5: 0}), decision(20.0))
    at = {units: min(units - 4, 20) - 0.5 for units in (9, 15, 21)}
    assert (found.low, found.money, found.high) == pytest.approx((at[9], at[15], at[21]))
    assert found.facts["sold_out"] == 2


def test_what_a_person_chose_is_measured_beside_the_proposal() -> None:
    """An override of 2 instead of 6 brings 2 units' margin; a rejection brings nothing over today's rule."""
    tables = house(dict.fromkeys(range(1, 6), 2))
    changed = decision(6.0, override={"action": {"quantity": 2.0}, "who": "ann", "why": "fair"})
    assert measured(tables, changed).chosen == pytest.approx(2 - 0.5)
    rejected = measured(tables, decision(6.0, state="rejected"))
    assert (rejected.money, rejected.chosen) == (pytest.approx(5.5), 0.0)


def test_days_that_are_not_in_the_sales_table_are_waited_for() -> None:
    """Today has come, the till files of the last days have not: nothing is measured from half of the sales."""
    tables = house({1: 2})
    assert measured(tables, decision(6.0), ahead=8) is None
    assert measured(tables, decision(6.0), ahead=9) is not None


def test_an_order_whose_state_is_gone_is_left_out() -> None:
    """Without terms of supply there is nothing to count with."""
    assert measured(house({1: 2}, item="bread"), decision(6.0)) is None
