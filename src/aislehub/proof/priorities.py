"""Which scenario first: each one ranked for this house by the money that it brings a year × how feasible it is here.

    priority = max(0, value) × data × integration × risk

The value comes from the twin, fitted to the house's own tables: each scenario by itself against the best plain rule, on
the same days with the same chance (`aislehub priorities` runs it and keeps what it found). As soon as an experiment or
measured decisions say what a scenario brings, their money takes the twin's place. Feasibility is counted anew whenever
somebody looks. A scenario without a value has no priority: what nobody has measured is not promised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ibis import _

from aislehub.core.contract import Column, Contract
from aislehub.core.hub import Hub
from aislehub.core.pages import Page
from aislehub.core.text import say
from aislehub.proof.feasibility import Feasibility, Policy, feasibility, house_of
from aislehub.proof.scenarios import SCENARIOS, Scenario
from aislehub.proof.yearly import Yearly, by_decisions, by_experiment

__all__ = ["SCENARIO_VALUES", "TOGETHER", "Board", "Line", "board", "last_day", "ordered", "pages", "priority"]

TOGETHER = "together"
"""Name of the row in `scenario_values` of all scenarios at once."""

SCENARIO_VALUES = Contract(
    "scenario_values",
    "Money a year that one scenario brings in a twin fitted to the house's tables, over the best plain rule",
    (
        Column("scenario", "text", "Name of the scenario; `together` = all of them at once"),
        Column("value", "float", "Mean over the twins", "money a year"),
        Column("low", "float", "5 % quantile over the twins", "money a year"),
        Column("high", "float", "95 % quantile over the twins", "money a year"),
        Column("over_today", "float", "The same over today's rule", "money a year"),
        Column("plain", "float", "What the other plain rule brings over today's", "money a year"),
        Column("stores", "int", "Stores that the twin was fitted to", low=1),
        Column("items", "int", "Items that the twin was fitted to", low=1),
        Column("share", "float", "Share of the chain's sales that they have", "fraction", low=0),
        Column("sales", "float", "Sales of the chain", "money a year", low=0),
        Column("worlds", "int", "Twins", low=1),
        Column("days", "int", "Days that counted", "days", low=1),
        Column("settle", "int", "Days before them that did not", "days", low=0),
        Column("seed", "int", "Seed of the first twin", low=0),
        Column("made_at", "time", "Moment it was found"),
        Column("source", "text", "Always `simulated`"),
    ),
    key="day scenario",
    derived=True,
)


@dataclass(frozen=True)
class Line:
    """One scenario on the board.

    Attributes:
        value: money a year; None = nobody knows.
        twin: its row of `scenario_values`; None = it was not run.
        priority: money a year × feasibility; None without a value.
    """

    scenario: Scenario
    is_built: bool
    value: Yearly | None
    twin: Mapping[str, Any] | None
    feasibility: Feasibility
    priority: float | None

    @property
    def verdict(self) -> str:
        """`gain`, `loss`, `none` = no measurable effect, `unknown`."""
        if self.value is None:
            return "unknown"
        return "gain" if self.value.low > 0 else "loss" if self.value.high < 0 else "none"


@dataclass(frozen=True)
class Board:
    """All scenarios, first things first.

    Attributes:
        together: the row of `scenario_values` of all at once; None before the twin has been run.
        day: last business day of the tables that the twin was fitted to; None before.
        last: last business day with sales now.
    """

    lines: list[Line]
    together: Mapping[str, Any] | None
    day: date | None
    last: date | None

    @property
    def parts(self) -> float:
        """Money a year of the scenarios that the twin has run, added up as if they did not touch each other."""
        return float(sum(line.twin["value"] for line in self.lines if line.twin))


def priority(value: float, feasible: float) -> float:
    """Money a year that counts: what a scenario brings, as far as it is feasible; what costs money counts nothing.

    Example:
        >>> priority(1000.0, 0.5), priority(-1000.0, 0.5)
        (500.0, 0.0)
    """
    return max(value, 0.0) * feasible


def ordered(lines: Iterable[Line]) -> list[Line]:
    """The highest priority first, of equals (those at 0) the most money; without a value built ones, then by data."""

    def place(line: Line) -> tuple[Any, ...]:
        money = line.value.money if line.value else 0.0
        readiness = line.feasibility.data.value
        return line.priority is None, -(line.priority or 0.0), -money, not line.is_built, -readiness, line.scenario.name

    return sorted(lines, key=place)


def board(hub: Hub) -> Board:
    """Every scenario with its value and feasibility as of now; reads only."""
    policy, kept = Policy.load(hub.home), _kept(hub)
    twins = {row["scenario"]: row for row in kept}
    house, measured = house_of(hub), _measured(hub, policy)
    lines = []
    for scenario in SCENARIOS:
        twin = twins.get(scenario.name)
        value = measured.get(scenario.name) or (_simulated(twin) if twin else None)
        feasible = feasibility(scenario, house, policy)
        rank = None if value is None else priority(value.money, feasible.value)
        lines.append(Line(scenario, scenario.table in house.built, value, twin, feasible, rank))
    return Board(ordered(lines), twins.get(TOGETHER), kept[0]["day"] if kept else None, last_day(hub))


def last_day(hub: Hub) -> date | None:
    """Last business day with sales."""
    last: date | None = hub.tables.run(
        lambda tables: tables.read("sales_lines").aggregate(day=_.day.max())
    ).to_pylist()[0]["day"]
    return last


def _kept(hub: Hub) -> list[dict[str, Any]]:
    """Rows of the last day that the twin was run for."""
    rows = hub.tables.fetch("scenario_values").to_pylist()
    newest = max((row["day"] for row in rows), default=None)
    return [row for row in rows if row["day"] == newest]


def _simulated(row: Mapping[str, Any]) -> Yearly:
    facts = {name: row[name] for name in ("worlds", "stores", "items", "days")}
    return Yearly(row["value"], row["low"], row["high"], "twin", facts)


def _measured(hub: Hub, policy: Policy) -> dict[str, Yearly]:
    """Scenario → measured money: an experiment's, else that of measured decisions."""
    trials, results = hub.experiments.all(), hub.tables.fetch("experiment_results").to_pylist()
    decided = [row for row in hub.ledger.measured() if row["currency"] == hub.settings.currency]
    found: dict[str, Yearly] = {}
    told: set[str] = set()
    for scenario in SCENARIOS:
        value = by_decisions([row for row in decided if _is_of(row, scenario)], least_days=policy.least_days)
        if scenario.table not in told:  # an experiment on a kind does not tell its parts apart: the first has its money
            value = by_experiment(trials, results, scenario.table) or value
        told.add(scenario.table)
        if value:
            found[scenario.name] = value
    return found


def _is_of(row: Mapping[str, Any], scenario: Scenario) -> bool:
    if row["kind"] != scenario.table:
        return False
    return scenario.part is None or row["action"].get(scenario.part[0]) == scenario.part[1]


def _page(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    found = board(hub)
    return {
        "board": found, "policy": Policy.load(hub.home), "chart": _chart(found),
        "behind": (found.last - found.day).days if found.day and found.last else None,
        "built": [line for line in found.lines if line.is_built],
        "missing": [line for line in found.lines if not line.is_built],
    }  # fmt: skip


def _chart(found: Board) -> dict[str, Any] | None:
    """Value against feasibility of everything that has a value; points carry the rank."""
    points = [
        {
            "rank": rank, "name": say(f"scenario.{line.scenario.name}"), "basis": line.value.basis,
            "feasibility": line.feasibility.value, "value": line.value.money, "low": line.value.low,
            "high": line.value.high,
        }
        for rank, line in enumerate(found.lines, 1) if line.value
    ]  # fmt: skip
    words = {name: say(f"priorities.{name}") for name in ("feasibility", "value", "interval", "simulated", "measured")}
    return {"kind": "scenarios", "points": points, "words": words} if points else None


pages = (Page("scenarios", "priorities.title", 65, _page, "scenarios.html"),)
