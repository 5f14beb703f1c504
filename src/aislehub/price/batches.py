"""Which units in a store expire first, from the best-before dates of what was delivered.

First in, first out: of what is on hand, the units of the latest dates came last and are there in full; what is left of
the count belongs to the earlier ones. Units that no delivery explains have no date.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from aislehub.price.guardrails import IntArray
from aislehub.price.ladder import FloatArray

__all__ = ["Expiry", "first_expiry"]


@dataclass(frozen=True)
class Expiry:
    """The units that expire first, of n lines.

    Attributes:
        days: business days on which they can still be sold, from tomorrow, (n,); 0 = no date is known.
        units: that have that date, (n,).
        later: other units on hand, with a later date or none, (n,).
    """

    days: IntArray
    units: FloatArray
    later: FloatArray


def first_expiry(lines: pd.DataFrame, deliveries: pd.DataFrame) -> Expiry:
    """Expiry of each line.

    Args:
        lines: columns store, item, on_hand.
        deliveries: columns store, item, left (days on which it can still be sold, from tomorrow) and quantity; what has
            expired already is not among the units that can be sold.
    """
    on_hand = np.maximum(lines["on_hand"].to_numpy(float), 0)
    here = lines.reset_index(drop=True).reset_index(names="line")[["line", "store", "item"]]
    batches = deliveries[(deliveries["left"] > 0) & (deliveries["quantity"] > 0)].merge(here, on=["store", "item"])
    batches = batches.groupby(["line", "left"], as_index=False)["quantity"].sum()
    batches = batches.sort_values(["line", "left"], ascending=[True, False])
    room = on_hand[batches["line"]] - (batches.groupby("line")["quantity"].cumsum() - batches["quantity"]).to_numpy()
    batches = batches.assign(there=np.clip(room, 0, batches["quantity"].to_numpy()))
    earliest = batches[batches["there"] > 0].groupby("line").last()
    days, units = np.zeros(len(lines), dtype=np.int64), np.zeros(len(lines))
    days[earliest.index] = earliest["left"].to_numpy(np.int64)
    units[earliest.index] = earliest["there"].to_numpy(float)
    return Expiry(days, units, on_hand - units)
