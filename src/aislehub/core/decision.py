"""A decision: its states, its id, and the action in it that counts.

States: proposed → approved | rejected | overridden | superseded | expired → sent → done | failed | reversed → judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any

from aislehub.core.errors import HubError

__all__ = ["CARRIED_OUT", "ID_DIGITS", "MOVES", "carried_out", "decision_id", "main_field", "overridden"]

MOVES: dict[str, tuple[str, ...]] = {
    "proposed": ("approved", "rejected", "overridden", "superseded", "expired"),
    "approved": ("sent", "proposed", "expired"),
    "overridden": ("sent", "proposed", "expired"),
    "rejected": ("proposed",),
    "superseded": ("proposed",),
    "expired": (),
    "sent": ("done", "failed", "reversed"),
    "failed": ("sent", "reversed", "judged"),
    "done": ("reversed", "judged"),
    "reversed": ("judged",),
    "judged": (),
}

CARRIED_OUT = ("approved", "overridden", "sent", "done", "failed", "judged", "reversed")
"""States of a decision that somebody, or a rule, followed."""

ID_DIGITS = 16
"""Hexadecimal digits of a decision's id."""


def decision_id(kind: str, day: date, store: str, subject: str) -> str:
    """16 hexadecimal digits, the same whenever the same thing is decided for the same day."""
    return hashlib.sha256("\x1f".join([kind, day.isoformat(), store, subject]).encode()).hexdigest()[:ID_DIGITS]


def carried_out(decision: Mapping[str, Any]) -> dict[str, Any]:
    """The action that counts: the human's where one was chosen, else the proposed one."""
    return (decision["override"] or {}).get("action") or decision["action"]


def main_field(action: Mapping[str, Any]) -> str:
    """The first numeric field of an action, the one that a single number overrides; empty where it has none."""
    return next((name for name, value in action.items() if _is_number(value)), "")


def overridden(decision: Mapping[str, Any], to: float | Mapping[str, Any]) -> dict[str, Any]:
    """The proposed action with the human's values in it, each a finite number not below 0 where a number stood.

    An action with `least` and `most` is guarded: only its main field may be set, and only between them.
    """
    proposed = decision["action"]
    main = main_field(proposed)
    guarded = {"least", "most"} <= proposed.keys()
    known = [main] if guarded else list(proposed)
    wanted = dict(to) if isinstance(to, Mapping) else {main: to}
    for name, value in wanted.items():
        if name not in known:
            raise HubError("ledger.action_field", field=name, kind=decision["kind"], known=", ".join(known))
        if _is_number(proposed[name]) and not (_is_number(value) and 0 <= value < 1e12):
            raise HubError("ledger.action", to=value, field=name)
        if guarded and not proposed["least"] <= value <= proposed["most"]:
            limits = {"least": proposed["least"], "most": proposed["most"]}
            raise HubError("ledger.outside", field=name, to=value, **limits)
    return dict(proposed) | wanted


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
