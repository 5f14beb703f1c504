"""Rosters: how soon the best is proven, and how near the best known costs are, beside a plain CP-SAT model.

`week` are simulated stores: people with one to three of three skills, contracts of 24 to 40 hours, wishes, shifts
of 4, 6 or 8 hours from any full hour on, and head counts by the hour. `nottingham` are published instances 2 to 8
with their best known costs. The baseline, `plain`, is the same model given to CP-SAT as it is: no head count, no
cut, no start, default settings, no neighbourhoods.
"""

from __future__ import annotations

import math
import os
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ortools.sat.python import cp_model

from aislehub.core.errors import HubError
from aislehub.store.roster.cost import breaches
from aislehub.store.roster.model import roster_model
from aislehub.store.roster.nottingham import read_nottingham
from aislehub.store.roster.problem import Cover, Person, Problem, Shift, Wish
from aislehub.store.roster.solve import Roster, solve

__all__ = ["run", "week"]

Row = dict[str, Any]
Solver = Callable[[Problem, float, int], Roster]

BEST_KNOWN = {2: 828, 3: 1001, 4: 1716, 5: 1143, 6: 1950, 7: 1056, 8: 1300}
SKILLS = ("till", "fresh", "stock")
OPEN = (7, 21)
REST_HOURS = 11
WORKERS = 2


def run(data: Path | None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of cost, bound, gap, and seconds for each problem and solver.

    Args:
        data: folder of Nottingham's files; None = `rostering` among the test data, left out where that is absent.
        quick: one week of 10 people, and Instance 2.
        seed: of the first simulated store and of the searches.
    """
    folder = data or Path(os.environ.get("AISLEHUB_TEST_DATA", "../shared/data")) / "rostering"
    weeks = [(10, 10.0, 1)] if quick else [(30, 60.0, 5), (100, 60.0, 3)]
    numbers = [number for number in ([2] if quick else BEST_KNOWN) if (folder / f"Instance{number}.txt").is_file()]
    if data and not numbers:
        raise HubError("file.missing", file=folder / "Instance2.txt")
    rows = []
    for people, seconds, count in weeks:
        for one in range(seed, seed + count):
            rows += _compared(f"week {people}×7×3 #{one}", week(people, one), seconds, seed, best=None)
    for number in numbers:
        problem = read_nottingham(folder / f"Instance{number}.txt")
        best = BEST_KNOWN[number]
        rows += _compared(f"nottingham {number}", problem, 10.0 if quick else 60.0, seed, best=best)
    return rows


def week(people: int, seed: int) -> Problem:
    """A simulated store's week: 4, 6 or 8 hours from any full hour on, three skills, head counts by the hour."""
    chance = random.Random(seed)
    spans = [(start, start + hours) for hours in (4, 6, 8) for start in range(OPEN[0], OPEN[1] - hours + 1)]
    shifts = tuple(
        Shift(
            f"{start}-{end}", (end - start) * 60, frozenset(f"{a}-{b}" for a, b in spans if a + 24 - end < REST_HOURS)
        )
        for start, end in spans
    )
    staff = tuple(_person(f"P{at}", chance) for at in range(people))
    wishes = tuple(
        Wish(person.id, chance.randrange(7), chance.choice(shifts).id, chance.randint(1, 3), False)
        for person in staff
        for _ in range(5)
    )
    able = sum(person.max_minutes for person in staff) / 60 / (7 * (OPEN[1] - OPEN[0]) * len(SKILLS))
    covers = tuple(
        Cover(day, tuple(f"{a}-{b}" for a, b in spans if a <= hour < b), round(able * busy * weight), 10, 3, skill)
        for day in range(7)
        for skill, weight in zip(SKILLS, (1.3, 0.9, 0.8), strict=True)
        for hour, busy in zip(range(*OPEN), _curve(chance), strict=True)
    )
    return Problem(7, shifts, staff, covers, wishes, weekends=((5, 6),))


def _curve(chance: random.Random) -> list[float]:
    """Relative traffic of each hour: a peak at noon and one in the evening, and noise."""
    hours = range(*OPEN)
    shape = [0.6 + math.exp(-(((hour - 12) / 2) ** 2)) + math.exp(-(((hour - 18) / 2) ** 2)) for hour in hours]
    return [value * len(shape) / sum(shape) * chance.uniform(0.8, 1.2) for value in shape]


def _person(name: str, chance: random.Random) -> Person:
    hours = chance.choice([24, 32, 40, 40])
    skills = frozenset(chance.sample(SKILLS, chance.choice([1, 1, 2, 3])))
    off = frozenset(chance.sample(range(7), chance.choice([0, 1])))
    return Person(
        name, (hours - 8) * 60, hours * 60, max_run=5, min_off=chance.choice([1, 2]), skills=skills, days_off=off
    )


def plain(problem: Problem, seconds: float, seed: int) -> Roster:
    """The model alone."""
    whole = roster_model(problem)
    whole.model.minimize(whole.cost)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = WORKERS
    solver.parameters.random_seed = seed
    status = solver.solve(whole.model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Roster("unknown", None, None, ())
    cost, bound = round(solver.objective_value), round(solver.best_objective_bound)
    return Roster("optimal" if status == cp_model.OPTIMAL else "feasible", cost, bound, whole.assignments(solver))


def ours(problem: Problem, seconds: float, seed: int) -> Roster:
    """The hub's."""
    return solve(problem, seconds=seconds, seed=seed, workers=WORKERS)


SOLVERS: dict[str, Solver] = {"aislehub": ours, "plain": plain}


def _compared(name: str, problem: Problem, seconds: float, seed: int, *, best: int | None) -> list[Row]:
    rows = []
    for model, solver in SOLVERS.items():
        clock, cpu = time.monotonic(), time.process_time()
        roster = solver(problem, seconds, seed)
        clock, cpu = time.monotonic() - clock, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        figures = {
            "cost": roster.cost,
            "bound": roster.bound,
            "proven_gap": roster.gap,
            "gap_to_best_known": None if best is None or roster.cost is None else roster.cost / best - 1,
            "seconds": clock,
            "breaches": len(breaches(problem, roster.assignments)) if roster.cost is not None else None,
        }
        rows += [
            {"bench": "roster", "data": name, "model": model, "metric": metric, "value": round(value, 4), "low": None,
             "high": None, "cpu_s": round(cpu, 2), "peak_mb": round(peak)}
            for metric, value in figures.items() if value is not None
        ]  # fmt: skip
    return rows
