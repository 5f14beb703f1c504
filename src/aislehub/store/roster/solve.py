"""The cheapest roster that keeps every rule, with proof of how far from the best it can be.

Three stages. The head-count programme gives a bound and shares of people. The whole model (CP-SAT, OR-tools) begins
with the shares and takes the bound as a cut, so that it stops as soon as a roster reaches it. Where it did not prove
the best in its share of the time, large-neighbourhood search spends the rest.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from ortools.sat.python import cp_model

from aislehub.core.errors import HubError
from aislehub.store.roster.cost import breaches, cost_of
from aislehub.store.roster.head_count import head_count
from aislehub.store.roster.improve import improve
from aislehub.store.roster.model import add_person, roster_model, searcher
from aislehub.store.roster.problem import Assignment, Problem

__all__ = ["Roster", "solve"]

HEAD_COUNT_SHARE = 0.2
WHOLE_SHARE = 0.4  # of what the head count has left
LEAST_SECONDS = 0.1
ALONE_SECONDS = 600.0  # milliseconds do; a limit only so that there is one
WORKERS = 8  # CP-SAT's searches of different kinds, which share what they find even on fewer cores


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
    problem: Problem, *, seconds: float, seed: int = 0, workers: int = WORKERS, start: Sequence[Assignment] = (),
) -> Roster:  # fmt: skip
    """Search for `seconds` of the clock, or until the best is proven.

    Args:
        start: a roster to begin from, such as yesterday's; it may break rules.
    """
    end = time.monotonic() + seconds
    alone = _each_alone(problem, seed)
    if alone is None:
        return Roster("infeasible", None, None, ())
    counted = head_count(problem, seconds=max(seconds * HEAD_COUNT_SHARE, LEAST_SECONDS))
    whole = roster_model(problem)
    whole.model.add(whole.cost >= counted.bound)
    whole.model.minimize(whole.cost)
    likely = {key for key, share in counted.shares.items() if share > 0.5}
    model = whole.starting_from({(one.person, one.day, one.shift, one.skill) for one in start} or likely)
    solver = searcher(seconds=max((end - time.monotonic()) * WHOLE_SHARE, LEAST_SECONDS), seed=seed, workers=workers)
    status = solver.solve(model)
    bound = max(counted.bound, ceil(solver.best_objective_bound - 1e-6))
    found = whole.assignments(solver) if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else alone
    left = end - time.monotonic()
    found = improve(problem, whole, found, cost_of(problem, found), bound=bound, seconds=left, seed=seed)
    return _counted(problem, found, bound)


def _each_alone(problem: Problem, seed: int) -> tuple[Assignment, ...] | None:
    """Some roster that keeps every rule, person by person; None if somebody's rules allow none.

    Whatever is hard concerns one person, so this is there at once, however large the problem.
    """
    given: list[Assignment] = []
    for person in problem.staff:
        model = cp_model.CpModel()
        own = add_person(model, problem, person)
        solver = searcher(seconds=ALONE_SECONDS, seed=seed, workers=1)
        if solver.solve(model) == cp_model.INFEASIBLE:
            return None
        given += [Assignment(person.id, *key) for key, variable in own.items() if solver.boolean_value(variable)]
    return tuple(given)


def _counted(problem: Problem, found: tuple[Assignment, ...], bound: int) -> Roster:
    """The roster with its cost and rules counted again."""
    broken = breaches(problem, found)
    if broken:  # the model and the count disagree: a fault of ours, and no roster
        raise HubError("roster.breach", person=broken[0].person, rule=broken[0].rule)
    cost = cost_of(problem, found)
    return Roster("optimal" if cost == bound else "feasible", cost, bound, found)
