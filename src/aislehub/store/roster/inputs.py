"""What the roster of a store's week is made from, read off the day's tables: need, people, what was told, the place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from numpy.typing import NDArray

from aislehub.law.shifts import monday_of
from aislehub.store.roster.duty import Duty, duties_of, minute_of
from aislehub.store.roster.kinds import DAY_MINUTES, QUARTER_MINUTES, Kind
from aislehub.store.roster.lawful import Place, notice_days, place_of
from aislehub.store.roster.need import Member, Need, Notice
from aislehub.store.roster.policy import Policy
from aislehub.store.roster.told import HISTORY, duty_of, text_of

__all__ = ["WEEK", "StoreWeek", "member_of", "week_sources"]

WEEK = 7


@dataclass(frozen=True)
class StoreWeek:
    """One store and the days of one week.

    Attributes:
        staff: people of the store.
        guests: people of other stores who may work here.
        stands: shifts that were told for these days; without any the week is planned anew.
        late: days of a new week that are left out, since it is too late to tell anybody.
        before: the shifts of the week before, as if told for these days.
    """

    store: str
    place: Place
    need: Need
    staff: tuple[Member, ...]
    guests: tuple[Member, ...]
    stands: tuple[Duty, ...]
    before: tuple[Duty, ...]
    source: str
    late: tuple[date, ...] = ()

    @property
    def subject(self) -> str:
        """The week's Monday."""
        return monday_of(self.need.days[0]).isoformat()

    @cached_property
    def able(self) -> tuple[Duty, ...]:
        """Of the shifts that were told those that can be worked: not by who has told that they cannot, or has left."""
        there = {member.staff: member for member in (*self.staff, *self.guests)}
        return tuple(
            duty for duty in self.stands
            if duty.staff in there and not there[duty.staff].away(duty.day, [Kind(duty.begins, duty.ends)])
        )  # fmt: skip

    @property
    def waits(self) -> bool:
        """Whether there is something to plan: a new week, or one that was told and has a hole."""
        return len(self.able) < len(self.stands) or not self.stands


def week_sources(
    staffing: ir.Table, roster_staff: ir.Table, availability: ir.Table, rostered: ir.Table, stores: ir.Table, *,
    day: date, policy: Policy, timezone: str,
) -> Iterator[StoreWeek]:  # fmt: skip
    """The weeks to come of every store that has people and work, told or not; of the running one the days left."""
    today = ibis.literal(day)
    people = roster_staff.filter(_.day == today).to_pandas()
    need = staffing.filter(_.day == today, _.store.isin(sorted(set(people["store"])) or [""])).to_pandas()
    told = rostered.to_pandas()
    told = told[told["begins"].notna()]
    notices = availability.to_pandas()
    places = stores.to_pandas().set_index("store")
    for store, rows in people.sort_values("staff").groupby("store"):
        here, work = told[told["store"] == store], need[need["store"] == store]
        row = places.loc[store] if store in places.index else pd.Series(dtype=object)
        place = place_of(
            text_of(row.get("country")), text_of(row.get("city")), text_of(row.get("timezone")) or timezone, policy.law
        )
        mine = rows[rows["home"].isna()]
        for days, late in _weeks(work, here, day, notice_days(place)):
            own, guests = (
                tuple(member_of(one, days, here, notices) for one in some.to_dict("records"))
                for some in (mine, rows[rows["home"].notna()])
            )
            yield StoreWeek(
                str(store), place, _need(work, days), own, guests,
                tuple(duty for duty in map(duty_of, here.to_dict("records")) if duty.day in days),
                tuple(_week_later(here, days)), "; ".join(sorted(set(mine["source"]))), tuple(late),
            )  # fmt: skip


def member_of(row: Mapping[str, Any], days: Sequence[date], told: pd.DataFrame, notices: pd.DataFrame) -> Member:
    """Somebody with the shifts told for other days or elsewhere, and what they told for these.

    Args:
        row: of `roster_staff`.
        told: shifts of the store that were told.
    """
    here = [duty for duty in map(duty_of, _of(row["staff"], told)) if duty.day not in days]
    away = duties_of({"shifts": json.loads(text_of(row["elsewhere"]) or "[]")})
    said = (one for one in _of(row["staff"], notices) if one["kind"] != "void")
    return Member(
        staff=row["staff"], skills=frozenset((text_of(row["skills"])).split()), weekly_hours=float(row["weekly_hours"]),
        hourly_cost=float(row["hourly_cost"]), age=None if pd.isna(row["age"]) else int(row["age"]),
        home=text_of(row["home"]),
        employed=(_day(row.get("employed_from"), date.min), _day(row.get("employed_to"), date.max)),
        worked=tuple(sorted(duty for duty in (*here, *away) if duty.day >= days[0] - HISTORY)),
        notices=tuple(notice for one in said for notice in _notices(one, days)),
    )  # fmt: skip


def _of(staff: str, rows: pd.DataFrame) -> list[dict[Any, Any]]:
    """Somebody's rows; most people have none, and to find that out is what takes the time where many are asked for."""
    mine = (rows["staff"] == staff).to_numpy()
    return rows[mine].to_dict("records") if mine.any() else []


def _weeks(
    need: pd.DataFrame, told: pd.DataFrame, day: date, notice: int
) -> list[tuple[list[date], list[date]]]:  # fmt: skip
    """Days to come of each week that was told, and of the first one that was not, if their need is known to the end.

    Beside them the days of new weeks for which it is too late.
    """
    if need.empty:
        return []
    last = pd.Timestamp(need["ds"].max()).date()
    published = {pd.Timestamp(when).date() for when in told["day"]}
    first = day + timedelta(days=1)
    monday = monday_of(first)
    found: list[tuple[list[date], list[date]]] = []
    late: list[date] = []
    while monday + timedelta(days=WEEK - 1) <= last:
        days = [monday + timedelta(days=ahead) for ahead in range(WEEK)]
        told_before = bool(published.intersection(days))
        since = first if told_before else first + timedelta(days=notice)
        late += [one for one in days if first <= one < since]
        left = [one for one in days if one >= since]
        if left:
            found.append((left, [] if told_before else late))
        if left and not told_before:
            break
        monday += timedelta(days=WEEK)
    return found


def _need(rows: pd.DataFrame, days: Sequence[date]) -> Need:
    """Head counts of a store on these days."""
    skills = tuple(sorted(set(rows["skill"])))
    people: NDArray[np.int64] = np.zeros((len(skills), len(days), DAY_MINUTES // QUARTER_MINUTES), dtype=np.int64)
    ahead = (pd.to_datetime(rows["ds"]) - pd.Timestamp(days[0])).dt.days
    mine = rows[(ahead >= 0) & (ahead < len(days))]
    skill = mine["skill"].map({name: at for at, name in enumerate(skills)}).to_numpy(int)
    people[skill, ahead[mine.index].to_numpy(int), mine["quarter"].to_numpy(int)] = mine["staff"].to_numpy(int)
    return Need(tuple(days), skills, people)


def _notices(row: Mapping[str, Any], days: Sequence[date]) -> list[Notice]:
    """A notice on each of the days that it is about."""
    begins = minute_of(row["begins"]) if text_of(row["begins"]) else 0
    ends = minute_of(row["ends"]) if text_of(row["ends"]) else DAY_MINUTES
    if not pd.isna(row["day"]):
        about = [day for day in days if day == pd.Timestamp(row["day"]).date()]
    elif not pd.isna(row["weekday"]):
        about = [day for day in days if day.isoweekday() == int(row["weekday"])]
    else:
        about = list(days)
    return [Notice(day, begins, ends, row["kind"]) for day in about]


def _week_later(told: pd.DataFrame, days: Sequence[date]) -> Iterator[Duty]:
    for row in told.to_dict("records"):
        moved = pd.Timestamp(row["day"]).date() + timedelta(days=WEEK)
        if moved in days:
            yield duty_of(row | {"day": moved})


def _day(value: Any, otherwise: date) -> date:
    return otherwise if value is None or pd.isna(value) else pd.Timestamp(value).date()
