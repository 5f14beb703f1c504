"""Rostering problems as JSON, with times of day: shifts from … until, rest between them, head counts by time; rosters.

The form is in docs/rosters.md. Days are counted from 0. A shift that ends at or before its start ends on the next day.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from aislehub.core.errors import HubError
from aislehub.store.roster.problem import Assignment, Cover, Person, Problem, Shift, Wish

__all__ = ["read_document", "read_roster"]

DAY = 24 * 60


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Shift(_Form):
    id: str
    start: time
    end: time
    break_minutes: int = Field(0, ge=0)

    def span(self) -> tuple[int, int]:
        """First and last minute, from midnight of its day."""
        start, end = _minute(self.start), _minute(self.end)
        return start, end if end > start else end + DAY


class _Person(_Form):
    id: str
    skills: list[str] = []
    min_minutes: int = Field(0, ge=0)
    max_minutes: int = Field(ge=0)
    max_run: int = Field(6, ge=1)
    min_run: int = Field(1, ge=1)
    min_off: int = Field(1, ge=1)
    max_weekends: int | None = Field(None, ge=0)
    max_shifts: dict[str, int] = {}
    days_off: list[int] = []
    earliest: time | None = None
    latest: time | None = None


class _Cover(_Form):
    day: int
    shift: str | None = None
    from_: time | None = Field(None, alias="from")
    until: time | None = None
    skill: str = ""
    required: int
    under: int = 100
    over: int = 1

    @model_validator(mode="after")
    def _one_way(self) -> _Cover:
        if (self.shift is None) == (self.from_ is None or self.until is None):
            raise ValueError("a cover has either `shift`, or `from` and `until`")
        return self


class _Wish(_Form):
    person: str
    day: int
    shift: str
    weight: int = 1
    wanted: bool = True


class _Problem(_Form):
    first: date
    days: int = Field(ge=1, le=366)
    rest_minutes: int = Field(0, ge=0)
    shifts: list[_Shift] = Field(min_length=1)
    staff: list[_Person] = Field(min_length=1)
    cover: list[_Cover] = Field(min_length=1)
    wishes: list[_Wish] = []


class _Roster(BaseModel):
    """What `--json` prints, of which the assignments are read."""

    assignments: list[Assignment]


_ROSTER = TypeAdapter[_Roster | list[Assignment]](_Roster | list[Assignment])


def read_document(path: Path) -> Problem:
    """A problem from its file.

    Raises:
        HubError: `roster.unreadable` for what the form does not allow; `roster.unknown` and the others of `Problem`.
    """
    try:
        told = _Problem.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise HubError("roster.unreadable", file=path, why=_first(error)) from error
    return Problem(
        days=told.days,
        shifts=tuple(_shift(told, shift) for shift in told.shifts),
        staff=tuple(_person(told, person) for person in told.staff),
        covers=tuple(_cover(told, cover) for cover in told.cover),
        wishes=tuple(Wish(**wish.model_dump()) for wish in told.wishes),
        weekends=_weekends(told),
    )


def read_roster(path: Path) -> tuple[Assignment, ...]:
    """A roster as `--json` prints it or `--out` writes it as JSON.

    Raises:
        HubError: `file.missing`; `file.unreadable`; `roster.no_roster` for what is neither.
    """
    if not path.is_file():
        raise HubError("file.missing", file=path)
    try:
        told = _ROSTER.validate_json(path.read_bytes())
    except OSError as error:
        raise HubError("file.unreadable", file=path, why=error) from error
    except ValidationError as error:
        raise HubError("roster.no_roster", file=path, why=_first(error)) from error
    return tuple(told.assignments if isinstance(told, _Roster) else told)


def _first(error: ValidationError) -> str:
    """The first thing that a form does not allow, and where."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def _shift(told: _Problem, shift: _Shift) -> Shift:
    start, end = shift.span()
    soon = (other.id for other in told.shifts if other.span()[0] + DAY - end < told.rest_minutes)
    return Shift(shift.id, max(end - start - shift.break_minutes, 0), frozenset(soon))


def _person(told: _Problem, person: _Person) -> Person:
    """Shifts before their earliest or beyond their latest time, as minors have them, are none of theirs."""
    begin = _minute(person.earliest) if person.earliest else 0
    finish = _minute(person.latest) if person.latest else 2 * DAY
    outside = {shift.id: 0 for shift in told.shifts if shift.span()[0] < begin or shift.span()[1] > finish}
    fields = person.model_dump(exclude={"earliest", "latest", "skills", "days_off", "max_shifts"})
    return Person(
        **fields, skills=frozenset(person.skills), days_off=frozenset(person.days_off),
        max_shifts=person.max_shifts | outside,
    )  # fmt: skip


def _cover(told: _Problem, cover: _Cover) -> Cover:
    """Shifts that are there for the whole of the time count."""
    if cover.shift is not None:
        shifts = [cover.shift]
    else:
        assert cover.from_ is not None and cover.until is not None  # as the form wants
        first, last = _minute(cover.from_), _minute(cover.until)
        last = last if last > first else last + DAY
        shifts = [one.id for one in told.shifts if one.span()[0] <= first and last <= one.span()[1]]
    return Cover(cover.day, tuple(shifts), cover.required, cover.under, cover.over, cover.skill)


def _weekends(told: _Problem) -> tuple[tuple[int, ...], ...]:
    """Saturdays and Sundays of the horizon, by week."""
    weeks: dict[tuple[int, int], list[int]] = {}
    for day in range(told.days):
        year, week, weekday = (told.first + timedelta(days=day)).isocalendar()
        if weekday >= 6:
            weeks.setdefault((year, week), []).append(day)
    return tuple(tuple(days) for days in weeks.values())


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
