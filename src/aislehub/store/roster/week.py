"""One store's roster of some days: the cheapest that its contracts, its rest and the law allow.

    need by quarter → few kinds of shift → who works them (`by_person.py`) → breaks → the law, person by person

What is counted is money: pay of hours beyond the need, and what each missing person-hour costs. The search ends by
work done, not by the clock, so that the same day gives the same roster.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from aislehub.store.roster.breaks import placed
from aislehub.store.roster.by_person import planned_by_person
from aislehub.store.roster.duty import Duty, minute_of
from aislehub.store.roster.keep import keeping
from aislehub.store.roster.kinds import DAY_MINUTES, QUARTERS, Kind, all_kinds, useful_kinds
from aislehub.store.roster.lawful import (
    HouseBreaks,
    Place,
    allows,
    breaches_of,
    break_layouts,
    rest_minutes,
    week_minutes,
)
from aislehub.store.roster.need import Member, Need, overlaps
from aislehub.store.roster.policy import Policy
from aislehub.store.roster.problem import Assignment, Cover, Person, Problem, Shift, Wish

__all__ = ["HORIZON_DAYS", "Planned", "finished", "house_breaks", "plan_week", "unrested"]

CENTS = 100
HORIZON_DAYS = 7


@dataclass(frozen=True)
class Planned:
    """A roster of a store.

    Attributes:
        duties: who works when.
        dropped: shifts that were found and that the law does not allow together; they are not in `duties`.
    """

    duties: tuple[Duty, ...]
    dropped: tuple[Duty, ...] = ()


def plan_week(
    need: Need, staff: Sequence[Member], place: Place, policy: Policy, *, start: Sequence[Duty] = (),
    told: Sequence[Duty] = (),
) -> Planned:  # fmt: skip
    """The cheapest roster found.

    Args:
        start: a roster to begin the search from, such as last week's on these days.
        told: shifts that people were told for these days already. Each that changes costs `policy.change`, so that what
            somebody's absence leaves open is filled with few changes; whoever can works what they were told.
    """
    house = house_breaks(policy)
    kinds = all_kinds(need.open, policy.shift_hours, policy.start_minutes)
    kinds = [kind for kind in kinds if break_layouts(kind, place, None, house)]
    by_day = useful_kinds(need.people, kinds, policy.missing)
    for duty in told:
        by_day[need.days.index(duty.day)].append(Kind(duty.begins, duty.ends))
    used = sorted({kind for day in by_day for kind in day})
    if not used or not staff:
        return Planned(())
    paid = {kind: _paid(kind, break_layouts(kind, place, None, house)[0]) for kind in used}
    rest = max(round(policy.rest_hours * 60), rest_minutes(place, None))
    problem = Problem(
        days=len(need.days),
        shifts=tuple(Shift(kind.id, paid[kind], _too_soon(kind, used, rest)) for kind in used),
        staff=tuple(_person(member, need, used, by_day, place, policy, told) for member in staff),
        covers=tuple(_covers(need, used, staff, policy)),
        wishes=tuple(_wishes(need, used, staff, policy)),
        weekends=_weekends(need.days),
    )
    known = [_assigned(duty, need) for duty in told or start if Kind(duty.begins, duty.ends) in used]
    if told:
        costs = {member.staff: round(CENTS * member.hourly_cost * policy.change) for member in staff}
        problem = keeping(problem, known, costs)
    found = planned_by_person(problem, rounds=policy.effort, seed=policy.seed, start=known)
    by_id = {kind.id: kind for kind in used}
    given = [
        Duty(need.days[one.day], by_id[one.shift].begins, by_id[one.shift].ends, one.person, one.skill) for one in found
    ]
    planned = finished(given, need, staff, place, policy)
    as_told = {replace(duty, breaks=()): duty for duty in told}
    return replace(
        planned, duties=tuple(sorted(as_told.get(replace(duty, breaks=()), duty) for duty in planned.duties))
    )


def finished(given: Sequence[Duty], need: Need, staff: Sequence[Member], place: Place, policy: Policy) -> Planned:
    """Shifts with their breaks, without those that the law does not allow beside the others."""
    age = {member.staff: member.age for member in staff}
    house = house_breaks(policy)
    layouts = {duty: break_layouts(Kind(duty.begins, duty.ends), place, age[duty.staff], house) for duty in given}
    known = [duty for duty in given if layouts[duty]]
    return _lawful(placed(known, layouts, need.days, need.skills, need.people), staff, place)


def house_breaks(policy: Policy) -> HouseBreaks:
    """The house's own rule of breaks."""
    return HouseBreaks(round(policy.break_after * 60), policy.break_minutes)


def _person(
    member: Member, need: Need, used: Sequence[Kind], by_day: Sequence[Sequence[Kind]], place: Place, policy: Policy,
    told: Sequence[Duty],
) -> Person:  # fmt: skip
    """What a person may be given: kinds of the day that the law allows them, at times at which they can."""
    house = house_breaks(policy)
    barred = {
        (at, kind.id)
        for at, day in enumerate(need.days)
        for kind in used
        if kind not in by_day[at]
        or not allows(kind, day, place, member.age, house)
        or any(overlaps(kind, notice, day) for notice in member.notices if notice.bars)
        or unrested(kind, day, member, place, policy)
    }
    elsewhere = {duty.day: duty.paid for duty in member.worked if duty.day in need.days}
    days_off = {at for at, day in enumerate(need.days) if not member.employed[0] <= day <= member.employed[1]}
    days_off |= {at for at, day in enumerate(need.days) if day in elsewhere}
    days_off |= {at for at in range(len(need.days)) if all((at, kind.id) in barred for kind in used)}
    if _run_before(member, need.days[0]) >= policy.days_in_row:
        days_off.add(0)
    share = len(need.days) / HORIZON_DAYS
    wanted = max(member.weekly_hours * 60 * share - sum(elsewhere.values()), 0.0)
    able = (len(need.days) - len(days_off)) / len(need.days)
    own = sum(duty.paid for duty in told if duty.staff == member.staff)
    lawful = week_minutes(place, member.age) - _minutes_beside(member, need.days[0])
    more = member.weekly_hours * 60 * share * policy.tolerance
    most = min(max(wanted + more, own), lawful)
    least = 0 if told else min(wanted * (1 - policy.tolerance) * able, most)
    return Person(
        id=member.staff,
        min_minutes=max(round(least), 0),
        max_minutes=max(round(most), 0),
        max_run=policy.days_in_row,
        skills=member.skills & set(need.skills),
        days_off=frozenset(days_off),
        not_on=frozenset(barred),
        max_shifts=dict.fromkeys(_too_wide(member, used, place), 0),
    )


def _too_wide(member: Member, used: Sequence[Kind], place: Place) -> list[str]:
    """Of who needs more rest than others: shifts outside a daily window that leaves it whatever follows."""
    rest = rest_minutes(place, member.age)
    if rest <= rest_minutes(place, None):
        return []
    latest = max((kind.ends for kind in used if kind.ends <= 20 * 60), default=20 * 60)
    earliest = latest - (DAY_MINUTES - rest)
    return [kind.id for kind in used if kind.begins < earliest or kind.ends > latest]


def unrested(kind: Kind, day: date, member: Member, place: Place, policy: Policy) -> bool:
    """Whether a shift is too near to one that was told for a day outside the plan, or elsewhere."""
    rest = max(round(policy.rest_hours * 60), rest_minutes(place, member.age))
    for duty in member.worked:
        apart = (day - duty.day).days * DAY_MINUTES
        if kind.begins + apart < duty.ends + rest and duty.begins < kind.ends + apart + rest:
            return True
    return False


def _run_before(member: Member, first: date) -> int:
    """Days worked one after another up to the day before the plan."""
    worked = {duty.day for duty in member.worked}
    run = 0
    while first - timedelta(days=run + 1) in worked:
        run += 1
    return run


def _minutes_beside(member: Member, first: date) -> int:
    """Paid minutes of the plan's week that were told for the days before it, or in other stores."""
    monday = first - timedelta(days=first.weekday())
    return sum(duty.paid for duty in member.worked if monday <= duty.day < monday + timedelta(days=HORIZON_DAYS))


def _covers(need: Need, used: Sequence[Kind], staff: Sequence[Member], policy: Policy) -> list[Cover]:
    """Head counts by quarter of an hour, alike ones as one; nobody can be there in quarters outside all shifts."""
    quarter = CENTS * float(np.mean([member.hourly_cost for member in staff])) / 4
    over, under = round(quarter), round(quarter * (policy.missing - 1))
    there = [tuple(kind.id for kind in used if at in range(QUARTERS)[kind.quarters]) for at in range(QUARTERS)]
    counted: Counter[tuple[int, tuple[str, ...], int, str]] = Counter()
    for row, skill in enumerate(need.skills):
        for day in range(len(need.days)):
            for at in range(QUARTERS):
                if there[at]:
                    counted[day, there[at], int(need.people[row, day, at]), skill] += 1
    return [
        Cover(day, shifts, required, times * under, times * over, skill)
        for (day, shifts, required, skill), times in sorted(counted.items())
    ]


def _wishes(need: Need, used: Sequence[Kind], staff: Sequence[Member], policy: Policy) -> list[Wish]:
    """Wishes told, and what evens out late and weekend shifts over the weeks."""
    found: dict[tuple[str, int, str, bool], int] = defaultdict(int)
    late = minute_of(policy.late)
    since = need.days[0] - timedelta(weeks=4)
    for member in staff:
        pay = CENTS * member.hourly_cost
        recent = [duty for duty in member.worked if since <= duty.day < need.days[0]]
        lates, ends = sum(duty.ends > late for duty in recent), sum(duty.day.weekday() >= 5 for duty in recent)
        for at, day in enumerate(need.days):
            for kind in used:
                unfair = lates * (kind.ends > late) + ends * (day.weekday() >= 5)
                if unfair:
                    found[member.staff, at, kind.id, False] += round(pay * policy.fairness * unfair)
                for notice in member.notices:
                    if notice.kind in ("wanted", "unwanted") and overlaps(kind, notice, day):
                        found[member.staff, at, kind.id, notice.kind == "wanted"] += round(pay * policy.wish)
    return [Wish(person, day, kind, weight, wanted) for (person, day, kind, wanted), weight in sorted(found.items())]


def _lawful(duties: Sequence[Duty], staff: Sequence[Member], place: Place) -> Planned:
    """The roster without the shifts that the law does not allow beside the others, as few as go one by one."""
    kept: list[Duty] = []
    dropped: list[Duty] = []
    for member in staff:
        own = sorted(duty for duty in duties if duty.staff == member.staff)
        while own and _count(own, member, place):
            without = [_count([*own[:at], *own[at + 1 :]], member, place) for at in range(len(own))]
            at = len(own) - 1 - int(np.argmin(without[::-1]))  # of equals the last
            dropped.append(own.pop(at))
        kept += own
    return Planned(tuple(sorted(kept)), tuple(sorted(dropped)))


def _count(own: Sequence[Duty], member: Member, place: Place) -> int:
    return len(breaches_of(own, place, age=member.age, worked=member.worked)) if own else 0


def _assigned(duty: Duty, need: Need) -> Assignment:
    return Assignment(duty.staff, need.days.index(duty.day), Kind(duty.begins, duty.ends).id, duty.skill)


def _too_soon(kind: Kind, used: Sequence[Kind], rest: int) -> frozenset[str]:
    return frozenset(other.id for other in used if other.begins + DAY_MINUTES - kind.ends < rest)


def _paid(kind: Kind, breaks: Sequence[tuple[int, int]]) -> int:
    return kind.ends - kind.begins - sum(until - since for since, until in breaks)


def _weekends(days: Sequence[date]) -> tuple[tuple[int, ...], ...]:
    weeks: dict[tuple[int, int], list[int]] = defaultdict(list)
    for at, day in enumerate(days):
        if day.weekday() >= 5:
            weeks[day.isocalendar()[:2]].append(at)
    return tuple(tuple(one) for one in weeks.values())
