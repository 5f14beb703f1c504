"""The gate of the ranker: it serves only where it has beaten the best base on what came after it was learned.

A ranker is learned on origins whose next baskets were all over before the first judged one, then both rank the same
candidates of the same customers at each judged origin. The base is the best of several on those very origins, which
makes the gate no easier. The ranker passes when it is better at every origin, and the lower end of the 90 % interval of
the ratio over all of them is above 1. What then serves is learned in the same way on the latest origins, for old ones
make it worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy

from aislehub.customer.recommend.base import BASES, Base
from aislehub.customer.recommend.baskets import FloatArray, IntArray
from aislehub.customer.recommend.blend import Blend
from aislehub.customer.recommend.judged import DEPTH, ndcg, ratio
from aislehub.customer.recommend.ranker import Ranker
from aislehub.customer.recommend.recommender import best_places
from aislehub.customer.recommend.training import Examples

__all__ = ["NO_EVIDENCE", "Evidence", "Judged", "best_base", "evidence"]

LEAST_CUSTOMERS = 100
"""Judged customers below which nothing is believed."""

Judged: TypeAlias = "tuple[Examples, scipy.sparse.csr_matrix]"
"""An origin: all candidates of some customers, and what everybody bought next, (C, I)."""


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


def evidence(ranker: Ranker, base: Base, judged: Sequence[Judged], *, seed: int = 0) -> Evidence:
    """Judge a ranker, blended with a base as it would serve, against that base."""
    who = [np.unique(part.customer) for part, _ in judged]
    names = np.unique(np.concatenate([np.zeros(0, np.int64), *who]))
    if len(names) < LEAST_CUSTOMERS:
        return NO_EVIDENCE
    ours, theirs = gains(Blend(ranker, base), judged), gains(base, judged)
    found = ratio(ours, theirs, who, seed=seed)
    origins = tuple(float(a.sum() / max(b.sum(), 1e-12)) for a, b in zip(ours, theirs, strict=True))
    before, after = (float(np.concatenate(values).mean()) for values in (theirs, ours))
    passed = found.low > 1 and min(origins) > 1
    return Evidence(len(names), before, after, found.value, found.low, found.high, origins, passed)


def best_base(judged: Sequence[Judged], bases: Sequence[Base] = BASES) -> Base:
    """The base of the largest mean NDCG@10; the first of equals, and where nobody came."""
    if not sum(len(part.customer) for part, _ in judged):
        return bases[0]
    means = [float(np.concatenate(gains(base, judged)).mean()) for base in bases]
    return bases[int(np.argmax(means))]


def gains(scorer: Blend | Base, judged: Sequence[Judged]) -> list[FloatArray]:
    """NDCG@10 of each judged customer, by origin."""
    return [_ndcg(part, scorer.scores(part.features), basket, np.unique(part.customer)) for part, basket in judged]


def _ndcg(part: Examples, score: FloatArray, basket: scipy.sparse.csr_matrix, who: IntArray) -> FloatArray:
    best = best_places(part.customer, part.item, score, DEPTH)
    return ndcg(part.customer[best], part.item[best], basket, who)
