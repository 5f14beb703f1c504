"""A plan: tours with their times, loads and cost, counted from the problem and not taken from a solver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from aislehub.supply.route.problem import Problem, Vehicle
from aislehub.supply.route.schedule import Timetable, Trips, distance_of, overload, timetable

__all__ = ["Driven", "Tour", "cost_of", "driven", "kept", "missed", "nobody", "served", "timed", "tours_to"]


@dataclass(frozen=True)
class Tour:
    """A vehicle's day.

    Attributes:
        vehicle: position of its type.
        trips: positions of stops; what the vehicle has begun comes first.
        held: stops whose promised time is kept, by waiting if need be.
    """

    vehicle: int
    trips: tuple[tuple[int, ...], ...]
    held: frozenset[int] = frozenset()

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
    """A tour with its times and cost; None if the problem forbids it (load, windows, hours, distance, trips, access,
    or a beginning other than what has begun)."""
    vehicle = problem.vehicles[tour.vehicle]
    times = timetable(problem, vehicle, tour.trips, tour.held)
    distance = distance_of(problem, vehicle, tour.trips)
    if (
        times is None or distance > vehicle.max_distance or len(tour.trips) > vehicle.max_trips
        or not _may(problem, tour) or any(map(any, _overloads(problem, vehicle, tour.trips)))
    ):  # fmt: skip
        return None
    return timed(problem, tour, times, distance)


def timed(problem: Problem, tour: Tour, times: Timetable, distance: int) -> Driven:
    """A tour with times that are known, and what it costs."""
    vehicle = problem.vehicles[tour.vehicle]
    cost = vehicle.fixed + vehicle.per_distance * distance + vehicle.per_time * times.duration
    loads = [[getattr(problem.stops[at], kind) for at in tour.stops] for kind in ("delivery", "pickup")]
    delivered, collected = (
        tuple(map(sum, zip(*load, strict=True))) if load else (0,) * len(problem.loads) for load in loads
    )
    return Driven(tour, times, distance, cost, delivered, collected)


def tours_to(problem: Problem, number: int, at: int) -> Iterator[Tour]:
    """Tours of a vehicle that serve one stop, beside what it has begun."""
    begun = problem.vehicles[number].begun
    if begun and not begun.is_back:
        yield Tour(number, (*begun.trips[:-1], (*begun.trips[-1], at)))
    yield Tour(number, (*(begun.trips if begun else ()), (at,)))


def nobody(problem: Problem) -> list[Tour] | None:
    """The tours where no vehicle can be told anything new: what has begun; None if a required stop is left."""
    tours = [Tour(number, one.begun.trips) for number, one in enumerate(problem.vehicles) if one.begun]
    return None if set(problem.required) - problem.frozen else tours


def served(tours: Iterable[Tour]) -> set[int]:
    """Positions of the stops on some tour."""
    return {at for tour in tours for at in tour.stops}


def missed(problem: Problem, tours: Iterable[Tour]) -> tuple[int, ...]:
    """Positions of the stops on no tour."""
    return tuple(sorted(set(range(len(problem.stops))) - served(tours)))


def kept(problem: Problem, tours: Iterable[Driven]) -> set[int]:
    """Stops whose promise is kept, by vehicle and time, however that came about."""
    return {
        visit.stop for one in tours for visit in one.times.visits
        if (promise := problem.stops[visit.stop].promise)
        and promise.vehicle == one.tour.vehicle and promise.early <= visit.begin <= promise.late
    }  # fmt: skip


def cost_of(problem: Problem, tours: Sequence[Driven]) -> float:
    """Cost of tours, and the prizes of the optional stops that they leave out; rounded, for sums of decimals drift."""
    lost = sum(problem.stops[at].prize or 0.0 for at in missed(problem, [one.tour for one in tours]))
    return round(sum(one.cost for one in tours) + lost, 6)


# -- helpers -----------------------------------------------------------------------------------------


def _may(problem: Problem, tour: Tour) -> bool:
    """Whether the vehicle may serve each of its stops, and has the goods of each."""
    begun = problem.vehicles[tour.vehicle].begun
    running = tour.trips[len(begun.trips) - 1][len(begun.trips[-1]) :] if begun and not begun.is_back else ()
    return all(
        (only := problem.stops[at].only) is None or tour.vehicle in only for at in tour.stops
    ) and all(
        begun is None or at in begun.on_board or not any(problem.stops[at].delivery) for at in running
    )  # fmt: skip


def _overloads(problem: Problem, vehicle: Vehicle, trips: Trips) -> Iterator[tuple[int, ...]]:
    """Overload of each trip; on the one that runs, goods that are brought later or by nobody ride along."""
    begun = vehicle.begun
    for number, trip in enumerate(trips):
        more: tuple[int, ...] = ()
        if begun and not begun.is_back and number == len(begun.trips) - 1:
            later = [problem.stops[at].delivery for at in begun.on_board - set(trip)]
            more = tuple(map(sum, zip(begun.aboard, *later, strict=True)))
        yield overload(problem, vehicle, trip, more)
