"""Footfall: how many people came, by door or zone and time slot; counts only, never persons."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract

__all__ = ["FOOTFALL"]

FOOTFALL = Contract(
    "footfall",
    "Visitors of a store zone in one time slot",
    (
        Column("store", "text", "Store", ref="stores"),
        Column("zone", "text", "`entrance` for the doors of the store, else the zone's name"),
        Column("at", "time", "Start of the slot"),
        Column("minutes", "float", "Length of the slot", "minutes", low=0),
        Column("day", "date", "Business day in the store's time zone"),
        Column("visitors", "float", "People who entered", "persons", low=0),
        Column("left", "float", "People who left", "persons", required=False, low=0),
        Column("dwell_seconds", "float", "Mean stay", "seconds", required=False, low=0),
        Column("source", "text", "Counter or camera; `simulated` where it was made up", required=False),
    ),
    key="store zone at",
    known_from="at",
)  # fmt: skip
