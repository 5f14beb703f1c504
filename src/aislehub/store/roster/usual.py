"""Today's rule: everybody works the same shift on the same days of every week, whatever the week brings.

Made as a manager makes it by hand from what an ordinary day needs: one person after another takes, for each of their
working days, the shift in which most are still missing. It keeps the same contracts, breaks and law as the hub's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aislehub.store.roster.duty import Duty
from aislehub.store.roster.kinds import Kind, all_kinds
from aislehub.store.roster.lawful import Place, allows
from aislehub.store.roster.need import Member, Need
from aislehub.store.roster.policy import Policy
from aislehub.store.roster.week import Planned, finished, house_breaks

__all__ = ["same_every_day"]

WEEK = 7


def same_every_day(need: Need, staff: Sequence[Member], place: Place, policy: Policy) -> Planned:
    """The roster of today's rule."""
    kinds = all_kinds(need.open, policy.shift_hours, policy.start_minutes)
    left = need.people.mean(axis=1)
    given: list[Duty] = []
    for at, member in enumerate(staff):
        mine = [kind for kind in kinds if allows(kind, need.days[0], place, member.age, house_breaks(policy))]
        rows = [row for row, skill in enumerate(need.skills) if skill in member.skills]
        if not mine or not rows:
            continue
        length, count = _pattern(member.weekly_hours, {kind.ends - kind.begins for kind in mine}, policy.days_in_row)
        fitting = [kind for kind in mine if kind.ends - kind.begins == length]
        row, kind = max(
            ((row, kind) for row in rows for kind in fitting), key=lambda pair: _gain(left[pair[0]], pair[1])
        )
        free = {(at + round(step * WEEK / (WEEK - count))) % WEEK for step in range(WEEK - count)}
        days = [day for day in need.days if day.weekday() not in free and not member.away(day, [kind])]
        given += [Duty(day, kind.begins, kind.ends, member.staff, need.skills[row]) for day in days]
        left[row][kind.quarters] -= count / WEEK
    return finished(given, need, staff, place, policy)


def _pattern(hours: float, lengths: set[int], most_days: int) -> tuple[int, int]:
    """Length of a shift in minutes and shifts a week that come nearest to a contract's hours, the longest first."""
    ways = [(length, count) for length in sorted(lengths, reverse=True) for count in range(1, most_days + 1)]
    return min(ways, key=lambda way: abs(way[0] * way[1] - hours * 60))


def _gain(left: NDArray[np.float64], kind: Kind) -> float:
    """People missing in a shift's time whom one more would replace, in quarters of an hour."""
    return float(np.clip(left[kind.quarters], 0, 1).sum())
