"""Routes on public instances with published solutions, and on small ones with every feature and a known optimum.

`X`: instances of Uchoa and others with up to 300 customers; `gap` is the distance over that of the best known solution.
`solomon`: instances with time windows, by distance alone as in the solution files beside them. OR-tools' routing
library, called as its manual shows (cheapest insertion, then guided local search), has the same processor time; it is
told how many vehicles the best solution needs, and two more. `bound_gap` is how far the hub's own lower bound lies
below the best known solution.

`fewest`: the same instances with the number of vehicles before the distance, as Solomon meant them, against the best
known results of that kind (distances in full, of SINTEF's list); `tours_more` is the share of vehicles over it.

`features`: five stops with windows and loads, and several trips, limits of hours and distance, or drivers' breaks; the
optimum is that of all orders and all ways to cut them into trips and tours. `frozen`: seven stops, of which one is
cancelled and the rest planned anew in the middle of the day, part of which is driven; the optimum of cost and stops
moved is that of all ways to serve the rest, each promise kept or not. `gap` is the mean over them.

`moved`: the first 50 customers of an instance with windows; one is cancelled when a quarter has been served. It is the
share of the other open stops that get another vehicle or another time; `seconds` are by the clock.
"""

from __future__ import annotations

import os
import re
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np

from aislehub.core.errors import HubError
from aislehub.core.reasons import Reason
from aislehub.supply.route import by_ortools, by_pyvrp
from aislehub.supply.route.bound import lower_bound
from aislehub.supply.route.command import read_problem
from aislehub.supply.route.fewest import fewest_vehicles
from aislehub.supply.route.plan import Tour, cost_of, driven, kept
from aislehub.supply.route.problem import Break, Depot, Problem, Stop, Vehicle
from aislehub.supply.route.replan import replan
from aislehub.supply.route.solomon import read_solomon
from aislehub.supply.route.solve import plan_routes

__all__ = ["FEATURES", "cheapest", "cheapest_rest", "random_problem", "run"]

X = ("X-n106-k14", "X-n153-k22", "X-n181-k23", "X-n200-k36", "X-n256-k16", "X-n294-k50")
SOLOMON = ("C101", "C204", "R105", "R112", "R208", "RC103", "RC108", "RC205")
WAIT = 20.0  # seconds by the clock per second of a core: on a busy machine both get their processor time
SECONDS = {"X": 60.0, "solomon": 20.0, "fewest": 30.0}
# Vehicles and distance, https://www.sintef.no/projectweb/top/vrptw/solomon-benchmark
FEWEST = {
    "C101": (10, 828.94), "C204": (3, 590.60), "R105": (14, 1377.11), "R112": (9, 982.14), "R208": (2, 726.82),
    "RC103": (11, 1261.67), "RC108": (10, 1139.82), "RC205": (4, 1297.65),
}  # fmt: skip
REPLANNED = ("C101", "R101", "RC105")
CANCELLED = 3  # stops, each in a re-plan of its own
FEATURES: dict[str, dict[str, Any]] = {
    "windows": {},
    "trips": {"count": 2, "max_trips": 3},
    "hours": {"max_duration": 180, "max_distance": 150},
    "breaks": {"breaks": (Break(60, 110, 20),)},
}
Row = dict[str, Any]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 7) -> list[Row]:
    """Rows of all parts.

    Args:
        data: a folder with `X` and `solomon` in it; None = that of the tests. Without one, only the features.
        quick: one instance a set, a second each.
    """
    folder = data or _folder()
    if data is not None and not data.is_dir():
        raise HubError("file.missing", file=data)
    rows = []
    for kind, names, suffix in (("X", X, ".vrp"), ("solomon", SOLOMON, ".txt")):
        files = [file for name in names if (file := folder / kind / f"{name}{suffix}").is_file()]
        for file in files[: 1 if quick else None]:
            rows += _published(kind, file, 1.0 if quick else SECONDS[kind], seed)
            if kind == "solomon":
                rows += _fewest(file, 2.0 if quick else SECONDS["fewest"], seed)
        if not quick:
            rows += _means(kind, rows)
    files = [file for name in REPLANNED if (file := folder / "solomon" / f"{name}.txt").is_file()]
    for file in files[: 1 if quick else None]:
        rows += _replanned(file, 1 if quick else CANCELLED, seed)
    for feature in FEATURES:
        rows += _features(feature, seeds=1 if quick else 6, size=4 if quick else 5)
    rows.append(_frozen(seeds=2 if quick else 12))
    return rows


def random_problem(seed: int, size: int = 5, **vehicle: Any) -> Problem:
    """Stops in a square with windows and loads; a van pays for its day, its way and its time."""
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 50, (size + 1, 2))
    distance = np.abs(points[:, None] - points).sum(axis=2).astype(np.int64)
    early = rng.integers(0, 150, size)
    stops = tuple(
        Stop(str(at + 1), at + 1, (int(rng.integers(1, 6)),), (0,), int(early[at]), int(early[at]) + 120, 5)
        for at in range(size)
    )
    given = {"count": size, "fixed": 20.0, "per_distance": 1.0, "per_time": 0.5, "late": 600} | vehicle
    van = replace(Vehicle("van", 1, (8,)), **given)
    origin = Reason("route.distances_matrix")
    return Problem("random", ("units",), (Depot("depot", 0, loading=3),), stops, (van,), distance, distance, origin)


def cheapest(problem: Problem) -> float:
    """Cost of the best plan that serves every stop with one type of vehicle: all orders, all ways to cut them."""
    vehicle, count = problem.vehicles[0], len(problem.stops)
    known: dict[tuple[tuple[int, ...], ...], float] = {}

    def cost(trips: tuple[tuple[int, ...], ...]) -> float:
        if trips not in known:
            found = driven(problem, Tour(0, trips))
            known[trips] = found.cost if found else float("inf")
        return known[trips]

    best = float("inf")
    for order in permutations(range(count)):
        for cuts in product(("on", "trip", "tour"), repeat=count - 1):
            tours = [[[order[0]]]]
            for at, cut in zip(order[1:], cuts, strict=True):
                if cut == "on":
                    tours[-1][-1].append(at)
                elif cut == "trip":
                    tours[-1].append([at])
                else:
                    tours.append([[at]])
            if len(tours) <= vehicle.count and all(len(trips) <= vehicle.max_trips for trips in tours):
                best = min(best, sum(cost(tuple(map(tuple, trips))) for trips in tours))
    return best


def cheapest_rest(problem: Problem) -> float:
    """Cost of the best way to go on with a day that has begun, and of the promises broken: each vehicle with each part
    of the open stops in each order, cut into trips in each way, each promise kept or not."""
    rest = frozenset(range(len(problem.stops))) - problem.frozen
    fleet = [number for number, one in enumerate(problem.vehicles) for _ in range(one.count)]
    best = {frozenset[int](): 0.0}
    for number in fleet:
        own = _best_of_vehicle(problem, number, rest)
        best = {
            done: min(best[before] + own[done - before] for before in best if before <= done and done - before in own)
            for done in {before | more for before in best for more in own if not before & more}
        }
    return best.get(rest, float("inf"))


# -- helpers -----------------------------------------------------------------------------------------


def _best_of_vehicle(problem: Problem, number: int, rest: frozenset[int]) -> dict[frozenset[int], float]:
    """For each part of the open stops, what it costs at best if this vehicle serves it."""
    begun, best = problem.vehicles[number].begun, dict[frozenset[int], float]()
    if begun is None:
        best[frozenset()] = 0.0
    for size in range(0 if begun else 1, len(rest) + 1):
        for order in permutations(sorted(rest), size):
            for trips in _cuts(begun.trips if begun else (), begun is not None and not begun.is_back, order):
                for choice in product((False, True), repeat=size):
                    held = frozenset(at for at, is_held in zip(order, choice, strict=True) if is_held)
                    if found := driven(problem, Tour(number, trips, held)):
                        broken = set(order) - kept(problem, [found])
                        worth = sum(one.worth for at in broken if (one := problem.stops[at].promise))
                        part = frozenset(order)
                        best[part] = min(best.get(part, float("inf")), found.cost + worth)
    return best


def _cuts(
    begun: tuple[tuple[int, ...], ...], is_loaded: bool, order: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], ...]]:
    """All ways to go on with the trips begun: the running one longer, and new ones."""
    for first in range(len(order) + 1) if is_loaded else [0]:
        done = (*begun[:-1], (*begun[-1], *order[:first])) if is_loaded else begun
        left = order[first:]
        for cuts in product((False, True), repeat=max(len(left) - 1, 0)):
            trips = [list(left[:1])] if left else []
            for at, cut in zip(left[1:], cuts, strict=True):
                if cut:
                    trips.append([at])
                else:
                    trips[-1].append(at)
            yield (*done, *map(tuple, trips))


def _published(kind: str, file: Path, seconds: float, seed: int) -> Iterator[Row]:
    """Both solvers and the bound on one instance, against its solution file."""
    problem = read_problem(file)
    text = file.with_suffix(".sol").read_text(encoding="utf-8")
    best, vehicles = float(text.split("Cost")[1]), len(re.findall("Route #", text))
    few = replace(problem, vehicles=(replace(problem.vehicles[0], count=vehicles + 2),))
    for model, search, one in (("aislehub", by_pyvrp.search, problem), ("ortools", by_ortools.search, few)):
        began = time.process_time()
        tours = search(one, seconds=seconds, seed=seed, wait=WAIT) or []
        spent = time.process_time() - began
        counted = [found for tour in tours if (found := driven(one, tour))]
        if sum(len(found.tour.stops) for found in counted) < len(problem.stops):
            yield _row(file.stem, model, "unserved", len(problem.stops), spent)
            continue
        yield _row(file.stem, model, "gap", cost_of(one, counted) / best - 1, spent)
    began = time.process_time()
    bound = lower_bound(problem, seconds=seconds / 6)
    yield _row(file.stem, "aislehub", "bound_gap", 1 - bound / best, time.process_time() - began)


def _means(kind: str, rows: list[Row]) -> Iterator[Row]:
    """Mean gap of each solver over the instances of a set."""
    names = X if kind == "X" else [*SOLOMON, *(f"{name}, fewest" for name in SOLOMON)]
    for model in ("aislehub", "ortools"):
        for metric in ("gap", "bound_gap", "fewest_gap", "tours_more"):
            own = [row for row in rows if (row["model"], row["metric"]) == (model, metric) and row["data"] in names]
            if own:
                mean = float(np.mean([row["value"] for row in own]))
                yield _row(f"{kind}, {len(own)} instances", model, f"{metric}_mean", mean, sum(r["cpu_s"] for r in own))


def _fewest(file: Path, seconds: float, seed: int) -> Iterator[Row]:
    """The fewest vehicles found and their distance."""
    problem, (vehicles, best) = read_solomon(file, is_exact=True), FEWEST[file.stem]
    began = time.process_time()
    fleet, tours = fewest_vehicles(
        problem, lambda part: by_pyvrp.search(part, seconds=seconds / 2, seed=seed, wait=WAIT, first=True)
    )
    left = max(seconds - (time.process_time() - began), seconds / 4)
    tours = by_pyvrp.search(fleet, seconds=left, seed=seed, wait=WAIT, start=tours) or tours
    spent = time.process_time() - began
    counted = [found for tour in tours if (found := driven(fleet, tour))]
    assert sum(len(found.tour.stops) for found in counted) == len(problem.stops), "everyone is served"
    yield _row(f"{file.stem}, fewest", "aislehub", "tours_more", len(counted) / vehicles - 1, spent)
    yield _row(f"{file.stem}, fewest", "aislehub", "fewest_gap", cost_of(fleet, counted) / best - 1, spent)


def _replanned(file: Path, count: int, seed: int) -> Iterator[Row]:
    """Share of stops moved and seconds by the clock after a cancellation."""
    problem = read_problem(file)
    van = replace(problem.vehicles[0], per_time=0.05)  # waiting costs something, so there is something to trade
    problem = replace(problem.only(range(50)), vehicles=(van,))
    plan = plan_routes(problem, seconds=5.0, seed=seed)
    visits = sorted((visit.begin, visit.stop) for tour in plan.tours for visit in tour.times.visits)
    now = visits[len(visits) // 4][0]
    later = [at for begin, at in visits if begin > now]
    for at in np.random.default_rng(seed).permutation(later)[:count].tolist():
        began, clock = time.process_time(), time.perf_counter()
        made = replan(problem, plan.tours, now=now, without=[at], seed=seed)
        spent, waited = time.process_time() - began, time.perf_counter() - clock
        name = f"{file.stem}, 50 stops, without {at + 1}"
        yield _row(name, "aislehub", "moved", len(made.moved) / len(made.promised), spent)
        yield _row(name, "aislehub", "seconds", waited, spent)


def _frozen(seeds: int) -> Row:
    """Mean gap to the known optimum of cost and stops moved of small days planned anew."""
    began, gaps = time.process_time(), []
    for seed in range(seeds):
        problem = random_problem(seed, 7, count=3, max_trips=1 + seed % 2)
        plan = plan_routes(problem, seconds=1.0, seed=seed)
        begins = sorted(visit.begin for tour in plan.tours for visit in tour.times.visits)
        last = max((visit.begin, visit.stop) for tour in plan.tours for visit in tour.times.visits)[1]
        made = replan(
            problem,
            plan.tours,
            now=begins[2],
            without=[last],
            seed=seed,
            rounds=1000,
            seconds=10,
            move_weight=8,
            shift=5,
        )
        if not made.plan.unserved:
            reached = made.plan.cost + 8 * sum(at in made.moved for at in made.promised)
            gaps.append(reached / cheapest_rest(made.plan.problem) - 1)
    data = f"features: frozen, {len(gaps)} problems"
    return _row(data, "aislehub", "gap", float(np.mean(gaps or [np.nan])), time.process_time() - began)


def _features(feature: str, seeds: int, size: int) -> Iterator[Row]:
    """Mean gap to the known optimum of small problems with one feature."""
    began, gaps = time.process_time(), []
    for seed in range(seeds):
        problem = random_problem(seed, size, **FEATURES[feature])
        plan = plan_routes(problem, seconds=1.0, seed=seed)
        if not plan.unserved:
            gaps.append(plan.cost / cheapest(problem) - 1)
    yield _row(f"features: {feature}, {len(gaps)} problems", "aislehub", "gap", float(np.mean(gaps or [np.nan])),
               time.process_time() - began)  # fmt: skip


def _row(data: str, model: str, metric: str, value: float, cpu: float) -> Row:
    return {
        "bench": "route", "data": data, "model": model, "metric": metric, "value": round(float(value), 5), "low": None,
        "high": None, "cpu_s": round(cpu, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip


def _folder() -> Path:
    beside = Path(__file__).parents[2] / "shared" / "data"
    return Path(os.environ.get("AISLEHUB_TEST_DATA") or beside) / "vrp"
