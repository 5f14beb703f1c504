"""Plausible people for chains whose data have none; always marked `simulated`.

As many as a store's first counted week of work needs, in a mix of contracts that shops have, under keys that say the
store. Two in a round of the mix would work in a second store, too: the next one by key, since where stores lie is not
known here. The same store has the same people tomorrow, in any order of rows, on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

__all__ = ["SOURCE", "simulated_staff"]

SOURCE = "simulated: staff"
CAPACITY = 1.1
"""Hours of contracts for an hour of work that is needed: breaks, and quarters in which a shift is one too many."""


@dataclass(frozen=True)
class _Contract:
    skills: str
    weekly_hours: float
    hourly_cost: float
    age: int | None = None
    lends: bool = False


_MIX = (
    _Contract("till shelf", 38, 15.5),
    _Contract("floor till", 38, 17.0),
    _Contract("till", 24, 14.5, lends=True),
    _Contract("floor shelf till", 30, 16.0),
    _Contract("till shelf", 20, 14.5, lends=True),
    _Contract("floor till", 24, 15.5),
    _Contract("till", 12, 13.0, age=17),
    _Contract("till shelf", 38, 15.0),
)
"""One after another; a round of the mix has one minor in eight people."""


def simulated_staff(staffing: pd.DataFrame, stores: int) -> pd.DataFrame:
    """Columns of the contracts `roster_staff` and `staff`, for the stores with the most work.

    Args:
        staffing: rows of the table `staffing`, of all days known.
        stores: how many stores.
    """
    first = staffing["day"] == staffing.groupby("store")["day"].transform("min")
    ahead = (pd.to_datetime(staffing["ds"]) - pd.to_datetime(staffing["day"])).dt.days
    hours = staffing[first & (ahead <= 7)].groupby("store")["staff"].sum() / 4
    busiest = hours.sort_index().sort_values(ascending=False, kind="stable").head(stores)
    keys = sorted(map(str, busiest.index))
    near = dict(zip(keys, keys[1:] + keys[:1], strict=True))
    people = [
        row for store, wanted in busiest.items()
        for row in _people(str(store), near[str(store)], float(wanted) * CAPACITY)
    ]  # fmt: skip
    columns = ["store", "staff", "skills", "weekly_hours", "hourly_cost", "minor", "age", "source", "other_stores"]
    return pd.DataFrame(people, columns=columns).astype({"age": "Int64"})


def _people(store: str, near: str, hours: float) -> list[tuple[object, ...]]:
    """People whose contracts add up to so many hours."""
    found: list[tuple[object, ...]] = []
    while hours > 0:
        kind = _MIX[len(found) % len(_MIX)]
        key = f"{store}-{len(found) + 1:02d}"
        found.append(
            (
                store, key, kind.skills, kind.weekly_hours, kind.hourly_cost, kind.age is not None, kind.age, SOURCE,
                near if kind.lends and near != store else None,
            )
        )  # fmt: skip
        hours -= kind.weekly_hours
    return found
