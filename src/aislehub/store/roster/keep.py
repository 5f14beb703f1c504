"""A roster repaired: what people were told stays, save where a change is worth more than it costs.

Each change of somebody's day becomes a wish against it, so that whatever searches for a roster weighs changes as it
weighs all else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from aislehub.core.errors import HubError, did_you_mean
from aislehub.store.roster.problem import Assignment, Problem, Wish

__all__ = ["Change", "changes", "keeping"]


@dataclass(frozen=True)
class Change:
    """A person's day that is other than it was; "" = free."""

    person: str
    day: int
    before: str
    after: str


def keeping(problem: Problem, kept: Iterable[Assignment], costs: Mapping[str, int]) -> Problem:
    """The problem in which each change of a kept roster costs something too.

    A shift taken, given, or put in another's place is one change; another skill in the same shift is none. What is kept
    and can no longer be worked, by somebody who is ill say, has to change and costs nothing.

    Args:
        costs: person → what a change of a day of theirs costs.

    Raises:
        HubError: `roster.unknown` for a person or a shift, `roster.day` for a day that the problem does not have.
    """
    shifts = [shift.id for shift in problem.shifts]
    known = _by_day(kept)
    for (person, day), shift in known.items():
        for kind, name, names in (("person", person, list(costs)), ("shift", shift, shifts)):
            if name not in names:
                raise HubError("roster.unknown", kind=kind, name=name, suggestion=did_you_mean(name, names))
        if not 0 <= day < problem.days:
            raise HubError("roster.day", day=day, last=problem.days - 1)
    found = []
    for one in problem.staff:
        able = {(day, shift) for day, shift, _ in problem.options(one)}
        for day in range(problem.days):
            mine = known.get((one.id, day))
            if mine is not None and (day, mine) in able:
                found.append(Wish(one.id, day, mine, costs[one.id], wanted=True))
            else:
                found += [Wish(one.id, day, shift, costs[one.id], wanted=False) for shift in shifts]
    return replace(problem, wishes=(*problem.wishes, *found))


def changes(kept: Iterable[Assignment], found: Iterable[Assignment]) -> list[Change]:
    """What is other in a roster than in the one that was kept, day by day."""
    before, after = _by_day(kept), _by_day(found)
    days = sorted({*before, *after}, key=lambda key: (key[1], key[0]))
    every = [Change(person, day, before.get((person, day), ""), after.get((person, day), "")) for person, day in days]
    return [change for change in every if change.before != change.after]


def _by_day(roster: Iterable[Assignment]) -> dict[tuple[str, int], str]:
    return {(one.person, one.day): one.shift for one in roster}
