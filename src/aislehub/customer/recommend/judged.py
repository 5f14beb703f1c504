"""How good a ranking is: NDCG@10 of the next basket, and whether one ranking beats another.

NDCG counts each item of the basket among the first ten by 1 / log2(1 + its rank), over the most that the basket could
have had (Järvelin and Kekäläinen 2002). Two rankings are compared on the same customers: the ratio of their means, with
an interval from a bootstrap that draws whole customers, all their origins together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import FloatArray, IntArray
from aislehub.customer.recommend.candidates import rank_within

__all__ = ["DEPTH", "Ratio", "ndcg", "ratio"]

DEPTH = 10
GAINS = 1 / np.log2(np.arange(2, DEPTH + 2))


@dataclass(frozen=True)
class Ratio:
    """Mean of one ranking over the mean of another, with its interval."""

    value: float
    low: float
    high: float


def ndcg(customer: IntArray, item: IntArray, basket: scipy.sparse.csr_matrix, who: IntArray) -> FloatArray:
    """NDCG@10 of each customer of `who`, (w,).

    Args:
        customer, item: recommended pairs, by customer, the best first; those after the tenth do not count.
        basket: what each bought next, (C, I).
    """
    rank = rank_within(customer)
    first = rank < DEPTH
    customer, item, rank = customer[first], item[first], rank[first]
    hit = np.asarray(basket[customer, item]).ravel() > 0
    gained = np.bincount(customer, hit * GAINS[rank], basket.shape[0])[who]
    size = np.minimum(np.diff(basket.indptr)[who], DEPTH)
    return gained / np.cumsum(GAINS)[np.maximum(size, 1) - 1]


def ratio(
    ours: Sequence[FloatArray], theirs: Sequence[FloatArray], who: Sequence[IntArray], *, draws: int = 2000,
    share: float = 0.9, seed: int = 0,
) -> Ratio:  # fmt: skip
    """Ratio of the means over all origins, with an interval that holds `share` of the draws.

    Args:
        ours, theirs: NDCG by origin, of the customers `who`.
    """
    names, place = np.unique(np.concatenate(who), return_inverse=True)
    sums = [np.bincount(place, np.concatenate(values), len(names)) for values in (ours, theirs)]
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(names), np.full(len(names), 1 / max(len(names), 1)), size=draws)
    tops, bottoms = drawn @ sums[0], drawn @ sums[1]
    spread: NDArray[np.float64] = tops / np.maximum(bottoms, 1e-12)
    low, high = np.quantile(spread, [(1 - share) / 2, (1 + share) / 2])
    return Ratio(float(sums[0].sum() / max(sums[1].sum(), 1e-12)), float(low), float(high))
