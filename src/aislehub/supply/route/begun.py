"""What of a tour cannot be changed any more at a moment of its day.

A stop stays once the vehicle has set out for it. So does the way back to the depot. Goods are on board from the moment
at which the loading of their trip begins, and nobody else has them. A vehicle that breaks down has done what it had
begun to serve; the goods of its other stops are loaded anew at the depot.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from aislehub.supply.route.plan import Driven, Tour
from aislehub.supply.route.problem import Begun, Break, Pause, Problem, Vehicle, Visit
from aislehub.supply.route.schedule import Trips

__all__ = ["begun_at", "breaks_left", "way_of"]


def begun_at(
    problem: Problem, one: Driven, now: int, *, cancelled: frozenset[int] = frozenset(), is_broken: bool = False
) -> Begun | None:
    """What has begun of a tour at `now`; None if not even its first loading has.

    Args:
        cancelled: stops that nobody wants any more; what has begun is kept all the same.
        is_broken: whether the vehicle drives no further.
    """
    if one.times.start > now:
        return None
    trips = _trips(problem, one)
    loaded = [visits for visits, loading in zip(trips, one.times.loadings, strict=True) if loading <= now]
    done: list[list[Visit]] = []
    ready = 0
    for visits, loading in zip(loaded, one.times.loadings, strict=False):
        ready = loading + problem.depots[problem.vehicles[one.tour.vehicle].start].loading
        done.append([])
        for visit in visits:
            if (visit.begin if is_broken else ready) > now:
                break
            done[-1].append(visit)
            ready = visit.leave
    is_back = not is_broken and len(done[-1]) == len(loaded[-1]) and ready <= now
    running = [] if is_back or is_broken else [visit.stop for visit in loaded[-1][len(done[-1]) :]]
    unwanted = [problem.stops[at].delivery for at in running if at in cancelled]
    begun = Begun(
        tuple(tuple(visit.stop for visit in visits) for visits in done), one.times.loadings[: len(done)],
        tuple(visit for visits in done for visit in visits), (),
        min(now, one.times.end) if is_broken else ready, 0, 0, is_back,
        frozenset(running) - cancelled, tuple(map(sum, zip((0,) * len(problem.loads), *unwanted, strict=True))),
        is_stranded=is_broken,
    )  # fmt: skip
    begun = _back(problem, one, begun) if is_back else begun
    place, distance = way_of(problem, one.tour, begun.trips, is_back)
    pauses = tuple(rest for rest in one.times.pauses if rest.begin < begun.free)
    return replace(begun, place=place, distance=distance, pauses=pauses)


def way_of(problem: Problem, tour: Tour, trips: Trips, is_back: bool) -> tuple[int, int]:
    """Where a vehicle is after the first `trips` of a tour, on which it may have got only part of the last one, and the
    distance driven until then."""
    vehicle = problem.vehicles[tour.vehicle]
    depot, places = problem.depots[vehicle.start].place, []
    for trip in trips:
        places += [depot, *(problem.stops[at].place for at in trip)]
    if is_back:
        is_home = len(trips) == len(tour.trips)
        places.append(problem.depots[vehicle.end if is_home else vehicle.start].place)
    return places[-1], sum(int(problem.distance[a, b]) for a, b in pairwise(places))


def breaks_left(vehicle: Vehicle, begun: Begun) -> tuple[Break, ...]:
    """The breaks that a driver still has to take: those not taken, and not over before the day began."""
    taken, left = list[Pause](begun.pauses), list[Break]()
    for rest in vehicle.breaks:
        own = next(
            (one for one in taken if rest.early <= one.begin <= rest.late and one.end - one.begin == rest.duration),
            None,
        )
        if own:
            taken.remove(own)
        elif rest.early + rest.duration > begun.loadings[0]:
            left.append(rest)
    return tuple(left)


# -- helpers -----------------------------------------------------------------------------------------


def _trips(problem: Problem, one: Driven) -> list[list[Visit]]:
    """A tour's visits by trip."""
    visits = iter(one.times.visits)
    return [[next(visits) for _ in trip] for trip in one.tour.trips]


def _back(problem: Problem, one: Driven, begun: Begun) -> Begun:
    """The way back to the depot, free on arrival; the day is over where no trip can follow."""
    vehicle = problem.vehicles[one.tour.vehicle]
    if len(begun.trips) == len(one.tour.trips):
        is_over = vehicle.start != vehicle.end or len(begun.trips) >= vehicle.max_trips
        return replace(begun, free=one.times.end, is_stranded=is_over)
    place, depot = problem.stops[begun.visits[-1].stop].place, problem.depots[vehicle.start].place
    rests = sum(
        rest.end - rest.begin for rest in one.times.pauses
        if begun.free <= rest.begin < one.times.loadings[len(begun.trips)]
    )  # fmt: skip
    return replace(begun, free=begun.free + int(problem.duration[place, depot]) + rests)
