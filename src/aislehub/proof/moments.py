"""Moments: all that the comparison of two arms needs to know of any number of units.

The engine counts, averages and multiplies; what leaves it is a handful of numbers an arm. Python does the science.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

__all__ = ["PARTS", "FloatArray", "Moments", "moments_by", "pooled", "within_blocks"]

FloatArray = NDArray[np.float64]
PARTS = ("top", "bottom", "top_before", "bottom_before")
"""Columns of a metric per unit: numerator and denominator, in the experiment and before it."""


@dataclass(frozen=True)
class Moments:
    """Means and covariances of one arm's units.

    Attributes:
        count: units; not whole where blocks of unequal size were put together.
        mean: (4,) of `PARTS`.
        cov: (4, 4) sample covariances (divisor: units − 1).
        freedom: degrees of freedom of the covariances.
    """

    count: float
    mean: FloatArray
    cov: FloatArray
    freedom: float

    @classmethod
    def of(cls, values: Any) -> Moments:
        """Moments of units given one by one, (n, 4).

        Example:
            >>> found = Moments.of([[2, 1, 1, 1], [4, 1, 3, 1]])
            >>> found.count, found.mean.tolist(), float(found.cov[0, 2])
            (2, [3.0, 1.0, 2.0, 1.0], 2.0)
        """
        values = np.asarray(values, dtype=float)
        count = len(values)
        cov = np.cov(values, rowvar=False) if count > 1 else np.full((len(PARTS), len(PARTS)), np.nan)
        return cls(count, values.mean(axis=0), cov, count - 1)

    def __add__(self, other: Moments) -> Moments:
        """Moments of the units of both, as if they were one arm."""
        count = self.count + other.count
        apart = other.mean - self.mean
        squares = (self.count - 1) * self.cov + (other.count - 1) * other.cov
        squares += np.outer(apart, apart) * self.count * other.count / count
        mean = (self.count * self.mean + other.count * other.mean) / count
        return Moments(count, mean, squares / (count - 1), self.freedom + other.freedom + 1)

    @property
    def ratio(self) -> float:
        """Sum of the numerators over sum of the denominators; 0 where there is nothing to divide by."""
        return float(self.mean[0] / self.mean[1]) if self.mean[1] else 0.0

    @property
    def ratio_before(self) -> float:
        """The same ratio before the experiment."""
        return float(self.mean[2] / self.mean[3]) if self.mean[3] else 0.0

    def linear_cov(self) -> FloatArray:
        """Covariances (2, 2) of the ratios during and before the experiment, by the delta method.

        A ratio of sums varies like the mean of (top − ratio × bottom) / mean bottom over units (Deng, Knoblich and Lu
        2018, https://arxiv.org/abs/1803.06336).
        """
        slope = np.zeros((2, len(PARTS)))
        if self.mean[1]:
            slope[0, :2] = np.array([1.0, -self.ratio]) / self.mean[1]
        if self.mean[3]:
            slope[1, 2:] = np.array([1.0, -self.ratio_before]) / self.mean[3]
        return slope @ self.cov @ slope.T


def moments_by(units: ir.Table, groups: Sequence[str]) -> dict[tuple[Any, ...], Moments]:
    """Moments of each group of units, computed by the engine.

    Args:
        units: one row a unit with the columns of `PARTS` and of `groups`.
        groups: columns that name the group, such as arm, or block and arm.
    """
    # Products of values far from 0 would cancel: everything is counted from the common mean.
    centre = units.aggregate(**{part: units[part].mean() for part in PARTS}).to_pyarrow().to_pylist()[0]
    if any(value is None for value in centre.values()):
        return {}
    centred = units.mutate(**{part: units[part] - centre[part] for part in PARTS})
    pairs = [(i, j) for i in range(len(PARTS)) for j in range(i, len(PARTS))]
    sums = {part: centred[part].sum() for part in PARTS}
    sums |= {f"{PARTS[i]}_{j}": (centred[PARTS[i]] * centred[PARTS[j]]).sum() for i, j in pairs}
    found = centred.group_by(*groups).aggregate(count=ibis._.count(), **sums).order_by(*groups)
    made = {}
    for row in found.to_pyarrow().to_pylist():
        count = row["count"]
        total = np.array([row[part] for part in PARTS])
        squares = np.empty((len(PARTS), len(PARTS)))
        for i, j in pairs:
            squares[i, j] = squares[j, i] = row[f"{PARTS[i]}_{j}"]
        cov = (squares - np.outer(total, total) / count) / (count - 1) if count > 1 else np.full_like(squares, np.nan)
        mean = total / count + np.array([centre[part] for part in PARTS])
        made[tuple(row[group] for group in groups)] = Moments(count, mean, cov, count - 1)
    return made


def within_blocks(pairs: Iterable[tuple[Moments, Moments]]) -> tuple[Moments, Moments]:
    """Both arms over all blocks (times of a switchback), compared inside each block only.

    A block weighs by the units that compare in it, n₀n₁/(n₀+n₁), as in a regression with a level for each block; what
    differs from block to block, such as the week's trade, drops out. Deviations are pooled over blocks.

    Raises:
        ValueError: when no block has units of both arms, or an arm has one unit in each.
    """
    usable = [pair for pair in pairs if pair[0].count and pair[1].count]
    if not usable:
        raise ValueError("no block has units of both arms")
    weight = np.array([one.count * other.count / (one.count + other.count) for one, other in usable])
    weight /= weight.sum()
    return pooled([pair[0] for pair in usable], weight), pooled([pair[1] for pair in usable], weight)


def pooled(blocks: Sequence[Moments], weight: FloatArray) -> Moments:
    """One arm over blocks: means by weight, deviations within blocks only.

    Args:
        weight: (blocks,), adding up to 1.

    Raises:
        ValueError: when the arm has one unit in each block.
    """
    freedom = float(sum(block.freedom for block in blocks))
    if freedom <= 0:
        raise ValueError("an arm has one unit in each block")
    squares = np.sum([block.freedom * block.cov for block in blocks if block.freedom > 0], axis=0)
    mean = weight @ np.array([block.mean for block in blocks])
    count = 1 / float(np.sum(weight**2 / np.array([block.count for block in blocks])))
    return Moments(count, mean, squares / freedom, freedom)
