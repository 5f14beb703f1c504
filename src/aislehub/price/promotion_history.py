"""Weeks of every line as the tables tell them: units, and the discount under which they sold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd

from aislehub.price.belief import STOCKED_DAYS, FloatArray, IntArray, Weeks

__all__ = ["DEEPEST", "History", "promoted_lines", "weekly"]

DEEPEST = 0.8  # discounts beyond are errors of the data
FARTHEST = 0.7  # log distance of a competitor's price from its usual; beyond, it is an error of the feed
SHOWN_ONLY = 1e-6  # discount of a promotion that cuts no price: it counts as promoted
MOST_OF_A_WEEK = 4


@dataclass(frozen=True)
class History:
    """Lines with their weeks.

    Attributes:
        lines: frame with store, item and their numbers `store_at`, `item_at`.
        items: frame by item: item, category, tax_rate, shelf_life_days.
        weeks: what a belief is learned from.
    """

    lines: pd.DataFrame
    items: pd.DataFrame
    weeks: Weeks


def weekly(
    sales_lines: Any, promotions: Any, items: Any, competitor_prices: Any, footfall: Any, *, day: date, weeks: int,
    least_weeks: int,
) -> History:  # fmt: skip
    """The last complete weeks before `day + 1`, of lines that sold in enough of them.

    Args:
        weeks: how many, each of seven days, the last one ending on `day`.
        least_weeks: weeks with sales that a line needs.
    """
    first = day - timedelta(days=7 * weeks - 1)
    unsold = items.filter(items.is_sellable == ibis.literal(False)).select("item")
    sales = sales_lines.filter(sales_lines.day.between(ibis.literal(first), ibis.literal(day)))
    sales = sales.filter(sales.quantity > 0).anti_join(unsold, "item")
    week = (sales.day.delta(ibis.literal(first), unit="day") / 7).floor().cast("int64")
    sums = sales.mutate(week=week).group_by(["store", "item", "week"])
    sold = sums.aggregate(units=sales.quantity.sum(), paid=sales.amount.sum(), off=sales.discount.fill_null(0.0).sum())
    sold = sold.order_by(["store", "item", "week"]).to_pandas()
    counted = sold.groupby(["store", "item"])["week"].transform("size")
    sold = sold[counted >= least_weeks]
    lines = sold[["store", "item"]].drop_duplicates().reset_index(drop=True)
    goods = _goods(items, lines)
    lines = lines.assign(store_at=pd.factorize(lines["store"])[0], item_at=goods.index.get_indexer(lines["item"]))
    shape = (len(lines), weeks)
    at = lines.reset_index(names="line").merge(sold, on=["store", "item"])
    units = np.zeros(shape)
    units[at["line"], at["week"]] = at["units"]
    units[np.cumsum(units, axis=1) == 0] = np.nan  # not on sale yet
    depth = _depths(promotions, lines, at, first, shape)
    return History(lines, goods.reset_index(), Weeks(
        units, depth, _rivals(competitor_prices, goods, first, weeks)[lines["item_at"]],
        lines["store_at"].to_numpy(np.int64), lines["item_at"].to_numpy(np.int64),
        pd.factorize(goods["category"])[0].astype(np.int64),
        ~(goods["shelf_life_days"].to_numpy(float, na_value=np.inf) < STOCKED_DAYS),
        _visitors(footfall, lines, first, weeks),
    ))  # fmt: skip


def promoted_lines(promotions: Any, first: date, last: date) -> pd.DataFrame:
    """Lines in a promotion that touches the days from `first` to `last`, with its discount (0 = shown only)."""
    touching = promotions.filter((promotions.starts <= ibis.literal(last)) & (promotions.ends >= ibis.literal(first)))
    rows = touching.group_by(["store", "item"]).aggregate(depth=touching.discount.fill_null(0.0).max())
    return rows.to_pandas()


def _goods(items: Any, lines: pd.DataFrame) -> pd.DataFrame:
    columns = ["item", "category", "tax_rate", "shelf_life_days"]
    told = items.select(*columns).to_pandas().drop_duplicates("item").set_index("item")
    goods = told.reindex(pd.Index(np.sort(lines["item"].unique()), name="item"))
    return goods.assign(
        category=goods["category"].fillna("—"), tax_rate=goods["tax_rate"].astype(float).fillna(0.0),
        shelf_life_days=goods["shelf_life_days"].astype(float),
    )  # fmt: skip


def _rivals(competitor_prices: Any, goods: pd.DataFrame, first: date, weeks: int) -> FloatArray:
    """Log of the lowest competitor's price of each item's week over its mean, (I, W); 0 where nobody looked.

    A price stands until it is seen again.
    """
    seen = competitor_prices.seen_at.date()
    last = first + timedelta(days=7 * weeks - 1)
    rows = competitor_prices.filter(
        seen.between(ibis.literal(first), ibis.literal(last)) & (competitor_prices.price > 0)
    )
    week = (rows.seen_at.date().delta(ibis.literal(first), unit="day") / 7).floor().cast("int64")
    sums = rows.mutate(week=week).group_by(["item", "week"]).aggregate(price=rows.price.min()).to_pandas()
    wide = sums.pivot(index="item", columns="week", values="price").reindex(index=goods.index, columns=range(weeks))
    log = np.log(wide.astype(float).ffill(axis=1))
    return np.clip(log.sub(log.mean(axis=1), axis=0).fillna(0.0).to_numpy(), -FARTHEST, FARTHEST)


def _visitors(footfall: Any, lines: pd.DataFrame, first: date, weeks: int) -> FloatArray:
    """People through the doors of each store's weeks, (S, W); NaN in a week with fewer counted days than is usual."""
    last = first + timedelta(days=7 * weeks - 1)
    rows = footfall.filter(
        (footfall.zone == "entrance") & footfall.day.between(ibis.literal(first), ibis.literal(last))
    )
    week = (rows.day.delta(ibis.literal(first), unit="day") / 7).floor().cast("int64")
    sums = rows.mutate(week=week).group_by(["store", "week"])
    counted = sums.aggregate(visitors=rows.visitors.sum(), days=rows.day.nunique()).to_pandas()
    usual = counted.groupby("store")["days"].transform("median")
    stores = lines.drop_duplicates("store_at").set_index("store_at")["store"].sort_index()
    wide = counted[counted["days"] >= usual].pivot(index="store", columns="week", values="visitors")
    return wide.reindex(index=stores, columns=range(weeks)).to_numpy(float)


def _depths(
    promotions: Any, lines: pd.DataFrame, sold: pd.DataFrame, first: date, shape: tuple[int, int]
) -> FloatArray:
    """Discount of each line's weeks that a promotion covered for the most part.

    Where the promotion does not say its discount, it is what the receipts of that week took off in the chain.
    """
    mine = promotions.semi_join(ibis.memtable(lines[["store", "item"]]), ["store", "item"])
    last = first + timedelta(days=7 * shape[1] - 1)
    mine = mine.filter((mine.starts <= ibis.literal(last)) & (mine.ends >= ibis.literal(first)))
    rows = mine.select("store", "item", "starts", "ends", "discount").distinct().to_pandas()
    depth = np.zeros(shape)
    if rows.empty:
        return depth
    line = rows.merge(lines.reset_index(names="line")[["line", "store", "item"]], on=["store", "item"])
    starts = (pd.to_datetime(line["starts"]) - pd.Timestamp(first)).dt.days.to_numpy()
    ends = (pd.to_datetime(line["ends"]) - pd.Timestamp(first)).dt.days.to_numpy()
    at, said = line["line"].to_numpy(), line["discount"].to_numpy(float)
    seen = _observed(sold, lines, shape)
    for week in range(shape[1]):
        covered = np.minimum(ends, 7 * week + 6) - np.maximum(starts, 7 * week) + 1 >= MOST_OF_A_WEEK
        cut = np.where(np.isnan(said), seen[at, week], said)[covered]
        np.maximum.at(depth[:, week], at[covered], np.clip(cut, SHOWN_ONLY, DEEPEST))
    return depth


def _observed(sold: pd.DataFrame, lines: pd.DataFrame, shape: tuple[int, int]) -> FloatArray:
    """Share that receipts took off the shelf price, of each item's week in the chain, for each line (n, W)."""
    item = lines["item_at"].to_numpy(np.int64)
    count = int(item.max()) + 1
    off, paid = np.zeros((count, shape[1])), np.zeros((count, shape[1]))
    where: tuple[IntArray, IntArray] = (item[sold["line"]], sold["week"].to_numpy(np.int64))
    np.add.at(off, where, np.maximum(sold["off"].to_numpy(float), 0))
    np.add.at(paid, where, np.maximum(sold["paid"].to_numpy(float), 0))
    return np.asarray((off / np.maximum(off + paid, 1e-9))[item])
