"""What may be recommended, and what it brings: the range, the stock of each store, and money per unit.

What the law keeps from being advertised is recommended to nobody, alcohol only to those who bought it before. An item
that has run out in a customer's store is not recommended there. Where no figure of its stock is known, as for what a
store sells too seldom to be replenished by forecast, nothing is held against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import FloatArray, IntArray
from aislehub.customer.recommend.recommender import Recommender
from aislehub.law.advertising import COLUMNS, barred, of_age

__all__ = ["Shelf", "Terms", "may_be_shown"]

STOCK_DAYS = 7
"""Age in days from which a figure of the stock says nothing any more."""


@dataclass(frozen=True)
class Shelf:
    """Which items have run out where: sorted numbers store × items + item; and whether that was made up."""

    items: int
    out: IntArray
    source: str

    @classmethod
    def of(cls, stock: Any, supply_state: Any, recommender: Recommender, day: date) -> Shelf:
        """From the day's state of supply, and the last counts of what it does not list."""
        last = stock.filter(stock.day <= ibis.literal(day), stock.day > ibis.literal(day - timedelta(days=STOCK_DAYS)))
        newest = last.group_by("store", "item").agg(on_hand=last.on_hand.argmax(last.day)).to_pandas()
        state = supply_state.filter(supply_state.day == ibis.literal(day))
        listed = state.select("store", "item", "on_hand", "source").to_pandas()
        every = pd.concat([listed, newest]).drop_duplicates(["store", "item"])
        gone = every[every["on_hand"].astype(float) <= 0]
        store = pd.Index(recommender.stores).get_indexer(gone["store"])
        item = pd.Index(recommender.catalogue.items).get_indexer(gone["item"])
        known = (store >= 0) & (item >= 0)
        count = len(recommender.catalogue.items)
        made_up = listed["source"].astype(str).str.contains("simulated: .*stock").any()
        out = np.sort((store * count + item)[known].astype(np.int64))
        return cls(count, out, "simulated: stock" if made_up else "facts")

    def has(self, store: IntArray, item: IntArray) -> NDArray[np.bool_]:
        """Whether each item is not known to have run out in a store, (q,); −1 = unknown store."""
        if not len(self.out):
            return np.ones(len(item), dtype=bool)
        place = store * self.items + item
        at = np.minimum(np.searchsorted(self.out, place), len(self.out) - 1)
        return (store < 0) | (self.out[at] != place)


@dataclass(frozen=True)
class Terms:
    """Of each item, (I,).

    Attributes:
        listed: may be recommended tomorrow; of_age: only to those who bought it before.
        brings: money a unit; counted: how that was counted.
    """

    listed: NDArray[np.bool_]
    of_age: NDArray[np.bool_]
    brings: FloatArray
    counted: NDArray[np.object_]

    @classmethod
    def of(cls, items: Any, supply_state: Any, recommender: Recommender, day: date) -> Terms:
        """Money a unit: its margin by the day's state of supply; where no store says, the usual price without tax."""
        names = ("item", "price", "tax_rate", "is_sellable", "listed_from", "delisted_from", *COLUMNS)
        rows = items.select(*names).to_pandas().drop_duplicates("item").set_index("item")
        rows = rows.reindex(recommender.catalogue.items)
        state = supply_state.filter(supply_state.day == ibis.literal(day)).select("item", "price", "cost").to_pandas()
        _, margin = unit_money(state, pd.Index(recommender.catalogue.items))
        price, tax = (rows[name].astype(float).to_numpy() for name in ("price", "tax_rate"))
        seen = recommender.known.usual
        price = np.where(np.isnan(seen), np.nan_to_num(price), seen) / (1 + np.nan_to_num(tax))
        known = ~np.isnan(margin)
        counted = np.where(known, "contribution", "amount").astype(object)
        return cls(
            may_be_shown(rows, day + timedelta(days=1)), of_age(rows), np.where(known, margin, price), counted
        )  # fmt: skip


def unit_money(state: pd.DataFrame, items: pd.Index) -> tuple[FloatArray, FloatArray]:
    """Median price and margin of a unit over the stores, without tax, (I,) each; NaN where no store says.

    Args:
        state: columns item, price and cost of a day's `supply_state`.
    """
    middle = state.assign(margin=state["price"] - state["cost"]).groupby("item")[["price", "margin"]].median()
    found = middle.reindex(items)
    return found["price"].to_numpy(float), found["margin"].to_numpy(float)


def may_be_shown(items: pd.DataFrame, day: date) -> NDArray[np.bool_]:
    """Which items can be bought on a day and may be recommended at all, (I,)."""
    begun = ~(pd.to_datetime(items["listed_from"]) > pd.Timestamp(day))
    ended = pd.to_datetime(items["delisted_from"]) <= pd.Timestamp(day)
    sellable = items["is_sellable"].astype("boolean").fillna(True)
    return (begun & ~ended & sellable).to_numpy(dtype=bool) & ~barred(items)
