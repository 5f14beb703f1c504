"""Vehicles: what can carry goods, how much, when, and at what cost; and how far places are apart."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.people import is_clock
from aislehub.schema.provenance import SOURCE

__all__ = ["DISTANCES", "VEHICLES"]

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
        Column("co2_g_per_km", "float", "CO2 of a kilometre", "g per km", required=False, low=0),
        Column("max_hours", "float", "Longest tour", "hours", required=False, low=0, high=24),
        Column("works_from", "text", "Earliest start of its driver's day, e.g. 05:30", required=False, valid=is_clock),
        Column("works_to", "text", "Latest return; past midnight 24:00 and more, e.g. 25:30", required=False,
               valid=is_clock),
        Column("trips", "int", "How often it may load in a day; empty = once", "trips", required=False, low=1, high=20),
        Column("break_minutes", "float", "The driver's break", "minutes", required=False, low=0, high=240),
        Column("break_from", "text", "Earliest start of that break, e.g. 10:00", required=False, valid=is_clock),
        Column("break_to", "text", "Latest start of that break", required=False, valid=is_clock),
        Column("available_from", "date", "First day it can be used", required=False),
        SOURCE,
    ),
    key="vehicle",
    known_from="available_from",
)  # fmt: skip

DISTANCES = Contract(
    "distances",
    "How far and how long it is by road from one place to another",
    (
        Column("from_place", "text", "Store or warehouse it starts from"),
        Column("to_place", "text", "Store or warehouse it leads to"),
        Column("km", "float", "Length of the way", "km", low=0),
        Column("minutes", "float", "Time it takes to drive", "minutes", low=0),
        Column("valid_from", "date", "First day on which that holds; empty = all along", required=False),
        SOURCE,
    ),
    key="from_place to_place",
    known_from="valid_from",
)  # fmt: skip
