"""A plan: tours with their times, loads and cost, counted from the problem and not taken from a solver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aislehub.supply.route.problem import Problem
from aislehub.supply.route.schedule import Timetable, distance_of, overload, timetable

__all__ = ["Driven", "Tour", "cost_of", "driven", "missed", "served"]


@dataclass(frozen=True)
class Tour:
    """A vehicle's day: position of its type, and its trips as positions of stops."""

    vehicle: int
    trips: tuple[tuple[int, ...], ...]

    @property
    def stops(self) -> tuple[int, ...]:
        """All its stops in order."""
        return tuple(at for trip in self.trips for at in trip)


@dataclass(frozen=True)
class Driven:
    """A tour as it is driven.

    Attributes:
        distance: in the problem's units.
        cost: of the vehicle, its distance and its time.
        load: delivered and taken back, per dimension.
    """

    tour: Tour
    times: Timetable
    distance: int
    cost: float
    delivered: tuple[int, ...]
    collected: tuple[int, ...]


def driven(problem: Problem, tour: Tour) -> Driven | None:
    """A tour with its times and cost; None if the problem forbids it (load, windows, hours, distance, trips)."""
    vehicle = problem.vehicles[tour.vehicle]
    times = timetable(problem, vehicle, tour.trips)
    distance = distance_of(problem, vehicle, tour.trips)
    if (
        times is None or distance > vehicle.max_distance or len(tour.trips) > vehicle.max_trips
        or any(any(overload(problem, vehicle, trip)) for trip in tour.trips)
    ):  # fmt: skip
        return None
    cost = vehicle.fixed + vehicle.per_distance * distance + vehicle.per_time * times.duration
    loads = [[getattr(problem.stops[at], kind) for at in tour.stops] for kind in ("delivery", "pickup")]
    delivered, collected = (tuple(map(sum, zip(*load, strict=True))) for load in loads)
    return Driven(tour, times, distance, cost, delivered, collected)


def served(tours: Iterable[Tour]) -> set[int]:
    """Positions of the stops on some tour."""
    return {at for tour in tours for at in tour.stops}


def missed(problem: Problem, tours: Iterable[Tour]) -> tuple[int, ...]:
    """Positions of the stops on no tour."""
    return tuple(sorted(set(range(len(problem.stops))) - served(tours)))


def cost_of(problem: Problem, tours: Sequence[Driven]) -> float:
    """Cost of tours, and the prizes of the optional stops that they leave out; rounded, for sums of decimals drift."""
    lost = sum(problem.stops[at].prize or 0.0 for at in missed(problem, [one.tour for one in tours]))
    return round(sum(one.cost for one in tours) + lost, 6)
