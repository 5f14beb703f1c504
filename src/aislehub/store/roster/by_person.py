"""A roster made person by person: each one's days are planned anew while all others stay, again and again.

The best days of one person are a shortest path over days (state: paid minutes so far, days worked in a row, the shift
of the day before), found exactly by dynamic programming. From some roster on, a few people are taken out and planned
again one after another; what costs no more is kept ("ruin and recreate", Schrimpf et al. 2000). Nothing here looks at
the clock: the same problem and seed give the same roster.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from aislehub.store.roster.problem import Assignment, Person, Problem

__all__ = ["planned_by_person"]

FREE = -1
MOST_OUT = 3
FloatArray = NDArray[np.float64]


def planned_by_person(
    problem: Problem, *, rounds: int, seed: int, start: Sequence[Assignment] = ()
) -> tuple[Assignment, ...]:
    """A roster that keeps every rule but least minutes of whom no days can give them.

    Of the rules it knows minutes, days off, shifts that are barred, days in a row and rest; head counts have a skill.

    Args:
        rounds: how often people are taken out and planned again, for each person.
        start: a roster to begin from; people it does not name begin without shifts.
    """
    board = _Board(problem)
    chance = random.Random(seed)
    for one in start:
        board.take(one, 1)
    people = list(problem.staff)
    for person in people:
        board.replan(person)
    best, cost = board.given(), board.cost()
    for _ in range(rounds * len(people)):
        out = chance.sample(people, min(len(people), chance.randint(1, MOST_OUT)))
        for person in out:
            board.clear(person)
        for person in out:
            board.replan(person)
        now = board.cost()
        if now <= cost:
            best, cost = board.given(), now
        else:
            board.reset(best)
    return tuple(sorted(best, key=lambda one: (one.person, one.day)))


@dataclass(frozen=True)
class _Counts:
    """Head counts of one day and skill.

    Attributes:
        holds: whether a kind counts, (groups, kinds).
        required, under, over: of each head count; `group` is its row of `holds`.
    """

    holds: FloatArray
    group: NDArray[np.int64]
    required: FloatArray
    under: FloatArray
    over: FloatArray

    def marginal(self, people: FloatArray) -> FloatArray:
        """Cost of one more person in each kind, with so many of each there, (kinds,)."""
        there = (self.holds @ people)[self.group]
        each = np.where(there < self.required, -self.under, self.over)
        return np.asarray(np.bincount(self.group, each, len(self.holds)) @ self.holds)

    def cost(self, people: FloatArray) -> float:
        there = (self.holds @ people)[self.group]
        lack = self.required - there
        return float(np.sum(np.where(lack > 0, self.under * lack, -self.over * lack)))


class _Board:
    """Who works what, and what one more would cost."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.kind = {shift.id: at for at, shift in enumerate(problem.shifts)}
        self.counts = _counts(problem, self.kind)
        self.people = {key: np.zeros(len(self.kind)) for key in self.counts}
        self.own: dict[str, dict[int, Assignment]] = {person.id: {} for person in problem.staff}
        self.paths = {person.id: _Days(problem, person) for person in problem.staff}
        self.skills = {person.id: sorted(person.skills) for person in problem.staff}
        self.wish: dict[str, FloatArray] = {
            person.id: np.zeros((problem.days, len(self.kind))) for person in problem.staff
        }
        for wish in problem.wishes:
            self.wish[wish.person][wish.day, self.kind[wish.shift]] += -wish.weight if wish.wanted else wish.weight

    def take(self, one: Assignment, sign: int) -> None:
        """Put a shift on the board (1) or take it off (-1)."""
        if (one.day, one.skill) in self.people:
            self.people[one.day, one.skill][self.kind[one.shift]] += sign
        if sign > 0:
            self.own[one.person][one.day] = one
        else:
            del self.own[one.person][one.day]

    def clear(self, person: Person) -> None:
        for one in list(self.own[person.id].values()):
            self.take(one, -1)

    def replan(self, person: Person) -> None:
        """Give a person the days that cost least beside all others."""
        self.clear(person)
        skills = [skill for skill in self.skills[person.id] if any(key[1] == skill for key in self.counts)]
        if not skills:
            return
        values = np.full((self.problem.days, len(self.kind)), np.inf)
        which = np.zeros(values.shape, dtype=int)
        for at, skill in enumerate(skills):
            for day in range(self.problem.days):
                if (day, skill) in self.counts:
                    value = self.counts[day, skill].marginal(self.people[day, skill])
                    better = value < values[day]
                    values[day] = np.where(better, value, values[day])
                    which[day] = np.where(better, at, which[day])
        path = self.paths[person.id].best(values + self.wish[person.id])
        for day, kind in enumerate(path):
            if kind != FREE:
                self.take(Assignment(person.id, day, self.problem.shifts[kind].id, skills[which[day, kind]]), 1)

    def reset(self, given: Sequence[Assignment]) -> None:
        now, then = set(self.given()), set(given)
        for one in now - then:
            self.take(one, -1)
        for one in then - now:
            self.take(one, 1)

    def given(self) -> list[Assignment]:
        return [one for days in self.own.values() for one in days.values()]

    def cost(self) -> float:
        """Of head counts and wishes; wishes for a shift count as won, not as lost."""
        wishes = sum(self.wish[one.person][one.day, self.kind[one.shift]] for one in self.given())
        return sum(counts.cost(self.people[key]) for key, counts in self.counts.items()) + float(wishes)


class _Days:
    """The rules of one person, ready for the search of their best days."""

    def __init__(self, problem: Problem, person: Person) -> None:
        minutes = [shift.minutes for shift in problem.shifts]
        self.unit = max(gcd(*minutes), 1)
        self.size = person.max_minutes // self.unit + 1
        self.least = -(-person.min_minutes // self.unit)
        self.run = min(person.max_run, problem.days)
        units = np.array(minutes) // self.unit
        barred = np.zeros((problem.days, len(minutes)), dtype=bool)
        for at, shift in enumerate(problem.shifts):
            barred[:, at] |= person.max_shifts.get(shift.id, problem.days) == 0
        kind = {shift.id: at for at, shift in enumerate(problem.shifts)}
        for day in person.days_off:
            barred[day] = True
        for day, shift_id in person.not_on:
            barred[day, kind[shift_id]] = True
        self.barred = barred
        before = np.arange(self.size)[None, :] - units[:, None]
        self.before = np.where(before >= 0, before, self.size)  # the last column is infinite
        # may follow: (kinds today, kinds of the day before)
        self.follows = np.array([[one.id not in other.not_next for other in problem.shifts] for one in problem.shifts])

    def best(self, values: FloatArray) -> list[int]:
        """Kind of each day, `FREE` = none, of least total value; with fewer minutes than the least where none has them.

        Args:
            values: of each kind on each day, (days, kinds).
        """
        days, kinds = values.shape
        values = np.where(self.barred, np.inf, values)
        free = np.full((days + 1, self.size + 1), np.inf)
        free[0, 0] = 0.0
        work = np.full((days + 1, self.run + 1, kinds, self.size + 1), np.inf)
        rows = np.arange(kinds)[:, None]
        for day in range(days):
            free[day + 1] = np.minimum(free[day], work[day].min(axis=(0, 1)))
            open_ = np.flatnonzero(np.isfinite(values[day]))
            if not len(open_):
                continue
            value = values[day][open_, None]
            work[day + 1, 1, open_, :-1] = free[day][self.before[open_]] + value
            for run in range(2, min(self.run, day + 1) + 1):
                # cheapest shift of the day before that may come before each kind
                allowed = np.where(self.follows[open_][:, :, None], work[day, run - 1][None], np.inf).min(axis=1)
                work[day + 1, run, open_, :-1] = allowed[rows[: len(open_)], self.before[open_]] + value
        total = np.minimum(free[days], work[days].min(axis=(0, 1)))[:-1]
        able = np.flatnonzero(np.isfinite(total))
        enough = able[able >= self.least]
        wanted = enough if len(enough) else able[-1:]  # as many minutes as there can be
        return self._back(free, work, values, int(wanted[total[wanted].argmin()]))

    def _back(self, free: FloatArray, work: FloatArray, values: FloatArray, minutes: int) -> list[int]:
        """The days that lead to a total."""
        path = []
        kind, run = FREE, 0
        first = True
        for day in range(len(values), 0, -1):
            if first or kind == FREE:
                ways = work[day, :, :, minutes]
                least = float(ways.min())
                if free[day, minutes] <= least:
                    kind, run = FREE, 0
                else:
                    run, kind = (int(at) for at in np.unravel_index(int(ways.argmin()), ways.shape))
            elif run == 1:
                kind, run = FREE, 0
            else:
                run -= 1
                ways = np.where(self.follows[kind], work[day, run, :, minutes], np.inf)
                kind = int(ways.argmin())
            first = False
            path.append(kind)
            if kind != FREE:
                minutes = int(self.before[kind, minutes])
        return path[::-1]


def _counts(problem: Problem, kind: dict[str, int]) -> dict[tuple[int, str], _Counts]:
    """Head counts by day and skill."""
    groups: dict[tuple[int, str], dict[tuple[str, ...], int]] = defaultdict(dict)
    rows: dict[tuple[int, str], list[tuple[int, int, int, int]]] = defaultdict(list)
    for cover in problem.covers:
        key = (cover.day, cover.skill)
        at = groups[key].setdefault(cover.shifts, len(groups[key]))
        rows[key].append((at, cover.required, cover.under, cover.over))
    found = {}
    for key, shifts in groups.items():
        holds = np.zeros((len(shifts), len(kind)))
        for names, at in shifts.items():
            holds[at, [kind[name] for name in names]] = 1
        table = np.array(rows[key])
        found[key] = _Counts(holds, table[:, 0], *table[:, 1:].T.astype(float))
    return found
