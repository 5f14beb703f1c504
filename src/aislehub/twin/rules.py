"""Today's rules of a chain, as a retailer without the hub has them in a spreadsheet.

They see `Books`, what the chain's own computers hold at a close, and nothing of the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from aislehub.twin.emit import Offer
from aislehub.twin.world import FloatArray, IntArray

__all__ = ["Books", "follow_competitor", "rotating", "weeks_of_cover"]

ROUNDS = 10  # weeks until an item is promoted again
DISCOUNT = 0.20
FOLLOWS = 0.5  # share of a competitor's move that the price follows
REVIEWED = 4  # weeks until an item's price is looked at again
LEAST_MARKUP = 1.05


@dataclass(frozen=True)
class Books:
    """What is known at a close; S stores, I items.

    Attributes:
        day: the coming day.
        regular, cost: list price and purchase cost, (S, I); case, life: (I,); lead_days: (S, I).
        sold: units of the last 28 days, (28, S, I) at most.
        stock, on_order: (S, I).
        seen: the competitor's price as seen first and as seen last, (2, I).
    """

    day: date
    regular: FloatArray
    cost: FloatArray
    case: FloatArray
    life: IntArray
    lead_days: IntArray
    sold: FloatArray
    stock: FloatArray
    on_order: FloatArray
    seen: FloatArray


def weeks_of_cover(books: Books, weeks: float) -> FloatArray:
    """Raise every line to some weeks of mean sales, at most until it spoils, in whole cases; units, (S, I)."""
    days = np.minimum(7 * weeks, books.lead_days + books.life)
    level = np.maximum(np.ceil(days * books.sold.mean(axis=0)), 1.0)
    missing = level - books.stock - books.on_order
    return np.where(missing > 0, np.ceil(missing / books.case) * books.case, 0.0)


def follow_competitor(books: Books, prices: FloatArray) -> FloatArray:
    """Shelf prices moved half as far from the list as the competitor's have moved; money, (S, I).

    Every fourth item is looked at in a week. Steps of 5 cents, never below cost and a little.
    """
    turn = (np.arange(books.regular.shape[1]) + books.day.toordinal() // 7) % REVIEWED == 0
    moved = books.regular * (books.seen[1] / books.seen[0]) ** FOLLOWS
    least = np.ceil(LEAST_MARKUP * 100 * books.cost) / 100
    return np.where(turn, np.maximum(np.round(20 * moved) / 20, least), prices)


def rotating(shape: tuple[int, int], starts: date) -> Offer:
    """A week at 20 % off in the leaflet for every tenth item, another tenth each week, every other one on display."""
    turn = np.broadcast_to((np.arange(shape[1]) + starts.toordinal() // 7) % ROUNDS == 0, shape)
    shown = turn & (np.cumsum(turn, axis=1) % 2 == 0)
    return Offer(starts, starts + timedelta(days=6), turn, shown, DISCOUNT * turn)
