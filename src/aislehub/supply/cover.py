"""Stock cover, now: how long an item will last in a store, with the sales of the last minutes already off.

The answer behind a shelf camera, a shop assistant's phone or a web shop's "only 3 left": the stock at the close of
the last day, less what live events have sold since, against the forecast of the coming days.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from aislehub.core.answers import Live, Snapshot, answer
from aislehub.core.errors import HubError

__all__ = ["stock_cover"]

Key = tuple[str, str]


def _by_store_and_item(tables: Mapping[str, pa.Table]) -> dict[Key, dict[str, Any]]:
    """Stock and cumulated forecast of every line of the newest day, for one look-up a request."""
    state = tables["supply_state"].to_pandas()
    forecast = tables["demand_forecast"].to_pandas().sort_values("ds")
    totals = {key: rows.to_numpy(float) for key, rows in forecast.groupby(["store", "item"])["total_mean"]}
    return {
        (row["store"], row["item"]): row | {"totals": totals.get((row["store"], row["item"]), np.empty(0))}
        for row in state.to_dict("records")
    }


@answer(
    reads="supply_state demand_forecast", needs="store item", prepare=_by_store_and_item,
    columns={
        "supply_state": "day store item on_hand on_order source",
        "demand_forecast": "store item ds total_mean",
    },
)  # fmt: skip
def stock_cover(request: Mapping[str, Any], snapshot: Snapshot, live: Live) -> dict[str, Any]:
    """Units on hand now and the days they last.

    Request: `store`, `item`. Response: `on_hand` (units, live sales off), `sold_live`, `on_order`, `days` (whole days
    of forecast demand that the stock covers; null without a forecast), `as_of` (the close it started from), `source`.

    Raises:
        HubError: `supply.not_in_range`.
    """
    line = snapshot.index.get((str(request["store"]), str(request["item"])))
    if line is None:
        raise HubError("supply.not_in_range", store=request["store"], item=request["item"])
    sold = sum(
        float(event.get("quantity") or 1)
        for event in live.events
        if event.get("kind") == "purchase" and (event.get("store"), event.get("item")) == (line["store"], line["item"])
    )
    left = max(line["on_hand"] - sold, 0.0)
    days = int(np.searchsorted(line["totals"], left, side="right")) if len(line["totals"]) else None
    return {
        "on_hand": left, "sold_live": sold, "on_order": line["on_order"], "days": days,
        "as_of": str(line["day"]), "source": line["source"],
    }  # fmt: skip
