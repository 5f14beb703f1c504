"""Alerts: what a person should look at today, one row per cause."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract

__all__ = ["ALERTS"]

ALERTS = Contract(
    "alerts",
    "Something that needs a person's attention, found at the close of a business day",
    (
        Column("cause", "text", "Code of the sentence that says what is wrong"),
        Column("store", "text", "Store it concerns; empty = the chain", required=False),
        Column("subject", "text", "What it concerns, e.g. an item"),
        Column("owner", "text", "Role that can mend it", values=("planner", "store", "it", "marketer")),
        Column("money_at_risk", "float", "Contribution expected to be lost if nothing is done", "money", low=0),
        Column("facts", "text", "JSON object that fills the sentence"),
        Column("source", "text", "Where the facts came from; says `simulated` when any of them was", required=False),
    ),
    key="day cause store subject",
    derived=True,
)  # fmt: skip
