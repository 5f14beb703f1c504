"""Why a stop is not served: the smallest set of things that conflict, and what relaxing each would cost.

Three questions in turn. Could a vehicle of its own serve the stop? If not, the limits that it breaks are the conflict.
Do the loads of all stops exceed the fleet? Then the fewest stops whose loads alone do so are. Otherwise stops are added
to it until no plan is found for them, and taken away again while none is; each of those that remain is needed for the
conflict. The first two are proofs, the third rests on a search, and its sentence says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aislehub.core.reasons import Reason
from aislehub.supply.route.plan import Driven, Tour, driven, tours_to
from aislehub.supply.route.problem import FOREVER, Problem, Stop, Vehicle
from aislehub.supply.route.schedule import distance_of, overload, timetable

__all__ = ["Unserved", "alone", "explain", "insertions", "span", "thing_stop"]

NEVER = FOREVER // 1000  # later than any real time, and far from FOREVER, so that sums stay below it
Feasible = Callable[[Problem], bool]
MayGoOn = Callable[[], bool]


@dataclass(frozen=True)
class Unserved:
    """A stop on no tour.

    Attributes:
        stop: its position.
        why: what stands against it.
        conflict: the things that cannot hold together, named; none of them can be spared.
        options: what would make room for it, each with its `cost` over leaving it out.
    """

    stop: int
    why: Reason
    conflict: tuple[Reason, ...]
    options: tuple[Reason, ...]


def alone(problem: Problem, at: int) -> Unserved | None:
    """Why not even a vehicle of its own can serve a stop; None if one can."""
    stop = problem.stops[at]
    tries = []
    for number, vehicle in enumerate(problem.vehicles):
        if any(driven(problem, tour) for tour in tours_to(problem, number, at)):
            return None
        if vehicle.begun or (stop.only is not None and number not in stop.only):
            continue
        tries.append((list(_broken_limits(problem, at, vehicle)), _cost_alone(problem, at, vehicle), vehicle))
    if not tries:
        reason = Reason("route.nobody_free", {"stop": stop.name})
        return Unserved(at, reason, (thing_stop(stop.name), Reason("route.thing_on_their_way")), ())
    limits, cost, vehicle = min(tries, key=lambda one: (len(one[0]), one[1]))
    why = Reason("route.alone", {"stop": stop.name, "vehicle": vehicle.name, "limits": len(limits)})
    return Unserved(
        at, why, (thing_stop(stop.name), *(thing for thing, _ in limits)),
        tuple(replace(reason, facts=reason.facts | {"cost": round(cost, 2)}) for _, reason in limits),
    )  # fmt: skip


def explain(
    problem: Problem, tours: Sequence[Driven], unserved: Sequence[int], feasible: Feasible, may_go_on: MayGoOn
) -> list[Unserved]:
    """Why required stops are on no tour although each could be served alone.

    Args:
        feasible: whether a plan is found for a problem.
        may_go_on: whether there is time to look for smaller conflicts.
    """
    short = _short_load(problem)
    found = []
    for at in unserved:
        if short:
            why, conflict = short
        else:
            why, conflict = _searched(problem, at, feasible, may_go_on)
        why = replace(why, facts=why.facts | {"stop": problem.stops[at].name})
        found.append(Unserved(at, why, conflict, tuple(_options(problem, tours, at))))
    return found


def span(problem: Problem, time_units: int) -> str:
    """A span of time as people read it."""
    return f"{-(-time_units // 60)} min" if problem.is_clock else f"{time_units / problem.step:g}"


def thing_stop(name: str) -> Reason:
    """A stop as a part of a conflict."""
    return Reason("route.thing_stop", {"stop": name})


def insertions(tour: Tour, at: int) -> Iterator[Tour]:
    """The tour with a stop added at each place of each trip."""
    for number, trip in enumerate(tour.trips):
        for place in range(len(trip) + 1):
            wider = (*trip[:place], at, *trip[place:])
            yield replace(tour, trips=(*tour.trips[:number], wider, *tour.trips[number + 1 :]))


# -- helpers -----------------------------------------------------------------------------------------


def _boundless(vehicle: Vehicle) -> Vehicle:
    return replace(vehicle, late=NEVER, max_duration=FOREVER, max_distance=FOREVER, breaks=())


def _unhurried(problem: Problem, at: int) -> Problem:
    """The problem with this stop and the depots open for ever."""
    stops = list(problem.stops)
    stops[at] = replace(stops[at], late=NEVER)
    depots = tuple(replace(depot, late=NEVER) for depot in problem.depots)
    return replace(problem, stops=tuple(stops), depots=depots)


def _broken_limits(problem: Problem, at: int, vehicle: Vehicle) -> Iterator[tuple[Reason, Reason]]:
    """Limits that a vehicle serving nothing but this stop breaks, and what would have to give way."""
    stop = problem.stops[at]
    facts: dict[str, Any] = {"vehicle": vehicle.name, "stop": stop.name}
    for load, over in zip(problem.loads, overload(problem, vehicle, (at,)), strict=True):
        if over:
            told = facts | {"load": load, "by": over}
            yield Reason("route.thing_capacity", told), Reason("route.option_capacity", told)
    day = timetable(_unhurried(problem, at), _boundless(vehicle), ((at,),))
    assert day is not None, "nothing limits a day without limits"
    begin = day.visits[0].begin
    if begin > stop.late:
        told = facts | {"by": span(problem, begin - stop.late)}
        yield Reason("route.thing_window", told), Reason("route.option_later", told)
    closing = min(vehicle.late, problem.depots[vehicle.end].late)
    if day.end > closing:
        told = facts | {"by": span(problem, day.end - closing)}
        yield Reason("route.thing_end", told), Reason("route.option_end", told)
    if day.duration > vehicle.max_duration:
        told = facts | {"by": span(problem, day.duration - vehicle.max_duration)}
        yield Reason("route.thing_hours", told), Reason("route.option_hours", told)
    distance = distance_of(problem, vehicle, ((at,),))
    if distance > vehicle.max_distance:
        told = facts | {"by": f"{(distance - vehicle.max_distance) / problem.step:g}"}
        yield Reason("route.thing_range", told), Reason("route.option_range", told)
    if vehicle.breaks and timetable(problem, replace(vehicle, breaks=()), ((at,),)):
        yield Reason("route.thing_breaks", facts), Reason("route.option_breaks", facts)


def _cost_alone(problem: Problem, at: int, vehicle: Vehicle) -> float:
    """Cost of a tour to this stop alone if no limit held."""
    day = timetable(_unhurried(problem, at), _boundless(vehicle), ((at,),))
    assert day is not None, "nothing limits a day without limits"
    distance = distance_of(problem, vehicle, ((at,),))
    return vehicle.fixed + vehicle.per_distance * distance + vehicle.per_time * day.duration


def _short_load(problem: Problem) -> tuple[Reason, tuple[Reason, ...]] | None:
    """The dimension of load of which all required stops have more than the whole fleet carries, and the fewest stops
    that alone have too much."""
    for dimension, load in enumerate(problem.loads):
        room = sum(one.count * one.capacity[dimension] * one.max_trips for one in problem.vehicles)
        for kind in ("delivery", "pickup"):
            amounts = [(getattr(problem.stops[at], kind)[dimension], problem.stops[at].name) for at in problem.required]
            total = sum(amount for amount, _ in amounts)
            if total > room:
                amounts.sort(reverse=True)
                so_far, members = 0, list[Reason]()
                for amount, name in amounts:
                    so_far += amount
                    members.append(thing_stop(name))
                    if so_far > room:
                        break
                facts = {"load": load, "total": total, "room": room, "short": total - room}
                return Reason("route.too_much_load", facts), (*members, Reason("route.thing_fleet_load", facts))
    return None


def _searched(problem: Problem, at: int, feasible: Feasible, may_go_on: MayGoOn) -> tuple[Reason, tuple[Reason, ...]]:
    """Fewest stops found that, with this one, no plan serves: those with windows like its own are tried first."""
    own = problem.stops[at]
    others = sorted(
        (other for other in problem.required if other != at),
        key=lambda other: (abs(_middle(problem.stops[other]) - _middle(own)), other),
    )

    def conflicts(group: Sequence[int]) -> bool:
        return may_go_on() and not feasible(problem.only((at, *group)))

    size = 1
    while size <= len(others) and not conflicts(others[:size]):
        size *= 2
    group = others[:size]
    if size > len(others) and not conflicts(group):
        return Reason("route.not_found"), (thing_stop(own.name),)
    for other in list(group):
        if conflicts(smaller := [one for one in group if one != other]):
            group = smaller
    complete = may_go_on()
    members = tuple(thing_stop(problem.stops[one].name) for one in [at, *group])
    fleet = sum(one.count for one in problem.vehicles)
    facts = {"stops": len(members), "vehicles": fleet}
    why = Reason("route.together", facts) if complete else Reason("route.together_unfinished", facts)
    return why, (*members, Reason("route.thing_fleet", facts))


def _middle(stop: Stop) -> int:
    return stop.early + min(stop.late, NEVER)


def _options(problem: Problem, tours: Sequence[Driven], at: int) -> Iterator[Reason]:
    """What would make room for a stop that has none on these tours: another vehicle, a later window, more capacity."""
    stop = problem.stops[at]
    own = [
        (found.cost, problem.vehicles[number].name) for number in range(len(problem.vehicles))
        if (found := driven(problem, Tour(number, ((at,),))))
    ]  # fmt: skip
    if own:
        cost, name = min(own)
        yield Reason("route.option_vehicle", {"vehicle": name, "stop": stop.name, "cost": round(cost, 2)})
    patient, late, over = _unhurried(problem, at), [], []
    roomy = replace(problem, vehicles=tuple(
        replace(one, capacity=(NEVER,) * len(problem.loads)) for one in problem.vehicles
    ))  # fmt: skip
    for tour in tours:
        vehicle = problem.vehicles[tour.tour.vehicle]
        for wider in insertions(tour.tour, at):
            if found := driven(patient, wider):
                begin = next(visit.begin for visit in found.times.visits if visit.stop == at)
                late.append((begin - stop.late, found.cost - tour.cost, vehicle.name))
            elif found := driven(roomy, wider):
                trips = (overload(problem, vehicle, trip) for trip in wider.trips)
                by = [max(each) for each in zip(*trips, strict=True)]
                if sum(map(bool, by)) == 1:  # of several dimensions at once there is no single thing to relax
                    over.append((max(by), found.cost - tour.cost, vehicle.name, problem.loads[by.index(max(by))]))
    if late and min(late)[0] > 0:
        by_time, cost, name = min(late)
        told = {"stop": stop.name, "vehicle": name, "by": span(problem, by_time), "cost": round(cost, 2)}
        yield Reason("route.option_later", told)
    if over:
        by_load, cost, name, load = min(over)
        told = {"stop": stop.name, "vehicle": name, "load": load, "by": by_load, "cost": round(cost, 2)}
        yield Reason("route.option_capacity", told)
