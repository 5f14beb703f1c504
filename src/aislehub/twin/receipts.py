"""From units sold to receipts: which shopper of a store had what in the basket, at which second, member or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from aislehub.twin.chain import Outcome
from aislehub.twin.demand import stream
from aislehub.twin.world import CONVERSION, BoolArray, FloatArray, IntArray, World

__all__ = ["HOURS", "OPENS", "Lines", "members_of", "receipts"]

OPENS = 7
HOURS = np.array([3, 5, 6, 7, 9, 8, 7, 7, 8, 11, 12, 9, 5, 3]) / 100
"""Share of the visitors by hour, from `OPENS` on."""
MEMBERS = 6.0  # of a store's club, per daily visitor
MEMBER_SHARE = 0.6  # of the receipts
ONLINE_SHARE = 0.15  # of members' receipts
BASKETS_DIFFER = 1.5  # exponent: how unevenly units fall on receipts, and receipts on members


@dataclass(frozen=True)
class Lines:
    """Lines of a day's receipts in order of receipts, (n,) each.

    Attributes:
        receipt: number within the chain's day; line: number within the receipt, from 1; cell: store × item, row-major.
        units: sold; second: of the day; customer: number of the member, -1 = unknown; online: by app.
    """

    receipt: IntArray
    line: IntArray
    cell: IntArray
    units: FloatArray
    second: IntArray
    customer: IntArray
    online: BoolArray

    def names(self, day: date) -> list[str]:
        """Receipt number of each line."""
        return [f"{day:%y%m%d}-{number:06d}" for number in self.receipt]


def members_of(world: World) -> IntArray:
    """Members of each store's club, (S,)."""
    return np.ceil(MEMBERS * world.visitors).astype(np.int64)


def receipts(world: World, seed: int, outcome: Outcome) -> Lines:
    """Deal the day's units out to shoppers, a share of those who entered; a unit falls on one receipt of its store."""
    rng = stream(world, seed, (outcome.day - world.start).days, 1)
    stores, items = world.shape
    unit = np.repeat(np.arange(stores * items), outcome.sold.ravel().astype(np.int64))
    store = unit // items
    sold = np.bincount(store, minlength=stores)
    buyers = np.clip(rng.binomial(outcome.footfall.astype(np.int64), CONVERSION), np.minimum(sold, 1), sold)
    first = np.cumsum(buyers) - buyers
    receipt = first[store] + np.floor(rng.random(len(unit)) ** BASKETS_DIFFER * buyers[store]).astype(np.int64)
    pairs, units = np.unique(receipt * (stores * items) + unit, return_counts=True)
    receipt, cell = pairs // (stores * items), pairs % (stores * items)

    count = int(buyers.sum())
    shop = np.repeat(np.arange(stores), buyers)
    hour = rng.choice(len(HOURS), count, p=HOURS)
    second = np.floor(3600 * (OPENS + hour + rng.random(count))).astype(np.int64)
    club = members_of(world)
    member = (np.cumsum(club) - club)[shop] + np.floor(rng.random(count) ** BASKETS_DIFFER * club[shop]).astype(
        np.int64
    )
    customer = np.where(rng.random(count) < MEMBER_SHARE, member, -1)
    online = (customer >= 0) & (rng.random(count) < ONLINE_SHARE)
    starts = np.flatnonzero(np.diff(receipt, prepend=-1))
    line = np.arange(len(receipt)) - np.repeat(starts, np.diff(starts, append=len(receipt))) + 1
    return Lines(receipt, line, cell, units.astype(float), second[receipt], customer[receipt], online[receipt])
