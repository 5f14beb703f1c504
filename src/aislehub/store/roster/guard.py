"""Which rosters may be told to people: none that breaks the law of its place, or gives work to who cannot do it then.

Asked before a roster is approved, by hand or by rule, and before one is put in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import ibis
from ibis import _

from aislehub.core.errors import HubError
from aislehub.core.guards import Find
from aislehub.core.tables import Tables
from aislehub.store.roster.breaches import breaches
from aislehub.store.roster.duty import duties_of, hours_of
from aislehub.store.roster.lawful import place_of
from aislehub.store.roster.policy import Policy
from aislehub.store.roster.standing import beside
from aislehub.store.roster.told import HISTORY, duty_of

__all__ = ["guards", "may_be_told"]

WEEK = timedelta(days=6)


def may_be_told(
    tables: Tables, decision: Mapping[str, Any], action: Mapping[str, Any], find: Find, *, policy: Policy
) -> None:  # fmt: skip
    """Refuse a roster that nobody may be told, with what its people work in other stores and weeks.

    Raises:
        HubError: `roster.shift`, `roster.hours`, `roster.outside`, and `roster.forbidden` with the person, the day and
            the article of the first fault.
    """
    duties = duties_of(action)
    counted = hours_of(duties)
    if action.get("hours") != counted:
        raise HubError("roster.hours", hours=action.get("hours"), counted=counted)
    monday = date.fromisoformat(decision["subject"])
    first, last = max(monday, decision["day"] + timedelta(days=1)), monday + WEEK
    for duty in duties:
        if not first <= duty.day <= last:
            raise HubError("roster.outside", staff=duty.staff, day=duty.day, first=first, last=last)
    people = _people(tables, decision["store"], decision["day"])
    store = next(iter(_rows(tables, "stores", decision["store"])), {})
    place = place_of(store.get("country"), store.get("city"), store.get("timezone") or tables.timezone, policy.law)
    staff = [person["staff"] for person in people]
    told = tables.run(
        lambda t: (rows := t.read("rostered")).filter(
            rows.staff.isin(staff or [""]), rows.begins.notnull(), rows.day >= ibis.literal(first - HISTORY)
        )
    )
    known = [(row["store"], duty_of(row)) for row in told.to_pylist()]
    others = [
        duty for _store, duty in beside(known, find, decision["store"], monday) if duty.staff in staff
    ]  # fmt: skip
    mine = [duty for where, duty in known if where == decision["store"] and monday <= duty.day <= last]
    others += [duty for duty in mine if duty.day < first]
    notices = tables.run(lambda t: (rows := t.read("availability")).filter(rows.staff.isin(staff or [""]))).to_pylist()
    zone = ZoneInfo(place.timezone)
    found = breaches(
        duties, people, notices, zone=zone, packs=place.packs, worked=others,
        promised=[duty for duty in mine if duty.day >= first], now=_told_at(decision["day"], last, zone),
    )  # fmt: skip
    stops = [fault for fault in found if fault.stops]
    if stops:
        why = stops[0].sentence()
        raise HubError("roster.forbidden", staff=stops[0].staff, day=stops[0].day or monday, why=why, count=len(stops))


def _told_at(day: date, last: date, zone: tzinfo) -> datetime:
    """When people learn of it: now, or where days of the past are run again, when the decision's day had closed."""
    now = datetime.now(UTC)
    if now.astimezone(zone).date() <= last:
        return now
    return datetime.combine(day + timedelta(days=1), time(), zone)


def _people(tables: Tables, store: str, day: date) -> list[dict[str, Any]]:
    """Who may work in a store by `staff` as it is now; where nobody is in it, people made up on a day."""
    staff = tables.run(lambda t: t.read("staff")).to_pylist()
    if staff:
        return [row for row in staff if store in (row["store"], *(row["other_stores"] or "").split())]
    return _rows(tables, "roster_staff", store, _.day == ibis.literal(day))


def _rows(tables: Tables, table: str, store: str, *more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tables.run(lambda t: t.read(table).filter(_.store == store, *more)).to_pylist()
    return found


guards = {"rosters": may_be_told}
