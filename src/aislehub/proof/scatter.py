"""Scatter: how large the standard error of the next experiment may be, learnt from those of past periods.

Periods differ: a plan on the last one alone keeps its power in half of them. The logarithm of the error is taken as
normal over periods, its variance as unknown, with the scatter that a sample of so many units has anyway as what is
known of it beforehand; the next period then follows Student's t (Gelman et al. 2013, Bayesian Data Analysis, ch. 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy

__all__ = ["assured_error"]

_TAILS = 4.0  # kurtosis of stores' and households' sales net of what they did before; a normal has 3
_PRIOR = 4.0  # periods that what is known beforehand is worth


def assured_error(errors: Sequence[float], units: float, assurance: float) -> float:
    """The standard error that the next period stays below with probability `assurance`.

    Args:
        errors: of past periods that do not overlap, each above 0, all for as many units as the next one has.
        units: that each of them is the error of.

    Example:
        >>> past = [0.036, 0.043, 0.039, 0.037]
        >>> [round(assured_error(past, 60, assurance), 4) for assurance in (0.5, 0.9)]
        [0.0387, 0.0452]
    """
    logs = np.log(np.asarray(errors, dtype=float))
    centre, freedom = float(logs.mean()), _PRIOR + len(logs) - 1
    sampling = (_TAILS - 1) / (4 * units)  # variance of the logarithm of a standard deviation from so many units
    variance = (_PRIOR * sampling + float(((logs - centre) ** 2).sum())) / freedom
    return float(np.exp(centre + scipy.stats.t.ppf(assurance, freedom) * math.sqrt(variance * (1 + 1 / len(logs)))))
