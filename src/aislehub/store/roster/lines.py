"""The cheapest line of shifts for each person alone, at given prices.

Shifts that are alike for every rule are one group, of which only the cheapest on a day is of interest; `table.py` finds
the best groups. Limits on shifts of a kind mostly do not bind, so they are counted only for people whose best line
broke them, for as long as it comes up to them (Righini & Salani 2008, "New dynamic programming algorithms for the
resource constrained elementary shortest path problem": decremental state space relaxation).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.store.roster.arrays import FREE, Arrays, Lines, Numbers
from aislehub.store.roster.table import Group, Table

__all__ = ["Planner"]


_Alike = tuple[tuple[str, ...], int, int]
"""Kinds that are counted for a person, and their least and most minutes."""


@dataclass(frozen=True)
class _Grouping:
    """Groups of shifts, and the numbers of the shifts of each, where some kinds are counted."""

    groups: list[Group]
    shifts: list[NDArray[np.intp]]


class Planner:
    """Finds cheapest lines; it remembers which limits had to be counted."""

    def __init__(self, arrays: Arrays) -> None:
        problem = arrays.problem
        self.arrays = arrays
        self._numbers = {shift.id: at for at, shift in enumerate(problem.shifts)}
        self._counted: list[tuple[str, ...]] = [() for _ in problem.staff]
        self._groupings: dict[tuple[str, ...], _Grouping] = {}
        self._skills = len(arrays.options) // len(problem.shifts)
        self._classes = list(dict.fromkeys(shift.not_next for shift in problem.shifts))

    def at(self, worth: Numbers, people: Sequence[int]) -> tuple[Numbers, Lines]:
        """`best` where one more person is worth so much for each cover, and wishes cost what they cost."""
        arrays = self.arrays
        by_option = (arrays.counts @ worth).reshape(arrays.problem.days, -1)
        return self.best(np.where(arrays.allowed[people], arrays.wishes[people] - by_option, np.inf), people)

    def best(self, prices: Numbers, people: Sequence[int]) -> tuple[Numbers, Lines]:
        """Price and line of the cheapest line of each of `people`; infinite and free where their rules allow none.

        Args:
            prices: people × days × options, infinite where not allowed.
        """
        values = np.full(len(people), np.inf)
        lines = np.full((len(people), self.arrays.problem.days), FREE, dtype=np.intp)
        waiting = list(range(len(people)))
        while waiting:
            for (counted, *_), batch in self._batches(waiting, people).items():
                values[batch], lines[batch] = self._together(prices[batch], [people[at] for at in batch], counted)
            waiting = [at for at in waiting if self._count_more(people[at], lines[at])]
        for person, line in zip(people, lines, strict=True):
            self._count_less(person, line)
        return values, lines

    def _batches(self, rows: list[int], people: Sequence[int]) -> dict[_Alike, list[int]]:
        """Rows of people whose states are alike."""
        batches: dict[_Alike, list[int]] = defaultdict(list)
        for row in rows:
            person = self.arrays.problem.staff[people[row]]
            batches[self._counted[people[row]], person.min_minutes, person.max_minutes].append(row)
        return batches

    def _count_more(self, person: int, line: NDArray[np.intp]) -> bool:
        """Whether the line breaks a limit that was not counted; it will be."""
        broken = tuple(kind for kind, slack in self._slack(person, line).items() if slack < 0)
        self._counted[person] += broken
        return bool(broken)

    def _count_less(self, person: int, line: NDArray[np.intp]) -> None:
        if self._counted[person]:
            slack = self._slack(person, line)
            self._counted[person] = tuple(kind for kind in self._counted[person] if slack[kind] == 0)

    def _slack(self, person: int, line: NDArray[np.intp]) -> dict[str, int]:
        """How many more shifts of each limited kind there could be."""
        limits = self.arrays.problem.staff[person].max_shifts
        shifts = line[line != FREE] // self._skills
        return {
            kind: most - int((shifts == self._numbers[kind]).sum())
            for kind, most in limits.items()
            if 0 < most < self.arrays.problem.days
        }

    def _together(self, prices: Numbers, who: list[int], counted: tuple[str, ...]) -> tuple[Numbers, Lines]:
        """Price and line of each of these people, for whom the same kinds are counted."""
        problem = self.arrays.problem
        by_skill = prices.reshape(len(who), problem.days, len(problem.shifts), self._skills)
        skill, by_shift = by_skill.argmin(axis=3), by_skill.min(axis=3)
        grouping = self._grouping(counted)
        shift = np.stack([one[by_shift[:, :, one].argmin(axis=2)] for one in grouping.shifts], axis=2)
        by_group = np.stack([by_shift[:, :, one].min(axis=2) for one in grouping.shifts], axis=2)
        table = Table(problem, [problem.staff[at] for at in who], grouping.groups, counted, classes=len(self._classes))
        values, groups = table.cheapest(by_group)
        lines = np.full((len(who), problem.days), FREE, dtype=np.intp)
        people, days = np.nonzero(groups != FREE)
        shifts = shift[people, days, groups[people, days]]
        lines[people, days] = shifts * self._skills + skill[people, days, shifts]
        return values, lines

    def _grouping(self, counted: tuple[str, ...]) -> _Grouping:
        if counted not in self._groupings:
            alike: dict[Group, list[int]] = defaultdict(list)
            for number, shift in enumerate(self.arrays.problem.shifts):
                before = tuple(at for at, not_next in enumerate(self._classes) if shift.id not in not_next)
                kinds = tuple(int(shift.id == kind) for kind in counted)
                alike[Group(shift.minutes, kinds, before, self._classes.index(shift.not_next))].append(number)
            self._groupings[counted] = _Grouping(list(alike), [np.array(numbers) for numbers in alike.values()])
        return self._groupings[counted]
