"""A bound on the cost of any roster, from head counts.

How many people are there at each time must be a whole number; who they are may be fractions of people. That programme
is small and solved by HiGHS's branch and bound (scipy), and no roster can cost less than its bound. Its strength is
in the sums: minutes, weekends and runs of everybody limit how many head counts can be met at once, which a search
among single assignments is slow to see.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from aislehub.store.roster.problem import Person, Problem

__all__ = ["HeadCount", "head_count"]

GAP = 1e-6  # of HiGHS, in units of cost


@dataclass(frozen=True)
class HeadCount:
    """What the programme found.

    Attributes:
        bound: no roster costs less; 0 when nothing was proven in time.
        shares: person, day, shift, skill → share of the person, empty when nothing was found in time.
    """

    bound: int
    shares: dict[tuple[str, int, str, str], float]


def head_count(problem: Problem, *, seconds: float) -> HeadCount:
    """Bound a problem's cost within `seconds` of the clock."""
    program = _Program()
    given: dict[tuple[str, int, str, str], int] = {}
    for person in problem.staff:
        given |= _person(program, problem, person)
    _covers(program, problem, given)
    _wishes(program, problem, given)
    result = program.solve(seconds)
    # milp gives no bound where it stopped before the root was solved
    bound = getattr(result, "mip_dual_bound", None)
    proven = 0 if bound is None or not np.isfinite(bound) else ceil(bound + program.constant - GAP)
    shares = {} if result.x is None else {key: float(result.x[at]) for key, at in given.items()}
    return HeadCount(max(proven, 0), shares)


class _Program:
    """A mixed-integer programme that grows row by row."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.upper: list[float] = []
        self.whole: list[bool] = []
        self.rows: list[tuple[dict[int, float], float, float]] = []
        self.constant = 0.0

    def variable(self, *, upper: float = 1.0, cost: float = 0.0, whole: bool = False) -> int:
        """Index of a new variable in [0, upper]."""
        self.cost.append(cost)
        self.upper.append(upper)
        self.whole.append(whole)
        return len(self.cost) - 1

    def row(self, terms: dict[int, float], low: float, high: float) -> None:
        """low ≤ Σ terms ≤ high."""
        self.rows.append((terms, low, high))

    def solve(self, seconds: float):  # type: ignore[no-untyped-def]  # scipy's result has no type
        """The result of HiGHS."""
        entries = [(at, column, value) for at, (terms, _, _) in enumerate(self.rows) for column, value in terms.items()]
        at, column, value = zip(*entries, strict=True)
        matrix = csr_array((value, (at, column)), shape=(len(self.rows), len(self.cost)))
        rows = LinearConstraint(matrix, [low for _, low, _ in self.rows], [high for _, _, high in self.rows])
        return milp(
            np.array(self.cost), constraints=rows, bounds=Bounds(0, np.array(self.upper)),
            integrality=np.array(self.whole, dtype=int), options={"time_limit": seconds, "mip_rel_gap": 0.0},
        )  # fmt: skip


def _person(program: _Program, problem: Problem, person: Person) -> dict[tuple[str, int, str, str], int]:
    """A person's rules as rows; short runs only as far as single days go."""
    given = {key: program.variable() for key in problem.options(person)}
    by_day: dict[int, list[int]] = defaultdict(list)
    by_shift: dict[tuple[int, str], list[int]] = defaultdict(list)
    for (day, shift, _), at in given.items():
        by_day[day].append(at)
        by_shift[day, shift].append(at)
    minutes = {shift.id: shift.minutes for shift in problem.shifts}
    if given:
        total = {at: float(minutes[shift]) for (_, shift, _), at in given.items()}
        program.row(total, person.min_minutes, person.max_minutes)
    for day in range(problem.days):
        if by_day[day]:
            program.row(dict.fromkeys(by_day[day], 1.0), 0, 1)
    for shift, limit in person.max_shifts.items():
        if 0 < limit < problem.days:
            kind = [at for (_, name, _), at in given.items() if name == shift]
            program.row(dict.fromkeys(kind, 1.0), 0, limit)
    for one in problem.shifts:
        for day in range(problem.days - 1):
            after = [at for name in one.not_next for at in by_shift[day + 1, name]]
            if after and by_shift[day, one.id]:
                program.row(dict.fromkeys([*by_shift[day, one.id], *after], 1.0), 0, 1)
    for first in range(problem.days - person.max_run):
        window = [at for day in range(first, first + person.max_run + 1) for at in by_day[day]]
        program.row(dict.fromkeys(window, 1.0), 0, person.max_run)
    for day in range(1, problem.days - 1):
        before, here, after = by_day[day - 1], by_day[day], by_day[day + 1]
        if person.min_run > 1 and here:  # a day worked has a worked neighbour
            program.row(dict.fromkeys(here, 1.0) | dict.fromkeys([*before, *after], -1.0), -np.inf, 0)
        if person.min_off > 1 and (before or after):  # a free day has a free neighbour
            program.row(dict.fromkeys([*before, *after], 1.0) | dict.fromkeys(here, -1.0), -np.inf, 1)
    if person.max_weekends is not None:
        _weekends(program, problem, person.max_weekends, by_day)
    return {(person.id, *key): at for key, at in given.items()}


def _weekends(program: _Program, problem: Problem, most: int, by_day: dict[int, list[int]]) -> None:
    busy = {program.variable(): 1.0 for _ in problem.weekends}
    for some, weekend in zip(busy, problem.weekends, strict=True):
        for day in weekend:
            if by_day[day]:
                program.row(dict.fromkeys(by_day[day], 1.0) | {some: -1.0}, -np.inf, 0)
    if busy:
        program.row(busy, 0, most)


def _covers(program: _Program, problem: Problem, given: dict[tuple[str, int, str, str], int]) -> None:
    """People there are counted in whole numbers."""
    where: dict[tuple[int, str, str], list[int]] = defaultdict(list)
    for (_, day, shift, skill), at in given.items():
        where[day, shift, skill].append(at)
        if skill:
            where[day, shift, ""].append(at)
    for (day, shifts, skill), covers in problem.cover_groups():
        people = [at for shift in shifts for at in where[day, shift, skill]]
        count = program.variable(upper=len(people), whole=True)
        program.row({count: 1.0} | dict.fromkeys(people, -1.0), 0, 0)
        for cover in covers:
            few = program.variable(upper=np.inf, cost=cover.under)
            many = program.variable(upper=np.inf, cost=cover.over)
            program.row({count: 1.0, few: 1.0, many: -1.0}, cover.required, cover.required)


def _wishes(program: _Program, problem: Problem, given: dict[tuple[str, int, str, str], int]) -> None:
    by_shift: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    for (person, day, shift, _), at in given.items():
        by_shift[person, day, shift].append(at)
    for wish in problem.wishes:
        for at in by_shift[wish.person, wish.day, wish.shift]:
            program.cost[at] += -wish.weight if wish.wanted else wish.weight
        program.constant += wish.weight if wish.wanted else 0
