"""What a rostering problem is: people, shifts, head counts wanted, wishes.

Rules of a person are hard: a roster keeps them or is none. Head counts and wishes are soft, each with its weight, and
their sum is the cost. The rules are those of the shift-scheduling benchmarks of Nottingham (Curtois & Qu 2014,
"Computational results on new staff scheduling benchmark instances"), with skills beside them, and head counts that
several shifts share, which is how demand by the quarter of an hour is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from aislehub.core.errors import HubError, did_you_mean

__all__ = ["RULES", "Assignment", "Cover", "Person", "Problem", "Shift", "Wish"]

RULES = (
    "days_off",
    "not_on",
    "max_shifts",
    "min_minutes",
    "max_minutes",
    "max_run",
    "min_run",
    "min_off",
    "max_weekends",
    "rest",
)
"""Names of the rules of a person."""


@dataclass(frozen=True)
class Shift:
    """A kind of shift.

    Attributes:
        minutes: paid.
        not_next: shifts that may not follow it on the next day, for want of rest.
    """

    id: str
    minutes: int
    not_next: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Person:
    """Somebody who works, and the rules of their contract.

    Runs are days worked, or free, one after another. What lies before the first day and after the last is unknown: a
    run at an edge is never too short, and never too long by days outside.

    Attributes:
        skills: what they can do; empty where the problem knows no skills.
        max_shifts: most shifts of a kind; one that is not named has no limit, 0 = never.
        min_minutes, max_minutes: over all days.
        max_run, min_run: days worked without a break.
        min_off: days free without a break.
        max_weekends: with work on either day.
        days_off: day indices.
        not_on: day and shift that they may not be given together.
    """

    id: str
    min_minutes: int
    max_minutes: int
    max_run: int
    min_run: int = 1
    min_off: int = 1
    max_weekends: int | None = None
    skills: frozenset[str] = frozenset()
    max_shifts: dict[str, int] = field(default_factory=dict)
    days_off: frozenset[int] = frozenset()
    not_on: frozenset[tuple[int, str]] = frozenset()


@dataclass(frozen=True)
class Wish:
    """A shift on a day that somebody wants (`wanted`), or wants not to have; `weight` is the cost of not heeding it."""

    person: str
    day: int
    shift: str
    weight: int
    wanted: bool


@dataclass(frozen=True)
class Cover:
    """People wanted on a day: everybody with `skill` in any of `shifts` counts.

    Attributes:
        skill: "" = any.
        under, over: cost of each person too few, too many.
    """

    day: int
    shifts: tuple[str, ...]
    required: int
    under: int
    over: int
    skill: str = ""

    @property
    def group(self) -> tuple[int, tuple[str, ...], str]:
        """Covers that count the same people have the same group."""
        return self.day, self.shifts, self.skill


@dataclass(frozen=True)
class Assignment:
    """One person's shift on one day, in one skill ("" where the problem knows none)."""

    person: str
    day: int
    shift: str
    skill: str = ""


@dataclass(frozen=True)
class Problem:
    """A rostering problem.

    Attributes:
        days: length of the horizon; days are 0 … days − 1.
        weekends: day indices of each weekend, one after another.

    Raises:
        HubError: `roster.empty` without days, shifts, people or head counts; `roster.unknown` for a name and
            `roster.day` for a day that does not exist; `roster.twice` for two of one name; `roster.negative` for a
            weight, minutes or a number of people below 0; `roster.weekend` for one whose days are apart.
    """

    days: int
    shifts: tuple[Shift, ...]
    staff: tuple[Person, ...]
    covers: tuple[Cover, ...]
    wishes: tuple[Wish, ...] = ()
    weekends: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        for part, count in (("days", self.days), ("shifts", len(self.shifts)), ("staff", len(self.staff)),
                            ("covers", len(self.covers))):  # fmt: skip
            if count < 1:
                raise HubError("roster.empty", part=part)
        _once("shift", [shift.id for shift in self.shifts])
        _once("person", [person.id for person in self.staff])
        shifts = {shift.id for shift in self.shifts}
        people = {person.id for person in self.staff}
        for kind, known, used in (
            ("shift", shifts, [name for shift in self.shifts for name in shift.not_next]),
            ("shift", shifts, [name for person in self.staff for name in person.max_shifts]),
            ("shift", shifts, [name for person in self.staff for _, name in person.not_on]),
            ("shift", shifts, [name for cover in self.covers for name in cover.shifts]),
            ("shift", shifts, [wish.shift for wish in self.wishes]),
            ("person", people, [wish.person for wish in self.wishes]),
        ):
            for name in used:
                if name not in known:
                    raise HubError("roster.unknown", kind=kind, name=name, suggestion=did_you_mean(name, known))
        days = [day for person in self.staff for day in (*person.days_off, *(day for day, _ in person.not_on))]
        days += [day for weekend in self.weekends for day in weekend]
        for day in [*days, *(cover.day for cover in self.covers), *(wish.day for wish in self.wishes)]:
            if not 0 <= day < self.days:
                raise HubError("roster.day", day=day, last=self.days - 1)
        for value in (
            *(wish.weight for wish in self.wishes),
            *(number for cover in self.covers for number in (cover.required, cover.under, cover.over)),
            *(shift.minutes for shift in self.shifts),
        ):
            if value < 0:
                raise HubError("roster.negative", value=value)
        for weekend in self.weekends:
            if any(after != day + 1 for day, after in pairwise(weekend)):
                raise HubError("roster.weekend", days=", ".join(map(str, weekend)))

    def options(self, person: Person, *, ignore: frozenset[str] = frozenset()) -> Iterator[tuple[int, str, str]]:
        """Day, shift and skill of all that a person may be given, before rules on several days.

        Args:
            ignore: rules (of `RULES`) that do not count.
        """
        needed = {cover.skill for cover in self.covers} - {""}
        skills = sorted(person.skills & needed) or sorted(person.skills)[:1] or [""]
        for day in range(self.days):
            if day in person.days_off and "days_off" not in ignore:
                continue
            for shift in self.shifts:
                if (day, shift.id) in person.not_on and "not_on" not in ignore:
                    continue
                if person.max_shifts.get(shift.id, self.days) > 0 or "max_shifts" in ignore:
                    yield from ((day, shift.id, skill) for skill in skills)

    def cover_groups(self) -> Iterator[tuple[tuple[int, tuple[str, ...], str], list[Cover]]]:
        """Covers that count the same people, together."""
        yield from ((key, list(group)) for key, group in groupby(sorted(self.covers, key=_group), key=_group))


def _group(cover: Cover) -> tuple[int, tuple[str, ...], str]:
    return cover.group


def _once(kind: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise HubError("roster.twice", kind=kind, name=name)
