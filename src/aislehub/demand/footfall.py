"""Footfall: how many people each store expects, by day and by hour, with what they will buy beside it.

    counts → day totals (the forecaster of demand) → hours (each store's profile of the weekday) → quantiles

Visitors are forecast where a door is counted. Elsewhere receipts stand in, and each row says so: how many people
left without buying is then unknown. Day totals know the calendar, the weather forecast and how many items are
promoted. Hours are the day's share in each store and weekday, drawn to what all stores do where a store has few
counts (Dirichlet shrinkage), zero where a store is never busy, of the length that the clock gives them on that day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import typer
from ibis import _
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json, write_table
from aislehub.core.settings import Settings, field
from aislehub.core.step import learn, step
from aislehub.core.text import say
from aislehub.demand.backtest import Rehearsal, accuracy
from aislehub.demand.forecast import Forecaster
from aislehub.demand.panel import FloatArray, Panel
from aislehub.demand.spread import Spread
from aislehub.schema.footfall import FOOTFALL_FORECAST

__all__ = [
    "Counts",
    "Policy",
    "expected_footfall",
    "footfall_forecast",
    "hour_shares",
    "learn_footfall",
    "ratio_by_weekday",
    "read_counts",
]

HOURS = 24
HOLIDAY = 7  # the slot of special days, beside the seven weekdays
PROFILE_DAYS = 364
PRIOR_COUNTS = 400.0
"""Counts of its own from which a store's profile weighs more than that of all stores: the likelihood of the last
twelve weeks of Complete Journey's receipts is flat from 400 to 1,600 and lower below."""
SHUT_BELOW = 8.0
"""An hour without anybody is shut where the profile expects so many: chance e⁻⁸ otherwise."""
CLIMATE_DAYS = 28
_LEVELS = (0.1, 0.9)


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


@learn(reads="sales_lines items footfall stores promotions calendar weather", model="footfall", every_days=7)
def learn_footfall(
    sales_lines: ir.Table, items: ir.Table, footfall: ir.Table, stores: ir.Table, promotions: ir.Table,
    calendar: ir.Table, weather: ir.Table, *, day: date, policy: Policy, timezone: str, folder: Path, seed: int = 0,
) -> Mapping[str, Any]:  # fmt: skip
    """Learn the day totals, and how wrong days and hours usually are; metrics are of the rehearsal on the past."""
    counts = read_counts(
        sales_lines, items, footfall, stores, promotions, calendar, weather, day=day, policy=policy, timezone=timezone
    )
    panel = counts.panel
    forecaster = Forecaster.learn(panel, model=policy.model, seed=seed)
    forecaster.save(folder)
    rehearsal = forecaster.rehearsal
    by_hour = None if rehearsal is None else _by_hour(counts, rehearsal)
    hours = folder / "hours"
    hours.mkdir()
    Spread.learn(panel, by_hour, seed=seed).save(hours)
    metrics: dict[str, Any] = {"stores": len(panel.ids), "counted": int((counts.counted == "visitors").sum())}
    if rehearsal is not None:
        past = panel.y.shape[1] - rehearsal.mean.shape[2]
        metrics |= accuracy(panel.y[:, :past], rehearsal.actual[-1], rehearsal.mean[-1])
    return metrics


@step(reads="sales_lines items footfall stores promotions calendar weather", writes=FOOTFALL_FORECAST, model="footfall")
def footfall_forecast(
    sales_lines: ir.Table, items: ir.Table, footfall: ir.Table, stores: ir.Table, promotions: ir.Table,
    calendar: ir.Table, weather: ir.Table, *, day: date, policy: Policy, timezone: str, model: Path,
) -> pd.DataFrame:  # fmt: skip
    """Forecast every store's coming days by the hour, with the model learnt last."""
    counts = read_counts(
        sales_lines, items, footfall, stores, promotions, calendar, weather, day=day, policy=policy, timezone=timezone
    )
    panel = counts.panel
    days = Forecaster.load(model).predict(panel, _LEVELS)
    mean = days["y_hat"].to_numpy().reshape(len(panel.ids), panel.horizon)
    hourly = mean[:, :, None] * hour_shares(counts, panel.y.shape[1])[:, -panel.horizon :]
    flat = hourly.reshape(len(panel.ids), -1)
    bands = Spread.load(model / "hours").quantiles(panel.ids, flat, _LEVELS, first=1 + np.arange(flat.shape[1]))
    weekday = panel.future.dayofweek.to_numpy()
    conversion = ratio_by_weekday(counts.receipts, counts.visitors, panel)[:, weekday]
    basket = ratio_by_weekday(counts.amount, counts.receipts, panel)[:, weekday]
    store, at, hour = (where.ravel() for where in np.indices(hourly.shape))
    rows = pd.DataFrame(
        {
            "store": np.asarray(panel.ids, dtype=object)[store],
            "ds": np.asarray(panel.future.date)[at],
            "hour": hour,
            "counted": counts.counted[store],
            "mean": flat.ravel(),
            "low": bands[..., 0].ravel(),
            "high": bands[..., 1].ravel(),
            "day_mean": np.repeat(days["y_hat"].to_numpy(), HOURS),
            "day_low": np.repeat(days["q0.1"].to_numpy(), HOURS),
            "day_high": np.repeat(days["q0.9"].to_numpy(), HOURS),
            "conversion": np.repeat(conversion.ravel(), HOURS),
            "basket": np.repeat(basket.ravel(), HOURS),
        }
    )
    return rows[rows["mean"] > 0]


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


def hour_shares(counts: Counts, until: int) -> FloatArray:
    """Share of each hour in its day, shape (N, T + H, 24), from the counts before period `until`; days sum to 1.

    Store by hour is drawn to all stores, store by weekday to the store's own hours tilted as all stores' are.
    """
    weekday = np.where(counts.special, HOLIDAY, counts.panel.periods.dayofweek.to_numpy())
    start = max(0, until - PROFILE_DAYS)
    seen = np.nan_to_num(counts.hourly[:, start:until]).astype(np.float64)
    slot = np.zeros((len(seen), HOLIDAY + 1, HOURS))
    for at in range(HOLIDAY + 1):
        slot[:, at] = np.where((weekday[:, start:until] == at)[:, :, None], seen, 0.0).sum(axis=1)
    total = slot.sum(axis=(1, 2), keepdims=True)
    alike = (slot / (total + PRIOR_COUNTS)).sum(axis=0)  # a large store speaks for itself, not for all
    everywhere = _normal(alike.sum(axis=0) + 1e-9)
    tilt = _shrunk(slot.sum(axis=0), everywhere) / everywhere
    own = _shrunk(slot.sum(axis=1), everywhere)
    share = _shrunk(slot, _normal(own[:, None] * tilt))
    expected = total[:, 0] * everywhere
    shut = (slot.sum(axis=1) == 0) & ((expected >= SHUT_BELOW) | (everywhere < 1e-6))
    share = np.where(shut[:, None], 0.0, share)
    at_days = np.take_along_axis(share, weekday[:, :, None], axis=1) * counts.clock
    return _normal(at_days)


def expected_footfall(hub: Hub, store: str, day: date | None = None) -> pd.DataFrame:
    """The rows of `footfall_forecast` of one store, made at the close of `day` (the last one when None), by hour.

    Raises:
        HubError: `footfall.none` when there is no forecast of that store and day.
    """
    rows = hub.tables.read("footfall_forecast")
    rows = rows.filter(rows.store == store)
    last = day or rows.day.max().execute()
    found = rows.filter(rows.day == ibis.literal(last)).order_by(["ds", "hour"]).to_pandas() if last else None
    if found is None or found.empty:
        raise HubError("footfall.none", store=store)
    return found


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


# Hours, and ratios of counts


def _by_hour(counts: Counts, rehearsal: Rehearsal) -> Rehearsal:
    """The rehearsed days split into hours by the profile of their time, beside the hours that came."""
    origins, stores, steps = rehearsal.mean.shape
    means, actuals = [], []
    for at in range(origins):
        until = counts.panel.y.shape[1] - (origins - at) * steps
        share = hour_shares(counts, until)[:, until : until + steps]
        means.append((rehearsal.mean[at][:, :, None] * share).reshape(stores, -1))
        came = np.where(np.isnan(rehearsal.actual[at])[:, :, None], np.nan, counts.hourly[:, until : until + steps])
        # Where the hours are those of receipts and the days those of visitors, nothing is known of the hours.
        same = np.isclose(np.nansum(came, axis=(1, 2)), np.nansum(rehearsal.actual[at], axis=1), rtol=1e-3)
        actuals.append(np.where(same[:, None, None] & (share > 0), came, np.nan).reshape(stores, -1))
    return Rehearsal(np.stack(means), np.stack(actuals))


def _normal(weights: FloatArray) -> FloatArray:
    """Shares along the last axis."""
    total = weights.sum(axis=-1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)


def _shrunk(counts: FloatArray, prior: FloatArray) -> FloatArray:
    """Shares of counts along the last axis, drawn to those of `prior`."""
    return (counts + PRIOR_COUNTS * prior) / (counts.sum(axis=-1, keepdims=True) + PRIOR_COUNTS)


def ratio_by_weekday(top: FloatArray, bottom: FloatArray, panel: Panel) -> FloatArray:
    """Σ top / Σ bottom of the last 26 weeks by store and weekday, (N, 7), drawn to the store's and that to the
    chain's; NaN where the bottom is unknown."""
    late = slice(max(0, top.shape[1] - 182), None)
    known = np.nan_to_num(bottom[:, late]) > 0
    over, under = np.where(known, top[:, late], 0.0), np.where(known, bottom[:, late], 0.0)
    weekday = panel.periods[: top.shape[1]].dayofweek.to_numpy()[late]
    of_day = np.eye(7)[weekday]
    chain = over.sum() / under.sum() if under.sum() > 0 else np.nan
    store = (over.sum(axis=1) + PRIOR_COUNTS * chain) / (under.sum(axis=1) + PRIOR_COUNTS)
    ratio = (over @ of_day + PRIOR_COUNTS * store[:, None]) / (under @ of_day + PRIOR_COUNTS)
    return np.where((known.sum(axis=1) > 0)[:, None], ratio, np.nan)


# The command


def footfall_command(
    store: Annotated[str, typer.Option(help="Store")],
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Close of which day; the last forecast if left out")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the hours to .parquet, .csv, .json or .xlsx")] = None,
) -> None:
    """Visitors (or receipts) that a store expects, by day and hour, with conversion and basket.

    Example: aislehub footfall --store 367 --json
    """
    with open_hub() as hub:
        rows = expected_footfall(hub, store, day.date() if day else None)
    if out:
        write_table(rows, out)
    if as_json:
        print_json(rows.to_dict("records"))
    elif not out:
        _print(rows, store)


def _print(rows: pd.DataFrame, store: str) -> None:
    """One line a day: total with band, the busiest hour, conversion and basket."""
    table = Table(title=say("footfall.title", store=store, counted=say(f"footfall.{rows['counted'].iloc[0]}")))
    for name in ("day", "mean", "band", "busiest", "conversion", "basket"):
        table.add_column(say(f"footfall.column.{name}"), justify="left" if name == "day" else "right")
    for ds, hours in rows.groupby("ds"):
        one, peak = hours.iloc[0], hours.loc[hours["mean"].idxmax()]
        table.add_row(
            f"{ds:%Y-%m-%d %a}",
            f"{one['day_mean']:,.1f}",
            f"{one['day_low']:,.0f}–{one['day_high']:,.0f}",
            f"{peak['hour']:02d}:00 · {peak['mean']:,.1f}",
            "" if pd.isna(one["conversion"]) else f"{one['conversion']:.0%}",
            "" if pd.isna(one["basket"]) else f"{one['basket']:,.2f}",
        )
    Console().print(table)


footfall_command.__name__ = "footfall"

commands = (footfall_command,)
