"""Large-neighbourhood search: most of a roster stays, the rest is planned anew, again and again.

Shaw 1998, "Using constraint programming and local search methods to solve vehicle routing problems". What is planned
anew is either all days of some people, or some days of all people; its size grows while such parts are solved to the
end, and shrinks when they are not.
"""

from __future__ import annotations

import random
import time

from ortools.sat.python import cp_model

from aislehub.store.roster.model import RosterModel, searcher
from aislehub.store.roster.problem import Assignment, Problem

__all__ = ["improve"]

ROUND_SECONDS = 3.0
LEAST_SHARE = 0.1  # of all person-days planned anew
GROW, SHRINK = 1.1, 0.85


def improve(
    problem: Problem, whole: RosterModel, roster: tuple[Assignment, ...], cost: int, *, bound: int, seconds: float,
    seed: int,
) -> tuple[Assignment, ...]:  # fmt: skip
    """A cheaper roster than `roster` if one is found within `seconds`; stops at the bound."""
    chance = random.Random(seed)
    sizes = {"people": 0.25, "days": 0.3}
    end = time.monotonic() + seconds
    while cost > bound and (left := end - time.monotonic()) > 0.1:
        kind = chance.choice(sorted(sizes))
        free = _people(problem, sizes[kind], chance) if kind == "people" else _days(problem, sizes[kind], chance)
        status, found, found_cost = _round(whole, roster, free, cost, min(left, ROUND_SECONDS), chance.randrange(2**31))
        if status in (cp_model.OPTIMAL, cp_model.INFEASIBLE):
            sizes[kind] = min(sizes[kind] * GROW, 1.0)
        else:
            sizes[kind] = max(sizes[kind] * SHRINK, LEAST_SHARE)
        if found and found_cost <= cost:
            roster, cost = found, found_cost
    return roster


Free = set[tuple[str, int]]
"""Person and day of what is planned anew."""


def _people(problem: Problem, share: float, chance: random.Random) -> Free:
    count = max(2, round(share * len(problem.staff)))
    chosen = chance.sample(problem.staff, min(count, len(problem.staff)))
    return {(person.id, day) for person in chosen for day in range(problem.days)}


def _days(problem: Problem, share: float, chance: random.Random) -> Free:
    length = max(2, round(share * problem.days))
    first = chance.randrange(-(length // 2), problem.days)
    days = range(max(first, 0), min(first + length, problem.days))
    return {(person.id, day) for person in problem.staff for day in days}


def _round(
    whole: RosterModel, roster: tuple[Assignment, ...], free: Free, cost: int, seconds: float, seed: int
) -> tuple[cp_model.CpSolverStatus, tuple[Assignment, ...], int]:
    """One neighbourhood, solved."""
    now = {(one.person, one.day, one.shift, one.skill) for one in roster}
    model = whole.starting_from(now)
    for key, variable in whole.given.items():
        if key[:2] not in free:
            domain = model.proto.variables[variable.index].domain
            domain[0] = domain[1] = int(key in now)
    solver = searcher(seconds=seconds, seed=seed, workers=1)
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return status, (), cost
    return status, whole.assignments(solver), round(solver.objective_value)
