"""The limits that laws of working time share: hours of a day and a week, rest, breaks, nights, age.

Statutes differ in their figures and agree in their shapes. Each shape is a function here that yields the breaches; a
pack gives it figures and the article. Only work that is still planned can break a rule, together with what was worked.
Days that no shift covers count as free: a plan of half a week breaks only what the other half cannot mend.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from aislehub.law.rules import Article, Breach
from aislehub.law.shifts import PlannedWork, Spell, WorkHistory, monday_of, shown

__all__ = [
    "HOUR",
    "HoursRule",
    "age_limit",
    "at_clock",
    "average_limit",
    "break_limit",
    "by_day",
    "by_week",
    "clock",
    "day_limit",
    "days_limit",
    "hours_of",
    "night_ban",
    "rest_of_day",
    "rest_of_week",
    "stretches",
    "week_limit",
    "within",
]

HOUR = 3600.0
HoursRule = Callable[[PlannedWork, WorkHistory], Iterator[Breach]]
Limit = Callable[[date], float]


def age_limit(article: Article, plan: PlannedWork, least: int) -> Iterator[Breach]:
    """The breach of employing somebody below the least age."""
    if plan.shifts and plan.worker.younger(least):
        yield Breach("law.age", article, {"age": plan.worker.age, "least": least})


def day_limit(article: Article, work: Sequence[Spell], limit: Limit) -> Iterator[Breach]:
    """Days with more hours of work than `limit(day)`."""
    for day, some in by_day(work).items():
        if hours_of(some) > limit(day):
            yield Breach("law.hours_day", article, {"day": str(day), "hours": _said(some), "limit": limit(day)})


def week_limit(article: Article, work: Sequence[Spell], limit: Limit) -> Iterator[Breach]:
    """Weeks with more hours of work than `limit(Monday)`."""
    for monday, some in by_week(work).items():
        if hours_of(some) > limit(monday):
            yield Breach("law.hours_week", article, {"day": str(monday), "hours": _said(some), "limit": limit(monday)})


def days_limit(article: Article, work: Sequence[Spell], most: int) -> Iterator[Breach]:
    """Weeks with work on more than `most` days."""
    for monday, some in by_week(work).items():
        days = len({spell.day for spell in some})
        if days > most:
            yield Breach("law.days_week", article, {"day": str(monday), "days": days, "most": most})


def average_limit(
    article: Article, work: Sequence[Spell], leave: frozenset[date], limit: float, weeks: int
) -> Iterator[Breach]:
    """Weeks up to which the mean of the last `weeks` weeks, or of those since the first known shift, is above `limit`.

    A week with leave and without work makes the mean neither better nor worse.
    """
    first = min((spell.monday for spell in work), default=date.max)
    absent = {monday_of(day) for day in leave} - {spell.monday for spell in work}
    for monday in by_week(work):
        since = max(first, monday - timedelta(weeks=weeks - 1))
        counted = (monday - since).days // 7 + 1 - sum(since <= week <= monday for week in absent)
        mean = hours_of([spell for spell in work if since <= spell.monday <= monday]) / counted
        if mean > limit:
            facts = {"day": str(monday), "hours": round(mean, 2), "limit": limit, "weeks": counted}
            yield Breach("law.hours_average", article, facts)


def rest_of_day(article: Article, work: Sequence[Spell], rest: float) -> Iterator[Breach]:
    """Stretches of work after which the 24 hours from their start hold no uninterrupted rest of `rest` hours."""
    for stretch in stretches(work, rest):
        begin = stretch[0].start
        longest = _longest_rest(stretch, begin, begin + 24 * HOUR) / HOUR
        if longest < rest and any(spell.planned for spell in stretch):
            facts = {"begin": clock(stretch[0], stretch[0].start), "hours": round(longest, 2), "limit": rest}
            yield Breach("law.rest_day", article, facts)


def rest_of_week(article: Article, work: Sequence[Spell], rest: float, inside: float) -> Iterator[Breach]:
    """Weeks without an uninterrupted rest of `rest` hours of which `inside` hours lie between Monday and Sunday."""
    for monday, some in by_week(work).items():
        begin, end = (at_clock(day, 0, some[0].zone) for day in (monday, monday + timedelta(days=7)))
        free = [min(until, end) - max(since, begin) for since, until in _rests(work) if until - since >= rest * HOUR]
        if max(free, default=0.0) < inside * HOUR:
            hours = round(_longest_rest(work, begin, end) / HOUR, 2)
            yield Breach(
                "law.rest_week", article, {"day": str(monday), "hours": hours, "limit": rest, "inside": inside}
            )


def break_limit(article: Article, work: Sequence[Spell], hours: float, minutes: float) -> Iterator[Breach]:
    """More than `hours` of work without a break of at least `minutes`, across shifts that follow each other."""
    for run in stretches(work, minutes / 60):
        if hours_of(run) > hours and any(spell.planned for spell in run):
            facts = {"begin": clock(run[0], run[0].start), "hours": _said(run), "limit": hours, "minutes": minutes}
            yield Breach("law.break", article, facts)


def night_ban(article: Article, work: Sequence[Spell], begins: Limit, ends: float) -> Iterator[Breach]:
    """Days with work between `begins(day)` o'clock and `ends` o'clock of the next morning."""
    for day, some in by_day(work).items():
        if any(within(spell, begins(day), ends) for spell in some):
            facts = {"day": str(day), "begins": f"{begins(day) % 24:02.0f}:00", "ends": f"{ends:02.0f}:00"}
            yield Breach("law.night", article, facts)


def by_day(work: Sequence[Spell]) -> dict[date, list[Spell]]:
    """The work of each day on which any is planned."""
    return _grouped(work, lambda spell: spell.day)


def by_week(work: Sequence[Spell]) -> dict[date, list[Spell]]:
    """The work of each week in which any is planned, by its Monday."""
    return _grouped(work, lambda spell: spell.monday)


def stretches(work: Sequence[Spell], rest: float) -> list[list[Spell]]:
    """Work parted where at least `rest` hours lie between."""
    parted: list[list[Spell]] = []
    for spell in work:
        if parted and spell.start - parted[-1][-1].end < rest * HOUR:
            parted[-1].append(spell)
        else:
            parted.append([spell])
    return parted


def hours_of(work: Sequence[Spell]) -> float:
    """Hours of work."""
    return sum(spell.end - spell.start for spell in work) / HOUR


def within(spell: Spell, begins: float, ends: float) -> float:
    """Hours of a spell that lie between two times of its clock, of any day; 22 to 6 is across midnight."""
    length = (ends - begins) % 24
    first, last = (datetime.fromtimestamp(moment, spell.zone).date() for moment in (spell.start, spell.end))
    days = [first + timedelta(days=ahead) for ahead in range(-1, (last - first).days + 1)]
    windows = [(at_clock(day, begins, spell.zone), at_clock(day, begins + length, spell.zone)) for day in days]
    return sum(max(min(spell.end, end) - max(spell.start, begin), 0.0) for begin, end in windows) / HOUR


def at_clock(day: date, hour: float, zone: tzinfo | None) -> float:
    """The moment at which the clock of a zone shows `hour` on a day (24 and more: of the next), seconds since 1970."""
    return (datetime.combine(day, time()) + timedelta(hours=hour)).replace(tzinfo=zone).timestamp()


def clock(spell: Spell, moment: float) -> str:
    """A moment (seconds since 1970) by the clock of a spell, as sentences say it."""
    return shown(datetime.fromtimestamp(moment, spell.zone))


def _longest_rest(work: Sequence[Spell], begin: float, end: float) -> float:
    """Seconds of the longest time without work inside a window."""
    return max(min(until, end) - max(since, begin) for since, until in _rests(work))


def _rests(work: Sequence[Spell]) -> list[tuple[float, float]]:
    """(from, to) of the times without work, the first and the last without end."""
    edges = [-math.inf, *(edge for spell in work for edge in (spell.start, spell.end)), math.inf]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _grouped(work: Sequence[Spell], of: Callable[[Spell], date]) -> dict[date, list[Spell]]:
    """The work by day or week, without those in which nothing is planned."""
    groups: dict[date, list[Spell]] = {}
    for spell in work:
        groups.setdefault(of(spell), []).append(spell)
    return {key: some for key, some in groups.items() if any(spell.planned for spell in some)}


def _said(work: Sequence[Spell]) -> float:
    return round(hours_of(work), 2)
