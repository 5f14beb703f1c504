"""Design: which units there are, which arm each belongs to, and what each did in the experiment and before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, Self

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from aislehub.core.experiments import ARMS, Trial
from aislehub.proof.metrics import METRICS, Metric
from aislehub.proof.moments import PARTS, Moments, moments_by, within_blocks

__all__ = ["Design", "active_units", "arms_of", "balanced_salt", "moments_of_arms", "unit_parts"]

_FEW = 1000  # units up to which lots are drawn again until the arms are alike


@dataclass(frozen=True)
class Design:
    """What an experiment measures, as its definition in the register holds it.

    Attributes:
        unit: customer, store or switchback (a store for a block of days).
        metric: the one metric that decides.
        effect: relative effect that the plan is to find.
        also: further metrics, judged together with it (Holm).
        guards: metric → fraction by which it may get worse before the experiment is rolled back.
        harm: the same for the metric that decides.
        method: `always_valid`, or `fixed` for one verdict at the planned end.
        alpha, power: level of the intervals and verdicts, and probability of finding `effect`.
        assurance: share of periods, as the past ones differ, in which a plan is to keep its power.
        outlier: of stores, the deviation that counts at most, in robust standard deviations; 0 = all of it.
        pre_days: days before the start whose sales are taken off (CUPED).
        washout_days: days at the start of a block of a switchback that still feel the block before.
        planned: metric → standard error of the difference that the plan expects at its end.
        change: of an experiment on a setting: `setting`, and its values `today` and `candidate`, the treatment's.
    """

    unit: str
    metric: str
    effect: float
    also: tuple[str, ...] = ()
    guards: Mapping[str, float] = field(default_factory=dict)
    harm: float = 0.0
    method: str = "always_valid"
    alpha: float = 0.05
    power: float = 0.8
    assurance: float = 0.9
    outlier: float = 0.0
    pre_days: int = 84
    washout_days: int = 0
    planned: Mapping[str, float] = field(default_factory=dict)
    change: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> Self:
        return cls(**{**definition, "also": tuple(definition["also"])})

    def document(self) -> dict[str, Any]:
        """As the register holds it."""
        return asdict(self) | {"also": list(self.also)}

    @property
    def column(self) -> str:
        """Column of the sales lines that names the unit."""
        return "customer" if self.unit == "customer" else "store"

    @property
    def metrics(self) -> dict[str, Metric]:
        """All metrics, the one that decides first."""
        return {name: METRICS[name] for name in dict.fromkeys([self.metric, *self.also, *self.guards])}


def active_units(daily: ir.Table, start: date, pre_days: int) -> list[str]:
    """Units with sales or events in the days before the start: whom the treatment cannot have brought in."""
    before = daily.filter(_.day >= start - timedelta(days=pre_days), _.day < start)
    return sorted(before.select("unit").distinct().to_pyarrow()["unit"].to_pylist())


def arms_of(trial: Trial, units: Sequence[str], day: date, assigned: Mapping[str, str]) -> pd.DataFrame:
    """Units with their arm up to `day`: columns unit, block, arm; of a switchback one row a unit and whole block.

    Args:
        assigned: unit → arm, where another system has drawn the lots; then only these units take part.
    """
    if assigned:
        return pd.DataFrame({"unit": list(assigned), "block": 0, "arm": list(assigned.values())})
    assert trial.start is not None
    if not trial.block_days:
        rows = [(unit, 0, trial.arm_of(unit, trial.start)) for unit in units]
    else:
        blocks = ((day - trial.start).days + 1) // trial.block_days
        firsts = [trial.start + timedelta(days=block * trial.block_days) for block in range(blocks)]
        rows = [(unit, block, trial.arm_of(unit, first)) for block, first in enumerate(firsts) for unit in units]
    return pd.DataFrame(rows, columns=["unit", "block", "arm"])


def balanced_salt(trial: Trial, before: Mapping[str, float]) -> str:
    """A salt whose lots make few units alike: counts as planned, and no more than a standard error apart before.

    With ten stores a free draw gives 8 to 2 once in ten times. Lots are drawn anew until the arms are comparable
    (Morgan and Rubin 2012, https://doi.org/10.1214/12-AOS1008); among many units the first draw nearly always is.

    Args:
        before: unit → the metric before the start.
    """
    if trial.block_days or not 1 < len(before) <= _FEW:
        return trial.salt
    wanted = len(before) * trial.share
    values = pd.Series(before, dtype=float)
    for number in range(1000):
        salt = f"{trial.salt}#{number}" if number else trial.salt
        drawn = Trial(**{**asdict(trial), "salt": salt})
        arms = pd.Series({unit: drawn.arm_of(unit, trial.start or date.min) for unit in before})
        parts = [values[arms == arm] for arm in ARMS]
        if abs(len(parts[1]) - wanted) >= 1 or not all(map(len, parts)):
            continue
        spread = float(values.std()) * (1 / len(parts[0]) + 1 / len(parts[1])) ** 0.5
        if abs(parts[1].mean() - parts[0].mean()) <= spread:
            return salt
    return trial.salt


def unit_parts(
    daily: ir.Table, arms: pd.DataFrame, metric: Metric, start: date, last: date, pre_days: int, *,
    block_days: int = 0, washout_days: int = 0,
) -> ir.Table:  # fmt: skip
    """One row a unit (and block): its arm and the four `PARTS` of the metric; what it did not do counts as 0.

    Sums without a denominator are per day, so that they compare whatever the number of days.
    """
    bottom = metric.bottom or metric.top
    inside = daily.filter(_.day >= start, _.day <= last)
    since = (inside.day - ibis.literal(start)).cast("int64") if block_days else ibis.literal(0)
    length = block_days or (last - start).days + 1
    if block_days:
        inside = inside.mutate(block=since // block_days, place=since % block_days).filter(_.place >= washout_days)
    else:
        inside = inside.mutate(block=ibis.literal(0))
    during = inside.group_by("unit", "block").aggregate(top=_[metric.top].sum(), bottom=_[bottom].sum())
    earlier = daily.filter(_.day >= start - timedelta(days=pre_days), _.day < start)
    before = earlier.group_by("unit").aggregate(top_before=_[metric.top].sum(), bottom_before=_[bottom].sum())
    units = ibis.memtable(arms).mutate(block=_.block.cast("int64"))
    joined = units.left_join(during.mutate(block=_.block.cast("int64")), ["unit", "block"])
    joined = joined.select("unit", "block", "arm", "top", "bottom").left_join(before, "unit")
    filled = joined.select("unit", "block", "arm", **{part: _[part].fill_null(0.0) for part in PARTS})
    if metric.bottom:
        return filled
    days, days_before = float(length - washout_days), float(max(pre_days, 1))
    one = ibis.literal(1.0)
    return filled.mutate(top=_.top / days, bottom=one, top_before=_.top_before / days_before, bottom_before=one)


def moments_of_arms(parts: ir.Table) -> tuple[Moments, Moments]:
    """Moments of control and treatment; where there are blocks, compared within them.

    Raises:
        ValueError: when an arm has no unit, or, of blocks, too few to compare.
    """
    found = moments_by(parts, ["block", "arm"])
    blocks = {block for block, _arm in found}
    control, treatment = ARMS
    pairs = [
        (found[block, control], found[block, treatment])
        for block in sorted(blocks)
        if (block, control) in found and (block, treatment) in found
    ]
    return pairs[0] if len(pairs) == 1 else within_blocks(pairs)
