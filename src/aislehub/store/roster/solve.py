"""The cheapest roster that keeps every rule, with proof of how far from the best it can be.

A roster is one line of shifts for each person. Lines are generated until the best blend of them is known, which bounds
the cost of every roster; a dive turns the blend into a roster, and large-neighbourhood search improves it. Small
problems whose best is not proven by then are given to CP-SAT (OR-tools) whole.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from math import ceil, inf

from ortools.sat.python import cp_model

from aislehub.core.errors import HubError
from aislehub.store.roster.arrays import Arrays, Lines, arrays_of
from aislehub.store.roster.beside import Search, beside
from aislehub.store.roster.cost import breaches, cost_of
from aislehub.store.roster.dive import dive, rounded
from aislehub.store.roster.generate import generate, whole
from aislehub.store.roster.improve import PATIENCE, alone, improve
from aislehub.store.roster.lines import Planner
from aislehub.store.roster.master import Master
from aislehub.store.roster.model import roster_model, searcher
from aislehub.store.roster.pool import Pool
from aislehub.store.roster.problem import Assignment, Problem
from aislehub.store.roster.settle import nearest, settle

__all__ = ["Roster", "solve"]

GENERATION_SHARE = 0.5  # of the time, so that some is left for a roster
SETTLE_SHARE = 0.1  # of the time, left for what a dive finds
LEAST_SECONDS = 0.1
SPAWN_SECONDS = 5.0  # another process is worth its start if so much time is left
SMALL = 3000  # person-day-options; more than that CP-SAT seldom proves


@dataclass(frozen=True)
class Roster:
    """A roster and what is proven about it.

    Attributes:
        status: `optimal` (cost = bound), `feasible`, or `infeasible` (none keeps the rules).
        cost: None where there is no roster.
        bound: no roster costs less; None where there can be none.
    """

    status: str
    cost: int | None
    bound: int | None
    assignments: tuple[Assignment, ...]

    @property
    def gap(self) -> float | None:
        """(cost − bound) / cost: how much cheaper another roster could be at most."""
        if self.cost is None or self.bound is None:
            return None
        return (self.cost - self.bound) / self.cost if self.cost else 0.0


def solve(
    problem: Problem, *, seconds: float, seed: int = 0, workers: int = 1, start: Sequence[Assignment] = ()
) -> Roster:  # fmt: skip
    """Search for `seconds` of the clock, or until the best is proven.

    Args:
        workers: processes, this one included; others begin only where several seconds are left for them.
        start: a roster to begin from, such as yesterday's; it may break rules.
    """
    begun = time.monotonic()
    end = begun + seconds
    arrays = arrays_of(problem)
    planner = Planner(arrays)
    lines = nearest(arrays, planner, arrays.lines(start))
    if lines is None:
        return Roster("infeasible", None, None, ())
    lines = settle(arrays, planner, lines, end=end)
    everybody = range(len(problem.staff))
    master = Master(arrays, everybody)
    master.add(enumerate(lines))
    master.add(enumerate(planner.at(arrays.under / 2, everybody)[1]))
    generated = generate(master, planner, end=begun + seconds * GENERATION_SHARE)
    bound = whole(max(generated.bound, 0.0))
    chance = random.Random(seed)
    if generated.blend is not None:
        found = settle(arrays, planner, rounded(master, generated.blend, lines), end=end)
        lines = min(lines, found, key=arrays.cost)
    if arrays.cost(lines) > bound:
        dived = dive(master, planner, lines, end=end - seconds * SETTLE_SHARE, chance=chance, floor=bound)
        if dived is not None:
            lines = min(lines, settle(arrays, planner, dived, end=end), key=arrays.cost)
    pool = Pool(arrays, generated.prices)
    pool.add(master.columns)
    left = end - time.monotonic()
    others = [
        Search(problem, generated.prices, master.columns, lines, bound, left, seed + number)
        for number in range(1, workers)
        if left > SPAWN_SECONDS and arrays.cost(lines) > bound
    ]
    small = arrays.allowed.sum() <= SMALL
    with beside(others) if others else nullcontext(alone) as exchange:
        lines = improve(
            arrays, planner, pool, lines, floor=bound, end=end, chance=chance, exchange=exchange,
            patience=PATIENCE if small else inf,
        )  # fmt: skip
    left = end - time.monotonic()
    if small and arrays.cost(lines) > bound and left > LEAST_SECONDS:
        lines, bound = _at_once(arrays, lines, bound, seconds=left, seed=seed, workers=workers)
    return _counted(problem, arrays.assignments(lines), bound)


def _at_once(arrays: Arrays, lines: Lines, bound: int, *, seconds: float, seed: int, workers: int) -> tuple[Lines, int]:
    """CP-SAT's roster and bound, from a roster and a bound that it takes as a cut."""
    model = roster_model(arrays.problem)
    model.model.add(model.cost >= bound)
    model.model.minimize(model.cost)
    hinted = model.starting_from({(one.person, one.day, one.shift, one.skill) for one in arrays.assignments(lines)})
    solver = searcher(seconds=seconds, seed=seed, workers=workers)
    if solver.solve(hinted) in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        lines = min(lines, arrays.lines(model.assignments(solver)), key=arrays.cost)
        bound = max(bound, ceil(solver.best_objective_bound - 1e-6))
    return lines, bound


def _counted(problem: Problem, found: tuple[Assignment, ...], bound: int) -> Roster:
    """The roster with its cost and rules counted again."""
    broken = breaches(problem, found)
    if broken:  # the search and the count disagree: a fault of ours, and no roster
        raise HubError("roster.breach", person=broken[0].person, rule=broken[0].rule)
    cost = cost_of(problem, found)
    return Roster("optimal" if cost == bound else "feasible", cost, bound, found)
