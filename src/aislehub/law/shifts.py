"""One person's shifts as the law of working time sees them: worked and planned, and what the person agreed to.

Durations are real hours, also on days on which clocks change; days, weeks (from Monday) and nights are those of the
clock where the shift is worked. A shift belongs to the day on which it starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise

from aislehub.core.errors import HubError

__all__ = ["PlannedWork", "Shift", "Spell", "WorkHistory", "Worker", "monday_of", "shown", "spells"]


@dataclass(frozen=True)
class Shift:
    """One shift of one person.

    Attributes:
        starts, ends: moments with a time zone, that of the place of work.
        breaks: (from, to) of pauses in which the person is free, in order; they are no working time.
        told: when the person was given this shift in writing; None = with the plan, at `WorkHistory.now`.
        agreed: the person agreed in writing to what needs it: overtime in this shift, or being told late.
        special: a special reason for overtime is on record.
        on_call: the person only learns shortly before whether they work; it counts as work.

    Raises:
        HubError: `law.moment` without a time zone, `law.shift` when the end is not after the start or a break is not
            inside.
    """

    starts: datetime
    ends: datetime
    breaks: tuple[tuple[datetime, datetime], ...] = ()
    told: datetime | None = None
    agreed: bool = False
    special: bool = False
    on_call: bool = False

    def __post_init__(self) -> None:
        edges = [self.starts, *(edge for pause in self.breaks for edge in pause), self.ends]
        for moment in edges if self.told is None else [*edges, self.told]:
            if moment.tzinfo is None:
                raise HubError("law.moment", moment=shown(moment))
        seconds = [edge.timestamp() for edge in edges]
        if seconds != sorted(seconds) or seconds[0] == seconds[-1]:
            raise HubError("law.shift", begin=shown(self.starts), end=shown(self.ends))

    @property
    def day(self) -> date:
        """The day it belongs to."""
        return self.starts.date()


@dataclass(frozen=True)
class Worker:
    """What a law asks about a person, and nothing else.

    Attributes:
        age: full years; None = of full age. Minors are taken to go to school.
        spared: may not be asked for overtime or nights (expecting, nursing …); the reason stays with the person.
        opted_out: agreed in writing to average more than 48 hours, where the member state allows it.
    """

    age: int | None = None
    spared: bool = False
    opted_out: bool = False

    def younger(self, than: int) -> bool:
        """Whether the person is known to be younger."""
        return self.age is not None and self.age < than


@dataclass(frozen=True)
class PlannedWork:
    """What one person is to work."""

    worker: Worker
    shifts: Sequence[Shift]


@dataclass(frozen=True)
class WorkHistory:
    """What went before.

    Attributes:
        worked: shifts worked until now, as far back as a rule looks (17 weeks in the EU).
        promised: shifts of the last written schedule. One that the person asked to be freed from, or gave to a
            colleague, is left out.
        leave: days of leave and sickness.
        school: days on which school is kept; None = every Monday to Friday.
        now: when the plan is given to the person; None = notice is not looked at.
    """

    worked: Sequence[Shift] = ()
    promised: Sequence[Shift] = ()
    leave: frozenset[date] = frozenset()
    school: frozenset[date] | None = None
    now: datetime | None = None

    def is_school_day(self, day: date) -> bool:
        """Whether school is kept on a day."""
        return day.weekday() < 5 if self.school is None else day in self.school

    def in_session(self, monday: date) -> bool:
        """Whether school is kept on any day of a week."""
        return any(self.is_school_day(monday + timedelta(days=ahead)) for ahead in range(7))


@dataclass(frozen=True)
class Spell:
    """Work without a pause, from the start of a shift or the end of a break to the next break or the shift's end.

    Attributes:
        start, end: seconds since 1970.
        shift: the shift that it is part of.
        planned: whether it is still to come, rather than worked.
    """

    start: float
    end: float
    shift: Shift
    planned: bool

    @property
    def day(self) -> date:
        """The day of its shift."""
        return self.shift.day

    @property
    def monday(self) -> date:
        """The week of its shift, by its Monday."""
        return monday_of(self.day)

    @property
    def zone(self) -> tzinfo | None:
        """Whose clock holds."""
        return self.shift.starts.tzinfo


def spells(plan: PlannedWork, history: WorkHistory) -> list[Spell]:
    """All work of a person, done and planned, in order.

    Raises:
        HubError: `law.overlap` when a person is in two places at once.
    """
    shifts = [(shift, False) for shift in history.worked] + [(shift, True) for shift in plan.shifts]
    shifts.sort(key=lambda pair: pair[0].starts.timestamp())
    for (one, _), (other, _) in pairwise(shifts):
        if other.starts.timestamp() < one.ends.timestamp():
            raise HubError("law.overlap", begin=shown(one.starts), other=shown(other.starts))
    return [Spell(start, end, shift, planned) for shift, planned in shifts for start, end in _parts(shift)]


def monday_of(day: date) -> date:
    """The first day of a day's week."""
    return day - timedelta(days=day.weekday())


def shown(moment: datetime) -> str:
    """A moment as sentences say it."""
    return f"{moment:%Y-%m-%d %H:%M}"


def _parts(shift: Shift) -> Iterator[tuple[float, float]]:
    """The shift without its breaks."""
    edges = [shift.starts, *(edge for pause in shift.breaks for edge in pause), shift.ends]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if start.timestamp() < end.timestamp():
            yield start.timestamp(), end.timestamp()
