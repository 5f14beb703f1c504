"""Pools: the candidates of a member with their scores, made ahead for those who shopped lately.

Describing a hundred candidates takes most of an answer's time, and changes only with the member's purchases and the
day. What they look at moves the scores of candidates, not what is known of them, and is added when the answer is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import Baskets, FloatArray, IntArray
from aislehub.customer.recommend.features import FEATURES, Asked, describe, usual_quantity
from aislehub.customer.recommend.interest import log_odds
from aislehub.customer.recommend.offers import Offers
from aislehub.customer.recommend.recommender import Ranked, Recommender

__all__ = ["Pool", "described", "pools"]

BATCH = 1000


@dataclass(frozen=True)
class Pool:
    """Candidates of one member.

    Attributes:
        item: codes, sorted, (q,); score: log odds of being in the next basket, looks left out, (q,).
        times: how often they bought it, (q,); overdue: days since then over their usual interval, (q,).
        units: what they buy at a time, (q,).
    """

    item: IntArray
    score: FloatArray
    times: FloatArray
    overdue: FloatArray
    units: FloatArray

    @classmethod
    def of(cls, item: IntArray, chance: FloatArray, features: NDArray[np.float32]) -> Self:
        """From described candidates."""
        times, overdue = (features[:, FEATURES.index(name)].astype(float) for name in ("bought", "days_over_gap"))
        return cls(item, log_odds(chance), times, overdue, usual_quantity(features))

    @classmethod
    def none(cls) -> Self:
        """Of who has no candidates."""
        return cls(np.zeros(0, np.int64), *(np.zeros(0) for _ in range(4)))

    def joined(self, other: Pool) -> Pool:
        """Both, sorted by item; they have none in common."""
        order = np.argsort(np.concatenate([self.item, other.item]), kind="stable")
        parts = ((vars(self)[name], vars(other)[name]) for name in vars(self))
        return Pool(*(np.concatenate(pair)[order] for pair in parts))


def pools(
    recommender: Recommender, baskets: Baskets, who: IntArray, home: IntArray, offers: Offers,
    more: Mapping[int, IntArray],
) -> dict[int, Pool]:  # fmt: skip
    """The pool of each of these customers, by code.

    Args:
        who: sorted codes; home: store of each customer, (C,); more: further candidates of some.
    """
    found: dict[int, Pool] = {}
    for first in range(0, len(who), BATCH):
        batch = who[first : first + BATCH]
        known = [(customer, more[customer]) for customer in batch.tolist() if customer in more]
        pairs = (
            np.concatenate([np.zeros(0, np.int64), *(np.full(len(items), customer) for customer, items in known)]),
            np.concatenate([np.zeros(0, np.int64), *(items for _, items in known)]),
        )
        found |= _split(recommender.rank(baskets, batch, store=home, offers=offers, more=pairs))
    return found


def described(
    recommender: Recommender, past: Baskets, store: int, items: IntArray, offers: Offers
) -> tuple[NDArray[np.float32], FloatArray]:
    """Features of some items for the one customer of `past`, (q, F), and the chance of each, (q,)."""
    asked = Asked(np.zeros(len(items), np.int64), items, np.array([store]))
    features = describe(recommender.known, recommender.catalogue, offers, past, asked, recommender.tifu)
    return features, recommender.scores(features)


def _split(ranked: Ranked) -> dict[int, Pool]:
    customers, first = np.unique(ranked.customer, return_index=True)
    ends = np.append(first[1:], len(ranked.customer))
    return {
        int(customer): Pool.of(ranked.item[a:b], ranked.score[a:b], ranked.features[a:b])
        for customer, a, b in zip(customers, first, ends, strict=True)
    }
