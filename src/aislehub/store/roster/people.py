"""Who may be rostered: everybody of the table `staff`, or people made up where the chain's data have none.

A row for each store in which somebody may work. A store's roster is made of its own people first; who comes from
another store is asked for afterwards (`lending.py`).
"""

from __future__ import annotations

import json
from datetime import date, timedelta

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from aislehub.core.contract import Column, Contract
from aislehub.core.step import step
from aislehub.store.roster.policy import Policy
from aislehub.store.roster.simulated import simulated_staff
from aislehub.store.roster.told import HISTORY, duty_of, text_of

__all__ = ["ROSTER_STAFF", "by_store", "roster_staff"]

AHEAD = 14  # days in which a contract has to hold

ROSTER_STAFF = Contract(
    "roster_staff",
    "Somebody who may be rostered in a store in the coming two weeks, as known at the close of the day",
    (
        Column("store", "text", "Store"),
        Column("staff", "text", "Random key of the employee", person=True),
        Column("home", "text", "Store of the contract, where it is another one", required=False),
        Column("skills", "text", "What they may do, separated by blanks", required=False),
        Column("weekly_hours", "float", "Contracted hours a week", "hours", low=0, high=168),
        Column("hourly_cost", "float", "Cost of an hour, charges included", "money per hour", low=0),
        Column("minor", "bool", "Under the age of full working time", required=False),
        Column("age", "int", "Full years, told only of minors", "years", required=False, low=0, high=120),
        Column("employed_from", "date", "First day of the contract", required=False),
        Column("employed_to", "date", "Last day of the contract", required=False),
        Column("elsewhere", "text", "Shifts told in other stores, JSON as in the action of `rosters`", required=False),
        Column("source", "text", "Where the row came from; `simulated` where it was made up"),
    ),
    key="day store staff",
    derived=True,
)  # fmt: skip


@step(reads="staffing staff rostered", writes=ROSTER_STAFF)
def roster_staff(
    staffing: ir.Table, staff: ir.Table, rostered: ir.Table, *, day: date, policy: Policy
) -> pd.DataFrame:  # fmt: skip
    """People of every store; what a contract leaves open is filled from the settings."""
    known = staff.to_pandas()
    if not known.empty:
        people = _employed(known, day).assign(source=lambda rows: rows["source"].fillna("staff"))
        people["weekly_hours"] = people["weekly_hours"].astype(float).fillna(policy.weekly_hours)
        people["hourly_cost"] = people["hourly_cost"].astype(float).fillna(policy.hourly_cost)
    elif policy.simulate_stores:
        people = simulated_staff(staffing.to_pandas(), policy.simulate_stores)
    else:
        return ROSTER_STAFF.empty().to_pandas().drop(columns="day")
    told = rostered.filter(_.begins.notnull(), _.day >= day - HISTORY).to_pandas()
    rows = by_store(people)
    return rows.assign(elsewhere=_elsewhere(rows, told)).reindex(
        columns=[column.name for column in ROSTER_STAFF.columns if column.name != "day"]
    )


def by_store(people: pd.DataFrame) -> pd.DataFrame:
    """A row a person and store: that of the contract, without `home`, and each of `other_stores`."""
    stores = people["other_stores"].map(lambda others: text_of(others).split())
    away = people.assign(home=people["store"], store=stores).explode("store").dropna(subset=["store"])
    away = away[away["store"] != away["home"]].drop_duplicates(["store", "staff"])
    return pd.concat([people.assign(home=None), away], ignore_index=True).drop(columns="other_stores")


def _employed(people: pd.DataFrame, day: date) -> pd.DataFrame:
    """Those with a contract in the coming days."""
    begins, ends = (pd.to_datetime(people[name]) for name in ("employed_from", "employed_to"))
    soon, last = pd.Timestamp(day + timedelta(days=1)), pd.Timestamp(day + timedelta(days=AHEAD))
    return people[~(begins > last) & ~(ends < soon)]  # an empty date is no limit


def _elsewhere(rows: pd.DataFrame, told: pd.DataFrame) -> list[str | None]:
    """Of each row the shifts that the person was told in other stores than the row's."""
    by_staff = dict(tuple(told.groupby("staff")))
    found: list[str | None] = []
    for row in rows.itertuples():
        own = by_staff.get(row.staff)
        away = [] if own is None else own[own["store"] != row.store].to_dict("records")
        duties = [duty.document() for duty in sorted(map(duty_of, away))]
        found.append(json.dumps(duties) if duties else None)
    return found
