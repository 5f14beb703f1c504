"""Experiments: whether a decision is worth its money, found out by lot instead of by argument.

An experiment is planned on the chain's own past, started, read every business day, and stopped: by a person, at its
planned end, or by itself when it does harm. Lots fall on customers, stores, or stores × blocks of days (switchback).
Decisions of its kind that fall to the control arm carry out their baseline; what is done elsewhere takes the arms from
`aislehub experiment arms`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError
from aislehub.core.experiments import ARMS, Trial
from aislehub.core.hub import Hub
from aislehub.core.pages import Page
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.proof.design import Design, active_units, arms_of, balanced_salt, unit_parts
from aislehub.proof.experiments_page import context
from aislehub.proof.metrics import METRICS, Sources, daily_figures
from aislehub.proof.planning import (
    LEAST_UNITS,
    PAST_DAYS,
    Outlook,
    expected_se,
    first_enough,
    outlooks,
    units_enough,
    weeks_enough,
)
from aislehub.proof.verdict import VERDICTS, read_trial

__all__ = [
    "EXPERIMENT_RESULTS", "UNITS", "Policy", "assigned_arms", "experiment_results", "plan_trial", "results_of",
    "sources_of", "start_trial",
]  # fmt: skip

UNITS = ("customer", "store", "switchback")

EXPERIMENT_RESULTS = Contract(
    "experiment_results",
    "What one running experiment says of one metric at the close of the day",
    (
        Column("metric", "text", "Which metric", values=tuple(METRICS)),
        Column("role", "text", "primary decides, others are judged with it, guards must not get worse",
               values=("primary", "other", "guard")),
        Column("unit", "text", "What the lots fall on", values=UNITS),
        Column("method", "text", "When it is judged: always_valid = every day, fixed = at its planned end",
               values=("always_valid", "fixed")),
        Column("days", "int", "Days measured so far", "days", low=1),
        Column("n_control", "int", "Units in the control arm", low=0),
        Column("n_treatment", "int", "Units in the treatment arm", low=0),
        Column("srm_p", "float", "How probable a split so far from the planned one is by chance", low=0, high=1),
        Column("control", "float", "The metric in the control arm, per unit and day, or a quotient", required=False),
        Column("treatment", "float", "The same in the treatment arm", required=False),
        Column("estimate", "float", "Treatment − control", required=False),
        Column("relative", "float", "The estimate as a fraction of the control", "fraction", required=False),
        Column("low", "float", "Always-valid interval of the estimate: holds at all looks together", required=False),
        Column("high", "float", "Its upper end", required=False),
        Column("fixed_low", "float", "Single-look interval, from the planned end on", required=False),
        Column("fixed_high", "float", "Its upper end", required=False),
        Column("p_value", "float", "Always-valid p-value", required=False, low=0, high=1),
        Column("p_fixed", "float", "Single-look p-value, from the planned end on", required=False, low=0, high=1),
        Column("p_holm", "float", "The p-value that counts, for all judged metrics together", required=False, low=0,
               high=1),
        Column("cut", "int", "Stores that deviate from before beyond the limit, and count up to it only", "stores",
               required=False, low=0),
        Column("variance_kept", "float", "Share of the variance left after what units did before is taken off",
               "fraction", required=False, low=0),
        Column("verdict", "text", "What it comes to", values=VERDICTS),
        Column("source", "text", "Says `simulated` when any of the facts was", required=False),
    ),
    key="day experiment metric",
    look=True,
)  # fmt: skip


class Policy(Settings, section="experiments"):
    """How sure experiments are to be."""

    confidence: float = field(0.95, "Confidence of intervals and verdicts", gt=0.5, lt=1)
    power: float = field(0.8, "Probability with which a plan is to find its effect", gt=0.5, lt=1)
    assurance: float = field(
        0.9, "Share of periods, as those of the past differ, in which a plan is to keep its power", ge=0.5, lt=1
    )
    outlier: float = field(
        3.5,
        "Deviation of a store from its arm and from before that counts at most, in robust standard deviations; "
        "0 = no limit",
        ge=0,
    )
    pre_days: int = field(84, "Days before the start whose figures are taken off each unit's (CUPED)", ge=7, le=364)
    max_weeks: int = field(13, "Longest duration that a plan looks at, in weeks", ge=1, le=52)
    harm: float = field(
        0.0,
        "Loss of the deciding metric that is put up with: rolled back once even the lower bound is above",
        ge=0,
        lt=1,
    )
    srm_limit: float = field(0.001, "A split less probable than this withholds the results", gt=0, lt=0.1)


@step(reads="sales_lines items footfall events stock receipts assignments", writes=EXPERIMENT_RESULTS)
def experiment_results(
    sales_lines: ir.Table, items: ir.Table, footfall: ir.Table, events: ir.Table, stock: ir.Table,
    receipts: ir.Table, assignments: ir.Table, *,
    day: date, policy: Policy, timezone: str, trials: Sequence[Trial] = (),
) -> pa.Table:  # fmt: skip
    """Results of every experiment that measures the day."""
    sources = Sources(sales_lines, items, footfall, events, stock, receipts, timezone)
    rows = [
        row for trial in trials if trial.measures(day) for row in results_of(sources, assignments, trial, day, policy)
    ]
    if not rows:
        return EXPERIMENT_RESULTS.empty()
    names = [column.name for column in EXPERIMENT_RESULTS.columns]
    return pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], EXPERIMENT_RESULTS.schema)


def results_of(
    sources: Sources, assignments: ir.Table, trial: Trial, day: date, policy: Policy
) -> list[dict[str, Any]]:
    """What one experiment says at the close of a day, a row a metric of `EXPERIMENT_RESULTS`."""
    design = Design.of(trial.definition)
    assert trial.start is not None
    first = trial.start - timedelta(days=design.pre_days)
    daily = daily_figures(sources, design.column, design.metrics.values(), first, day)
    rows = read_trial(trial, daily, day, assigned_arms(assignments, trial.name), srm_limit=policy.srm_limit)
    source = _source(sources, design, first, day)
    return [row | {"day": day, "source": source} for row in rows]


def assigned_arms(assignments: ir.Table, name: str) -> dict[str, str]:
    """Unit → arm where another system has drawn the lots of this experiment."""
    rows = assignments.filter(assignments.experiment == name).select("unit", "arm").to_pyarrow().to_pylist()
    return {row["unit"]: row["arm"] for row in rows}


def _source(sources: Sources, design: Design, first: date, last: date) -> str | None:
    """`simulated` where any sale or visit that counts is."""
    tables = [sources.sales_lines]
    if any(metric.source == "footfall" for metric in design.metrics.values()):
        tables.append(sources.footfall)
    for rows in tables:
        inside = rows.filter(rows.day >= first, rows.day <= last, rows.source.contains("simulated"))
        if inside.count().to_pyarrow().as_py():
            return "simulated"
    return None


# -- plan and start ----------------------------------------------------------------------------------


def plan_trial(
    hub: Hub, name: str, design: Design, kind: str, share: float, block_days: int, weeks: int, as_of: date, most: int
) -> tuple[list[Outlook], Outlook, Trial]:
    """Plan on the past up to `as_of`: what each duration finds, the one chosen, and the experiment.

    Args:
        design: with the `outlier` limit of the house's policy, which is one of stores only.
        weeks: it is to run; 0 = the fewest that find the design's effect.
        most: weeks at most.

    Raises:
        HubError: `experiment.no_past`, `experiment.block` (none would be over), `experiment.too_weak` or
            `experiment.too_weak_ever`, `experiment.flat`.
    """
    sources = sources_of(hub, as_of)
    first = sources.sales_lines.day.min().to_pyarrow().as_py()
    past = 0 if first is None else ((as_of - first).days + 1 - design.pre_days) // 7
    longest = min(max(most, weeks), past)
    if longest < max(weeks, 1):
        raise HubError("experiment.no_past", weeks=max(weeks, 1), pre_days=design.pre_days, day=as_of)
    if block_days > 7 * (weeks or longest):
        raise HubError("experiment.block", block=block_days, weeks=weeks or longest)
    since = as_of - timedelta(days=max(7 * longest, PAST_DAYS) + design.pre_days - 1)
    daily = daily_figures(sources, design.column, design.metrics.values(), since, as_of)
    found = outlooks(daily, design, as_of, range(1, longest + 1), share, block_days)
    chosen = next((outlook for outlook in found if outlook.weeks == weeks), first_enough(found, design))
    if chosen is None:
        raise _too_weak(found, design)
    planned = {}
    for one, metric in design.metrics.items():
        planned[one] = expected_se(daily, design, metric, as_of, chosen.weeks, share, block_days)
        if not planned[one] > 0:
            raise HubError("experiment.flat", metric=one, days=7 * chosen.weeks)
    definition = design.document() | {"planned": planned}
    subject = "subject" if design.unit == "customer" else "store"
    return found, chosen, Trial(name, kind, subject, block_days, share, name, 7 * chosen.weeks, definition)


def start_trial(hub: Hub, name: str, first: date, *, who: str, why: str = "") -> tuple[Trial, dict[str, int]]:
    """Start a planned experiment on `first`, its lots balanced by what units did before; it, and the units of each arm.

    Raises:
        HubError: `experiments.unknown`, `experiments.move`, `experiments.overlap`, `experiment.few_in_arm`.
    """
    trial = hub.experiments.get(name)
    design = Design.of(trial.definition)
    sources = sources_of(hub, first - timedelta(days=1))
    before = first - timedelta(days=design.pre_days)
    daily = daily_figures(sources, design.column, design.metrics.values(), before, first)
    drawn = Trial(**{**vars(trial), "start": first})
    salt = balanced_salt(drawn, _before(daily, drawn, design))
    counts = _counts(hub, Trial(**{**vars(drawn), "salt": salt}), daily, design)
    if min(counts.values()) < LEAST_UNITS:
        raise HubError("experiment.few_in_arm", least=LEAST_UNITS, **counts)
    return hub.experiments.start(name, first, who=who, why=why, salt=salt), counts


# -- helpers -----------------------------------------------------------------------------------------


def _too_weak(found: Sequence[Outlook], design: Design) -> HubError:
    """No duration that was looked at finds the effect: what would."""
    longest, needed = found[-1], weeks_enough(found, design)
    told = {
        "metric": design.metric, "effect": f"{design.effect:.1%}", "weeks": longest.weeks,
        "smallest": f"{longest.smallest(design.method):.1%}", "units": f"{units_enough(longest, design):,}",
    }  # fmt: skip
    return (
        HubError("experiment.too_weak_ever", **told)
        if needed is None
        else HubError("experiment.too_weak", needed=needed, **told)
    )


def sources_of(hub: Hub, day: date) -> Sources:
    """The tables that metrics are made of, as known at the close of a day."""
    names = ("sales_lines", "items", "footfall", "events", "stock", "receipts")
    tables = {name: hub.tables.read(name, as_of=day) for name in names}
    return Sources(**tables, timezone=hub.settings.timezone)


def _before(daily: ir.Table, trial: Trial, design: Design) -> dict[str, float]:
    """Unit → the deciding metric's numerator before the start."""
    assert trial.start is not None
    units = active_units(daily, trial.start, design.pre_days)
    arms = pd.DataFrame({"unit": units, "block": 0, "arm": ""})
    parts = unit_parts(daily, arms, design.metrics[design.metric], trial.start, trial.start, design.pre_days)
    rows = parts.select("unit", "top_before").order_by("unit").to_pyarrow().to_pylist()
    return {row["unit"]: row["top_before"] for row in rows}


def _counts(hub: Hub, trial: Trial, daily: ir.Table, design: Design) -> dict[str, int]:
    """Units in each arm; of a switchback over its whole plan."""
    assert trial.start is not None
    units = active_units(daily, trial.start, design.pre_days)
    last = trial.start + timedelta(days=trial.days - 1)
    found = arms_of(trial, units, last, assigned_arms(hub.tables.read("assignments"), trial.name))["arm"].value_counts()
    return {arm: int(found.get(arm, 0)) for arm in ARMS}


pages = (Page("experiments", "experiment.title", 55, context),)
