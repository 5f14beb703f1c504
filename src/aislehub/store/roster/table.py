"""Dynamic programming over the days: the cheapest way for some people to go through all days by the rules.

What the rules look at is small: how long the present run of days worked or free is, whether the last shift limits the
next, minutes so far, weekends so far. So all lines of a person are paths through a few thousand states a day, and the
cheapest is found exactly, for many people at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislehub.store.roster.arrays import FREE, Lines, Numbers
from aislehub.store.roster.problem import Person, Problem

__all__ = ["Group", "Table"]

Index = tuple[int, ...]
Cut = tuple[Any, ...]


@dataclass(frozen=True)
class Group:
    """Shifts that are alike for every rule.

    Attributes:
        kinds: 1 for each counted kind that they are.
        before: classes of the previous day's shift that leave rest enough.
        own: their own class: shifts that limit the next day alike.
    """

    minutes: int
    kinds: tuple[int, ...]
    before: tuple[int, ...]
    own: int


class Table:
    """The states of some people, day by day.

    `free[person, length − 1, *used]` and `work[person, class, run − 1, *used]` are the least prices of lines that end
    in the state. `used` are minutes (in the greatest unit that fits all shifts), weekends, and shifts of each counted
    kind. Free runs as long as any rule asks, or longer, are one state, as are those that began before the first day.
    """

    def __init__(
        self, problem: Problem, staff: Sequence[Person], groups: Sequence[Group], counted: Sequence[str], *,
        classes: int,
    ) -> None:  # fmt: skip
        self.days, self.people, self.classes, self.groups = problem.days, len(staff), classes, groups
        self.weekend = {day: at for weekend in problem.weekends for at, day in enumerate(weekend)}
        unit = gcd(*(group.minutes for group in groups)) or 1
        self.use = [(group.minutes // unit, 0, *group.kinds) for group in groups]
        run, off = (np.array([getattr(person, rule) for person in staff])[:, None] for rule in ("max_run", "min_off"))
        self.most_run = max(1, min(self.days, int(run.max())))
        self.most_free = max(1, int(off.max()), *self.weekend.values())
        self.runs, lengths = np.arange(1, self.most_run + 1), np.arange(1, self.most_free + 1)
        self.run_lasts = _barred(self.runs > run)
        self.run_may_end = self.runs >= np.array([person.min_run for person in staff])[:, None]
        self.free_ends = _barred(lengths < off)
        most = np.array([self._most(problem, person, counted, unit) for person in staff]).T
        least = np.array([-(-person.min_minutes // unit) for person in staff])
        self.counts_weekends = bool(most[1].min() < len(problem.weekends))
        if not self.counts_weekends:
            most[1] = 0
        self.shape = tuple((np.maximum(most.max(axis=1), 0) + 1).tolist())
        self._limit_minutes(int(least.min()), int(self.shape[0]) - 1, max(use[0] for use in self.use), int(off.min()))
        used = np.indices(self.shape)
        beyond = (used[None] > most.T[self._wide]).any(axis=1) | (used[0] < least[self._wide])
        self.ends = _barred(beyond)

    def cheapest(self, price: Numbers) -> tuple[Numbers, Lines]:
        """Price of each person's cheapest way, and their group or `FREE` on each day.

        Args:
            price: people × days × groups.
        """
        free = np.full((self.people, self.most_free, *self._shape(0)), np.inf)
        if self.low[0] == 0:
            free[:, -1].reshape(self.people, -1)[:, 0] = 0.0
        work = np.full((self.people, self.classes, self.most_run, *self._shape(0)), np.inf)
        trail = [(free, work)]
        for day in range(self.days):
            trail.append(self._next(day, *trail[-1], price[:, day]))
        free, work = trail[-1]
        last = np.concatenate([free, work.reshape(self.people, -1, *self._shape(self.days))], axis=1)
        last += self.ends[:, None, self.low[-1] : self.high[-1] + 1]
        best = last.reshape(self.people, -1).argmin(axis=1)
        values = last.reshape(self.people, -1)[np.arange(self.people), best]
        lines = np.full((self.people, self.days), FREE, dtype=np.intp)
        for person in np.flatnonzero(np.isfinite(values)).tolist():
            state, minutes, *rest = map(int, np.unravel_index(best[person], last.shape[1:]))
            own = [(free[person], work[person]) for free, work in trail]
            for day, group in self._back(person, state, (minutes + self.low[-1], *rest), own, price[person]):
                lines[person, day] = group
        return values, lines

    def _most(self, problem: Problem, person: Person, counted: Sequence[str], unit: int) -> list[int]:
        """The most of everything that is counted."""
        longest = max(group.minutes for group in self.groups)
        weekends = len(problem.weekends)
        return [
            min(person.max_minutes, longest * self.days) // unit,
            weekends if person.max_weekends is None else min(person.max_weekends, weekends),
            *(person.max_shifts.get(kind, self.days) for kind in counted),
        ]

    def _limit_minutes(self, least: int, most: int, longest: int, off: int) -> None:
        """Least and most minutes of interest before each day and at the end: less can never be made good."""

        def able(days: int) -> int:
            cycles, rest = divmod(days, self.most_run + off)
            return longest * (cycles * self.most_run + min(rest, self.most_run))

        self.low = [min(max(0, least - able(self.days - day)), most) for day in range(self.days + 1)]
        self.high = [max(min(most, able(day)), self.low[day]) for day in range(self.days + 1)]

    @property
    def _wide(self) -> Cut:
        """Index that adds an axis for each thing that is counted."""
        return (Ellipsis, *(None for _ in self.shape))

    def _shape(self, day: int) -> Index:
        return (self.high[day] - self.low[day] + 1, *self.shape[1:])

    def _next(self, day: int, free: Numbers, work: Numbers, price: Numbers) -> tuple[Numbers, Numbers]:
        """States after a day."""
        source, target = self._moves(day, (0,) * len(self.shape))
        next_free = np.full((self.people, self.most_free, *self._shape(day + 1)), np.inf)
        ended = (work.min(axis=1) + _barred(~self._run_ends(day))[self._wide]).min(axis=1)
        next_free[:, 0][target] = ended[source]
        next_free[:, 1:][target] = free[:, :-1][source]
        longest = next_free[:, -1][target]
        np.minimum(longest, free[:, -1][source], out=longest)

        next_work = np.full((self.people, self.classes, self.most_run, *self._shape(day + 1)), np.inf)
        for before in {group.before for group in self.groups}:
            able = self._able(day, free, work, before)
            for number, (group, use) in enumerate(zip(self.groups, self.use, strict=True)):
                if group.before == before:
                    source, target = self._moves(day, use)
                    worked = next_work[:, group.own][target]
                    np.minimum(worked, able[source] + price[:, number, None][self._wide], out=worked)
        return next_free, next_work

    def _able(self, day: int, free: Numbers, work: Numbers, before: tuple[int, ...]) -> Numbers:
        """Prices of states that may work today after a shift of these classes or none, by the run that it will be."""
        able = np.full((self.people, self.most_run, *free.shape[2:]), np.inf)
        rested = free + self.free_ends[self._wide]
        at = self.weekend.get(day) if self.counts_weekends else None
        if at is None:
            able[:, 0] = rested.min(axis=1)
        else:  # this weekend counts already where the free run is shorter than its days so far
            able[:, 0] = self._one_weekend_more(rested[:, max(at - 1, 0) :].min(axis=1))
            if at > 1:
                able[:, 0] = np.minimum(able[:, 0], rested[:, : at - 1].min(axis=1))
        if before and self.most_run > 1:
            longer = work[:, list(before), :-1].min(axis=1)
            able[:, 1:] = self._one_weekend_more(longer) if at == 0 else longer
        able += self.run_lasts[self._wide]
        return able

    def _one_weekend_more(self, states: Numbers) -> Numbers:
        after = np.full_like(states, np.inf)
        source, target = (
            (Ellipsis, cut, *(slice(None) for _ in self.shape[2:])) for cut in (slice(-1), slice(1, None))
        )
        after[target] = states[source]
        return after

    def _run_ends(self, day: int) -> NDArray[np.bool_]:
        """People × runs: whether one until the day before may end; one that began on the first day always may."""
        return self.run_may_end | (self.runs == day)

    def _moves(self, day: int, use: Index) -> tuple[Cut, Cut]:
        """From where states of a day go, and where to, that use this much."""
        first = max(self.low[day], self.low[day + 1] - use[0])
        last = max(min(self.high[day], self.high[day + 1] - use[0]), first - 1)
        begin, final = first - self.low[day], last + 1 - self.low[day]
        shift = use[0] + self.low[day] - self.low[day + 1]
        return (
            (Ellipsis, slice(begin, final), *(slice(None, -one or None) for one in use[1:])),
            (Ellipsis, slice(begin + shift, final + shift), *(slice(one, None) for one in use[1:])),
        )

    def _back(
        self, person: int, state: int, used: Index, trail: list[tuple[Numbers, Numbers]], price: Numbers
    ) -> Iterator[tuple[int, int]]:
        """Days and groups of the way that ends in a state: free lengths first, then runs of each class."""
        for day in range(self.days - 1, -1, -1):
            if state < self.most_free:
                _, state = min(self._before_free(person, day, state, used, trail[day]))
            else:
                ways = self._before_work(person, day, state - self.most_free, used, trail[day], price[day])
                _, state, group, used = min(ways)
                yield day, group

    def _before_free(
        self, person: int, day: int, length: int, used: Index, table: tuple[Numbers, Numbers]
    ) -> Iterator[tuple[float, int]]:
        """Price and state of all that a free day may come after."""
        free, work = table
        here = (used[0] - self.low[day], *used[1:])
        if length > 0:
            yield free[(length - 1, *here)], length - 1
        if length == self.most_free - 1:
            yield free[(length, *here)], length
        if length == 0:
            for run in np.flatnonzero(self._run_ends(day)[person]).tolist():
                for own in range(self.classes):
                    yield work[(own, run, *here)], self.most_free + own * self.most_run + run

    def _before_work(
        self, person: int, day: int, state: int, used: Index, table: tuple[Numbers, Numbers], price: Numbers
    ) -> Iterator[tuple[float, int, int, Index]]:
        """Price, state, group and what is used before it, of all that a day of work may come after."""
        free, work = table
        own, run = divmod(state, self.most_run)
        at = self.weekend.get(day) if self.counts_weekends else None
        for number, (group, use) in enumerate(zip(self.groups, self.use, strict=True)):
            if group.own != own:
                continue
            minutes, weekends, *kinds = (have - take for have, take in zip(used, use, strict=True))
            if min(kinds, default=0) < 0 or not self.low[day] <= minutes <= self.high[day]:
                continue
            for length in range(self.most_free) if run == 0 else ():
                left = weekends - (at is not None and length + 1 >= at)
                if left >= 0 and self.free_ends[person, length] == 0:
                    here = free[(length, minutes - self.low[day], left, *kinds)]
                    yield here + price[number], length, number, (minutes, left, *kinds)
            for before in group.before if run > 0 else ():
                left = weekends - (at == 0)
                if left >= 0:
                    here = work[(before, run - 1, minutes - self.low[day], left, *kinds)]
                    came = self.most_free + before * self.most_run + run - 1
                    yield here + price[number], came, number, (minutes, left, *kinds)


def _barred(where: NDArray[np.bool_]) -> Numbers:
    """Infinite there, else 0."""
    return np.where(where, np.inf, 0.0)
