"""The law of working time as a roster needs it: which shifts, breaks and rests it allows, asked of the law itself.

No figure of a statute is repeated here. What a pack allows is found by asking `law.check` about small plans, and
whatever a roster becomes is asked again as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache
from itertools import combinations
from zoneinfo import ZoneInfo

from aislehub.law import Breach, PlannedWork, Shift, Worker, WorkHistory, check, hours_packs_of
from aislehub.store.roster.duty import Duty
from aislehub.store.roster.kinds import QUARTER_MINUTES, Kind

__all__ = [
    "HouseBreaks",
    "Place",
    "allows",
    "breaches_of",
    "break_layouts",
    "notice_days",
    "place_of",
    "rest_minutes",
    "shift_of",
    "week_minutes",
]

Breaks = tuple[tuple[int, int], ...]

_BREAKS = {"law.break", "law.meal"}
_WEEKS = {"law.hours_week", "law.hours_average", "law.overtime_agreed", "law.overtime_spared"}
_RESTS = {"law.rest_day"}
_MONDAY = date(2024, 1, 8)  # of an ordinary week, on which questions are asked that no calendar matters for
_LONGER = (30, 45, 60)


@dataclass(frozen=True)
class Place:
    """Where work is done: the packs that hold there, and whose clock."""

    packs: tuple[str, ...]
    timezone: str


@dataclass(frozen=True)
class HouseBreaks:
    """The house's own rule: a shift of more than `after` minutes has breaks of `minutes`, none works longer at once."""

    after: int
    minutes: int


def place_of(country: str | None, city: str | None, timezone: str, chosen: Sequence[str] = ()) -> Place:
    """The place of a store; `chosen` packs hold whatever its country."""
    return Place(hours_packs_of(country, city, chosen), timezone)


def breaches_of(
    duties: Sequence[Duty], place: Place, *, age: int | None = None, worked: Sequence[Duty] = (),
    leave: frozenset[date] = frozenset(),
) -> list[Breach]:  # fmt: skip
    """What one person's shifts would break.

    Args:
        worked: their shifts of the days before, as far back as a rule looks.

    Raises:
        HubError: `law.overlap` when they would be in two places at once.
    """
    zone = ZoneInfo(place.timezone)
    plan = PlannedWork(Worker(age), [shift_of(duty, zone) for duty in duties])
    history = WorkHistory(worked=[shift_of(duty, zone) for duty in worked], leave=leave)
    return check("hours", plan, history, place.packs)


def shift_of(duty: Duty, zone: tzinfo, told: datetime | None = None) -> Shift:
    """A shift as the law sees it: moments by the clock of the place, and when the person was told it."""
    midnight = datetime.combine(duty.day, time())

    def moment(minute: int) -> datetime:
        return (midnight + timedelta(minutes=minute)).replace(tzinfo=zone)

    breaks = tuple((moment(since), moment(until)) for since, until in duty.breaks)
    return Shift(moment(duty.begins), moment(duty.ends), breaks, told, duty.agreed)


@cache
def allows(kind: Kind, day: date, place: Place, age: int | None, house: HouseBreaks) -> bool:
    """Whether somebody of that age may work such a shift on that day at all, with some breaks."""
    layouts = break_layouts(kind, place, age, house)
    return bool(layouts) and not breaches_of([_duty(kind, day, layouts[0])], place, age=age)


@cache
def break_layouts(kind: Kind, place: Place, age: int | None, house: HouseBreaks) -> tuple[Breaks, ...]:
    """Ways of placing breaks that house and law accept, the shortest; `()` is none."""
    for candidates in _layouts(kind, house):
        found = tuple(breaks for breaks in candidates if not _objected(kind, breaks, place, age, _BREAKS))
        if found:
            return found
    return ()


@cache
def rest_minutes(place: Place, age: int | None) -> int:
    """Least rest between the shifts of two days that the law accepts, in steps of half an hour."""
    first = Duty(_MONDAY, 12 * 60, 16 * 60, "", "")
    for rest in range(0, 20 * 60 + 1, 30):
        begins = 16 * 60 + rest - 24 * 60
        day, begins = (_MONDAY, begins + 24 * 60) if begins < 0 else (_MONDAY + timedelta(days=1), begins)
        second = Duty(day, begins, begins + 4 * 60, "", "")
        if not _codes([first, second], place, age) & _RESTS:
            return rest
    return 20 * 60


@cache
def notice_days(place: Place) -> int:
    """Days after tomorrow on which nobody can be told a new shift any more: it is approved until tomorrow's close."""
    zone = ZoneInfo(place.timezone)
    told = datetime.combine(_MONDAY + timedelta(days=1), time(), zone)
    for days in range(15):
        shift = shift_of(Duty(_MONDAY + timedelta(days=days), 0, 4 * 60, "", ""), zone, told)
        found = check("hours", PlannedWork(Worker(), [shift]), WorkHistory(now=told), place.packs)
        if not any(breach.code == "law.notice" for breach in found):
            return days
    return 15


@cache
def week_minutes(place: Place, age: int | None) -> int:
    """Most minutes of work in a week that the law accepts of somebody who agreed to nothing special, by half hours."""
    for minutes in range(60 * 60, 0, -30):
        each = minutes // 5
        week = [Duty(_MONDAY + timedelta(days=day), 8 * 60, 8 * 60 + each, "", "") for day in range(5)]
        if not _codes(week, place, age) & _WEEKS:
            return minutes
    return 0


def _layouts(kind: Kind, house: HouseBreaks) -> Iterator[list[Breaks]]:
    """Sets of breaks, from the shortest on."""
    length = kind.ends - kind.begins
    if length <= house.after:
        yield [()]
    starts = range(kind.begins + 60, kind.ends - 60, QUARTER_MINUTES)
    lengths = sorted({house.minutes, *(one for one in _LONGER if one >= house.minutes or length <= house.after)})
    for minutes in lengths:
        one = [((begins, begins + minutes),) for begins in starts]
        yield [breaks for breaks in one if _short_enough(kind, breaks, house)]
    for minutes in lengths:
        two = [
            ((first, first + minutes), (second, second + minutes))
            for first, second in combinations(range(kind.begins + 60, kind.ends - 60, 30), 2)
            if second >= first + minutes + 60
        ]
        yield [breaks for breaks in two if _short_enough(kind, breaks, house)]


def _short_enough(kind: Kind, breaks: Breaks, house: HouseBreaks) -> bool:
    """Whether breaks lie inside, and nobody works longer at once than the house wants."""
    edges = [kind.begins, *(edge for pause in breaks for edge in pause), kind.ends]
    spans = [until - since for since, until in zip(edges[::2], edges[1::2], strict=True)]
    return min(spans) > 0 and (max(spans) <= house.after)


def _objected(kind: Kind, breaks: Breaks, place: Place, age: int | None, codes: set[str]) -> bool:
    return bool(_codes([_duty(kind, _MONDAY, breaks)], place, age) & codes)


def _codes(duties: list[Duty], place: Place, age: int | None) -> set[str]:
    return {breach.code for breach in breaches_of(duties, place, age=age)}


def _duty(kind: Kind, day: date, breaks: Breaks) -> Duty:
    return Duty(day, kind.begins, kind.ends, "", "", breaks)
