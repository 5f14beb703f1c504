"""Qini: how much of the effect is reached by treating those first who are said to answer most.

The curve g(φ) is what treating the first share φ brings over treating nobody, per unit of the population: φ times the
difference of the arms' means among them. Treating at random gives the straight line to g(1); the coefficient is the
area between the two, in the outcome's unit (Radcliffe 2007; Devriendt, Van Belle, Guns and Verbeke 2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.customer.uplift.trial import FloatArray

__all__ = ["Curve", "Estimate", "curve", "qini"]

LOW, HIGH = 0.05, 0.95


@dataclass(frozen=True)
class Estimate:
    """A value with its 5 % and 95 % quantiles."""

    value: float
    low: float
    high: float
    draws: FloatArray

    @classmethod
    def of(cls, value: float, draws: FloatArray) -> Estimate:
        """A value with the quantiles of its bootstrap."""
        low, high = np.quantile(draws, [LOW, HIGH])
        return cls(value, float(low), float(high), draws)

    def times(self, factor: float) -> Estimate:
        """The same in another unit; `factor` is above 0."""
        return Estimate(factor * self.value, factor * self.low, factor * self.high, factor * self.draws)


@dataclass(frozen=True)
class Curve:
    """Shares that are treated, (m,) from 0 to 1, and what that brings over nobody, per unit of the population, (m,)."""

    shares: FloatArray
    gains: FloatArray

    @property
    def area(self) -> float:
        """Area between the curve and the line of treating at random."""
        width = np.diff(self.shares)
        under = float((width * (self.gains[1:] + self.gains[:-1]) / 2).sum())
        return under - float(self.gains[-1]) / 2

    def at(self, share: float) -> float:
        """What treating the first `share` brings, per unit of the population."""
        return float(np.interp(share, self.shares, self.gains))


def curve(
    score: FloatArray, treated: NDArray[np.bool_], outcome: FloatArray, weight: FloatArray | None = None
) -> Curve:
    """The curve of one ranking, the highest score first; units of one score come together.

    Args:
        score, treated, outcome: (n,).
        weight: how often each unit counts, (n,); None = once.
    """
    order, ends = _ranked(score)
    return _curve(order, ends, treated, outcome, np.ones(len(score)) if weight is None else weight)


def qini(
    score: FloatArray, treated: NDArray[np.bool_], outcome: FloatArray, *, weight: FloatArray | None = None,
    member: NDArray[np.int64] | None = None, draws: int = 200, seed: int = 0,
) -> Estimate:  # fmt: skip
    """The coefficient, with a bootstrap over members; the ranking is taken as given.

    Args:
        weight: one over the chance of each unit's own arm, (n,); None = the same for all of an arm.
        member: number of each unit's member, (n,), where one has several units; None = each unit is one.
    """
    rng = np.random.default_rng(seed)
    order, ends = _ranked(score)
    weight = np.ones(len(score)) if weight is None else weight
    member = np.arange(len(score)) if member is None else member
    once = _curve(order, ends, treated, outcome, weight).area
    drawn = (rng.poisson(1.0, int(member.max()) + 1)[member] for _ in range(draws))
    again = [_curve(order, ends, treated, outcome, weight * times).area for times in drawn]
    return Estimate.of(once, np.array(again))


def _ranked(score: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places from the highest score to the lowest, and where each group of one score ends."""
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    return order, ends


def _curve(
    order: NDArray[np.int64], ends: NDArray[np.int64], treated: NDArray[np.bool_], outcome: FloatArray,
    weight: FloatArray,
) -> Curve:  # fmt: skip
    arm, w, y = treated[order], weight[order], outcome[order]
    shares = np.cumsum(w)[ends] / w.sum()
    difference = np.zeros(len(ends))
    known = np.ones(len(ends), dtype=bool)
    for mine, sign in ((arm, 1.0), (~arm, -1.0)):
        units, total = np.cumsum(w * mine)[ends], np.cumsum(w * mine * y)[ends]
        known &= units > 0
        difference += sign * total / np.maximum(units, 1e-12)
    gains = np.where(known, shares * difference, 0.0)  # at the very beginning an arm may have nobody yet
    return Curve(np.concatenate([[0.0], shares]), np.concatenate([[0.0], gains]))
