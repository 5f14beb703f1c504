"""How old the stock is: which units in a store can be sold for how long, and how many will expire before they sell.

What a count of stock does not say, deliveries do. First in, first out: of what is on hand, the units of the latest
dates came last and are there in full; what is left of the count belongs to the earlier ones. Units that no delivery
explains have no date.

A position that counts units which are thrown away before the next delivery orders too little. Orders take them off: the
correction by estimated withdrawal and ageing (Broekmeulen & van Donselaar 2009, Computers & Operations Research 36).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.step import step
from aislehub.schema.stock import STOCK_AGES
from aislehub.supply.base_stock import FloatArray

__all__ = ["ages_at", "batches_of", "outdated", "stock_ages"]

Left = Callable[[NDArray[np.int64], FloatArray, FloatArray], FloatArray]
"""(rows, days, units) → how many of these units the demand of the row's first `days` days leaves over; (m,) each."""


@step(reads="supply_state receipts", writes=STOCK_AGES)
def stock_ages(supply_state: Any, receipts: Any, *, day: date) -> pd.DataFrame:
    """Units on hand by the days that are left to them, for lines whose deliveries have a date or whose goods spoil."""
    state = supply_state.filter(supply_state.day == ibis.literal(day), supply_state.on_hand > 0)
    goods = receipts.filter(receipts.quantity > 0).inner_join(
        state.select("store", "item", "on_hand", "shelf_life_days"), ["store", "item"]
    )
    dated = goods.best_before.delta(ibis.literal(day), unit="day")
    lasts = goods.shelf_life_days.floor().cast("int64") - 1
    by_life = lasts - ibis.literal(day).delta(goods.received_at.date(), unit="day")
    goods = goods.mutate(days_left=ibis.coalesce(dated, by_life))
    batches = goods.filter(goods.days_left > 0).group_by(["store", "item", "days_left"])
    found = batches.aggregate(quantity=goods.quantity.sum(), on_hand=goods.on_hand.max()).to_pandas()
    return _there(found)


def ages_at(stock_ages: Any, day: date) -> Any:
    """Rows of the table `stock_ages` at the close of `day`: store, item, days_left, units."""
    return stock_ages.filter(stock_ages.day == ibis.literal(day)).select("store", "item", "days_left", "units")


def batches_of(lines: pd.DataFrame, ages: pd.DataFrame) -> pd.DataFrame:
    """Batches of lines: `row` (position of the line), `days_left`, `units`; the earliest first.

    Args:
        lines: columns store, item; one row a line.
        ages: what `ages_at` returns.
    """
    here = lines[["store", "item"]].assign(row=np.arange(len(lines)))
    return ages.merge(here, on=["store", "item"]).sort_values(["row", "days_left"], ignore_index=True)


def outdated(batches: pd.DataFrame, days: FloatArray, left: Left) -> FloatArray:
    """Units on hand that expire unsold within `days`, (n,), where older units are sold first.

    By each date, demand has left over some of the units that expire by then; the worst date says how many are thrown
    away in all, since what is thrown away early is not there to be thrown away later.

    Args:
        batches: what `batches_of` returns.
        days: of each line, (n,).
        left: what demand leaves over.
    """
    soon = batches[batches["days_left"].to_numpy() < days[batches["row"]]]
    rows = soon["row"].to_numpy(np.int64)
    upto = soon.groupby("row")["units"].cumsum().to_numpy(float)
    lost = np.zeros(len(days))
    np.maximum.at(lost, rows, left(rows, soon["days_left"].to_numpy(float), upto))
    return lost


def _there(batches: pd.DataFrame) -> pd.DataFrame:
    """Give the units on hand to the batches, the latest date first."""
    batches = batches.sort_values(["store", "item", "days_left"], ascending=[True, True, False])
    later = batches.groupby(["store", "item"])["quantity"].cumsum() - batches["quantity"]
    units = np.clip(batches["on_hand"] - later, 0, batches["quantity"])
    return batches.assign(units=units)[units > 0][["store", "item", "days_left", "units"]]
