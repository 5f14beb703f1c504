"""Today's rule: fixed areas around the depot, each driven by ear; beside it the money of a plan is counted.

Stops are taken by their angle around the depot, as areas are cut on a wall map, and each vehicle, the largest first,
gets stops until the next one does not fit. In its area a driver goes to the next nearest stop, those that close early
first if that is needed to be in time. What fits in no area is squeezed in where it costs least. The same rules are
checked as for a plan: load, windows, hours.

Source: Gillett & Miller (1974), the sweep, https://doi.org/10.1287/opre.22.2.340
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from aislehub.supply.route.conflict import insertions
from aislehub.supply.route.plan import Driven, Tour, driven, missed
from aislehub.supply.route.problem import FOREVER, Problem, Vehicle

__all__ = ["fixed_tours"]

MORNING = 4 * 3600  # stops that close within so much of the first one to close are driven to first


def fixed_tours(problem: Problem) -> tuple[Driven, ...]:
    """Tours by the rule; stops that they cannot take are on none of them.

    Args:
        problem: with latitude and longitude of its places.
    """
    tours: list[Driven] = []
    left = _by_angle(problem)
    for number in _largest_first(problem):
        area = _filled(problem, number, left)
        if area is not None:
            tours.append(area)
            left = [at for at in left if at not in area.tour.stops]
    tours = _again(problem, tours, left)
    for at in missed(problem, [one.tour for one in tours]):
        tours = _squeezed_in(problem, tours, at)
    return tuple(tours)


# -- helpers -----------------------------------------------------------------------------------------


def _by_angle(problem: Problem) -> list[int]:
    assert problem.places is not None, "areas are cut on a map"
    north, east = np.radians(problem.places).T
    depot = problem.depots[0].place
    stops = [stop.place for stop in problem.stops]
    angle = np.arctan2((east[stops] - east[depot]) * np.cos(north[depot]), north[stops] - north[depot])
    return [int(at) for at in np.argsort(angle, kind="stable")]


def _largest_first(problem: Problem) -> list[int]:
    """Position of the type of each vehicle."""
    fleet = [number for number, one in enumerate(problem.vehicles) for _ in range(min(one.count, len(problem.stops)))]
    return sorted(fleet, key=lambda number: [-amount for amount in problem.vehicles[number].capacity])


def _filled(problem: Problem, number: int, left: Sequence[int]) -> Driven | None:
    """A vehicle's area: stops from the first one on that it can serve at all, until one does not fit."""
    area, best = list[int](), None
    for at in left:
        wider = _driven_by_ear(problem, number, (), [*area, at])
        if wider is not None:
            area, best = [*area, at], wider
        elif area and driven(problem, Tour(number, ((at,),))):
            break
    return best


def _again(problem: Problem, tours: Sequence[Driven], left: Sequence[int]) -> list[Driven]:
    """Further trips of vehicles that may load again."""
    found, rest = list(tours), list(left)
    for place, one in enumerate(found):
        for _ in range(problem.vehicles[one.tour.vehicle].max_trips - 1):
            area = list[int]()
            before = found[place].tour.trips
            for at in rest:
                wider = _driven_by_ear(problem, one.tour.vehicle, before, [*area, at])
                if wider is not None:
                    area, found[place] = [*area, at], wider
            rest = [at for at in rest if at not in area]
    return found


def _driven_by_ear(
    problem: Problem, number: int, before: Sequence[Sequence[int]], area: Sequence[int]
) -> Driven | None:
    """The cheapest of a driver's simple orders of an area that keeps the rules, after other trips."""
    vehicle = problem.vehicles[number]
    trips = [tuple(trip) for trip in before]
    found = [driven(problem, Tour(number, (*trips, order))) for order in _orders(problem, vehicle, area)]
    return min((one for one in found if one is not None), key=lambda one: one.cost, default=None)


def _orders(problem: Problem, vehicle: Vehicle, area: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """To the next nearest stop; and the same, but first to those that close early and last to those that open late."""
    start = problem.depots[vehicle.start].place
    yield _nearest(problem, start, area)
    stops = problem.stops
    closing = min(stops[at].late for at in area)
    early = [at for at in area if stops[at].late <= min(closing + MORNING, FOREVER - 1)]
    opening = max(stops[at].early for at in area)
    late = [at for at in area if at not in early and stops[at].early >= opening > 0]
    between = [at for at in area if at not in early and at not in late]
    found: tuple[int, ...] = ()
    for group in (early, between, late):
        found += _nearest(problem, stops[found[-1]].place if found else start, group)
    yield found


def _nearest(problem: Problem, place: int, area: Sequence[int]) -> tuple[int, ...]:
    left, found = list(area), []
    while left:
        following = min(left, key=lambda at: (problem.duration[place, problem.stops[at].place], at))
        left.remove(following)
        found.append(following)
        place = problem.stops[following].place
    return tuple(found)


def _squeezed_in(problem: Problem, tours: Sequence[Driven], at: int) -> list[Driven]:
    """The tours with one more stop at its cheapest place, if there is one."""
    wider = [
        (found.cost - one.cost, place, found) for place, one in enumerate(tours) for tour in insertions(one.tour, at)
        if (found := driven(problem, tour))
    ]  # fmt: skip
    if not wider:
        return list(tours)
    _, place, found = min(wider, key=lambda one: one[:2])
    return [found if number == place else one for number, one in enumerate(tours)]
