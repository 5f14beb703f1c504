"""Shifts as a calendar file (RFC 5545), which phones and mail programs open.

Times are written in UTC, which every program shows by its own clock, also across a change of clocks. An event keeps
its number as long as person and day are the same, so a file that is opened again moves the event and adds none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aislehub.core.text import say
from aislehub.serve import formats
from aislehub.store.roster.duty import Duty, clock

__all__ = ["calendar_of"]

OCTETS = 75  # of a line at most, section 3.1


def calendar_of(shifts: Iterable[tuple[str, Duty]], zones: dict[str, ZoneInfo], places: dict[str, str]) -> str:
    """The shifts as one calendar.

    Args:
        shifts: store and shift.
        zones, places: clock and name of each store.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//aislehub//rosters//EN", "CALSCALE:GREGORIAN"]
    stamp = _moment(datetime.now(UTC))
    for store, duty in shifts:
        midnight = datetime.combine(duty.day, time())
        begins, ends = (
            _moment((midnight + timedelta(minutes=minute)).replace(tzinfo=zones[store]))
            for minute in (duty.begins, duty.ends)
        )
        pauses = ", ".join(f"{clock(since)}–{clock(until)}" for since, until in duty.breaks)
        number = hashlib.sha256(f"{duty.staff}\x1f{duty.day}".encode()).hexdigest()[:24]
        lines += [
            "BEGIN:VEVENT", f"UID:{number}@aislehub", f"DTSTAMP:{stamp}", f"DTSTART:{begins}", f"DTEND:{ends}",
            f"SUMMARY:{_text(say('mine.event', skill=formats.word('skill', duty.skill)))}",
            f"LOCATION:{_text(places.get(store) or store)}",
            *([f"DESCRIPTION:{_text(say('mine.event_breaks', breaks=pauses))}"] if pauses else []),
            "END:VEVENT",
        ]  # fmt: skip
    return "".join(f"{folded}\r\n" for line in [*lines, "END:VCALENDAR"] for folded in _folded(line))


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    """Escaped as section 3.3.11 wants it."""
    for sign in ("\\", ";", ","):
        value = value.replace(sign, "\\" + sign)
    return value.replace("\r", "").replace("\n", "\\n")


def _folded(line: str) -> Iterable[str]:
    """A long line in parts, none of which cuts a character in two; all but the first begin with a blank."""
    part = ""
    for letter in line:
        if len((part + letter).encode()) > OCTETS:
            yield part
            part = " "
        part += letter
    yield part
