"""Footfall: how many people came, by door or zone and time slot; counts only, never persons."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract

__all__ = ["FOOTFALL", "FOOTFALL_FORECAST"]

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

FOOTFALL_FORECAST = Contract(
    "footfall_forecast",
    "People expected in one store in one hour of a coming day, as seen at the close of business day `day`; an hour "
    "without a row is one in which nobody is expected",
    (
        Column("store", "text", "Store"),
        Column("ds", "date", "The coming business day, after `day`"),
        Column("hour", "int", "Hour of the store's clock, 0 to 23", "hour", low=0, high=23),
        Column("counted", "text", "What is forecast: visitors through the doors, or receipts where no door is counted",
               values=("visitors", "receipts")),
        Column("mean", "float", "Expected in that hour; the hours add up to the day", "visitors or receipts", low=0),
        Column("low", "float", "10 % quantile of that hour", "visitors or receipts", low=0),
        Column("high", "float", "90 % quantile of that hour", "visitors or receipts", low=0),
        Column("day_mean", "float", "Expected on the whole day", "visitors or receipts", low=0),
        Column("day_low", "float", "10 % quantile of the day", "visitors or receipts", low=0),
        Column("day_high", "float", "90 % quantile of the day", "visitors or receipts", low=0),
        Column("conversion", "float", "Expected receipts per visitor on that day; empty where no door is counted",
               "fraction", required=False, low=0),
        Column("basket", "float", "Expected money per receipt on that day", "money", required=False, low=0),
    ),
    key="day store ds hour",
    derived=True,
)  # fmt: skip
