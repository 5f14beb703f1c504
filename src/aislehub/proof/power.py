"""Power: how likely a test of given size finds an effect, and how small an effect it still finds, at a single look."""

from __future__ import annotations

import math

import scipy

__all__ = ["detectable", "power_of"]

_CERTAIN = 9.0  # standard errors beyond the limit: missing it has probability 1e-19, where SciPy's nct gives NaN


def power_of(effect: float, variance: float, units: float, *, share: float = 0.5, alpha: float = 0.05) -> float:
    """Probability that Welch's two-sided test finds a difference, both arms having the same variance.

    Args:
        effect: true difference of the metric.
        variance: variance of a unit's metric (of its linear part for a ratio), with differences of before taken off.
        units: of both arms.
        share: of the treatment.

    Example:
        >>> round(power_of(1.0, 25.0, 786), 3)  # the textbook's 16 σ²/δ² an arm
        0.8
    """
    control, treatment = variance / (units * (1 - share)), variance / (units * share)
    freedom = (control + treatment) ** 2 / (control**2 / (units * (1 - share) - 1) + treatment**2 / (units * share - 1))
    shift = effect / math.sqrt(control + treatment)
    limit = scipy.stats.t.isf(alpha / 2, freedom)
    if abs(shift) > limit + _CERTAIN:
        return 1.0
    found = scipy.stats.nct(df=freedom, nc=shift)
    return float(found.cdf(-limit) + found.sf(limit))


def detectable(variance: float, units: float, *, share: float = 0.5, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest difference that is found with probability `power`."""
    se = math.sqrt(variance / units * (1 / share + 1 / (1 - share)))

    def lacking(effect: float) -> float:
        return power - power_of(effect, variance, units, share=share, alpha=alpha)

    highest = 4 * se
    while lacking(highest) > 0:
        highest *= 2
    return float(scipy.optimize.brentq(lacking, 0, highest))
