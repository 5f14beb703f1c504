"""What footfall is learned from: visitors and receipts by store, day and hour, and what is known ahead of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.core.settings import Settings, field
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["HOURS", "Counts", "Policy", "read_counts"]

HOURS = 24
CLIMATE_DAYS = 28


class Policy(Settings, section="footfall"):
    """How visitors are forecast."""

    horizon_days: int = field(28, "Days that are forecast", ge=1, le=180)
    history_days: int = field(730, "Days of counts and receipts that are read", ge=14, le=3650)
    counted_days: int = field(
        28,
        "Days with a count among the last 56 from which visitors are forecast; below, receipts stand in",
        ge=1,
        le=56,
    )
    model: str = field("light", "Forecasting model of day totals: a built-in name or package.module:Class")


@dataclass(frozen=True)
class Counts:
    """What came, of N stores on T days.

    Attributes:
        panel: day totals of visitors, or of receipts, with what is known ahead.
        counted: "visitors" or "receipts" of each store, shape (N,).
        hourly: shape (N, T, 24), by the hour of the store's clock; NaN on days without hours.
        clock: real hours in each hour of the clock, past and future days, shape (N, T + H, 24): 0 or 2 where
            clocks change.
        special: holidays, past and future days, shape (N, T + H).
        receipts, visitors, amount: of each store and day, shape (N, T); visitors NaN where not counted.
    """

    panel: Panel
    counted: NDArray[np.str_]
    hourly: FloatArray
    clock: FloatArray
    special: NDArray[np.bool_]
    receipts: FloatArray
    visitors: FloatArray
    amount: FloatArray


def read_counts(
    sales_lines: ir.Table, items: ir.Table, footfall: ir.Table, stores: ir.Table, promotions: ir.Table,
    calendar: ir.Table, weather: ir.Table, *, day: date, policy: Policy, timezone: str,
) -> Counts:  # fmt: skip
    """Counts, receipts and what is known ahead of the stores that were open within the last 56 days.

    Raises:
        HubError: `footfall.nothing` when there is neither a count nor a receipt.
    """
    since = day - timedelta(days=policy.history_days)
    zones = _zones(stores, timezone)
    bought = _slots(_receipts(sales_lines, items, since, day), zones, timezone)
    came = _slots(_visits(footfall, since, day), zones, timezone)
    both = pd.concat([bought.assign(what="receipts"), came.assign(what="visitors")])
    late = both.loc[both["day"] > pd.Timestamp(day - timedelta(days=56)), "store"]
    if late.empty:
        raise HubError("footfall.nothing", day=day)
    ids = pd.Index(np.sort(late.unique()), dtype=object)
    periods = pd.date_range(both["day"].min(), day + timedelta(days=policy.horizon_days))
    past = len(periods) - policy.horizon_days

    receipts, by_hour_bought, _none = _cube(bought, ids, periods[:past])
    visitors, by_hour_came, hours_known = _cube(came, ids, periods[:past])
    amount = _matrix(bought, ids, periods[:past], "amount")
    # A counter that saw fewer people than half the receipts was broken that day.
    seen = _matrix(came.assign(one=1.0), ids, periods[:past], "one") > 0
    visitors = np.where(seen & (visitors >= receipts / 2), visitors, np.nan)
    has_door = (~np.isnan(visitors[:, -56:])).sum(axis=1) >= policy.counted_days
    has_hours = has_door & (hours_known.sum(axis=1) > 0)
    y = np.where(has_door[:, None], visitors, receipts)
    started = np.logical_or.accumulate(np.nan_to_num(y) > 0, axis=1)
    y = np.where(started, y, np.nan).astype(np.float32)
    hourly = np.where(has_hours[:, None, None], by_hour_came, by_hour_bought)
    known, labels = _known_ahead(ids, periods, past, stores, promotions, calendar, weather)
    return Counts(
        panel=Panel(ids, periods, y, known, {}, labels, "D"),
        counted=np.where(has_door, "visitors", "receipts"),
        hourly=np.where(np.isnan(y)[:, :, None], np.nan, hourly),
        clock=_clock(periods, [zones.get(store, timezone) for store in ids]),
        special=_special(ids, periods, stores, calendar),
        receipts=receipts,
        visitors=visitors,
        amount=amount,
    )


# What is read


def _receipts(sales_lines: ir.Table, items: ir.Table, since: date, day: date) -> ir.Table:
    """Receipts of goods bought in the store, by store, day and moment: columns store, day, slot, count, amount."""
    goods = sales_lines.anti_join(items.filter(items.is_sellable == ibis.literal(False)), "item")
    bought = goods.filter(
        _.day <= ibis.literal(day), _.day > ibis.literal(since), _.quantity > 0,
        _.source.fill_null("") != "daily total", _.channel.fill_null("store") == "store",
    )  # fmt: skip
    receipts = bought.group_by("store", "day", "receipt").agg(at=_.sold_at.min(), amount=_.amount.sum())
    return _in_slots(receipts.mutate(count=ibis.literal(1.0), minutes=ibis.literal(0.0)))


def _visits(footfall: ir.Table, since: date, day: date) -> ir.Table:
    """Visitors through the doors, in the same columns."""
    doors = footfall.filter(_.zone == "entrance", _.day <= ibis.literal(day), _.day > ibis.literal(since))
    return _in_slots(doors.mutate(count=_.visitors, amount=ibis.literal(0.0)))


def _in_slots(rows: ir.Table) -> ir.Table:
    """Summed by quarter of an hour, since some zones are half an hour or a quarter off."""
    return (
        rows.mutate(slot=_.at.epoch_seconds() // 900)
        .group_by("store", "day", "slot")
        .agg(count=_["count"].sum(), amount=_.amount.sum(), minutes=_.minutes.max())
    )


def _slots(rows: ir.Table, zones: Mapping[str, str], timezone: str) -> pd.DataFrame:
    """By the hour of each store's clock: columns store, day, hour (−1 where a slot is longer), count, amount."""
    table = rows.to_pandas()
    moment = pd.to_datetime(table["slot"] * 900, unit="s", utc=True)
    zone = table["store"].map(zones).fillna(timezone)
    hour = np.zeros(len(table), dtype=int)
    for name in zone.unique():
        here = (zone == name).to_numpy()
        hour[here] = moment[here].dt.tz_convert(name).dt.hour
    table["hour"] = np.where(table["minutes"] > 60, -1, hour)
    table["day"] = pd.to_datetime(table["day"])
    return table.groupby(["store", "day", "hour"], as_index=False)[["count", "amount"]].sum()


def _zones(stores: ir.Table, timezone: str) -> dict[str, str]:
    table = stores.select("store", "timezone").to_pandas()
    return dict(zip(table["store"], table["timezone"].fillna(timezone), strict=True))


def _matrix(rows: pd.DataFrame, ids: pd.Index, days: pd.DatetimeIndex, column: str) -> FloatArray:
    """Sums by store and day, (N, T)."""
    result = np.zeros((len(ids), len(days)))
    store, at = ids.get_indexer(rows["store"]), days.get_indexer(rows["day"])
    inside = (store >= 0) & (at >= 0)
    np.add.at(result, (store[inside], at[inside]), rows[column].to_numpy(float)[inside])
    return result


def _cube(
    rows: pd.DataFrame, ids: pd.Index, days: pd.DatetimeIndex
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Counts by store and day (N, T), and by hour (N, T, 24); on which days the hours are known."""
    result = np.zeros((len(ids), len(days), HOURS), dtype=np.float32)
    store, at, hour = ids.get_indexer(rows["store"]), days.get_indexer(rows["day"]), rows["hour"].to_numpy(int)
    inside = (store >= 0) & (at >= 0) & (hour >= 0)
    np.add.at(result, (store[inside], at[inside], hour[inside]), rows["count"].to_numpy(np.float32)[inside])
    return _matrix(rows, ids, days, "count"), result, result.sum(axis=2) > 0


# What is known ahead


def _known_ahead(
    ids: pd.Index, periods: pd.DatetimeIndex, past: int, stores: ir.Table, promotions: ir.Table, calendar: ir.Table,
    weather: ir.Table,
) -> tuple[dict[str, FloatArray], dict[str, list[str]]]:  # fmt: skip
    """Covariates of each store's day, (N, T + H): items promoted, the special day by name, the weather."""
    known: dict[str, FloatArray] = {}
    labels: dict[str, list[str]] = {}
    promoted = _promoted(ids, periods, promotions)
    if promoted.any():
        known["promotion"] = promoted.astype(np.float32)
    events = _events(ids, periods, stores, calendar)
    if not events.empty:
        codes, names = pd.factorize(events["event"], sort=True)
        known["event"] = np.full((len(ids), len(periods)), np.nan, dtype=np.float32)
        known["event"][events["row"], events["at"]] = codes
        labels["event"] = [str(name) for name in names]
    return known | _weather(ids, periods, past, weather), labels


def _promoted(ids: pd.Index, periods: pd.DatetimeIndex, promotions: ir.Table) -> FloatArray:
    """Number of items on promotion, (N, T + H)."""
    rows = promotions.filter(
        _.starts <= ibis.literal(periods[-1].date()), _.ends.isnull() | (_.ends >= ibis.literal(periods[0].date()))
    )
    table = rows.group_by("store", "starts", "ends").agg(items=_.item.nunique()).to_pandas()
    change = np.zeros((len(ids), len(periods) + 1))
    store = ids.get_indexer(table["store"])
    first = np.clip((pd.to_datetime(table["starts"]) - periods[0]).dt.days, 0, len(periods)).to_numpy(int)
    after = (pd.to_datetime(table["ends"]) - periods[0]).dt.days.fillna(len(periods) - 1) + 1
    last = np.clip(after, 0, len(periods)).to_numpy(int)
    here = store >= 0
    np.add.at(change, (store[here], first[here]), table["items"].to_numpy(float)[here])
    np.add.at(change, (store[here], last[here]), -table["items"].to_numpy(float)[here])
    return change.cumsum(axis=1)[:, :-1]


def _events(ids: pd.Index, periods: pd.DatetimeIndex, stores: ir.Table, calendar: ir.Table) -> pd.DataFrame:
    """Special days by store: columns row, at, event, kind; one a store and day."""
    table = calendar.select("day", "region", "event", "kind").to_pandas()
    region = stores.select("store", "region").to_pandas().set_index("store")["region"].reindex(ids)
    where = pd.DataFrame({"row": np.arange(len(ids)), "region": region.to_numpy(object)})
    everywhere = where.assign(region="all")
    rows = table.merge(pd.concat([where.dropna(), everywhere]), on="region")
    rows["at"] = periods.get_indexer(pd.to_datetime(rows["day"]))
    rows = rows[rows["at"] >= 0].sort_values(["row", "at", "event"])
    return rows.drop_duplicates(["row", "at"])[["row", "at", "event", "kind"]]


def _special(ids: pd.Index, periods: pd.DatetimeIndex, stores: ir.Table, calendar: ir.Table) -> NDArray[np.bool_]:
    """Public holidays, (N, T + H): their hours are other hours."""
    events = _events(ids, periods, stores, calendar)
    rows = events[events["kind"].isin(["holiday", "religious"])]
    special = np.zeros((len(ids), len(periods)), dtype=bool)
    special[rows["row"], rows["at"]] = True
    return special


def _weather(ids: pd.Index, periods: pd.DatetimeIndex, past: int, weather: ir.Table) -> dict[str, FloatArray]:
    """Highest temperature and rain, (N, T + H): observed where past, forecast where not; beyond the forecast's
    reach the mean of the last four weeks stands in, so that a learner does not meet an empty cell only then."""
    columns = ["temperature_max", "rain_mm"]
    rows = weather.filter(_.day >= ibis.literal(periods[0].date()), _.day <= ibis.literal(periods[-1].date()))
    newest = rows.order_by("issued_at").select("store", "day", "kind", *columns).to_pandas()
    made = {}
    for column in columns:
        values = np.full((len(ids), len(periods)), np.nan)
        for kind in ("forecast", "observed"):  # what was observed replaces what was forecast
            some = newest[(newest["kind"] == kind) & newest[column].notna()]
            store, at = ids.get_indexer(some["store"]), periods.get_indexer(pd.to_datetime(some["day"]))
            here = (store >= 0) & (at >= 0)
            values[store[here], at[here]] = some[column].to_numpy(float)[here]
        known = ~np.isnan(values)
        if not known[:, past:].any() or known[:, :past].sum() < CLIMATE_DAYS:
            continue
        recent = values[:, max(0, past - CLIMATE_DAYS) : past]
        count = (~np.isnan(recent)).sum(axis=1, keepdims=True)
        mean = np.nansum(recent, axis=1, keepdims=True) / np.maximum(count, 1)
        typical = np.where(count > 0, mean, np.nanmean(values))
        ahead = np.arange(len(periods)) >= past
        made[column] = np.where(ahead & ~known, typical, values).astype(np.float32)
    return made


def _clock(periods: pd.DatetimeIndex, zones: list[str]) -> FloatArray:
    """Real hours in each hour of the clock on each day, (N, T, 24)."""
    made = {}
    for zone in set(zones):
        ends = [
            moment.tz_localize(zone, nonexistent="shift_forward", ambiguous=True).tz_convert("UTC")
            for moment in (periods[0], periods[-1] + pd.Timedelta(days=1))
        ]
        hours = pd.date_range(*ends, freq="h", inclusive="left").tz_convert(zone)
        at = periods.get_indexer(hours.tz_localize(None).normalize())
        made[zone] = np.bincount(at * HOURS + hours.hour, minlength=len(periods) * HOURS).reshape(-1, HOURS)
    return np.stack([made[zone] for zone in zones]).astype(np.float32)
