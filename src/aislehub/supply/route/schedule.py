"""When a vehicle is where: the shortest day that serves given stops in a given order.

A day starts as late as it can without ending later, so no driver waits for nothing. The rules are those of the problem
and of no solver: whatever a solver proposes is timed again here. Of a day that has begun, only the rest is timed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, pairwise

from aislehub.supply.route.problem import Pause, Problem, Vehicle, Visit

__all__ = ["Timetable", "Trips", "distance_of", "is_keepable", "legs_of", "overload", "timetable", "window"]

Trips = Sequence[Sequence[int]]
"""Positions of the stops of each trip, in order; between two trips the vehicle loads at its first depot."""


@dataclass(frozen=True)
class Timetable:
    """A vehicle's day: from its first loading to its return.

    Attributes:
        loadings: when the loading of each trip begins.
    """

    start: int
    end: int
    loadings: tuple[int, ...]
    visits: tuple[Visit, ...]
    pauses: tuple[Pause, ...]

    @property
    def duration(self) -> int:
        return self.end - self.start


def timetable(problem: Problem, vehicle: Vehicle, trips: Trips, held: Collection[int] = ()) -> Timetable | None:
    """The shortest day, of equal ones the earliest; None if windows, shift, breaks or hours forbid the tour, or if it
    begins otherwise than the vehicle has begun.

    A break falls on one leg of the tour, or before its start or after its end where its window allows that; all ways to
    lay them out are tried, for a driver has few.

    Args:
        held: stops whose promised time is kept; for the others their own window is enough.
    """
    calls = _calls(vehicle, trips)
    if calls is None:
        return None
    legs = sum(not call.is_loading for call in calls)
    found = []
    for chosen in combinations_with_replacement(range(-1, legs + 1), len(vehicle.breaks)):
        start = vehicle.begun.free if vehicle.begun else vehicle.early
        day = _drive(problem, vehicle, calls, held, start, chosen)
        if day is not None and vehicle.begun is None:
            day = _latest_start(problem, vehicle, calls, held, chosen, day)
        if day is not None and day.duration <= vehicle.max_duration:
            found.append(day)
    return min(found, key=lambda day: (day.duration, day.end)) if found else None


def distance_of(problem: Problem, vehicle: Vehicle, trips: Trips) -> int:
    """Distance driven on a tour that begins as the vehicle has begun."""
    done = vehicle.begun.distance if vehicle.begun else 0
    return done + sum(int(problem.distance[a, b]) for a, b in legs_of(problem, vehicle, trips))


def legs_of(problem: Problem, vehicle: Vehicle, trips: Trips) -> Iterator[tuple[int, int]]:
    """Places between which the vehicle drives; of a day that has begun, still has to drive."""
    place = vehicle.begun.place if vehicle.begun else problem.depots[vehicle.start].place
    calls = _calls(vehicle, trips) or []
    return pairwise([place, *(_place(problem, call) for call in calls if not call.is_loading)])


def overload(problem: Problem, vehicle: Vehicle, trip: Sequence[int], more: Sequence[int] = ()) -> tuple[int, ...]:
    """By how much each dimension of load exceeds the vehicle at the worst moment of a trip; 0 where it fits.

    Args:
        more: load that it has with it all the way, per dimension.
    """
    over = []
    for dimension, capacity in enumerate(vehicle.capacity):
        load = most = sum(problem.stops[at].delivery[dimension] for at in trip)
        for at in trip:
            load += problem.stops[at].pickup[dimension] - problem.stops[at].delivery[dimension]
            most = max(most, load)
        over.append(max(most + (more[dimension] if more else 0) - capacity, 0))
    return tuple(over)


def window(problem: Problem, at: int, held: bool) -> tuple[int, int]:
    """When the service of a stop may begin: its own window, narrowed to the promised time where that is kept."""
    stop = problem.stops[at]
    if stop.promise is None or not held:
        return stop.early, stop.late
    return max(stop.early, stop.promise.early), min(stop.late, stop.promise.late)


def is_keepable(problem: Problem, at: int) -> bool:
    """Whether a stop has a promise that its window and access allow to keep."""
    stop = problem.stops[at]
    early, late = window(problem, at, True)
    return stop.promise is not None and early <= late and (stop.only is None or stop.promise.vehicle in stop.only)


# -- helpers -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Call:
    """Something a vehicle does: it drives to a stop or a depot, or loads at the depot where it is."""

    stop: int | None = None
    depot: int = 0
    is_loading: bool = False


def _calls(vehicle: Vehicle, trips: Trips) -> list[_Call] | None:
    """All that is left to do, in order; None if the trips begin otherwise than the vehicle has begun."""
    begun = vehicle.begun
    left = [list(trip) for trip in trips]
    is_loaded = begun is not None and not begun.is_back
    if begun:
        done = [list(trip) for trip in begun.trips]
        running = done.pop() if is_loaded else []
        if left[: len(done)] != done:
            return None
        left = left[len(done) :]
        if is_loaded and (not left or left[0][: len(running)] != running):
            return None
        if is_loaded:
            left[0] = left[0][len(running) :]
        if begun.is_stranded:
            return [] if not any(left) else None
    calls: list[_Call] = []
    for number, trip in enumerate(left):
        if number or not is_loaded:
            calls += [_Call(depot=vehicle.start)] if number else []
            calls.append(_Call(depot=vehicle.start, is_loading=True))
        calls += [_Call(stop=at) for at in trip]
    return [*calls, _Call(depot=vehicle.end)]


def _place(problem: Problem, call: _Call) -> int:
    return problem.depots[call.depot].place if call.stop is None else problem.stops[call.stop].place


def _latest_start(
    problem: Problem, vehicle: Vehicle, calls: Sequence[_Call], held: Collection[int], chosen: Sequence[int],
    first: Timetable,
) -> Timetable:  # fmt: skip
    """The same day, started as late as its end allows: the end as a function of the start is flat, then rises by 1."""
    best, low, high = first, first.start, first.end
    while low < high:
        middle = (low + high + 1) // 2
        day = _drive(problem, vehicle, calls, held, middle, chosen)
        if day is not None and day.end == first.end:
            best, low = day, middle
        else:
            high = middle - 1
    return best


def _drive(
    problem: Problem, vehicle: Vehicle, calls: Sequence[_Call], held: Collection[int], start: int,
    chosen: Sequence[int],
) -> Timetable | None:  # fmt: skip
    """The day as it goes on from `start`, each break on its chosen leg; None if something comes too late."""
    begun, leg = vehicle.begun, 0
    before = [rest for rest, on in zip(vehicle.breaks, chosen, strict=True) if on < 0]
    now = max([start, *(rest.early + rest.duration for rest in before)])
    if begun and now > start:
        return None  # what has begun did not wait for a break
    place = begun.place if begun else problem.depots[vehicle.start].place
    loadings, visits, pauses = ([*begun.loadings], [*begun.visits], [*begun.pauses]) if begun else ([], [], [])
    for call in calls:
        if call.is_loading:
            depot = problem.depots[call.depot]
            now = max(now, depot.early)
            if now > depot.late:
                return None
            loadings.append(now)
            now += depot.loading
            continue
        there = _place(problem, call)
        arrival = now + int(problem.duration[place, there])
        for rest in (one for one, on in zip(vehicle.breaks, chosen, strict=True) if on == leg):
            begin = max(now, rest.early)
            if begin > rest.late:
                return None
            pauses.append(Pause(begin, begin + rest.duration))
            arrival = max(arrival, rest.early) + rest.duration
            now = begin + rest.duration
        leg, place, now = leg + 1, there, arrival
        if call.stop is not None:
            early, late = window(problem, call.stop, call.stop in held)
            begin = max(arrival, early)
            if begin > late:
                return None
            now = begin + problem.stops[call.stop].service
            visits.append(Visit(call.stop, arrival, begin, now))
    after = (rest.late for rest, on in zip(vehicle.breaks, chosen, strict=True) if on == leg)
    if calls and now > min(vehicle.late, problem.depots[vehicle.end].late, *after):
        return None
    return Timetable(loadings[0], now, tuple(loadings), tuple(visits), tuple(pauses))
