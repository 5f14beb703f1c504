"""What the house can do, collected from the modules that `capabilities.py` lists."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from aislehub.core.answers import Answer
from aislehub.core.contract import Contract
from aislehub.core.errors import HubError
from aislehub.core.reasons import Check
from aislehub.core.step import Learn, Step

__all__ = ["Registry", "collect", "registry"]


@dataclass
class Registry:
    """Everything declared: contracts, steps in running order, models, answers, commands, pages, checks."""

    contracts: dict[str, Contract] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    learns: dict[str, Learn] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    commands: list[Callable[..., Any]] = field(default_factory=list)
    pages: list[Any] = field(default_factory=list)
    checks: dict[str, Check] = field(default_factory=dict)
    erasers: list[Callable[..., Any]] = field(default_factory=list)

    def producers(self) -> dict[str, Step]:
        return {step.writes.name: step for step in self.steps}


@cache
def registry() -> Registry:
    """The registry of all modules in `capabilities.MODULES`."""
    from aislehub.capabilities import MODULES

    return collect(importlib.import_module(name) for name in MODULES)


def collect(modules: Iterable[ModuleType]) -> Registry:
    """Collect what modules declare. A module attribute is found by its type, so nothing is registered twice.

    Raises:
        ValueError: when two different contracts share a name.
        HubError: `day.cycle`, `day.no_step_for`.
    """
    found = Registry()
    steps: dict[str, Step] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Contract):
                _add_contract(found.contracts, value)
            elif isinstance(value, Step):
                steps[value.name] = value
                _add_contract(found.contracts, value.writes)
            elif isinstance(value, Learn):
                found.learns[value.model] = value
            elif isinstance(value, Answer):
                found.answers[value.name] = value
        found.commands += [c for c in getattr(module, "commands", ()) if c not in found.commands]
        found.pages += [page for page in getattr(module, "pages", ()) if page not in found.pages]
        found.checks |= getattr(module, "checks", {})
        if hasattr(module, "erase"):
            found.erasers.append(module.erase)
    found.steps = _in_order(list(steps.values()), found.contracts)
    return found


def _add_contract(contracts: dict[str, Contract], contract: Contract) -> None:
    if contracts.setdefault(contract.name, contract) is not contract:
        raise ValueError(f"two contracts are called {contract.name}")


def _in_order(steps: list[Step], contracts: Mapping[str, Contract]) -> list[Step]:
    """Producers before readers; otherwise in the order declared."""
    producers = {step.writes.name: step for step in steps}
    for step in steps:
        for name in step.reads:
            if name not in producers and not (name in contracts and contracts[name].is_fact):
                raise HubError("day.no_step_for", table=name)
    ordered: list[Step] = []
    waiting = list(steps)
    while waiting:
        ready = [s for s in waiting if all(producers.get(name) not in waiting for name in s.reads)]
        if not ready:
            raise HubError("day.cycle", steps=", ".join(step.name for step in waiting))
        ordered.append(ready[0])
        waiting.remove(ready[0])
    return ordered
