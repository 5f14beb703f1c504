"""Stores: where the chain sells, and in which time zone its business day ends."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import available_timezones

from aislehub.core.contract import Column, Contract
from aislehub.schema.items import is_gtin
from aislehub.schema.people import is_clock
from aislehub.schema.provenance import SOURCE

__all__ = ["STORES", "is_timezone"]


def is_timezone(names: Sequence[str]) -> list[bool]:
    """Which names are IANA time zones, strings (n,) → bool (n,)."""
    known = available_timezones()
    return [name in known for name in names]


STORES = Contract(
    "stores",
    "One store, warehouse or web shop",
    (
        Column("store", "text", "The chain's own store number, the same in every table"),
        Column("name", "text", "Name people use", required=False),
        Column("kind", "text", "What the place is; empty = store", required=False,
               values=("store", "warehouse", "web")),
        Column("gln", "text", "GS1 Global Location Number, 13 digits", required=False, valid=is_gtin),
        Column("region", "text", "Region; calendars and weather may hold for a region", required=False),
        Column("city", "text", "City", required=False),
        Column("country", "text", "ISO 3166 country code of two letters", required=False),
        Column("timezone", "text",
               "IANA time zone of its business day, e.g. Asia/Shanghai; empty = the chain's", required=False,
               valid=is_timezone),
        Column("latitude", "float", "WGS 84 latitude", "degrees", required=False, low=-90, high=90),
        Column("longitude", "float", "WGS 84 longitude", "degrees", required=False, low=-180, high=180),
        Column("receives_from", "text", "From when on goods can be brought, e.g. 06:00; empty = the chain's setting",
               required=False, valid=is_clock),
        Column("receives_to", "text", "Until when unloading may begin, e.g. 10:30; empty = the chain's setting",
               required=False, valid=is_clock),
        Column("area_m2", "float", "Sales area", "m²", required=False, low=0),
        Column("opened", "date", "First business day", required=False),
        Column("closed", "date", "Last business day, empty while open", required=False),
        SOURCE,
    ),
    key="store",
    known_from="opened",
)  # fmt: skip
