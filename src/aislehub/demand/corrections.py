"""From recorded sales to demand: what the chain's tables know about empty shelves, closed stores and bulk purchases.

The methods are in `aislehub.demand.truth`; here the facts of the tables become their matrices. Sales lines with a
negative quantity are returns and were left out when the panel was made: goods that come back were wanted when they
were bought, and a till does not say which purchase a return undoes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.demand.panel import FloatArray, Panel
from aislehub.demand.truth import Truth, cap_bulk, closed_days, credible

__all__ = ["BETWEEN", "corrected"]

BETWEEN = "\x1f"
"""Stands between store and item in the `unique_id` of a daily panel."""

BoolArray = NDArray[np.bool_]


def corrected(
    panel: Panel, sales: pd.DataFrame, traffic: pd.DataFrame, stock: ir.Table, calendar: ir.Table, stores: ir.Table
) -> Panel:
    """The panel with demand in place of sales, closed days marked, and what was done in `truth`.

    Args:
        panel: of store-items, days down to the origin and the plan beyond.
        sales: columns `store, item, day, largest`: units of the largest receipt line of a store-item's day.
        traffic: columns `store, day, receipts, lines`: of all goods of a store's day.
        stock: known at the origin; a store-item's days without a row tell nothing.
        calendar: rows of kind `closed` shut the stores of their region, also ahead.
        stores: `region`, and `opened` and `closed`, outside which a store is shut.
    """
    past = panel.y.shape[1]
    days = panel.periods[:past]
    store_of = panel.ids.str.partition(BETWEEN).get_level_values(0)
    names = np.unique(store_of)
    at_store = np.searchsorted(names, store_of)

    announced = _announced(calendar, stores, names, panel.periods)
    observed = closed_days(_traffic(traffic, names, days))
    shut = announced.copy()
    shut[:, :past] |= observed
    plan = shut[at_store] if panel.unplanned is None else panel.unplanned | shut[at_store]

    busy = _protected(panel)
    largest = np.zeros(panel.y.shape, dtype=np.float32)
    _place(largest, panel, days, sales, sales["largest"])
    demand = cap_bulk(panel.y, busy, largest=largest, groups=store_of)
    capped = demand < panel.y
    truth = Truth(
        bulk=int(capped.sum()), units_capped=float((panel.y - demand)[capped].sum()), closed=int(shut[:, :past].sum())
    )
    made = replace(panel, y=demand, unplanned=plan if plan.any() else panel.unplanned, truth=truth)

    empty = _empty_shelves(panel, days, stock)
    if empty is None:
        return made
    believed = credible(panel.y, empty)
    made = replace(made, truth=replace(truth, doubted=int((empty.any(axis=1) & ~believed).sum())))
    # A bulk purchase may empty the shelf: what it left unsold on that day is no measure of a usual day.
    return made.uncensored(empty & believed[:, None] & ~capped & ~plan[:, :past], busy)


def _protected(panel: Panel) -> BoolArray:
    """Past days of a series on which it was promoted or the calendar has an event."""
    past = panel.y.shape[1]
    busy = np.zeros(panel.y.shape, dtype=bool)
    if "promotion" in panel.known:
        busy |= panel.known["promotion"][:, :past] > 0
    if "event" in panel.known:
        busy |= ~np.isnan(panel.known["event"][:, :past])
    return busy


def _empty_shelves(panel: Panel, days: pd.DatetimeIndex, stock: ir.Table) -> BoolArray | None:
    """Where the stock table says that a store-item had nothing left at the close; None where it says nothing.

    Simulated stock never held back a sale, so it tells nothing.
    """
    rows = stock.filter(
        stock.day >= ibis.literal(days[0].date()),
        stock.day <= ibis.literal(days[-1].date()),
        stock.source.fill_null("") != "simulated",
    )
    if rows.count().execute() == 0:
        return None
    matrix = np.zeros(panel.y.shape, dtype=bool)
    empty = rows.filter(rows.on_hand <= 0).select("store", "item", "day").to_pandas()
    _place(matrix, panel, days, empty, True)
    return matrix


def _place(matrix: NDArray[Any], panel: Panel, days: pd.DatetimeIndex, rows: pd.DataFrame, values: Any) -> None:
    """Write `values` of rows with `store, item, day` into the cells of their series and day; others are left out."""
    series = panel.ids.get_indexer(pd.Index(rows["store"] + BETWEEN + rows["item"]))
    at = days.get_indexer(pd.DatetimeIndex(pd.to_datetime(rows["day"])))
    inside = (series >= 0) & (at >= 0)
    matrix[series[inside], at[inside]] = values if np.isscalar(values) else np.asarray(values)[inside]


def _traffic(rows: pd.DataFrame, names: NDArray[Any], days: pd.DatetimeIndex) -> FloatArray:
    """Receipts of each store and day; lines where a store delivers daily totals, whose one receipt tells nothing."""
    inside = rows["store"].isin(names).to_numpy()
    store = np.searchsorted(names, rows["store"][inside])
    at = days.get_indexer(pd.DatetimeIndex(pd.to_datetime(rows["day"][inside])))
    count = np.zeros((2, len(names), len(days)))
    for place, name in enumerate(("receipts", "lines")):
        np.add.at(count[place], (store[at >= 0], at[at >= 0]), rows[name][inside].to_numpy(float)[at >= 0])
    receipts, lines = count
    return np.where(receipts.max(axis=1, keepdims=True) > 1, receipts, lines)


def _announced(calendar: ir.Table, stores: ir.Table, names: NDArray[Any], periods: pd.DatetimeIndex) -> BoolArray:
    """Days, past and to come, on which stores are shut by the calendar or do not exist yet or any more."""
    shut = np.zeros((len(names), len(periods)), dtype=bool)
    known = stores.select("store", "region", "opened", "closed").to_pandas().set_index("store").reindex(names)
    rows = calendar.filter(calendar.kind == "closed").select("day", "region").to_pandas()
    at = periods.get_indexer(pd.DatetimeIndex(pd.to_datetime(rows["day"])))
    for day, region in zip(at, rows["region"], strict=True):
        if day >= 0:
            shut[(known["region"] == region).to_numpy() | (region == "all"), day] = True
    opened, closed = pd.to_datetime(known["opened"]).to_numpy(), pd.to_datetime(known["closed"]).to_numpy()
    return shut | (periods.to_numpy() < opened[:, None]) | (periods.to_numpy() > closed[:, None])
