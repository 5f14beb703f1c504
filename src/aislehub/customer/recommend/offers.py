"""What is offered in a store on a day: promotions as arrays that are asked millions of times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import EPOCH, Baskets, IntArray

__all__ = ["NO_OFFERS", "Offers", "read_offers"]

FAR = 1 << 20
"""More days than any calendar here holds."""


@dataclass(frozen=True)
class Offers:
    """Promotions, sorted by store, item and first day.

    Attributes:
        place: store × items + item, (m,); starts, ends: days since 1970; known: day before whose opening it was known.
        display, mailer: shown in a second place, in the leaflet, (m,); discount: share taken off, 0 where not said.
    """

    items: int
    place: IntArray
    starts: IntArray
    ends: IntArray
    known: IntArray
    display: NDArray[np.float32]
    mailer: NDArray[np.float32]
    discount: NDArray[np.float32]

    @cached_property
    def _order(self) -> IntArray:
        """What promotions are sorted by, (m,)."""
        return self.place * FAR + self.starts

    def at(self, store: IntArray, item: IntArray, day: IntArray | int) -> IntArray:
        """The promotion that began last of those that hold in a store for an item on a day: its place, −1 = none."""
        if not len(self.place):
            return np.full(len(item), -1)
        place = store * self.items + item
        found = np.searchsorted(self._order, place * FAR + day, side="right") - 1
        holds = (found >= 0) & (store >= 0) & (self.place[found] == place) & (self.ends[found] >= day)
        return np.where(holds, found, -1)

    def in_chain(self, day: int, items: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """In how many stores each item is shown in a second place, and in the leaflet, on a day, (I,) each."""
        if (day, items) not in self._counted:
            holds = (self.starts <= day) & (self.ends >= day)
            item = self.place[holds] % items
            display, mailer = (np.bincount(item, shown[holds], items) for shown in (self.display, self.mailer))
            self._counted[day, items] = display.astype(float), mailer.astype(float)
        return self._counted[day, items]

    @cached_property
    def _counted(self) -> dict[tuple[int, int], tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """What `in_chain` counted: an answer asks for the same three days again and again."""
        return {}

    def known_before(self, day: int) -> Offers:
        """Those that had been announced at the opening of a day."""
        return self._only(self.known <= day)

    def _only(self, kept: NDArray[np.bool_]) -> Offers:
        return Offers(
            self.items, self.place[kept], self.starts[kept], self.ends[kept], self.known[kept], self.display[kept],
            self.mailer[kept], self.discount[kept],
        )  # fmt: skip


_NONE, _NOTHING = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
NO_OFFERS = Offers(0, _NONE, _NONE, _NONE, _NONE, _NOTHING, _NOTHING, _NOTHING)


def read_offers(promotions: Any, baskets: Baskets) -> Offers:
    """From the table `promotions` (as of a day), of the stores and items that members buy in."""
    columns = ["store", "item", "starts", "ends", "display", "mailer", "discount", "known_at"]
    return offers_of(promotions.select(*columns).to_pyarrow(), baskets)


def offers_of(rows: pa.Table, baskets: Baskets) -> Offers:
    """The same from an Arrow table. One that runs longer than those that began after it holds after they ended."""
    store, item = (
        pd.Index(names).get_indexer(rows[name].to_pandas())
        for name, names in (("store", baskets.stores), ("item", baskets.items))
    )
    kept = (store >= 0) & (item >= 0)
    place = (store * len(baskets.items) + item)[kept].astype(np.int64)
    starts, ends = (rows[name].cast(pa.int32()).to_numpy()[kept].astype(np.int64) for name in ("starts", "ends"))
    known = (rows["known_at"].cast(pa.int64()).to_numpy()[kept] // 86_400_000_000).astype(np.int64) + 1
    shown = [_said(rows[name])[kept] for name in ("display", "mailer")]
    discount = rows["discount"].to_pandas().astype(float).fillna(0.0).to_numpy(np.float32)[kept]
    order = np.lexsort((ends, starts, place))
    return Offers(
        len(baskets.items), place[order], starts[order], ends[order], known[order], shown[0][order], shown[1][order],
        discount[order],
    )  # fmt: skip


def _said(values: pa.ChunkedArray) -> NDArray[np.float32]:
    return (values.to_pandas().fillna("") != "").to_numpy(np.float32)


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days
