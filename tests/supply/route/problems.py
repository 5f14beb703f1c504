"""Small problems for the tests; random ones and their exhaustive search are the benchmark's, which is a script."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np

from aislehub.core.reasons import Reason
from aislehub.supply.route.problem import Depot, Problem, Stop, Vehicle

_spec = importlib.util.spec_from_file_location(
    "benchmarks.route", Path(__file__).parents[3] / "benchmarks" / "route.py"
)
bench = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = bench
_spec.loader.exec_module(bench)
random_problem, cheapest, FEATURES = bench.random_problem, bench.cheapest, bench.FEATURES


def line_problem(positions, *, stops=None, vehicle=None, **changes):
    """Stops on a line, the depot at 0; distance = time = difference of positions."""
    points = np.array([0, *positions])
    distance = np.abs(points[:, None] - points).astype(np.int64)
    stops = stops or [{} for _ in positions]
    made = tuple(
        Stop(str(at), at, told.pop("delivery", (1,)), told.pop("pickup", (0,)), **told)
        for at, told in enumerate([dict(one) for one in stops], start=1)
    )
    vehicles = changes.pop("vehicles", (vehicle or Vehicle("van", len(positions), (10,)),))
    return Problem(
        "line", ("units",), changes.pop("depots", (Depot("depot", 0),)), made, vehicles, distance, distance,
        Reason("route.distances_matrix"),
    )  # fmt: skip
