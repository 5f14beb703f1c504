"""Footfall: how many people each store expects, by day and by hour, with what they will buy beside it.

    counts → day totals (the forecaster of demand) → hours (each store's profile of the weekday) → quantiles

Visitors are forecast where a door is counted. Elsewhere receipts stand in, and each row says so: how many people
left without buying is then unknown. Day totals know the calendar, the weather forecast and how many items are
promoted. Hours are the day's share in each store and weekday, drawn to what all stores do where a store has few
counts (Dirichlet shrinkage), zero where a store is never busy, of the length that the clock gives them on that day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json, write_table
from aislehub.core.step import learn, step
from aislehub.core.text import say
from aislehub.demand.backtest import Rehearsal, accuracy
from aislehub.demand.footfall_counts import HOURS, Counts, Policy, read_counts
from aislehub.demand.forecast import Forecaster
from aislehub.demand.panel import FloatArray, Panel
from aislehub.demand.spread import Spread
from aislehub.schema.footfall import FOOTFALL_FORECAST

__all__ = [
    "expected_footfall",
    "footfall_forecast",
    "hour_shares",
    "learn_footfall",
    "ratio_by_weekday",
]

HOLIDAY = 7  # the slot of special days, beside the seven weekdays
PROFILE_DAYS = 364
PRIOR_COUNTS = 400.0
"""Counts of its own from which a store's profile weighs more than that of all stores: the likelihood of the last
twelve weeks of Complete Journey's receipts is flat from 400 to 1,600 and lower below."""
SHUT_BELOW = 8.0
"""An hour without anybody is shut where the profile expects so many: chance e⁻⁸ otherwise."""
_LEVELS = (0.1, 0.9)


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
