"""TIFU-KNN: time-decayed personal frequency, mixed with that of the customers who are most alike.

A customer's visits are cut into groups of `group` from the last one back. Within a group a visit counts `within` times
the one after it, and a group `across` times the group after it. The score is α × own + (1 − α) × mean of the
`neighbours` nearest customers (Hu, He, Gao, Zhang 2020, "Modeling Personalized Item Frequency Information for
Next-basket Recommendation", SIGIR).

Two things keep it linear in customers: neighbours are sought among a sample of `reference` customers, and both the
likeness and what neighbours add are counted on the `head` items only, where most customers meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import Baskets, IntArray

__all__ = ["Tifu", "nearest_mean", "visit_weights"]


@dataclass(frozen=True)
class Tifu:
    """Parameters, chosen on Complete Journey before 2017-10-09 (see `benchmarks/recommend.py`)."""

    group: int = 5
    within: float = 0.95
    across: float = 0.85
    alpha: float = 0.8
    neighbours: int = 300
    reference: int = 2500

    def own(self, baskets: Baskets) -> NDArray[np.float64]:
        """What each line counts for its customer, (n,)."""
        return visit_weights(baskets, self)[baskets.visit]

    def habits(self, baskets: Baskets, items: IntArray) -> scipy.sparse.csr_matrix:
        """Weighted share of each customer's visits with each of some items, (C, items)."""
        return baskets.matrix(self.own(baskets), items=items)


def visit_weights(baskets: Baskets, tifu: Tifu) -> NDArray[np.float64]:
    """Weight of each visit, (v,), 1 in sum over a customer's; so an item's is a weighted share of visits."""
    since = baskets.visits_since
    weight = tifu.within ** (since % tifu.group) * tifu.across ** (since // tifu.group)
    total = np.bincount(baskets.visit_customer, weight, len(baskets.customers))
    return weight / total[baskets.visit_customer]


def nearest_mean(
    own: scipy.sparse.csr_matrix, customers: IntArray, tifu: Tifu, *, seed: int = 0, batch: int = 1000
) -> NDArray[np.float32]:
    """Mean vector of each customer's nearest others (Euclidean), (customers, head items).

    Args:
        own: weighted frequencies of all customers on the head items, (C, H).
        customers: for whom, codes.
    """
    filled = np.flatnonzero(np.diff(own.indptr) > 0)
    chosen = filled
    if len(filled) > tifu.reference:
        chosen = np.sort(np.random.default_rng(seed).choice(filled, tifu.reference, replace=False))
    others = own[chosen].astype(np.float32)
    k = min(tifu.neighbours, max(len(chosen) - 1, 0))
    means = np.zeros((len(customers), own.shape[1]), dtype=np.float32)
    if k == 0:
        return means
    dense = np.ascontiguousarray(others.toarray().T)
    length = np.asarray(others.multiply(others).sum(axis=1)).ravel()
    for first in range(0, len(customers), batch):
        rows = customers[first : first + batch]
        # |a − b|² = |a|² − 2ab + |b|²; |a|² is the same for all others.
        far = length[None, :] - 2 * (own[rows].astype(np.float32) @ dense)
        far[chosen[None, :] == rows[:, None]] = np.inf
        near = np.argpartition(far, k - 1, axis=1)[:, :k]
        weights = scipy.sparse.csr_matrix(
            (np.full(near.size, 1 / k, np.float32), near.ravel(), np.arange(0, near.size + 1, k)),
            shape=(len(rows), len(chosen)),
        )
        means[first : first + len(rows)] = (weights @ others).toarray()
    return means
