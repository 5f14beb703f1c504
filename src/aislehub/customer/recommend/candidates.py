"""Candidates: the items among which a customer's recommendations are chosen, from several simple scorers.

own items by TIFU's weights            what they will buy again
EASE, of items they never bought       what goes with what they buy lately
store × segment                        what those who save as much buy where they shop
content, among items new in the range  what nobody knows well yet
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import Baskets, FloatArray, IntArray
from aislehub.customer.recommend.frequency import purchase_weights
from aislehub.customer.recommend.knowledge import Catalogue, Knowledge
from aislehub.customer.recommend.tifu import Tifu

__all__ = ["Sizes", "candidates"]


@dataclass(frozen=True)
class Sizes:
    """Candidates at most from each scorer."""

    own: int = 50
    ease: int = 25
    store: int = 20
    content: int = 5


def candidates(
    known: Knowledge, catalogue: Catalogue, past: Baskets, who: IntArray, store: IntArray, tifu: Tifu,
    sizes: Sizes,
) -> tuple[IntArray, IntArray]:  # fmt: skip
    """Pairs (customer, item), codes, sorted, each once.

    Args:
        past: purchases before `known.day`.
        who: customers, sorted; store: of each customer, (C,), −1 = unknown.
    """
    parts = [_own(past, who, tifu, sizes.own), _together(known, past, who, tifu, sizes.ease)]
    parts += [
        _store(known, who, store, known.segment(past), sizes.store),
        _new(known, catalogue, past, who, sizes.content),
    ]
    keys = np.unique(np.concatenate([customer * len(past.items) + item for customer, item in parts]))
    return keys // len(past.items), keys % len(past.items)


def _own(past: Baskets, who: IntArray, tifu: Tifu, most: int) -> tuple[IntArray, IntArray]:
    pairs = past.pairs
    asked = np.isin(pairs.customer, who)
    score = pairs.sum(tifu.own(past))[asked]
    return _top(pairs.customer[asked], pairs.item[asked], score, most)


def _together(
    known: Knowledge, past: Baskets, who: IntArray, tifu: Tifu, most: int, batch: int = 1000
) -> tuple[IntArray, IntArray]:
    habits = tifu.habits(past, known.ease.items)
    most = min(most, len(known.ease.items))
    customers, items = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for first in range(0, len(who) if most else 0, batch):
        rows = who[first : first + batch]
        mine = habits[rows]
        scores = known.ease.scores(mine)
        scores[mine.nonzero()] = -np.inf
        best = np.argpartition(-scores, most - 1, axis=1)[:, :most]
        fit = np.take_along_axis(scores, best, axis=1) > 0
        customers.append(np.repeat(rows, most)[fit.ravel()])
        items.append(known.ease.items[best.ravel()][fit.ravel()])
    return np.concatenate(customers), np.concatenate(items)


def _store(known: Knowledge, who: IntArray, store: IntArray, segment: IntArray, most: int) -> tuple[IntArray, IntArray]:
    places = np.column_stack([store[who], segment[who]])
    kinds, kind = np.unique(places, axis=0, return_inverse=True)
    best = [known.backoff.best(int(shop), most, int(group)) for shop, group in kinds]
    counts = np.array([len(codes) for codes in best], dtype=np.int64)
    items = [best[place] for place in kind.ravel()]
    return np.repeat(who, counts[kind.ravel()]), np.concatenate([np.zeros(0, np.int64), *items])


def _new(known: Knowledge, catalogue: Catalogue, past: Baskets, who: IntArray, most: int) -> tuple[IntArray, IntArray]:
    fresh = known.fresh
    most = min(most, len(fresh))
    if not most:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    profile = catalogue.content.profiles(past.matrix(purchase_weights(past, known.day, 120.0)))
    alike = (profile[who] @ catalogue.content.vectors[fresh].T).toarray()
    best = np.argpartition(-alike, most - 1, axis=1)[:, :most]
    fit = np.take_along_axis(alike, best, axis=1) > 0
    return np.repeat(who, most)[fit.ravel()], fresh[best.ravel()][fit.ravel()]


def _top(customer: IntArray, item: IntArray, score: FloatArray, most: int) -> tuple[IntArray, IntArray]:
    """The `most` best items of each customer."""
    order = np.lexsort((item, -score, customer))
    kept = order[rank_within(customer[order]) < most]
    return customer[kept], item[kept]


def rank_within(groups: IntArray) -> NDArray[np.int64]:
    """0, 1, 2 … within each run of equal neighbours."""
    first = np.ones(len(groups), dtype=bool)
    first[1:] = np.diff(groups) != 0
    start = np.flatnonzero(first)
    return np.arange(len(groups)) - np.repeat(start, np.diff(np.append(start, len(groups))))
