"""Rosters of the business day: for each store the next week that nobody has been told yet, beside today's rule.

    staffing + people + notices + what was told → roster of the own people (`own.py`) + people lent (`lending.py`)
    → money over the same shifts every day

One decision a store and week. It is proposed anew every day until somebody approves it; from then on its shifts are in
`rostered`, and the week after is planned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from aislehub.core.contract import Column, Contract
from aislehub.core.reasons import Reason, to_json
from aislehub.core.step import step
from aislehub.store.roster.breaks import people_there
from aislehub.store.roster.duty import Duty, clock, duties_of, hours_of
from aislehub.store.roster.inputs import WEEK, StoreWeek, week_sources
from aislehub.store.roster.kinds import QUARTER_MINUTES
from aislehub.store.roster.need import Member, Need
from aislehub.store.roster.own import planned_of
from aislehub.store.roster.policy import Policy
from aislehub.store.roster.saving import FloatArray, saving, spread_of
from aislehub.store.roster.usual import same_every_day
from aislehub.store.roster.week import Planned

__all__ = ["ROSTERS", "Account", "account_of", "checks", "rosters"]

ROSTERS = Contract(
    "rosters",
    "Who works when in a store in the next week that is not told yet, beside the same shifts every day",
    (
        Column("hours", "float", "Paid hours of the roster", "hours", low=0),
        Column("needed_hours", "float", "Person-hours needed by the forecast of footfall and work", "hours", low=0),
        Column("missing_hours", "float", "Of them those without a person", "hours", low=0),
        Column("spare_hours", "float", "Hours at work beyond the need", "hours", low=0),
        Column("lent_hours", "float", "Paid hours of people of other stores", "hours", required=False, low=0),
        Column("people", "int", "People who may be rostered", "persons", low=0),
    ),
    key="day store subject",
    decision=True,
    once=True,
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


@step(
    reads="staffing roster_staff availability rostered stores footfall_forecast own_rosters loans", writes=ROSTERS,
    per="store",
)  # fmt: skip
def rosters(
    staffing: ir.Table, roster_staff: ir.Table, availability: ir.Table, rostered: ir.Table, stores: ir.Table,
    footfall_forecast: ir.Table, own_rosters: ir.Table, loans: ir.Table, *, day: date, policy: Policy, timezone: str,
) -> pd.DataFrame:  # fmt: skip
    """A roster for every store that has people, work, and a week that is known whole and not told yet.

    Beside it one for each week that was told and in which somebody cannot work after all: with the fewest changes.
    """
    today = ibis.literal(day)
    plans = {
        (row.store, row.subject): planned_of(row.shifts, row.dropped)
        for row in own_rosters.filter(_.day == today).to_pandas().itertuples()
    }
    guests = dict(tuple(loans.filter(_.day == today).to_pandas().groupby(["store", "subject"])))
    spreads = _spreads(footfall_forecast, day)
    rows = []
    for week in week_sources(
        staffing, roster_staff, availability, rostered, stores, day=day, policy=policy, timezone=timezone
    ):
        planned = plans.get((week.store, week.subject))
        if planned is None:
            continue
        lent = guests.get((week.store, week.subject))
        here = () if lent is None else duties_of({"shifts": [json.loads(shift) for shift in lent["shift"]]})
        planned = replace(planned, duties=tuple(sorted([*planned.duties, *here])))
        left = Planned(week.able)
        usual = left if week.stands else same_every_day(week.need, week.staff, week.place, policy)
        spread = np.array([max(spreads.get((week.store, one), 0.0), policy.day_spread) for one in week.need.days])
        rows.append({"store": week.store, "source": week.source} | _decision(week, planned, usual, policy, day, spread))
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
    week: StoreWeek, planned: Planned, usual: Planned, policy: Policy, day: date, spread: FloatArray
) -> dict[str, Any]:  # fmt: skip
    """A decision's columns; of a week that was told the baseline is what is left of it."""
    need, staff = week.need, week.staff
    at_work = {duty.staff for duty in (*planned.duties, *usual.duties)}
    cost = {member.staff: member.hourly_cost for member in staff}
    cost |= {member.staff: member.hourly_cost for member in week.guests if member.staff in at_work}
    plan, today = (account_of(roster.duties, need, cost, policy.missing) for roster in (planned, usual))
    hour = policy.missing * float(np.mean(list(cost.values())))
    saved = saving(
        need, planned.duties, usual.duties, paid=today.pay - plan.pay, hour=hour, spread=spread, seed=policy.seed
    )
    hours, usual_hours = hours_of(list(planned.duties)), hours_of(list(usual.duties))
    action = {"hours": hours, "shifts": [duty.document() for duty in planned.duties]}
    baseline = {
        "name": "as_told" if week.stands else "same_every_day", "hours": usual_hours, "outlay": round(today.pay, 2),
        "missing_hour": round(hour, 4),
        "shifts": [duty.document() for duty in usual.duties],
    }  # fmt: skip
    lent = _lent(week, planned)
    return {
        "subject": week.subject,
        "action": json.dumps(action, ensure_ascii=False),
        "baseline": json.dumps(baseline, ensure_ascii=False),
        "money": saved.money, "money_low": saved.low, "money_high": saved.high,
        "horizon_days": (need.days[-1] - day).days, "outlay": plan.pay,
        "reasons": to_json(
            [*_repaired(week.stands, usual, planned), *_reasons(week, planned, plan, today)], leading=2
        ),
        "bound": _bound(need, staff, planned, plan),
        "hours": hours, "needed_hours": need.hours, "missing_hours": plan.missing, "spare_hours": plan.spare,
        "lent_hours": hours_of(lent), "people": len(staff),
    }  # fmt: skip


def _lent(week: StoreWeek, planned: Planned) -> list[Duty]:
    """The shifts of people of other stores."""
    own = {member.staff for member in week.staff}
    return [duty for duty in planned.duties if duty.staff not in own]


def _reasons(week: StoreWeek, planned: Planned, plan: Account, today: Account) -> list[Reason]:
    """Why this roster: the work, what it saves, the peak, who is lent, what stays open and why, wishes."""
    need, staff = week.need, week.staff
    busy = need.people.sum(axis=0)
    peak_day, peak = np.unravel_index(int(busy.argmax()), busy.shape)
    saved = {
        "missing": round(plan.missing, 1), "spare": round(plan.spare, 1), "usual_missing": round(today.missing, 1),
        "usual_spare": round(today.spare, 1),
    }  # fmt: skip
    found = [
        Reason("roster.because_need", {"hours": need.hours, "days": len(need.days), "people": len(staff)}, need.hours),
        Reason(
            "roster.because_filled" if week.stands else "roster.because_saved",
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
    if week.late:
        facts = {"days": len(week.late), "until": week.late[-1].isoformat()}
        found.append(Reason("roster.because_late", facts, float(len(week.late))))
    lent = _lent(week, planned)
    if lent:
        homes = {member.staff: member.home for member in week.guests}
        stores = sorted({homes[duty.staff] for duty in lent})
        facts = {"count": len(lent), "hours": hours_of(lent), "stores": stores}
        found.append(Reason("roster.because_lent", facts, hours_of(lent)))
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
    heeded, told = _heeded((*staff, *week.guests), planned.duties)
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


def _spreads(footfall_forecast: ir.Table, day: date) -> dict[tuple[str, date], float]:
    """By store and day, the standard deviation of the logarithm of the visitors."""
    today = footfall_forecast.filter(_.day == ibis.literal(day), _.day_mean > 0)
    days = today.group_by("store", "ds").agg(mean=_.day_mean.max(), low=_.day_low.max(), high=_.day_high.max())
    rows = days.to_pandas()
    spread = spread_of(*(rows[name].to_numpy(float) for name in ("mean", "low", "high")))
    return dict(zip(zip(rows["store"], pd.to_datetime(rows["ds"]).dt.date, strict=True), spread.tolist(), strict=True))


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
