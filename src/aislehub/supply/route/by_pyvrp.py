"""Routes by PyVRP: iterated local search, the strongest free solver of what it can express.

It takes several dimensions of load, windows, service, mixed fleets, several depots, reloads, prizes, pickups to the
depot and limits of a day; it knows no drivers' breaks.

What it has no word for is put into its own. A set of vehicles that alone may serve a stop is a dimension of load of
which the others carry nothing. A promise makes two customers of a stop, one as promised and one as suits, of whom the
first brings a prize. What a vehicle has begun is one customer at the end of that way, who can be reached from the
depot alone and at the right moment, and takes up all the room for goods that have not been loaded.

Source: Wouda, Lan & Kool (2024), PyVRP, https://doi.org/10.1287/ijoc.2023.0055
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyvrp
import pyvrp.stop

from aislehub.supply.route.plan import Tour, driven, nobody
from aislehub.supply.route.problem import FOREVER, IntArray, Problem, Vehicle
from aislehub.supply.route.schedule import is_keepable, window

__all__ = ["name", "search", "supports"]

name = "PyVRP"
FINEST = 1000  # the smallest rate of cost becomes at most so many of the solver's whole units
ERROR = 2e-4  # relative error of a rate that is put up with
HOPELESS = 0.4  # share of the time or rounds after which a search without any feasible plan ends
FAR = 10**7  # distance and time to where nobody may come from
LARGEST = 2**63 - 1  # the solver's cost of a plan that breaks a rule, and its limit where there is none
STEADY = 60_000  # rounds without a better plan after which small problems are done (and optimal, as a rule)


def supports(problem: Problem) -> bool:
    """Whether PyVRP can express the problem: all but breaks."""
    return not any(vehicle.breaks for vehicle in problem.vehicles)


def search(
    problem: Problem,
    *,
    seconds: float,
    seed: int,
    wait: float = 1.5,
    rounds: int | None = None,
    start: Sequence[Tour] = (),
    first: bool = False,
) -> list[Tour] | None:
    """The best tours found; None if no plan was found that serves every required stop.

    Args:
        seconds: of one core.
        wait: seconds by the clock per second of a core after which a busy machine is waited for no longer.
        rounds: local searches after which it ends, too; these take the same way on every machine.
        start: tours to begin with, if any.
        first: whether any plan will do.
    """
    if not any(map(_goes_on, problem.vehicles)):
        return nobody(problem)
    stop = _stop(seconds, wait, len(problem.stops), rounds, first)
    found = _search(problem, stop, seed, start)
    # The solver forgets goods that ride along until a later trip. A vehicle overloaded by that may not load again.
    full = {one.vehicle for one in found or () if driven(problem, one) is None}
    if found and full:
        stop = _stop(seconds, wait, len(problem.stops), rounds, first)
        found = _search(problem, stop, seed, start, single=frozenset(full))
    return found


# -- helpers -----------------------------------------------------------------------------------------


def _search(
    problem: Problem, stop: pyvrp.stop.StoppingCriterion, seed: int, start: Sequence[Tour],
    single: frozenset[int] = frozenset(),
) -> list[Tour] | None:  # fmt: skip
    scale = _scale(problem)
    model = _Model(problem, scale, single)
    largest = 1e5 * max(1, _dearest(problem, scale))
    params = pyvrp.SolveParams(penalty=replace(pyvrp.PenaltyParams(), max_penalty=largest))
    first = model.solution(start) if start else None
    best = pyvrp.solve(model.data, stop, seed, collect_stats=False, params=params, initial_solution=first).best
    routes = best.routes()
    return [*map(model.tour, routes), *model.idle(routes)] if best.is_feasible() else None


def _stop(seconds: float, wait: float, stops: int, rounds: int | None, first: bool) -> pyvrp.stop.StoppingCriterion:
    """Ends a search after `rounds`, or `seconds` of processor time, or `wait` times as many by the clock; earlier when
    nothing feasible shows up, or nothing better for long on a small problem, or with the `first` plan."""
    began, clock = time.process_time(), time.perf_counter()
    patience = STEADY if stops <= 60 else FOREVER
    state = {"best": float("inf"), "since": 0, "all": 0}

    def ends(best_cost: int) -> bool:
        state["all"] += 1
        state["since"] = 0 if best_cost < state["best"] else state["since"] + 1
        state["best"] = min(best_cost, state["best"])
        time_used = max(time.process_time() - began, (time.perf_counter() - clock) / wait) / seconds
        used = state["all"] / rounds if rounds else time_used
        hopeless = not first and best_cost >= LARGEST and used > HOPELESS
        is_enough = first and best_cost < LARGEST
        return is_enough or max(used, time_used) > 1 or hopeless or state["since"] > patience

    return ends


def _scale(problem: Problem) -> float:
    """Solver's units of cost per unit of cost, so that all rates become whole numbers within `ERROR`."""
    rates = [rate for one in problem.vehicles for rate in (one.per_distance, one.per_time) if rate > 0]
    smallest = min(rates, default=1.0)
    for units in range(1, FINEST + 1):
        scale = units / smallest
        if all(abs(round(rate * scale) / (rate * scale) - 1) <= ERROR for rate in rates):
            return scale
    return FINEST / smallest


def _dearest(problem: Problem, scale: float) -> float:
    return max(scale * max(one.per_distance, one.per_time) for one in problem.vehicles)


class _Model:
    """A problem in the solver's words, and its routes in ours."""

    def __init__(self, problem: Problem, scale: float, single: frozenset[int]) -> None:
        """Args:
        single: vehicles that may not load once more.
        """
        self._problem, self._scale, self._single = problem, scale, single
        self._types = [number for number, one in enumerate(problem.vehicles) if _goes_on(one)]
        self._under_way = [number for number in self._types if _is_loaded(problem.vehicles[number])]
        stops = [at for at in range(len(problem.stops)) if at not in problem.frozen]
        promised = [at for at in stops if is_keepable(problem, at)]
        # Customers: each stop as suits, once more as promised, and what is under way.
        self._customers = [*((at, False) for at in stops), *((at, True) for at in promised)]
        allowed = [self._allowed(at, held) for at, held in self._customers]
        own = [frozenset({number}) for number in self._under_way]
        self._sets = sorted({one for one in [*allowed, *own] if one is not None}, key=sorted)
        groups = [
            pyvrp.ClientGroup([stops.index(at), len(stops) + place], problem.stops[at].prize is None)
            for place, at in enumerate(promised)
        ]
        clients = [
            self._client(at, held, only, promised.index(at) if at in promised else None)
            for (at, held), only in zip(self._customers, allowed, strict=True)
        ]
        clients += [self._way(number, len(problem.distance) + on) for on, number in enumerate(self._under_way)]
        places = [*(problem.places or ((0.0, 0.0),) * len(problem.distance)), *((0.0, 0.0),) * len(self._under_way)]
        depots = [pyvrp.Depot(one.place, one.early, _limit(one.late), one.loading) for one in problem.depots]
        vehicles = [self._vehicle(number) for number in self._types]
        distance: Any = [self._matrix("distance")]  # the package's types forget those of numpy
        duration: Any = [self._matrix("duration")]
        self.data = pyvrp.ProblemData(
            [pyvrp.Location(*place) for place in places], clients, depots, vehicles, distance, duration, groups
        )

    def tour(self, route: pyvrp.Route) -> Tour:
        """A route's trips: its customers between two visits to a depot."""
        trips: list[list[int]] = [[]]
        for activity in route:
            if activity.type == pyvrp.ActivityType.CLIENT:
                trips[-1].append(activity.idx)
            elif trips[-1]:
                trips.append([])
        number = self._types[route.vehicle_type()]
        begun = self._problem.vehicles[number].begun
        visits = [[self._customers[one] for one in trip if one < len(self._customers)] for trip in trips if trip]
        found = [tuple(at for at, _ in trip) for trip in visits]
        if begun and not begun.is_back:
            found[0] = (*begun.trips[-1], *found[0])
            found = [*begun.trips[:-1], *found]
        elif begun:
            found = [*begun.trips, *found]
        held = frozenset(at for trip in visits for at, is_held in trip if is_held)
        return Tour(number, tuple(found), held)

    def idle(self, routes: Sequence[pyvrp.Route]) -> Iterator[Tour]:
        """What vehicles have begun that get nothing more."""
        used = {self._types[route.vehicle_type()] for route in routes}
        for number, one in enumerate(self._problem.vehicles):
            if one.begun and number not in used:
                yield Tour(number, one.begun.trips)

    def solution(self, tours: Sequence[Tour]) -> pyvrp.Solution:
        """Tours as the solver writes them."""
        index = {customer: number for number, customer in enumerate(self._customers)}
        routes = []
        for tour in tours:
            if tour.vehicle not in self._types:
                continue
            vehicle, activities, done = self._problem.vehicles[tour.vehicle], list[pyvrp.Activity](), 0
            if tour.vehicle in self._under_way:
                way = len(self._customers) + self._under_way.index(tour.vehicle)
                activities.append(pyvrp.Activity(pyvrp.ActivityType.CLIENT, way))
            if vehicle.begun:
                done = len(vehicle.begun.trips) - _is_loaded(vehicle)
            for number, trip in enumerate(tour.trips[done : done + 1 if tour.vehicle in self._single else None]):
                if number:
                    activities.append(pyvrp.Activity(pyvrp.ActivityType.DEPOT, vehicle.start))
                activities += [
                    pyvrp.Activity(pyvrp.ActivityType.CLIENT, index[at, at in tour.held and (at, True) in index])
                    for at in trip if at not in self._problem.frozen
                ]  # fmt: skip
            if activities:
                routes.append(pyvrp.Route(self.data, activities, self._types.index(tour.vehicle)))
        return pyvrp.Solution(self.data, routes)

    def _allowed(self, at: int, held: bool) -> frozenset[int] | None:
        """The vehicles that may serve a stop; None = all."""
        stop = self._problem.stops[at]
        return frozenset({stop.promise.vehicle}) if held and stop.promise else stop.only

    def _client(self, at: int, held: bool, only: frozenset[int] | None, promised: int | None) -> pyvrp.Client:
        stop, prize = self._problem.stops[at], self._problem.stops[at].prize
        early, late = window(self._problem, at, held)
        if held and stop.promise:
            prize = stop.promise.worth + (prize or 0.0)
        sets = [int(only == one) for one in self._sets]
        is_loaded = any(at in one.begun.on_board for one in self._problem.vehicles if one.begun)
        is_fresh = any(stop.delivery) and not is_loaded
        return pyvrp.Client(
            stop.place, [*stop.delivery, *sets, *self._fresh(is_fresh)],
            [*stop.pickup, *(0 for _ in sets), *self._fresh(0)], stop.service, early, _limit(late),
            prize=round((prize or 0.0) * self._scale), required=stop.prize is None and promised is None,
            group=promised,
        )  # fmt: skip

    def _way(self, number: int, place: int) -> pyvrp.Client:
        """What a vehicle has begun: it is at the end of it at the moment when it can be told something new."""
        begun, nothing = self._problem.vehicles[number].begun, [0] * len(self._problem.loads)
        assert begun is not None, "this vehicle has begun"
        collected = (self._problem.stops[at].pickup for at in begun.trips[-1])
        aboard = [sum(amounts) for amounts in zip(begun.aboard, *collected, strict=True)]
        sets = [int(one == {number}) for one in self._sets]
        return pyvrp.Client(
            place, [*nothing, *sets, 0], [*aboard, *(0 for _ in sets), self._room], 0, begun.free, begun.free
        )  # fmt: skip

    def _vehicle(self, number: int) -> pyvrp.VehicleType:
        one, rate = self._problem.vehicles[number], self._scale
        sets = [self._room if number in among else 0 for among in self._sets]
        early, start, trips, fixed = one.early, None, one.max_trips, one.fixed
        max_duration, max_distance = one.max_duration, one.max_distance
        if one.begun and one.begun.is_back:  # starts once more, with what is left of its day
            early = start = one.begun.free
            trips, fixed = trips - len(one.begun.trips), 0.0
            max_duration -= one.begun.free - one.begun.loadings[0]
            max_distance -= one.begun.distance
        elif one.begun:
            early = start = one.begun.loadings[0]
            trips -= len(one.begun.trips) - 1
            trips = 1 if number in self._single else trips
        return pyvrp.VehicleType(
            one.count, [*one.capacity, *sets, *self._fresh(self._room)], one.start, one.end, round(fixed * rate), early,
            _limit(one.late), _limit(max_duration), _limit(max_distance), round(one.per_distance * rate),
            round(one.per_time * rate), start_late=start, reload_depots=[one.start] if trips > 1 else [],
            max_reloads=trips - 1,
        )  # fmt: skip

    def _fresh(self, amount: int) -> list[int]:
        """An amount of goods not yet loaded, which matter where vehicles are under way."""
        return [amount] if self._under_way else []

    @property
    def _room(self) -> int:
        """More of the dimensions that stand for something else than load than one vehicle can get."""
        return len(self._customers) + 1

    def _matrix(self, kind: str) -> IntArray:
        """Distances or durations, with the end of each way under way as a place more."""
        given: IntArray = getattr(self._problem, kind)
        ways = [self._problem.vehicles[number] for number in self._under_way]
        ends = [*range(len(given)), *(one.begun.place for one in ways if one.begun)]
        wider = given[np.ix_(ends, ends)]
        for place, one in enumerate(ways, start=len(given)):
            depot, begun = self._problem.depots[one.start], one.begun
            assert begun is not None, "this vehicle is under way"
            wider[:, place] = FAR
            wider[place, place] = 0
            took = begun.free - begun.loadings[0] - depot.loading
            wider[depot.place, place] = begun.distance if kind == "distance" else took
        return wider


def _goes_on(vehicle: Vehicle) -> bool:
    """Whether a vehicle can be given anything, or has to drive home."""
    begun = vehicle.begun
    if begun is None:
        return vehicle.count > 0
    return not (begun.is_stranded or (begun.is_back and len(begun.trips) >= vehicle.max_trips))


def _is_loaded(vehicle: Vehicle) -> bool:
    """Whether a vehicle is on a trip."""
    return vehicle.begun is not None and not vehicle.begun.is_back and not vehicle.begun.is_stranded


def _limit(value: int) -> int:
    """A limit as the solver writes it: its largest number is none at all, which it need not look at."""
    return value if value < FOREVER // 2 else LARGEST
