"""Planning: how many weeks an effect needs, read off the user's own past.

The last weeks are taken as an experiment without a treatment: the same units, the same days before, the same metric.
What two arms would differ by in them, by chance alone, is what an effect has to stand out from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from aislehub.core.errors import HubError
from aislehub.proof.design import Design, active_units, unit_parts
from aislehub.proof.effect import Effect
from aislehub.proof.metrics import Metric
from aislehub.proof.moments import Moments, moments_by, pooled
from aislehub.proof.power import detectable, power_of
from aislehub.proof.sequence import crossing_power, detectable_always

__all__ = ["LEAST_UNITS", "Outlook", "by_chance", "expected_se", "first_enough", "outlooks"]

LEAST_UNITS = 2
"""Units that an arm needs: one has no spread."""

_COLUMNS = ["unit", "block", "arm"]


@dataclass(frozen=True)
class Outlook:
    """What an experiment of some weeks would find.

    Attributes:
        units: customers, stores, or stores × blocks that count.
        mean: the metric per unit and day, or the quotient.
        se: standard error of the difference at the end.
        kept: share of the variance left after taking off what units did before.
        fixed, always: smallest relative effect found with the wanted power, at a single look at the end and with an
            always-valid look each week.
        power_fixed, power_always: probability of finding the wanted effect.
    """

    weeks: int
    units: int
    mean: float
    se: float
    kept: float
    fixed: float
    always: float
    power_fixed: float
    power_always: float

    def power(self, method: str) -> float:
        return self.power_fixed if method == "fixed" else self.power_always


def outlooks(
    daily: ir.Table, design: Design, as_of: date, weeks: Sequence[int], share: float, block_days: int
) -> list[Outlook]:
    """What experiments of so many weeks would find, had they ended on `as_of`.

    Raises:
        HubError: `experiment.no_past` (no unit was active before), `experiment.few_units`, `experiment.flat` (the
            metric did not vary, so there is nothing to compare).
    """
    expected = _expected(daily, design, design.metrics[design.metric], as_of, max(weeks), share, block_days)
    found = []
    for length in weeks:
        if length not in expected:  # no block of a switchback is over yet
            continue
        effect, units = expected[length]
        errors = [expected[look][0].se for look in sorted(expected) if look <= length]
        wanted, level = abs(design.effect * effect.control), abs(effect.control)
        if not level or not effect.se:
            raise HubError("experiment.flat", metric=design.metric, days=7 * length)
        # A variance whose test of equal arms has this standard error.
        variance = effect.se**2 * units * share * (1 - share)
        found.append(
            Outlook(
                length, units, effect.control, effect.se, effect.kept,
                detectable(variance, units, share=share, alpha=design.alpha, power=design.power) / level,
                detectable_always(errors, design.alpha, design.power, effect.freedom) / level,
                power_of(wanted, variance, units, share=share, alpha=design.alpha),
                crossing_power(wanted, errors, design.alpha, effect.freedom),
            )
        )  # fmt: skip
    return found


def expected_se(
    daily: ir.Table, design: Design, metric: Metric, as_of: date, weeks: int, share: float, block_days: int
) -> float:
    """Standard error of the difference that chance makes in one metric after so many weeks.

    Raises:
        HubError: `experiment.no_past`, `experiment.few_units`.
    """
    return _expected(daily, design, metric, as_of, weeks, share, block_days, only_last=True)[weeks][0].se


def first_enough(found: Sequence[Outlook], design: Design) -> Outlook | None:
    """The shortest that finds the wanted effect with the wanted power."""
    return next((outlook for outlook in found if outlook.power(design.method) >= design.power), None)


def _expected(
    daily: ir.Table, design: Design, metric: Metric, as_of: date, weeks: int, share: float, block_days: int, *,
    only_last: bool = False,
) -> dict[int, tuple[Effect, int]]:  # fmt: skip
    """Weeks → the comparison of two arms alike, its standard errors above all, and the units that count."""
    start = as_of - timedelta(days=7 * weeks - 1)
    units = active_units(daily, start, design.pre_days)
    if not units:
        raise HubError("experiment.no_past", weeks=weeks, pre_days=design.pre_days, day=as_of)
    if len(units) * min(share, 1 - share) < LEAST_UNITS:
        raise HubError("experiment.few_units", units=len(units), share=share, least=LEAST_UNITS)
    found = {}
    for length in [weeks] if only_last else range(1, weeks + 1):
        last = start + timedelta(days=7 * length - 1)
        blocks = 7 * length // block_days if block_days else 1
        arms = pd.DataFrame([(unit, block, "") for block in range(blocks) for unit in units], columns=_COLUMNS)
        if blocks:
            parts = unit_parts(
                daily, arms, metric, start, last, design.pre_days, block_days=block_days,
                washout_days=design.washout_days,
            )  # fmt: skip
            found[length] = by_chance(list(moments_by(parts, ["block"]).values()), share), len(arms)
    return found


def by_chance(blocks: Sequence[Moments], share: float) -> Effect:
    """Both arms drawn from the same units: the metric's level, and what each arm's would be off by."""
    count = np.array([block.count for block in blocks])
    both = blocks[0] if len(blocks) == 1 else pooled(blocks, count / count.sum())
    cov = both.linear_cov()
    removed = cov[0, 1] ** 2 / cov[1, 1] if cov[1, 1] > 0 else 0.0
    variance = max(cov[0, 0] - removed, 0.0)
    sizes = both.count * (1 - share), both.count * share
    errors = [math.sqrt(variance / size) for size in sizes]
    kept = variance / cov[0, 0] if cov[0, 0] else 1.0
    return Effect(both.ratio, both.ratio, errors[0], errors[1], sizes[0] - 1, sizes[1] - 1, float(kept))
