"""`aislehub experiment`: plan, start, read, stop, list, and who is in which arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.experiments import ELSEWHERE, Trial
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json, who, write_table
from aislehub.core.text import say
from aislehub.proof.design import Design, active_units
from aislehub.proof.experiment import (
    UNITS,
    Policy,
    assigned_arms,
    plan_trial,
    results_of,
    sources_of,
    start_trial,
)
from aislehub.proof.experiments_page import verdict_sentence
from aislehub.proof.metrics import daily_figures, metric_of
from aislehub.proof.planning import Outlook
from aislehub.proof.scorecard import Change, in_force

__all__ = ["commands"]

_ALWAYS = ("low", "high")

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
        str, typer.Option(help="Kind of decision that is drawn by lot, e.g. orders; elsewhere = no decision of the hub")
    ] = ELSEWHERE,
    change: Annotated[
        str, typer.Option(help="Setting and the value that the treatment runs on, e.g. demand.model=boosted")
    ] = "",
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
        _known(kind, "kind", (*hub.registry.kinds(), ELSEWHERE))
        design = Design(
            unit=_known(unit, "unit", UNITS), metric=metric, effect=effect, also=tuple(also or ()),
            guards=_guards(guard or ()), harm=policy.harm if harm is None else harm, method=method,
            alpha=round(1 - policy.confidence, 9), power=policy.power, assurance=policy.assurance,
            outlier=policy.outlier if unit == "store" else 0.0, pre_days=policy.pre_days,
            washout_days=washout_days if unit == "switchback" else 0, change=_change(hub, change, kind),
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
        rows = results_of(sources_of(hub, chosen), assignments, trial, chosen, Policy.load(hub.home))
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
        daily = daily_figures(sources_of(hub, chosen), design.column, design.metrics.values(), first, trial.start)
        units = active_units(daily, trial.start, design.pre_days)
        assigned = assigned_arms(hub.tables.read("assignments", as_of=chosen), name)
    drawn = assigned or {unit: trial.arm_of(unit, chosen) for unit in units}
    rows = pd.DataFrame({"experiment": name, "unit": list(drawn), "arm": list(drawn.values()), "day": chosen})
    if out:
        write_table(rows, out)
    if as_json:
        print_json(rows.to_dict("records"))
    elif not out:
        Console().print(rows.to_string(index=False))


commands = (experiment,)


# -- helpers -----------------------------------------------------------------------------------------


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


def _change(hub: Hub, text: str, kind: str) -> dict[str, str]:
    """`demand.model=boosted` → the setting with its values of both arms; the hub itself runs on today's."""
    if not text:
        return {}
    setting, sign, candidate = text.partition("=")
    if not (sign and candidate):
        raise HubError("experiment.change", change=text)
    if kind != ELSEWHERE:
        raise HubError("experiment.change_kind", kind=kind)
    return asdict(Change(setting, in_force(hub, setting), candidate))


def _block_days(unit: str, block_days: int, washout_days: int) -> int:
    if unit != "switchback":
        return 0
    if washout_days >= block_days:
        raise HubError("experiment.washout", washout=washout_days, block=block_days)
    return block_days


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
        power=f"{chosen.power(design.method):.0%}", assurance=f"{design.assurance:.0%}", periods=chosen.periods,
        removed=f"{1 - chosen.kept:.0%}", pre_days=design.pre_days,
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
    cut = max(row["cut"] or 0 for row in rows)
    if cut:
        console.print(say("experiment.cut", count=cut))
    for row in rows:
        role = say(f"experiment.role_{row['role']}")
        console.print(f"{say('kpi.' + row['metric'])} ({role}): {verdict_sentence(row, trial)}")
    if first["method"] == "fixed" and day < (trial.last or day):
        console.print(say("experiment.peek", last=trial.last))
