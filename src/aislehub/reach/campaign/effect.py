"""What a message changed: treated minus control, net of what each member did before, with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

__all__ = ["Effect", "FloatArray", "effect", "pooled"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """Difference of the arms' means.

    Attributes:
        value: treated minus control, for one member.
        error: its standard error.
        control: mean of the control, what members did before taken off.
        freedom: degrees of freedom of the error (Welch 1947).
    """

    value: float
    error: float
    control: float
    freedom: float

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        half = float(scipy.stats.t.isf((1 - level) / 2, self.freedom)) * self.error
        return self.value - half, self.value + half


def effect(after: FloatArray, before: FloatArray, treated: NDArray[np.bool_]) -> Effect | None:
    """Treated against control, with the regression on what was before (CUPED: Deng, Xu, Kohavi and Walker 2013).

    Args:
        after, before: money of each member after the message and before it, (n,).
        treated: (n,).

    Returns:
        None where an arm has fewer than two members.
    """
    if min(int(treated.sum()), int((~treated).sum())) < 2:
        return None
    spread = float(before.var())
    slope = float(np.cov(after, before, bias=True)[0, 1]) / spread if spread > 0 else 0.0
    net = after - slope * (before - before.mean())
    parts = [(len(arm), float(arm.mean()), float(arm.var(ddof=1))) for arm in (net[~treated], net[treated])]
    errors = [variance / count for count, _, variance in parts]
    total = sum(errors)
    shares = [error**2 / (count - 1) for error, (count, _, _) in zip(errors, parts, strict=True)]
    freedom = total**2 / sum(shares) if total else float(len(after) - 2)
    return Effect(parts[1][1] - parts[0][1], math.sqrt(total), parts[0][1], freedom)


def pooled(values: FloatArray, errors: FloatArray) -> tuple[float, float]:
    """Mean over past trials and the standard deviation of what the next one will have (DerSimonian and Laird 1986).

    Trials differ in more than chance: their spread beyond the errors is part of what the next one may do.
    """
    weight = 1 / errors**2
    mean = float(weight @ values / weight.sum())
    off = float(weight @ (values - mean) ** 2) - (len(values) - 1)
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    between = max(off / scale, 0.0) if scale > 0 else 0.0
    weight = 1 / (errors**2 + between)
    mean = float(weight @ values / weight.sum())
    return mean, math.sqrt(between + 1 / float(weight.sum()))
