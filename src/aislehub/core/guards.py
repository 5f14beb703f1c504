"""What may not be carried out: asked of the house before a decision is approved, by hand or by rule, or overridden.

A capability declares `guards = {kind: function}`. The function is handed a decision and the action that is to be
carried out, and raises a `HubError` that says what stands against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from aislehub.core.step import policy_of
from aislehub.core.tables import Tables

__all__ = ["Guard", "Vet", "vets"]

Guard = Callable[..., None]
"""(tables, decision, action, *, policy); `policy` where it asks for one."""

Vet = Callable[[Mapping[str, Any], Mapping[str, Any]], None]
"""(decision, action): a guard that has the house's tables and settings."""


def vets(guards: Mapping[str, Guard], tables: Tables, home: Path | None) -> dict[str, Vet]:
    """The guards of a house, by kind of decision; settings are read when a guard is asked."""
    return {kind: partial(_ask, guard, tables, home) for kind, guard in guards.items()}


def _ask(
    guard: Guard, tables: Tables, home: Path | None, decision: Mapping[str, Any], action: Mapping[str, Any]
) -> None:
    wanted = policy_of(guard)
    guard(tables, decision, action, **({} if wanted is None else {"policy": wanted.load(home)}))
