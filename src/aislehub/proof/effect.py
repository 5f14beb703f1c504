"""Effect: how much one arm differs from the other, in a mean or a ratio, net of what units did before (CUPED)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

from aislehub.proof.moments import Moments

__all__ = ["Effect", "compare", "sample_ratio"]

EXACT = 1000  # units below which the sample ratio is tested exactly


@dataclass(frozen=True)
class Effect:
    """Treatment against control.

    Attributes:
        control, treatment: the metric in each arm, with differences of before taken off.
        control_se, treatment_se: standard error of each.
        freedom_control, freedom_treatment: degrees of freedom of each standard error.
        kept: share of the variance that is left after taking off what units did before; 1 = nothing taken off.
    """

    control: float
    treatment: float
    control_se: float
    treatment_se: float
    freedom_control: float
    freedom_treatment: float
    kept: float

    @property
    def difference(self) -> float:
        return self.treatment - self.control

    @property
    def relative(self) -> float:
        """The difference as a fraction of the control's level."""
        return self.treatment / self.control - 1 if self.control else math.nan

    @property
    def se(self) -> float:
        """Standard error of the difference."""
        return math.hypot(self.control_se, self.treatment_se)

    @property
    def freedom(self) -> float:
        """Degrees of freedom of `se` (Welch 1947)."""
        return self._welch(self.control_se**2, self.treatment_se**2)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Two-sided 1 − alpha interval of the difference; holds for one look at a time fixed beforehand (Welch)."""
        half = scipy.stats.t.isf(alpha / 2, self.freedom) * self.se
        return self.difference - half, self.difference + half

    def p_value(self) -> float:
        """Probability of a difference so large where there is none, for one look at a time fixed beforehand."""
        return float(2 * scipy.stats.t.sf(abs(self.difference) / self.se, self.freedom)) if self.se else 1.0

    def beyond(self, loss: float) -> Effect:
        """Treatment against a control that is lower by the fraction `loss`: below 0 = the loss is larger than that."""
        kept = 1 - loss
        return Effect(
            kept * self.control, self.treatment, abs(kept) * self.control_se, self.treatment_se,
            self.freedom_control, self.freedom_treatment, self.kept,
        )  # fmt: skip

    def _welch(self, control: float, treatment: float) -> float:
        parts = control**2 / self.freedom_control + treatment**2 / self.freedom_treatment
        return (control + treatment) ** 2 / parts if parts else self.freedom_control + self.freedom_treatment


def compare(control: Moments, treatment: Moments, *, before: bool = True) -> Effect:
    """The effect on a mean (denominator 1) or a ratio of sums, clustered by the unit of assignment.

    What units differed in before the experiment is taken off by regression: CUPED (Deng, Xu, Kohavi and Walker 2013,
    https://doi.org/10.1145/2433396.2433413). It was not touched by the treatment, so the expectation stays.

    Args:
        before: take off what units did before.

    Raises:
        ValueError: when an arm has fewer than two units.
    """
    if min(control.freedom, treatment.freedom) < 1:
        raise ValueError("an arm has fewer than two units")
    both = control + treatment
    slope, centre = (_slope(both), both.ratio_before) if before else (0.0, 0.0)
    levels, errors, plain = [], [], []
    for arm in (control, treatment):
        cov = arm.linear_cov()
        levels.append(arm.ratio - slope * (arm.ratio_before - centre))
        errors.append(math.sqrt(max(cov[0, 0] + slope**2 * cov[1, 1] - 2 * slope * cov[0, 1], 0.0) / arm.count))
        plain.append(cov[0, 0] / arm.count)
    kept = (errors[0] ** 2 + errors[1] ** 2) / sum(plain) if sum(plain) else 1.0
    return Effect(levels[0], levels[1], errors[0], errors[1], control.freedom, treatment.freedom, float(kept))


def _slope(both: Moments) -> float:
    """How much of a unit's difference before it shows again during the experiment."""
    cov = both.linear_cov()
    return float(cov[0, 1] / cov[1, 1]) if cov[1, 1] > 0 else 0.0


def sample_ratio(control: int, treatment: int, share: float) -> float:
    """P-value of the split: how probable counts so far from the planned share are, if nothing is wrong.

    Exact (binomial) below 1,000 units, else normal with continuity correction.

    Args:
        share: planned share of the treatment.
    """
    total = control + treatment
    if total == 0:
        return 1.0
    if total < EXACT:
        return float(scipy.stats.binomtest(treatment, total, share).pvalue)
    off = abs(treatment - total * share)
    off = max(off - 0.5, 0.0) if off else off
    return float(2 * scipy.stats.norm.sf(off / np.sqrt(total * share * (1 - share))))
