"""The chain's forecast of every day: what each store will sell of each item, learnt weekly, made at every close.

Facts become a panel (`demand_panel`): sales of the last two years by store, item and day; announced promotions,
prices and the calendar as what is known ahead. Items that hardly sell anywhere have no forecast; replenishment
treats them by its own rule for slow items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.core.log import logger
from aislehub.core.reasons import to_json
from aislehub.core.settings import Settings, field
from aislehub.core.step import learn, step
from aislehub.demand.assortment import new_series, with_shelves
from aislehub.demand.backtest import MAX_ORIGINS, accuracy
from aislehub.demand.coherence import Coherence
from aislehub.demand.corrections import BETWEEN, corrected
from aislehub.demand.forecast import DEFAULT_MODEL, Forecaster
from aislehub.demand.models.blend import Blend
from aislehub.demand.monitor import worth_learning
from aislehub.demand.neighbours import with_neighbours
from aislehub.demand.outcomes import keep_rehearsal
from aislehub.demand.panel import FloatArray, Panel
from aislehub.demand.parts import decompose, part_reasons
from aislehub.demand.totals import LEVELS, chain_labels
from aislehub.schema.demand import DEMAND_FORECAST

__all__ = [
    "Policy",
    "announced",
    "demand_forecast",
    "demand_panel",
    "forecast_rows",
    "learn_demand",
    "series_of",
]

REASONS = 3
RECENT_DAYS = 56
"""Days whose sales decide whether a store's item is worth a forecast."""


class Policy(Settings, section="demand"):
    """How demand is forecast every day."""

    model: str = field(
        DEFAULT_MODEL, "Forecasting model: a built-in name, package.module:Class, or several joined by +"
    )
    horizon_days: int = field(28, "Days that are forecast", ge=1, le=180)
    history_days: int = field(730, "Days of sales that are read", ge=14, le=3650)
    min_days_sold: int = field(4, "Days with a sale in the last 56 below which a store's item has no forecast", ge=1)
    max_series: int = field(20_000, "Store-items forecast at most, those of most sales first", ge=1)
    neighbours: bool = field(False, "Tell the model which share of an item's neighbours on the shelf is promoted")
    reconcile: bool = field(
        False, "Forecast the largest sums (chain, stores, departments) for themselves and move the items to agree"
    )


@learn(
    reads="sales_lines items promotions prices calendar stock stores", model="demand", every_days=7, due=worth_learning
)
def learn_demand(
    sales_lines: ir.Table, items: ir.Table, promotions: ir.Table, prices: ir.Table, calendar: ir.Table,
    stock: ir.Table, stores: ir.Table, *, day: date, policy: Policy, folder: Path, seed: int = 0,
) -> Mapping[str, Any]:  # fmt: skip
    """Learn the forecaster from what was known at the close of `day`; metrics are of its rehearsal on that past."""
    panel = demand_panel(sales_lines, items, promotions, prices, calendar, stock, stores, day=day, policy=policy)
    forecaster = Forecaster.learn(panel, model=policy.model, seed=seed)
    forecaster.save(folder)
    keep_rehearsal(folder, panel, forecaster.rehearsal)
    coherence = Coherence.learn(
        panel, _labels(panel, items, stores), LEVELS, forecaster.rehearsal, seed=seed, reconcile=policy.reconcile
    )
    coherence.save(folder / "levels")
    series = len(forecast_rows(panel))
    metrics: dict[str, Any] = {"model": policy.model, "series": series, "days": panel.y.shape[1]}
    metrics |= asdict(panel.truth) | coherence.metrics
    if isinstance(forecaster.model, Blend):
        metrics["choices"] = [asdict(choice) for choice in forecaster.model.choices]
    rehearsal = forecaster.rehearsal
    if rehearsal is not None:
        steps = rehearsal.mean.shape[2]
        metrics |= accuracy(panel.y[:, :-steps], rehearsal.actual[-1], rehearsal.mean[-1])
    return metrics


@step(reads="sales_lines items promotions prices calendar stock stores", writes=DEMAND_FORECAST, model="demand")
def demand_forecast(
    sales_lines: ir.Table, items: ir.Table, promotions: ir.Table, prices: ir.Table, calendar: ir.Table,
    stock: ir.Table, stores: ir.Table, *, day: date, policy: Policy, model: Path,
) -> pd.DataFrame:  # fmt: skip
    """Forecast the coming days of every store's item with the model learnt last."""
    panel = demand_panel(sales_lines, items, promotions, prices, calendar, stock, stores, day=day, policy=policy)
    logger.info("sales corrected", extra={"day": day, **asdict(panel.truth)})
    forecaster = Forecaster.load(model)
    coherence = Coherence.load(model / "levels")
    rows = forecast_rows(panel)
    means = np.zeros((len(panel.ids), panel.horizon))
    means[rows] = forecaster.means(panel.only(rows))
    mean = coherence.reconciled(panel, _labels(panel, items, stores), means)[rows]
    panel = panel.only(rows)
    table = forecaster.predict(panel, (0.1, 0.9), mean)
    sold = _sold(sales_lines, day, 28).reindex(panel.ids, fill_value=0.0)
    names = _names(panel)
    total = mean.cumsum(axis=1)
    variance = np.column_stack(
        [
            forecaster.spread.variance(panel.ids, total[:, [span - 1]], span=span, first=1)
            for span in range(1, panel.horizon + 1)
        ]
    )
    return pd.DataFrame(
        {
            "store": np.repeat(names["store"].to_numpy(), panel.horizon),
            "item": np.repeat(names["item"].to_numpy(), panel.horizon),
            "ds": table["ds"].dt.date,
            "mean": table["y_hat"],
            "low": table["q0.1"],
            "high": table["q0.9"],
            "total_mean": total.ravel(),
            "total_sd": np.sqrt(variance).ravel(),
            "sold_28d": np.repeat(sold.to_numpy(), panel.horizon),
            "reasons": np.repeat(reasons(forecaster, panel, mean, promotions), panel.horizon),
        }
    )


def _labels(panel: Panel, items: ir.Table, stores: ir.Table) -> pd.DataFrame:
    """What each series belongs to, in the order of the panel."""
    return chain_labels(_names(panel), items, stores)


def _names(panel: Panel) -> pd.DataFrame:
    """Store and item of each series, in the order of the panel."""
    return pd.DataFrame([series_of(name) for name in panel.ids], index=panel.ids, columns=["store", "item"])


def reasons(forecaster: Forecaster, panel: Panel, mean: FloatArray, promotions: ir.Table) -> list[str]:
    """Per series, what the forecast of the first coming day is made of: JSON reasons, the largest parts first.

    One day stands for the horizon: TreeSHAP takes a millisecond a row, and a chain has a million rows. `explain` takes
    all days of one item apart when asked.
    """
    tomorrow = panel.future[0].date()
    parts = decompose(forecaster.model, panel, mean[:, :1])
    promoted = announced(promotions, tomorrow, tomorrow)
    told = part_reasons(panel, parts, range(1), promoted, model=forecaster.name)
    return [to_json(sorted(found, key=lambda reason: -abs(reason.weight))[:REASONS]) for found in told]


def announced(promotions: ir.Table, first: date, last: date) -> pd.DataFrame:
    """Promotions on any of these days: `unique_id, starts, ends`, and `what` is seen of them."""
    rows = promotions.filter(promotions.starts <= ibis.literal(last), promotions.ends >= ibis.literal(first))
    display, mailer = rows.display.nullif(""), rows.mailer.nullif("")
    what = ibis.coalesce(display + ", " + mailer, display, mailer, rows.mechanic, rows.promotion)
    found = rows.select("store", "item", "starts", "ends", what=what).distinct().order_by("store", "item", "what")
    table = found.to_pandas()
    return pd.DataFrame(
        {
            "unique_id": table["store"] + BETWEEN + table["item"],
            "starts": pd.to_datetime(table["starts"]),
            "ends": pd.to_datetime(table["ends"]),
            "what": table["what"],
        }
    )


def series_of(unique_id: str) -> tuple[str, str]:
    """Store and item of a series."""
    store, _, item = unique_id.partition(BETWEEN)
    return store, item


def demand_panel(
    sales_lines: ir.Table, items: ir.Table, promotions: ir.Table, prices: ir.Table, calendar: ir.Table,
    stock: ir.Table, stores: ir.Table, *, day: date, policy: Policy,
) -> Panel:  # fmt: skip
    """The panel of the store-items worth a forecast now or lately, up to and including `day`: demand, not sales.

    What is worth a forecast is what sells often enough. What was so four, eight and twelve weeks ago is in it, too,
    though it may have stopped selling since: `Panel.eligible` says what would have been forecast when. Without it all
    that is forecast has a past of nothing but successes, and a model that learns from that forecasts too much.
    `forecast_rows` are those of today.

    Raises:
        HubError: `demand.no_sales` when nothing sold often enough.
    """
    past = _goods_sold(sales_lines, items, day, policy)
    usual = _usual_series(past, items, day, day, policy)
    if usual.empty:
        raise HubError("demand.no_sales", day=day, limit=policy.min_days_sold)
    evidence = (past, prices, promotions, stock)
    fresh = new_series(usual, items, stores, *evidence, day=day, ahead=policy.horizon_days)
    now = pd.concat([usual, fresh]).head(policy.max_series)
    earlier = [
        _usual_series(past, items, day - timedelta(days=policy.horizon_days * back), day, policy)
        for back in range(1, MAX_ORIGINS + 1)
    ]
    series = pd.concat([now, *earlier]).drop_duplicates(["store", "item"])
    series = series.set_index(series["store"] + BETWEEN + series["item"]).sort_index()
    series["series"] = np.arange(len(series))  # one number joins faster than two texts, millions of times
    sales = _daily_sales(past, series)
    days = pd.date_range(sales["day"].min(), day + timedelta(days=policy.horizon_days), unit="ns")
    known = _promotions(promotions, series, days) | _prices(prices, series, days) | _events(calendar, days)
    panel = _laid_out(series, days, sales, known, policy.horizon_days)
    panel = replace(panel, eligible=_eligible(panel, now["store"] + BETWEEN + now["item"], policy))
    traffic = past.group_by("store", "day").agg(receipts=past.receipt.nunique(), lines=past.count()).to_pandas()
    panel = with_shelves(panel, sales, items)
    if policy.neighbours:
        panel = with_neighbours(panel)
    return corrected(panel, sales, traffic, stock, calendar, stores)


def forecast_rows(panel: Panel) -> NDArray[np.intp]:
    """Rows of a daily panel that are forecast today."""
    if panel.eligible is None:
        raise TypeError("not a daily panel")
    return np.flatnonzero(panel.eligible[:, -1])


def _eligible(panel: Panel, now: pd.Series, policy: Policy) -> NDArray[np.bool_]:
    """(N, T + 1): the series with enough days of sales in the eight weeks before, and at the end those of `now`."""
    sold = np.cumsum(np.nan_to_num(panel.y) > 0, axis=1)
    days = np.concatenate([np.zeros((len(sold), 1), dtype=sold.dtype), sold], axis=1)
    before = np.concatenate([np.zeros((len(sold), RECENT_DAYS), dtype=sold.dtype), days[:, :-RECENT_DAYS]], axis=1)
    eligible = days - before[:, : days.shape[1]] >= policy.min_days_sold
    eligible[:, -1] = panel.ids.isin(now)
    return eligible


def _goods_sold(sales_lines: ir.Table, items: ir.Table, day: date, policy: Policy) -> ir.Table:
    """Lines of goods that went out (returns are not demand) in the days of the history.

    Fuel, deposits and the like (`is_sellable` false) are no goods: one of them can outweigh a whole store.
    """
    goods = sales_lines.anti_join(items.filter(items.is_sellable == ibis.literal(False)), "item")
    return goods.filter(
        goods.day <= ibis.literal(day),
        goods.day > ibis.literal(day - timedelta(days=policy.history_days)),
        goods.quantity > 0,
    )


def _sold(sales_lines: ir.Table, day: date, days: int) -> pd.Series:
    """Units sold by `unique_id` in the last `days` days, as recorded."""
    late = sales_lines.filter(
        sales_lines.day <= ibis.literal(day),
        sales_lines.day > ibis.literal(day - timedelta(days=days)),
        sales_lines.quantity > 0,
    )
    sold = late.group_by("store", "item").agg(units=late.quantity.sum()).to_pandas()
    return sold.set_index(sold["store"] + BETWEEN + sold["item"])["units"]


def _usual_series(past: ir.Table, items: ir.Table, at: date, day: date, policy: Policy) -> pd.DataFrame:
    """Store-items that sold often enough at the close of day `at`, those of most sales first; columns `store, item`.

    Items out of the range by `day` are left out: their empty shelf would count as a stock-out of a demand that nobody
    serves.
    """
    late = past.filter(past.day > ibis.literal(at - timedelta(days=RECENT_DAYS)), past.day <= ibis.literal(at))
    late = late.anti_join(items.filter(items.delisted_from <= ibis.literal(day)), "item")
    often = late.group_by("store", "item").agg(sold=late.day.nunique(), money=late.amount.sum())
    often = often.filter(often.sold >= policy.min_days_sold).order_by(ibis.desc("money"), "store", "item")
    return often.limit(policy.max_series).select("store", "item").to_pandas()


def _daily_sales(past: ir.Table, series: pd.DataFrame) -> pd.DataFrame:
    """Units and money of these series by day, with the units of the largest line."""
    rows = past.inner_join(ibis.memtable(series), ["store", "item"])
    daily = rows.group_by("series", "store", "item", "day").agg(
        y=rows.quantity.sum(), amount=rows.amount.sum(), largest=rows.quantity.max()
    )
    sales = daily.to_pandas()
    return sales.assign(day=pd.to_datetime(sales["day"]))


def _laid_out(
    series: pd.DataFrame, days: pd.DatetimeIndex, sales: pd.DataFrame, known: Mapping[str, FloatArray | pd.Series],
    horizon: int,
) -> Panel:  # fmt: skip
    """A series starts with its first sale; of what never sold (which is not known to sell nothing) the last day counts.

    The tables were checked when they came in, so what they say goes to its cell at once: the long table that
    `Panel.from_table` reads would have a row for each of millions of cells.
    """
    cells = sales["series"].to_numpy(), days.get_indexer(pd.DatetimeIndex(sales["day"]))
    sold = np.zeros((len(series), len(days) - horizon), dtype=bool)
    sold[cells] = True
    started = np.logical_or.accumulate(sold, axis=1)
    y = np.where(started, 0.0, np.nan).astype(np.float32)
    y[cells] = sales["y"]
    started[:, -1] = True
    return Panel.from_matrices(
        series.index, days, y, freq="D", started=started, known=known, static=series[["store", "item"]]
    )


def _promotions(promotions: ir.Table, series: pd.DataFrame, days: pd.DatetimeIndex) -> dict[str, FloatArray]:
    """Flags of announced promotions: any, with a second placement, in the leaflet; and the deepest discount."""
    rows = _valid(promotions.select("store", "item", "starts", "ends", "discount", "display", "mailer"), series, days)
    if rows.empty:
        return {}
    shape = len(series), len(days)
    flags = {"promotion": rows} | {name: rows[rows[name].fillna("").ne("")] for name in ("display", "mailer")}
    made = {name: _spread(np.zeros(shape, np.float32), flagged, 1.0, days) for name, flagged in flags.items()}
    deepest = rows.dropna(subset="discount").sort_values("discount")
    return made | {"discount": _spread(np.zeros(shape, np.float32), deepest, deepest["discount"], days)}


def _prices(prices: ir.Table, series: pd.DataFrame, days: pd.DatetimeIndex) -> dict[str, FloatArray]:
    """The lowest price open to everyone on each day; empty where none is known.

    Prices read off receipts (source `observed`) are left out: they exist only where something was sold, so a model
    would learn sales from their presence and expect them wherever a price goes on.
    """
    listed = prices.filter(
        prices.kind.isin(["regular", "sale", "clearance"]) & (prices.source.fill_null("") != "observed")
    )
    rows = _valid(
        listed.select("store", "item", "kind", starts=listed.valid_from, ends=listed.valid_to, price=listed.price),
        series,
        days,
    )
    if rows.empty:
        return {}
    rows = rows.sort_values(["series", "kind", "starts"])
    following = rows.groupby(["series", "kind"])["starts"].shift(-1) - pd.Timedelta(days=1)
    rows["ends"] = rows["ends"].fillna(following).fillna(days[-1])
    lowest = rows.dropna(subset="price").sort_values("price", ascending=False)
    unknown = np.full((len(series), len(days)), np.nan, np.float32)
    return {"price": _spread(unknown, lowest, lowest["price"], days)}


def _events(calendar: ir.Table, days: pd.DatetimeIndex) -> dict[str, pd.Series]:
    """The special day that holds everywhere, by name."""
    rows = calendar.filter(calendar.region == "all").select("day", "event").to_pandas()
    rows = rows.assign(day=pd.to_datetime(rows["day"]))
    rows = rows[rows["day"].isin(days)].sort_values(["day", "event"]).drop_duplicates("day")
    return {} if rows.empty else {"event": rows.set_index("day")["event"].reindex(days)}


def _valid(rows: ir.Table, series: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Rows of these series, with their number, whose interval meets these days, as pandas with dates."""
    meets = rows.filter(
        rows.starts <= ibis.literal(days[-1].date()), rows.ends.isnull() | (rows.ends >= ibis.literal(days[0].date()))
    )
    table = meets.inner_join(ibis.memtable(series), ["store", "item"]).drop("store", "item").to_pandas()
    return table.assign(starts=pd.to_datetime(table["starts"]), ends=pd.to_datetime(table["ends"]))


def _spread(matrix: FloatArray, rows: pd.DataFrame, values: Any, days: pd.DatetimeIndex) -> FloatArray:
    """The matrix with each row's value on the days of its interval; where several meet, the last row's."""
    first = np.maximum((rows["starts"] - days[0]).dt.days.to_numpy(), 0)
    last = np.minimum((rows["ends"] - days[0]).dt.days.to_numpy(), len(days) - 1)
    length = np.maximum(last - first + 1, 0)
    within = np.arange(length.sum()) - np.repeat(length.cumsum() - length, length)
    at = np.repeat(first, length) + within
    matrix[np.repeat(rows["series"].to_numpy(), length), at] = np.repeat(np.broadcast_to(values, len(rows)), length)
    return matrix
