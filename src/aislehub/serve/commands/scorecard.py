"""`aislehub scorecard CANDIDATE`: would another model forecast better, and would it earn more?

Accuracy is rehearsed on the chain's own past, and so is the money: the orders that would have come of each model,
replayed on the sales that followed. Asked for, the twin's paired lives or an experiment that has been read take the
place of the replay. The rooms meet here; the verdict is that of `aislehub.proof.scorecard`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.table import Table

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json
from aislehub.core.tables import end_of_day
from aislehub.core.text import say
from aislehub.proof.scorecard import HORIZON, SCORECARDS, Change, Evidence, Policy, card, compared, in_force, typed
from aislehub.proof.two_way import Estimate
from aislehub.serve import formats
from aislehub.serve.lookup import last_day
from aislehub.serve.plan import console
from aislehub.serve.rehearse import Past, rehearse
from aislehub.twin.policy import Policy as TwinPolicy
from aislehub.twin.report import compare
from aislehub.twin.world import World

__all__ = ["commands", "evidence_of", "keep", "score", "scorecard"]

MODEL = "demand.model"
"""The setting whose change is rehearsed; of any other only the money can be told, by the twin or an experiment."""
EARNED = ("margin", "margin_after_shrink")
"""Metrics of experiments that are money earned."""
TWIN_STORES, TWIN_ITEMS = 10, 60


def scorecard(
    candidate: Annotated[str, typer.Argument(help="The value to try, e.g. boosted or boosted+lstm_demo")],
    today: Annotated[
        str | None, typer.Option(help="The value to compare with; left out = what the settings say")
    ] = None,
    setting: Annotated[str, typer.Option(help="The setting that changes")] = MODEL,
    weeks: Annotated[
        int | None, typer.Option(help="Weeks of the past to rehearse on, whole fours; left out = as set")
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day whose sales count; left out = the last with sales"),
    ] = None,
    twin: Annotated[
        int, typer.Option(help="Find the money in so many simulated chains fitted to the tables; 0 = by replay", min=0)
    ] = 0,
    experiment: Annotated[
        str | None, typer.Option(help="An experiment on this change that has been read: its money counts")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the models and of the first simulated chain", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Judge another model by accuracy and by money; only one that passes both is proposed by the next day.

    Example: aislehub scorecard boosted --today seasonal_mean --weeks 8
    """
    with open_hub() as hub:
        change = Change(setting, today or in_force(hub, setting), candidate)
        last = day.date() if day else _last_day(hub)
        row = score(hub, change, last, weeks=weeks, twin=twin, experiment=experiment, seed=seed)
        keep(hub, row)
        currency = hub.settings.currency
    if as_json:
        print_json(row)
    else:
        _show(row, currency)


def score(
    hub: Hub, change: Change, last: date, *, weeks: int | None = None, twin: int = 0, experiment: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """A row of `scorecards` for a change, from the facts up to the close of `last`.

    Raises:
        HubError: `scorecard.same`, `scorecard.setting`, `scorecard.no_money`, `scorecard.weeks`, `scorecard.chains`,
            `scorecard.experiment`, `scorecard.other_change`, `scorecard.unread`, and what models, twin and register
            refuse.
    """
    in_force(hub, change.setting)
    if change.today == change.candidate:
        raise HubError("scorecard.same", setting=change.setting, value=change.today)
    policy = Policy.load(hub.home)
    evidence = Evidence(method="replay")
    if change.setting == MODEL:
        past = rehearse(hub, [change.today, change.candidate], last, weeks or policy.weeks, seed=seed)
        evidence = evidence_of(past, change, last, weeks or policy.weeks)
    if experiment:
        evidence = _measured(hub, evidence, change, experiment)
    elif twin:
        evidence = _lived(hub, evidence, change, range(seed, seed + twin))
    if evidence.money is None:
        raise HubError("scorecard.no_money", setting=change.setting)
    return card(change, evidence, day=last, margin=policy.margin)


def evidence_of(past: Past, change: Change, last: date, weeks: int) -> Evidence:
    """Accuracy, bias and the money of `HORIZON` days, replayed, of a rehearsal of both."""
    today, candidate = past.tried[change.today], past.tried[change.candidate]
    units = max(float(past.sold.sum()), 1e-12)
    earns = compared(past.lines, today.money, candidate.money).times(HORIZON / (7 * weeks))
    return Evidence(
        method="replay", since=last - timedelta(days=7 * weeks - 1),
        stores=past.lines["store"].nunique(), lines=len(past.lines[["store", "item"]].drop_duplicates()),
        accuracy=compared(past.lines, today.error, candidate.error, past.sold),
        bias=(float(today.excess.sum()) / units, float(candidate.excess.sum()) / units),
        money=earns.difference, money_today=earns.today, source="; ".join(sorted(set(past.lines["source"]))),
    )  # fmt: skip


def keep(hub: Hub, row: Mapping[str, Any]) -> None:
    """Write a card down; one of the same change and day is corrected."""
    known = end_of_day(row["day"], hub.settings.timezone) - timedelta(microseconds=1)  # at the close, not after it
    rows = pa.Table.from_pylist([{**row, "known_at": known}], SCORECARDS.schema)
    hub.tables.append("scorecards", SCORECARDS.require(rows))


def _last_day(hub: Hub) -> date:
    last = last_day(hub, "sales_lines")
    if last is None:
        raise HubError("kpi.empty")
    return last


def _lived(hub: Hub, evidence: Evidence, change: Change, seeds: Sequence[int]) -> Evidence:
    """The profit of `HORIZON` days in chains fitted to the chain's tables, where the hub makes all decisions."""
    if len(seeds) < 2:
        raise HubError("scorecard.chains", chains=len(seeds))
    section, _, name = change.setting.partition(".")
    sides = [
        TwinPolicy(side, replenish="hub", price="hub", promotion="hub", settings={section: {name: typed(value)}})
        for side, value in (("today", change.today), ("candidate", change.candidate))
    ]
    worlds = [World.calibrated(hub.tables, stores=TWIN_STORES, items=TWIN_ITEMS, seed=seed) for seed in seeds]
    profit = {line.policy: line for line in compare(worlds, sides, HORIZON) if line.figure == "profit"}
    apart = profit["candidate"]
    assert apart.difference is not None and apart.low is not None and apart.high is not None  # of two chains or more
    money = Estimate(apart.difference, apart.low, apart.high)
    return evidence.replaced("twin", money, profit["today"].value, source="simulated: twin")


def _measured(hub: Hub, evidence: Evidence, change: Change, name: str) -> Evidence:
    """What an experiment on the change said when it was last read, for all its stores and `HORIZON` days."""
    trial, looks = hub.experiments.get(name), hub.experiments.looks(name)
    metric = trial.definition["metric"]
    if trial.definition["unit"] != "store" or metric not in EARNED:
        raise HubError(
            "scorecard.experiment", name=name, unit=trial.definition["unit"], metric=metric, known=", ".join(EARNED)
        )
    tried = trial.definition.get("change")
    if tried != asdict(change):
        on = Change(**tried).text if tried else formats.word("kind", trial.kind)
        raise HubError("scorecard.other_change", name=name, on=on, change=change.text, **asdict(change))
    found = next((row for row in looks[-1]["result"] if row["metric"] == metric), None) if looks else None
    if found is None or found["estimate"] is None:
        raise HubError("scorecard.unread", name=name)
    days = HORIZON * (found["n_control"] + found["n_treatment"])
    money = Estimate(*(days * found[end] for end in ("estimate", "low", "high")))
    return evidence.replaced(
        "experiment", money, days * found["control"], source=found["source"] or "", since=trial.start
    )


def _show(row: Mapping[str, Any], currency: str) -> None:
    """Both figures of both sides, and the verdict."""
    title = say("scorecard.title", setting=row["setting"], day=row["day"])
    heads = [row["today"], row["candidate"], say("scorecard.difference"), say("scorecard.interval")]
    table = Table("", *heads, title=title, title_justify="left")
    if row["wape_today"] is not None:
        apart = row["wape_candidate"] - row["wape_today"]
        table.add_row(
            say("scorecard.wape"), formats.percent(row["wape_today"]), formats.percent(row["wape_candidate"]),
            formats.signed(apart, 2), f"{formats.signed(row['wape_low'], 2)} … {formats.signed(row['wape_high'], 2)}",
        )  # fmt: skip
        bias = [formats.signed(row[f"bias_{side}"]) for side in ("today", "candidate")]
        table.add_row(say("scorecard.bias"), *bias, "", "")
    method = say(f"scorecard.method_{row['method']}")
    earned = row["money_today"]
    table.add_row(
        say("scorecard.money", method=method, days=HORIZON), formats.money(earned, currency),
        formats.money(earned + row["money"], currency), formats.money(row["money"], currency),
        formats.interval(row["money_low"], row["money_high"], currency),
    )  # fmt: skip
    out = console()
    out.print(table)
    out.print(say(f"scorecard.verdict_{row['verdict']}", margin=formats.percent(row["margin"])))
    if row["disagree"]:
        out.print(say("scorecard.disagree"))
    if "simulated" in row["source"]:
        out.print(say("scorecard.simulated", source=row["source"]))
    if row["verdict"] == "promote":
        out.print(say("scorecard.next", day=row["day"]))


commands = (scorecard,)
