"""Store × segment back-off: for whom nothing is known, what their segment buys in their store, else their store, else
the chain.

The share of visits with an item is drawn to the level above as if that had been seen in `strength` visits (a
Beta–binomial with a fixed prior): P(store, segment) ← P(store) ← P(chain). Without the segment it says nothing of the
person at all, so it is also the answer to those who objected to personalisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import Baskets, FloatArray, IntArray

__all__ = ["BackOff", "Level"]


@dataclass(frozen=True)
class Level:
    """Shares of visits in places (stores, or segments of stores).

    Attributes:
        shares: (places, I), for items that were sold there; the others have `missing` × the share of the level above.
        missing: (places,).
    """

    shares: scipy.sparse.csr_matrix
    missing: FloatArray

    @classmethod
    def of(cls, place: IntArray, item: IntArray, visits: IntArray, above: FloatArray, strength: float) -> Level:
        """From lines' places (−1 = unknown) and items, and the visits of each place.

        Args:
            above: share of the level above of each line's item, (n,).
        """
        known = place >= 0
        shape = (len(visits), 0 if not len(item) else int(item.max()) + 1)
        at = (place[known], item[known])
        counts = scipy.sparse.csr_matrix((np.ones(known.sum()), at), shape=shape)
        summed = scipy.sparse.csr_matrix((above[known], at), shape=shape)
        prior = summed.data / counts.data
        total = visits + strength
        shares = counts.copy()
        shares.data = (counts.data + strength * prior) / np.repeat(total, np.diff(counts.indptr))
        return cls(shares, np.asarray(strength / total, dtype=float))

    def refine(self, place: int, items: IntArray, above: FloatArray) -> FloatArray:
        """Shares of some items in a place, (k,), from those of the level above."""
        span = slice(self.shares.indptr[place], self.shares.indptr[place + 1])
        known, share = self.shares.indices[span], self.shares.data[span]
        if not len(known):
            return above * self.missing[place]
        at = np.minimum(np.searchsorted(known, items), len(known) - 1)
        return np.where(known[at] == items, share[at], above * self.missing[place])


@dataclass(frozen=True)
class BackOff:
    """Shares of visits with each item: of the chain, (I,), of each store, and of each segment's visits in a store.

    `segments` is their number; place g × stores + s of the level stands for segment g in store s.
    """

    chain: FloatArray
    store: Level
    segment: Level
    segments: int

    @cached_property
    def stores_selling(self) -> IntArray:
        """Stores that sold each item, (I,)."""
        return _counted(self.store.shares.indices, len(self.chain))

    @classmethod
    def fit(
        cls, baskets: Baskets, day: int, *, days: int = 84, strength: float = 50.0, segment: IntArray | None = None
    ) -> BackOff:
        """From the visits of the last `days` before a day.

        Args:
            segment: of each customer, (C,), −1 = none.
        """
        late = baskets.before(day).since(day - days)
        stores = len(baskets.stores)
        chain = np.bincount(late.item, minlength=len(baskets.items)) / max(len(late.visit_day), 1)
        shop = late.visit_store
        store = Level.of(shop[late.visit], late.item, _counted(shop, stores), chain[late.item], strength)
        group = np.full(len(late.visit_day), -1) if segment is None else segment[late.visit_customer]
        segments = int(group.max(initial=-1)) + 1
        place = np.where((group >= 0) & (shop >= 0), group * stores + shop, -1)
        row = np.maximum(shop[late.visit], 0)
        above = np.asarray(store.shares[row, late.item]).ravel() if segments else np.zeros(len(late.item))
        within = Level.of(place[late.visit], late.item, _counted(place, segments * stores), above, strength)
        return cls(chain, store, within, segments)

    def scores(self, store: int, items: IntArray, segment: int = -1) -> FloatArray:
        """Share of visits with each of some items, (k,), for a store and a segment (−1 = unknown)."""
        share = self.chain[items]
        if store >= 0:
            share = self.store.refine(store, items, share)
            if 0 <= segment < self.segments:
                share = self.segment.refine(segment * len(self.store.missing) + store, items, share)
        return share

    def counted(self, store: int, item: int) -> float:
        """Share of a store's visits with an item, counted and not drawn to the chain's; 0 for an unknown store."""
        if store < 0 or (missing := float(self.store.missing[store])) == 1:
            return 0.0
        drawn, chain = float(self.scores(store, np.array([item]))[0]), float(self.chain[item])
        return max(0.0, (drawn - missing * chain) / (1 - missing))

    def best(self, store: int, count: int, segment: int = -1) -> IntArray:
        """Codes of the items of the largest shares, the largest first."""
        asked = (store, count, segment)
        if asked not in self._best:
            codes = np.union1d(self._first[: 4 * count], self._sold(store))
            shares = self.scores(store, codes, segment)
            order = np.argsort(-shares, kind="stable")[:count]
            self._best[asked] = codes[order[shares[order] > 0]]
        return self._best[asked]

    @cached_property
    def _best(self) -> dict[tuple[int, int, int], IntArray]:
        """What was asked for before: a few lists a store."""
        return {}

    @cached_property
    def _first(self) -> IntArray:
        """Items by their share in the chain."""
        return np.argsort(-self.chain, kind="stable")

    def _sold(self, store: int) -> IntArray:
        if store < 0:
            return self._first[:0]
        return self.store.shares.indices[slice(*self.store.shares.indptr[store : store + 2])]


def _counted(place: IntArray, count: int) -> NDArray[np.int64]:
    return np.bincount(place[place >= 0], minlength=count)
