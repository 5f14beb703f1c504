"""What a day's lists reach: counted again by hand from a few lists, sales and members."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from aislehub.core.contract import Column, Contract
from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.customer.recommend.coverage import coverage, families

DAY = date(2024, 6, 30)
LISTS = Contract(
    "recommendations",
    "Of the table of lists, the columns that are counted",
    (
        Column("customer", "text", "Member", person=True),
        Column("rank", "int", "Place in the list"),
        Column("item", "text", "Item"),
        Column("kind", "text", "Bought before, or not, or chosen for nobody", values=("again", "new", "popular")),
        Column("shares", "text", "JSON object: family → log odds", required=False),
        Column("source", "text", "Where the facts came from", required=False),
    ),
    key="day customer rank",
    derived=True,
)
SHARES = (
    {"habit": 2.0, "popular": 0.5, "person": 9.0},
    {"habit": -1.0, "popular": 0.5, "person": 9.0},
    {"habit": 2.0, "popular": 1.0, "person": 9.0},
)


@pytest.fixture
def tables() -> Tables:
    """Three members with lists of four items; old, new and forgotten goods; members who bought nothing or long ago."""
    tables = Tables(None, {**registry().contracts, LISTS.name: LISTS})
    append(tables, "items", [
        {"item": item, "department": department}
        for item, department in (("milk", "dairy"), ("oats", "dry"), ("tea", "dry"), ("kefir", "dairy"), ("old", "dry"))
    ])  # fmt: skip
    append(tables, "customers", [{"customer": name} for name in ("ann", "bob", "cyd", "dan", "eve", "never")])
    append(tables, "sales_lines", [
        sold("ann", "milk", 100), sold("ann", "milk", 3), sold("bob", "oats", 60), sold("bob", "tea", 40),
        sold("bob", "kefir", 10), sold("cyd", "milk", 2), sold("cyd", "oats", 5), sold("dan", "old", 200),
    ])  # fmt: skip
    rows = [
        listed("ann", 1, "milk", "again", SHARES[0]), listed("ann", 2, "oats", "new"),
        listed("bob", 1, "oats", "again", SHARES[1]), listed("bob", 2, "milk", "new"),
        listed("cyd", 1, "milk", "again", SHARES[2]), listed("cyd", 2, "kefir", "new"),
        listed("eve", 1, "milk", "popular"), listed("eve", 2, "oats", "popular"),
    ]  # fmt: skip
    yesterday = [listed("ann", 1, "tea", "new", {"taste": 7.0}) | {"day": DAY - timedelta(days=1)}]
    for day, written in ((DAY - timedelta(days=1), yesterday), (DAY, rows)):
        tables.write("recommendations", LISTS.check(pa.Table.from_pylist(written)).good, day)
    return tables


def append(tables: Tables, name: str, rows: list[dict[str, Any]]) -> None:
    """Facts, by rows."""
    checked = tables.contract(name).check(pa.Table.from_pylist(rows))
    assert not checked.rejected.num_rows, checked.rejected.to_pylist()[:1]
    tables.append(name, checked.good)


def sold(customer: str, item: str, ago: int) -> dict[str, Any]:
    """A line that a member bought so many days ago."""
    day = DAY - timedelta(days=ago)
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return {"customer": customer, "item": item, "store": "s", "day": day, "sold_at": at, "receipt": f"{customer}{ago}",
            "line": item, "quantity": 1.0, "amount": 2.0}  # fmt: skip


def listed(customer: str, rank: int, item: str, kind: str, shares: dict[str, float] | None = None) -> dict[str, Any]:
    """A place in a member's list."""
    told = json.dumps(shares) if shares else None
    return {"day": DAY, "customer": customer, "rank": rank, "item": item, "kind": kind, "shares": told,
            "source": "facts"}  # fmt: skip


def test_the_lists_of_the_newest_day_are_counted(tables: Tables) -> None:
    """Eight places of four members hold three items of a range of four; what nobody bought lately is not in it."""
    found = coverage(tables, DAY)
    assert found is not None and not found.is_simulated
    assert (found.members, found.places, found.items, found.range_items) == (4, 8, 3, 4)
    assert found.kinds == {"again": 3 / 8, "new": 3 / 8, "popular": 2 / 8} and found.top_share == 1
    assert found.parts == (("dairy", 5 / 8, 3 / 4), ("dry", 3 / 8, 1 / 4))


def test_new_goods_and_members_without_a_past_are_counted(tables: Tables) -> None:
    """Kefir was first sold ten days ago; two members never bought anything, one has not for long and has no list."""
    found = coverage(tables, DAY)
    assert found is not None
    assert (found.new_items, found.new_items_shown) == (1, 1)
    assert (found.new_items_places, found.new_items_sales) == (1 / 8, 1 / 4)
    assert (found.without_purchases, found.quiet) == (2, 1)


def test_families_are_weighed_over_the_first_places(tables: Tables) -> None:
    """Mean share, how often for the item and how often the loudest; what speaks for all items alike is left out."""
    found = families(tables, DAY)
    assert found is not None and found.places == 3
    assert found.weight == {"habit": pytest.approx(1.0), "popular": pytest.approx(2 / 3)}
    assert found.spoke == {"habit": pytest.approx(2 / 3), "popular": 1.0}
    assert found.loudest == {"habit": pytest.approx(2 / 3), "popular": pytest.approx(1 / 3)}


def test_a_day_without_lists_has_no_figures(tables: Tables) -> None:
    """Before the first lists there is nothing to count, and no share of nothing."""
    assert coverage(tables, DAY + timedelta(days=1)) is None and families(tables, DAY + timedelta(days=1)) is None
