"""Why there is no roster: for each person whose rules contradict each other, the smallest such set, and what helps.

Head counts and wishes are soft, so whatever makes a roster impossible lies in the rules of single people, and is found
one person at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from ortools.sat.python import cp_model

from aislehub.store.roster.model import add_person
from aislehub.store.roster.problem import RULES, Person, Problem

__all__ = ["Conflict", "Relaxation", "conflicts"]

Given = dict[tuple[int, str, str], cp_model.IntVar]

COUNTED = ("days_off", "not_on", "max_shifts", "rest")  # relaxed by how often they may be broken, not by another limit
STEPS = {"max_run": 1, "min_run": -1, "min_off": -1, "max_weekends": 1}


@dataclass(frozen=True)
class Relaxation:
    """The least change of one rule that makes a roster possible, all others kept.

    Attributes:
        limit: as it is, 0 for rules that are counted: days off worked, shifts barred, shifts beyond their limit, rests
            too short.
        value: as it would have to be.
    """

    rule: str
    limit: int
    value: int


@dataclass(frozen=True)
class Conflict:
    """Rules of a person that cannot hold together; no smaller set of them conflicts.

    Attributes:
        relaxations: one for each rule whose change alone would do; none where two conflicts overlap.
    """

    person: str
    rules: tuple[str, ...]
    relaxations: tuple[Relaxation, ...]


def conflicts(problem: Problem) -> list[Conflict]:
    """What stands against a roster; empty if there is one."""
    found = []
    for person in problem.staff:
        if not _possible(problem, person):
            rules = _smallest(problem, person)
            changes = (_relaxed(problem, person, rule) for rule in rules)
            found.append(Conflict(person.id, rules, tuple(change for change in changes if change)))
    return found


def _possible(problem: Problem, person: Person, ignore: frozenset[str] = frozenset()) -> bool:
    model = cp_model.CpModel()
    add_person(model, problem, person, ignore=ignore)
    return _solved(model) is not None


def _smallest(problem: Problem, person: Person) -> tuple[str, ...]:
    """The first of the smallest sets of rules that cannot hold together."""
    for size in range(1, len(RULES)):
        for rules in combinations(RULES, size):
            if not _possible(problem, person, frozenset(RULES).difference(rules)):
                return rules
    return RULES


def _relaxed(problem: Problem, person: Person, rule: str) -> Relaxation | None:
    """The least change of a rule that suffices, None if none does."""
    if not _possible(problem, person, frozenset({rule})):
        return None
    if rule in STEPS:
        limit = getattr(person, rule)
        value = limit
        while not _possible(problem, replace(person, **{rule: value})):
            value += STEPS[rule]
        return Relaxation(rule, limit, value)
    model = cp_model.CpModel()
    given = add_person(model, problem, person, ignore=frozenset({rule}))
    minutes = {shift.id: shift.minutes for shift in problem.shifts}
    total = sum(minutes[shift] * variable for (_, shift, _), variable in given.items())
    if rule == "min_minutes":
        model.maximize(total)
    elif rule == "max_minutes":
        model.minimize(total)
    else:
        model.minimize(sum(_broken(model, problem, person, rule, given)))
    best = _solved(model)
    assert best is not None  # possible without the rule, as asked above
    return Relaxation(rule, 0 if rule in COUNTED else getattr(person, rule), best)


def _broken(
    model: cp_model.CpModel, problem: Problem, person: Person, rule: str, given: Given
) -> Iterator[cp_model.LinearExprT]:
    """Terms that count how often a rule is broken."""
    if rule == "days_off":
        yield from (variable for (day, _, _), variable in given.items() if day in person.days_off)
    elif rule == "not_on":
        yield from (variable for (day, shift, _), variable in given.items() if (day, shift) in person.not_on)
    elif rule == "max_shifts":
        for shift, limit in person.max_shifts.items():
            beyond = model.new_int_var(0, problem.days, "beyond")
            model.add(beyond >= sum(variable for (_, name, _), variable in given.items() if name == shift) - limit)
            yield beyond
    else:
        after = {shift.id: shift.not_next for shift in problem.shifts}
        for (day, shift, _), today in given.items():
            tomorrow = [given[other] for other in given if other[0] == day + 1 and other[1] in after[shift]]
            short = model.new_bool_var("short")
            model.add(short >= today + sum(tomorrow) - 1)
            yield short


def _solved(model: cp_model.CpModel) -> int | None:
    """The best value of a small model, 0 without objective; None if it has no solution."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    return None if status == cp_model.INFEASIBLE else round(solver.objective_value)
