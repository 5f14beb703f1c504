"""Outliers: a store that closes during an experiment tells nothing of the treatment, and drowns what does.

A unit's deviation from its arm, and from what it did before, counts up to a limit. This is Huber's M-estimator of the
two arms' levels (Huber 1964, https://doi.org/10.1214/aoms/1177703732). The limit is fixed before the start; where no
unit is beyond it, nothing changes at all, nor where more than a tenth are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislehub.proof.moments import FloatArray

__all__ = ["without_outliers"]

_NORMAL = 1.4826  # standard deviations of a normal in one median absolute deviation
_MOST = 0.1  # of the units: where more are beyond the limit, that is how the figure is spread
_STEPS = 50
_NEAR = 1e-6


def without_outliers(units: FloatArray, arms: Sequence[Any], limit: float) -> tuple[FloatArray, int]:
    """Units whose numerators deviate no more than the limit, and how many were beyond it.

    Args:
        units: (n, 4) of `PARTS`.
        arms: (n,) arm of each; each arm is measured from its own level, so an effect is no deviation.
        limit: in robust standard deviations (1.4826 × the median absolute deviation of all units); 0 = none.

    Returns:
        The units for `Moments.of`: their means are the M-estimates, their covariances those of its influence function.

    Example:
        >>> before = np.arange(20.0, 40.0)
        >>> sold = before + np.tile([1.0, -1.0], 10)
        >>> sold[7] = 0.0  # the store that sold 27 a day has closed
        >>> ones = np.ones(20)
        >>> found, cut = without_outliers(np.column_stack([sold, ones, before, ones]), ["control"] * 20, 3.5)
        >>> cut, float(found[7, 0].round(1))
        (1, 19.9)
    """
    top, bottom, top_before, bottom_before = units.T
    _, place = np.unique(np.asarray(arms), return_inverse=True)
    sizes = np.bincount(place)
    ratio_before = top_before.sum() / bottom_before.sum() if bottom_before.sum() else 0.0
    before = top_before - ratio_before * bottom_before
    before = before - (np.bincount(place, before) / sizes)[place]
    counted, expected, cut, off = top, top, np.zeros(len(top), dtype=bool), np.zeros(len(top))
    for _step in range(_STEPS if limit else 0):
        expected = _expected(counted, bottom, before, place)
        off = top - expected
        scale = limit * _NORMAL * float(np.median(np.abs(off)))
        last, counted = counted, expected + np.clip(off, -scale, scale)
        cut = np.abs(off) > scale
        if not scale or not cut.any() or np.abs(counted - last).max() < _NEAR * scale:
            break
    if not 0 < cut.sum() <= max(1, _MOST * len(cut)):
        return units, 0
    # What is cut off in a unit no longer moves the estimate: the others' deviations count for so much more.
    influence = expected + (counted - expected) * len(cut) / (~cut).sum()
    return np.column_stack([influence, units[:, 1:]]), int(cut.sum())


def _expected(top: FloatArray, bottom: FloatArray, before: FloatArray, place: NDArray[np.intp]) -> FloatArray:
    """What each unit would have by its arm's ratio and what it did before."""
    sums = np.bincount(place, bottom)
    ratio = np.divide(np.bincount(place, top), sums, out=np.zeros(len(sums)), where=sums != 0)
    level = ratio[place] * bottom
    squares = float(before @ before)
    slope = float(before @ (top - level)) / squares if squares else 0.0
    return level + slope * before
