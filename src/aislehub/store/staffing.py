"""Staffing: how many people each store needs in every quarter of an hour, by skill, from footfall and work to be done.

    hours of footfall → quarters → customers to serve → people (Erlang C)
    units to be sold → time to fill shelves → people, from opening on

Tills and advice are queues: enough people that most customers wait no longer than promised. Filling shelves can wait,
so the day's work is laid over the open quarters, the first ones first. Task times are settings, to be measured in the
own stores. Opening hours are not known here: an hour counts as open when people are expected in it.
"""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import scipy
from ibis import _
from numpy.typing import NDArray

from aislehub.core.contract import Column, Contract
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.store.queueing import FloatArray, mean_wait, servers_needed, share_within

__all__ = ["STAFFING", "Policy", "in_quarters", "laid_out", "queues", "staffing"]

HOURS, QUARTERS = 24, 96
QUARTER = 900.0
"""Seconds."""

STAFFING = Contract(
    "staffing",
    "People that a store needs in one quarter of an hour of a coming day for one kind of work, as seen at the close of "
    "business day `day`; no row = nobody",
    (
        Column("store", "text", "Store"),
        Column("ds", "date", "The coming business day, after `day`"),
        Column("quarter", "int", "Quarter of an hour by the store's clock, 0 = from midnight, 95 = the last one",
               low=0, high=95),
        Column("skill", "text", "Kind of work, as in the skills of `staff`", values=("till", "floor", "shelf")),
        Column("staff", "int", "People needed", "persons", low=1),
        Column("load", "float", "People that the work keeps busy on average", "persons", low=0),
        Column("arrivals", "float", "Customers to be served in that quarter; empty where nobody waits", "persons",
               required=False, low=0),
        Column("served", "float", "Share of them who wait no longer than promised", "fraction", required=False,
               low=0, high=1),
        Column("wait_seconds", "float", "Their mean wait", "seconds", required=False, low=0),
    ),
    key="day store ds quarter skill",
    derived=True,
)  # fmt: skip


class Policy(Settings, section="staffing"):
    """How much work there is, and how long customers may wait."""

    horizon_days: int = field(14, "Days ahead for which staff are counted", ge=1, le=28)
    data_share: float = field(
        1.0, "Share of the stores' customers that the data hold; below 1 for a sample", gt=0, le=1
    )
    open_people: float = field(0.5, "People expected in an hour below which nobody is counted in it", gt=0, le=100)
    till_seconds: float = field(60.0, "Mean time at the till for one receipt, in seconds", gt=0, le=3600)
    till_wait: float = field(60.0, "Longest wait at the till that is promised, in seconds", ge=0, le=3600)
    till_share: float = field(0.8, "Share of customers for whom that has to hold", gt=0, lt=1)
    ask_share: float = field(0.1, "Share of visitors who ask for advice on the floor", ge=0, le=1)
    ask_seconds: float = field(120.0, "Mean time of advice, in seconds", gt=0, le=3600)
    ask_wait: float = field(180.0, "Longest wait for advice that is promised, in seconds", ge=0, le=3600)
    ask_served: float = field(0.8, "Share of those who ask for whom that has to hold", gt=0, lt=1)
    ask_least: float = field(0.1, "Advice that keeps less of a person busy is given by whoever is there", ge=0, le=1)
    work_spread: float = field(
        0.1, "Standard deviation of the work about these times, as a share, when rosters are measured", ge=0, le=1
    )
    shelf_seconds: float = field(6.0, "Mean time to put one unit on its shelf, in seconds", ge=0, le=600)


@step(reads="footfall_forecast demand_totals", writes=STAFFING)
def staffing(footfall_forecast: ir.Table, demand_totals: ir.Table, *, day: date, policy: Policy) -> pd.DataFrame:
    """Count the people that every store needs, by quarter of an hour and skill.

    Where receipts are forecast instead of visitors, each stands for one customer on the floor, too: how many left
    without buying is not known.
    """
    last = day + timedelta(days=policy.horizon_days)
    forecast = footfall_forecast.filter(_.day == ibis.literal(day), _.ds <= ibis.literal(last)).to_pandas()
    days = forecast.groupby(["store", "ds"], as_index=False)[["counted", "conversion"]].first()
    hours = _hours(forecast, days) / policy.data_share
    hours[hours < policy.open_people] = 0.0
    people = in_quarters(hours)
    buying = np.where(days["counted"] == "visitors", days["conversion"].astype(float).fillna(1.0).clip(upper=1.0), 1.0)
    units = _units(demand_totals, days, day) / policy.data_share
    open_ = np.repeat(hours > 0, QUARTERS // HOURS, axis=1)
    work = units * policy.shelf_seconds / QUARTER
    load = open_ * (work / np.maximum(open_.sum(axis=1), 1))[:, None]
    shelf = pd.DataFrame({"staff": laid_out(work, open_).ravel(), "load": load.ravel()})
    row, quarter = (where.ravel() for where in np.indices(people.shape))
    place = days[["store", "ds"]].iloc[row].reset_index(drop=True).assign(quarter=quarter)
    parts = queues(people, buying, policy) | {"shelf": shelf}
    rows = pd.concat([pd.concat([place.assign(skill=skill), part], axis=1) for skill, part in parts.items()])
    return rows[rows["staff"] > 0]


def queues(people: FloatArray, buying: FloatArray, policy: Policy) -> dict[str, pd.DataFrame]:
    """Where customers wait, one row a day and quarter: skill → columns staff, load, arrivals, served, wait_seconds.

    Args:
        people: who come, by quarter of an hour, (n, 96).
        buying: share of them who buy, (n,).
    """
    till = _queue(people * buying[:, None], policy.till_seconds, policy.till_wait, policy.till_share)
    floor = _queue(people * policy.ask_share, policy.ask_seconds, policy.ask_wait, policy.ask_served)
    return {"till": till, "floor": floor.assign(staff=floor["staff"].where(floor["load"] >= policy.ask_least, 0))}


def in_quarters(hours: FloatArray) -> FloatArray:
    """People by quarter of an hour, (n, 96), from those by hour, (n, 24).

    What has come until each full hour is joined by a monotone curve, so that quarters add up to their hours, none is
    below 0, and rush hours rise and fall inside an hour too.
    """
    total = np.concatenate([np.zeros((len(hours), 1)), np.cumsum(hours, axis=1)], axis=1)
    curve = scipy.interpolate.PchipInterpolator(np.arange(HOURS + 1), total, axis=1)
    return np.maximum(np.diff(curve(np.arange(QUARTERS + 1) * HOURS / QUARTERS), axis=1), 0.0)


def laid_out(work: FloatArray, open_: NDArray[np.bool_]) -> NDArray[np.int64]:
    """People by quarter of an hour, (n, 96), for work that may wait: as even as whole people can be, the first first.

    Args:
        work: of each day, in quarters of an hour of one person, (n,); a part of a quarter takes a whole one.
        open_: quarters in which there may be work, (n, 96); a day without any has no people.
    """
    places = open_.sum(axis=1)
    whole = np.ceil(np.round(work, 9)).astype(np.int64)
    base, more = np.divmod(whole, np.maximum(places, 1))
    rank = np.cumsum(open_, axis=1)
    return np.where(open_, base[:, None] + (rank <= more[:, None]), 0)


def _queue(arrivals: FloatArray, service: float, wait: float, share: float) -> pd.DataFrame:
    """People needed where customers wait, one row a quarter: columns staff, load, arrivals, served, wait_seconds."""
    load = arrivals.ravel() * service / QUARTER
    staff = servers_needed(load, service, wait, share)
    return pd.DataFrame(
        {
            "staff": staff,
            "load": load,
            "arrivals": arrivals.ravel(),
            "served": share_within(load, staff, service, wait),
            "wait_seconds": mean_wait(load, staff, service),
        }
    )


def _hours(forecast: pd.DataFrame, days: pd.DataFrame) -> FloatArray:
    """People expected by hour, (days, 24), in the order of `days`."""
    hours = np.zeros((len(days), HOURS))
    places, found = (pd.MultiIndex.from_frame(table[["store", "ds"]]) for table in (days, forecast))
    at = places.get_indexer(found)
    hours[at, forecast["hour"].to_numpy(int)] = forecast["mean"].to_numpy(float)
    return hours


def _units(demand_totals: ir.Table, days: pd.DataFrame, day: date) -> FloatArray:
    """Units that each store is expected to sell, (days,), in the order of `days`; 0 where no item is forecast."""
    totals = demand_totals.filter(_.day == ibis.literal(day), _.level == "store").select("store", "ds", "mean")
    wanted = days[["store", "ds"]].merge(totals.to_pandas(), on=["store", "ds"], how="left")
    return wanted["mean"].fillna(0.0).to_numpy(float)
