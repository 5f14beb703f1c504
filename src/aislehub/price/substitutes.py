"""Which neighbours lose to an item's promotion, and how much: few of them, and not known which.

In a category, what the week of a line falls short of its usual units is explained by the promotions of its neighbours
and by a shock that the whole category shares:

    rest = − Σ taken · (log effect of the neighbour's promotion) + shock of the category's week + noise

Each share that is taken is either nothing or, for a few close substitutes, drawn from a common size: a spike and a slab
(Mitchell & Beauchamp 1988, https://doi.org/10.1080/01621459.1988.10478694), by the variational coordinate ascent of
Carbonetto & Stephens (2012, https://doi.org/10.1214/12-BA703). The shock is a normal of known scale, not a constant of
its week: where all stores promote the same items in the same weeks, what these take from all their neighbours alike and
what the week did can only be told apart by how much weeks usually differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Sizes", "Told", "losses"]

FloatArray = NDArray[np.float64]

CLOSE = 3.0  # substitutes that an item is expected to have among its neighbours
SWEEPS = 6


@dataclass(frozen=True)
class Sizes:
    """What is expected before anything was seen.

    Attributes:
        total: share of a promotion's log effect that all neighbours of an item together take; scatter: standard
            deviation of a close substitute's share over its mean.
        shock: standard deviation of a category's week.
    """

    total: float
    scatter: float
    shock: float


@dataclass(frozen=True)
class Told:
    """What the weeks of a category of n items say, W of them.

    Attributes:
        pushed: information of each row item on each pair of columns, (n, n, n); score: (n, n).
        weeks: information on column and week's shock together, (n, n, W); on the shock alone, (W,), and its score.
    """

    pushed: FloatArray
    score: FloatArray
    weeks: FloatArray
    shock: FloatArray
    shock_score: FloatArray

    @classmethod
    def of(cls, push: FloatArray, weight: FloatArray, rest: FloatArray, now: FloatArray) -> Told:
        """From weeks of stores.

        Args:
            push: log effect of each item's own promotion; weight: information; rest: relative shortfall beside the
                shares that are believed now; all (stores, items, W), 0 where an item is not sold.
            now: these shares, (items, items).
        """
        both = ([0, 2], [0, 2])
        heavy = (weight[:, [row]] * push for row in range(push.shape[1]))
        rows = [
            (np.tensordot(one, push, both), np.tensordot(one, rest[:, [row]], both)[:, 0], one.sum(axis=0))
            for row, one in enumerate(heavy)
        ]
        pushed, missed, weeks = (np.stack(part) for part in zip(*rows, strict=True))
        score = np.einsum("ijk,ik->ij", pushed, now) - missed
        shock_score = (weight * rest).sum(axis=(0, 1)) - np.einsum("ijw,ij->w", weeks, now)
        return cls(pushed, score, weeks, weight.sum(axis=(0, 1)), shock_score)


def losses(told: Told, sizes: Sizes, start: FloatArray) -> FloatArray:
    """Expected share that each row item loses of each column's log effect, (n, n); the ascent begins at `start`."""
    items = len(told.score)
    others = items - 1
    share = min(CLOSE / others, 0.98)
    size = sizes.total / (share * others)
    slab = (sizes.scatter * size) ** 2
    mean = start.copy()
    own = np.einsum("ijj->ij", told.pushed)
    variance = 1 / (own + 1 / slab)
    shock_variance = 1 / (told.shock + sizes.shock**-2.0)
    for _ in range(SWEEPS):
        shock = shock_variance * (told.shock_score + np.einsum("ijw,ij->w", told.weeks, mean))
        for column in range(items):
            beside: Any = np.einsum("ik,ik->i", told.pushed[:, column], mean) - own[:, column] * mean[:, column]
            left = told.score[:, column] - beside + told.weeks[:, column] @ shock
            middle = variance[:, column] * (left + size / slab)
            odds = np.log(share / (1 - share)) + 0.5 * np.log(variance[:, column] / slab)
            odds += middle**2 / (2 * variance[:, column]) - size**2 / (2 * slab)
            likely = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
            likely[column] = 0.0
            mean[:, column] = likely * middle
    return mean
