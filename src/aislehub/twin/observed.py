"""A chain's own tables as arrays: the days, stores and items of most sales, with prices paid and promotions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from aislehub.core.errors import HubError
from aislehub.core.tables import Tables
from aislehub.twin.world import BoolArray, FloatArray, IntArray

__all__ = ["Observed", "observe"]

LEAST_DAYS = 56
PRICES = (0.25, 2.5)  # over the list price: beyond, a coupon or a slip of the till


@dataclass(frozen=True)
class Observed:
    """T days, S stores, I items.

    Attributes:
        first: day of row 0.
        units: sold, (T, S, I); price: paid per unit, where nothing was sold the last one paid, (T, S, I).
        regular: list price, (S, I); cost: (I,), NaN = unknown; life: days, (I,), NaN = it keeps or is unknown.
        promoted, displayed: in the leaflet, on a second placement, (T, S, I).
        category: (I,) number; categories, departments: names, C each; regions: of the stores, S.
        receipts: (S,) mean receipts a day; 0 where the sales are daily totals.
    """

    first: date
    stores: tuple[str, ...]
    items: tuple[str, ...]
    units: FloatArray
    price: FloatArray
    regular: FloatArray
    cost: FloatArray
    life: FloatArray
    promoted: BoolArray
    displayed: BoolArray
    category: IntArray
    categories: tuple[str, ...]
    departments: tuple[str, ...]
    regions: tuple[str, ...]
    receipts: FloatArray


def observe(tables: Tables, *, stores: int, items: int, days: int = 364) -> Observed:
    """The last days, at most `days`, of the `stores` stores, and of the `items` goods, that sold most.

    Raises:
        HubError: `twin.no_sales` when there are none, `twin.too_short` when they are of less than eight weeks.
    """
    goods = _goods(tables)
    begun, last = goods.agg(first=goods.day.min(), last=goods.day.max()).to_pandas().iloc[0]
    if pd.isna(last):
        raise HubError("twin.no_sales")
    begun, last = pd.Timestamp(begun).date(), pd.Timestamp(last).date()
    first = max(begun, last - timedelta(days=days - 1))
    days = (last - first).days + 1
    if days < LEAST_DAYS:
        raise HubError("twin.too_short", days=days, limit=LEAST_DAYS)
    goods = goods.filter(goods.day >= first)
    by_store = goods.group_by("store").agg(lines=goods.count(), receipts=goods.receipt.nunique()).to_pandas()
    by_store = by_store.nlargest(stores, "lines").sort_values("store", ignore_index=True)
    chosen = goods.filter(goods.store.isin(by_store["store"].tolist()))
    by_item = chosen.group_by("item").agg(days=chosen.day.nunique(), units=chosen.quantity.sum()).to_pandas()
    by_item = by_item.nlargest(items, ["days", "units"]).sort_values("item", ignore_index=True)
    daily = chosen.filter(chosen.item.isin(by_item["item"].tolist())).group_by("store", "item", "day").agg(
        units=chosen.quantity.sum(), paid=chosen.amount.sum(),
        listed=(chosen.amount + chosen.discount.fill_null(0.0)).sum(),
    ).to_pandas()  # fmt: skip

    names = _Names(tuple(by_store["store"]), tuple(by_item["item"]), first, days)
    at = names.places(daily["day"], daily["store"], daily["item"])
    units, price, listed = (np.full(names.shape, fill) for fill in (0.0, np.nan, np.nan))
    units[at], price[at], listed[at] = daily["units"], daily["paid"] / daily["units"], daily["listed"] / daily["units"]
    regular = _filled(_median(listed), _median(listed.reshape(-1, 1, names.shape[2])))
    promoted, displayed = _promotions(tables, names)
    facts = (
        tables.read("items").to_pandas().drop_duplicates("item", keep="last").set_index("item").loc[list(names.items)]
    )
    codes, labels = pd.factorize(facts["category"].fillna(""), sort=True)
    kinds = facts.groupby(codes)["department"].first().fillna("")
    regions = tables.read("stores").to_pandas().drop_duplicates("store").set_index("store")["region"]
    return Observed(
        first=first, stores=names.stores, items=names.items, units=units, price=_last_paid(price, regular),
        regular=regular, cost=facts["cost"].to_numpy(float), life=facts["shelf_life_days"].to_numpy(float),
        promoted=promoted, displayed=displayed, category=codes.astype(np.int64), categories=tuple(labels),
        departments=tuple(kinds), regions=tuple(regions.reindex(list(names.stores)).fillna("")),
        receipts=np.where(_are_totals(tables), 0.0, by_store["receipts"].to_numpy(float) / days),
    )  # fmt: skip


@dataclass(frozen=True)
class _Names:
    """Where a day, a store and an item lie in an array (T, S, I)."""

    stores: tuple[str, ...]
    items: tuple[str, ...]
    first: date
    days: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.days, len(self.stores), len(self.items)

    def places(self, days: Any, stores: Any, items: Any) -> tuple[IntArray, IntArray, IntArray]:
        """Indices of rows; -1 for what is not among them."""
        ahead = (pd.to_datetime(days) - pd.Timestamp(self.first)).dt.days.to_numpy()
        return ahead, pd.Index(self.stores).get_indexer(stores), pd.Index(self.items).get_indexer(items)


def _goods(tables: Tables) -> Any:
    """Lines of goods that went out."""
    items, lines = tables.read("items"), tables.read("sales_lines")
    goods = items.filter(items.is_sellable.fill_null(True))
    return lines.filter(lines.quantity > 0).semi_join(goods, "item")


def _are_totals(tables: Tables) -> bool:
    lines = tables.read("sales_lines")
    return bool((lines.source.fill_null("") == "daily total").any().execute())


def _promotions(tables: Tables, names: _Names) -> tuple[BoolArray, BoolArray]:
    """Cells in a leaflet, and on a second placement, by day."""
    found = np.zeros((2, *names.shape), dtype=bool)
    rows = tables.read("promotions")
    rows = rows.filter(rows.store.isin(names.stores), rows.item.isin(names.items)).to_pandas()
    start, store, item = names.places(rows["starts"], rows["store"], rows["item"])
    end, *_ = names.places(rows["ends"], rows["store"], rows["item"])
    first, last = np.clip(start, 0, names.days), np.clip(end + 1, 0, names.days)
    seen = (rows["mailer"].fillna("").to_numpy() != "", rows["display"].fillna("").to_numpy() != "")
    for place in np.flatnonzero(last > first):
        for kind in range(2):
            found[kind, first[place] : last[place], store[place], item[place]] |= seen[kind][place]
    return found[0], found[1]


def _last_paid(price: FloatArray, regular: FloatArray) -> FloatArray:
    """Prices carried on from the last sale for a week, else the list price."""
    carried, age = price.copy(), np.where(np.isnan(price), np.inf, 0.0)
    for day in range(1, len(price)):
        empty = np.isnan(carried[day]) & (age[day - 1] < 6)
        carried[day][empty] = carried[day - 1][empty]
        age[day] = np.where(empty, age[day - 1] + 1, age[day])
    return np.clip(np.where(np.isnan(carried), regular, carried), PRICES[0] * regular, PRICES[1] * regular)


def _median(values: FloatArray) -> FloatArray:
    """Median over the first axis; NaN where there is none."""
    known = ~np.isnan(values).all(axis=0)
    result = np.full(values.shape[1:], np.nan)
    result[known] = np.nanmedian(values[:, known], axis=0)
    return result


def _filled(values: FloatArray, otherwise: FloatArray) -> FloatArray:
    return np.where(np.isnan(values), otherwise, values)
