"""One member's purchases, cut out of everybody's in microseconds, with those of the last minutes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from aislehub.customer.recommend.baskets import Baskets, FloatArray, IntArray

__all__ = ["bought_now", "of_one"]


def of_one(baskets: Baskets, customer: int) -> Baskets:
    """The purchases of one customer; their code becomes 0. A customer of code −1 has none."""
    lines = slice(*np.searchsorted(baskets.customer, [customer, customer + 1])) if customer >= 0 else slice(0)
    visits = slice(*np.searchsorted(baskets.visit_customer, [customer, customer + 1])) if customer >= 0 else slice(0)
    item, visit = baskets.item[lines], baskets.visit[lines] - (visits.start or 0)
    day, store = baskets.visit_day[visits], baskets.visit_store[visits]
    return Baskets(
        baskets.customers[customer : customer + 1] if customer >= 0 else np.array([""], dtype=object), baskets.items,
        baskets.stores, np.zeros_like(item), item, visit, baskets.quantity[lines], baskets.amount[lines],
        baskets.saving[lines], np.zeros_like(day), day, store,
    )  # fmt: skip


def bought_now(
    past: Baskets, events: Iterable[Mapping[str, Any]], items: pd.Index, price: FloatArray, day: int
) -> Baskets:
    """One customer's purchases with what events say they bought since, as one more visit on the day before `day`.

    Args:
        price: of a unit, (I,), NaN = unknown; events do not say what was paid.
    """
    units: dict[int, float] = {}
    store = -1
    for event in events:
        if event.get("kind") == "purchase" and event.get("item") in items:
            code = int(items.get_loc(event["item"]))
            units[code] = units.get(code, 0.0) + float(event.get("quantity") or 1.0)
            found = np.flatnonzero(past.stores == event.get("store"))
            store = int(found[0]) if len(found) else store
    if not units:
        return past
    codes = np.fromiter(units, np.int64, len(units))
    quantity = np.fromiter(units.values(), float, len(units))
    paid = quantity * np.nan_to_num(price[codes])
    item = np.concatenate([past.item, codes])
    visit = np.concatenate([past.visit, np.full(len(codes), len(past.visit_day))])
    order = np.lexsort((visit, item))

    def joined(old: FloatArray | IntArray, new: FloatArray | IntArray) -> Any:
        return np.concatenate([old, new])[order]

    return Baskets(
        past.customers, past.items, past.stores, np.zeros(len(item), np.int64), item[order], visit[order],
        joined(past.quantity, quantity), joined(past.amount, paid), joined(past.saving, np.zeros(len(codes))),
        np.append(past.visit_customer, 0), np.append(past.visit_day, day - 1), np.append(past.visit_store, store),
    )  # fmt: skip
