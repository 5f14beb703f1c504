"""A decided day of tours, planned anew because something happened: its facts rebuilt, its tours as they are driven.

    facts ─> the depot's day as a problem ┐
    action ─> tours as they were told ────┼─> reports, delays ─> the rest planned anew ─> another action, and its worth
    what happened ────────────────────────┘

Money is what keeping the old tours would cost, minus the cost of the new ones. With the old tours, what a broken
vehicle has left, and what a late one reaches after hours, is brought by a hired one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from aislehub.core.errors import HubError
from aislehub.core.reasons import Reason
from aislehub.supply.route.begun import way_of
from aislehub.supply.route.conflict import Unserved
from aislehub.supply.route.deliveries import Policy
from aislehub.supply.route.depot_day import DepotDay
from aislehub.supply.route.document import clock
from aislehub.supply.route.plan import Driven, Tour
from aislehub.supply.route.problem import Problem
from aislehub.supply.route.replan import SECONDS, SHIFT, Replanned, replan
from aislehub.supply.route.reported import Report, as_driven
from aislehub.supply.route.running import Exact, timed_exactly
from aislehub.supply.route.saving import Saving, saving, spread_of
from aislehub.supply.route.schedule import distance_of
from aislehub.supply.route.told import action_of, left_out, tour_of

__all__ = ["Anew", "Happened", "plan_anew", "running_tours"]

CANCELLED = "routes.cancelled"


@dataclass(frozen=True)
class Happened:
    """What a dispatcher knows.

    Attributes:
        now: seconds of the day on which is driven; before all tours, nothing has begun.
        cancelled: ids of the stops that nobody wants any more.
        broken: vehicles that broke down.
        late: vehicle → minutes by which it is behind its plan.
    """

    now: int
    cancelled: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    late: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Anew:
    """Another action in the place of the old one.

    Attributes:
        saving: over keeping the old tours.
        reasons: what happened, and how many stops were moved for it.
    """

    action: dict[str, Any]
    saving: Saving
    reasons: tuple[Reason, ...]


def plan_anew(
    day: DepotDay,
    action: Mapping[str, Any],
    happened: Happened,
    reports: Mapping[str, Sequence[Report | None]],
    *,
    policy: Policy,
    seconds: float = SECONDS,
    rounds: int | None = None,
) -> Anew:
    """Plan the rest of a day anew.

    Args:
        day: from the facts that the action was made of.
        action: the tours in force.
        reports: vehicle → what is known of each of its stops, in the order of its tour.
        seconds, rounds: of the search, as in `plan_routes`.

    Raises:
        HubError: `routes.facts_changed` where the action is not one of this day, `routes.anew_stop`,
            `routes.anew_vehicle`, `routes.anew_back` for what is not there or over, `routes.anew_done` and
            `routes.anew_on_way` for stops that cannot be cancelled any more, `route.day_over`.
    """
    told = running_tours(day, action)
    names = [str(tour["vehicle"]) for tour in action["tours"]]
    at_rest = {str(name) for name in (action.get("anew") or {}).get("broken", ())}
    _check(action, happened, names)
    tours = [
        one if name in at_rest else as_driven(
            day.problem, one, reports.get(name) or [None] * len(one.tour.stops), happened.now,
            round(60 * happened.late.get(name, 0)),
        )
        for name, one in zip(names, told, strict=True)
    ]  # fmt: skip
    _refuse_over(happened, names, tours)
    broken = at_rest | happened.broken
    gone = {one["id"] for one in action["unserved"] if one["why"]["code"] == CANCELLED} | happened.cancelled
    made = replan(
        _without_broken(day, names, broken), tours, now=happened.now, seconds=seconds, rounds=rounds, seed=policy.seed,
        without=[at for at, one in enumerate(day.stops) if one.id in gone],
        broken=[number for number, name in enumerate(names) if name in broken], told=told,
        ready={number: tours[number].times.start for number, name in enumerate(names) if name in happened.late},
    )  # fmt: skip
    _refuse_too_late(day, made, happened)
    saved = _saving(day, made, policy)
    found = _tours(day, made, names, broken)
    left = [
        *(replace(one, stop=made.stops[one.stop]) for one in made.plan.unserved),
        *(Unserved(at, Reason(CANCELLED, {"stop": day.stops[at].name}), (), ()) for at in sorted(made.cancelled)),
    ]
    anew = {
        "at": clock(happened.now) if happened.now else "", "moved": len(made.moved), "promised": len(made.promised),
        "cancelled": sorted(happened.cancelled), "broken": sorted(broken), "late": dict(happened.late),
        "money": round(saved.money, 2),
    }  # fmt: skip
    return Anew(action_of(day, found, left_out(day, left), anew), saved, tuple(_reasons(day, made, happened)))


def running_tours(day: DepotDay, action: Mapping[str, Any]) -> list[Driven]:
    """The tours of an action in terms of its day's problem, with the exact times they were told by.

    Raises:
        HubError: `routes.facts_changed`.
    """
    kinds = {name: kind for kind, names in enumerate(day.fleet.names) for name in names}
    stops = {one.id: at for at, one in enumerate(day.stops)}
    found = []
    for told in action["tours"]:
        named = [stop["id"] for stop in told["stops"]]
        if told["vehicle"] not in kinds or not stops.keys() >= set(named):
            raise _changed(day, told["vehicle"])
        by_trip = {
            trip: tuple(stops[stop["id"]] for stop in mine)
            for trip, mine in groupby(told["stops"], key=lambda stop: stop["trip"])
        }
        exact = Exact.model_validate(told["exact"]) if told.get("exact") else None
        trips = max([*by_trip, len(exact.loadings) if exact else 1])
        tour = Tour(kinds[told["vehicle"]], tuple(by_trip.get(trip, ()) for trip in range(1, trips + 1)))
        one = timed_exactly(day.problem, tour, exact, _distance(day.problem, tour, is_broken=told.get("broken", False)))
        if one is None or [clock(visit.arrive) for visit in one.times.visits] != [s["arrives"] for s in told["stops"]]:
            raise _changed(day, told["vehicle"])
        found.append(one)
    return found


# -- what can be done ----------------------------------------------------------------------------------


def _check(action: Mapping[str, Any], happened: Happened, names: Sequence[str]) -> None:
    """Refuse stops and vehicles that the tours do not have."""
    planned = {stop["id"] for tour in action["tours"] for stop in tour["stops"]}
    for stop in sorted(happened.cancelled - planned):
        raise HubError("routes.anew_stop", stop=stop)
    for name in sorted((happened.broken | set(happened.late)) - set(names)):
        raise HubError("routes.anew_vehicle", vehicle=name)


def _refuse_over(happened: Happened, names: Sequence[str], tours: Sequence[Driven]) -> None:
    """Refuse to plan around a vehicle whose day is over."""
    for name, one in zip(names, tours, strict=True):
        if name in happened.broken | set(happened.late) and one.times.end <= happened.now:
            raise HubError("routes.anew_back", vehicle=name, time=clock(one.times.end))


def _refuse_too_late(day: DepotDay, made: Replanned, happened: Happened) -> None:
    """Refuse to cancel what has been brought, or is being driven to."""
    unwanted = {at for at, one in enumerate(day.stops) if one.id in happened.cancelled} - made.cancelled
    for visit in (visit for one in made.before for visit in one.times.visits if visit.stop in unwanted):
        code = "routes.anew_done" if visit.arrive <= happened.now else "routes.anew_on_way"
        raise HubError(code, stop=day.stops[visit.stop].name, time=clock(visit.arrive))


def _changed(day: DepotDay, vehicle: str) -> HubError:
    return HubError("routes.facts_changed", depot=day.place.name, vehicle=vehicle)


def _without_broken(day: DepotDay, names: Sequence[str], broken: frozenset[str] | set[str]) -> Problem:
    """The problem without vehicles that broke down before their tours began: these have no tour any more."""
    lost = [sum(name in broken and name not in names for name in mine) for mine in day.fleet.names]
    vehicles = (replace(one, count=one.count - less) for one, less in zip(day.problem.vehicles, lost, strict=True))
    return replace(day.problem, vehicles=tuple(vehicles))


def _distance(problem: Problem, tour: Tour, *, is_broken: bool) -> int:
    if is_broken:  # it did not drive home
        return way_of(problem, tour, tour.trips, is_back=False)[1]
    return distance_of(problem, problem.vehicles[tour.vehicle], tour.trips)


# -- what comes of it ----------------------------------------------------------------------------------


def _tours(day: DepotDay, made: Replanned, names: Sequence[str], broken: set[str]) -> list[dict[str, Any]]:
    """The new tours, each by the vehicle that had it; those that stood by get numbers that nobody has."""
    kinds = {one.name: kind for kind, one in enumerate(day.problem.vehicles)}
    free = [[name for name in mine if name not in (*names, *broken)] for mine in day.fleet.names]
    found = []
    for one in made.plan.tours:
        number = made.numbers[one.tour.vehicle]
        kind = kinds[made.plan.problem.vehicles[one.tour.vehicle].name]
        vehicle = free[kind].pop(0) if number is None else names[number]
        visits = tuple(replace(visit, stop=made.stops[visit.stop]) for visit in one.times.visits)
        own = replace(one, tour=Tour(kind, _trips(made, one)), times=replace(one.times, visits=visits))
        found.append(tour_of(day, own, vehicle, is_broken=vehicle in broken))
    return found


def _trips(made: Replanned, one: Driven) -> tuple[tuple[int, ...], ...]:
    """A new tour's trips in positions of the day's problem."""
    return tuple(tuple(made.stops[at] for at in trip) for trip in one.tour.trips)


def _saving(day: DepotDay, made: Replanned, policy: Policy) -> Saving:
    """What the new tours cost less than keeping the old ones."""
    broken = {vehicle for vehicle, one in enumerate(made.rest.vehicles) if one.begun and one.begun.is_stranded
              and not one.begun.is_back}  # fmt: skip
    new = [replace(one, tour=Tour(one.tour.vehicle, _trips(made, one))) for one in made.plan.tours]
    kept = [one for one in new if one.tour.vehicle in broken]
    kept += [
        replace(made.before[number], tour=replace(made.before[number].tour, vehicle=vehicle))
        for vehicle, number in enumerate(made.numbers) if number is not None and vehicle not in broken
    ]  # fmt: skip
    in_time = {
        visit.stop for one in kept for visit in one.times.visits
        if one.tour.vehicle in broken or visit.begin <= made.rest.stops[visit.stop].late
    }  # fmt: skip
    lost = set(range(len(day.stops))) - in_time - made.cancelled, {made.stops[one.stop] for one in made.plan.unserved}
    return saving(
        made.rest, kept, new, factor=policy.hire_factor, spread=spread_of(day.problem, policy), lost=lost
    )  # fmt: skip


def _reasons(day: DepotDay, made: Replanned, happened: Happened) -> list[Reason]:
    """What happened, and what it does to the others."""
    names = [one.name for one in day.stops if one.id in happened.cancelled]
    found = [Reason("routes.because_cancelled", {"count": len(names), "stops": names})] if names else []
    found += [Reason("routes.because_broken", {"vehicle": name}) for name in sorted(happened.broken)]
    found += [Reason("routes.because_late", {"vehicle": name, "minutes": round(minutes)})
              for name, minutes in sorted(happened.late.items())]  # fmt: skip
    moved = {"at": clock(happened.now), "moved": len(made.moved), "promised": len(made.promised), "shift": SHIFT}
    return [*found, Reason("routes.because_anew" if happened.now else "routes.because_anew_before", moved)]
