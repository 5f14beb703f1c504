"""Demand over a protection interval: its quantiles, expected shortage and expected leftover.

Total demand D over the interval is negative binomial when its variance exceeds its mean and Poisson
otherwise; both live on 0, 1, 2, …, so a case of a slow seller is judged exactly, where a normal
distribution would put mass on negative or fractional sales. Everything is vectorised: one row is one
store and item, one million rows take seconds.

Sources: Silver, Pyke & Thomas, *Inventory and Production Management in Supply Chains*, 4th ed. (2017),
ch. 7 and 9; Snyder & Shen, *Fundamentals of Supply Chain Theory*, 2nd ed. (2019), ch. 4 and appendix C.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "FloatArray",
    "covered",
    "critical_ratio",
    "demand_quantile",
    "economic_quantity",
    "expected_left",
    "expected_short",
]

FloatArray = NDArray[np.float64]

# Below this excess of variance over mean the negative binomial's size explodes; Poisson is its limit.
OVERDISPERSED = 1 + 1e-4


def critical_ratio(underage: ArrayLike, overage: ArrayLike) -> FloatArray:
    """The newsvendor's service level: underage / (underage + overage).

    Args:
        underage: money lost when one unit too few was ordered, shape (n,).
        overage: money lost when one unit too many was ordered, shape (n,).

    Returns:
        Probability with which demand should be met in full, (n,), in [0, 1]; 0 where nothing is lost.
    """
    short = np.maximum(np.asarray(underage, dtype=np.float64), 0)
    over = np.maximum(np.asarray(overage, dtype=np.float64), 0)
    total = short + over
    return np.divide(short, total, out=np.zeros(np.broadcast_shapes(short.shape, over.shape)), where=total > 0)


def demand_quantile(mean: ArrayLike, variance: ArrayLike, level: ArrayLike) -> FloatArray:
    """Smallest whole number S with P(D ≤ S) ≥ level: the order-up-to (base-stock) level.

    Args:
        mean: expected total demand, units, (n,); 0 gives 0.
        variance: its variance, units², (n,).
        level: probability of no shortage, (n,) or one number, in [0, 1).

    Returns:
        S in units, (n,).
    """
    mean, variance, level = _rows(mean, variance, level)
    quantile = np.zeros(mean.shape)
    spread = variance > mean * OVERDISPERSED
    negative_binomial = (mean > 0) & spread
    poisson = (mean > 0) & ~spread
    m, v = mean[negative_binomial], variance[negative_binomial]
    quantile[negative_binomial] = scipy.stats.nbinom.ppf(level[negative_binomial], m * m / (v - m), m / v)
    quantile[poisson] = scipy.stats.poisson.ppf(level[poisson], mean[poisson])
    return np.maximum(quantile, 0)


def covered(mean: ArrayLike, variance: ArrayLike, position: ArrayLike) -> FloatArray:
    """P(D ≤ S): the probability that a position of S units meets all demand, (n,)."""
    mean, variance, position = _rows(mean, variance, position)
    units = np.floor(position)
    probability = (units >= 0).astype(float)
    spread = variance > mean * OVERDISPERSED
    open_ = (mean > 0) & (units >= 0)
    m, v, s = mean[open_ & spread], variance[open_ & spread], units[open_ & spread]
    probability[open_ & spread] = scipy.special.betainc(m * m / (v - m), s + 1, m / v)
    probability[open_ & ~spread] = scipy.special.gammaincc(units[open_ & ~spread] + 1, mean[open_ & ~spread])
    return probability


def expected_short(mean: ArrayLike, variance: ArrayLike, position: ArrayLike) -> FloatArray:
    """First-order loss function E[(D − S)⁺]: units of demand that a position of S units fails to meet.

    With D negative binomial (size r, probability p), k·f(k; r, p) = mean · f(k − 1; r + 1, p), hence

        E[(D − S)⁺] = mean · P(D' > S − 1) − S · P(D > S),   D' of size r + 1

    for whole S ≥ 0; Poisson is the limit in which D' = D. D is whole, so the function is linear between
    whole numbers, and for S < 0 it is mean − S.

    Args:
        mean, variance: of total demand, (n,).
        position: units available, (n,), any real number.

    Returns:
        Expected units short, (n,).
    """
    mean, variance, position = _rows(mean, variance, position)
    below = np.floor(position)
    share = position - below
    loss = _loss_at_whole(mean, variance, below)
    between = share > 0
    if between.any():
        above = _loss_at_whole(mean[between], variance[between], below[between] + 1)
        loss[between] += share[between] * (above - loss[between])
    return loss


def economic_quantity(rate: ArrayLike, line: ArrayLike, holding: ArrayLike) -> FloatArray:
    """Units of one order that cost least where a line of it costs something: √(2 · line · rate / holding), Harris 1913.

    Args:
        rate: demand, units a day, (n,).
        line: fixed cost of an order line, money, (n,).
        holding: of a unit for a day, money, (n,).

    Returns:
        Units, (n,); 0 where a line costs nothing, or keeping does.
    """
    rate, line, holding = _rows(rate, line, holding)
    return np.sqrt(np.divide(2 * line * rate, holding, out=np.zeros_like(rate), where=holding > 0))


def expected_left(mean: ArrayLike, variance: ArrayLike, position: ArrayLike) -> FloatArray:
    """E[(S − D)⁺] = S − mean + E[(D − S)⁺]: units of a position of S that demand leaves over, (n,)."""
    mean, variance, position = _rows(mean, variance, position)
    return np.maximum(position - mean + expected_short(mean, variance, position), 0)


def _loss_at_whole(mean: FloatArray, variance: FloatArray, units: FloatArray) -> FloatArray:
    loss = mean - units
    spread = variance > mean * OVERDISPERSED
    open_ = (mean > 0) & (units >= 0)
    m, v, s = mean[open_ & spread], variance[open_ & spread], units[open_ & spread]
    size, success = m * m / (v - m), m / v
    beyond_less_one = np.where(s > 0, scipy.special.betaincc(size + 1, np.maximum(s, 1), success), 1.0)
    loss[open_ & spread] = m * beyond_less_one - s * scipy.special.betaincc(size, s + 1, success)
    m, s = mean[open_ & ~spread], units[open_ & ~spread]
    beyond_less_one = np.where(s > 0, scipy.special.gammainc(np.maximum(s, 1), m), 1.0)
    loss[open_ & ~spread] = m * beyond_less_one - s * scipy.special.gammainc(s + 1, m)
    loss[(mean <= 0) & (units >= 0)] = 0
    return np.maximum(loss, 0)


def _rows(*columns: ArrayLike) -> tuple[FloatArray, ...]:
    """The columns as float rows of one common length."""
    arrays = (np.asarray(column, dtype=np.float64) for column in columns)
    return tuple(np.atleast_1d(array) for array in np.broadcast_arrays(*arrays))
