"""What a roster costs and which rules it breaks, counted from the roster alone.

It shares no line with the models that make rosters: what they return is counted again here before anybody sees it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from aislehub.store.roster.problem import Assignment, Cover, Person, Problem

__all__ = ["Breach", "Short", "breaches", "cost_of", "shortfalls"]


@dataclass(frozen=True)
class Breach:
    """A rule of `problem.RULES`, or `skill` or `twice`, that a person's shifts break; `value` beside its `limit`."""

    person: str
    rule: str
    value: int
    limit: int


@dataclass(frozen=True)
class Short:
    """A head count that is not met: people there instead of those wanted."""

    cover: Cover
    there: int


def cost_of(problem: Problem, assignments: Iterable[Assignment]) -> int:
    """Weights of wishes not heeded, and of people too few or too many."""
    given = list(assignments)
    total = 0
    for cover in problem.covers:
        there = _there(cover, given)
        total += cover.under * max(cover.required - there, 0) + cover.over * max(there - cover.required, 0)
    shifts = {(one.person, one.day, one.shift) for one in given}
    return total + sum(
        wish.weight for wish in problem.wishes if ((wish.person, wish.day, wish.shift) in shifts) != wish.wanted
    )


def shortfalls(problem: Problem, assignments: Iterable[Assignment]) -> list[Short]:
    """Head counts with too few people, in the order of the problem."""
    given = list(assignments)
    counts = [Short(cover, _there(cover, given)) for cover in problem.covers]
    return [short for short in counts if short.there < short.cover.required]


def breaches(problem: Problem, assignments: Iterable[Assignment]) -> list[Breach]:
    """Every hard rule that is broken; an empty list for a roster that may be worked."""
    own: dict[str, list[Assignment]] = defaultdict(list)
    for one in assignments:
        own[one.person].append(one)
    return [breach for person in problem.staff for breach in _breaches(problem, person, own[person.id])]


def _there(cover: Cover, given: list[Assignment]) -> int:
    return sum(one.day == cover.day and one.shift in cover.shifts and cover.skill in ("", one.skill) for one in given)


def _breaches(problem: Problem, person: Person, own: list[Assignment]) -> list[Breach]:
    shifts = {shift.id: shift for shift in problem.shifts}
    on = {one.day: shifts[one.shift] for one in own}
    kinds = Counter(one.shift for one in own)
    minutes = sum(shifts[one.shift].minutes for one in own)
    runs = [(worked, [*days]) for worked, days in groupby(range(problem.days), key=lambda day: day in on)]
    inner = [(worked, len(days)) for worked, days in runs if days[0] > 0 and days[-1] < problem.days - 1]
    weekends = sum(any(day in on for day in weekend) for weekend in problem.weekends)
    unrested = sum(on[day + 1].id in shift.not_next for day, shift in on.items() if day + 1 in on)
    unskilled = sum(bool(one.skill) and one.skill not in person.skills for one in own)
    barred = sum((day, shift.id) in person.not_on for day, shift in on.items())
    longest = max((len(days) for worked, days in runs if worked), default=0)
    run = min((length for worked, length in inner if worked), default=person.min_run)
    off = min((length for worked, length in inner if not worked), default=person.min_off)
    most = problem.days if person.max_weekends is None else person.max_weekends
    found = [
        ("twice", len(own) - len(on), 0, len(own) > len(on)),
        ("skill", unskilled, 0, unskilled > 0),
        ("days_off", len(on.keys() & person.days_off), 0, bool(on.keys() & person.days_off)),
        ("not_on", barred, 0, barred > 0),
        ("min_minutes", minutes, person.min_minutes, minutes < person.min_minutes),
        ("max_minutes", minutes, person.max_minutes, minutes > person.max_minutes),
        ("max_run", longest, person.max_run, longest > person.max_run),
        ("min_run", run, person.min_run, run < person.min_run),
        ("min_off", off, person.min_off, off < person.min_off),
        ("max_weekends", weekends, most, weekends > most),
        ("rest", unrested, 0, unrested > 0),
        *(("max_shifts", kinds[kind], limit, kinds[kind] > limit) for kind, limit in person.max_shifts.items()),
    ]
    return [Breach(person.id, rule, value, limit) for rule, value, limit, broken in found if broken]
