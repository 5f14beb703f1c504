"""What the house can do, collected from the modules that `capabilities.py` lists."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from aislehub.core.answers import Answer
from aislehub.core.contract import Contract
from aislehub.core.errors import HubError
from aislehub.core.guards import Guard
from aislehub.core.judging import Judge, TogetherJudge
from aislehub.core.reasons import Check
from aislehub.core.step import Learn, Step

__all__ = ["Eraser", "Registry", "collect", "registry"]

Eraser = Callable[[str, Any, Path], Mapping[str, Any]]
"""`erase(person, tables, home) -> what went`: what a capability keeps beside rows.

It is called while the person's rows are still there, and again where an erasure was cut: twice is as good as once.
"""


@dataclass
class Registry:
    """Everything declared: contracts, steps in running order, models, answers, and what else a capability brings."""

    contracts: dict[str, Contract] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    learns: dict[str, Learn] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    pages: list[Any] = field(default_factory=list)
    checks: dict[str, Check] = field(default_factory=dict)
    guards: dict[str, Guard] = field(default_factory=dict)
    judges: dict[str, Judge] = field(default_factory=dict)
    together: dict[str, TogetherJudge] = field(default_factory=dict)
    erasers: dict[str, Eraser] = field(default_factory=dict)

    def producers(self) -> dict[str, Step]:
        return {step.writes.name: step for step in self.steps}

    def kinds(self) -> tuple[str, ...]:
        """Kinds of decisions: a kind is called as its table is."""
        return tuple(contract.name for contract in self.contracts.values() if contract.decision)

    def inputs(self, step: Step) -> tuple[str, ...]:
        """The tables that `step` needs: those it reads and those its model is learned from."""
        return _inputs(step, self.learns)


@cache
def registry() -> Registry:
    """The registry of all modules in `capabilities.MODULES`."""
    from aislehub.capabilities import MODULES

    return collect(importlib.import_module(name) for name in MODULES)


def collect(modules: Iterable[ModuleType]) -> Registry:
    """Collect what modules declare. A module attribute is found by its type, so nothing is registered twice.

    Raises:
        ValueError: when two contracts, steps, models or answers share a name, or two steps write one table.
        HubError: `day.cycle`, `day.no_step_for`.
    """
    found = Registry()
    steps: dict[str, Step] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Contract):
                _add(found.contracts, value.name, value, "contracts")
            elif isinstance(value, Step):
                _add(steps, value.name, value, "steps")
                _add(found.contracts, value.writes.name, value.writes, "contracts")
            elif isinstance(value, Learn):
                _add(found.learns, value.model, value, "models")
            elif isinstance(value, Answer):
                _add(found.answers, value.name, value, "answers")
        found.pages += [page for page in getattr(module, "pages", ()) if page not in found.pages]
        found.checks |= getattr(module, "checks", {})
        found.guards |= getattr(module, "guards", {})
        found.judges |= getattr(module, "judges", {})
        found.together |= getattr(module, "together", {})
        if callable(erase := getattr(module, "erase", None)):
            found.erasers[module.__name__] = erase
    found.steps = _in_order(list(steps.values()), found.contracts, found.learns)
    return found


def _add(found: dict[str, Any], name: str, value: Any, kind: str) -> None:
    if found.setdefault(name, value) is not value:
        raise ValueError(f"two {kind} are called {name}")


def _inputs(step: Step, learns: Mapping[str, Learn]) -> tuple[str, ...]:
    learned_from = learns[step.model].reads if step.model and step.model in learns else ()
    # A model may learn from how the step did on earlier days.
    return (*step.reads, *(name for name in learned_from if name != step.writes.name))


def _in_order(steps: list[Step], contracts: Mapping[str, Contract], learns: Mapping[str, Learn]) -> list[Step]:
    """Producers before readers; otherwise in the order declared."""
    producers: dict[str, Step] = {}
    for step in steps:
        if producers.setdefault(step.writes.name, step) is not step:
            raise ValueError(f"two steps write {step.writes.name}: {producers[step.writes.name].name} and {step.name}")
    for step in steps:
        for name in _inputs(step, learns):
            if name not in producers and not (name in contracts and contracts[name].is_fact):
                raise HubError("day.no_step_for", table=name)
    ordered: list[Step] = []
    waiting = list(steps)
    while waiting:
        ready = [s for s in waiting if all(producers.get(name) not in waiting for name in _inputs(s, learns))]
        if not ready:
            raise HubError("day.cycle", steps=", ".join(step.name for step in waiting))
        ordered.append(ready[0])
        waiting.remove(ready[0])
    return ordered
