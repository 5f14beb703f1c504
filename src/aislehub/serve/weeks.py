"""Weeks of rosters as the ledger and the facts have them: what is proposed, what stands, and who may work there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aislehub.core.book import Filter
from aislehub.core.decision import carried_out
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.reasons import Reason
from aislehub.serve.lookup import has_rows, last_day, rows_of_day
from aislehub.store.roster.breaches import Fault, breaches
from aislehub.store.roster.daily import Account, account_of
from aislehub.store.roster.duty import Duty, duties_of, hours_of
from aislehub.store.roster.kinds import QUARTERS
from aislehub.store.roster.lawful import place_of as place_in_law
from aislehub.store.roster.need import Need
from aislehub.store.roster.policy import Policy
from aislehub.store.roster.stand_in import stand_ins
from aislehub.store.roster.standing import KIND, STANDS, beside
from aislehub.store.roster.told import HISTORY, duty_of

__all__ = [
    "KIND",
    "Week",
    "account",
    "faults_of",
    "home_of",
    "keep",
    "known_staff",
    "needed",
    "note",
    "notices_of",
    "people_of",
    "person_of",
    "place_of",
    "roster_weeks",
    "told",
    "week_of",
    "without",
]


@dataclass(frozen=True)
class Week:
    """The roster of one store and week.

    Attributes:
        decision: the newest of the ledger, with its JSON fields opened; None where shifts are only told.
        shifts: those of the decision, and before its first day those that were told.
        published: the shifts that people were told.
        first: the first day that can still be changed.
    """

    store: str
    monday: date
    decision: dict[str, Any] | None
    shifts: list[Duty]
    published: list[Duty]
    first: date

    @property
    def days(self) -> list[date]:
        return [self.monday + timedelta(days=ahead) for ahead in range(7)]

    @property
    def state(self) -> str:
        """The decision's, or `done` where shifts are only told."""
        return self.decision["state"] if self.decision else "done"


def roster_weeks(hub: Hub) -> dict[str, list[date]]:
    """Store → Mondays of its rosters, the latest first; proposed or told ones."""
    found: dict[str, set[date]] = {}
    for decision in hub.ledger.find(Filter(kind=KIND, states=STANDS)):
        found.setdefault(decision["store"], set()).add(_monday(decision))
    if has_rows(hub, "rostered"):
        told_days = hub.tables.run(
            lambda tables: (t := tables.read("rostered")).filter(t.begins.notnull()).select("store", "day").distinct()
        )
        for row in told_days.to_pylist():
            found.setdefault(row["store"], set()).add(row["day"] - timedelta(days=row["day"].weekday()))
    return {store: sorted(mondays, reverse=True) for store, mondays in sorted(found.items())}


def week_of(hub: Hub, store: str, monday: date) -> Week | None:
    """The roster of a store and week; None where nothing is proposed or told."""
    named = hub.ledger.find(Filter(kind=KIND, store=store, states=STANDS, subject=monday.isoformat()))
    replaced = {decision["compensates"] for decision in named}
    heads = [decision for decision in named if decision["id"] not in replaced]
    decision = max(heads, key=lambda head: (head["day"], bool(head["compensates"])), default=None)
    published = [duty for _, duty in told(hub, monday, monday + timedelta(days=6), store=store)]
    if decision is None and not published:
        return None
    days = hub.ledger.days()
    first = days[0] + timedelta(days=1) if days else monday
    shifts = published
    if decision:
        since = max(monday, decision["day"] + timedelta(days=1))
        shifts = sorted([duty for duty in published if duty.day < since] + duties_of(carried_out(decision)))
    return Week(store, monday, decision, shifts, published, first)


def told(
    hub: Hub, first: date, last: date, *, store: str | None = None, staff: Sequence[str] = ()
) -> list[tuple[str, Duty]]:
    """Store and shift that people were told to work on these days, of one store or of some people, in order of time."""
    if not has_rows(hub, "rostered"):
        return []
    here = [ibis._.store == store] if store is not None else []
    here += [ibis._.staff.isin(list(staff))] if staff else []
    rows = hub.tables.run(
        lambda tables: (t := tables.read("rostered")).filter([t.day.between(first, last), t.begins.notnull(), *here])
    ).to_pylist()
    return sorted(((row["store"], duty_of(row)) for row in rows), key=lambda pair: pair[1])


def people_of(hub: Hub, store: str, first: date, last: date) -> list[dict[str, Any]]:
    """The rows (as in `staff`) of those who may work in a store on any of these days, its own people first, by key."""
    here = [
        row for row in _staff(hub)
        if store in (row["store"], *(row.get("other_stores") or "").split())
        and (row["employed_from"] or first) <= last and (row["employed_to"] or last) >= first
    ]  # fmt: skip
    return sorted(here, key=lambda row: (home_of(row, store) != store, str(row["staff"])))


def home_of(row: Mapping[str, Any], store: str) -> str:
    """The store of somebody's contract, by their row among the people of a store."""
    return str(row.get("home") or (row["store"] if "home" not in row else store))


def person_of(hub: Hub, staff: str) -> dict[str, Any] | None:
    """Somebody's row of `staff`, that of their own store."""
    return next((row for row in _staff(hub) if row["staff"] == staff and not row.get("home")), None)


def known_staff(hub: Hub, staff: str) -> None:
    """Refuse a key that nobody has; the empty one is nobody's and asks for nothing.

    Raises:
        HubError: `serve.staff_unknown`.
    """
    if staff and person_of(hub, staff) is None:
        raise HubError("serve.staff_unknown", staff=staff)


def needed(hub: Hub, store: str, monday: date, days: int = 7) -> dict[str, NDArray[np.int64]]:
    """Skill → people needed in each quarter of an hour, (days, 96), as counted last for each day."""
    if not has_rows(hub, "staffing"):
        return {}
    last = monday + timedelta(days=days - 1)
    rows = hub.tables.run(
        lambda tables: (t := tables.read("staffing")).filter(t.store == store, t.ds.between(monday, last))
        .mutate(_latest=t.day.max().over(ibis.window(group_by=[t.ds])))
        .filter(ibis._.day == ibis._._latest).select("ds", "quarter", "skill", "staff")
    ).to_pylist()  # fmt: skip
    found: dict[str, NDArray[np.int64]] = {}
    for row in rows:
        line = found.setdefault(row["skill"], np.zeros((days, QUARTERS), np.int64))
        line[(row["ds"] - monday).days, row["quarter"]] = row["staff"]
    return found


def faults_of(hub: Hub, week: Week, duties: Sequence[Duty]) -> list[Fault]:
    """What is wrong with the shifts of a week, with what the same people work before it and in other stores."""
    return _judge(hub, week)(duties)


def without(hub: Hub, week: Week, staff: str, days: Sequence[date]) -> list[Duty]:
    """The week with others standing in for somebody on days that can still be changed.

    Where it is too late to tell them, they have to agree: the draft shows it at their shift.
    """
    judged, people = _judge(hub, week), people_of(hub, week.store, week.days[0], week.days[-1])
    return stand_ins(
        week.shifts, staff, [day for day in days if day >= week.first], people,
        lambda own: not any(
            fault.stops and fault.staff == own[0].staff and fault.code != "law.notice" for fault in judged(own)
        ),
    )  # fmt: skip


def note(hub: Hub, rows: Sequence[Mapping[str, Any]], who: str) -> None:
    """Keep notices of when somebody cannot work, or wishes to, in `availability`."""
    fields = {"told_at": datetime.now(UTC), "source": f"console: {who}"}
    contract = hub.tables.contract("availability")
    hub.tables.append("availability", contract.check(pa.Table.from_pylist([{**row, **fields} for row in rows])).good)


def _judge(hub: Hub, week: Week) -> Callable[[Sequence[Duty]], list[Fault]]:
    """Shifts of the week, of some or of all people → what is wrong with them; the tables are read once."""
    people = people_of(hub, week.store, week.days[0], week.days[-1])
    place = place_of(hub, week.store)
    law = place_in_law(
        place.get("country"), place.get("city"), place.get("timezone") or hub.settings.timezone,
        Policy.load(hub.home).law,
    )  # fmt: skip
    zone = ZoneInfo(law.timezone)
    keys = [str(person["staff"]) for person in people]
    known = told(hub, week.monday - HISTORY, week.days[-1], staff=keys) if keys else []
    worked = [
        duty for _, duty in beside(known, hub.ledger.find, week.store, week.monday) if str(duty.staff) in keys
    ]  # fmt: skip
    evening = datetime.combine(week.first - timedelta(days=1), time(23, 59), zone)
    notices = notices_of(hub, keys)
    return lambda duties: breaches(
        duties, people, notices, zone=zone, worked=worked, promised=week.published, packs=law.packs, now=evening
    )


def keep(hub: Hub, week: Week, duties: Sequence[Duty], *, who: str, why: str) -> dict[str, Any]:
    """Choose other shifts for a week: an override of its decision, or where people were told, a proposed correction.

    Returns:
        The decision that is the newest now.

    Raises:
        HubError: `rosters.breach` when a rule that stops is broken, `ledger.why`, `ledger.move`.
    """
    stops = [fault for fault in faults_of(hub, week, duties) if fault.stops]
    if stops:
        told_of = f"{stops[0].staff}: {stops[0].sentence()}"
        raise HubError("rosters.breach", count=len(stops), first=told_of)
    assert week.decision
    id, day, state = week.decision["id"], week.decision["day"], week.decision["state"]
    since = max(week.monday, day + timedelta(days=1))
    kept = [duty for duty in duties if duty.day >= since]
    action = {"hours": hours_of(kept), "shifts": [duty.document() for duty in kept]}
    if state in ("sent", "done", "judged"):
        facts = {"who": who, "why": why}
        worth = worth_of(hub, week, duties)
        return hub.ledger.correct(
            id,
            action,
            who=who,
            why=why,
            money=(worth, worth, worth),
            reasons=[Reason("rosters.because_changed", facts)],
        )
    if state in ("approved", "overridden"):
        hub.ledger.undo(id, who=who, why=why)
    return hub.ledger.override(id, action, who=who, why=why)


def worth_of(hub: Hub, week: Week, duties: Sequence[Duty]) -> float:
    """Money that a week costs less with other shifts: pay, and what missing hours cost."""
    return round(account(hub, week, week.shifts).cost - account(hub, week, duties).cost, 2)


def account(hub: Hub, week: Week, duties: Sequence[Duty]) -> Account:
    """What shifts of a week cost against the people needed."""
    need = needed(hub, week.store, week.monday)
    skills = tuple(sorted({*need, *(duty.skill for duty in duties)}))
    nobody = np.zeros((7, QUARTERS), np.int64)
    people = np.stack([need.get(skill, nobody) for skill in skills]) if skills else np.zeros((0, 7, QUARTERS), np.int64)
    costs = dict.fromkeys((duty.staff for duty in duties), 0.0)
    for person in people_of(hub, week.store, week.days[0], week.days[-1]):
        costs[str(person["staff"])] = float(person["hourly_cost"] or 0.0)
    return account_of(duties, Need(tuple(week.days), skills, people), costs, Policy.load(hub.home).missing)


def place_of(hub: Hub, store: str) -> dict[str, Any]:
    """The row of `stores`; empty where the store is unknown."""
    rows = hub.tables.run(lambda tables: (t := tables.read("stores")).filter(t.store == store)).to_pylist()
    return dict(rows[0]) if rows else {}


def notices_of(hub: Hub, staff: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of `availability` of some people."""
    if not has_rows(hub, "availability"):
        return []
    found: list[dict[str, Any]] = hub.tables.run(
        lambda tables: tables.read("availability").filter(ibis._.staff.isin(list(staff)))
    ).to_pylist()
    return found


def _staff(hub: Hub) -> list[dict[str, Any]]:
    """Everybody who may be rostered, people made up included: as the last business day saw them, else as told."""
    last = last_day(hub, "roster_staff")
    if last is not None:
        return rows_of_day(hub, "roster_staff", last)
    return hub.tables.fetch("staff").to_pylist() if has_rows(hub, "staff") else []


def _monday(decision: dict[str, Any]) -> date:
    return date.fromisoformat(decision["subject"])
