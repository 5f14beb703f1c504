"""People who work in a second store, on tables in memory."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.schema import AVAILABILITY, ROSTERED, STAFF, STORES
from aislehub.store.roster.duty import Duty, hours_of
from aislehub.store.roster.lawful import breaches_of, place_of
from aislehub.store.roster.people import roster_staff
from aislehub.store.staffing import STAFFING
from tests.store.roster.test_daily import BEFORE, CONTRACTS, MONDAY, POLICY, SUNDAY, add, duties, made, told

TUESDAY = MONDAY + timedelta(days=1)


def chain(day: date = SUNDAY, others: str = "s2", **facts: list[dict[str, Any]]) -> Tables:
    """Two stores open from 8 to 14 with one person at the till. In s1 work Ana, Ben and Cem, who is told to work little
    and may work in s2; in s2 there is only Dia, for 20 hours."""
    tables = Tables(None, {contract.name: contract for contract in CONTRACTS}, "Europe/Berlin")
    work = [
        {"day": day, "store": store, "ds": day + timedelta(days=ahead), "quarter": at, "skill": "till", "staff": 1,
         "load": 0.5}
        for store in ("s1", "s2") for ahead in range(1, 15) for at in range(32, 56)
    ]  # fmt: skip
    people = [
        {"staff": key, "store": store, "skills": "till", "weekly_hours": hours, "hourly_cost": 20.0,
         "other_stores": others if key == "Cem" else None}
        for key, store, hours in (("Ana", "s1", 20.0), ("Ben", "s1", 18.0), ("Cem", "s1", 16.0), ("Dia", "s2", 20.0))
    ]  # fmt: skip
    add(tables, STORES, [{"store": store, "country": "DE"} for store in ("s1", "s2")])
    add(tables, STAFF, people)
    add(tables, AVAILABILITY, facts.get("availability", []))
    add(tables, ROSTERED, facts.get("rostered", []))
    tables.write("staffing", STAFFING.check(pa.Table.from_pylist(work)).good, day)
    tables.write("roster_staff", roster_staff.run(tables, day=day, policy=POLICY), day)
    return tables


def by_store(rows: list[dict[str, Any]]) -> dict[str, list[Duty]]:
    """Store → the shifts proposed for the week from MONDAY."""
    return {row["store"]: duties(row) for row in rows if row["subject"] == MONDAY.isoformat()}


def home_week() -> list[dict[str, Any]]:
    """The week of s1 as told: Ana from Monday to Thursday, Ben from Friday to Sunday, Cem not at all."""
    return [told("Ana" if ahead < 4 else "Ben", MONDAY + timedelta(days=ahead)) for ahead in range(7)]


def test_who_is_free_works_where_somebody_is_missing() -> None:
    """Cem works in s2 on days on which Dia does not, within contract and law; the decision says so and counts it."""
    rows = made(chain(rostered=home_week()))
    (row,) = [row for row in rows if row["store"] == "s2"]
    lent = [duty for duty in duties(row) if duty.staff == "Cem"]
    assert lent and hours_of(lent) <= 16 * 1.1
    assert breaches_of(lent, place_of("DE", None, "Europe/Berlin")) == []
    assert not {duty.day for duty in lent} & {duty.day for duty in duties(row) if duty.staff == "Dia"}
    (reason,) = [one for one in json.loads(row["reasons"]) if one["code"] == "roster.because_lent"]
    assert reason["facts"] == {"count": len(lent), "hours": hours_of(lent), "stores": ["s1"]}
    assert row["lent_hours"] == hours_of(lent) and row["outlay"] == 20.0 * hours_of(duties(row))


def test_nobody_is_lent_who_did_not_say_so() -> None:
    """Without `other_stores` the store stays short."""
    found = by_store(made(chain(others="", rostered=home_week())))
    assert {duty.staff for duty in found["s2"]} == {"Dia"}


def test_nobody_is_planned_twice_on_a_day() -> None:
    """Both weeks planned in one day: whoever works in s1 on a day is not lent on it, and hours count in both."""
    found = by_store(made(chain()))
    cem = sorted(duty for some in found.values() for duty in some if duty.staff == "Cem")
    assert len({duty.day for duty in cem}) == len(cem) and hours_of(cem) <= 16 * 1.1


@pytest.mark.parametrize("kind", ["cannot", "unwanted"])
def test_who_would_rather_not_is_not_lent(kind: str) -> None:
    """A notice of every week keeps Cem free, a wish as well as a bar."""
    never = {"notice": "1", "staff": "Cem", "kind": kind, "told_at": BEFORE}
    assert "Cem" not in {duty.staff for duty in by_store(made(chain(rostered=home_week(), availability=[never])))["s2"]}


def test_the_own_store_comes_first() -> None:
    """Where s1 misses somebody at the till all day, Cem is not sent away then."""
    hole = [row for row in home_week() if row["day"] != TUESDAY]
    away = [duty.day for duty in by_store(made(chain(rostered=hole)))["s2"] if duty.staff == "Cem"]
    assert away and TUESDAY not in away


def test_a_shift_told_in_another_store_counts_at_home() -> None:
    """Cem, told to work in s2 on Tuesday, is not planned in s1 then, and stays in the plan of s2."""
    lent = told("Cem", TUESDAY) | {"store": "s2"}
    tables = chain(rostered=[lent])
    rows = made(tables)
    found = by_store(rows)
    assert not [duty for duty in found["s1"] if (duty.staff, duty.day) == ("Cem", TUESDAY)]
    assert "s2" not in found  # a week that is told in part has no hole as long as those told can work


def test_a_lent_shift_that_cannot_be_worked_is_a_hole() -> None:
    """Cem falls ill: s2 gets a proposal in which the shift is not his."""
    sick = {"notice": "1", "staff": "Cem", "day": TUESDAY, "kind": "sick", "told_at": BEFORE}
    lent = told("Cem", TUESDAY) | {"store": "s2"}
    (repair,) = [
        row for row in made(chain(rostered=[*home_week(), lent], availability=[sick]))
        if row["store"] == "s2" and row["subject"] == MONDAY.isoformat()
    ]  # fmt: skip
    assert not [duty for duty in duties(repair) if (duty.staff, duty.day) == ("Cem", TUESDAY)]
    assert json.loads(repair["reasons"])[0]["facts"] == {"people": ["Cem"], "count": 1}
