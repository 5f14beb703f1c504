"""Routes by the routing library of OR-tools: guided local search, for what PyVRP cannot express, drivers' breaks.

Here it takes no pickups and one trip a day.

Source: https://developers.google.com/optimization/routing; Voudouris & Tsang (1999), guided local search,
https://doi.org/10.1016/S0377-2217(98)00099-X
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from aislehub.supply.route.plan import Tour, nobody
from aislehub.supply.route.problem import FOREVER, IntArray, Problem, Vehicle
from aislehub.supply.route.schedule import is_keepable, window

__all__ = ["name", "search", "supports"]

name = "OR-tools"
UNITS = 1000  # solver's units of cost per unit of cost, at the least


def supports(problem: Problem) -> bool:
    """Whether this model of OR-tools can express the problem."""
    pickups = any(any(stop.pickup) for stop in problem.stops)
    return not pickups and all(vehicle.max_trips == 1 for vehicle in problem.vehicles)


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
        seed: of the order in which the stops are given to the search, its only chance.
        wait: seconds by the clock per second of a core after which a busy machine is waited for no longer.
        rounds: of as many steps of the search as there are stops, after which it ends, too; these are the same on
            every machine.
        start: tours to begin with, if any; they serve for little if stops are missing.
        first: whether any plan will do.
    """
    fleet = [
        number for number, vehicle in enumerate(problem.vehicles) if _goes_on(vehicle)
        for _ in range(min(vehicle.count, len(problem.stops)))
    ]  # fmt: skip
    if not fleet:
        return nobody(problem)
    model = _Model(problem, fleet, seed)
    solution = model.solve(seconds, wait, rounds, start, first)
    if solution is None:
        return None
    tours = [_tour(problem, number, way) for number, way in zip(fleet, model.ways_of(solution), strict=True)]
    over = [Tour(number, one.begun.trips) for number, one in enumerate(problem.vehicles)
            if one.begun and not _goes_on(one)]  # fmt: skip
    return [tour for tour in [*tours, *over] if tour.trips]


class _Model:
    """One model of the library; its nodes are the customers, the depots, and where vehicles under way are."""

    def __init__(self, problem: Problem, fleet: Sequence[int], seed: int) -> None:
        from ortools.constraint_solver import pywrapcp

        self._problem, self._fleet = problem, fleet
        vehicles = [problem.vehicles[number] for number in fleet]
        stops = [at for at in range(len(problem.stops)) if at not in problem.frozen]
        # Customers: each stop as suits, once more as promised.
        customers = [*((at, False) for at in stops), *((at, True) for at in stops if is_keepable(problem, at))]
        order = np.random.default_rng(seed).permutation(len(customers))
        self._customers = [customers[int(one)] for one in order]
        depots, under_way = problem.depots, [on for on, one in enumerate(vehicles) if one.begun]
        ends = [one.begun.place for one in vehicles if one.begun]
        places = [*(problem.stops[at].place for at, _ in self._customers), *(one.place for one in depots), *ends]
        first = len(self._customers)
        begins = [
            first + len(depots) + under_way.index(on) if one.begun else first + one.start
            for on, one in enumerate(vehicles)
        ]  # fmt: skip
        self._manager = pywrapcp.RoutingIndexManager(
            len(places), len(fleet), begins, [first + one.end for one in vehicles]
        )
        self._routing = pywrapcp.RoutingModel(self._manager)
        self._visits = [*(problem.stops[at].service for at, _ in self._customers), *(one.loading for one in depots)]
        self._visits += [0] * len(ends)
        self._distance = problem.distance[np.ix_(places, places)]
        self._duration = problem.duration[np.ix_(places, places)] + np.array(self._visits)[:, None]
        rates = [rate for one in vehicles for rate in (one.per_distance, one.per_time) if rate > 0]
        self._scale = UNITS / min([1.0, *rates])
        self._add_costs(vehicles)
        self._add_loads(vehicles)
        self._add_time(vehicles)
        self._add_choices()

    def solve(self, seconds: float, wait: float, rounds: int | None, start: Sequence[Tour], first: bool) -> Any:
        from ortools.constraint_solver import pywrapcp, routing_enums_pb2

        settings = pywrapcp.DefaultRoutingSearchParameters()
        settings.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
        settings.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        settings.time_limit.FromMilliseconds(round(1000 * wait * seconds))
        began, steps = time.process_time(), 0
        most = rounds * len(self._customers) if rounds else FOREVER

        def is_over() -> bool:  # asked at each step
            nonlocal steps
            steps += 1
            return steps > most or time.process_time() - began > seconds

        self._routing.AddSearchMonitor(self._routing.solver().CustomLimit(is_over))
        if first:
            settings.solution_limit = 1
        if start:
            self._routing.CloseModelWithParameters(settings)
            known = self._routing.ReadAssignmentFromRoutes(self._written(start), True)
            if known is not None:
                return self._routing.SolveFromAssignmentWithParameters(known, settings)
        return self._routing.SolveWithParameters(settings)

    def ways_of(self, solution: Any) -> list[list[tuple[int, bool]]]:
        """Each vehicle's customers: a stop, and whether it is served as promised."""
        found = []
        for vehicle in range(self._routing.vehicles()):
            at, way = self._routing.Start(vehicle), []
            while not self._routing.IsEnd(at := solution.Value(self._routing.NextVar(at))):
                way.append(self._customers[self._manager.IndexToNode(at)])
            found.append(way)
        return found

    def _written(self, tours: Sequence[Tour]) -> list[list[int]]:
        """Tours as the library writes them, an index a customer, a list a vehicle."""
        node = {customer: number for number, customer in enumerate(self._customers)}
        written: list[list[int]] = [[] for _ in self._fleet]
        free = list(range(len(self._fleet)))
        for tour in tours:
            on = next((one for one in free if self._fleet[one] == tour.vehicle), None)
            if on is not None:
                free.remove(on)
                written[on] = [
                    self._manager.NodeToIndex(node[at, at in tour.held and (at, True) in node])
                    for at in tour.stops if at not in self._problem.frozen
                ]  # fmt: skip
        return written

    def _add_costs(self, fleet: Sequence[Vehicle]) -> None:
        for number, one in enumerate(fleet):
            cost = self._callback(np.rint(self._distance * one.per_distance * self._scale).astype(np.int64))
            self._routing.SetArcCostEvaluatorOfVehicle(cost, number)
            self._routing.SetFixedCostOfVehicle(0 if one.begun else round(one.fixed * self._scale), number)
            self._routing.SetVehicleUsedWhenEmpty(one.begun is not None, number)

    def _add_loads(self, fleet: Sequence[Vehicle]) -> None:
        for dimension, label in enumerate(self._problem.loads):
            amounts = [self._problem.stops[at].delivery[dimension] for at, _ in self._customers]
            amounts += [0] * (len(self._visits) - len(amounts))
            load = self._unary(amounts)
            capacities = [one.capacity[dimension] for one in fleet]
            self._routing.AddDimensionWithVehicleCapacity(load, 0, capacities, True, f"load {label}")

    def _add_time(self, fleet: Sequence[Vehicle]) -> None:
        travel = self._callback(self._duration)
        self._routing.AddDimension(travel, FOREVER, FOREVER, False, "time")
        clock = self._routing.GetDimensionOrDie("time")
        for node, (at, held) in enumerate(self._customers):
            clock.CumulVar(self._manager.NodeToIndex(node)).SetRange(*window(self._problem, at, held))
        self._routing.AddDimension(self._callback(self._distance), 0, FOREVER, True, "distance")
        driven = self._routing.GetDimensionOrDie("distance")
        for number, one in enumerate(fleet):
            first, last = self._problem.depots[one.start], self._problem.depots[one.end]
            start, end = self._routing.Start(number), self._routing.End(number)
            early, late = max(one.early, first.early), min(one.late, first.late)
            max_duration, max_distance = one.max_duration, one.max_distance
            if one.begun:
                early = late = one.begun.free
                max_duration -= one.begun.free - one.begun.loadings[0]
                max_distance -= one.begun.distance
            clock.CumulVar(start).SetRange(early, late)
            clock.CumulVar(end).SetRange(one.early, min(one.late, last.late))
            clock.SetSpanUpperBoundForVehicle(min(max_duration, FOREVER), number)
            clock.SetSpanCostCoefficientForVehicle(round(one.per_time * self._scale), number)
            driven.CumulVar(end).SetMax(max_distance)
            solver = self._routing.solver()
            pauses = [
                solver.FixedDurationIntervalVar(rest.early, rest.late, rest.duration, False, f"break {number}")
                for rest in one.breaks
            ]
            if pauses:
                # Nodes of the library: one an index, starts and ends of vehicles included.
                visits = [self._visits[self._manager.IndexToNode(at)] for at in range(self._routing.Size())]
                clock.SetBreakIntervalsOfVehicle(pauses, number, visits)
            for var in (clock.CumulVar(start), clock.CumulVar(end)):
                self._routing.AddVariableMinimizedByFinalizer(var)

    def _add_choices(self) -> None:
        """Who may serve whom; optional stops are left out for their prize, promises are broken for their worth."""
        for at in {at for at, _ in self._customers}:
            stop = self._problem.stops[at]
            nodes = {held: node for node, (one, held) in enumerate(self._customers) if one == at}
            for held, node in nodes.items():
                among = [on for on, number in enumerate(self._fleet) if self._may(number, at, held)]
                if len(among) < len(self._fleet):
                    nobody = -1  # leaves the node out; whether that is allowed is not said here
                    self._routing.VehicleVar(self._manager.NodeToIndex(node)).SetValues([nobody, *among])
            if stop.prize is not None or len(nodes) > 1:
                price = -1 if stop.prize is None else round(stop.prize * self._scale)
                self._routing.AddDisjunction([self._manager.NodeToIndex(node) for node in nodes.values()], price)
            if stop.promise and len(nodes) > 1:
                price = round(stop.promise.worth * self._scale)
                self._routing.AddDisjunction([self._manager.NodeToIndex(nodes[True])], price)

    def _may(self, number: int, at: int, held: bool) -> bool:
        """Whether a vehicle may serve a stop, and has the goods for it: one under way has only what is on board."""
        stop, begun = self._problem.stops[at], self._problem.vehicles[number].begun
        if begun and at not in begun.on_board and any(stop.delivery):
            return False
        return (not held or stop.promise is None or stop.promise.vehicle == number) and (
            stop.only is None or number in stop.only
        )

    def _callback(self, values: IntArray) -> int:
        return int(self._routing.RegisterTransitCallback(partial(_value, self._nodes(), values.tolist())))

    def _unary(self, values: Sequence[int]) -> int:
        nodes = self._nodes()
        return int(self._routing.RegisterUnaryTransitCallback(lambda at: values[nodes[at]]))

    def _nodes(self) -> list[int]:
        """Node of each index, those of the vehicles' ends included."""
        return [self._manager.IndexToNode(at) for at in range(self._manager.GetNumberOfIndices())]


def _goes_on(vehicle: Vehicle) -> bool:
    """Whether a vehicle can be given anything, or has to drive home; here it makes one trip."""
    return vehicle.begun is None or not (vehicle.begun.is_stranded or vehicle.begun.is_back)


def _tour(problem: Problem, number: int, way: Sequence[tuple[int, bool]]) -> Tour:
    begun = problem.vehicles[number].begun
    trip = (*(begun.stops if begun else ()), *(at for at, _ in way))
    return Tour(number, (trip,) if trip or begun else (), frozenset(at for at, held in way if held))


def _value(nodes: list[int], values: list[list[int]], a: int, b: int) -> int:
    return values[nodes[a]][nodes[b]]
