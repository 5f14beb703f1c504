"""The common shock: by how much all series together sold more or less than forecast.

The weather, the economy or a competitor move every series at once. So ten thousand outcomes from one origin are not ten
thousand draws: what they share was drawn once. In a variance component of its own it neither hides in the scatter of
the single series, nor is it learnt away as a bias that will come again.

The shock is relative, multiplies the forecasts of all series alike, and is measured at every rehearsed origin; its
mean is 0. Its variance rests on as many draws as there are origins, and on a weak prior; the next shock is a Student-t
around 0 then, which the bands allow for at their 5 and 95 % quantiles.
"""

from __future__ import annotations

import numpy as np
import scipy

from aislehub.demand.panel import FloatArray

__all__ = ["common_shock"]

PRIOR = 0.04
"""Usual size of a shock where nothing else is known …"""
PRIOR_ORIGINS = 1.0
"""… and how many rehearsed origins that is worth."""
_TAIL = 0.95


def common_shock(error: FloatArray, size: FloatArray, variance: FloatArray) -> tuple[FloatArray, float]:
    """Measure the common shocks of a rehearsal.

    Args:
        error: (origins, series, windows): outcome − forecast; NaN where unknown.
        size: the same shape: what a shock multiplies, the forecast.
        variance: the same shape, > 0 where `size` is: of the errors, shocks included.

    Returns:
        The relative shock of each origin and window, (origins, 1, windows), drawn to 0 as far as it may be chance; and
        the standard deviation to allow for in a forecast.
    """
    known = ~np.isnan(error) & (variance > 0)
    weight = np.where(known, size / np.where(known, variance, 1.0), 0.0)
    precision = (weight * size).sum(axis=1, keepdims=True)
    move = (weight * np.where(known, error, 0.0)).sum(axis=1, keepdims=True) / np.maximum(precision, 1e-12)
    seen = precision > 0
    if not seen.any():
        return move, PRIOR
    squared = float((move[seen] ** 2).mean())
    chance = float((1 / precision[seen]).mean())
    real = max(0.0, 1 - chance / max(squared, 1e-12))
    origins = int(seen.any(axis=(1, 2)).sum())
    degrees = PRIOR_ORIGINS + origins
    mean_square = (PRIOR_ORIGINS * PRIOR**2 + origins * real * squared) / degrees
    return real * move, float(np.sqrt(mean_square) * scipy.stats.t.ppf(_TAIL, degrees) / scipy.stats.norm.ppf(_TAIL))
