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
from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from aislehub.supply.route.plan import Tour
from aislehub.supply.route.problem import FOREVER, IntArray, Problem, Vehicle

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
) -> list[Tour] | None:
    """The best tours found; None if no plan was found that serves every required stop.

    Args:
        seconds: of one core.
        seed: of the order in which the stops are given to the search, its only chance.
        wait: seconds by the clock per second of a core after which a busy machine is waited for no longer.
        rounds: of as many steps of the search as there are stops, after which it ends, too; these are the same on
            every machine.
    """
    order = np.random.default_rng(seed).permutation(len(problem.stops))
    fleet = [
        (number, vehicle) for number, vehicle in enumerate(problem.vehicles)
        for _ in range(min(vehicle.count, len(problem.stops)))
    ]  # fmt: skip
    model = _Model(problem, order, [vehicle for _, vehicle in fleet])
    solution = model.solve(seconds, wait, rounds)
    if solution is None:
        return None
    tours = (Tour(number, (stops,)) for (number, _), stops in zip(fleet, model.stops_of(solution), strict=True))
    return [tour for tour in tours if tour.stops]


class _Model:
    """One model of the library; its nodes are the stops in the given order, then the depots."""

    def __init__(self, problem: Problem, order: Any, fleet: Sequence[Vehicle]) -> None:
        self._problem, self._order = problem, [int(at) for at in order]
        stops, depots = [problem.stops[at] for at in self._order], problem.depots
        places = [*(one.place for one in stops), *(one.place for one in depots)]
        self._manager = pywrapcp.RoutingIndexManager(
            len(places), len(fleet), [len(stops) + one.start for one in fleet], [len(stops) + one.end for one in fleet]
        )
        self._routing = pywrapcp.RoutingModel(self._manager)
        self._visits = [*(one.service for one in stops), *(one.loading for one in depots)]
        self._distance = problem.distance[np.ix_(places, places)]
        self._duration = problem.duration[np.ix_(places, places)] + np.array(self._visits)[:, None]
        rates = [rate for one in fleet for rate in (one.per_distance, one.per_time) if rate > 0]
        self._scale = UNITS / min([1.0, *rates])
        self._add_costs(fleet)
        self._add_loads(fleet)
        self._add_time(fleet)
        for node, stop in enumerate(stops):
            if stop.prize is not None:
                self._routing.AddDisjunction([self._manager.NodeToIndex(node)], round(stop.prize * self._scale))

    def solve(self, seconds: float, wait: float, rounds: int | None) -> Any:
        settings = pywrapcp.DefaultRoutingSearchParameters()
        settings.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
        settings.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        settings.time_limit.FromMilliseconds(round(1000 * wait * seconds))
        began, steps = time.process_time(), 0
        most = rounds * len(self._order) if rounds else FOREVER

        def is_over() -> bool:  # asked at each step
            nonlocal steps
            steps += 1
            return steps > most or time.process_time() - began > seconds

        self._routing.AddSearchMonitor(self._routing.solver().CustomLimit(is_over))
        return self._routing.SolveWithParameters(settings)

    def stops_of(self, solution: Any) -> list[tuple[int, ...]]:
        """Each vehicle's stops, as positions in the problem."""
        found = []
        for vehicle in range(self._routing.vehicles()):
            at, stops = self._routing.Start(vehicle), []
            while not self._routing.IsEnd(at := solution.Value(self._routing.NextVar(at))):
                stops.append(self._order[self._manager.IndexToNode(at)])
            found.append(tuple(stops))
        return found

    def _add_costs(self, fleet: Sequence[Vehicle]) -> None:
        for number, one in enumerate(fleet):
            cost = self._callback(np.rint(self._distance * one.per_distance * self._scale).astype(np.int64))
            self._routing.SetArcCostEvaluatorOfVehicle(cost, number)
            self._routing.SetFixedCostOfVehicle(round(one.fixed * self._scale), number)

    def _add_loads(self, fleet: Sequence[Vehicle]) -> None:
        for dimension, label in enumerate(self._problem.loads):
            amounts = [self._problem.stops[at].delivery[dimension] for at in self._order]
            amounts += [0] * len(self._problem.depots)
            load = self._unary(amounts)
            capacities = [one.capacity[dimension] for one in fleet]
            self._routing.AddDimensionWithVehicleCapacity(load, 0, capacities, True, f"load {label}")

    def _add_time(self, fleet: Sequence[Vehicle]) -> None:
        travel = self._callback(self._duration)
        self._routing.AddDimension(travel, FOREVER, FOREVER, False, "time")
        clock = self._routing.GetDimensionOrDie("time")
        for node, at in enumerate(self._order):
            stop = self._problem.stops[at]
            clock.CumulVar(self._manager.NodeToIndex(node)).SetRange(stop.early, stop.late)
        self._routing.AddDimension(self._callback(self._distance), 0, FOREVER, True, "distance")
        driven = self._routing.GetDimensionOrDie("distance")
        for number, one in enumerate(fleet):
            first, last = self._problem.depots[one.start], self._problem.depots[one.end]
            start, end = self._routing.Start(number), self._routing.End(number)
            clock.CumulVar(start).SetRange(max(one.early, first.early), min(one.late, first.late))
            clock.CumulVar(end).SetRange(one.early, min(one.late, last.late))
            clock.SetSpanUpperBoundForVehicle(min(one.max_duration, FOREVER), number)
            clock.SetSpanCostCoefficientForVehicle(round(one.per_time * self._scale), number)
            driven.CumulVar(end).SetMax(one.max_distance)
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

    def _callback(self, values: IntArray) -> int:
        return int(self._routing.RegisterTransitCallback(partial(_value, self._nodes(), values.tolist())))

    def _unary(self, values: Sequence[int]) -> int:
        nodes = self._nodes()
        return int(self._routing.RegisterUnaryTransitCallback(lambda at: values[nodes[at]]))

    def _nodes(self) -> list[int]:
        """Node of each index, those of the vehicles' ends included."""
        return [self._manager.IndexToNode(at) for at in range(self._manager.GetNumberOfIndices())]


def _value(nodes: list[int], values: list[list[int]], a: int, b: int) -> int:
    return values[nodes[a]][nodes[b]]
