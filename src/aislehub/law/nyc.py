"""New York City: a shop's schedule is written 72 hours ahead and kept, with meals and a free day.

NYC Administrative Code, title 20, chapter 12, subchapter 5 (Fair Workweek Law), for retailers of 20 and more employees;
New York Labor Law §§ 142 and 143 for those under 18, § 161 for the free day and § 162 for meals. It holds beside
federal law (`us`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from aislehub.law.hours import (
    HOUR,
    HoursRule,
    at_clock,
    clock,
    day_limit,
    days_limit,
    night_ban,
    rest_of_week,
    stretches,
    week_limit,
)
from aislehub.law.rules import Article, Breach
from aislehub.law.shifts import PlannedWork, Shift, Spell, WorkHistory, monday_of, shown, spells
from aislehub.law.us import labor_day

__all__ = ["HOURS_RULES"]

NOTICE_HOURS = 72
FREE_HOURS = 24
LONG_SHIFT = 6
SHIFT_PAUSE = 2
"""Work parted by less than two hours is read as one shift."""
NOON, NOON_MINUTES = (11, 14), 30
EVENING, EVENING_MINUTES = (17, 19), 20
LATE_START, EARLY_START, LATE_MINUTES = 13, 6, 45
DAYS = 6
WORKWEEK = "https://www.nyc.gov/site/dca/businesses/fair-workweek-retail-employers.page"


def _workweek(section: str) -> Article:
    return Article(f"NYC Admin. Code § {section}", WORKWEEK)


def _labor(section: str) -> Article:
    return Article(
        f"N.Y. Labor Law § {section}", f"https://www.nysenate.gov/legislation/laws/LAB/{section.split('(')[0]}"
    )


def _on_call(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    for shift in plan.shifts:
        if shift.on_call:
            yield Breach("law.on_call", _workweek("20-1251(a)(1)"), {"begin": shown(shift.starts)})


def _notice(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    """A shift is told 72 hours before it begins, unless the person agrees to less."""
    for shift in plan.shifts:
        told = shift.told or history.now
        if told is None or shift.agreed:
            continue
        ahead = _ahead(shift, told)
        if ahead < NOTICE_HOURS:
            facts = {"begin": shown(shift.starts), "hours": ahead, "limit": NOTICE_HOURS}
            yield Breach("law.notice", _workweek("20-1251(a)(3), 20-1252(a)"), facts)


def _kept(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    """A shift promised in writing is not taken back or changed within the 72 hours before it, unless agreed."""
    if history.now is None:
        return
    for shift in history.promised:
        ahead = _ahead(shift, history.now)
        if 0 < ahead < NOTICE_HOURS and not any(_keeps(planned, shift) for planned in plan.shifts):
            facts = {"begin": shown(shift.starts), "hours": ahead, "limit": NOTICE_HOURS}
            yield Breach("law.cancelled", _workweek("20-1251(a)(2)"), facts)


def _free_day(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    yield from rest_of_week(_labor("161"), spells(plan, history), FREE_HOURS, FREE_HOURS)


def _meals(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    """A meal at noon, or midway in a shift of the evening or night, and a second one in the evening of a long day."""
    for shift in stretches(spells(plan, history), SHIFT_PAUSE):
        if not any(spell.planned for spell in shift):
            continue
        start, end = shift[0].start, shift[-1].end
        noon, evening = _window(shift[0], NOON), _window(shift[0], EVENING)
        early, late = _window(shift[0], (EARLY_START, LATE_START))
        if end - start > LONG_SHIFT * HOUR and early <= start < late:
            yield from _meal(_labor("162(2)"), shift, noon, NOON_MINUTES)
        elif end - start > LONG_SHIFT * HOUR:
            quarter = (end - start) / 4
            yield from _meal(_labor("162(4)"), shift, (start + quarter, end - quarter), LATE_MINUTES)
        if start < noon[0] and end > evening[1]:
            yield from _meal(_labor("162(3)"), shift, evening, EVENING_MINUTES)


def _teen(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    """Those of 14 and 15, who are taken to go to school."""
    if not plan.worker.younger(16):
        return
    work, article = spells(plan, history), _labor("142")
    yield from day_limit(article, work, lambda day: 3 if history.is_school_day(day) else 8)
    yield from week_limit(article, work, lambda monday: 18 if history.in_session(monday) else 40)
    yield from days_limit(article, work, DAYS)

    def evening(day: date) -> int:
        summer = date(day.year, 6, 21) <= day <= labor_day(day.year)
        return 21 if summer and not history.in_session(monday_of(day)) else 19

    yield from night_ban(article, work, evening, 7)


def _youth(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    """Those of 16 and 17: four hours on a day before a school day that is no Sunday, eight on others."""
    if plan.worker.younger(16) or not plan.worker.younger(18):
        return
    work, article = spells(plan, history), _labor("143")

    def hours(day: date) -> int:
        tomorrow = history.is_school_day(day + timedelta(days=1))
        return 4 if history.is_school_day(day) and tomorrow else 8

    yield from day_limit(article, work, hours)
    yield from week_limit(article, work, lambda monday: 28 if history.in_session(monday) else 48)
    yield from days_limit(article, work, DAYS)
    yield from night_ban(article, work, lambda day: 22 if history.in_session(monday_of(day)) else 24, 6)


HOURS_RULES: tuple[HoursRule, ...] = (_on_call, _notice, _kept, _free_day, _meals, _teen, _youth)


def _ahead(shift: Shift, moment: datetime) -> float:
    """Hours from a moment to the start of a shift."""
    return round((shift.starts.timestamp() - moment.timestamp()) / HOUR, 2)


def _keeps(planned: Shift, promised: Shift) -> bool:
    """Whether a planned shift is the promised one, or one in its place to which the person agreed."""
    same = (planned.starts, planned.ends) == (promised.starts, promised.ends)
    overlaps = planned.starts < promised.ends and promised.starts < planned.ends
    return same or (planned.agreed and overlaps)


def _window(spell: Spell, hours: tuple[float, float]) -> tuple[float, float]:
    """The moments of two hours of the clock on the day of a shift."""
    return at_clock(spell.day, hours[0], spell.zone), at_clock(spell.day, hours[1], spell.zone)


def _meal(article: Article, shift: Sequence[Spell], window: tuple[float, float], minutes: float) -> Iterator[Breach]:
    """The breach of a shift without a pause of so many minutes inside a window."""
    earliest, latest = window
    pauses = (min(after.start, latest) - max(before.end, earliest) for before, after in pairwise(shift))
    if max(pauses, default=0.0) < minutes * 60:
        facts = {
            "begin": clock(shift[0], shift[0].start),
            "minutes": minutes,
            "earliest": clock(shift[0], earliest),
            "latest": clock(shift[0], latest),
        }
        yield Breach("law.meal", article, facts)
