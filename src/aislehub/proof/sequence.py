"""Always-valid results: intervals that hold however often somebody looks, and the power of a test with many looks.

Asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024,
https://arxiv.org/abs/2103.06476), written in information I = 1/se². With each look I grows, and estimate × I moves
like a Brownian motion in it, whether more units come, or more days of the same units. The mixture's width is smallest
at `planned`, the information that the plan expects at its end; the intervals hold whatever that is, provided that it
was fixed beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.proof.effect import Effect

__all__ = ["always_interval", "always_p", "crossing_power", "detectable_always", "multiple_of_se"]

FloatArray = NDArray[np.float64]
_GRID = 301  # points of the density between two looks
_LEAST_STEP = 0.005  # of the information: looks closer together are taken as one, which only loses power


def multiple_of_se(information: float, planned: float, alpha: float, freedom: float = math.inf) -> float:
    """Half the width of the always-valid 1 − alpha interval, in standard errors; 1.96 would be the single look's.

    Args:
        information: 1/se² now.
        planned: 1/se² at the planned end.
        freedom: degrees of freedom of the standard error. The multiple is made as improbable for Student's t as it is
            for the normal, so that few stores do not pass for many.

    Example:
        >>> [round(multiple_of_se(share, 1.0, 0.05), 2) for share in (0.1, 0.5, 1.0, 2.0)]
        [3.86, 3.08, 3.04, 3.06]
    """
    mix = _mixture(planned, alpha)
    normal = math.sqrt((1 + mix / information) * (math.log1p(information / mix) - 2 * math.log(alpha)))
    return normal if math.isinf(freedom) else abs(float(scipy.special.stdtrit(freedom, scipy.special.ndtr(-normal))))


def always_interval(effect: Effect, planned_se: float, alpha: float) -> tuple[float, float]:
    """Two-sided 1 − alpha interval of the difference that holds at all looks together.

    Args:
        planned_se: standard error that the plan expects at its end, fixed before the start.
    """
    if effect.se == 0:
        return effect.difference, effect.difference
    half = multiple_of_se(effect.se**-2, planned_se**-2, alpha, effect.freedom) * effect.se
    return effect.difference - half, effect.difference + half


def always_p(effect: Effect, planned_se: float, alpha: float) -> float:
    """The smallest level at which `always_interval` leaves out 0; a p-value at all looks together.

    Args:
        alpha: the level that the width is tuned for.
    """
    if effect.se == 0:
        return 1.0 if effect.difference == 0 else 0.0
    tail = scipy.stats.t.sf(abs(effect.difference) / effect.se, effect.freedom)
    mix = _mixture(planned_se**-2, alpha) * effect.se**2
    squared = scipy.stats.norm.isf(tail) ** 2 if tail < 0.5 else 0.0
    return float(min(1.0, math.exp((math.log1p(1 / mix) - squared / (1 + mix)) / 2)))


def crossing_power(effect: float, errors: Sequence[float], alpha: float, freedom: float = math.inf) -> float:
    """Probability that an always-valid interval leaves out 0 at one of the looks, by numerical integration.

    The density of the score (estimate × information) of tests not yet ended is carried from look to look (Armitage,
    McPherson and Rowe 1969, https://doi.org/10.2307/2343787).

    Args:
        effect: true difference.
        errors: standard error at each look, falling; the last is that of the planned end.
        freedom: degrees of freedom of the standard errors.
    """
    information = _spaced(np.asarray(errors, dtype=float) ** -2.0)
    drift = effect * math.sqrt(information[-1])
    times = information / information[-1]
    limits = [multiple_of_se(time, 1.0, alpha, freedom) * math.sqrt(time) for time in times]
    going = np.linspace(-limits[0], limits[0], _GRID)
    density = scipy.stats.norm.pdf(going, drift * times[0], math.sqrt(times[0]))
    left = _mass(going, density)
    for before, now, limit in zip(times, times[1:], limits[1:], strict=False):
        reached = np.linspace(-limit, limit, _GRID)
        step = scipy.stats.norm.pdf(reached[:, None] - going - drift * (now - before), scale=math.sqrt(now - before))
        density = np.trapezoid(step * density, going, axis=1)
        going, left = reached, _mass(reached, density)
    return 1 - left


def detectable_always(errors: Sequence[float], alpha: float, power: float, freedom: float = math.inf) -> float:
    """The smallest difference that is found with probability `power` by the last look."""
    last = errors[-1]
    highest = (multiple_of_se(last**-2, last**-2, alpha, freedom) + scipy.stats.norm.isf(1 - power)) * last

    def lacking(effect: float) -> float:
        return power - crossing_power(effect, errors, alpha, freedom)

    return float(scipy.optimize.brentq(lacking, last / 10, 2 * highest, rtol=1e-4))


def _mixture(planned: float, alpha: float) -> float:
    """Information of the normal mixture whose interval is narrowest at `planned` (Waudby-Smith et al., section 2.3)."""
    return planned / (math.log(1 - 2 * math.log(alpha)) - 2 * math.log(alpha))


def _spaced(information: FloatArray) -> FloatArray:
    """Looks that bring something new, the last one among them."""
    kept = [information[-1]]
    for one in information[-2::-1]:
        if kept[-1] - one > _LEAST_STEP * information[-1]:
            kept.append(one)
    return np.array(kept[::-1])


def _mass(at: FloatArray, density: FloatArray) -> float:
    return float(np.clip(np.trapezoid(density, at), 0.0, 1.0))
