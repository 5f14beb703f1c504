"""A decision as JSON tells it: the same fields on the command line and in the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aislehub.core.reasons import sentence

__all__ = ["FIELDS", "decision_document"]

FIELDS = (
    "id", "kind", "day", "store", "subject", "action", "baseline", "money", "money_low", "money_high", "currency",
    "horizon_days", "outlay", "reasons", "bound", "state", "model", "policy", "versions", "source", "arm", "override",
    "compensates", "measured",
)  # fmt: skip


def decision_document(decision: Mapping[str, Any]) -> dict[str, Any]:
    """The documented fields of a ledger row, each reason with its sentence in the language in force."""
    reasons = [{**reason, "sentence": sentence(reason)} for reason in decision["reasons"]]
    return {name: decision[name] for name in FIELDS} | {"reasons": reasons}
