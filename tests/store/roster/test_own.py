"""A store's own people, before anybody is lent; on tables in memory."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa

from aislehub.store.roster.own import planned_of
from aislehub.store.roster.people import ROSTER_STAFF
from tests.store.roster.test_daily import MONDAY, SUNDAY, house, made, told

WEEK = timedelta(days=7)


def test_last_week_s_roster_may_hold_people_who_have_left() -> None:
    """The search begins from last week's shifts, without those of whoever is not on the staff any more."""
    tables = house(rostered=[told("Gone", MONDAY - WEEK), told("Ana", MONDAY - WEEK)])
    made(tables)
    (row,) = tables.read("own_rosters", as_of=SUNDAY).to_pyarrow().to_pylist()
    planned = planned_of(row["shifts"], row["dropped"])
    assert {duty.staff for duty in planned.duties} <= {"Ana", "Ben", "Cem", "Dia"} and planned.duties


def test_a_lent_shift_stays_in_a_week_that_is_planned_again() -> None:
    """Ana falls ill; the shift of somebody of another store is kept as told, and its work is not planned twice."""
    away = told("Eva", MONDAY, "08:00", "14:00")
    sick = {"notice": "1", "staff": "Ana", "day": MONDAY + timedelta(days=1), "kind": "sick",
            "told_at": away["told_at"]}  # fmt: skip
    tables = house(rostered=[away, told("Ana", MONDAY + timedelta(days=1))], availability=[sick])
    rows = tables.read("roster_staff", as_of=SUNDAY).to_pyarrow().to_pylist()
    guest = rows[0] | {"staff": "Eva", "home": "s2", "elsewhere": None}
    tables.write("roster_staff", pa.Table.from_pylist([*rows, guest], schema=ROSTER_STAFF.schema), SUNDAY)
    made(tables)
    (row,) = [
        one for one in tables.read("own_rosters", as_of=SUNDAY).to_pyarrow().to_pylist()
        if one["subject"] == MONDAY.isoformat()
    ]  # fmt: skip
    on_monday = [duty for duty in planned_of(row["shifts"], row["dropped"]).duties if duty.day == MONDAY]
    assert [duty for duty in on_monday if duty.staff == "Eva"]
    assert not [duty for duty in on_monday if duty.staff != "Eva" and duty.begins < 14 * 60 and duty.ends <= 14 * 60]
