"""A plan that runs, read back from the JSON that `aislehub route` wrote, with its exact times."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from aislehub.core.errors import HubError, did_you_mean
from aislehub.supply.route.begun import way_of
from aislehub.supply.route.document import read_as
from aislehub.supply.route.plan import Driven, Tour, driven, timed
from aislehub.supply.route.problem import Pause, Problem, Visit
from aislehub.supply.route.schedule import Timetable, distance_of

__all__ = ["Exact", "Running", "exact_times", "read_running", "timed_exactly"]

Id = Annotated[str, Field(coerce_numbers_to_str=True)]
NEAR = 1e-6  # relative difference of distances that is rounding


@dataclass(frozen=True)
class Running:
    """A plan that runs.

    Attributes:
        broken: positions of the tours whose vehicle has broken down.
        cancelled: stops that nobody wants any more.
    """

    tours: tuple[Driven, ...]
    broken: frozenset[int]
    cancelled: frozenset[int]


class Exact(BaseModel):
    """A tour's times as `exact_times` tells them."""

    model_config = ConfigDict(extra="forbid")
    start: int
    end: int
    loadings: list[int]
    visits: list[tuple[int, int, int]]
    breaks: list[tuple[int, int]]


class _Tour(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)
    vehicle: Id
    distance: float
    trips: list[list[Id]]
    broken: bool = False
    exact: Exact | None = None


class _Running(BaseModel):
    model_config = ConfigDict(extra="ignore")
    tours: list[_Tour]
    cancelled: list[Id] = Field(default_factory=list)


def exact_times(one: Driven) -> dict[str, Any]:
    """A tour's times in the problem's own whole units, which are not rounded for reading."""
    times = one.times
    return {
        "start": times.start, "end": times.end, "loadings": list(times.loadings),
        "visits": [[visit.arrive, visit.begin, visit.leave] for visit in times.visits],
        "breaks": [[rest.begin, rest.end] for rest in times.pauses],
    }  # fmt: skip


def read_running(path: Path, problem: Problem) -> Running:
    """Read the tours of a plan of this problem.

    Stops of the problem that are on no tour may have come in since. Where the file has no exact times, they are counted
    anew.

    Raises:
        HubError: `file.missing`, `file.unreadable`, `route.invalid`, and `route.other_plan_…` where the plan is not one
            of this problem.
    """
    told = read_as(path, _Running)
    vehicles, stops = [one.name for one in problem.vehicles], [one.name for one in problem.stops]
    found, used, seen = list[Driven](), Counter[int](), Counter[int]()
    for number, tour in enumerate(told.tours, start=1):
        kind = _known(path, tour.vehicle, vehicles, "vehicle")
        trips = tuple(tuple(_known(path, name, stops, "stop") for name in trip) for trip in tour.trips)
        found.append(_driven(path, problem, number, tour, Tour(kind, trips)))
        used[kind] += 1
        seen.update(found[-1].tour.stops)
    for kind, count in used.items():
        if count > problem.vehicles[kind].count:
            known = {"vehicle": vehicles[kind], "tours": count, "count": problem.vehicles[kind].count}
            raise HubError("route.other_plan_count", file=path, **known)
    for at, count in seen.items():
        if count > 1:
            raise HubError("route.other_plan_twice", file=path, stop=stops[at], tours=count)
    broken = frozenset(number for number, tour in enumerate(told.tours) if tour.broken)
    return Running(tuple(found), broken, frozenset(_known(path, name, stops, "stop") for name in told.cancelled))


def timed_exactly(problem: Problem, tour: Tour, exact: Exact | None, distance: int) -> Driven | None:
    """A tour with the exact times that were written down, else as they are counted; None if it has other stops than
    these times, or the problem forbids it."""
    if exact is None:
        return driven(problem, tour)
    if len(exact.visits) != len(tour.stops) or len(exact.loadings) != len(tour.trips):
        return None
    visits = tuple(Visit(at, *times) for at, times in zip(tour.stops, exact.visits, strict=True))
    pauses = tuple(Pause(*rest) for rest in exact.breaks)
    times = Timetable(exact.start, exact.end, tuple(exact.loadings), visits, pauses)
    return timed(problem, tour, times, distance)


# -- helpers -----------------------------------------------------------------------------------------


def _known(path: Path, name: str, known: list[str], kind: str) -> int:
    if name not in known:
        raise HubError(f"route.other_plan_{kind}", file=path, id=name, suggestion=did_you_mean(name, known))
    return known.index(name)


def _driven(path: Path, problem: Problem, number: int, told: _Tour, tour: Tour) -> Driven:
    """The tour with its times; its distance shows whether it was planned on the same distances."""
    if told.broken:  # it did not drive home
        _, distance = way_of(problem, tour, tour.trips, is_back=False)
    else:
        distance = distance_of(problem, problem.vehicles[tour.vehicle], tour.trips)
    if abs(distance / problem.step - told.distance) > NEAR * max(distance / problem.step, told.distance, 1):
        facts = {"tour": number, "told": f"{told.distance:g}", "distance": f"{distance / problem.step:g}"}
        raise HubError("route.other_plan_distance", file=path, **facts)
    one = timed_exactly(problem, tour, told.exact, distance)
    if one is None:
        raise HubError("route.other_plan_rules", file=path, tour=number)
    return one
