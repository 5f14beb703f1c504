"""Prices that were asked for each line of late: the evidence that a law of prices is checked against."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ibis
import pandas as pd

__all__ = ["EVIDENCE_DAYS", "asked_prices"]

EVIDENCE_DAYS = 91
"""Days of prices that the laws look back on, and one."""


def asked_prices(
    lines: pd.DataFrame, prices: Any, day: date
) -> dict[tuple[str, str], list[tuple[date, date | None, float]]]:
    """(first day, last day or None while it holds, price) of what everybody was asked, by store and item, newest first.

    A price without an end holds until the next one of its kind.

    Args:
        lines: store, item: the lines wanted.
        prices: the lazy table of announced prices.
    """
    first = ibis.literal(day - timedelta(days=EVIDENCE_DAYS))
    columns = ("store", "item", "kind", "valid_from", "valid_to", "price")
    rows = prices.filter((prices.kind != "member") & (prices.valid_to.isnull() | (prices.valid_to >= first)))
    rows = rows.semi_join(ibis.memtable(lines[["store", "item"]].drop_duplicates()), ["store", "item"])
    ordered = rows.select(*columns).order_by(["store", "item", "kind", ibis.desc("valid_from")])
    found: dict[tuple[str, str], list[tuple[date, date | None, float]]] = {}
    following: dict[tuple[str, str, str], date] = {}
    for row in ordered.to_pyarrow().to_pylist():
        kind = row["store"], row["item"], row["kind"]
        begins = following.get(kind)
        end = row["valid_to"] or (begins - timedelta(days=1) if begins else None)
        found.setdefault(kind[:2], []).append((row["valid_from"], end, row["price"]))
        following[kind] = row["valid_from"]
    return found
