"""Where in each shift its breaks lie: when fewest are missed, one after another so that they do not coincide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from aislehub.store.roster.duty import Duty
from aislehub.store.roster.kinds import QUARTER_MINUTES, QUARTERS

__all__ = ["people_there", "placed"]

ROUNDS = 3
Breaks = tuple[tuple[int, int], ...]


def placed(
    duties: Sequence[Duty], layouts: Mapping[Duty, Sequence[Breaks]], days: Sequence[date], skills: Sequence[str],
    need: NDArray[np.int64],
) -> list[Duty]:  # fmt: skip
    """The same shifts with breaks.

    Each shift in turn takes the layout with which fewest people are missing, all others as they are; a few rounds
    settle it. Of equal ones the layout nearest to the middle of the shift.

    Args:
        layouts: of each shift, those allowed.
        need: people by skill, day and quarter of an hour, (skills, days, 96).
    """
    there = people_there(duties, days, skills)
    chosen: dict[Duty, Breaks] = dict.fromkeys(duties, ())
    for _ in range(ROUNDS):
        before = dict(chosen)
        for duty in sorted(duties):
            row = there[skills.index(duty.skill), days.index(duty.day)]
            wanted = need[skills.index(duty.skill), days.index(duty.day)]
            _take(row, chosen[duty], 1)
            chosen[duty] = min(
                layouts[duty], key=lambda breaks: (_missed(row, wanted, breaks), _off_centre(duty, breaks))
            )
            _take(row, chosen[duty], -1)
        if chosen == before:
            break
    return sorted(replace(duty, breaks=breaks) for duty, breaks in chosen.items())


def people_there(duties: Sequence[Duty], days: Sequence[date], skills: Sequence[str]) -> NDArray[np.int64]:
    """People at work by skill, day and quarter of an hour, (skills, days, 96) of the day itself."""
    there = np.zeros((len(skills), len(days), QUARTERS), dtype=np.int64)
    for duty in duties:
        if duty.skill in skills and duty.day in days:
            row = there[skills.index(duty.skill), days.index(duty.day)]
            row[duty.begins // QUARTER_MINUTES : -(-duty.ends // QUARTER_MINUTES)] += 1
            _take(row, duty.breaks, -1)
    return there


def _take(row: NDArray[np.int64], breaks: Breaks, sign: int) -> None:
    for since, until in breaks:
        row[since // QUARTER_MINUTES : -(-until // QUARTER_MINUTES)] += sign


def _missed(row: NDArray[np.int64], wanted: NDArray[np.int64], breaks: Breaks) -> int:
    """Person-quarters missing during the breaks, with what is there while nobody of this shift pauses."""
    return sum(
        int(np.sum(row[at] - 1 < wanted[at]))
        for at in (slice(since // QUARTER_MINUTES, -(-until // QUARTER_MINUTES)) for since, until in breaks)
    )


def _off_centre(duty: Duty, breaks: Breaks) -> float:
    return sum(abs((since + until) - (duty.begins + duty.ends)) for since, until in breaks)
