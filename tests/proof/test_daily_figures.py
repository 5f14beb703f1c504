"""Metrics: what a unit did each day, counted by hand from a few receipts, visits and events."""

from __future__ import annotations

from datetime import UTC, date, datetime

import ibis
import pyarrow as pa
import pytest

from aislehub.core.contract import Contract
from aislehub.core.errors import HubError
from aislehub.proof.metrics import METRICS, Sources, daily_figures, metric_of
from aislehub.schema import EVENTS, FOOTFALL, ITEMS, RECEIPTS, SALES_LINES, STOCK

MONDAY, TUESDAY = date(2024, 7, 1), date(2024, 7, 2)


def rows(contract: Contract, *given: dict[str, object]) -> ibis.Table:
    """Rows that keep the contract, as a lazy table."""
    checked = contract.check(pa.Table.from_pylist(list(given)) if given else contract.empty())
    assert checked.rejected.num_rows == 0
    return ibis.memtable(checked.good)


def line(receipt: str, day: date, amount: float, **more: object) -> dict[str, object]:
    """A line of a till receipt in store s."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    row = {"store": "s", "receipt": receipt, "line": "1", "sold_at": at, "day": day, "item": "milk", "quantity": 2.0}
    return row | {"amount": amount, "discount": 1.0, "customer": "ann"} | more


@pytest.fixture(scope="module")
def sources() -> Sources:
    """Two days of one store, in Shanghai."""
    lines = [
        line("1", MONDAY, 9.0), line("1", MONDAY, 4.0, line="2", item="fuel"), line("2", MONDAY, 5.0, customer=None),
        line("3", TUESDAY, -4.0, quantity=-1.0), line("4", TUESDAY, 8.0, customer="bob"),
    ]  # fmt: skip
    visits = {"store": "s", "zone": "entrance", "minutes": 60.0, "visitors": 10.0}
    event = {"customer": "ann", "store": "s", "kind": "view"}
    return Sources(
        rows(SALES_LINES, *lines),
        rows(ITEMS, {"item": "milk", "cost": 1.5, "is_sellable": None}, {"item": "fuel", "is_sellable": False}),
        rows(
            FOOTFALL, visits | {"at": "2024-07-01T02:00:00Z", "day": MONDAY},
            visits | {"at": "2024-07-01T03:00:00Z", "day": MONDAY, "zone": "bakery"},
        ),
        rows(
            EVENTS, event | {"event_id": "1", "at": "2024-06-30T16:00:00Z"},
            event | {"event_id": "2", "at": "2024-07-01T15:59:00Z"},
            event | {"event_id": "3", "at": "2024-07-01T16:00:00Z", "kind": "cart"},
            event | {"event_id": "4", "at": "2024-07-01T12:00:00Z", "kind": "search"},
        ),
        rows(STOCK),
        rows(RECEIPTS),
        "Asia/Shanghai",
    )  # fmt: skip


def figures(sources: Sources, unit: str, *names: str) -> dict[tuple[str, date], dict[str, float]]:
    """Figures by unit and day."""
    found = daily_figures(sources, unit, [METRICS[name] for name in names], MONDAY, TUESDAY)
    return {(row.pop("unit"), row.pop("day")): row for row in found.to_pyarrow().to_pylist()}


def test_a_store_s_goods(sources: Sources) -> None:
    """Fuel is left out, a return takes off and opens no basket, margin is net of cost."""
    found = figures(sources, "store", "sales")
    monday, tuesday = found["s", MONDAY], found["s", TUESDAY]
    assert (monday["sales"], monday["baskets"], monday["units"], monday["margin"]) == (14, 2, 4, 8)
    assert (tuesday["sales"], tuesday["baskets"], tuesday["basket_sales"], tuesday["margin"]) == (4, 1, 8, 2.5)
    assert (monday["discounts"], monday["discountable"]) == (2, 16)


def test_a_customer_s_goods(sources: Sources) -> None:
    """Sales without a known customer belong to nobody."""
    found = figures(sources, "customer", "sales")
    assert {key: row["sales"] for key, row in found.items()} == {
        ("ann", MONDAY): 9, ("ann", TUESDAY): -4, ("bob", TUESDAY): 8,
    }  # fmt: skip


def test_baskets_count_for_conversion_where_visitors_do(sources: Sources) -> None:
    """Doors only; the baskets of a day that nobody counted are left out."""
    found = figures(sources, "store", "conversion")
    assert (found["s", MONDAY]["visitors"], found["s", MONDAY]["counted_baskets"]) == (10, 2)
    assert (found["s", TUESDAY]["visitors"], found["s", TUESDAY]["counted_baskets"]) == (0, 0)


def test_events_belong_to_the_chain_s_day(sources: Sources) -> None:
    """Midnight is the chain's: 16:00 UTC in Shanghai; views and carts count, searches do not."""
    found = figures(sources, "customer", "cart_rate")
    assert {key: (row["views"], row["carts"]) for key, row in found.items()} == {
        ("ann", MONDAY): (2, 0), ("ann", TUESDAY): (0, 1),
    }  # fmt: skip


def test_metrics_of_several_tables_stand_side_by_side(sources: Sources) -> None:
    """A day that one table lacks has 0 there."""
    found = figures(sources, "customer", "sales", "views")
    assert found["ann", MONDAY]["views"] == 2 and found["bob", TUESDAY]["views"] == 0


def test_an_unknown_metric_gets_a_suggestion() -> None:
    """And one that is counted at the door cannot be told for a customer."""
    with pytest.raises(HubError, match="Did you mean margin"):
        metric_of("margins", "store")
    with pytest.raises(HubError, match="counted at the door"):
        metric_of("conversion", "customer")
    assert metric_of("conversion", "switchback") is METRICS["conversion"]
