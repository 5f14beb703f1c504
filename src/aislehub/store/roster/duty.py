"""One shift that one person is told to work, as decisions and the table `rostered` write it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from aislehub.core.errors import HubError

__all__ = ["Duty", "clock", "duties_of", "hours_of", "minute_of"]

_CLOCK = re.compile(r"([0-2]\d|3[0-5]):([0-5]\d)")


@dataclass(frozen=True, order=True)
class Duty:
    """A shift of a person.

    Attributes:
        day: business day on which it begins.
        begins, ends: minutes from that day's midnight; past 1440 is the next day.
        skill: what they are there for.
        breaks: (from, to), unpaid, in order.
        agreed: the person agreed in writing to be told it late, or asked for it, as in a swap.
    """

    day: date
    begins: int
    ends: int
    staff: str
    skill: str
    breaks: tuple[tuple[int, int], ...] = ()
    agreed: bool = False

    @property
    def paid(self) -> int:
        """Minutes, breaks left out."""
        return self.ends - self.begins - sum(until - since for since, until in self.breaks)

    def document(self) -> dict[str, Any]:
        """As an action has it."""
        agreed = {"agreed": True} if self.agreed else {}
        return {
            "staff": self.staff, "day": self.day.isoformat(), "begins": clock(self.begins), "ends": clock(self.ends),
            "breaks": [f"{clock(since)}-{clock(until)}" for since, until in self.breaks], "skill": self.skill,
        } | agreed  # fmt: skip


def duties_of(action: Mapping[str, Any]) -> list[Duty]:
    """The shifts of an action, in order of time.

    Raises:
        HubError: `roster.shift` where one is not written as `Duty.document` writes it, or a break is outside of it.
    """
    shifts = action.get("shifts")
    if not isinstance(shifts, list):
        raise HubError("roster.shift", shift=shifts)
    return sorted(map(_duty, shifts))


def hours_of(duties: list[Duty]) -> float:
    """Paid hours of shifts."""
    return round(sum(duty.paid for duty in duties) / 60, 2)


def clock(minute: int) -> str:
    """Minutes from midnight as a time of day; 25:30 is past it."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def minute_of(text: str) -> int:
    """Minutes from midnight of a time of day.

    Raises:
        ValueError: what is no time of day.

    Example:
        >>> minute_of("08:30"), clock(1530)
        (510, '25:30')
    """
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return int(found[1]) * 60 + int(found[2])


def _duty(written: Any) -> Duty:
    try:
        breaks = tuple(
            (minute_of(since), minute_of(until)) for since, until in (one.split("-") for one in written["breaks"])
        )
        duty = Duty(
            date.fromisoformat(written["day"]), minute_of(written["begins"]), minute_of(written["ends"]),
            str(written["staff"]), str(written["skill"]), breaks, written.get("agreed") is True,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HubError("roster.shift", shift=written) from error
    edges = [duty.begins, *(edge for pause in breaks for edge in pause), duty.ends]
    if edges != sorted(edges) or duty.begins == duty.ends:
        raise HubError("roster.shift", shift=written)
    return duty
