"""Rosters of the business day: for each store the next week that nobody has been told yet, beside today's rule.

    staffing + people + notices + what was told → roster of the week (`week.py`) → money over the same shifts every day

One decision a store and week. It is proposed anew every day until somebody approves it; from then on its shifts are in
`rostered`, and the week after is planned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from numpy.typing import NDArray

from aislehub.core.contract import Column, Contract
from aislehub.core.reasons import Reason, to_json
from aislehub.core.step import step
from aislehub.store.roster.breaks import people_there
from aislehub.store.roster.duty import Duty, clock, hours_of, minute_of
from aislehub.store.roster.kinds import DAY_MINUTES, QUARTER_MINUTES, Kind
from aislehub.store.roster.lawful import place_of
from aislehub.store.roster.need import Member, Need, Notice
from aislehub.store.roster.policy import Policy
from aislehub.store.roster.saving import FloatArray, saving, spread_of
from aislehub.store.roster.told import HISTORY, duty_of, text_of
from aislehub.store.roster.usual import same_every_day
from aislehub.store.roster.week import Planned, plan_week

__all__ = ["ROSTERS", "Account", "account_of", "checks", "rosters"]

WEEK = 7

ROSTERS = Contract(
    "rosters",
    "Who works when in a store in the next week that is not told yet, beside the same shifts every day",
    (
        Column("hours", "float", "Paid hours of the roster", "hours", low=0),
        Column("needed_hours", "float", "Person-hours needed by the forecast of footfall and work", "hours", low=0),
        Column("missing_hours", "float", "Of them those without a person", "hours", low=0),
        Column("spare_hours", "float", "Hours at work beyond the need", "hours", low=0),
        Column("people", "int", "People who may be rostered", "persons", low=0),
    ),
    key="day store subject",
    decision=True,
)  # fmt: skip


@dataclass(frozen=True)
class Account:
    """What a roster costs against a need.

    Attributes:
        pay: of the paid hours, each at its person's cost.
        missing, spare: person-hours too few and too many.
        cost: pay and what missing hours cost, in money.
    """

    pay: float
    missing: float
    spare: float
    cost: float


@step(reads="staffing roster_staff availability rostered stores footfall_forecast", writes=ROSTERS, per="store")
def rosters(
    staffing: ir.Table, roster_staff: ir.Table, availability: ir.Table, rostered: ir.Table, stores: ir.Table,
    footfall_forecast: ir.Table, *, day: date, policy: Policy, timezone: str,
) -> pd.DataFrame:  # fmt: skip
    """A roster for every store that has people, work, and a week that is known whole and not told yet.

    Beside it one for each week that was told and in which somebody cannot work after all: with the fewest changes.
    """
    today = ibis.literal(day)
    people = roster_staff.filter(_.day == today).to_pandas()
    need = staffing.filter(_.day == today, _.store.isin(sorted(set(people["store"])) or [""])).to_pandas()
    told = rostered.to_pandas()
    notices = availability.to_pandas()
    places = stores.to_pandas().set_index("store")
    spreads = _spreads(footfall_forecast, day)
    rows = []
    for store, mine in people.groupby("store"):
        here, work = told[(told["store"] == store) & told["begins"].notna()], need[need["store"] == store]
        row = places.loc[store] if store in places.index else pd.Series(dtype=object)
        place = place_of(
            text_of(row.get("country")), text_of(row.get("city")), text_of(row.get("timezone")) or timezone, policy.law
        )
        common = {"store": store, "source": "; ".join(sorted(set(mine["source"])))}
        for days in _weeks(work, here, day):
            wanted = _need(work, days)
            spread = np.array([max(spreads.get((str(store), one), 0.0), policy.day_spread) for one in days])
            staff = [_member(one, days, told, notices) for one in mine.sort_values("staff").to_dict("records")]
            stands = [duty for duty in map(duty_of, here.to_dict("records")) if duty.day in days]
            able = [duty for duty in stands if not _absent(duty, staff)]
            if not stands:
                planned = plan_week(wanted, staff, place, policy, start=_last_week(here, days))
                usual = same_every_day(wanted, staff, place, policy)
                rows.append(common | _decision(wanted, staff, planned, usual, policy, day, spread))
            elif len(able) < len(stands):
                planned = plan_week(wanted, staff, place, policy, told=able)
                left = Planned(tuple(able))
                rows.append(common | _decision(wanted, staff, planned, left, policy, day, spread, stands))
    return pd.DataFrame(rows, columns=[column.name for column in ROSTERS.columns if column.name != "day"])


def account_of(duties: Sequence[Duty], need: Need, cost: Mapping[str, float], missing: float) -> Account:
    """Count a roster's money against a need.

    Args:
        cost: of an hour of each person, money.
        missing: cost of a missing person-hour, as a multiple of the mean cost of an hour.
    """
    there = people_there(duties, need.days, need.skills)
    few = float(np.maximum(need.people - there, 0).sum()) / 4
    many = float(np.maximum(there - need.people, 0).sum()) / 4
    pay = sum(duty.paid / 60 * cost[duty.staff] for duty in duties)
    mean = float(np.mean(list(cost.values()))) if cost else 0.0
    return Account(pay, few, many, pay + few * missing * mean)


def _decision(
    need: Need, staff: Sequence[Member], planned: Planned, usual: Planned, policy: Policy, day: date,
    spread: FloatArray, told: Sequence[Duty] = (),
) -> dict[str, Any]:  # fmt: skip
    """A decision's columns; of a week that was told the baseline is what is left of it."""
    cost = {member.staff: member.hourly_cost for member in staff}
    plan, today = (account_of(roster.duties, need, cost, policy.missing) for roster in (planned, usual))
    hour = policy.missing * float(np.mean(list(cost.values())))
    saved = saving(
        need, planned.duties, usual.duties, paid=today.pay - plan.pay, hour=hour, spread=spread, seed=policy.seed
    )
    hours, usual_hours = hours_of(list(planned.duties)), hours_of(list(usual.duties))
    action = {"hours": hours, "shifts": [duty.document() for duty in planned.duties]}
    baseline = {
        "name": "as_told" if told else "same_every_day", "hours": usual_hours, "outlay": round(today.pay, 2),
        "shifts": [duty.document() for duty in usual.duties],
    }  # fmt: skip
    return {
        "subject": (need.days[0] - timedelta(days=need.days[0].weekday())).isoformat(),
        "action": json.dumps(action, ensure_ascii=False),
        "baseline": json.dumps(baseline, ensure_ascii=False),
        "money": saved.money, "money_low": saved.low, "money_high": saved.high,
        "horizon_days": (need.days[-1] - day).days, "outlay": plan.pay,
        "reasons": to_json(
            [*_repaired(told, usual, planned), *_reasons(need, staff, planned, plan, today, bool(told))], leading=2
        ),
        "bound": _bound(need, staff, planned, plan),
        "hours": hours, "needed_hours": need.hours, "missing_hours": plan.missing, "spare_hours": plan.spare,
        "people": len(staff),
    }  # fmt: skip


def _reasons(
    need: Need, staff: Sequence[Member], planned: Planned, plan: Account, today: Account, repaired: bool
) -> list[Reason]:
    """Why this roster: the work, what it saves, the peak, what stays open and why, wishes."""
    busy = need.people.sum(axis=0)
    peak_day, peak = np.unravel_index(int(busy.argmax()), busy.shape)
    saved = {
        "missing": round(plan.missing, 1), "spare": round(plan.spare, 1), "usual_missing": round(today.missing, 1),
        "usual_spare": round(today.spare, 1),
    }  # fmt: skip
    found = [
        Reason("roster.because_need", {"hours": need.hours, "days": len(need.days), "people": len(staff)}, need.hours),
        Reason(
            "roster.because_filled" if repaired else "roster.because_saved",
            saved,
            today.missing + today.spare - plan.missing - plan.spare,
        ),
        Reason(
            "roster.because_peak",
            {
                "day": need.days[peak_day].isoformat(),
                "time": clock(int(peak) * QUARTER_MINUTES),
                "people": int(busy.max()),
            },
            float(busy.max()) / 4,
        ),
    ]
    short = np.maximum(need.people - people_there(planned.duties, need.days, need.skills), 0).sum(axis=(1, 2)) / 4
    for row, skill in enumerate(need.skills):
        if short[row] > 0:
            able = sum(skill in member.skills for member in staff)
            facts = {"hours": float(short[row]), "skill": skill, "able": able}
            found.append(Reason("roster.because_short", facts, -float(short[row])))
    contracts = round(sum(member.weekly_hours for member in staff) * len(need.days) / WEEK, 1)
    if contracts < need.hours:
        found.append(Reason("roster.because_contracts", {"hours": contracts}, contracts - need.hours))
    if planned.dropped:
        dropped = round(sum(duty.paid for duty in planned.dropped) / 60, 1)
        found.append(Reason("roster.because_law", {"count": len(planned.dropped), "hours": dropped}, -dropped))
    heeded, told = _heeded(staff, planned.duties)
    if told:
        found.append(Reason("roster.because_wishes", {"heeded": heeded, "told": told}, 0.1))
    return found


def _repaired(told: Sequence[Duty], left: Planned, planned: Planned) -> list[Reason]:
    """Why a week that was told is planned again, and how many shifts change for those who are there."""
    gone = [duty for duty in told if duty not in left.duties]
    if not gone:
        return []
    changes = len({(duty.staff, duty.day) for duty in {*left.duties} ^ {*planned.duties}})
    people = sorted({duty.staff for duty in gone})
    return [
        Reason("roster.because_absent", {"people": people, "count": len(gone)}, float(len(gone))),
        Reason("roster.because_changes", {"count": changes}, float(changes)),
    ]


def _absent(duty: Duty, staff: Sequence[Member]) -> bool:
    """Whether somebody told that they cannot work a shift, or is not on the staff any more."""
    member = next((one for one in staff if one.staff == duty.staff), None)
    return member is None or member.away(duty.day, [Kind(duty.begins, duty.ends)])


def _bound(need: Need, staff: Sequence[Member], planned: Planned, plan: Account) -> str:
    """What keeps people from being there where they are missing most."""
    if planned.dropped:
        return "law"
    if plan.missing and sum(member.weekly_hours for member in staff) * len(need.days) / WEEK < need.hours:
        return "contracts"
    return "none"


def _heeded(staff: Sequence[Member], duties: Sequence[Duty]) -> tuple[int, int]:
    """Wishes that the roster heeds, and all that were told."""
    heeded = told = 0
    for member in staff:
        own = [duty for duty in duties if duty.staff == member.staff]
        for notice in member.notices:
            if notice.kind in ("wanted", "unwanted"):
                works = any(
                    duty.day == notice.day and duty.begins < notice.ends and notice.begins < duty.ends for duty in own
                )
                told, heeded = told + 1, heeded + (works == (notice.kind == "wanted"))
    return heeded, told


def _weeks(need: pd.DataFrame, told: pd.DataFrame, day: date) -> list[list[date]]:
    """Days to come of each week that was told, and of the first one that was not, if their need is known to the end."""
    if need.empty:
        return []
    last = pd.Timestamp(need["ds"].max()).date()
    published = {pd.Timestamp(when).date() for when in told["day"]}
    first = day + timedelta(days=1)
    monday = first - timedelta(days=first.weekday())
    found = []
    while monday + timedelta(days=WEEK - 1) <= last:
        days = [monday + timedelta(days=ahead) for ahead in range(WEEK)]
        found.append([one for one in days if one >= first])
        if not published.intersection(days):
            break
        monday += timedelta(days=WEEK)
    return found


def _need(rows: pd.DataFrame, days: Sequence[date]) -> Need:
    """Head counts of a store on these days."""
    skills = tuple(sorted(set(rows["skill"])))
    place = {one: at for at, one in enumerate(days)}
    people: NDArray[np.int64] = np.zeros((len(skills), len(days), DAY_MINUTES // QUARTER_MINUTES), dtype=np.int64)
    for row in rows.itertuples():
        at = place.get(pd.Timestamp(row.ds).date())
        if at is not None:
            people[skills.index(row.skill), at, row.quarter] = row.staff
    return Need(tuple(days), skills, people)


def _member(row: Mapping[str, Any], days: Sequence[date], told: pd.DataFrame, notices: pd.DataFrame) -> Member:
    """Somebody with the shifts told for other days and what they told for these."""
    own = told[(told["staff"] == row["staff"]) & told["begins"].notna()]
    worked = [
        duty for duty in map(duty_of, own.to_dict("records")) if duty.day >= days[0] - HISTORY and duty.day not in days
    ]
    said = notices[(notices["staff"] == row["staff"]) & (notices["kind"] != "void")]
    return Member(
        staff=row["staff"], skills=frozenset((text_of(row["skills"])).split()), weekly_hours=float(row["weekly_hours"]),
        hourly_cost=float(row["hourly_cost"]), age=None if pd.isna(row["age"]) else int(row["age"]),
        employed=(_day(row.get("employed_from"), date.min), _day(row.get("employed_to"), date.max)),
        worked=tuple(sorted(worked)),
        notices=tuple(notice for one in said.to_dict("records") for notice in _notices(one, days)),
    )  # fmt: skip


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


def _last_week(told: pd.DataFrame, days: Sequence[date]) -> list[Duty]:
    """The shifts of the week before, as if told for these days."""
    found = []
    for row in told.to_dict("records"):
        moved = pd.Timestamp(row["day"]).date() + timedelta(days=WEEK)
        if moved in days:
            found.append(duty_of(row | {"day": moved}))
    return found


def _spreads(footfall_forecast: ir.Table, day: date) -> dict[tuple[str, date], float]:
    """By store and day, the standard deviation of the logarithm of the visitors."""
    today = footfall_forecast.filter(_.day == ibis.literal(day), _.day_mean > 0)
    days = today.group_by("store", "ds").agg(mean=_.day_mean.max(), low=_.day_low.max(), high=_.day_high.max())
    rows = days.to_pandas()
    spread = spread_of(*(rows[name].to_numpy(float) for name in ("mean", "low", "high")))
    return dict(zip(zip(rows["store"], pd.to_datetime(rows["ds"]).dt.date, strict=True), spread.tolist(), strict=True))


def _day(value: Any, otherwise: date) -> date:
    return otherwise if value is None or pd.isna(value) else pd.Timestamp(value).date()


def _needed(tables: Any, decision: Mapping[str, Any]) -> Mapping[str, Any]:
    """The person-hours of a roster's days, counted again from `staffing`."""
    monday = date.fromisoformat(decision["subject"])
    rows = tables.read("staffing", as_of=decision["day"])
    mine = rows.filter(
        rows.day == decision["day"], rows.store == decision["store"],
        rows.ds.between(monday, monday + timedelta(days=WEEK - 1)),
    )  # fmt: skip
    return {"hours": float(mine.staff.sum().to_pyarrow().as_py() or 0) / 4}


checks = {"roster.because_need": _needed}
