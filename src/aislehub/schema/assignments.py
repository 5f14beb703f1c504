"""Assignments: which arm of an experiment a unit got, where another system has drawn the lots."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["ASSIGNMENTS"]

ASSIGNMENTS = Contract(
    "assignments",
    "The arm that another system (web shop, campaign tool) gave one unit of an experiment; without rows the hub draws",
    (
        Column("experiment", "text", "Name of the experiment, as it was planned here"),
        Column("unit", "text", "The store or the customer", person=True),
        Column("arm", "text", "What it got", values=("control", "treatment")),
        Column("assigned_at", "time", "Moment it was drawn", required=False),
        SOURCE,
    ),
    key="experiment unit",
    known_from="assigned_at",
)
