"""What a roster of the business day is made from: the people that are needed, and those who are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from aislehub.store.roster.duty import Duty
from aislehub.store.roster.kinds import DAY_MINUTES, Kind

__all__ = ["Member", "Need", "Notice", "overlaps"]


@dataclass(frozen=True)
class Need:
    """People needed.

    Attributes:
        days: business days, in order.
        skills: kinds of work.
        people: by skill, day and quarter of an hour, (skills, days, 96).
    """

    days: tuple[date, ...]
    skills: tuple[str, ...]
    people: NDArray[np.int64]

    @property
    def open(self) -> NDArray[np.bool_]:
        """Quarters of an hour in which somebody is needed on any day, (96,)."""
        return np.asarray(self.people.any(axis=(0, 1)))

    @property
    def hours(self) -> float:
        """Person-hours."""
        return float(self.people.sum()) / 4


@dataclass(frozen=True)
class Notice:
    """A time in which somebody cannot work, or would rather work or not: minutes of a day's clock."""

    day: date
    begins: int
    ends: int
    kind: str

    @property
    def bars(self) -> bool:
        """Whether they may not be given work then."""
        return self.kind in ("cannot", "sick")


@dataclass(frozen=True)
class Member:
    """Somebody who may be rostered, with all that is known of them.

    Attributes:
        age: full years, told only of minors.
        home: store of the contract, where it is another one.
        employed: first and last day of the contract.
        worked: shifts told for days outside the plan or in other stores, as far back as the law looks.
        notices: those of the plan's days.
    """

    staff: str
    skills: frozenset[str]
    weekly_hours: float
    hourly_cost: float
    age: int | None = None
    home: str = ""
    employed: tuple[date, date] = (date.min, date.max)
    worked: tuple[Duty, ...] = ()
    notices: tuple[Notice, ...] = ()

    def away(self, day: date, kinds: Sequence[Kind]) -> bool:
        """Whether no shift of these kinds is possible on a day: no contract, elsewhere at work, or told they cannot."""
        if not self.employed[0] <= day <= self.employed[1] or any(duty.day == day for duty in self.worked):
            return True
        return all(any(notice.bars and overlaps(kind, notice, day) for notice in self.notices) for kind in kinds)


def overlaps(kind: Kind, notice: Notice, day: date) -> bool:
    """Whether a shift on a day has time in common with a notice."""
    apart = (day - notice.day).days * DAY_MINUTES
    return kind.begins + apart < notice.ends and notice.begins < kind.ends + apart
