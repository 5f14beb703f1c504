"""Sensor events: what scales, readers, thermometers, doors and cameras report; no image ever."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["SENSOR_EVENTS"]

SENSOR_EVENTS = Contract(
    "sensor_events",
    "One reading of a sensor",
    (
        Column("event_id", "text", "Number that the sender gives it, so that sending twice counts once"),
        Column("sensor", "text", "Sensor"),
        Column("at", "time", "Moment of the reading by the sensor's clock"),
        Column("kind", "text", "What was read",
               values=("weight", "rfid", "temperature", "humidity", "door", "count", "shelf", "label",
                       "power")),
        Column("store", "text", "Store", ref="stores"),
        Column("zone", "text", "Shelf, door or zone", required=False),
        Column("item", "text", "Item it is about", required=False),
        Column("epc", "text", "EPC of the tag read (SGTIN), e.g. urn:epc:id:sgtin:…", required=False),
        Column("value", "float", "Reading", "see `unit`", required=False),
        Column("unit", "text", "Unit of the reading: kg, °C, fraction, persons …", required=False),
        Column("confidence", "float", "How sure the sensor is, 0 to 1", "fraction", required=False, low=0,
               high=1),
        Column("payload", "text", "Anything more, a JSON object; no images, faces or persons",
               required=False),
        SOURCE,
    ),
    key="event_id",
    known_from="at",
)  # fmt: skip
