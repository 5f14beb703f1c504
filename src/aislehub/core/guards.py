"""What may not be carried out: asked of the house before a decision is approved, by hand or by rule, or overridden.

A capability declares `guards = {kind: function}`. The function is handed a decision, the action that is to be
carried out and a way to find the decisions beside it, and raises a `HubError` that says what stands against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from aislehub.core.step import policy_of
from aislehub.core.tables import Tables

__all__ = ["Find", "Guard", "Vet", "vets"]

Guard = Callable[..., None]
"""(tables, decision, action, find, *, policy); `policy` where it asks for one."""

Find = Callable[..., list[dict[str, Any]]]
"""A filter of the ledger → its decisions."""

Vet = Callable[[Mapping[str, Any], Mapping[str, Any], Find], None]
"""(decision, action, find): a guard that has the house's tables and settings."""


def vets(guards: Mapping[str, Guard], tables: Tables, home: Path | None) -> dict[str, Vet]:
    """The guards of a house, by kind of decision; settings are read when a guard is asked."""
    return {kind: partial(_ask, guard, tables, home) for kind, guard in guards.items()}


def _ask(
    guard: Guard, tables: Tables, home: Path | None, decision: Mapping[str, Any], action: Mapping[str, Any], find: Find
) -> None:
    wanted = policy_of(guard)
    guard(tables, decision, action, find, **({} if wanted is None else {"policy": wanted.load(home)}))
