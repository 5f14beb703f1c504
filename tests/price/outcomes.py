"""A house with sales around a change, for the tests of what changes turned out to be worth."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from aislehub.core.registry import registry
from aislehub.core.tables import Tables

STORES = [f"s{number}" for number in range(12)]
ITEMS = [f"i{number}" for number in range(8)]
Told = Callable[[str, str, date], tuple[float, float]]
"""(store, item, day) → units and price of a unit."""


def house(told: Told, days: list[date], category: str | None = "tea") -> Tables:
    """Tables of a chain that sells all items in all stores on these days; shelf prices of 4.00 cost 3.00."""
    tables = Tables(None, registry().contracts)
    rows = []
    for store in STORES:
        for item in ITEMS:
            for day in days:
                units, price = told(store, item, day)
                if units:
                    sold_at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
                    rows.append(
                        {
                            "store": store, "receipt": str(day), "line": item, "item": item, "day": day,
                            "sold_at": sold_at, "quantity": float(units), "amount": price * units,
                        }
                    )  # fmt: skip
    rows.append({**rows[-1], "line": "end", "item": "bag", "day": days[-1]})
    goods = [{"item": item, "category": category} for item in ITEMS]
    add(tables, "sales_lines", rows)
    add(tables, "items", goods)
    return tables


def add(tables: Tables, name: str, rows: list[dict[str, Any]]) -> None:
    """Load facts."""
    checked = tables.contracts[name].check(pa.Table.from_pylist(rows))
    assert not checked.rejected.num_rows, checked.rejected.to_pylist()
    tables.append(name, checked.good)


def write(tables: Tables, name: str, rows: list[dict[str, Any]], day: date) -> None:
    """Rows of a result, all other columns filled with something allowed."""
    contract = tables.contracts[name]
    frame = pd.DataFrame(rows)
    for column in contract.columns:
        if column.name not in frame:
            kind = column.type
            frame[column.name] = (
                None if not column.required
                else (column.values[0] if column.values else "{}") if kind == "text"
                else day if kind == "date"
                else False if kind == "bool"
                else 1
            )  # fmt: skip
    tables.write(name, contract.require(pa.Table.from_pandas(frame, preserve_index=False).select(contract.schema.names)
                                        .cast(contract.schema)), day)  # fmt: skip


def span(day: date, before: int, after: int) -> list[date]:
    """Days from `before` − 1 days before `day` to `after` days after it."""
    return [day + timedelta(days=ahead) for ahead in range(1 - before, after + 1)]
