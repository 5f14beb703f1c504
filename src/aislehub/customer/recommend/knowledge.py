"""What is known of items and stores at the opening of a day, the same for every customer.

Learned once from all members who may be analysed; describing one customer's candidates then needs that customer's own
purchases only, which is what an answer in milliseconds has time for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from aislehub.customer.recommend.backoff import BackOff
from aislehub.customer.recommend.baskets import Baskets, FloatArray, IntArray
from aislehub.customer.recommend.content import Content
from aislehub.customer.recommend.ease import Ease, head_items
from aislehub.customer.recommend.offers import NO_OFFERS, Offers
from aislehub.customer.recommend.seekers import bounds, thirds

__all__ = ["Catalogue", "Knowledge"]

AGAIN_DAYS = 28
NEW_DAYS = 28
NEW_ITEMS = 300
"""Items first sold in the last 28 days that content may propose, those of most buyers."""
PRIOR_BUYERS = 20.0
"""An item's rate of being bought again is drawn to the chain's as if that had been seen in so many purchases."""


@dataclass(frozen=True)
class Catalogue:
    """Items and what they are.

    Attributes:
        items: names by code, (I,); `category`, `subcategory`: codes, (I,), −1 = not said.
        content: their attributes as vectors.
    """

    items: Any
    category: IntArray
    subcategory: IntArray
    content: Content

    @classmethod
    def of(cls, items: pd.DataFrame, names: Any) -> Catalogue:
        """From rows of the table `items`; an item without a row has no attributes."""
        rows = items.drop_duplicates("item").set_index("item").reindex(names)
        above = rows["category"] if "category" in rows else pd.Series(None, rows.index, dtype=object)
        below = rows.get("subcategory", above)
        below = above.astype("string").str.cat(below.astype("string").fillna(above.astype("string")), sep="\x1f")
        category, subcategory = (pd.factorize(column)[0].astype(np.int64) for column in (above, below))
        return cls(np.asarray(names, dtype=object), category, subcategory, Content.of(rows.reset_index()))


@dataclass(frozen=True)
class Knowledge:
    """Facts as of a day.

    Attributes:
        day: days since 1970; what happened on it and later is unknown.
        popularity, trend: share of the last 84 days' visits with each item, and that of the last 14 over it, (I,).
        again: share of purchases that the same customer repeated within 28 days, (I,).
        gap: mean days between two purchases of a customer, (I,).
        price, usual: money per unit in the last 14 and 84 days, (I,); NaN = not sold.
        saving: mean share of the shelf value taken off in the last 84 days, (I,).
        on_offer: share of its purchases of the last 84 days that were made while it was on offer there, (I,).
        first_day: day of the first sale, (I,).
        between: savings that part the thirds of the members, (2,).
        backoff: shares by store and segment; ease: what is bought by the same customers.
    """

    day: int
    popularity: FloatArray
    trend: FloatArray
    again: FloatArray
    gap: FloatArray
    price: FloatArray
    usual: FloatArray
    saving: FloatArray
    on_offer: FloatArray
    first_day: IntArray
    between: FloatArray
    backoff: BackOff
    ease: Ease

    @classmethod
    def of(
        cls, baskets: Baskets, day: int, *, head: int, ridge: float, ease: Ease | None = None,
        offers: Offers = NO_OFFERS,
    ) -> Knowledge:  # fmt: skip
        """Learn from all purchases before a day.

        Args:
            head, ridge: of EASE, unless `ease` has been learned before.
            offers: what is announced.
        """
        past, count = baskets.before(day), len(baskets.items)
        quarter = past.since(day - 84)
        late = quarter.since(day - 14)
        popularity, now = (np.bincount(b.item, minlength=count) / max(len(b.visit_day), 1) for b in (quarter, late))
        usual, price = (_price(b, count) for b in (quarter, late))
        sold = np.bincount(quarter.item, minlength=count)
        saving = np.bincount(quarter.item, quarter.saving, minlength=count) / np.maximum(sold, 1)
        held = offers.at(quarter.visit_store[quarter.visit], quarter.item, quarter.visit_day[quarter.visit]) >= 0
        on_offer = np.bincount(quarter.item, held, count) / np.maximum(sold, 1)
        again, gap = _again(past, day)
        first_day = np.full(count, day)
        pairs = past.pairs  # a pair's first line is its oldest
        np.minimum.at(first_day, pairs.item, past.visit_day[past.visit[pairs.start]])
        if ease is None:
            rows = past.matrix()
            codes = head_items(rows, head)
            ease = Ease.fit(rows[:, codes], codes, ridge)
        trend = (now + 1e-4) / (popularity + 1e-4)
        between = bounds(past)
        backoff = BackOff.fit(quarter, day, days=84, segment=thirds(past, between))
        return cls(
            day, popularity, trend, again, gap, price, usual, saving, on_offer, first_day, between, backoff, ease
        )

    @cached_property
    def fresh(self) -> IntArray:
        """Items that are new in the range, those of most buyers first."""
        new = np.flatnonzero((self.first_day > self.day - NEW_DAYS) & (self.popularity > 0))
        return new[np.argsort(-self.popularity[new], kind="stable")[:NEW_ITEMS]]

    def segment(self, past: Baskets) -> IntArray:
        """Segment of the back-off of each customer, (C,), −1 = none."""
        return thirds(past, self.between)

    def with_ease(self, ease: Ease) -> Knowledge:
        """The same with another EASE, such as one that has forgotten somebody."""
        return replace(self, ease=ease)


def _price(baskets: Baskets, count: int) -> FloatArray:
    money, units = (np.bincount(baskets.item, values, count) for values in (baskets.amount, baskets.quantity))
    return np.where(units > 0, money / np.maximum(units, 1e-9), np.nan)


def _again(past: Baskets, day: int) -> tuple[FloatArray, FloatArray]:
    """Share of purchases repeated within 28 days, and mean days between purchases, (I,) each, drawn to the chain's."""
    bought = past.visit_day[past.visit]
    follows = np.zeros(len(bought), dtype=bool)
    follows[:-1] = (np.diff(past.customer) == 0) & (np.diff(past.item) == 0)
    days = np.zeros(len(bought))
    days[:-1] = np.diff(bought)
    old = bought < day - AGAIN_DAYS
    count = len(past.items)
    shares = []
    for what, of in ((follows & (days <= AGAIN_DAYS) & old, old), (np.where(follows, days, 0.0), follows)):
        total, seen = np.bincount(past.item, what, count), np.bincount(past.item, of, count)
        mean = total.sum() / max(seen.sum(), 1.0)
        shares.append((total + PRIOR_BUYERS * mean) / (seen + PRIOR_BUYERS))
    return shares[0], shares[1]
