"""The gate of the ranker: it serves only where it has beaten the base on what came after it was learned.

A ranker is learned on origins whose next baskets were all over before the first judged one, then both rank the same
candidates of the same customers at each judged origin. It passes when it is better at every origin, and the lower end
of the 90 % interval of the ratio over all of them is above 1. What then serves is learned in the same way on the latest
origins, for old ones make it worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import sparse

from aislehub.customer.recommend.baskets import FloatArray, IntArray
from aislehub.customer.recommend.judged import DEPTH, ndcg, ratio
from aislehub.customer.recommend.ranker import Ranker
from aislehub.customer.recommend.recommender import base_scores, best_places
from aislehub.customer.recommend.tifu import Tifu
from aislehub.customer.recommend.training import Examples

__all__ = ["NO_EVIDENCE", "Evidence", "evidence"]

LEAST_CUSTOMERS = 100
"""Judged customers below which nothing is believed."""


@dataclass(frozen=True)
class Evidence:
    """What the gate saw: means of NDCG@10, their ratio with its 90 % interval, and the ratio at each origin."""

    customers: int
    base: float
    ranker: float
    gain: float
    low: float
    high: float
    origins: tuple[float, ...]
    passed: bool

    def metrics(self) -> dict[str, Any]:
        """For the model's card."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


NO_EVIDENCE = Evidence(0, 0.0, 0.0, 1.0, 0.0, 0.0, (), False)


def evidence(
    ranker: Ranker, judged: Sequence[tuple[Examples, sparse.csr_matrix]], tifu: Tifu, *, seed: int = 0
) -> Evidence:
    """Judge a ranker against the base.

    Args:
        judged: by origin, all candidates of some customers, and what everybody bought next, (C, I).
    """
    who = [np.unique(part.customer) for part, _ in judged]
    names = np.unique(np.concatenate([np.zeros(0, np.int64), *who]))
    if len(names) < LEAST_CUSTOMERS:
        return NO_EVIDENCE
    ours = [_ndcg(part, ranker.scores(part.features), basket, w) for (part, basket), w in zip(judged, who, strict=True)]
    base = [_ndcg(part, base_scores(part.features, tifu), b, w) for (part, b), w in zip(judged, who, strict=True)]
    found = ratio(ours, base, who, seed=seed)
    origins = tuple(float(a.sum() / max(b.sum(), 1e-12)) for a, b in zip(ours, base, strict=True))
    before, after = (float(np.concatenate(values).mean()) for values in (base, ours))
    passed = found.low > 1 and min(origins) > 1
    return Evidence(len(names), before, after, found.value, found.low, found.high, origins, passed)


def _ndcg(part: Examples, score: FloatArray, basket: sparse.csr_matrix, who: IntArray) -> FloatArray:
    best = best_places(part.customer, part.item, score, DEPTH)
    return ndcg(part.customer[best], part.item[best], basket, who)
