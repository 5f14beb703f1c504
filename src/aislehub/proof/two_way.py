"""Intervals of sums and quotients over units × weeks that hold for other units *and* for other weeks.

What a store has in common over weeks, and what a week has in common over stores, both make chance larger than the
number of cells suggests. The variance is clustered both ways: by unit, plus by week, less that of single cells
(Cameron, Gelbach & Miller 2011); the quantile is Student's t, with the degrees of freedom of the smaller of the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

__all__ = ["Estimate", "two_way"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure with the bounds of its interval; bounds are infinite where there is one unit or one week only."""

    value: float
    low: float
    high: float


def two_way(part: FloatArray, whole: FloatArray | None = None, *, confidence: float = 0.9) -> Estimate:
    """Sum of `part`, or its quotient over `whole`.

    Args:
        part, whole: (units, weeks).
        confidence: of the two-sided interval.
    """
    value = float(part.sum())
    left = part
    if whole is not None:
        total = float(whole.sum())
        value = value / total if total else 0.0
        left = (part - value * whole) / total if total else np.zeros_like(part)
    least = min(part.shape)
    if least < 2:
        return Estimate(value, -np.inf, np.inf)
    by_unit, by_week, by_cell = (_variance(sums) for sums in (left.sum(axis=1), left.sum(axis=0), left.ravel()))
    variance = max(by_unit + by_week - by_cell, by_unit, by_week)
    half = float(scipy.stats.t.ppf((1 + confidence) / 2, least - 1) * np.sqrt(variance))
    return Estimate(value, value - half, value + half)


def _variance(sums: FloatArray) -> float:
    """Variance of a sum of so many independent parts."""
    return float(len(sums) * sums.var(ddof=1))
