"""A tour while it is driven: what its driver reports of each stop, as facts in `shipments`.

A report holds all that the driver knows of a stop, so that one sent again, or late, changes nothing: the same content
known at the same moment is the same fact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import ibis
import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from aislehub.connect.tours import planned_stops, shipment_of
from aislehub.core.decision import carried_out
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.serve.lookup import has_rows
from aislehub.serve.tours import plans

__all__ = ["OUTCOMES", "REASONS", "Report", "Tour", "find_tour", "take_reports", "timezone_of", "told_stops"]

Outcome = Literal["delivered", "partial", "failed", "refused"]
Why = Literal["closed", "nobody", "no_access", "damaged", "missing", "not_ordered", "vehicle", "other"]
OUTCOMES: tuple[Outcome, ...] = ("delivered", "partial", "failed", "refused")
REASONS: tuple[Why, ...] = ("closed", "nobody", "no_access", "damaged", "missing", "not_ordered", "vehicle", "other")
DRIVER = "driver"


class Report(BaseModel):
    """Everything that a driver knows of one stop at a moment; an empty outcome takes an earlier one back.

    Attributes:
        stop: its number on the page that the driver had.
        store, order: who is visited there; they count where another plan has given that number to somebody else.
    """

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=64)]
    stop: Annotated[int, Field(ge=1, le=10_000)]
    store: Annotated[str | None, Field(max_length=200)] = None
    order: Annotated[str | None, Field(max_length=200)] = None
    told_at: AwareDatetime
    arrived_at: AwareDatetime | None = None
    left_at: AwareDatetime | None = None
    outcome: Outcome | None = None
    reason: Why | None = None


@dataclass(frozen=True)
class Tour:
    """One vehicle's tour of the plan in force."""

    decision: Mapping[str, Any]
    tour: Mapping[str, Any]

    @property
    def depot(self) -> str:
        return str(self.decision["store"])

    @property
    def day(self) -> date:
        return date.fromisoformat(self.decision["subject"])

    @property
    def vehicle(self) -> str:
        return str(self.tour["vehicle"])

    @property
    def shipment(self) -> str:
        return shipment_of(self.day, self.depot, self.vehicle)

    @property
    def is_simulated(self) -> bool:
        return "simulated" in self.decision["source"]


def find_tour(hub: Hub, depot: str, day: str, vehicle: str) -> Tour:
    """A vehicle's tour of the plan in force.

    Raises:
        HubError: `routes.unknown`, `routes.unknown_vehicle`.
    """
    decision = plans(hub, day, sent_only=True).get(depot)
    if decision is None:
        raise HubError("routes.unknown", depot=depot, day=day)
    for tour in carried_out(decision)["tours"]:
        if tour["vehicle"] == vehicle:
            return Tour(decision, tour)
    raise HubError("routes.unknown_vehicle", vehicle=vehicle, day=day)


def told_stops(hub: Hub, depot: str, day: str) -> list[dict[str, Any]]:
    """Rows of `shipments` of a depot's day: what is known of its stops."""
    if not has_rows(hub, "shipments"):
        return []
    mine = [ibis._.depot == depot, ibis._.day == date.fromisoformat(day)]
    return hub.tables.run(lambda tables: tables.read("shipments").filter(mine)).to_pylist()


def take_reports(hub: Hub, tour: Tour, reports: Sequence[Report]) -> dict[str, str]:
    """Write reports down as facts, of each stop the last one; those of stops that the tour never had are refused.

    Returns:
        Id of a refused report → why, as a sentence. All others are kept.
    """
    told = told_stops(hub, tour.depot, tour.day.isoformat())
    row = {**tour.decision, "decision": tour.decision["id"], "tours": [tour.tour]}
    stops = {stop["stop"]: stop for stop in planned_stops(row, timezone_of(hub, tour.depot), told)}
    stops |= {one["stop"]: one for one in told if one["shipment"] == tour.shipment}
    last = {_number(report, stops): report for report in sorted(reports, key=lambda report: report.told_at)}
    rows = [stops[number] | _told(report, stops[number]["source"]) for number, report in last.items() if number]
    contract = hub.tables.contract("shipments")
    hub.tables.append("shipments", contract.require(pa.Table.from_pylist(rows, contract.schema)))
    return {report.id: _refusal(report, tour, stops).message() for report in reports if _number(report, stops) is None}


# -- helpers -----------------------------------------------------------------------------------------


def _number(report: Report, stops: Mapping[int, Mapping[str, Any]]) -> int | None:
    """The number of the stop that a report is about; None where the tour has none that is surely meant."""
    if report.store is None and report.order is None:
        return report.stop if report.stop in stops else None
    meant = [number for number, stop in stops.items() if (stop["store"], stop["order"]) == (report.store, report.order)]
    if report.stop in meant:
        return report.stop
    return meant[0] if len(meant) == 1 else None


def _refusal(report: Report, tour: Tour, stops: Mapping[int, Any]) -> HubError:
    place = report.order or report.store
    if place is None:
        return HubError("routes.unknown_stop", stop=report.stop, stops=len(stops), vehicle=tour.vehicle)
    return HubError("routes.stop_gone", stop=place, vehicle=tour.vehicle)


def timezone_of(hub: Hub, depot: str) -> str:
    """That of the depot, by whose clock its tours are planned."""
    stores = hub.tables.run(lambda tables: tables.read("stores").filter(ibis._.store == depot)).to_pylist()
    return next((store["timezone"] for store in stores if store["timezone"]), hub.settings.timezone)


def _told(report: Report, source: str) -> dict[str, Any]:
    """What a report says; it was known when it was told, and no clock of a phone makes that later than now."""
    return {
        "arrived_at": report.arrived_at, "left_at": report.left_at, "outcome": report.outcome, "reason": report.reason,
        "source": source if DRIVER in source else f"{source}; {DRIVER}",
        "known_at": min(report.told_at.astimezone(UTC), datetime.now(UTC)),
    }  # fmt: skip
