"""Routes on public instances with published solutions, and on small ones with every feature and a known optimum.

`X`: instances of Uchoa and others with up to 300 customers; `gap` is the distance over that of the best known solution.
`solomon`: instances with time windows; beside the distance, the tours more than in the best known solution. OR-tools'
routing library, called as its manual shows (cheapest insertion, then guided local search), has the same processor time;
it is told how many vehicles the best solution needs, and two more. `bound_gap` is how far the hub's own lower bound
lies below the best known solution.

`features`: five stops with windows and loads, and several trips, limits of hours and distance, or drivers' breaks; the
optimum is that of all orders and all ways to cut them into trips and tours. `gap` is the mean over it.
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
from aislehub.supply.route.plan import Tour, cost_of, driven
from aislehub.supply.route.problem import Break, Depot, Problem, Stop, Vehicle
from aislehub.supply.route.solve import plan_routes

__all__ = ["FEATURES", "cheapest", "random_problem", "run"]

X = ("X-n106-k14", "X-n153-k22", "X-n181-k23", "X-n200-k36", "X-n256-k16", "X-n294-k50")
SOLOMON = ("C101", "C204", "R105", "R112", "R208", "RC103", "RC108", "RC205")
WAIT = 20.0  # seconds by the clock per second of a core: on a busy machine both get their processor time
SECONDS = {"X": 60.0, "solomon": 20.0}
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
        if not quick:
            rows += _means(kind, rows)
    for feature in FEATURES:
        rows += _features(feature, seeds=1 if quick else 6, size=4 if quick else 5)
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


# -- helpers -----------------------------------------------------------------------------------------


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
        if kind == "solomon":
            yield _row(file.stem, model, "tours_more", len(counted) - vehicles, spent)
    began = time.process_time()
    bound = lower_bound(problem, seconds=seconds / 6)
    yield _row(file.stem, "aislehub", "bound_gap", 1 - bound / best, time.process_time() - began)


def _means(kind: str, rows: list[Row]) -> Iterator[Row]:
    """Mean gap of each solver over the instances of a set."""
    names = X if kind == "X" else SOLOMON
    for model in ("aislehub", "ortools"):
        for metric in ("gap", "bound_gap"):
            own = [row for row in rows if (row["model"], row["metric"]) == (model, metric) and row["data"] in names]
            if own:
                mean = float(np.mean([row["value"] for row in own]))
                yield _row(f"{kind}, {len(own)} instances", model, f"{metric}_mean", mean, sum(r["cpu_s"] for r in own))


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
