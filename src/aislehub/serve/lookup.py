"""Small questions that pages and API ask of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import ibis

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.hub import Hub
from aislehub.data.quality import document

__all__ = ["has_rows", "known_kind", "known_store", "last_day", "names", "readiness", "rows_of_day"]

_names: dict[tuple[str, str], tuple[int, dict[str, str]]] = {}


def has_rows(hub: Hub, table: str) -> bool:
    """Whether there is such a table and anything was ever written to it."""
    return table in hub.registry.contracts and hub.tables.version(table) >= 0


def last_day(hub: Hub, table: str) -> date | None:
    """The last business day that a table has rows of."""
    if not has_rows(hub, table):
        return None
    (row,) = hub.tables.run(lambda tables: tables.read(table).aggregate(day=ibis._.day.max())).to_pylist()
    last: date | None = row["day"]
    return last


def rows_of_day(hub: Hub, table: str, day: date | None, **keys: str) -> list[dict[str, Any]]:
    """The rows of one day and of the given keys; none while there is no such table."""
    if day is None or not has_rows(hub, table):
        return []
    wanted = [ibis._[name] == value for name, value in {"day": day, **keys}.items()]
    found: list[dict[str, Any]] = hub.tables.run(lambda tables: tables.read(table).filter(wanted)).to_pylist()
    return found


def known_kind(hub: Hub, kind: str) -> str:
    """`kind`, if decisions are of it.

    Raises:
        HubError: `serve.unknown_kind`.
    """
    if kind not in hub.registry.kinds():
        raise HubError("serve.unknown_kind", kind=kind, suggestion=did_you_mean(kind, hub.registry.kinds()))
    return kind


def known_store(hub: Hub, store: str) -> str:
    """`store`, if the chain has one of that key, or a decision or an alert is about it (a warehouse, say).

    Raises:
        HubError: `serve.unknown_store`.
    """
    known = {*names(hub, "stores", "store"), *hub.ledger.stores(), *hub.alerts.stores()}
    if store not in known:
        raise HubError("serve.unknown_store", store=store, suggestion=did_you_mean(store, known - {""}))
    return store


def readiness(hub: Hub, day: date) -> dict[str, Any]:
    """The day's report on the data, with its sentences (`data.quality.document`)."""
    return document(hub.tables.run(lambda tables: tables.read("readiness").filter(ibis._.day == day)))


def names(hub: Hub, table: str, key: str) -> Mapping[str, str]:
    """Key → name of all items or stores, read again when the table has changed.

    An item without a name of its own is called by its subcategory and brand.
    """
    if not has_rows(hub, table):
        return {}
    version, place = hub.tables.version(table), (str(hub.home), table)
    held = _names.get(place)
    if held is None or held[0] != version:
        promised = hub.tables.contract(table).schema.names
        columns = [key, *(name for name in ("name", "subcategory", "brand") if name in promised)]
        held = version, {row[key]: _name(row) for row in hub.tables.fetch(table, columns=columns).to_pylist()}
        _names[place] = held
    return held[1]


def _name(row: Mapping[str, Any]) -> str:
    if row.get("name"):
        return str(row["name"])
    return " · ".join(str(row[part]) for part in ("subcategory", "brand") if row.get(part))
