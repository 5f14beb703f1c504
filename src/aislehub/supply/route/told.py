"""Tours as the ledger, pages and files tell them: plain documents, times by the clock, reasons with their facts.

Clock times are rounded up to minutes for reading. Beside them stand the `exact` ones, which planning anew goes on from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from aislehub.core.reasons import Reason
from aislehub.supply.route.conflict import Unserved
from aislehub.supply.route.deliveries import Delivery
from aislehub.supply.route.depot_day import DepotDay
from aislehub.supply.route.document import clock
from aislehub.supply.route.plan import Driven
from aislehub.supply.route.problem import FOREVER, Problem, Visit
from aislehub.supply.route.running import exact_times
from aislehub.supply.route.schedule import legs_of
from aislehub.supply.route.written import reasons

__all__ = ["action_of", "left_out", "tour_of", "tour_reasons", "tours_of"]

LATE = 30 * 60  # seconds: a visit that begins so shortly before the end of its window is bound by it


def action_of(
    day: DepotDay, tours: Sequence[dict[str, Any]], left: Sequence[dict[str, Any]], anew: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The action of a decision on tours.

    Args:
        tours: as by `tours_of`.
        left: as by `left_out`.
        anew: what happened, where the day was planned anew because of it.
    """
    due = len(day.stops) + len(day.hopeless)
    return {
        "km": round(sum(tour["km"] for tour in tours), 1), "vans": len(tours), "visits": due - len(left),
        "tours": list(tours), "depot": {
            "name": day.place.name, "lat": _known(day.place.latitude), "lon": _known(day.place.longitude),
        },
        "unserved": list(left), "distances": asdict(day.problem.origin), "anew": anew,
    }  # fmt: skip


def tours_of(day: DepotDay, tours: Sequence[Driven]) -> list[dict[str, Any]]:
    """Tours in the order in which they leave, each by a vehicle of its own."""
    waiting = [list(names) for names in day.fleet.names]
    in_order = sorted(tours, key=lambda driven: (driven.times.start, driven.tour.stops))
    return [tour_of(day, driven, waiting[driven.tour.vehicle].pop(0)) for driven in in_order]


def tour_of(day: DepotDay, driven: Driven, vehicle: str, *, is_broken: bool = False) -> dict[str, Any]:
    """One tour.

    Args:
        vehicle: its number.
        is_broken: whether it broke down where the tour ends.
    """
    problem = day.problem
    kind, loading = problem.vehicles[driven.tour.vehicle], problem.depots[0].loading
    brought = [day.stops[at] for at in driven.tour.stops]
    why = (
        [Reason("route.because_broken", {"time": clock(driven.times.end)})]
        if is_broken
        else tour_reasons(problem, driven)
    )
    return {
        "vehicle": vehicle, "loads": clock(driven.times.start), "leaves": clock(driven.times.start + loading),
        "back": clock(driven.times.end), "km": round(driven.distance / 1000, 1), "cost": round(driven.cost, 2),
        "hours": round(driven.times.duration / 3600, 3),
        "driving": round(_driving(problem, driven, is_broken) / 3600, 3),
        "rates": {"km": 1000 * kind.per_distance, "hour": 3600 * kind.per_time},
        "co2_kg": None if kind.co2 is None else round(kind.co2 * driven.distance / 1000, 1),
        "load": {"kg": _tenth(sum(d.kg for d in brought)), "l": _tenth(sum(d.litres for d in brought))},
        "capacity": {load: _limit(room) for load, room in zip(("kg", "l"), kind.capacity, strict=False)},
        "breaks": [[clock(rest.begin), clock(rest.end)] for rest in driven.times.pauses],
        "why": [asdict(reason) for reason in why], "exact": exact_times(driven), "broken": is_broken,
        "stops": list(_stops(day, driven)),
    }  # fmt: skip


def left_out(day: DepotDay, unserved: Iterable[Unserved]) -> list[dict[str, Any]]:
    """Deliveries on no tour, each with its reason; of a conflict also its parts and what would resolve it."""
    hopeless = [_left(delivery, why) for delivery, why in day.hopeless]
    return hopeless + [_left(day.stops[one.stop], one.why, one.conflict, one.options) for one in unserved]


def tour_reasons(problem: Problem, driven: Driven) -> list[Reason]:
    """What fills a tour, ends its day, or what window binds it; without any of these, that cost alone does."""
    found = [why for why in reasons(problem, driven) if why.code != "route.because_cost"]
    tight = _tightest(problem, driven)
    if tight is not None:
        stop = problem.stops[tight.stop]
        told = {"stop": stop.name, "begins": clock(tight.begin), "closes": clock(stop.late)}
        found.append(Reason("routes.because_window", told, 0.6))
    return found or [Reason("route.because_cost")]


# -- helpers -----------------------------------------------------------------------------------------


def _left(
    delivery: Delivery, why: Reason, conflict: Sequence[Reason] = (), options: Sequence[Reason] = ()
) -> dict[str, Any]:
    return {
        "stop": delivery.name, "id": delivery.id, "store": delivery.store, "order": delivery.order,
        "lat": _known(delivery.latitude), "lon": _known(delivery.longitude), "kg": _tenth(delivery.kg),
        "l": _tenth(delivery.litres), "why": asdict(why), "conflict": [asdict(part) for part in conflict],
        "options": [asdict(option) for option in options],
    }  # fmt: skip


def _driving(problem: Problem, driven: Driven, is_broken: bool) -> int:
    """Seconds on the road."""
    legs = list(legs_of(problem, problem.vehicles[driven.tour.vehicle], driven.tour.trips))
    return sum(int(problem.duration[way]) for way in (legs[:-1] if is_broken else legs))


def _stops(day: DepotDay, driven: Driven) -> Iterator[dict[str, Any]]:
    vehicle = day.problem.vehicles[driven.tour.vehicle]
    trip_of = {at: number for number, trip in enumerate(driven.tour.trips, start=1) for at in trip}
    firsts = {trip[0]: loading for trip, loading in zip(driven.tour.trips, driven.times.loadings, strict=True)}
    place, before = 0, driven.times.start
    for visit in driven.times.visits:
        if visit.stop in firsts:
            place, before = 0, firsts[visit.stop]
        there, delivery = day.problem.stops[visit.stop].place, day.stops[visit.stop]
        metres = int(day.problem.distance[place, there])
        cost = vehicle.per_distance * metres + vehicle.per_time * (visit.leave - before)
        yield {
            "stop": delivery.name, "id": delivery.id, "store": delivery.store, "order": delivery.order,
            "trip": trip_of[visit.stop], "lat": delivery.latitude, "lon": delivery.longitude,
            "arrives": clock(visit.arrive), "begins": clock(visit.begin), "leaves": clock(visit.leave),
            "kg": _tenth(delivery.kg), "l": _tenth(delivery.litres), "km": round(metres / 1000, 1),
            "cost": round(cost, 2), "opens": clock(delivery.opens), "closes": clock(delivery.closes),
        }  # fmt: skip
        place, before = there, visit.leave


def _tightest(problem: Problem, driven: Driven) -> Visit | None:
    """The visit that begins closest before the end of its window, if that is close."""
    close = [visit for visit in driven.times.visits if problem.stops[visit.stop].late - visit.begin <= LATE]
    return min(close, key=lambda visit: problem.stops[visit.stop].late - visit.begin, default=None)


def _limit(room: int) -> int | None:
    return None if room >= FOREVER else room


def _known(degrees: float) -> float | None:
    return None if math.isnan(degrees) else degrees


def _tenth(amount: float) -> float:
    return round(float(amount), 1)
