"""Tours that have gone out to their drivers are shipments to come: a way out that also writes its stops to `shipments`.

A row a stop, with its planned arrival; what becomes of it, the driver or a telematics system writes to the same row
later. A tour is known by its day, depot and vehicle.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from aislehub.core.outbox import Batch, Connector
from aislehub.core.tables import Tables

__all__ = ["KIND", "Tours", "planned_stops", "shipment_of", "stop_numbers"]

KIND = "routes"
CANCELLED = "cancelled"
PLANNED = (
    "shipment", "stop", "day", "depot", "vehicle", "store", "order", "planned_at", "distance_km", "load_kg", "load_l",
    "cost", "source",
)  # fmt: skip
"""What a plan says of a stop; the rest is reported."""


class Tours:
    """Carries tours out by `outlet`, a row a stop, and writes the stops to `shipments`.

    Carrying the same batch out twice is as good as once: the outlet promises so, and a row of `shipments` is known by
    its content; what has been reported of a stop since stands, under another plan of the tours, too.
    """

    def __init__(self, outlet: Connector, tables: Tables) -> None:
        self.name = f"tours by {outlet.name}"  # a batch left open is nobody else's to finish
        self.outlet = outlet
        self.tables = tables

    def send(self, batch: Batch) -> str:
        """Hand the tours over, then write their stops down; returns where the tours are."""
        zones = self._timezones()
        stops, rows = [], []
        for row in batch.rows:
            told = self._told(row["store"], date.fromisoformat(row["subject"]))
            planned = list(planned_stops(row, zones.get(row["store"]) or self.tables.timezone, told))
            stops += [{"kind": row["kind"], "decision": row["decision"]} | stop for stop in planned]
            rows += [one | {"known_at": None} for one in _beside(planned, told)]
        target = self.outlet.send(Batch(batch.id, stops)) if stops else self.name
        contract = self.tables.contract("shipments")
        self.tables.append("shipments", contract.require(pa.Table.from_pylist(rows, contract.schema)))
        return target

    def _timezones(self) -> dict[str, str | None]:
        rows = self.tables.fetch("stores", columns=["store", "timezone"]).to_pylist()
        return {row["store"]: row["timezone"] for row in rows}

    def _told(self, depot: str, day: date) -> list[dict[str, Any]]:
        """Stops that are known already of a depot's day."""
        rows = self.tables.fetch("shipments").to_pylist()
        return [row for row in rows if (row["depot"], row["day"]) == (depot, day)]


def stop_numbers(stops: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]) -> list[int]:
    """The numbers in `shipments` of one tour's stops, in the order of its plan.

    A number stays with its store and order, whatever plan comes later, so that a report which waited on a phone finds
    its stop. A new stop takes the least number that none has had.

    Args:
        stops: with `store` and `order`.
        told: rows of `shipments` of the tour.
    """
    own: dict[tuple[str | None, str | None], deque[int]] = defaultdict(deque)
    for row in sorted(told, key=lambda row: (not _is_reported(row), row["stop"])):
        own[row["store"], row["order"]].append(row["stop"])
    had = {row["stop"] for row in told}
    free = (number for number in count(1) if number not in had)
    places = [own[stop["store"], stop["order"]] for stop in stops]
    return [place.popleft() if place else next(free) for place in places]


def _is_reported(row: Mapping[str, Any]) -> bool:
    """Whether somebody has said anything of a stop since it was planned."""
    return bool(row["arrived_at"] or row["left_at"]) or row["outcome"] not in (None, CANCELLED)


def _beside(planned: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows to write: stops that were reported stay as they are, and open ones that the plan no longer has are
    cancelled."""
    reported = {(row["shipment"], row["stop"]) for row in told if _is_reported(row)}
    named = {(stop["shipment"], stop["stop"]) for stop in planned}
    yield from (dict(stop) for stop in planned if (stop["shipment"], stop["stop"]) not in reported)
    for row in told:
        if row["outcome"] is None and (row["shipment"], row["stop"]) not in reported | named:
            yield {name: row[name] for name in PLANNED} | {"outcome": CANCELLED}


def planned_stops(row: Mapping[str, Any], timezone: str, told: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of `shipments` of one depot's tours; of tours that were taken back, the same ones, cancelled.

    Args:
        row: of a batch: `store` is the depot, `subject` the day, `tours` those of the action.
        timezone: of the depot, by whose clock the tours are planned.
        told: rows of `shipments` of the depot's day.
    """
    day, source = date.fromisoformat(row["subject"]), f"decision {row['compensates'] or row['decision']}"
    for tour in row["tours"]:
        shipment = shipment_of(day, row["store"], tour["vehicle"])
        numbers = stop_numbers(tour["stops"], [one for one in told if one["shipment"] == shipment])
        for number, stop in zip(numbers, tour["stops"], strict=True):
            yield {
                "shipment": shipment, "stop": number, "day": day, "depot": row["store"], "vehicle": tour["vehicle"],
                "store": stop["store"], "order": stop["order"],
                "planned_at": _instant(day, stop["arrives"], timezone), "distance_km": stop["km"],
                "load_kg": stop["kg"], "load_l": stop["l"], "cost": stop["cost"],
                "outcome": CANCELLED if row.get("cancel") else None, "source": source,
            }  # fmt: skip


def shipment_of(day: date, depot: str, vehicle: str) -> str:
    """The number of a tour."""
    return f"{day}/{depot}/{vehicle}"


def _instant(day: date, clock: str, timezone: str) -> datetime:
    """The instant of a time by the clock of a day; after midnight it is written on, 25:30."""
    hours, minutes = map(int, clock.split(":"))
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone))
    return (midnight + timedelta(hours=hours, minutes=minutes)).astimezone(UTC)
