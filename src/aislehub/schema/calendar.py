"""Calendar and weather: what is known about a day before it happens."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["CALENDAR", "WEATHER"]

CALENDAR = Contract(
    "calendar",
    "One special day of a region; `known_at` says since when the chain knew of it (a holiday: a year ahead)",
    (
        Column("day", "date", "The day"),
        Column("region", "text", "Region of the stores it holds for; `all` = everywhere"),
        Column("event", "text", "Name of the holiday, festival, match or payday"),
        Column("kind", "text", "What it is",
               values=("holiday", "religious", "cultural", "sport", "school", "payday", "benefit", "shopping",
                       "workday", "closed")),
        SOURCE,
    ),
    key="day region event",
    known_from="day",
)  # fmt: skip

WEATHER = Contract(
    "weather",
    "Weather of a store's day: as forecast (revised as `known_at` goes on) or as observed",
    (
        Column("store", "text", "Store", ref="stores"),
        Column("day", "date", "Day the weather is of"),
        Column("kind", "text", "Forecast or observed", values=("forecast", "observed")),
        Column("issued_at", "time", "Moment it was forecast or observed"),
        Column("temperature_max", "float", "Highest temperature", "°C", required=False, low=-90, high=60),
        Column("temperature_min", "float", "Lowest temperature", "°C", required=False, low=-90, high=60),
        Column("rain_mm", "float", "Rain and melted snow", "mm", required=False, low=0),
        Column("snow_cm", "float", "Fresh snow", "cm", required=False, low=0),
        Column("wind_mps", "float", "Highest mean wind", "m/s", required=False, low=0),
        Column("humidity", "float", "Mean relative humidity, 0 to 1", "fraction", required=False, low=0,
               high=1),
        Column("source", "text", "Weather service; `simulated` where it was made up", required=False),
    ),
    key="store day kind",
    known_from="issued_at",
)  # fmt: skip
