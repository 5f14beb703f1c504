"""Experiments: whether a decision is worth its money, found out by lot instead of by argument.

An experiment is planned on the chain's own past, started, read every business day, and stopped: by a person, at its
planned end, or by itself when it does harm. Lots fall on customers, stores, or stores × blocks of days (switchback).
Decisions of its kind that fall to the control arm carry out their baseline; what is done elsewhere takes the arms from
`aislehub experiment arms`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import typer
from rich.console import Console
from rich.table import Table

from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.experiments import ARMS, Trial
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json, who, write_table
from aislehub.core.pages import Page
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.core.text import say
from aislehub.proof.design import Design, active_units, arms_of, balanced_salt, unit_parts
from aislehub.proof.experiments_page import context, verdict_sentence
from aislehub.proof.metrics import METRICS, Sources, daily_figures, metric_of
from aislehub.proof.planning import LEAST_UNITS, Outlook, expected_se, first_enough, outlooks
from aislehub.proof.verdict import VERDICTS, read_trial

__all__ = ["EXPERIMENT_RESULTS", "Policy", "experiment_results", "plan_trial", "start_trial"]

UNITS = ("customer", "store", "switchback")
_ALWAYS = ("low", "high")

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
        row for trial in trials if trial.measures(day) for row in _results(sources, assignments, trial, day, policy)
    ]
    if not rows:
        return EXPERIMENT_RESULTS.empty()
    names = [column.name for column in EXPERIMENT_RESULTS.columns]
    return pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], EXPERIMENT_RESULTS.schema)


def _results(sources: Sources, assignments: ir.Table, trial: Trial, day: date, policy: Policy) -> list[dict[str, Any]]:
    design = Design.of(trial.definition)
    assert trial.start is not None
    first = trial.start - timedelta(days=design.pre_days)
    daily = daily_figures(sources, design.column, design.metrics.values(), first, day)
    rows = read_trial(trial, daily, day, _assigned(assignments, trial.name), srm_limit=policy.srm_limit)
    source = _source(sources, design, first, day)
    return [row | {"day": day, "source": source} for row in rows]


def _assigned(assignments: ir.Table, name: str) -> dict[str, str]:
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


# -- commands ----------------------------------------------------------------------------------------

Name = Annotated[str, typer.Argument(help="Name of the experiment")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Business day; the last one with sales if left out"),
]

experiment = typer.Typer(
    name="experiment", help="Randomised experiments: plan, start, read, stop, list, arms.", no_args_is_help=True
)


@experiment.command()
def plan(
    name: Name,
    unit: Annotated[str, typer.Option(help="What the lots fall on: customer, store, or switchback")] = "store",
    metric: Annotated[str, typer.Option(help="The metric that decides")] = "sales",
    effect: Annotated[float, typer.Option(help="Relative effect worth finding, 0.05 = 5 %", min=0.001, max=10)] = 0.05,
    kind: Annotated[
        str, typer.Option(help="Kind of decision that is drawn by lot, e.g. orders; any other name = done elsewhere")
    ] = "elsewhere",
    also: Annotated[list[str] | None, typer.Option(help="A further metric, judged together with the first")] = None,
    guard: Annotated[
        list[str] | None, typer.Option(help="A metric that may lose at most so much, e.g. margin=0.02")
    ] = None,
    share: Annotated[float, typer.Option(help="Share of the treatment; both arms need some")] = 0.5,
    weeks: Annotated[int, typer.Option(help="Weeks it is to run; 0 = the fewest that find the effect", min=0)] = 0,
    method: Annotated[
        Literal["always_valid", "fixed"], typer.Option(help="Judged every day, or once at the planned end")
    ] = "always_valid",
    block_days: Annotated[int, typer.Option(help="Of a switchback: days for which a store keeps its arm", min=1)] = 7,
    washout_days: Annotated[int, typer.Option(help="Of a switchback: first days of a block left out", min=0)] = 1,
    harm: Annotated[
        float | None, typer.Option(help="Loss of the metric put up with before it is rolled back", min=0, max=1)
    ] = None,
    day: Day = None,
    as_json: Json = False,
) -> None:
    """Plan an experiment on the chain's own past: weeks, units, and the smallest effect that each duration finds.

    Example: aislehub experiment plan less-stock --unit store --metric margin --effect 0.05 --kind orders
    """
    with open_hub() as hub:
        policy = Policy.load(hub.home)
        design = Design(
            unit=_known(unit, "unit", UNITS), metric=metric, effect=effect, also=tuple(also or ()),
            guards=_guards(guard or ()), harm=policy.harm if harm is None else harm, method=method,
            alpha=round(1 - policy.confidence, 9), power=policy.power, pre_days=policy.pre_days,
            washout_days=washout_days if unit == "switchback" else 0,
        )  # fmt: skip
        for one in [metric, *design.also, *design.guards]:
            metric_of(one, unit)
        blocks = _block_days(unit, block_days, washout_days)
        if not 0 < share < 1:
            raise HubError("experiments.share", share=share)
        as_of = day.date() if day else _last_day(hub)
        found, chosen, trial = plan_trial(hub, name, design, kind, share, blocks, weeks, as_of, policy.max_weeks)
        hub.experiments.plan(trial, who=who())
    if as_json:
        print_json({"name": name, "day": as_of, "weeks": chosen.weeks, "definition": trial.definition,
                    "outlooks": [vars(outlook) for outlook in found]})  # fmt: skip
    else:
        _show_plan(trial, found, chosen, as_of)


def plan_trial(
    hub: Hub, name: str, design: Design, kind: str, share: float, block_days: int, weeks: int, as_of: date, most: int
) -> tuple[list[Outlook], Outlook, Trial]:
    """Plan on the past up to `as_of`: what each duration finds, the one chosen, and the experiment.

    Args:
        weeks: it is to run; 0 = the fewest that find the design's effect.
        most: weeks at most.

    Raises:
        HubError: `experiment.no_past`, `experiment.too_weak`, `experiment.flat`.
    """
    sources = _sources(hub, as_of)
    first = sources.sales_lines.day.min().to_pyarrow().as_py()
    past = 0 if first is None else ((as_of - first).days + 1 - design.pre_days) // 7
    longest = min(max(most, weeks), past)
    if longest < max(weeks, 1):
        raise HubError("experiment.no_past", weeks=max(weeks, 1), pre_days=design.pre_days, day=as_of)
    since = as_of - timedelta(days=7 * longest + design.pre_days - 1)
    daily = daily_figures(sources, design.column, design.metrics.values(), since, as_of)
    found = outlooks(daily, design, as_of, range(1, longest + 1), share, block_days)
    chosen = found[-1] if not found else next((o for o in found if o.weeks == weeks), first_enough(found, design))
    if chosen is None:
        best = found[-1]
        smallest = best.fixed if design.method == "fixed" else best.always
        raise HubError(
            "experiment.too_weak", metric=design.metric, effect=f"{design.effect:.1%}", weeks=longest,
            smallest=f"{smallest:.1%}",
        )  # fmt: skip
    planned = {}
    for one, metric in design.metrics.items():
        planned[one] = expected_se(daily, design, metric, as_of, chosen.weeks, share, block_days)
        if not planned[one] > 0:
            raise HubError("experiment.flat", metric=one, days=7 * chosen.weeks)
    definition = design.document() | {"planned": planned}
    subject = "subject" if design.unit == "customer" else "store"
    return found, chosen, Trial(name, kind, subject, block_days, share, name, 7 * chosen.weeks, definition)


@experiment.command()
def start(
    name: Name,
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day whose outcomes count")],
    why: Annotated[str, typer.Option(help="Note, kept in the history")] = "",
    as_json: Json = False,
) -> None:
    """Start a planned experiment: lots are drawn for decisions from the close before its first day on.

    Example: aislehub experiment start less-stock --day 2017-10-02
    """
    with open_hub() as hub:
        started, counts = start_trial(hub, name, day.date(), who=who(), why=why)
    if as_json:
        print_json(_document(started) | {"units": counts})
    else:
        print(say("experiment.started", name=name, first=started.start, last=started.last, **counts))


def start_trial(hub: Hub, name: str, first: date, *, who: str, why: str = "") -> tuple[Trial, dict[str, int]]:
    """Start a planned experiment on `first`, its lots balanced by what units did before; it, and the units of each arm.

    Raises:
        HubError: `experiments.unknown`, `experiments.move`, `experiments.overlap`, `experiment.few_in_arm`.
    """
    trial = hub.experiments.get(name)
    design = Design.of(trial.definition)
    sources = _sources(hub, first - timedelta(days=1))
    before = first - timedelta(days=design.pre_days)
    daily = daily_figures(sources, design.column, design.metrics.values(), before, first)
    drawn = Trial(**{**vars(trial), "start": first})
    salt = balanced_salt(drawn, _before(daily, drawn, design))
    counts = _counts(hub, Trial(**{**vars(drawn), "salt": salt}), daily, design)
    if min(counts.values()) < LEAST_UNITS:
        raise HubError("experiment.few_in_arm", least=LEAST_UNITS, **counts)
    return hub.experiments.start(name, first, who=who, why=why, salt=salt), counts


@experiment.command()
def read(name: Name, day: Day = None, as_json: Json = False) -> None:
    """Read an experiment as of a day. Looking is free: the intervals hold at all looks together, each is kept.

    Example: aislehub experiment read less-stock --day 2017-10-29
    """
    with open_hub() as hub:
        trial = hub.experiments.get(name)
        if trial.start is None or trial.last is None:
            raise HubError("experiment.not_started", name=name)
        chosen = min(day.date() if day else _last_day(hub), trial.last)
        if chosen < trial.start:
            raise HubError("experiments.before_start", name=name, day=chosen, start=trial.start)
        assignments = hub.tables.read("assignments", as_of=chosen)
        rows = _results(_sources(hub, chosen), assignments, trial, chosen, Policy.load(hub.home))
        hub.experiments.look(name, chosen, rows, who=who())
        looks = len(hub.experiments.looks(name))
    if as_json:
        print_json(_document(trial) | {"day": chosen, "looks": looks, "results": [_told(row, trial) for row in rows]})
    else:
        _show_results(trial, chosen, rows, looks)


@experiment.command()
def stop(
    name: Name,
    why: Annotated[str, typer.Option(help="Reason, kept in the history")],
    day: Day = None,
    as_json: Json = False,
) -> None:
    """Stop an experiment; of a rolled-back one, let the proposals count again.

    Example: aislehub experiment stop less-stock --day 2017-10-29 --why "the supplier changed"
    """
    with open_hub() as hub:
        stopped = hub.experiments.stop(name, day.date() if day else _last_day(hub), who=who(), why=why)
    if as_json:
        print_json(_document(stopped))
    else:
        print(say("experiment.stopped", name=name, last=stopped.last or "–"))


@experiment.command(name="list")
def list_(as_json: Json = False) -> None:
    """List all experiments with state, dates and what they measure.

    Example: aislehub experiment list
    """
    with open_hub() as hub:
        trials = hub.experiments.all()
    if as_json:
        print_json([_document(trial) for trial in trials])
        return
    table = Table(*(say(f"experiment.column_{name}") for name in ("name", "state", "kind", "unit", "metric", "days")))
    for trial in trials:
        days = f"{trial.start} – {trial.last}" if trial.start else say("experiment.days", days=trial.days)
        metric = say(f"kpi.{trial.definition['metric']}")
        unit = say(f"experiment.unit_{trial.definition['unit']}")
        table.add_row(trial.name, say(f"experiment.state_{trial.state}"), trial.kind, unit, metric, days)
    Console().print(table)


@experiment.command()
def arms(
    name: Name,
    day: Day = None,
    out: Annotated[Path | None, typer.Option(help="Write the rows to .parquet, .csv, .json or .xlsx")] = None,
    as_json: Json = False,
) -> None:
    """Which arm each unit is in on a day, for whoever carries the treatment out elsewhere.

    Example: aislehub experiment arms less-stock --out arms.csv
    """
    with open_hub() as hub:
        trial = hub.experiments.get(name)
        if trial.start is None or trial.last is None:
            raise HubError("experiment.not_started", name=name)
        chosen = min(max(day.date() if day else trial.start, trial.start), trial.last)
        design = Design.of(trial.definition)
        first = trial.start - timedelta(days=design.pre_days)
        daily = daily_figures(_sources(hub, chosen), design.column, design.metrics.values(), first, trial.start)
        units = active_units(daily, trial.start, design.pre_days)
        assigned = _assigned(hub.tables.read("assignments", as_of=chosen), name)
    drawn = assigned or {unit: trial.arm_of(unit, chosen) for unit in units}
    rows = pd.DataFrame({"experiment": name, "unit": list(drawn), "arm": list(drawn.values()), "day": chosen})
    if out:
        write_table(rows, out)
    if as_json:
        print_json(rows.to_dict("records"))
    elif not out:
        Console().print(rows.to_string(index=False))


commands = (experiment,)
pages = (Page("experiments", "experiment.title", 55, context),)


# -- helpers -----------------------------------------------------------------------------------------


def _sources(hub: Hub, day: date) -> Sources:
    names = ("sales_lines", "items", "footfall", "events", "stock", "receipts")
    tables = {name: hub.tables.read(name, as_of=day) for name in names}
    return Sources(**tables, timezone=hub.settings.timezone)


def _last_day(hub: Hub) -> date:
    last = hub.tables.read("sales_lines").day.max().to_pyarrow().as_py()
    if last is None:
        raise HubError("kpi.empty")
    return date.fromisoformat(str(last))


def _known(value: str, name: str, known: Sequence[str]) -> str:
    if value not in known:
        raise HubError("experiment.choice", name=name, value=value, suggestion=did_you_mean(value, known))
    return value


def _guards(texts: Sequence[str]) -> dict[str, float]:
    """`margin=0.02` → {"margin": 0.02}."""
    found = {}
    for text in texts:
        name, sign, limit = text.partition("=")
        try:
            found[name] = float(limit) if sign else 0.0
        except ValueError as error:
            raise HubError("experiment.guard", guard=text) from error
        if not 0 <= found[name] < 1:
            raise HubError("experiment.guard", guard=text)
    return found


def _block_days(unit: str, block_days: int, washout_days: int) -> int:
    if unit != "switchback":
        return 0
    if washout_days >= block_days:
        raise HubError("experiment.washout", washout=washout_days, block=block_days)
    return block_days


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
    found = arms_of(trial, units, last, _assigned(hub.tables.read("assignments"), trial.name))["arm"].value_counts()
    return {arm: int(found.get(arm, 0)) for arm in ARMS}


def _document(trial: Trial) -> dict[str, Any]:
    return dict(vars(trial))


def _told(row: Mapping[str, Any], trial: Trial) -> dict[str, Any]:
    """A result with its verdict in words."""
    return dict(row) | {"sentence": verdict_sentence(row, trial)}


def _show_plan(trial: Trial, found: Sequence[Outlook], chosen: Outlook, as_of: date) -> None:
    design = Design.of(trial.definition)
    metric, unit = say(f"kpi.{design.metric}"), say(f"experiment.unit_{design.unit}")
    table = Table(title=say("experiment.plan_title", name=trial.name, metric=metric, unit=unit, day=as_of))
    for column in ("weeks", "units", "fixed", "always", "power"):
        table.add_column(say(f"experiment.plan_{column}"), justify="right")
    for outlook in found:
        mark = "→ " if outlook is chosen else ""
        table.add_row(
            f"{mark}{outlook.weeks}", f"{outlook.units:,}", f"{outlook.fixed:.1%}", f"{outlook.always:.1%}",
            f"{outlook.power(design.method):.0%}",
        )  # fmt: skip
    console = Console()
    console.print(table)
    method = say(f"experiment.method_{design.method}")
    console.print(say(
        "experiment.planned", name=trial.name, weeks=chosen.weeks, effect=f"{design.effect:.1%}", method=method,
        power=f"{chosen.power(design.method):.0%}", removed=f"{1 - chosen.kept:.0%}", pre_days=design.pre_days,
    ))  # fmt: skip


def _show_results(trial: Trial, day: date, rows: Sequence[Mapping[str, Any]], looks: int) -> None:
    console = Console()
    first = rows[0]
    console.print(say(
        "experiment.read_title", name=trial.name, state=say(f"experiment.state_{trial.state}"), day=day,
        days=first["days"], planned=trial.days, control=first["n_control"], treatment=first["n_treatment"],
        unit=say(f"experiment.unit_{first['unit']}"), looks=looks,
    ))  # fmt: skip
    table = Table()
    for column in ("metric", "control", "treatment", "effect", "interval"):
        table.add_column(say(f"experiment.column_{column}"), no_wrap=True)
    for row in rows:
        if row["estimate"] is not None:
            ends = ("fixed_low", "fixed_high") if row["method"] == "fixed" and row["fixed_low"] is not None else _ALWAYS
            relative = "" if row["relative"] is None else f" ({row['relative']:+.1%})"
            table.add_row(
                say(f"kpi.{row['metric']}"), f"{row['control']:.4g}", f"{row['treatment']:.4g}",
                f"{row['estimate']:+.3g}{relative}", " … ".join(f"{row[end]:+.3g}" for end in ends),
            )  # fmt: skip
    if table.row_count:
        console.print(table)
    for row in rows:
        role = say(f"experiment.role_{row['role']}")
        console.print(f"{say('kpi.' + row['metric'])} ({role}): {verdict_sentence(row, trial)}")
    if first["method"] == "fixed" and day < (trial.last or day):
        console.print(say("experiment.peek", last=trial.last))
