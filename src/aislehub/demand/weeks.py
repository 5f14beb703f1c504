"""The past in weeks: units, prices and promotions of every store's item, and how demand answered to them.

Where the chain has a price list, a week's price is the list's. Where prices are only seen on receipts, it is the median
that was paid in all stores: a store's own price is known only in weeks in which it sold something, so it would give the
sale away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.tables import Tables
from aislehub.demand.panel import FloatArray, Panel
from aislehub.demand.response import Response, respond

__all__ = ["Past", "past_weeks"]

MAX_WEEKS = 104
MIN_WEEKS = 8
RECENT_WEEKS = 4
MIN_KNOWN_DAYS = 4  # of a week, for its units to count
PLACES = ("display", "mailer")


@dataclass(frozen=True)
class Past:
    """What the past says of prices and promotions.

    Attributes:
        items: item → its number.
        category: number of each item's category, (items,).
        price: weekly price of each item over its stores, (items, W), NaN = not seen.
        paid: (store, item) → median price paid in the last weeks.
        promoted: promotion → store-weeks of each item in which it ran, (items,).
        response: how demand answered; None where there are too few weeks.
    """

    items: dict[str, int]
    category: NDArray[np.intp]
    price: FloatArray
    paid: dict[tuple[str, str], float]
    promoted: dict[str, FloatArray]
    response: Response | None

    def usual(self) -> FloatArray:
        """Median price of each item, (items,)."""
        return pd.DataFrame(self.price).median(axis=1).to_numpy()


def past_weeks(tables: Tables, day: date, panel: Panel, series: list[tuple[str, str]]) -> Past:
    """The weeks up to and including `day`.

    Args:
        series: store and item of each row of the panel.
    """
    items = {item: number for number, item in enumerate(sorted({item for _, item in series}))}
    of = np.array([items[item] for _, item in series], dtype=np.intp)
    category = _categories(tables, day, items)
    count = min(MAX_WEEKS, panel.y.shape[1] // 7)
    first = panel.y.shape[1] - 7 * count
    receipts = _receipts(tables, day, items, count)
    if "price" in panel.known:
        listed = _weekly(np.broadcast_to(panel.known["price"], (len(of), len(panel.periods))), first, count)
        price = pd.DataFrame(listed).groupby(of).median().reindex(range(len(items))).to_numpy()
        of_series = listed
    else:
        price = _chain_prices(receipts, items, count)
        of_series = price[of]
    drivers = {"price": np.log(np.where(of_series > 0, of_series, np.nan))} if count else {}
    known = [name for name in PLACES if name in panel.known] or [name for name in ("promotion",) if name in panel.known]
    shown = {name: np.nan_to_num(_weekly(_whole(panel, name), first, count)) for name in known}
    drivers |= {name: share for name, share in shown.items() if share.any()}
    promoted = {name: np.bincount(of, (share > 0).sum(axis=1), len(items)) for name, share in shown.items()}
    response = None
    if count >= MIN_WEEKS and np.isfinite(drivers["price"]).any():
        response = respond(_units(panel, first, count), drivers, of, category)
    late = receipts[receipts["week"] >= count - RECENT_WEEKS]
    paid = late.groupby(["store", "item"])["price"].median().to_dict()
    return Past(items, category, price, paid, promoted, response)


def _whole(panel: Panel, name: str) -> FloatArray:
    return np.broadcast_to(panel.known[name], (len(panel.ids), len(panel.periods)))


def _units(panel: Panel, first: int, weeks: int) -> FloatArray:
    """Weekly demand, (N, W); a week with a few unknown or closed days counts as if these were like the others."""
    days = panel.sold[:, first:].reshape(len(panel.ids), weeks, 7)
    known = (~np.isnan(days)).sum(axis=2)
    total = np.nansum(days, axis=2, dtype=np.float64)
    return np.where(known >= MIN_KNOWN_DAYS, total * 7 / np.maximum(known, 1), np.nan)


def _weekly(values: FloatArray, first: int, weeks: int) -> FloatArray:
    """Mean of each week's known days, (N, W)."""
    days = values[:, first : first + 7 * weeks].reshape(len(values), weeks, 7)
    known = (~np.isnan(days)).sum(axis=2)
    return np.where(known > 0, np.nansum(days, axis=2, dtype=np.float64) / np.maximum(known, 1), np.nan)


def _receipts(tables: Tables, day: date, items: dict[str, int], weeks: int) -> pd.DataFrame:
    """Median price paid by store, item and week; the last week, `weeks` − 1, ends on `day`."""
    start = day - timedelta(days=7 * weeks - 1)

    def build(house: Tables) -> Any:
        lines = house.read("sales_lines", as_of=day)
        sold = lines.filter(lines.day >= ibis.literal(start), lines.day <= ibis.literal(day), lines.quantity > 0)
        sold = sold.filter(sold.amount > 0).semi_join(ibis.memtable({"item": list(items)}), "item")
        week = (sold.day.delta(ibis.literal(start), unit="day") // 7).cast("int64")
        grouped = sold.mutate(week=week, paid=sold.amount / sold.quantity).group_by("store", "item", "week")
        return grouped.aggregate(price=ibis._.paid.median(), lines=ibis._.count())

    return tables.run(build).to_pandas()


def _chain_prices(receipts: pd.DataFrame, items: dict[str, int], weeks: int) -> FloatArray:
    """Median over stores of the prices paid in each week, (items, W)."""
    median = receipts.groupby(["item", "week"])["price"].median()
    price = np.full((len(items), weeks), np.nan)
    price[[items[item] for item in median.index.get_level_values(0)], median.index.get_level_values(1)] = median
    return price


def _categories(tables: Tables, day: date, items: dict[str, int]) -> NDArray[np.intp]:
    """Number of each item's category, else of its department."""
    rows = tables.run(lambda house: house.read("items", as_of=day).select("item", "category", "department")).to_pandas()
    named = rows.set_index("item")
    label = named["category"].fillna(named["department"]).fillna("").reindex(list(items)).fillna("")
    return np.asarray(pd.factorize(label)[0], dtype=np.intp)
