"""By how much demand answered to a change, from what was sold before and after it and what controls sold beside.

A line's units before and after the change are Poisson with one usual level, the days' level of its controls and, after
the change, a factor exp(effect · dose). Given their sum, the units after are binomial: the usual level drops out, and
what is left is difference in differences for counts (Wooldridge 2023, https://doi.org/10.1093/ectj/utad016). Scatter
beyond Poisson flattens the likelihood (McCullagh & Nelder 1989, ch. 9), and the controls' own chance is integrated out.

A single item sells too little in two weeks to tell. So its effect is drawn to what was believed of it when the change
was decided, but that belief has to stand the test of all changes of its kind together: items of a kind (dearer,
cheaper) share a shift off their beliefs, which is wide before it is learned. Where beliefs were wrong, or were acted
upon because they were too hopeful, the shift says so; the sum of many is not the expectation said again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from aislehub.price.ladder import FloatArray

__all__ = ["Effects", "Seen", "answered", "scatter_of"]

IntArray = NDArray[np.int64]

OFFSETS = np.linspace(-5, 5, 101)
"""Distance of an effect from what was believed, in units of the shift's prior standard deviation."""
SHIFTS = np.linspace(-3, 3, 49)
NODES, _raw = np.polynomial.hermite_e.hermegauss(7)
LOG_WEIGHTS = np.log(_raw / _raw.sum())
LEAST_SD = 0.25  # of a belief, in the same units: nothing is known better
USUAL_SCATTER, SCATTER_UNITS = 1.5, 20.0
MOST_SCATTER = 5.0
_BLOCK = 512  # lines at a time


@dataclass(frozen=True)
class Seen:
    """n lines that changed, D days.

    Attributes:
        units: sold, (n, D).
        dose: what was changed: log price over the former one, or 1 on promoted days, (n, D).
        level: of the controls, NaN = the day does not count, (n, D).
        after: days after the change, (D,).
        group: of lines with one effect (an item), 0 … G − 1, (n,).
        unsure: variance of the controls' log change, (G,).
    """

    units: FloatArray
    dose: FloatArray
    level: FloatArray
    after: NDArray[np.bool_]
    group: IntArray
    unsure: FloatArray


@dataclass(frozen=True)
class Effects:
    """What is known of G effects.

    Attributes:
        values: K values of each, (G, K); weight: probability of each, (G, K).
        shared: share of the variance that effects of one kind have in common, (G,).
        scatter: variance over mean of a line's daily units, (G,).
    """

    values: FloatArray
    weight: FloatArray
    shared: FloatArray
    scatter: FloatArray

    @property
    def mean(self) -> FloatArray:
        """(G,)."""
        return np.asarray((self.values * self.weight).sum(axis=1))

    @property
    def sd(self) -> FloatArray:
        """(G,)."""
        return np.sqrt((self.weight * (self.values - self.mean[:, None]) ** 2).sum(axis=1))


def answered(seen: Seen, believed: FloatArray, sd: FloatArray, kind: IntArray, *, shift_sd: float) -> Effects:
    """Effects of G groups of lines.

    Args:
        believed, sd: normal belief of each effect before the change, (G,).
        kind: number of the kind whose effects share a shift, (G,).
        shift_sd: standard deviation of that shift before anything was seen.
    """
    values = believed[:, None] + shift_sd * OFFSETS
    scatter = _scatter(seen, believed)
    likelihood = _likelihood(seen, values, scatter)
    distance = OFFSETS - SHIFTS[:, None]
    width = np.maximum(sd / shift_sd, LEAST_SD)[:, None, None]
    joint = likelihood[:, None, :] - 0.5 * (distance / width) ** 2 - np.log(width)  # (G, shifts, K)
    given = scipy.special.logsumexp(joint, axis=2)
    common = np.zeros((int(kind.max(initial=0)) + 1, len(SHIFTS))) - 0.5 * SHIFTS**2
    np.add.at(common, kind, given)
    common = np.exp(common - scipy.special.logsumexp(common, axis=1, keepdims=True))[kind]
    inside = np.exp(joint - given[:, :, None])
    weight = np.einsum("gs,gsk->gk", common, inside)
    at_shift = inside @ OFFSETS
    between = (common * (at_shift - (common * at_shift).sum(axis=1, keepdims=True)) ** 2).sum(axis=1)
    mean = (weight * OFFSETS).sum(axis=1, keepdims=True)
    total = (weight * (OFFSETS - mean) ** 2).sum(axis=1)
    return Effects(values, weight, between / np.maximum(total, 1e-12), scatter)


def scatter_of(squares: ArrayLike, expected: ArrayLike) -> FloatArray:
    """Variance over mean of daily units, at least Poisson's 1; drawn to the usual one where little was sold.

    Args:
        squares: sums of squared deviations from what was expected; expected: sums of that, units; of any shape.
    """
    found = (np.asarray(squares) + USUAL_SCATTER * SCATTER_UNITS) / (np.asarray(expected) + SCATTER_UNITS)
    return np.asarray(np.clip(found, 1, MOST_SCATTER))


def _likelihood(seen: Seen, values: FloatArray, scatter: FloatArray) -> FloatArray:
    """Logarithm of the likelihood of each value of each group's effect, (G, K)."""
    counted = np.isfinite(seen.level)
    level, units = np.where(counted, seen.level, 0.0), np.where(counted, seen.units, 0.0)
    found = np.zeros((*values.shape, len(NODES)))
    off = NODES * np.sqrt(seen.unsure)[:, None]
    for start in range(0, len(units), _BLOCK):
        rows = slice(start, start + _BLOCK)
        group = seen.group[rows]
        expected = level[rows, None, :] * np.exp(values[group][:, :, None] * seen.dose[rows, None, :])
        before, since = expected[:, :, ~seen.after].sum(axis=2), expected[:, :, seen.after].sum(axis=2)
        sold_before, sold_since = units[rows][:, ~seen.after].sum(axis=1), units[rows][:, seen.after].sum(axis=1)
        tells = (before > 0).all(axis=1) & (since > 0).all(axis=1)
        odds = np.log(np.where(tells[:, None], since, 1) / np.where(tells[:, None], before, 1))
        odds = odds[:, :, None] + off[group][:, None, :]
        total = (sold_before + sold_since)[:, None, None]
        log = sold_since[:, None, None] * odds - total * np.logaddexp(0, odds)
        np.add.at(found, group[tells], (log / scatter[group][:, None, None])[tells])
    return np.asarray(scipy.special.logsumexp(found + LOG_WEIGHTS, axis=2))


def _scatter(seen: Seen, believed: FloatArray) -> FloatArray:
    """Variance over mean of daily units before the change, (G,)."""
    counted = np.isfinite(seen.level) & ~seen.after
    level = np.where(counted, np.nan_to_num(seen.level) * np.exp(believed[seen.group][:, None] * seen.dose), 0.0)
    units = np.where(counted, seen.units, 0.0)
    expected = level * (units.sum(axis=1) / np.maximum(level.sum(axis=1), 1e-9))[:, None]
    off = np.bincount(seen.group, ((units - expected) ** 2).sum(axis=1), len(believed))
    return scatter_of(off, np.bincount(seen.group, expected.sum(axis=1), len(believed)))
