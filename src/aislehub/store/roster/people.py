"""Who may be rostered: everybody of the table `staff`, or people made up where the chain's data have none."""

from __future__ import annotations

from datetime import date, timedelta

import ibis.expr.types as ir
import pandas as pd

from aislehub.core.contract import Column, Contract
from aislehub.core.step import step
from aislehub.store.roster.policy import Policy
from aislehub.store.roster.simulated import simulated_staff

__all__ = ["ROSTER_STAFF", "roster_staff"]

AHEAD = 14  # days in which a contract has to hold

ROSTER_STAFF = Contract(
    "roster_staff",
    "Somebody who may be rostered in a store in the coming two weeks, as known at the close of the day",
    (
        Column("store", "text", "Store"),
        Column("staff", "text", "Random key of the employee", person=True),
        Column("skills", "text", "What they may do, separated by blanks", required=False),
        Column("weekly_hours", "float", "Contracted hours a week", "hours", low=0, high=168),
        Column("hourly_cost", "float", "Cost of an hour, charges included", "money per hour", low=0),
        Column("minor", "bool", "Under the age of full working time", required=False),
        Column("age", "int", "Full years, told only of minors", "years", required=False, low=0, high=120),
        Column("employed_from", "date", "First day of the contract", required=False),
        Column("employed_to", "date", "Last day of the contract", required=False),
        Column("source", "text", "Where the row came from; `simulated` where it was made up"),
    ),
    key="day store staff",
    derived=True,
)  # fmt: skip


@step(reads="staffing staff", writes=ROSTER_STAFF)
def roster_staff(staffing: ir.Table, staff: ir.Table, *, day: date, policy: Policy) -> pd.DataFrame:
    """People of every store; what a contract leaves open is filled from the settings."""
    known = staff.to_pandas()
    if known.empty:
        if not policy.simulate_stores:
            return ROSTER_STAFF.empty().to_pandas().drop(columns="day")
        return simulated_staff(staffing.to_pandas(), policy.simulate_stores)
    begins, ends = (pd.to_datetime(known[name]) for name in ("employed_from", "employed_to"))
    soon, last = pd.Timestamp(day + timedelta(days=1)), pd.Timestamp(day + timedelta(days=AHEAD))
    there = ~(begins > last) & ~(ends < soon)  # an empty date is no limit
    rows = known[there].assign(
        weekly_hours=known["weekly_hours"].astype(float).fillna(policy.weekly_hours),
        hourly_cost=known["hourly_cost"].astype(float).fillna(policy.hourly_cost),
        source=known["source"].fillna("staff"),
    )
    return rows[[column.name for column in ROSTER_STAFF.columns if column.name != "day"]]
