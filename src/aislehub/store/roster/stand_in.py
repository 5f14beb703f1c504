"""Who stands in for somebody who is away: each of their shifts goes, as it is, to one colleague, and no other changes.

That is the fewest changes there can be while every shift stays covered. It is quick enough to answer while one waits;
a shift that nobody may take stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from aislehub.store.roster.duty import Duty, hours_of

__all__ = ["stand_ins"]


def stand_ins(
    duties: Iterable[Duty], staff: str, days: Iterable[date], people: Sequence[Mapping[str, Any]],
    may: Callable[[list[Duty]], bool],
) -> list[Duty]:  # fmt: skip
    """The roster without the shifts of `staff` on `days`, each given to a colleague where one may take it.

    Of those who may, the one with the most hours of the contract left takes it, so that nobody is pushed beyond theirs
    while others are below.

    Args:
        people: rows of `staff`.
        may: whether one person may be told these shifts.
    """
    away = set(days)
    found = [duty for duty in duties if not (duty.staff == staff and duty.day in away)]
    for open_ in sorted(duty for duty in duties if duty.staff == staff and duty.day in away):
        able = []
        for person in people:
            own = [duty for duty in found if duty.staff == person["staff"]]
            taken = replace(open_, staff=str(person["staff"]), agreed=False)
            if person["staff"] == staff or any(duty.day == open_.day for duty in own) or not may([*own, taken]):
                continue
            left = float(person["weekly_hours"] or 0.0) - hours_of(own)
            able.append((-left, str(person["staff"]), taken))
        if able:
            found.append(min(able)[2])
    return sorted(found)
