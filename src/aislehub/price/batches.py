"""Which units in a store expire first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
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


def first_expiry(lines: pd.DataFrame, stock_ages: Any, day: date) -> Expiry:
    """Expiry of each line.

    Args:
        lines: columns store, item, on_hand.
        stock_ages: the table.
    """
    today = stock_ages.filter(stock_ages.day == ibis.literal(day)).select("store", "item", "days_left", "units")
    earliest = today.to_pandas().sort_values("days_left").groupby(["store", "item"], as_index=False).first()
    found = (
        lines[["store", "item"]]
        .merge(earliest, on=["store", "item"], how="left")
        .fillna({"days_left": 0, "units": 0.0})
    )
    units = found["units"].to_numpy(float)
    on_hand = np.maximum(lines["on_hand"].to_numpy(float), 0)
    return Expiry(found["days_left"].to_numpy(np.int64), units, np.maximum(on_hand - units, 0))
