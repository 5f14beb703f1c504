"""The text format of Nottingham's shift-scheduling benchmarks (http://www.schedulingbenchmarks.org/nrp/).

Sections begin with `SECTION_NAME`, comments with `#`, fields are parted by commas. All instances start on a Monday; a
weekend is a Saturday and the Sunday after it.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from aislehub.core.errors import HubError, did_you_mean
from aislehub.store.roster.problem import Cover, Person, Problem, Shift, Wish

__all__ = ["read_nottingham"]

SECTIONS = {
    "HORIZON": 1,
    "SHIFTS": 3,
    "STAFF": 8,
    "DAYS_OFF": 2,
    "SHIFT_ON_REQUESTS": 4,
    "SHIFT_OFF_REQUESTS": 4,
    "COVER": 5,
}
"""Section → least number of fields of its lines."""

Lines = dict[str, list[list[str]]]


def read_nottingham(path: Path) -> Problem:
    """A problem from its file.

    Raises:
        HubError: `roster.section`, `roster.line`; `roster.unknown` and the others of `Problem`.
    """
    lines = _lines(path)
    try:
        days = int(lines["HORIZON"][0][0])
        off = _days_off(lines)
        return Problem(
            days=days,
            shifts=_shifts(lines),
            staff=tuple(_person(fields, off.get(fields[0], frozenset())) for fields in lines["STAFF"]),
            covers=tuple(
                Cover(int(day), (shift,), int(required), int(under), int(over))
                for day, shift, required, under, over in lines["COVER"]
            ),
            wishes=tuple(
                Wish(person, int(day), shift, int(weight), section == "SHIFT_ON_REQUESTS")
                for section in ("SHIFT_ON_REQUESTS", "SHIFT_OFF_REQUESTS")
                for person, day, shift, weight in lines[section]
            ),
            weekends=tuple((day, day + 1) if day + 1 < days else (day,) for day in range(5, days, 7)),
        )
    except ValueError as error:
        raise HubError("roster.unreadable", file=path, why=error) from error


def _lines(path: Path) -> Lines:
    """Fields of each section's lines."""
    found: Lines = defaultdict(list)
    section = ""
    for number, raw in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("SECTION_"):
            section = line.removeprefix("SECTION_")
            continue
        fields = [part.strip() for part in line.split(",")]
        if section not in SECTIONS or len(fields) < SECTIONS[section]:
            raise HubError("roster.line", file=path, line=number, text=line, section=section or "—")
        found[section].append(fields)
    for needed in ("HORIZON", "SHIFTS", "STAFF", "COVER"):
        if not found[needed]:
            raise HubError("roster.section", file=path, section=f"SECTION_{needed}")
    return found


def _days_off(lines: Lines) -> dict[str, frozenset[int]]:
    known = {fields[0] for fields in lines["STAFF"]}
    off: dict[str, frozenset[int]] = {}
    for name, *days in lines["DAYS_OFF"]:
        if name not in known:
            raise HubError("roster.unknown", kind="person", name=name, suggestion=did_you_mean(name, known))
        off[name] = off.get(name, frozenset()) | frozenset(map(int, days))
    return off


def _shifts(lines: Lines) -> tuple[Shift, ...]:
    return tuple(
        Shift(name, int(minutes), frozenset(part for part in after.split("|") if part))
        for name, minutes, after in lines["SHIFTS"]
    )


def _person(fields: list[str], off: frozenset[int]) -> Person:
    name, limits, most, least, max_run, min_run, min_off, weekends = fields
    return Person(
        id=name,
        min_minutes=int(least),
        max_minutes=int(most),
        max_run=int(max_run),
        min_run=int(min_run),
        min_off=int(min_off),
        max_weekends=int(weekends),
        max_shifts={kind: int(limit) for kind, limit in (part.split("=") for part in limits.split("|") if part)},
        days_off=off,
    )
