"""Tours that have gone out to their drivers are shipments to come: a way out that also writes its stops to `shipments`.

A row a stop, with its planned arrival; what becomes of it, the driver or a telematics system writes to the same row
later. A tour is known by its day, depot and vehicle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from aislehub.core.outbox import Batch, Connector
from aislehub.core.tables import Tables

__all__ = ["KIND", "Tours", "planned_stops", "shipment_of"]

KIND = "routes"
CANCELLED = "cancelled"


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
        stops = [
            {"kind": row["kind"], "decision": row["decision"]} | stop
            for row in batch.rows
            for stop in planned_stops(row, zones.get(row["store"]) or self.tables.timezone)
        ]
        if not stops:  # nothing could be brought, so there is nothing to hand over
            return self.name
        target = self.outlet.send(Batch(batch.id, stops))
        contract = self.tables.contract("shipments")
        rows = [row | {"known_at": None} for row in _beside(stops, self._told({stop["shipment"] for stop in stops}))]
        self.tables.append("shipments", contract.require(pa.Table.from_pylist(rows, contract.schema)))
        return target

    def _timezones(self) -> dict[str, str | None]:
        rows = self.tables.fetch("stores", columns=["store", "timezone"]).to_pylist()
        return {row["store"]: row["timezone"] for row in rows}

    def _told(self, shipments: Collection[str]) -> list[dict[str, Any]]:
        """Stops that are known already of these tours."""
        return [row for row in self.tables.fetch("shipments").to_pylist() if row["shipment"] in shipments]


def _beside(stops: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of a plan beside what is known of its tours: stops that were reported stay as they are, the others take the
    numbers left, and open ones that the plan no longer has are cancelled."""
    ended = [row for row in told if row["outcome"] not in (None, CANCELLED)]
    done = {(row["shipment"], row["store"], row["order"]) for row in ended}
    taken = {(row["shipment"], row["stop"]) for row in ended}
    for stop in stops:
        if (stop["shipment"], stop["store"], stop["order"]) not in done:
            number = next(at for at in count(1) if (stop["shipment"], at) not in taken)
            taken.add((stop["shipment"], number))
            yield {name: value for name, value in stop.items() if name not in ("kind", "decision")} | {"stop": number}
    for row in told:
        if row["outcome"] is None and (row["shipment"], row["stop"]) not in taken:
            yield {name: row[name] for name in stops[0] if name in row} | {"outcome": CANCELLED}


def planned_stops(row: Mapping[str, Any], timezone: str) -> Iterator[dict[str, Any]]:
    """Rows of `shipments` of one depot's tours; of tours that were taken back, the same ones, cancelled.

    Args:
        row: of a batch: `store` is the depot, `subject` the day, `tours` those of the action.
        timezone: of the depot, by whose clock the tours are planned.
    """
    day, source = date.fromisoformat(row["subject"]), f"decision {row['compensates'] or row['decision']}"
    for tour in row["tours"]:
        for number, stop in enumerate(tour["stops"], start=1):
            yield {
                "shipment": shipment_of(day, row["store"], tour["vehicle"]), "stop": number, "day": day,
                "depot": row["store"], "vehicle": tour["vehicle"], "store": stop["store"], "order": stop["order"],
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
