"""Vehicles: what can carry goods, how much, and at what cost."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["VEHICLES"]

VEHICLES = Contract(
    "vehicles",
    "One vehicle",
    (
        Column("vehicle", "text", "Vehicle number"),
        Column("depot", "text", "Store or warehouse it starts from"),
        Column("capacity_kg", "float", "Payload", "kg", low=0),
        Column("capacity_l", "float", "Load volume", "l", required=False, low=0),
        Column("temperature", "text", "Coldest goods it can carry; empty = ambient", required=False,
               values=("ambient", "chilled", "frozen")),
        Column("cost_per_km", "float", "Cost of a kilometre", "money per km", required=False, low=0),
        Column("cost_per_hour", "float", "Cost of an hour with its driver", "money per hour", required=False,
               low=0),
        Column("cost_per_day", "float", "Cost of using it at all on a day", "money", required=False, low=0),
        Column("max_hours", "float", "Longest tour", "hours", required=False, low=0, high=24),
        Column("available_from", "date", "First day it can be used", required=False),
        SOURCE,
    ),
    key="vehicle",
    known_from="available_from",
)  # fmt: skip
