"""The price at the till, now: one look-up in what the shelf labels say.

Prices that were approved and carried out are in the table `prices` (the connector of prices writes them there), so that
till and label agree; one that is approved but not carried out yet is on no label and at no till.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aislehub.core.answers import Live, Snapshot, answer
from aislehub.core.errors import HubError

__all__ = ["till_price"]

_FOR_ALL = ("regular", "sale", "clearance")
_EVER = np.datetime64("9999-12-31", "D")


class _Prices:
    """Rows of `prices` in the order of store and item, and where each store's item begins and ends."""

    def __init__(self, prices: pd.DataFrame) -> None:
        rows = prices.sort_values(["store", "item", "valid_from"], kind="stable", ignore_index=True)
        self.kind = rows["kind"].to_numpy(object)
        self.price = rows["price"].to_numpy(float)
        self.source = rows["source"].to_numpy(object)
        self.begins = pd.to_datetime(rows["valid_from"]).to_numpy("datetime64[D]")
        self.ends = pd.to_datetime(rows["valid_to"]).fillna(pd.Timestamp("2262-01-01")).to_numpy("datetime64[D]")
        self.ends[rows["valid_to"].isna().to_numpy()] = _EVER
        keys = rows["store"].to_numpy(object), rows["item"].to_numpy(object)
        changed = np.ones(len(rows), dtype=bool)
        changed[1:] = (keys[0][1:] != keys[0][:-1]) | (keys[1][1:] != keys[1][:-1])
        first = np.flatnonzero(changed)
        spans = zip(first.tolist(), [*first[1:].tolist(), len(rows)], strict=True)
        self.spans = dict(zip(zip(keys[0][first], keys[1][first], strict=True), spans, strict=True))


def _by_store_and_item(tables: Mapping[str, pa.Table]) -> _Prices:
    return _Prices(tables["prices"].to_pandas())


@answer(reads="prices", needs="store item", prepare=_by_store_and_item)
def till_price(request: Mapping[str, Any], snapshot: Snapshot, live: Live) -> dict[str, Any]:
    """What one unit costs at a store's till.

    Request: `store`, `item`; `day` (business day, default today in UTC) and `member` (true where the shopper has the
    chain's card; nothing else about the shopper is asked). Response: `price`, its `kind`, the `regular` price, `since`,
    `until` (null while it holds), `source`. Of the prices that hold, the last one of each kind counts, and of the kinds
    the lowest.

    Raises:
        HubError: `price.not_priced`, `price.day`.
    """
    store, item, day = str(request["store"]), str(request["item"]), _day(request.get("day"))
    found: _Prices = snapshot.index
    span = found.spans.get((store, item))
    holds: dict[str, int] = {}
    if span is not None:
        kinds = (*_FOR_ALL, "member") if request.get("member") is True else _FOR_ALL
        for row in range(*span):  # oldest first, so that the last one of a kind stays
            if found.begins[row] <= day <= found.ends[row] and found.kind[row] in kinds:
                holds[found.kind[row]] = row
    if not holds:
        raise HubError("price.not_priced", store=store, item=item, day=str(day))
    asked = min(holds.values(), key=lambda row: found.price[row])
    return {
        "price": float(found.price[asked]), "kind": found.kind[asked],
        "regular": float(found.price[holds["regular"]]) if "regular" in holds else None,
        "since": str(found.begins[asked]), "until": None if found.ends[asked] == _EVER else str(found.ends[asked]),
        "source": found.source[asked] or "",
    }  # fmt: skip


def _day(text: Any) -> np.datetime64:
    try:
        return np.datetime64(date.fromisoformat(str(text)) if text else datetime.now(UTC).date(), "D")
    except ValueError as error:
        raise HubError("price.day", day=text) from error
