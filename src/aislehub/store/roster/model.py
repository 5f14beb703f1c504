"""A person's rules and the cost of a roster as constraints of OR-tools' CP-SAT."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ortools.sat.python import cp_model

from aislehub.store.roster.problem import Assignment, Person, Problem

__all__ = ["RosterModel", "add_person", "roster_model", "searcher"]

Key = tuple[int, str, str]
"""Day, shift, skill."""


@dataclass(frozen=True)
class RosterModel:
    """A CP-SAT model of a problem.

    Attributes:
        given: person, day, shift, skill → whether that is assigned.
        cost: the cost of the roster, as an expression.
    """

    model: cp_model.CpModel
    given: dict[tuple[str, int, str, str], cp_model.IntVar]
    cost: cp_model.LinearExprT

    def starting_from(self, chosen: Collection[tuple[str, int, str, str]]) -> cp_model.CpModel:
        """A copy whose search begins near these assignments."""
        model = self.model.clone()
        for key, variable in self.given.items():
            model.add_hint(variable, key in chosen)
        return model

    def assignments(self, solver: cp_model.CpSolver) -> tuple[Assignment, ...]:
        """The roster that a solver has found."""
        return tuple(Assignment(*key) for key, variable in self.given.items() if solver.boolean_value(variable))


def roster_model(problem: Problem) -> RosterModel:
    """The whole problem: each person's rules, head counts, wishes."""
    model = cp_model.CpModel()
    given = {
        (person.id, *key): variable
        for person in problem.staff
        for key, variable in add_person(model, problem, person).items()
    }
    cost = [*_cover_costs(model, problem, given), *_wish_costs(problem, given)]
    return RosterModel(model, given, sum(cost))


def searcher(*, seconds: float, seed: int, workers: int) -> cp_model.CpSolver:
    """A solver for such models, which lean on the linear relaxation more than CP-SAT expects of a model."""
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = workers
    solver.parameters.linearization_level = 2
    return solver


def add_person(
    model: cp_model.CpModel, problem: Problem, person: Person, *, ignore: frozenset[str] = frozenset()
) -> dict[Key, cp_model.IntVar]:
    """Variables and rules of one person.

    Args:
        ignore: rules (of `problem.RULES`) to leave out.
    """
    options = problem.options(person, ignore=ignore)
    given = {key: model.new_bool_var(f"{person.id} {key[0]} {key[1]} {key[2]}") for key in options}
    by_shift: dict[tuple[int, str], list[cp_model.IntVar]] = defaultdict(list)
    for (day, shift, _), variable in given.items():
        by_shift[day, shift].append(variable)
    works = [model.new_bool_var(f"{person.id} works {day}") for day in range(problem.days)]
    for day, work in enumerate(works):
        model.add(sum(variable for key, variable in given.items() if key[0] == day) == work)
    if "rest" not in ignore:
        _rest(model, problem, by_shift)
    if "max_shifts" not in ignore:
        for shift, limit in person.max_shifts.items():
            if 0 < limit < problem.days:
                model.add(sum(sum(by_shift[day, shift]) for day in range(problem.days)) <= limit)
    _runs(model, person, works, ignore)
    minutes = {shift.id: shift.minutes for shift in problem.shifts}
    total = sum(minutes[shift] * variable for (_, shift, _), variable in given.items())
    if "min_minutes" not in ignore:
        model.add(total >= person.min_minutes)
    if "max_minutes" not in ignore:
        model.add(total <= person.max_minutes)
    if person.max_weekends is not None and "max_weekends" not in ignore:
        _weekends(model, problem, person.max_weekends, works)
    return given


def _rest(model: cp_model.CpModel, problem: Problem, by_shift: dict[tuple[int, str], list[cp_model.IntVar]]) -> None:
    """No shift is followed by one that leaves too little rest; all shifts with the same successors share a row."""
    rows: dict[frozenset[str], list[str]] = defaultdict(list)
    for shift in problem.shifts:
        if shift.not_next:
            rows[shift.not_next].append(shift.id)
    for after, before in rows.items():
        # whoever forbids more is in the row of whoever forbids less, too: the row is tighter and still true
        wider = [shift.id for shift in problem.shifts if shift.not_next >= after and shift.id not in before]
        for day in range(problem.days - 1):
            today = [variable for shift in (*before, *wider) for variable in by_shift[day, shift]]
            tomorrow = [variable for shift in sorted(after) for variable in by_shift[day + 1, shift]]
            if today and tomorrow:
                model.add(sum(today) + sum(tomorrow) <= 1)


def _runs(model: cp_model.CpModel, person: Person, works: list[cp_model.IntVar], ignore: frozenset[str]) -> None:
    days = len(works)
    if "max_run" not in ignore:
        for first in range(days - person.max_run):
            model.add(sum(works[first : first + person.max_run + 1]) <= person.max_run)
    if "min_run" not in ignore:
        for length in range(1, person.min_run):
            for first in range(1, days - length):
                run = [work.negated() for work in works[first : first + length]]
                model.add_bool_or([works[first - 1], *run, works[first + length]])
    if "min_off" not in ignore:
        for length in range(1, person.min_off):
            for first in range(1, days - length):
                edges = [works[first - 1].negated(), works[first + length].negated()]
                model.add_bool_or([*edges, *works[first : first + length]])


def _weekends(model: cp_model.CpModel, problem: Problem, most: int, works: list[cp_model.IntVar]) -> None:
    busy = []
    for weekend in problem.weekends:
        some = model.new_bool_var("weekend")
        for day in weekend:
            model.add_implication(works[day], some)
        busy.append(some)
    model.add(sum(busy) <= most)


def _cover_costs(
    model: cp_model.CpModel, problem: Problem, given: dict[tuple[str, int, str, str], cp_model.IntVar]
) -> Iterable[cp_model.LinearExprT]:
    where: dict[Key, list[cp_model.IntVar]] = defaultdict(list)
    for (_, day, shift, skill), variable in given.items():
        where[day, shift, skill].append(variable)
        if skill:
            where[day, shift, ""].append(variable)
    for (day, shifts, skill), covers in problem.cover_groups():
        there = [variable for shift in shifts for variable in where[day, shift, skill]]
        for cover in covers:
            few = model.new_int_var(0, cover.required, "few")
            many = model.new_int_var(0, len(there), "many")
            model.add(sum(there) + few - many == cover.required)
            yield cover.under * few + cover.over * many


def _wish_costs(
    problem: Problem, given: dict[tuple[str, int, str, str], cp_model.IntVar]
) -> Iterable[cp_model.LinearExprT]:
    by_shift: dict[tuple[str, int, str], list[cp_model.IntVar]] = defaultdict(list)
    for (person, day, shift, _), variable in given.items():
        by_shift[person, day, shift].append(variable)
    for wish in problem.wishes:
        got = sum(by_shift[wish.person, wish.day, wish.shift])
        yield wish.weight * (1 - got) if wish.wanted else wish.weight * got
