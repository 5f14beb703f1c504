"""A tour as it is really driven: what its driver has reported, and how the rest goes on from there.

    planned times ─> reported stops with their own times ─> the others, one after the other, from where the vehicle is

Where nothing is reported of a tour, it is taken to run as planned, or as late as somebody says it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aislehub.supply.route.plan import Driven, timed
from aislehub.supply.route.problem import Pause, Problem, Visit
from aislehub.supply.route.schedule import Timetable, distance_of

__all__ = ["Report", "as_driven"]

DAY = 24 * 3600
LONGEST = 2 * DAY  # a report from another time than the tour's day says that it was done, and not when


@dataclass(frozen=True)
class Report:
    """What is known of a stop: arrival and departure in seconds of the tour's day; no departure = still there."""

    arrived: int
    left: int | None = None


def as_driven(problem: Problem, one: Driven, reports: Sequence[Report | None], now: int, late: int = 0) -> Driven:
    """The tour with what has been reported until now.

    Reported stops come first, in the order in which they were visited; those of a trip that is followed by a reported
    one are taken as visited, too. A stop that is next and not reported is not reached before now.

    Args:
        reports: one for each visit of the tour, in its order.
        late: seconds by which the vehicle is behind its plan.
    """
    planned = dict(zip((visit.stop for visit in one.times.visits), one.times.visits, strict=True))
    told = {visit.stop: _visit(visit, report, now) for visit, report in zip(one.times.visits, reports, strict=True)
            if report}  # fmt: skip
    if not told and not late:
        return one
    reached = max((number for number, trip in enumerate(one.tour.trips) if set(trip) & set(told)), default=-1)
    trips = tuple(
        (*sorted(set(trip) & set(told), key=lambda at: (told[at].arrive, at)), *(at for at in trip if at not in told))
        for trip in one.tour.trips
    )
    vehicle = problem.vehicles[one.tour.vehicle]
    depot = problem.depots[vehicle.start]
    behind = 0 if one.times.start <= now else late  # what is loaded is loaded
    pauses, waiting = list[Pause](), list(one.times.pauses)
    visits, loadings = list[Visit](), list[int]()
    place, free = depot.place, one.times.start + behind

    def arrival(there: int) -> int:
        """When the vehicle gets somewhere; a break that is due on the way is taken on it."""
        at = free + int(problem.duration[place, there])
        while waiting and waiting[0].begin < at:
            rest = waiting.pop(0)
            begin = max(free, rest.begin)
            pauses.append(Pause(begin, begin + rest.end - rest.begin))
            at += rest.end - rest.begin
        return at

    for number, (trip, planned_at) in enumerate(zip(trips, one.times.loadings, strict=True)):
        if number:
            free, place = arrival(depot.place), depot.place
        reached_at = [told[at].arrive for at in trip if at in told]
        loadings.append(min([max(free, planned_at + behind), *reached_at]))
        free = loadings[-1] + depot.loading
        for at in trip:
            stop = problem.stops[at]
            if at in told:
                visits.append(told[at])
            elif number < reached:
                visits.append(_visit(planned[at], Report(planned[at].arrive, planned[at].leave), now))
            else:
                # The delay is that of now: waiting before now has not made up for it.
                is_behind = all(visit.stop in told for visit in visits) or planned[visits[-1].stop].leave <= now
                reaches = max(arrival(stop.place), now if told else 0, planned[at].arrive + late if is_behind else 0)
                begin = max(reaches, stop.early)
                visits.append(Visit(at, reaches, begin, begin + stop.service))
            while waiting and waiting[0].begin < visits[-1].arrive:
                pauses.append(waiting.pop(0))
            place, free = stop.place, visits[-1].leave
    end = arrival(problem.depots[vehicle.end].place)
    times = Timetable(loadings[0], end, tuple(loadings), tuple(visits), tuple(pauses))
    tour = replace(one.tour, trips=trips)
    return timed(problem, tour, times, distance_of(problem, vehicle, trips))


# -- helpers -----------------------------------------------------------------------------------------


def _visit(planned: Visit, report: Report, now: int) -> Visit:
    """A visit as it was reported, which is over by now or goes on until its vehicle leaves."""
    is_of_the_day = 0 <= report.arrived < LONGEST
    arrive = min(report.arrived if is_of_the_day else planned.arrive, now)
    if report.left is None:
        return Visit(planned.stop, arrive, arrive, max(arrive + planned.leave - planned.begin, now))
    left = report.left if is_of_the_day else planned.leave
    return Visit(planned.stop, arrive, arrive, max(min(left, now), arrive))
