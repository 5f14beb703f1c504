"""What rosters turned out to save, on tables in memory."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.schema import DEMAND_TOTALS, FOOTFALL, FOOTFALL_FORECAST, ITEMS, SALES_LINES, STORES
from aislehub.store.roster.outcome import judge_rosters
from aislehub.store.roster.people import ROSTER_STAFF
from aislehub.store.staffing import STAFFING, Policy, staffing
from tests.store.roster.test_daily import add

SUNDAY = date(2026, 3, 1)
DAYS = [SUNDAY + timedelta(days=ahead) for ahead in range(1, 8)]
POLICY = Policy(till_seconds=60, ask_share=0.0, shelf_seconds=0.0)
EXPECTED = 60.0  # visitors in each hour from 8 to 12, all of whom buy


def house(came: float, *, days: int = 7, policy: Policy = POLICY) -> Tables:
    """A store whose door was counted: so many in each hour, on the first so many days."""
    contracts = (
        STORES, FOOTFALL, FOOTFALL_FORECAST, DEMAND_TOTALS, ITEMS, SALES_LINES, STAFFING, ROSTER_STAFF,
    )  # fmt: skip
    tables = Tables(None, {contract.name: contract for contract in contracts}, "UTC")
    add(tables, STORES, [{"store": "s1"}])
    doors = [
        {"store": "s1", "zone": "entrance", "at": datetime(one.year, one.month, one.day, hour, tzinfo=UTC),
         "minutes": 60.0, "day": one, "visitors": came}
        for one in DAYS[:days] for hour in range(8, 12)
    ]  # fmt: skip
    add(tables, FOOTFALL, doors)
    hours = [
        {"day": SUNDAY, "store": "s1", "ds": one, "hour": hour, "counted": "visitors", "mean": EXPECTED, "low": 50.0,
         "high": 70.0, "day_mean": 240.0, "day_low": 200.0, "day_high": 280.0, "conversion": 1.0}
        for one in DAYS for hour in range(8, 12)
    ]  # fmt: skip
    tables.write("footfall_forecast", FOOTFALL_FORECAST.check(pa.Table.from_pylist(hours)).good, SUNDAY)
    made = STAFFING.check(staffing.run(tables, day=SUNDAY, policy=policy))
    tables.write("staffing", made.good, SUNDAY)
    people = [
        {"day": SUNDAY, "store": "s1", "staff": key, "weekly_hours": 38.0, "hourly_cost": 20.0, "source": "staff"}
        for key in ("Ana", "Ben", "Cem")
    ]
    tables.write("roster_staff", ROSTER_STAFF.check(pa.Table.from_pylist(people)).good, SUNDAY)
    return tables


def decision(plan: int, usual: int, **changed: Any) -> dict[str, Any]:
    """A roster of the week with so many people at the till from 8 to 12 every day, beside another number of them."""

    def shifts(count: int) -> list[dict[str, Any]]:
        return [
            {"staff": name, "day": one.isoformat(), "begins": "08:00", "ends": "12:00", "breaks": [], "skill": "till"}
            for one in DAYS for name in ("Ana", "Ben", "Cem")[:count]
        ]  # fmt: skip

    hours = 4.0 * 7
    return {
        "id": "00ff", "day": SUNDAY, "store": "s1", "subject": DAYS[0].isoformat(), "horizon_days": 7, "state": "done",
        "override": None, "outlay": plan * hours * 20, "action": {"hours": plan * hours, "shifts": shifts(plan)},
        "baseline": {
            "name": "same_every_day", "hours": usual * hours, "outlay": usual * hours * 20, "missing_hour": 40.0,
            "shifts": shifts(usual),
        },
    } | changed  # fmt: skip


def judged(tables: Tables, one: dict[str, Any], policy: Policy = POLICY) -> Any:
    """The measurement; None where there is none."""
    return judge_rosters(tables, [one], day=SUNDAY, today=DAYS[-1], policy=policy).get("00ff")


def test_the_need_follows_those_who_came() -> None:
    """One person more than today's rule costs their pay where nobody came, and saves where the door was crowded."""
    policy = Policy(till_seconds=60, ask_share=0.0, shelf_seconds=0.0, work_spread=0.0)
    idle, crowded = (judged(house(came, policy=policy), decision(2, 1), policy) for came in (4.0, 200.0))
    assert idle.money == pytest.approx(-28 * 20.0)
    assert crowded.money == pytest.approx(28 * (40.0 - 20.0))
    assert crowded.low == crowded.money == crowded.high  # all were counted, and the work is taken as known
    assert crowded.facts["came"] == 200.0 * 28 and crowded.facts["expected"] == 60 * 28
    assert crowded.method == "roster.measured_visitors"


def test_what_is_not_known_is_in_the_interval() -> None:
    """Work per customer is a setting; in a sample those who were not seen are drawn besides."""
    work = judged(house(60.0), decision(3, 1))
    assert work.low < work.money < work.high
    sample = Policy(till_seconds=1, ask_share=0.0, shelf_seconds=0.0, data_share=0.01, work_spread=0.0)
    unseen = judged(house(60.0, policy=sample), decision(3, 1), sample)
    assert unseen.low <= unseen.money <= unseen.high and unseen.low < unseen.high


def test_a_week_with_a_day_that_was_not_counted_is_not_measured() -> None:
    """Nothing is made up for a day without counts; nor is what nobody followed measured."""
    assert judged(house(60.0, days=6), decision(2, 1)) is None
    assert judged(house(60.0), decision(2, 1, state="expired")) is None


def test_what_a_person_chose_is_measured_beside_it() -> None:
    """An override has its own money, at each one's pay."""
    other = decision(1, 1)["action"]
    found = judged(house(4.0), decision(2, 1, override={"action": other, "why": "quiet", "who": "ann"}))
    assert found.chosen == pytest.approx(0.0) and found.money < 0
