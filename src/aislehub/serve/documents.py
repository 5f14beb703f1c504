"""A decision and an alert as JSON tells them: the same fields on the command line and in the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aislehub.core.reasons import sentence

__all__ = ["ALERT_FIELDS", "FIELDS", "alert_document", "decision_document", "measured_document"]

FIELDS = (
    "id", "kind", "day", "store", "subject", "action", "baseline", "money", "money_low", "money_high", "currency",
    "horizon_days", "outlay", "reasons", "bound", "state", "model", "policy", "versions", "source", "arm", "override",
    "compensates", "measured",
)  # fmt: skip
ALERT_FIELDS = (
    "id", "kind", "cause", "store", "subject", "owner", "money_at_risk", "currency", "facts", "source", "state",
    "first_day", "last_day", "days", "until",
)  # fmt: skip


def decision_document(decision: Mapping[str, Any]) -> dict[str, Any]:
    """The documented fields of a ledger row; reasons and the measurement with sentences in the language in force."""
    reasons = [{**reason, "sentence": sentence(reason)} for reason in decision["reasons"]]
    return {name: decision[name] for name in FIELDS} | {"reasons": reasons, "measured": measured_document(decision)}


def measured_document(decision: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a decision turned out to be worth, with the sentence that says how it was measured; None before that."""
    found = decision["measured"]
    return found and {**found, "sentence": sentence({"code": found["method"], "facts": found["facts"]})}


def alert_document(alert: Mapping[str, Any]) -> dict[str, Any]:
    """The documented fields of an alert, with its sentence in the language in force."""
    told = sentence({"code": alert["cause"], "facts": alert["facts"]})
    return {name: alert[name] for name in ALERT_FIELDS} | {"sentence": told}
