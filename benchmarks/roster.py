"""Rosters: how soon the best is proven, and how near the best known costs are, beside a plain CP-SAT model.

`week` are simulated stores: people with one to three of three skills, contracts of 24 to 40 hours, wishes, shifts
of 4, 6 or 8 hours from any full hour on, and head counts by the hour. `blocks` are the same people with an early, a
middle and a late shift, and head counts by shift and skill. `nottingham` are published instances 2 to 8 with their
best known costs. The baseline, `plain`, is the same model given to CP-SAT as it is: no bound, no cut, no start, default
settings, no neighbourhoods. `fuzz` are small problems drawn at random, whose rosters are counted again for breaches.
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

__all__ = ["blocks", "fuzzed", "run", "week"]

Row = dict[str, Any]
Solver = Callable[[Problem, float, int], Roster]

BEST_KNOWN = {2: 828, 3: 1001, 4: 1716, 5: 1143, 6: 1950, 7: 1056, 8: 1300}
SKILLS = ("till", "fresh", "stock")
OPEN = (7, 21)
REST_HOURS = 11
WORKERS = 2
FUZZ_SECONDS = 0.1


def run(data: Path | None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of cost, bound, gap, and seconds for each problem and solver.

    Args:
        data: folder of Nottingham's files; None = `rostering` among the test data, left out where that is absent.
        quick: weeks of 10 people, Instance 2, and fewer small problems.
        seed: of the first simulated store and of the searches.
    """
    folder = data or Path(os.environ.get("AISLEHUB_TEST_DATA", "../shared/data")) / "rostering"
    weeks = [(week, 10, 1), (blocks, 10, 1)] if quick else [(week, 30, 3), (blocks, 30, 2), (week, 100, 2)]
    seconds = 10.0 if quick else 60.0
    numbers = [number for number in ([2] if quick else BEST_KNOWN) if (folder / f"Instance{number}.txt").is_file()]
    if data and not numbers:
        raise HubError("file.missing", file=folder / "Instance2.txt")
    rows = []
    for made, people, count in weeks:
        for one in range(seed, seed + count):
            rows += _compared(f"{made.__name__} {people}×7×3 #{one}", made(people, one), seconds, seed, best=None)
    for number in numbers:
        problem = read_nottingham(folder / f"Instance{number}.txt")
        best = BEST_KNOWN[number]
        rows += _compared(f"nottingham {number}", problem, seconds, seed, best=best)
    return [*rows, *_fuzzed(200 if quick else 10_000, seed)]


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


def blocks(people: int, seed: int) -> Problem:
    """A simulated store's week: an early, a middle and a late shift of 8 hours, head counts by shift and skill."""
    chance = random.Random(seed)
    shifts = (Shift("early", 480), Shift("middle", 480), Shift("late", 480, frozenset({"early"})))
    staff = tuple(_person(f"P{at}", chance) for at in range(people))
    wishes = tuple(
        Wish(person.id, chance.randrange(7), chance.choice(shifts).id, chance.randint(1, 3), False)
        for person in staff
        for _ in range(3)
    )
    able = sum(person.max_minutes for person in staff) / 480 / (7 * len(shifts) * len(SKILLS))
    covers = tuple(
        Cover(day, (shift.id,), round(able * weight * chance.uniform(0.5, 1.7)), 10, 3, skill)
        for day in range(7)
        for shift in shifts
        for skill, weight in zip(SKILLS, (1.3, 0.9, 0.8), strict=True)
    )
    return Problem(7, shifts, staff, covers, wishes, weekends=((5, 6),))


def fuzzed(seed: int) -> Problem:
    """A small problem with any rules, drawn at random; about every third has no roster."""
    chance = random.Random(seed)
    days = chance.randint(2, 14)
    kinds = [f"S{at}" for at in range(chance.randint(1, 4))]
    shifts = tuple(
        Shift(kind, chance.choice([240, 360, 450, 480]), frozenset(chance.sample(kinds, chance.randrange(len(kinds)))))
        for kind in kinds
    )
    staff = []
    for at in range(chance.randint(1, 6)):
        most = chance.randint(1, days) * 480
        staff.append(
            Person(
                f"P{at}", min_minutes=chance.choice([0, 0, most // 2, most - 480]), max_minutes=most,
                max_run=chance.randint(1, 6), min_run=chance.randint(1, 3), min_off=chance.randint(1, 3),
                max_weekends=chance.choice([None, 0, 1, 2]),
                skills=frozenset(chance.sample(SKILLS, chance.randint(1, 3))),
                max_shifts={kind: chance.randint(0, days) for kind in kinds if chance.random() < 0.4},
                days_off=frozenset(chance.sample(range(days), chance.choice([0, 0, 1, 2]))),
            )
        )  # fmt: skip
    covers = tuple(
        Cover(
            day, (kind,), chance.randint(0, 3), chance.randint(0, 100), chance.randint(0, 10),
            chance.choice(["", *SKILLS]),
        )
        for day in range(days)
        for kind in kinds
    )  # fmt: skip
    wishes = tuple(
        Wish(person.id, chance.randrange(days), chance.choice(kinds), chance.randint(1, 9), chance.random() < 0.5)
        for person in staff
    )
    weekends = tuple((day, day + 1) if day + 1 < days else (day,) for day in range(5, days, 7))
    return Problem(days, shifts, tuple(staff), covers, wishes, weekends)


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
        clock, cpu = time.monotonic(), _cpu_seconds()
        roster = solver(problem, seconds, seed)
        clock, cpu = time.monotonic() - clock, _cpu_seconds() - cpu
        figures = {
            "cost": roster.cost,
            "bound": roster.bound,
            "proven_gap": roster.gap,
            "gap_to_best_known": None if best is None or roster.cost is None else roster.cost / best - 1,
            "seconds": clock,
            "breaches": len(breaches(problem, roster.assignments)) if roster.cost is not None else None,
        }
        rows += [_row(name, model, metric, value, cpu) for metric, value in figures.items() if value is not None]
    return rows


def _fuzzed(count: int, seed: int) -> list[Row]:
    """Problems, those with a roster, those proven, breaches of rules, and bounds above the cost."""
    figures = dict.fromkeys(("problems", "rosters", "optimal", "breaches", "bounds_above_cost"), 0)
    cpu = _cpu_seconds()
    for number in range(count):
        problem = fuzzed(seed * count + number)
        roster = solve(problem, seconds=FUZZ_SECONDS, seed=seed)
        figures["problems"] += 1
        if roster.cost is not None and roster.bound is not None:
            figures["rosters"] += 1
            figures["optimal"] += roster.status == "optimal"
            figures["breaches"] += len(breaches(problem, roster.assignments))
            figures["bounds_above_cost"] += roster.bound > roster.cost
    return [_row("fuzz", "aislehub", metric, value, _cpu_seconds() - cpu) for metric, value in figures.items()]


def _row(data: str, model: str, metric: str, value: float, cpu: float) -> Row:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"bench": "roster", "data": data, "model": model, "metric": metric, "value": round(value, 4), "low": None,
            "high": None, "cpu_s": round(cpu, 2), "peak_mb": round(peak)}  # fmt: skip


def _cpu_seconds() -> float:
    """Of this process and of those it began and waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)
