"""Routes by PyVRP: iterated local search, the strongest free solver of what it can express.

It takes several dimensions of load, windows, service, mixed fleets, several depots, reloads, prizes, pickups to the
depot and limits of a day; it knows no drivers' breaks.

Source: Wouda, Lan & Kool (2024), PyVRP, https://doi.org/10.1287/ijoc.2023.0055
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pyvrp
import pyvrp.stop

from aislehub.supply.route.plan import Tour
from aislehub.supply.route.problem import FOREVER, Problem

__all__ = ["name", "search", "supports"]

name = "PyVRP"
FINEST = 1000  # the smallest rate of cost becomes at most so many of the solver's whole units
ERROR = 2e-4  # relative error of a rate that is put up with
HOPELESS = 0.4  # share of the time or rounds after which a search without any feasible plan ends
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
) -> list[Tour] | None:
    """The best tours found; None if no plan was found that serves every required stop.

    Args:
        seconds: of one core.
        wait: seconds by the clock per second of a core after which a busy machine is waited for no longer.
        rounds: local searches after which it ends, too; these take the same way on every machine.
    """
    scale = _scale(problem)
    data = _data(problem, scale)
    largest = 1e5 * max(1, _dearest(problem, scale))
    params = pyvrp.SolveParams(penalty=replace(pyvrp.PenaltyParams(), max_penalty=largest))
    stop = _stop(seconds, wait, len(problem.stops), rounds)
    best = pyvrp.solve(data, stop, seed=seed, collect_stats=False, params=params).best
    return [_tour(problem, route) for route in best.routes()] if best.is_feasible() else None


# -- helpers -----------------------------------------------------------------------------------------


def _stop(seconds: float, wait: float, stops: int, rounds: int | None) -> pyvrp.stop.StoppingCriterion:
    """Ends a search after `rounds`, or `seconds` of processor time, or `wait` times as many by the clock; earlier when
    nothing feasible shows up, or nothing better for long on a small problem."""
    began, clock = time.process_time(), time.perf_counter()
    patience = STEADY if stops <= 60 else FOREVER
    state = {"best": float("inf"), "since": 0, "all": 0}

    def ends(best_cost: int) -> bool:
        state["all"] += 1
        state["since"] = 0 if best_cost < state["best"] else state["since"] + 1
        state["best"] = min(best_cost, state["best"])
        time_used = max(time.process_time() - began, (time.perf_counter() - clock) / wait) / seconds
        used = state["all"] / rounds if rounds else time_used
        hopeless = best_cost >= LARGEST and used > HOPELESS
        return max(used, time_used) > 1 or hopeless or state["since"] > patience

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


def _data(problem: Problem, scale: float) -> pyvrp.ProblemData:
    clients = [
        pyvrp.Client(
            stop.place, list(stop.delivery), list(stop.pickup), stop.service, stop.early, _limit(stop.late),
            prize=0 if stop.prize is None else round(stop.prize * scale), required=stop.prize is None,
        )
        for stop in problem.stops
    ]  # fmt: skip
    depots = [pyvrp.Depot(one.place, one.early, _limit(one.late), one.loading) for one in problem.depots]
    vehicles = [
        pyvrp.VehicleType(
            one.count, list(one.capacity), one.start, one.end, round(one.fixed * scale), one.early, _limit(one.late),
            _limit(one.max_duration), _limit(one.max_distance), round(one.per_distance * scale),
            round(one.per_time * scale), reload_depots=[one.start] if one.max_trips > 1 else [],
            max_reloads=one.max_trips - 1,
        )
        for one in problem.vehicles
    ]  # fmt: skip
    places = problem.places or ((0.0, 0.0),) * len(problem.distance)
    matrices: Any = ([problem.distance], [problem.duration])
    return pyvrp.ProblemData([pyvrp.Location(*place) for place in places], clients, depots, vehicles, *matrices)


def _limit(value: int) -> int:
    """A limit as the solver writes it: its largest number is none at all, which it need not look at."""
    return value if value < FOREVER else LARGEST


def _tour(problem: Problem, route: pyvrp.Route) -> Tour:
    """A route's trips: its activities between two visits to a depot."""
    trips: list[list[int]] = [[]]
    for activity in route:
        if activity.type == pyvrp.ActivityType.CLIENT:
            trips[-1].append(activity.idx)
        elif trips[-1]:
            trips.append([])
    return Tour(route.vehicle_type(), tuple(tuple(trip) for trip in trips if trip))
