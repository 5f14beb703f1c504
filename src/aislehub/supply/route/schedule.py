"""When a vehicle is where: the shortest day that serves given stops in a given order.

A day starts as late as it can without ending later, so no driver waits for nothing. The rules are those of the problem
and of no solver: whatever a solver proposes is timed again here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from aislehub.supply.route.problem import Problem, Vehicle

__all__ = ["Pause", "Timetable", "Trips", "Visit", "distance_of", "legs_of", "overload", "timetable"]

Trips = Sequence[Sequence[int]]
"""Positions of the stops of each trip, in order; between two trips the vehicle loads at its first depot."""


@dataclass(frozen=True)
class Visit:
    """One stop of a tour: arrival, begin of service (later, if the vehicle has to wait) and departure."""

    stop: int
    arrive: int
    begin: int
    leave: int


@dataclass(frozen=True)
class Pause:
    """A break that the driver takes."""

    begin: int
    end: int


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


def timetable(problem: Problem, vehicle: Vehicle, trips: Trips) -> Timetable | None:
    """The shortest day, of equal ones the earliest; None if windows, shift, breaks or hours forbid the tour.

    A break falls on one leg of the tour, or before its start or after its end where its window allows that; all ways to
    lay them out are tried, for a driver has few.
    """
    legs = sum(len(trip) + 1 for trip in trips)
    found = []
    for chosen in combinations_with_replacement(range(-1, legs + 1), len(vehicle.breaks)):
        first = _drive(problem, vehicle, trips, vehicle.early, chosen)
        if first is not None:
            day = _latest_start(problem, vehicle, trips, chosen, first)
            if day.duration <= vehicle.max_duration:
                found.append(day)
    return min(found, key=lambda day: (day.duration, day.end)) if found else None


def distance_of(problem: Problem, vehicle: Vehicle, trips: Trips) -> int:
    """Distance driven on a tour."""
    return sum(int(problem.distance[a, b]) for a, b in legs_of(problem, vehicle, trips))


def legs_of(problem: Problem, vehicle: Vehicle, trips: Trips) -> Iterator[tuple[int, int]]:
    """Places between which the vehicle drives."""
    for number, trip in enumerate(trips):
        last = vehicle.end if number == len(trips) - 1 else vehicle.start
        places = [problem.depots[vehicle.start].place, *(problem.stops[at].place for at in trip)]
        yield from zip(places, [*places[1:], problem.depots[last].place], strict=True)


def overload(problem: Problem, vehicle: Vehicle, trip: Sequence[int]) -> tuple[int, ...]:
    """By how much each dimension of load exceeds the vehicle at the worst moment of a trip; 0 where it fits."""
    over = []
    for dimension, capacity in enumerate(vehicle.capacity):
        load = most = sum(problem.stops[at].delivery[dimension] for at in trip)
        for at in trip:
            load += problem.stops[at].pickup[dimension] - problem.stops[at].delivery[dimension]
            most = max(most, load)
        over.append(max(most - capacity, 0))
    return tuple(over)


# -- helpers -----------------------------------------------------------------------------------------


def _latest_start(
    problem: Problem, vehicle: Vehicle, trips: Trips, chosen: Sequence[int], first: Timetable
) -> Timetable:
    """The same day, started as late as its end allows: the end as a function of the start is flat, then rises by 1."""
    best, low, high = first, first.start, first.end
    while low < high:
        middle = (low + high + 1) // 2
        day = _drive(problem, vehicle, trips, middle, chosen)
        if day is not None and day.end == first.end:
            best, low = day, middle
        else:
            high = middle - 1
    return best


def _drive(problem: Problem, vehicle: Vehicle, trips: Trips, start: int, chosen: Sequence[int]) -> Timetable | None:
    """The day as it goes when it starts at `start`, each break on its chosen leg; None if something comes too late."""
    duration, leg = problem.duration, 0
    before = [rest for rest, on in zip(vehicle.breaks, chosen, strict=True) if on < 0]
    now = max([start, *(rest.early + rest.duration for rest in before)])
    loadings, visits, pauses = [], [], []
    for number, trip in enumerate(trips):
        depot = problem.depots[vehicle.start]
        now = max(now, depot.early)
        if now > depot.late:
            return None
        loadings.append(now)
        now += depot.loading
        place = depot.place
        for at in [*trip, None]:
            target = problem.depots[vehicle.end if number == len(trips) - 1 else vehicle.start]
            there = target if at is None else problem.stops[at]
            arrival = now + int(duration[place, there.place])
            for rest in (one for one, on in zip(vehicle.breaks, chosen, strict=True) if on == leg):
                begin = max(now, rest.early)
                if begin > rest.late:
                    return None
                pauses.append(Pause(begin, begin + rest.duration))
                arrival = max(arrival, rest.early) + rest.duration
                now = begin + rest.duration
            leg, place = leg + 1, there.place
            if at is None:
                now = arrival
                continue
            begin = max(arrival, there.early)
            if begin > there.late:
                return None
            now = begin + problem.stops[at].service
            visits.append(Visit(at, arrival, begin, now))
    after = (rest.late for rest, on in zip(vehicle.breaks, chosen, strict=True) if on == leg)
    if now > min(vehicle.late, problem.depots[vehicle.end].late, *after):
        return None
    began = loadings[0]
    return Timetable(began, now, tuple(loadings), tuple(visits), tuple(pauses))
