"""Rosters of the business day, on tables in memory."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from aislehub.core.contract import Contract
from aislehub.core.reasons import wrong_facts
from aislehub.core.tables import Tables
from aislehub.schema import AVAILABILITY, FOOTFALL_FORECAST, ROSTERED, STAFF, STORES
from aislehub.store.roster.daily import ROSTERS, checks, rosters
from aislehub.store.roster.duty import Duty, clock, duties_of, hours_of
from aislehub.store.roster.lawful import breaches_of, place_of
from aislehub.store.roster.lending import LOANS, loans
from aislehub.store.roster.own import OWN_ROSTERS, own_rosters
from aislehub.store.roster.people import ROSTER_STAFF, roster_staff
from aislehub.store.roster.policy import Policy
from aislehub.store.staffing import STAFFING

SUNDAY = date(2026, 3, 1)
MONDAY = SUNDAY + timedelta(days=1)
BEFORE = datetime(2026, 2, 1, tzinfo=UTC)
POLICY = Policy(effort=3)
CONTRACTS = (
    STAFFING, STAFF, AVAILABILITY, ROSTERED, STORES, FOOTFALL_FORECAST, ROSTER_STAFF, OWN_ROSTERS, LOANS, ROSTERS,
)  # fmt: skip


def house(
    day: date = SUNDAY, country: str = "DE", city: str | None = None, **facts: list[dict[str, Any]]
) -> Tables:  # fmt: skip
    """One store open from 8 to 20, one person at the till and a second one in the evening, four people."""
    tables = Tables(None, {contract.name: contract for contract in CONTRACTS}, "Europe/Berlin")
    work = [
        {"day": day, "store": "s1", "ds": day + timedelta(days=ahead), "quarter": at, "skill": "till",
         "staff": 2 if at >= 64 else 1, "load": 0.5}
        for ahead in range(1, 15) for at in range(32, 80)
    ]  # fmt: skip
    people = [
        {"staff": key, "store": "s1", "skills": "till", "weekly_hours": hours, "hourly_cost": 20.0, "minor": age < 18,
         "age": age if age < 18 else None}
        for key, hours, age in (("Ana", 38.0, 30), ("Ben", 38.0, 40), ("Cem", 20.0, 50), ("Dia", 12.0, 16))
    ]  # fmt: skip
    add(tables, STORES, [{"store": "s1", "country": country, "city": city}])
    add(tables, STAFF, people)
    add(tables, AVAILABILITY, facts.get("availability", []))
    add(tables, ROSTERED, facts.get("rostered", []))
    tables.write("staffing", STAFFING.check(pa.Table.from_pylist(work)).good, day)
    tables.write("roster_staff", roster_staff.run(tables, day=day, policy=POLICY), day)
    return tables


def add(tables: Tables, contract: Contract, rows: list[dict[str, Any]]) -> None:
    """Facts, each kept by its contract."""
    if rows:
        checked = contract.check(pa.Table.from_pylist(rows))
        assert checked.rejected.num_rows == 0
        tables.append(contract.name, checked.good)


def made(tables: Tables, day: date = SUNDAY, policy: Policy = POLICY) -> list[dict[str, Any]]:
    """Rows of the steps, checked by their contracts."""
    for step in (own_rosters, loans):
        checked = step.writes.check(step.run(tables, day=day, policy=policy))
        assert checked.rejected.num_rows == 0
        tables.write(step.writes.name, checked.good, day)
    rows = rosters.run(tables, day=day, policy=policy)
    checked = ROSTERS.check(rows)
    assert checked.rejected.num_rows == 0
    return checked.good.to_pylist()


def told(staff: str, day: date, begins: str = "08:00", ends: str = "14:00") -> dict[str, Any]:
    """A row of `rostered`."""
    return {
        "staff": staff,
        "day": day,
        "store": "s1",
        "begins": begins,
        "ends": ends,
        "skill": "till",
        "told_at": BEFORE,
    }


def duties(row: dict[str, Any]) -> list[Duty]:
    """The shifts of a proposed roster."""
    return duties_of(json.loads(row["action"]))


def test_the_next_week_that_is_not_told_yet_is_planned() -> None:
    """On Sunday that is tomorrow's week; once a shift of it is told, the week after."""
    assert [row["subject"] for row in made(house())] == ["2026-03-02"]
    tables = house(rostered=[told("Ana", MONDAY)])
    rows = made(tables)
    assert [row["subject"] for row in rows] == ["2026-03-09"]
    assert {duty.day.isoformat() for duty in duties(rows[0])} <= {f"2026-03-{day:02d}" for day in range(9, 16)}


def test_of_the_running_week_the_days_that_are_left_are_planned() -> None:
    """On Wednesday without a roster it is Thursday to Sunday, and contracts count for those days."""
    wednesday = MONDAY + timedelta(days=2)
    row = made(house(wednesday), wednesday)[0]
    assert row["subject"] == "2026-03-02" and row["horizon_days"] == 4
    assert min(duty.day for duty in duties(row)) > wednesday
    ana = [duty for duty in duties(row) if duty.staff == "Ana"]
    assert hours_of(ana) <= 38 * 4 / 7 * 1.1


def test_a_roster_keeps_the_law_and_the_contracts() -> None:
    """Nobody breaks a rule of the place, works beyond the contract's tolerance, or outside of their skills."""
    row = made(house())[0]
    place = place_of("DE", None, "Europe/Berlin")
    for staff, hours, age in (("Ana", 38, None), ("Ben", 38, None), ("Cem", 20, None), ("Dia", 12, 16)):
        own = [duty for duty in duties(row) if duty.staff == staff]
        assert breaches_of(own, place, age=age) == []
        assert hours_of(own) <= hours * 1.1
        assert all(duty.breaks for duty in own if duty.ends - duty.begins > 6 * 60)


def test_money_is_that_of_the_same_shifts_every_day_less_the_roster() -> None:
    """Hours and outlay in action and columns are those of the shifts; today's rule has its own shifts beside them."""
    row = made(house())[0]
    action, baseline = json.loads(row["action"]), json.loads(row["baseline"])
    assert action["hours"] == row["hours"] == hours_of(duties(row))
    assert row["outlay"] == 20.0 * action["hours"]
    assert baseline["name"] == "same_every_day" and baseline["hours"] == hours_of(duties_of(baseline))
    assert row["money_low"] <= row["money"] <= row["money_high"]
    assert row["needed_hours"] == 7 * 16


def test_who_cannot_is_given_nothing_then() -> None:
    """A day, hours of a day, or a weekday in `availability` are kept free; a notice withdrawn does not count."""
    tables = house(
        availability=[
            {"notice": "1", "staff": "Ana", "day": MONDAY, "kind": "cannot", "told_at": BEFORE},
            {"notice": "2", "staff": "Ben", "weekday": 2, "ends": "15:00", "kind": "cannot", "told_at": BEFORE},
            {"notice": "3", "staff": "Cem", "kind": "void", "told_at": BEFORE},
        ]
    )
    given = duties(made(tables)[0])
    assert not [duty for duty in given if duty.staff == "Ana" and duty.day == MONDAY]
    tuesday = MONDAY + timedelta(days=1)
    assert all(duty.begins >= 15 * 60 for duty in given if duty.staff == "Ben" and duty.day == tuesday)
    assert any(duty.staff == "Cem" for duty in given)


def test_the_same_day_gives_the_same_roster() -> None:
    """The search counts its steps, not seconds."""
    assert made(house()) == made(house())


def test_facts_of_reasons_are_borne_out() -> None:
    """The hours needed are those of the table `staffing`."""
    tables = house()
    row = made(tables)[0]
    decision = row | {"day": SUNDAY, "reasons": json.loads(row["reasons"])}
    assert wrong_facts(tables, decision, checks) == []
    decision["reasons"][0]["facts"]["hours"] += 1
    assert len(wrong_facts(tables, decision, checks)) == 1


def test_a_told_week_is_repaired_with_the_fewest_changes() -> None:
    """Who turned sick is given nothing; everybody else works as told, but for the shift that fills the hole."""
    week = [MONDAY + timedelta(days=ahead) for ahead in range(7)]
    early = [told("Ana" if ahead < 4 else "Ben", day, "08:00", "14:00") for ahead, day in enumerate(week[:6])]
    late = [told("Ben" if ahead < 4 else "Ana", day, "14:00", "20:00") for ahead, day in enumerate(week[:4])]
    sick = {"notice": "1", "staff": "Ana", "day": week[1], "kind": "sick", "told_at": BEFORE}
    assert [row["subject"] for row in made(house(rostered=early + late))] == ["2026-03-09"]
    repair, following = made(house(rostered=early + late, availability=[sick]))
    assert (repair["subject"], following["subject"]) == ("2026-03-02", "2026-03-09")
    stood = {(row["staff"], row["day"], row["begins"]) for row in early + late} - {("Ana", week[1], "08:00")}
    now = {(duty.staff, duty.day, clock(duty.begins)) for duty in duties(repair)}
    assert not [one for one in now if one[:2] == ("Ana", week[1])]
    assert len(stood - now) <= 1 and repair["money"] > 0
    assert json.loads(repair["baseline"])["name"] == "as_told"
    assert json.loads(repair["reasons"])[0]["facts"] == {"people": ["Ana"], "count": 1}


def test_where_the_law_asks_for_notice_days_too_near_are_left_out() -> None:
    """New York asks for 72 hours: on Sunday, to be approved until Monday's close, the roster begins with Friday."""
    (row,) = made(house(country="US", city="New York"))
    assert row["subject"] == "2026-03-02"
    assert min(duty.day for duty in duties(row)) == MONDAY + timedelta(days=4)
    (late,) = [one for one in json.loads(row["reasons"]) if one["code"] == "roster.because_late"]
    assert late["facts"] == {"days": 4, "until": "2026-03-05"}


def test_a_repair_is_proposed_once() -> None:
    """Approved and told, a repair leaves no hole: the next day proposes none for the week, as it does before."""
    week = [MONDAY + timedelta(days=ahead) for ahead in range(7)]
    early = [told("Ana" if ahead < 4 else "Ben", day, "08:00", "14:00") for ahead, day in enumerate(week[:6])]
    sick = {"notice": "1", "staff": "Ana", "day": week[2], "kind": "sick", "told_at": BEFORE}
    repair, _following = made(house(rostered=early, availability=[sick]))
    then = dict.fromkeys(("told_at", "known_at"), BEFORE + timedelta(days=1))
    sent = [told(duty.staff, duty.day, clock(duty.begins), clock(duty.ends)) | then for duty in duties(repair)]
    off = {"staff": "Ana", "day": week[2], "store": "s1"} | then
    tables = house(MONDAY, rostered=early, availability=[sick])
    add(tables, ROSTERED, [*sent, off])
    rows = made(tables, MONDAY)
    assert [row["subject"] for row in rows] == ["2026-03-09"]
