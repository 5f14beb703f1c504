"""Who of one store works a shift in another one that is short, once every store has planned its own people.

One shift after another is given, each time the one that saves most: the hours that it covers, at what missing hours
cost, less its pay and what going elsewhere costs (`[roster] lend`). It goes to somebody who may work there, is free on
that day, has hours left in contract and law, and whom the own store does not miss at that time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import chain
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from numpy.typing import NDArray

from aislehub.core.contract import Column, Contract
from aislehub.core.step import step
from aislehub.store.roster.breaks import people_there
from aislehub.store.roster.duty import Duty, duties_of
from aislehub.store.roster.inputs import StoreWeek, week_sources
from aislehub.store.roster.kinds import Kind, all_kinds
from aislehub.store.roster.lawful import Place, allows, breaches_of, break_layouts
from aislehub.store.roster.need import Member, Need, overlaps
from aislehub.store.roster.own import left_open
from aislehub.store.roster.policy import Policy
from aislehub.store.roster.week import HORIZON_DAYS, house_breaks, unrested

__all__ = ["LOANS", "Lender", "lent", "loans"]

LOANS = Contract(
    "loans",
    "A shift in a store that is short, for somebody of another store",
    (
        Column("store", "text", "Store where it is worked"),
        Column("subject", "text", "Monday of the week"),
        Column("staff", "text", "Random key of the employee", person=True),
        Column("on", "date", "Business day on which it begins"),
        Column("home", "text", "Store of the contract"),
        Column("shift", "text", "JSON as in the action of `rosters`"),
    ),
    key="day staff on",
    derived=True,
)  # fmt: skip


@dataclass(frozen=True)
class Lender:
    """Somebody who may work in other stores too.

    Attributes:
        member: with all shifts that are told or planned outside of the days in question as `worked`.
        home: store of the contract.
        place: whose law holds there.
        taken: shifts told or planned for the days in question, in whatever store.
        missed: work that the own store cannot fill in these days.
    """

    member: Member
    home: str
    place: Place
    taken: tuple[Duty, ...]
    missed: Need


@step(reads="staffing roster_staff availability rostered stores own_rosters", writes=LOANS)
def loans(
    staffing: ir.Table, roster_staff: ir.Table, availability: ir.Table, rostered: ir.Table, stores: ir.Table,
    own_rosters: ir.Table, *, day: date, policy: Policy, timezone: str,
) -> pd.DataFrame:  # fmt: skip
    """Lend people to the stores that are short, the one that misses most hours first."""
    today = ibis.literal(day)
    guests = roster_staff.filter(_.day == today, _.home.notnull()).to_pandas()
    planned = own_rosters.filter(_.day == today).to_pandas()
    short = planned[(planned["open_hours"] > 0) & planned["store"].isin(guests["store"])]
    columns = [column.name for column in LOANS.columns if column.name != "day"]
    if short.empty:
        return pd.DataFrame(columns=columns)
    both = sorted({*short["store"], *guests.loc[guests["store"].isin(short["store"]), "home"]})
    weeks = week_sources(
        staffing.filter(_.store.isin(both)), roster_staff.filter(_.store.isin(both)), availability, rostered, stores,
        day=day, policy=policy, timezone=timezone,
    )  # fmt: skip
    by_key = {(week.store, week.subject): week for week in weeks}
    plans = {
        (row.store, row.subject): tuple(duties_of({"shifts": json.loads(row.shifts)}))
        for row in planned[planned["store"].isin(both)].itertuples()
    }
    given: dict[str, list[Duty]] = {}
    rows = []
    most_first = short.sort_values(["open_hours", "store", "subject"], ascending=[False, True, True])
    for store, subject in most_first[["store", "subject"]].itertuples(index=False):
        week = by_key[store, subject]
        offers = list(_offers(week, by_key, plans, guests, given))
        missing = left_open(week.need, plans[store, subject])
        for lender, duty in lent(missing, offers, week.place, policy, told=bool(week.stands)):
            given.setdefault(duty.staff, []).append(duty)
            rows.append((store, subject, duty.staff, duty.day, lender.home, json.dumps(duty.document())))
    return pd.DataFrame(rows, columns=columns)


def lent(
    missing: Need, lenders: Sequence[Lender], place: Place, policy: Policy, *, told: bool = False
) -> Iterator[tuple[Lender, Duty]]:
    """Shifts for people of other stores, the most useful first.

    Args:
        missing: work that a store's own people leave open.
        place: whose law holds in that store.
        told: people know these days by now, so that a new shift is a change for them.
    """
    if not lenders:
        return
    house = house_breaks(policy)
    hour = policy.missing * float(np.mean([lender.member.hourly_cost for lender in lenders]))
    kinds = all_kinds(missing.open, policy.shift_hours, policy.start_minutes)
    layouts = {kind: break_layouts(kind, place, None, house) for kind in kinds}
    people = missing.people.copy()
    taken = {lender.member.staff: list(lender.taken) for lender in lenders}
    refused: set[tuple[str, date, Kind]] = set()
    while True:
        found = []
        for row, skill in enumerate(missing.skills):
            for at, day in enumerate(missing.days):
                short = people[row, at] > 0
                for kind in kinds if short.any() else ():
                    if not layouts[kind]:
                        continue
                    breaks = min(layouts[kind], key=lambda one: (_within(short, one), one))
                    covered = (int(short[kind.quarters].sum()) - _within(short, breaks)) / 4 * hour
                    duty = Duty(day, kind.begins, kind.ends, "", skill, breaks)
                    for lender in lenders:
                        member = lender.member
                        beside = policy.lend + (policy.change if told else 0.0)
                        saved = covered - (duty.paid / 60 + beside) * member.hourly_cost
                        if saved > 0 and skill in member.skills and (member.staff, day, kind) not in refused:
                            found.append((saved, member.staff, replace(duty, staff=member.staff), lender))
        for _saved, staff, duty, lender in sorted(found, key=lambda one: (-one[0], *one[1:3])):
            if _may(lender, duty, taken[staff], place, policy, len(missing.days)):
                taken[staff].append(duty)
                people = np.maximum(people - people_there([duty], missing.days, missing.skills), 0)
                yield lender, duty
                break
            refused.add((staff, duty.day, Kind(duty.begins, duty.ends)))
        else:
            return


def _may(lender: Lender, duty: Duty, taken: Sequence[Duty], place: Place, policy: Policy, days: int) -> bool:
    """Whether somebody can work a shift elsewhere, beside all that they work already and what home needs of them."""
    member = replace(lender.member, worked=tuple(sorted([*lender.member.worked, *taken])))
    kind = Kind(duty.begins, duty.ends)
    minutes = duty.paid + sum(one.paid for one in taken)
    return (
        not member.away(duty.day, [kind])
        and not any(one.kind == "unwanted" and overlaps(kind, one, duty.day) for one in member.notices)
        and minutes <= member.weekly_hours * 60 * days / HORIZON_DAYS * (1 + policy.tolerance)
        and not _missed_at_home(lender, duty)
        and _run_with(duty.day, {one.day for one in member.worked}) <= policy.days_in_row
        and allows(kind, duty.day, place, member.age, house_breaks(policy))
        and not any(unrested(kind, duty.day, member, where, policy) for where in (place, lender.place))
        and not any(
            breaches_of([*taken, duty], where, age=member.age, worked=lender.member.worked)
            for where in {place, lender.place}
        )
    )


def _missed_at_home(lender: Lender, duty: Duty) -> bool:
    """Whether the own store is short of somebody with one of their skills at that time."""
    rows = [at for at, skill in enumerate(lender.missed.skills) if skill in lender.member.skills]
    if duty.day not in lender.missed.days:
        return True
    at = lender.missed.days.index(duty.day)
    return bool(lender.missed.people[rows, at, Kind(duty.begins, duty.ends).quarters].any())


def _run_with(day: date, worked: set[date]) -> int:
    """Days in a row around a day, itself included."""
    first = last = day
    while first - timedelta(days=1) in worked:
        first -= timedelta(days=1)
    while last + timedelta(days=1) in worked:
        last += timedelta(days=1)
    return (last - first).days + 1


def _offers(
    week: StoreWeek, weeks: Mapping[tuple[str, str], StoreWeek], plans: Mapping[tuple[str, str], tuple[Duty, ...]],
    guests: pd.DataFrame, given: Mapping[str, Sequence[Duty]],
) -> Iterator[Lender]:  # fmt: skip
    """Those who may work in a store and whose own store has planned or told this week."""
    days = set(week.need.days)
    for row in guests[guests["store"] == week.store].sort_values("staff").itertuples():
        home = weeks.get((row.home, week.subject))
        if home is None:
            continue
        planned = plans.get((row.home, week.subject), home.able)
        member = next(one for one in home.staff if one.staff == row.staff)
        # what a repair takes from somebody they have been told all the same, until it is approved
        own = [duty for duty in {*planned, *home.stands} if duty.staff == row.staff]
        known = _one_a_day(chain(own, member.worked, given.get(row.staff, ())))
        yield Lender(
            replace(member, worked=tuple(duty for duty in known if duty.day not in days)), row.home, home.place,
            tuple(duty for duty in known if duty.day in days), left_open(home.need, planned),
        )  # fmt: skip


def _one_a_day(duties: Any) -> list[Duty]:
    by_day: dict[date, Duty] = {}
    for duty in duties:
        by_day.setdefault(duty.day, duty)
    return sorted(by_day.values())


def _within(short: NDArray[np.bool_], breaks: Sequence[tuple[int, int]]) -> int:
    """Quarters of an hour with somebody missing that lie in breaks."""
    return sum(int(short[Kind(since, until).quarters].sum()) for since, until in breaks)
