"""Receipts are evidence where the law asks for them, without who paid."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd

from aislehub.price.pricing import Policy
from aislehub.price.sold import SOLD_PRICES, sold_prices
from aislehub.schema import SALES_LINES, STORES

from .shelf import DAY, ago, table


def line(days: int, price: float, store: str = "1", **given: Any) -> dict[str, Any]:
    """A line of two units sold so many days ago."""
    day = ago(days)
    return {
        "store": store, "receipt": f"{days}-{price}", "line": "1", "item": "milk", "day": day, "customer": "c1",
        "sold_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "quantity": 2.0, "amount": 2 * price,
    } | given  # fmt: skip


def paid(*lines: dict[str, Any], policy: Policy | None = None) -> dict[tuple[str, int], float]:
    """(store, days ago) → lowest price paid; store 1 is in China, store 2 in the United States."""
    stores = table(STORES, [{"store": "1", "country": "CN"}, {"store": "2", "country": "US"}])
    frame = sold_prices(table(SALES_LINES, list(lines)), stores, day=DAY, policy=policy or Policy())
    rows = frame.itertuples(index=False)
    return {(row.store, (pd.Timestamp(DAY) - pd.Timestamp(row.sold_on)).days): row.price for row in rows}


def test_the_lowest_price_of_each_day_of_the_week() -> None:
    """Of each of the last seven days the lowest price paid, returns aside; else the last day with a sale."""
    found = paid(line(0, 2.0), line(0, 1.8), line(6, 2.2), line(7, 1.0), line(1, 1.5, quantity=-2.0, amount=-3.0))
    assert found == {("1", 0): 1.8, ("1", 6): 2.2}
    assert paid(line(30, 2.0), line(20, 2.1)) == {("1", 20): 2.1}


def test_only_where_the_law_counts_from_receipts() -> None:
    """Stores of other countries have no rows, unless the settings say that China's law holds there."""
    assert paid(line(0, 2.0, store="2")) == {}
    assert paid(line(0, 2.0, store="2"), policy=Policy(law=["cn"])) == {("2", 0): 2.0}


def test_nobody_is_in_it() -> None:
    """No column of it stands for a person."""
    assert SOLD_PRICES.persons == () and "customer" not in SOLD_PRICES.schema.names
