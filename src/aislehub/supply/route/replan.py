"""A day that is running, planned anew: what is driven stays, cancelled stops leave, new ones come in, few are moved.

Each stop that is still to be served was promised its vehicle and its time. A promise may be broken where that saves
more than `move_weight`, and a vehicle may wait to keep one. So the plan is cheapest in cost + `move_weight` × stops
moved: at 0 the rest of the day is planned as if nobody had been told anything, at a very high weight nothing moves that
does not have to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from aislehub.core.errors import HubError
from aislehub.core.reasons import Reason
from aislehub.supply.route.begun import begun_at, breaks_left
from aislehub.supply.route.document import moment
from aislehub.supply.route.plan import Driven, Tour, kept
from aislehub.supply.route.problem import Begun, Problem, Promise, Stop, Vehicle
from aislehub.supply.route.solve import Plan, plan_routes

__all__ = ["SECONDS", "SHIFT", "Replanned", "replan"]

SHIFT = 15  # minutes of a real day, or units of a benchmark's time, by which the begin of a service may be off
SECONDS = 1.2  # by the clock no more than 1.8, for somebody waits for it


@dataclass(frozen=True)
class Replanned:
    """A day with its rest planned anew.

    Attributes:
        plan: of the whole day, what is driven included. Its vehicles are single ones: those of the running tours in
            their order, then those that stand by. Cancelled stops are not in its problem.
        before: the running tours, in positions of the problem given.
        numbers: for each vehicle of the plan the position of its running tour; None = it stood by.
        stops: for each stop of the plan its position in the problem given.
        rest: the plan's problem in positions of the one given, cancelled stops included.
        promised: stops that were still to be served, in positions of the problem given, as are the next two.
        moved: those of them that another vehicle serves, or nobody, or that begin more than `shift` sooner or later.
        cancelled: stops that leave.
        too_late: what was asked for and cannot be done any more.
        move_weight: what moving a stop had to save.
    """

    plan: Plan
    before: tuple[Driven, ...]
    numbers: tuple[int | None, ...]
    stops: tuple[int, ...]
    rest: Problem
    promised: frozenset[int]
    moved: frozenset[int]
    cancelled: frozenset[int]
    too_late: tuple[Reason, ...]
    now: int
    move_weight: float
    shift: int


def replan(
    problem: Problem,
    tours: Sequence[Driven],
    *,
    now: int,
    without: Collection[int] = (),
    broken: Collection[int] = (),
    seconds: float = SECONDS,
    seed: int = 0,
    rounds: int | None = None,
    move_weight: float | None = None,
    shift: int | None = None,
    told: Sequence[Driven] | None = None,
    ready: Mapping[int, int] | None = None,
) -> Replanned:
    """Plan the rest of a running day.

    Args:
        problem: as it is known now; stops that are on no tour are new.
        tours: of the running plan.
        now: in the problem's time.
        without: stops that are cancelled.
        broken: positions in `tours` of the vehicles that have broken down.
        seconds, seed, rounds: of the search, as in `plan_routes`.
        move_weight: cost that moving a stop must save; by default the mean cost per stop of the running plan.
        shift: time by which the begin of a service may be off before the stop counts as moved; by default 15 minutes.
        told: the tours as their customers know them, where vehicles have fallen behind; by default `tours`.
        ready: position of a tour that has not begun → time before which its vehicle cannot start.

    Raises:
        HubError: `route.day_over` if all vehicles are back, and what `plan_routes` raises.
    """
    last = max((one.times.end for one in tours), default=now)
    if now > last:
        raise HubError("route.day_over", at=moment(problem, now), last=moment(problem, last))
    if move_weight is None:
        move_weight = sum(one.cost for one in tours) / max(sum(len(one.tour.stops) for one in tours), 1)
    if shift is None:
        shift = SHIFT * (60 if problem.is_clock else problem.step)
    begun = [
        begun_at(problem, one, now, cancelled=frozenset(without), is_broken=number in broken)
        for number, one in enumerate(tours)
    ]  # fmt: skip
    frozen = frozenset(at for one in begun if one for at in one.stops)
    cancelled = frozenset(without) - frozen
    # A vehicle that broke down before its day began has none.
    driving = [number for number in range(len(tours)) if begun[number] or number not in broken]
    promises = {
        visit.stop: Promise(vehicle, visit.begin - shift, visit.begin + shift, move_weight)
        for vehicle, number in enumerate(driving) if number not in broken
        for visit in (told or tours)[number].times.visits if visit.stop not in frozen | cancelled
    }  # fmt: skip
    rest = _rest_of_day(problem, tours, begun, driving, promises, now, ready or {})
    stops = [at for at in range(len(problem.stops)) if at not in cancelled]
    place = {at: position for position, at in enumerate(stops)}
    start = [
        tour for vehicle, number in enumerate(driving)
        if (tour := _as_it_was(tours[number], begun[number], vehicle, number in broken, place, frozenset(promises)))
    ]  # fmt: skip
    plan = plan_routes(rest.only(stops), seconds=seconds, seed=seed, rounds=rounds, start=start)
    plan = replace(plan, tours=tuple(sorted(plan.tours, key=lambda one: one.tour.vehicle)))
    promised = {at for one in tours for at in one.tour.stops} - frozen - cancelled
    return Replanned(
        plan, tuple(tours), (*driving, *[None] * (len(rest.vehicles) - len(driving))), tuple(stops), rest,
        frozenset(promised), frozenset(promised - {stops[at] for at in kept(plan.problem, plan.tours)}), cancelled,
        tuple(_too_late(problem, tours, at, now) for at in sorted(frozen & frozenset(without))),
        now, move_weight, shift,
    )  # fmt: skip


# -- helpers -----------------------------------------------------------------------------------------


def _rest_of_day(
    problem: Problem, tours: Sequence[Driven], begun: Sequence[Begun | None], driving: Sequence[int],
    promises: dict[int, Promise], now: int, ready: Mapping[int, int],
) -> Problem:  # fmt: skip
    """The problem with its vehicles where they are, and with what was promised to whom."""
    kinds = [tours[number].tour.vehicle for number in driving]
    vehicles = [
        _under_way(problem, problem.vehicles[kind], begun[number], max(now, ready.get(number, now)))
        for number, kind in zip(driving, kinds, strict=True)
    ]
    used = Counter(one.tour.vehicle for one in tours)
    for kind, one in enumerate(problem.vehicles):
        if one.count > used[kind]:
            vehicles.append(replace(one, count=one.count - used[kind], early=max(one.early, now)))
            kinds.append(kind)
    owner = {
        at: vehicle for vehicle, one in enumerate(vehicles) if one.begun for at in one.begun.on_board
    }  # fmt: skip
    stops = tuple(
        replace(stop, promise=promises.get(at), only=_only(stop, owner.get(at), kinds))
        for at, stop in enumerate(problem.stops)
    )  # fmt: skip
    return replace(problem, vehicles=tuple(vehicles), stops=stops)


def _under_way(problem: Problem, vehicle: Vehicle, begun: Begun | None, now: int) -> Vehicle:
    """A single vehicle where it is. One that has fallen behind may come home later than it should, and rest later."""
    if begun is None:
        return replace(vehicle, count=1, early=max(vehicle.early, now))
    breaks = tuple(replace(rest, late=max(rest.late, begun.free)) for rest in breaks_left(vehicle, begun))
    one = replace(vehicle, count=1, begun=begun, breaks=breaks)
    home = 0 if begun.is_stranded else int(problem.duration[begun.place, problem.depots[vehicle.end].place])
    back = begun.free + home
    if back <= one.late and back - begun.loadings[0] <= one.max_duration:
        return one
    back += sum(rest.duration for rest in breaks)
    return replace(one, late=max(one.late, back), max_duration=max(one.max_duration, back - begun.loadings[0]))


def _only(stop: Stop, owner: int | None, kinds: Sequence[int]) -> frozenset[int] | None:
    """The vehicles that may serve a stop: that with its goods, or those of the kinds that always could."""
    if owner is not None:
        return frozenset({owner})
    return stop.only and frozenset(vehicle for vehicle, kind in enumerate(kinds) if kind in stop.only)


def _as_it_was(
    one: Driven, begun: Begun | None, vehicle: int, is_broken: bool, place: dict[int, int], promised: frozenset[int]
) -> Tour | None:
    """A running tour without what was cancelled, every promise kept; of a broken vehicle what it has done."""
    if is_broken:
        trips = list(begun.trips) if begun else []
    else:
        trips = [tuple(at for at in trip if at in place) for trip in one.tour.trips]
        loaded = len(begun.trips) if begun else 0
        trips = [trip for number, trip in enumerate(trips) if trip or number < loaded]
    if not trips:
        return None
    held = frozenset(place[at] for trip in trips for at in trip if at in promised)
    return Tour(vehicle, tuple(tuple(place[at] for at in trip) for trip in trips), held)


def _too_late(problem: Problem, tours: Sequence[Driven], at: int, now: int) -> Reason:
    """That a cancelled stop has been served, or is being driven to."""
    one, visit = next((one, visit) for one in tours for visit in one.times.visits if visit.stop == at)
    facts = {"stop": problem.stops[at].name, "vehicle": problem.vehicles[one.tour.vehicle].name}
    if visit.arrive <= now:
        return Reason("route.been_there", facts | {"time": moment(problem, visit.arrive)})
    return Reason("route.on_the_way", facts | {"time": moment(problem, visit.arrive)})
