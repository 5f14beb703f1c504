"""Who may be rostered, on tables in memory."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa

from aislehub.core.tables import Tables
from aislehub.schema import ROSTERED, STAFF
from aislehub.store.roster.people import ROSTER_STAFF, roster_staff
from aislehub.store.roster.policy import Policy
from aislehub.store.staffing import STAFFING

DAY = date(2026, 3, 1)


def people(policy: Policy, staff: list[dict[str, Any]]) -> pd.DataFrame:
    """What the step writes for stores that need 1 and 3 people at one quarter of an hour, checked by its contract."""
    tables = Tables(None, {contract.name: contract for contract in (STAFFING, STAFF, ROSTERED, ROSTER_STAFF)})
    work = [
        {"day": DAY, "store": store, "ds": date(2026, 3, 2), "quarter": at, "skill": "till", "staff": count,
         "load": 1.0}
        for store, count in (("small", 1), ("large", 3)) for at in range(32, 80)
    ]  # fmt: skip
    tables.write("staffing", STAFFING.check(pa.Table.from_pylist(work)).good, DAY)
    if staff:
        tables.append("staff", STAFF.check(pa.Table.from_pylist(staff)).good)
    checked = ROSTER_STAFF.check(roster_staff.run(tables, day=DAY, policy=policy))
    assert checked.rejected.num_rows == 0
    return checked.good.to_pandas()


def test_real_people_are_never_joined_by_made_up_ones() -> None:
    """With any row in `staff` nobody is made up, gaps of a contract are filled from the settings."""
    found = people(Policy(simulate_stores=2, hourly_cost=20), [{"staff": "a", "store": "small", "skills": "till"}])
    assert found[["store", "staff", "weekly_hours", "hourly_cost"]].values.tolist() == [["small", "a", 38.0, 20.0]]
    assert "simulated" not in found["source"][0]


def test_who_is_not_employed_in_the_coming_days_is_left_out() -> None:
    """Contracts that have ended, or begin after two weeks, are not rostered."""
    staff = [
        {"staff": "gone", "store": "small", "employed_to": date(2026, 2, 28)},
        {"staff": "soon", "store": "small", "employed_from": date(2026, 2, 1), "employed_to": date(2026, 3, 2)},
        {"staff": "here", "store": "small", "employed_from": date(2020, 1, 1)},
    ]
    assert sorted(people(Policy(), staff)["staff"]) == ["here", "soon"]


def test_nobody_is_made_up_unless_asked() -> None:
    """Without staff there are no rosters; with `simulate_stores`, people for the busiest stores, each row marked."""
    assert people(Policy(), []).empty
    made = people(Policy(simulate_stores=1), [])
    assert set(made["store"]) == {"large"} and set(made["source"]) == {"simulated: staff"}
    assert made["weekly_hours"].sum() >= 3 * 12
