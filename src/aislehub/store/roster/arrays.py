"""A problem as arrays of numbers, for searches that look at many rosters a second.

An *option* is a shift in a skill. A roster is a matrix of people × days whose cells say the option, or `FREE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.store.roster.problem import Assignment, Problem

__all__ = ["FREE", "Arrays", "Lines", "arrays_of"]

FREE = -1

Numbers = NDArray[np.float64]
Lines = NDArray[np.intp]
"""People × days: option or `FREE`."""


@dataclass(frozen=True)
class Arrays:
    """A problem in numbers.

    Attributes:
        options: shift and skill of each option.
        allowed: people × days × options: what a person may be given, before rules on several days.
        wishes: people × days × options: what an assignment adds to the cost, below 0 for what is wanted.
        constant: what every roster costs, assigned or not.
        counts: (days · options) × covers: whether an assignment counts for a cover.
        required, under, over: of each cover.
    """

    problem: Problem
    options: tuple[tuple[str, str], ...]
    allowed: NDArray[np.bool_]
    wishes: Numbers
    constant: float
    counts: scipy.sparse.csr_array
    required: Numbers
    under: Numbers
    over: Numbers

    def heads(self, lines: Lines) -> Numbers:
        """People there, for each cover."""
        tally = np.zeros((self.problem.days, len(self.options)))
        people, days = np.nonzero(lines != FREE)
        np.add.at(tally, (days, lines[people, days]), 1)
        return np.asarray(tally.ravel() @ self.counts)

    def cost(self, lines: Lines) -> float:
        """Of a roster, as `cost_of` counts it."""
        return self.constant + self.wish_cost(lines).sum() + self.cover_cost(self.heads(lines))

    def wish_cost(self, lines: Lines, people: Sequence[int] | None = None) -> Numbers:
        """Of each line, without `constant`; `people` (all) are those who work them."""
        rows, days = np.indices(lines.shape)
        who = rows if people is None else np.array(people)[rows]
        return np.where(lines != FREE, self.wishes[who, days, lines], 0.0).sum(axis=1)

    def counted(self, line: NDArray[np.intp]) -> list[tuple[int, float]]:
        """Covers for which a line counts, and how often."""
        table = self.counts
        given = [int(day) * len(self.options) + int(line[day]) for day in np.flatnonzero(line != FREE)]
        covers = [table.indices[table.indptr[at] : table.indptr[at + 1]] for at in given]
        rows, counts = np.unique(np.concatenate([np.empty(0, dtype=np.intp), *covers]), return_counts=True)
        return list(zip(rows.tolist(), counts.astype(float).tolist(), strict=True))

    def cover_cost(self, heads: Numbers) -> float:
        """What these numbers of people cost."""
        short = self.required - heads
        return float(np.where(short > 0, self.under * short, -self.over * short).sum())

    def assignments(self, lines: Lines) -> tuple[Assignment, ...]:
        """A roster in the words of the problem."""
        return tuple(
            Assignment(self.problem.staff[person].id, int(day), *self.options[lines[person, day]])
            for person, day in np.argwhere(lines != FREE)
        )

    def lines(self, assignments: Iterable[Assignment]) -> Lines:
        """A roster as a matrix; what the problem does not know or allow is left free."""
        people = {person.id: at for at, person in enumerate(self.problem.staff)}
        option = {key: at for at, key in enumerate(self.options)}
        lines = np.full((len(people), self.problem.days), FREE, dtype=np.intp)
        for one in assignments:
            person, number = people.get(one.person), option.get((one.shift, one.skill))
            if person is None or number is None or not 0 <= one.day < self.problem.days:
                continue
            if self.allowed[person, one.day, number]:
                lines[person, one.day] = number
        return lines


def arrays_of(problem: Problem) -> Arrays:
    """The arrays of a problem."""
    skills = sorted({skill for person in problem.staff for _, _, skill in problem.options(person)} or {""})
    options = tuple(product((shift.id for shift in problem.shifts), skills))
    at = {key: number for number, key in enumerate(options)}
    shape = len(problem.staff), problem.days, len(options)
    allowed, wishes = np.zeros(shape, dtype=bool), np.zeros(shape)
    for number, person in enumerate(problem.staff):
        for day, shift, skill in problem.options(person):
            allowed[number, day, at[shift, skill]] = True
    people = {person.id: number for number, person in enumerate(problem.staff)}
    for wish in problem.wishes:
        those = [at[wish.shift, skill] for skill in skills]
        wishes[people[wish.person], wish.day, those] += -wish.weight if wish.wanted else wish.weight
    entries = [
        (row, cover.day * len(options) + at[shift, skill])
        for row, cover in enumerate(problem.covers)
        for shift in dict.fromkeys(cover.shifts)
        for skill in skills
        if cover.skill in ("", skill)
    ]
    covers, given = np.array(entries, dtype=np.intp).reshape(-1, 2).T
    counts = scipy.sparse.csr_array(
        (np.ones(len(entries)), (given, covers)), shape=(problem.days * len(options), len(problem.covers))
    )
    constant = float(sum(wish.weight for wish in problem.wishes if wish.wanted))
    numbers = np.array([(cover.required, cover.under, cover.over) for cover in problem.covers], dtype=float)
    return Arrays(problem, options, allowed, wishes, constant, counts, *numbers.T)
