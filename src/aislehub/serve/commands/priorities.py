"""`aislehub priorities`: which scenario first, for this house.

The value of each scenario that the hub makes decisions for is found in twins fitted to the house's own tables. Each
twin lives the same days with the same chance several times: by today's rules, by another plain rule, with one scenario
left to the hub, and with all of them. What the better plain rule brings by itself is not counted as the hub's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import scipy
import typer
from rich.table import Table

from aislehub.core.errors import HubError
from aislehub.core.fanout import fan_out
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json
from aislehub.core.settings import read_toml
from aislehub.core.text import say
from aislehub.proof.feasibility import Policy as PrioritiesPolicy
from aislehub.proof.priorities import SCENARIO_VALUES, TOGETHER, Board, Line, board, last_day
from aislehub.proof.yearly import sales_a_year
from aislehub.serve import formats
from aislehub.serve.plan import console
from aislehub.twin.chain import Outcome
from aislehub.twin.live import live, warmed
from aislehub.twin.policy import TODAY, Policy
from aislehub.twin.world import KEEPS, World

__all__ = ["commands", "find_values", "priorities"]

PLAIN: Mapping[str, Mapping[str, Any]] = {
    "orders": {"weeks_of_cover": 2.0}, "prices": {"price": "regular"}, "markdowns": {"price": "regular"},
    "promotions": {"promotion": "none"},
}  # fmt: skip
"""Scenario → the other plain rule that it has to beat, beside today's."""
HUB: Mapping[str, Mapping[str, Any]] = {
    "orders": {"replenish": "hub"}, "prices": {"price": "hub"}, "markdowns": {"price": "hub"},
    "promotions": {"promotion": "hub"},
}  # fmt: skip
ONLY: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "orders": {},
    "prices": {"price": {"clearance_levels": []}},
    "markdowns": {"price": {"levels": []}},
    "promotions": {"promotion": {"trial_share": 1.0}},
}
"""Scenario → settings that leave only it to the hub; promotions as once there is evidence, for all lines."""
OWN = ("replenish", "supply", "price", "promotion")
"""Sections of the house's settings that hold in the twin, too."""
QUICK = {"demand": {"model": "seasonal_mean"}}
"""The twins' forecast: the plain one, or a run would take an hour."""
QUANTILES = (0.05, 0.95)


@dataclass(frozen=True)
class Lived:
    """Profit and sales of the days that count."""

    profit: float
    sales: float


def priorities(
    again: Annotated[
        bool, typer.Option("--again", help="Live the twins again, even if their values are of today")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Rank what the hub can do for this house: money a year × how feasible it is, with the formula and every reason.

    The first time, and when there are newer sales, twins of the house live some weeks: that takes minutes.

    Example: aislehub priorities --json
    """
    with open_hub() as hub:
        found = board(hub)
        if found.last is None:
            raise HubError("priorities.no_sales")
        if again or found.day is None or found.day < found.last:
            policy = PrioritiesPolicy.load(hub.home)
            print(say("priorities.begins", **policy.model_dump()), file=sys.stderr)
            hub.tables.write("scenario_values", find_values(hub, policy), found.last)
            found = board(hub)
        if as_json:
            print_json(_document(hub, found))
        else:
            _show(hub, found)


def find_values(hub: Hub, policy: PrioritiesPolicy) -> pa.Table:
    """Live the twins; rows of `scenario_values` for the last day with sales.

    Raises:
        HubError: `priorities.no_sales`, and what the twin says of too short a history.
    """
    last = last_day(hub)
    if last is None:
        raise HubError("priorities.no_sales")
    seeds = range(policy.seed, policy.seed + policy.worlds)
    worlds = [World.calibrated(hub.tables, stores=policy.stores, items=policy.items, seed=seed) for seed in seeds]
    sales, share = sales_a_year(hub.tables, last, stores=worlds[0].stores, items=worlds[0].items)
    policies = _policies(worlds[0], _own_settings(hub))
    keys = [(world, name) for world in range(len(worlds)) for name in policies]
    lived = fan_out(partial(_lived, worlds, policies, policy.settle, policy.days), keys, workers=policy.workers)
    by_policy = {name: [lived[world, name] for world in range(len(worlds))] for name in policies}
    shared = {
        "day": last, "stores": worlds[0].shape[0], "items": worlds[0].shape[1], "share": share, "sales": sales,
        "worlds": len(worlds), "days": policy.days, "settle": policy.settle, "seed": policy.seed,
        "made_at": datetime.now(UTC), "source": "simulated",
    }  # fmt: skip
    rows = [
        shared | {"scenario": name} | _value(by_policy, name, sales) for name in (*HUB, TOGETHER) if name in policies
    ]
    return pa.Table.from_pylist(rows, SCENARIO_VALUES.schema)


def _policies(world: World, own: Mapping[str, Mapping[str, Any]]) -> dict[str, Policy]:
    """Who decides what: today's rules, others as plain (`plain NAME`), one scenario left to the hub, all of them."""
    names = [name for name in HUB if name != "markdowns" or (world.life < KEEPS).any()]
    found = {"today": _ruled()} | {f"plain {name}": _ruled(name) for name in names}
    found[f"plain {TOGETHER}"] = _ruled("prices", "promotions")
    for name in names:
        found[name] = Policy(name, **HUB[name], settings=_merged(QUICK, own, ONLY[name]))
    whole = {decision: who for name in names for decision, who in HUB[name].items()}
    return found | {TOGETHER: Policy(TOGETHER, **whole, settings=_merged(QUICK, own, ONLY["promotions"]))}


def _ruled(*names: str) -> Policy:
    """Today's rules with the other plain rule in some places."""
    fields: dict[str, Any] = {field: value for name in names for field, value in PLAIN[name].items()}
    return replace(TODAY, name=" ".join(("rules", *names)), settings={}, **fields)  # a plain mapping can be pickled


def _own_settings(hub: Hub) -> dict[str, Mapping[str, Any]]:
    return {section: values for section, values in read_toml(hub.home / "hub.toml").items() if section in OWN}


def _merged(*settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Sections joined, later values before earlier ones."""
    merged: dict[str, dict[str, Any]] = {}
    for sections in settings:
        for section, values in sections.items():
            merged[section] = {**merged.get(section, {}), **values}
    return merged


def _lived(
    worlds: Sequence[World], policies: Mapping[str, Policy], settle: int, days: int, key: tuple[int, str]
) -> Lived:
    """One twin under one policy, from the past that all of them share."""
    world, name = worlds[key[0]], key[1]
    outcomes: list[Outcome] = live(warmed(world, world.seed), policies[name], settle + days)[settle:]
    return Lived(
        profit=float(sum(outcome.profit.sum() for outcome in outcomes)),
        sales=float(sum(outcome.revenue.sum() for outcome in outcomes)),
    )


def _value(lived: Mapping[str, Sequence[Lived]], name: str, sales: float) -> dict[str, float]:
    """A scenario's money a year: the twins' gains as a share of their sales, times the chain's sales a year."""
    usual = np.array([one.sales for one in lived["today"]])

    def profit(policy: str) -> Any:
        return np.array([one.profit for one in lived[policy]]) / usual * sales

    rules = [f"plain {name}"] if name != TOGETHER else [rule for rule in lived if rule.startswith("plain ")]
    plain = max(rules, key=lambda rule: float(profit(rule).mean()))
    best = max(("today", plain), key=lambda rule: float(profit(rule).mean()))
    gain = profit(name) - profit(best)
    half = scipy.stats.t.ppf(QUANTILES[1], len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))
    return {
        "value": float(gain.mean()), "low": float(gain.mean() - half), "high": float(gain.mean() + half),
        "over_today": float((profit(name) - profit("today")).mean()),
        "plain": float((profit(plain) - profit("today")).mean()),
    }  # fmt: skip


def _document(hub: Hub, found: Board) -> dict[str, Any]:
    return {
        "formula": say("priorities.formula"), "currency": hub.settings.currency, "fitted_to": found.day,
        "scenarios": [_told(rank, line) for rank, line in enumerate(found.lines, 1)],
        "together": dict(found.together) if found.together else None,
    }  # fmt: skip


def _told(rank: int, line: Line) -> dict[str, Any]:
    feasible = line.feasibility
    factors = {"data": feasible.data, "integration": feasible.integration, "risk": feasible.risk}
    return {
        "rank": rank, "scenario": line.scenario.name, "name": say(f"scenario.{line.scenario.name}"),
        "built": line.is_built, "priority": line.priority, "verdict": line.verdict,
        "value": asdict(line.value) if line.value else None, "twin": dict(line.twin) if line.twin else None,
        "feasibility": feasible.value, **{name: asdict(factor) for name, factor in factors.items()},
    }  # fmt: skip


def _show(hub: Hub, found: Board) -> None:
    currency, out = hub.settings.currency, console()
    columns = ("rank", "scenario", "value", "interval", "basis", "data", "integration", "risk", "priority")
    table = Table(*(say(f"priorities.{name}") for name in columns), title=say("priorities.title"), title_justify="left")
    for rank, line in enumerate(found.lines, 1):
        table.add_row(str(rank), *_cells(line, currency))
    out.print(table)
    out.print(say("priorities.formula"))
    for line in found.lines:
        feasible = line.feasibility
        why = (reason for factor in (feasible.data, feasible.integration, feasible.risk) for reason in factor.why)
        out.print(f"{say(f'scenario.{line.scenario.name}')}: {' '.join(why)}", highlight=False)
    if found.together:
        row = dict(found.together)
        money = {name: formats.money(row[name], currency) for name in ("value", "low", "high", "sales")}
        out.print(say("priorities.together_value", **money, parts=formats.money(found.parts, currency)))
        out.print(say("priorities.sample", **(row | money | {"share": formats.percent(row["share"])})))


def _cells(line: Line, currency: str) -> list[str]:
    """A scenario's row after its rank."""
    value, feasible = line.value, line.feasibility
    money, interval, basis = "–", "", say("priorities.by_nothing")
    if value:
        money, basis = formats.money(value.money, currency), say(f"priorities.by_{value.basis}")
        interval = formats.interval(value.low, value.high, currency)
    factors = (f"{factor.value:.2f}" for factor in (feasible.data, feasible.integration, feasible.risk))
    name, rank = say(f"scenario.{line.scenario.name}"), formats.money(line.priority, currency)
    return [name, money, interval, basis, *factors, rank]


commands = (priorities,)
