"""Planned tours as pages and files tell them: the plan in force of each depot, its tours, stops and lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from aislehub.core.book import Filter
from aislehub.core.decision import carried_out
from aislehub.core.hub import Hub
from aislehub.core.reasons import sentence
from aislehub.serve.lookup import names
from aislehub.supply.route.written import Line, Point

__all__ = ["KIND", "days", "lines", "plans", "told_tours"]

KIND = "routes"
DAYS = 60
OPEN = ("proposed", "approved", "overridden")
SENT = ("sent", "done", "failed", "judged", "reversed")


def days(hub: Hub) -> list[str]:
    """Days on which is driven and of which there is a plan, ISO dates, newest first."""
    return hub.ledger.subjects(KIND, DAYS)


def plans(hub: Hub, day: str, *, sent_only: bool = False) -> dict[str, dict[str, Any]]:
    """Depot → its plan for that day: the one decided last that was not superseded, or what was put in its place since.

    Args:
        sent_only: whether a change of tours that are on the road counts only once it was sent, as for their drivers.
    """
    found = hub.ledger.find(Filter(kind=KIND, subject=day))
    counts = SENT if sent_only else (*OPEN, *SENT)
    changed = {
        one["compensates"]: one for one in found
        if one["compensates"] and not one["action"].get("cancel") and one["state"] in counts
    }  # fmt: skip
    first = [one for one in found if one["compensates"] is None]
    ordered = sorted(first, key=lambda one: (one["store"], one["state"] != "superseded", one["day"]))
    return {one["store"]: _newest(one, changed) for one in ordered}


def _newest(decision: dict[str, Any], changed: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The last of the decisions each of which stands in the place of the one before."""
    while decision["id"] in changed:
        decision = changed[decision["id"]]
    return decision


def told_tours(hub: Hub, tours: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tours of an action, numbered: with names that people use, loads beside capacities, reasons as sentences."""
    stores = names(hub, "stores", "store")
    return [
        {
            **tour, "number": number, "why": [sentence(reason) for reason in tour.get("why", ())],
            "loads": _loads(tour), "broken": tour.get("broken", False),
            "stops": [
                {**stop, "number": place, "name": stores.get(stop.get("store") or "") or stop["stop"]}
                for place, stop in enumerate(tour["stops"], start=1)
            ],
        }
        for number, tour in enumerate(tours, start=1)
    ]  # fmt: skip


def lines(decision: Mapping[str, Any], vehicle: str = "") -> list[Line]:
    """The tours of the plan in force as they are written to files; of one vehicle where it is named."""
    action = carried_out(decision)
    depot = Point(action["depot"]["name"], action["depot"]["lat"], action["depot"]["lon"])
    return [
        Line(number, tour["vehicle"], tour["cost"], (*_points(depot, tour["stops"]), depot))
        for number, tour in enumerate(action["tours"], start=1)
        if vehicle in ("", tour["vehicle"])
    ]


def _points(depot: Point, stops: Sequence[Mapping[str, Any]]) -> Iterator[Point]:
    """The stops of each trip, the depot before them."""
    for trip, mine in groupby(stops, key=lambda stop: stop.get("trip", 1)):
        yield depot
        for place, stop in enumerate(mine, start=1):
            times = stop["arrives"], stop.get("begins", stop["arrives"]), stop["leaves"]
            yield Point(stop["stop"], stop["lat"], stop["lon"], *times, trip=trip, place=place)


def _loads(tour: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each load of a tour beside what its vehicle carries of it at most; a vehicle may load more than once."""
    trips = max((stop.get("trip", 1) for stop in tour["stops"]), default=1)
    return [
        {"load": load, "amount": amount, "capacity": room and trips * room}
        for load, amount in tour["load"].items()
        for room in [(tour.get("capacity") or {}).get(load)]
    ]
