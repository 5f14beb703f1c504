"""How feasible a scenario is in this house: data × integration × risk, each from 0 to 1 and with its reasons in words.

- **data**: the readiness score of the capability that it leans on, over 100; 0 where something is missing that it is
  nothing without.
- **integration**: the share of the tables that it feeds on which come from the house itself (a simulated row counts
  less), times the way out: a machine that takes its decisions, or files that somebody has to import.
- **risk**: 1 less what cannot be taken back, what the law limits and what a person has to approve take.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import ibis.expr.types as ir
from ibis import _

from aislehub.core.approval import Approval
from aislehub.core.hub import Hub
from aislehub.core.settings import Settings, all_settings, field
from aislehub.core.text import say, word
from aislehub.proof.scenarios import SCENARIOS, Scenario

__all__ = ["Factor", "Feasibility", "House", "Policy", "feasibility", "house_of"]

CAUSES_TOLD = 2
FULL = 100.0


class Policy(Settings, section="priorities"):
    """What makes a scenario less feasible, and how its value is found in the twin."""

    simulated: float = field(
        0.5, "What a table counts whose rows are all simulated, beside one of the house's own", ge=0, le=1
    )
    files: float = field(0.8, "Factor where decisions leave as files only, not to a machine", ge=0, le=1)
    irreversible: float = field(0.8, "Factor where what was carried out cannot be taken back", ge=0, le=1)
    law: float = field(0.9, "Factor where the law limits what may be done", ge=0, le=1)
    person: float = field(0.9, "Factor where a person has to approve each decision", ge=0, le=1)
    stores: int = field(8, "Stores of most sales that the twin is fitted to", ge=1)
    items: int = field(40, "Items of most sales that the twin is fitted to", ge=5)
    settle: int = field(
        14, "Days after the change of policy that do not count: shelves fill, announced offers run out", ge=0
    )
    days: int = field(21, "Days after these that count", ge=1, le=364)
    worlds: int = field(3, "Twins, each with a seed of its own", ge=2, le=100)
    seed: int = field(1, "Seed of the first", ge=0)
    workers: int = field(2, "Processes that live the twins", ge=1, le=256)
    least_days: int = field(14, "Days with measured decisions before these replace the twin's money", ge=1)


@dataclass(frozen=True)
class House:
    """What is known of a house when its scenarios are judged.

    Attributes:
        scores: capability of the table `readiness` → (points, what took points as `cause:table` → points, most first).
        tables: table of facts → (rows, simulated ones among them).
        missing: what scenarios need and the house lacks.
        devices: sections of settings that name a machine.
        by_rule: kinds of decisions that a rule may approve.
        built: tables of this hub.
    """

    scores: Mapping[str, tuple[float, Mapping[str, float]]]
    tables: Mapping[str, tuple[int, int]]
    missing: frozenset[str]
    devices: frozenset[str]
    by_rule: frozenset[str]
    built: frozenset[str]


@dataclass(frozen=True)
class Factor:
    """A factor from 0 to 1 with the sentences that say why."""

    value: float
    why: tuple[str, ...]


@dataclass(frozen=True)
class Feasibility:
    """Data × integration × risk."""

    data: Factor
    integration: Factor
    risk: Factor

    @property
    def value(self) -> float:
        """The product, from 0 to 1."""
        return self.data.value * self.integration.value * self.risk.value


def feasibility(scenario: Scenario, house: House, policy: Policy) -> Feasibility:
    """The three factors of one scenario; sentences are in the language in force."""
    return Feasibility(_data(scenario, house), _integration(scenario, house, policy), _risk(scenario, house, policy))


def _data(scenario: Scenario, house: House) -> Factor:
    lacking = [need for need in scenario.needs if need in house.missing]
    if lacking:
        return Factor(0.0, tuple(say("priorities.lacking", what=word("table", need)) for need in lacking))
    if scenario.data not in house.scores:
        return Factor(0.0, (say("priorities.no_readiness"),))
    points, lost = house.scores[scenario.data]
    capability = say(f"readiness.capability.{scenario.data}")
    why = [say("priorities.points", points=f"{points:.0f}", capability=capability)]
    why += [_lost(cause, taken) for cause, taken in list(lost.items())[:CAUSES_TOLD]]
    return Factor(points / FULL, tuple(why))


def _lost(cause: str, points: float) -> str:
    fault, table = cause.split(":")
    return say(
        "priorities.lost", points=f"{points:.0f}", what=say(f"readiness.{fault}.short", table=word("table", table))
    )


def _integration(scenario: Scenario, house: House, policy: Policy) -> Factor:
    if scenario.table not in house.built:
        return Factor(0.0, (say("priorities.not_built"),))
    shares = [_own(house.tables.get(table, (0, 0)), policy) for table in scenario.reads]
    there = sum(share > 0 for share in shares)
    made_up = sum(0 < share < 1 for share in shares)
    why = [say("priorities.tables", there=there, all=len(shares))]
    if made_up:
        why.append(say("priorities.made_up", count=made_up))
    if scenario.device in house.devices:
        return Factor(_mean(shares), (*why, say("priorities.device", device=scenario.device)))
    return Factor(_mean(shares) * policy.files, (*why, say("priorities.files", factor=policy.files)))


def _own(counts: tuple[int, int], policy: Policy) -> float:
    """What a table counts: 0 without rows, 1 where all are the house's own."""
    rows, simulated = counts
    return 1 - (1 - policy.simulated) * simulated / rows if rows else 0.0


def _mean(shares: Sequence[float]) -> float:
    return sum(shares) / len(shares)


def _risk(scenario: Scenario, house: House, policy: Policy) -> Factor:
    risks = {
        "irreversible": (not scenario.is_reversible, policy.irreversible),
        "law": (scenario.is_regulated, policy.law),
        "person": (scenario.table not in house.by_rule, policy.person),
    }
    factors = {name: factor for name, (holds, factor) in risks.items() if holds}
    why = tuple(say(f"priorities.risk_{name}", factor=factor) for name, factor in factors.items())
    return Factor(prod(factors.values()), why or (say("priorities.risk_none"),))


def house_of(hub: Hub) -> House:
    """Readiness, tables, machines and approval rules of a house as they are now."""
    rows = hub.tables.fetch("readiness").to_pylist()
    newest = max((row["day"] for row in rows), default=None)
    now = [row | {"facts": json.loads(row["facts"])} for row in rows if row["day"] == newest]
    return House(
        scores={row["subject"]: (row["score"], row["facts"]["lost"]) for row in now if row["kind"] == "capability"},
        tables={row["subject"]: (row["count"], row["facts"]["simulated"]) for row in now if row["kind"] == "table"},
        missing=frozenset(need for one in SCENARIOS for need in one.needs if not _has(hub, need)),
        devices=frozenset(one.device for one in SCENARIOS if one.device and _names_machine(hub, one.device)),
        by_rule=frozenset(Approval.load(hub.home).kinds),
        built=frozenset(hub.registry.contracts),
    )


def _has(hub: Hub, need: str) -> bool:
    """Whether a table has rows, or one of its columns values."""
    table, _dot, column = need.partition(".")
    if table not in hub.registry.contracts or hub.tables.version(table) < 0:
        return False

    def count(tables: Any) -> ir.Table:
        rows = tables.read(table)
        return (rows.filter(rows[column].notnull()) if column else rows).aggregate(count=_.count())

    return bool(hub.tables.run(count)["count"][0].as_py())


def _names_machine(hub: Hub, section: str) -> bool:
    """Whether the settings of a connector say where its machine is."""
    if section not in all_settings():
        return False
    settings = all_settings()[section].load(hub.home)
    return any(getattr(settings, name, None) for name in ("url", "urls"))
