"""Planning: how many weeks an effect needs, read off the user's own past.

Every past period of so many weeks is taken as an experiment without a treatment: the units and the days before of that
time, the same metric, the same reading. What two arms would differ by in them, by chance alone, is what an effect has
to stand out from; and how much that differs from period to period says what the next one may bring.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis.expr.types as ir
import numpy as np
import scipy

from aislehub.core.errors import HubError
from aislehub.proof.design import Design
from aislehub.proof.effect import Effect
from aislehub.proof.metrics import Metric
from aislehub.proof.moments import Moments, pooled
from aislehub.proof.outliers import without_outliers
from aislehub.proof.past import Past
from aislehub.proof.power import detectable, power_of
from aislehub.proof.scatter import assured_error
from aislehub.proof.sequence import crossing_power, detectable_always

__all__ = [
    "LEAST_UNITS", "PAST_DAYS", "Outlook", "by_chance", "expected_se", "first_enough", "outlooks", "units_enough",
    "weeks_enough",
]  # fmt: skip

LEAST_UNITS = 2
"""Units that an arm needs: one has no spread."""
PAST_DAYS = 364
"""Days of the past whose periods are looked at, besides the days before the first of them."""

_PERIODS = 8  # that are looked at for one duration, spread over the past
_LARGEST = 10.0  # relative effect; a plan is never asked for more
_LONGEST = 104  # weeks; a longer experiment is no advice


@dataclass(frozen=True)
class Outlook:
    """What an experiment of some weeks would find.

    Attributes:
        units: customers, stores, or stores × blocks that count.
        periods: past periods of that length that it is read off.
        mean: the metric per unit and day, or the quotient, in the last of them.
        se: standard error of the difference at the end, which the next period exceeds only with probability
            1 − `Design.assurance`.
        kept: share of the variance left after taking off what units did before, in the last period.
        fixed, always: smallest relative effect found with the wanted power, at a single look at the end and with an
            always-valid look each week.
        power_fixed, power_always: probability of finding the wanted effect.
    """

    weeks: int
    units: int
    periods: int
    mean: float
    se: float
    kept: float
    fixed: float
    always: float
    power_fixed: float
    power_always: float

    def power(self, method: str) -> float:
        return self.power_fixed if method == "fixed" else self.power_always

    def smallest(self, method: str) -> float:
        return self.fixed if method == "fixed" else self.always


@dataclass(frozen=True)
class _Chance:
    """What chance makes of two arms alike after some weeks: `last` in the newest period, `se` as it is counted on."""

    last: Effect
    se: float
    units: int
    periods: int


def outlooks(
    daily: ir.Table, design: Design, as_of: date, weeks: Sequence[int], share: float, block_days: int
) -> list[Outlook]:
    """What experiments of so many weeks would find, started after `as_of`.

    An effect is taken as a share of each unit's own level: what it multiplies, it also scatters more.

    Args:
        daily: `daily_figures` of as many days before `as_of` as are to be looked at.

    Raises:
        HubError: `experiment.no_past` (no unit was active before), `experiment.few_units`, `experiment.flat` (the
            metric did not vary, so there is nothing to compare).
    """
    past = Past.of(daily, design.metrics[design.metric])
    lift = math.sqrt(_lift(share, design.effect))
    errors: list[float] = []
    found = []
    for length in range(1, max(weeks) + 1):
        chance = _expected(past, design, as_of, length, share, block_days)
        if chance is None:  # no block of a switchback is over yet
            continue
        errors.append(chance.se)
        if length not in weeks:
            continue
        level, units = abs(chance.last.control), chance.units
        if not level or not chance.se:
            raise HubError("experiment.flat", metric=design.metric, days=7 * length)
        # A variance whose test of equal arms has this standard error.
        variance = chance.se**2 * units * share * (1 - share)
        once = detectable(variance, units, share=share, alpha=design.alpha, power=design.power) / level
        any_time = detectable_always(errors, design.alpha, design.power, chance.last.freedom) / level
        wanted = abs(design.effect) * level / lift
        found.append(
            Outlook(
                length, units, chance.periods, chance.last.control, chance.se, chance.last.kept,
                _lifted(once, share), _lifted(any_time, share),
                power_of(wanted, variance, units, share=share, alpha=design.alpha),
                crossing_power(wanted, errors, design.alpha, chance.last.freedom),
            )
        )  # fmt: skip
    return found


def expected_se(
    daily: ir.Table, design: Design, metric: Metric, as_of: date, weeks: int, share: float, block_days: int
) -> float:
    """Standard error of the difference that chance makes in one metric after so many weeks; 0 where it is flat.

    Raises:
        HubError: `experiment.no_past`, `experiment.few_units`.
    """
    chance = _expected(Past.of(daily, metric), design, as_of, weeks, share, block_days)
    return chance.se if chance else 0.0


def first_enough(found: Sequence[Outlook], design: Design) -> Outlook | None:
    """The shortest that finds the wanted effect with the wanted power."""
    return next((outlook for outlook in found if outlook.power(design.method) >= design.power), None)


def weeks_enough(found: Sequence[Outlook], design: Design) -> int | None:
    """Weeks after which the wanted effect would be found, beyond those looked at; None where no duration would do.

    The squared smallest effect falls with the weeks to what stays however long it runs: stores grow apart.
    """
    weeks = np.array([outlook.weeks for outlook in found], dtype=float)
    smallest = np.array([outlook.smallest(design.method) for outlook in found])
    (stays, falls), _ = scipy.optimize.nnls(np.column_stack([np.ones(len(weeks)), 1 / weeks]), smallest**2)
    left = design.effect**2 - stays
    needed = math.ceil(falls / left) if left > 0 else _LONGEST + 1
    return max(needed, found[-1].weeks + 1) if needed <= _LONGEST else None


def units_enough(outlook: Outlook, design: Design) -> int:
    """Units of both arms with which this duration would find the wanted effect."""
    return math.ceil(outlook.units * (outlook.smallest(design.method) / design.effect) ** 2)


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


# -- past periods ------------------------------------------------------------------------------------


def _expected(
    past: Past | None, design: Design, as_of: date, weeks: int, share: float, block_days: int
) -> _Chance | None:
    """The newest period and what the next one is counted on; None where no block is over after so few weeks."""
    blocks = 7 * weeks // block_days if block_days else 1
    if not blocks:
        return None
    newest, *earlier = _starts(past, as_of, 7 * weeks, design.pre_days)
    count = len(past.active(newest, design.pre_days)) if past else 0
    if past is None or not count:
        raise HubError("experiment.no_past", weeks=weeks, pre_days=design.pre_days, day=as_of)
    if count * min(share, 1 - share) < LEAST_UNITS:
        raise HubError("experiment.few_units", units=count, share=share, least=LEAST_UNITS)
    last = _in_period(past, design, newest, weeks, share, block_days)
    if not last.control or not last.se:
        return _Chance(last, 0.0, count * blocks, 1)
    relative = [last.se / abs(last.control)]
    for start in earlier:
        those = len(past.active(start, design.pre_days))
        if those * min(share, 1 - share) < LEAST_UNITS:
            continue
        effect = _in_period(past, design, start, weeks, share, block_days)
        if effect.control and effect.se:  # a figure may not have been counted then
            relative.append(effect.se / abs(effect.control) * math.sqrt(those / count))
    se = abs(last.control) * assured_error(relative, count * blocks, design.assurance)
    return _Chance(last, se, count * blocks, len(relative))


def _starts(past: Past | None, as_of: date, days: int, pre_days: int) -> list[date]:
    """First days of past periods that do not overlap, the newest first, whole weeks apart."""
    newest = as_of - timedelta(days=days - 1)
    room = max((newest - past.first).days - pre_days, 0) if past else 0
    more = min(room // days, _PERIODS - 1)
    gap = room // more // 7 * 7 if more else 0
    return [newest - timedelta(days=gap * number) for number in range(more + 1)]


def _in_period(past: Past, design: Design, start: date, weeks: int, share: float, block_days: int) -> Effect:
    """The comparison of two arms alike in one period, read as the experiment will be."""
    units = past.active(start, design.pre_days)
    blocks = past.parts(units, start, 7 * weeks, design.pre_days, block_days, design.washout_days)
    if design.outlier:
        blocks = [without_outliers(block, [""] * len(block), design.outlier)[0] for block in blocks]
    return by_chance([Moments.of(block) for block in blocks], share)


# -- effects that scale the scatter ------------------------------------------------------------------


def _lift(share: float, effect: float) -> float:
    """Variance of the difference with a relative effect on each treated unit, over that without."""
    return share + (1 - share) * (1 + effect) ** 2


def _lifted(smallest: float, share: float) -> float:
    """The relative effect e with e² = smallest² × `_lift(e)`."""
    square, other = smallest**2, 1 - share
    rest = 1 - square * other
    if rest <= 0:
        return _LARGEST
    return min((square * other + math.sqrt((square * other) ** 2 + rest * square)) / rest, _LARGEST)
