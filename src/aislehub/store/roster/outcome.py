"""What a roster turned out to save: its money over today's rule, counted again with the customers who came.

The need of a week that is over is computed from them as it was from the forecast, by the same rules of `staffing`; who
was needed is not observed. Both rosters meet it: pay is what it was, and hours for which somebody was missing cost what
they were taken to cost then. Where the data hold a sample of the customers, those who were not seen are drawn: their
rate is the forecast's, corrected by those who were seen (Gamma and Poisson). The work per customer is drawn too, since
its times are settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
from ibis import _

from aislehub.core.decision import carried_out
from aislehub.core.judging import Measured
from aislehub.core.tables import Tables
from aislehub.store.queueing import FloatArray
from aislehub.store.roster.breaks import people_there
from aislehub.store.roster.duty import Duty, duties_of
from aislehub.store.roster.saving import rate_variance
from aislehub.store.staffing import Policy, in_quarters, laid_out, queues

__all__ = ["judge_rosters", "judges"]

DRAWS = 100
HOURS, QUARTERS = 24, 96
LEAST_SPREAD = 0.1  # of an hour's rate about its forecast, as a share


def judge_rosters(
    tables: Tables, decisions: Sequence[Mapping[str, Any]], *, day: date, today: date, policy: Policy
) -> dict[str, Measured]:
    """Measure rosters that were proposed at the close of `day` by the customers known at the close of `today`.

    Left out are those that were not carried out, and those of which a day has no count of customers by the hour.
    """
    due = [
        decision for decision in decisions
        if decision["state"] not in ("rejected", "expired") and "missing_hour" in decision["baseline"]
    ]  # fmt: skip
    found = {}
    for decision in due:
        store = decision["store"]
        expected = _rows(tables, "footfall_forecast", store, day)
        days = _days(decision, day)
        expected = expected[pd.to_datetime(expected["ds"]).dt.date.isin(days)]
        if expected.empty:
            continue
        came = _came(tables, store, str(expected["counted"].iloc[0]), days, today)
        if came is not None:
            found[decision["id"]] = _measured(tables, decision, days, expected, came, policy)
    return found


judges = {"rosters": judge_rosters}


def _measured(
    tables: Tables, decision: Mapping[str, Any], days: Sequence[date], expected: pd.DataFrame, came: FloatArray,
    policy: Policy,
) -> Measured:  # fmt: skip
    staffing = _rows(tables, "staffing", decision["store"], decision["day"])
    staffing = staffing[pd.to_datetime(staffing["ds"]).dt.date.isin(days)]
    skills = sorted(set(staffing["skill"]))
    drawn = _drawn(expected, days, came, policy, seed=int(decision["id"], 16))
    need = _need(drawn, expected, staffing, days, skills, policy)
    baseline = decision["baseline"]
    cost = {row.staff: float(row.hourly_cost) for row in _people(tables, decision["day"]).itertuples()}

    def over(duties: Sequence[Duty], pay: float) -> FloatArray:
        return pay + _missing(need, duties, days, skills) * baseline["missing_hour"]

    usual, plan = duties_of(baseline), duties_of(decision["action"])
    money = over(usual, baseline["outlay"]) - over(plan, decision["outlay"])
    low, high = np.quantile(money, [0.05, 0.95])
    value = float(money.mean())
    chosen = None
    if decision["override"]:
        other = duties_of(carried_out(decision))
        pay = sum(duty.paid / 60 * cost.get(duty.staff, 0.0) for duty in other)
        chosen = round(float((over(usual, baseline["outlay"]) - over(other, pay)).mean()), 4)
    facts = {
        "came": float(came.sum()), "expected": round(float(expected["mean"].sum())),
        "missing": round(float(_missing(need, plan, days, skills).mean()), 1),
        "usual_missing": round(float(_missing(need, usual, days, skills).mean()), 1),
    }  # fmt: skip
    return Measured(
        money=round(value, 4), low=round(min(float(low), value), 4), high=round(max(float(high), value), 4),
        chosen=chosen, method=f"roster.measured_{expected['counted'].iloc[0]}", facts=facts,
    )  # fmt: skip


def _drawn(
    expected: pd.DataFrame, days: Sequence[date], came: FloatArray, policy: Policy, *, seed: int
) -> FloatArray:  # fmt: skip
    """Customers by hour, (draws, days, 24): those who were seen, and where the data are a sample those who were not."""
    mean, low, high = (_by_hour(expected, days, name) for name in ("mean", "low", "high"))
    rng = np.random.default_rng(seed)
    busier = np.exp(policy.work_spread * rng.standard_normal((DRAWS, 1, 1)) - policy.work_spread**2 / 2)
    unseen = (1 - policy.data_share) / policy.data_share
    variance = rate_variance(mean, low, high) + (LEAST_SPREAD * mean) ** 2
    known = mean > 0
    scale = np.divide(mean, variance, out=np.zeros_like(mean), where=known)
    rate = rng.gamma(np.where(known, mean * scale + came, 1.0), 1 / (scale + 1), size=(DRAWS, *mean.shape))
    more = np.where(known, rng.poisson(np.where(known, rate, 0.0) * unseen), came * unseen)
    total = came + more
    return np.where(total < policy.open_people, 0.0, total) * busier


def _need(
    drawn: FloatArray, expected: pd.DataFrame, staffing: pd.DataFrame, days: Sequence[date], skills: Sequence[str],
    policy: Policy,
) -> FloatArray:  # fmt: skip
    """People needed by draw, skill, day and quarter, (draws, skills, days, 96).

    Goods for the shelves go with the customers. Where somebody was to be needed, one is: an open till has to be manned.
    """
    shape = (len(drawn), len(days), QUARTERS)
    rows = drawn.reshape(-1, HOURS)
    bought = expected.groupby(pd.to_datetime(expected["ds"]).dt.date)["conversion"].first().reindex(days)
    share = bought.astype(float).fillna(1.0).clip(upper=1.0).to_numpy()
    buying = share if expected["counted"].iloc[0] == "visitors" else np.ones(len(days))
    people = in_quarters(rows)
    parts = queues(people, np.tile(buying, len(drawn)), policy)
    found = {skill: part["staff"].to_numpy(float).reshape(shape) for skill, part in parts.items()}
    likely = _by_hour(expected, days, "mean").sum(axis=1) / policy.data_share
    shelf = staffing[staffing["skill"] == "shelf"].groupby(pd.to_datetime(staffing["ds"]).dt.date)["load"].sum()
    work = shelf.reindex(days).fillna(0.0).to_numpy() * drawn.sum(axis=2) / np.maximum(likely, 1e-9)
    open_ = np.repeat(rows > 0, QUARTERS // HOURS, axis=1)
    found["shelf"] = laid_out(work.ravel(), open_).reshape(shape).astype(float)
    planned = np.zeros((len(skills), len(days), QUARTERS))
    at = {one: number for number, one in enumerate(days)}
    for row in staffing.itertuples():
        planned[skills.index(row.skill), at[pd.Timestamp(row.ds).date()], row.quarter] = row.staff
    need = np.stack([found[skill] for skill in skills], axis=1)
    return np.where(planned > 0, np.maximum(need, 1.0), need)


def _missing(need: FloatArray, duties: Sequence[Duty], days: Sequence[date], skills: Sequence[str]) -> FloatArray:
    """Hours for which somebody was missing, (draws,)."""
    there = people_there(duties, days, skills)
    return np.asarray(np.maximum(need - there, 0.0).sum(axis=(1, 2, 3)) / 4)


def _came(tables: Tables, store: str, counted: str, days: Sequence[date], today: date) -> FloatArray | None:
    """Those who were counted by hour of the store's clock, (days, 24); None where a day has no count by the hour."""
    span = (days[0], days[-1])

    def slots(t: Tables) -> Any:
        if counted == "visitors":
            doors = t.read("footfall", as_of=today)
            doors = doors.filter(doors.store == store, doors.zone == "entrance", doors.day.between(*span))
            return doors.select("day", "at", "minutes", count=doors.visitors)
        items = t.read("items", as_of=today)
        lines = t.read("sales_lines", as_of=today)
        goods = lines.filter(lines.store == store, lines.day.between(*span), lines.quantity > 0)
        goods = goods.filter(_.source.fill_null("") != "daily total", _.channel.fill_null("store") == "store")
        goods = goods.anti_join(items.filter(items.is_sellable == ibis.literal(False)), "item")
        receipts = goods.group_by("day", "receipt").agg(at=_.sold_at.min())
        return receipts.select("day", "at", minutes=ibis.literal(0.0), count=ibis.literal(1.0))

    rows = tables.run(slots).to_pandas()
    places = tables.run(lambda t: (s := t.read("stores")).filter(s.store == store).select("timezone")).to_pylist()
    zone = ZoneInfo((places[0]["timezone"] if places else None) or tables.timezone)
    if (rows["minutes"] > 60).any():
        return None
    came = np.zeros((len(days), HOURS))
    for row in rows.itertuples():
        moment: datetime = pd.Timestamp(row.at).to_pydatetime()
        came[days.index(pd.Timestamp(row.day).date()), moment.astimezone(zone).hour] += row.count
    return came if came.sum(axis=1).all() else None


def _days(decision: Mapping[str, Any], day: date) -> list[date]:
    """The days that a roster is about."""
    last = day + timedelta(days=decision["horizon_days"])
    first = max(date.fromisoformat(decision["subject"]), day + timedelta(days=1))
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]


def _by_hour(expected: pd.DataFrame, days: Sequence[date], name: str) -> FloatArray:
    found = np.zeros((len(days), HOURS))
    at = {one: number for number, one in enumerate(days)}
    for ds, hour, value in zip(expected["ds"], expected["hour"], expected[name], strict=True):
        found[at[pd.Timestamp(ds).date()], int(hour)] = value
    return found


def _rows(tables: Tables, table: str, store: str, day: date) -> pd.DataFrame:
    """A table's rows of a store as seen at the close of a day."""

    def mine(t: Tables) -> Any:
        rows = t.read(table, as_of=day)
        return rows.filter(rows.day == ibis.literal(day), rows.store == store)

    return tables.run(mine).to_pandas()


def _people(tables: Tables, day: date) -> pd.DataFrame:
    def mine(t: Tables) -> Any:
        rows = t.read("roster_staff", as_of=day)
        return rows.filter(rows.day == ibis.literal(day)).select("staff", "hourly_cost").distinct()

    return tables.run(mine).to_pandas()
