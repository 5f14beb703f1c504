"""The hub's office in the twin: tables in memory, the steps that it needs, and what it decides of an evening.

It is told what a real chain would tell and knows nothing else: this module imports neither the world nor the chain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from aislehub.core.day import run_day
from aislehub.core.errors import HubError
from aislehub.core.registry import Registry
from aislehub.core.tables import Tables

__all__ = ["Decider", "Office", "needed"]


class Decider(Protocol):
    """Whoever decides for the chain of an evening, from what it has been told.

    Attributes:
        reads: the tables that it wants to be told.
    """

    @property
    def reads(self) -> set[str]: ...

    def tell(self, rows: Mapping[str, pa.Table]) -> None:
        """Hand in rows of facts."""

    def decide(self, day: date) -> dict[str, pa.Table]:
        """What is to be done after the close of `day`: decision table → rows with `store`, `subject` and the action."""


class Office:
    """A hub on tables in memory, without ledger: what it proposes is done.

    Args:
        registry: of the whole hub.
        decisions: the decision tables that are wanted.
        folder: for learned models; a `hub.toml` in it holds the policy's settings.
    """

    def __init__(self, registry: Registry, decisions: Sequence[str], folder: Path) -> None:
        self.registry = needed(registry, decisions)
        self.tables = Tables(None, registry.contracts)
        self._decisions, self._folder = decisions, folder
        self._told: dict[str, list[pa.Table]] = defaultdict(list)

    @property
    def reads(self) -> set[str]:
        """The tables of facts that its steps read."""
        names = {name for step in self.registry.steps for name in self.registry.inputs(step)}
        return {name for name in names if self.registry.contracts[name].is_fact}

    def tell(self, rows: Mapping[str, pa.Table]) -> None:
        """Hand in rows of facts; they are stored before the next decision."""
        for name in self.reads & set(rows):
            self._told[name].append(rows[name])

    def decide(self, day: date) -> dict[str, pa.Table]:
        """Run the business day; the rows of each decision table at its close.

        Raises:
            HubError: `twin.step_failed`.
        """
        for name, parts in self._told.items():
            self.tables.append(name, pa.concat_tables(parts))
        self._told.clear()
        report = run_day(self.tables, day, self.registry, folder=self._folder / "models", home=self._folder)
        if report.failed:
            failed = report.failed[0]
            raise HubError("twin.step_failed", step=failed.step, day=day, why=failed.why)
        return {
            name: self.tables.run(lambda tables, name=name: (rows := tables.read(name)).filter(rows.day == day))  # type: ignore[misc]
            for name in self._decisions
        }


def needed(registry: Registry, decisions: Sequence[str]) -> Registry:
    """The registry with only those steps that the decisions rest on.

    Raises:
        HubError: `twin.no_step` for a decision table that no step of this hub writes.
    """
    producers = registry.producers()
    wanted, waiting = set(), list(decisions)
    for name in decisions:
        if name not in producers:
            raise HubError("twin.no_step", table=name)
    while waiting:
        name = waiting.pop()
        if name in producers and name not in wanted:
            wanted.add(name)
            waiting += registry.inputs(producers[name])
    return replace(registry, steps=[step for step in registry.steps if step.writes.name in wanted])
