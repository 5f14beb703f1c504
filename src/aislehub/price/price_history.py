"""Price history: what every store's item cost and sold in each week, with what else went on in that week.

Where the chain has a price list, the price of a week is the list's, known whether or not anything was sold. Prices
that only receipts show exist where something was sold, so that their presence gives the sale away. There a week's
price is what the *other* stores' receipts show: by how much their customers paid more or less than usual there, on
average over stores.

A price beyond `FURTHEST` times the usual one, above or below, is taken for a slip (a comma, a wrong unit) and left out,
counted by whoever asks; a competitor's likewise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from numpy.typing import NDArray

__all__ = ["FURTHEST", "History", "read_history"]

FloatArray = NDArray[Any]
IntArray = NDArray[np.intp]

FURTHEST = 4.0
"""A price so many times above or below the usual one is taken for a slip."""
MIN_WEEKS_SOLD = 8  # of a store's item, to be looked at
MIN_ON_SALE = 0.5  # share of the week's days in stock
COMPETITOR_WEEKS = 8  # for which a competitor's price is taken to hold
OPEN_KINDS = ("regular", "sale", "clearance")


@dataclass(frozen=True)
class History:
    """Weeks of stores' items, R rows, in order of time within a series (an item in a store).

    Attributes:
        goods: item, category, department of each item, in order, I rows.
        item, store, series, week: numbers of each row, from 0, (R,).
        units: sold, (R,).
        price: logarithm of the price less its mean in the series, (R,).
        promoted, displayed: share of the week's days, (R,).
        competitor: logarithm of the competitors' price over its mean, NaN = unknown, (R,).
        on_sale: share of the week's days on which there was stock, (R,).
        category: of each item, (I,); department: of each category, (C,); numbers from 0.
        first: first day of week 0.
        observed: whether the item's prices are those of receipts, (I,).
        left_out: rows left out because their price cannot be believed, by item, (I,).
        simulated: whether some sales of the item are simulated, (I,).
        left_out_asked: competitors' prices of a week left out because they cannot be believed.
    """

    goods: pd.DataFrame
    item: IntArray
    store: IntArray
    series: IntArray
    week: IntArray
    units: FloatArray
    price: FloatArray
    promoted: FloatArray
    displayed: FloatArray
    competitor: FloatArray
    on_sale: FloatArray
    category: IntArray
    department: IntArray
    first: date
    observed: NDArray[np.bool_]
    left_out: IntArray
    simulated: NDArray[np.bool_]
    left_out_asked: int = 0

    @property
    def items(self) -> pd.Index:
        """Names of the items, I of them."""
        return pd.Index(self.goods["item"])

    @classmethod
    def from_table(cls, rows: pd.DataFrame, items: pd.DataFrame, first: date) -> History:
        """Lay out weeks of stores' items.

        Args:
            rows: store, item, week (number), units, price; where known promoted, displayed, competitor (its
                price), on_sale.
            items: item, category, department and, where they are so, observed (prices) and simulated (sales).
            first: first day of week 0.
        """
        items = items.drop_duplicates("item").sort_values("item", ignore_index=True)
        names = pd.Index(items["item"], dtype=object)
        rows = rows[rows["item"].isin(names) & rows["price"].notna()]
        rows = rows[rows.groupby(["store", "item"])["units"].transform("sum") > 0].reset_index(drop=True)
        usual = rows.groupby(["store", "item"])["price"].transform("median")
        ratio = rows["price"] / usual
        sound = (ratio > 1 / FURTHEST) & (ratio < FURTHEST)
        left_out = np.bincount(names.get_indexer(rows.loc[~sound, "item"]), minlength=len(names))
        rows = rows[sound].sort_values(["store", "item", "week"], ignore_index=True)
        series = rows.groupby(["store", "item"]).ngroup().to_numpy()
        labels = items["category"].fillna(items["department"]).fillna("").astype(str)
        above = items["department"].fillna("").astype(str)
        category, names_of = pd.factorize(above + "\n" + labels)
        department = pd.factorize(np.array([name.partition("\n")[0] for name in names_of], dtype=object))[0]

        def column(name: str, default: float) -> FloatArray:
            given = rows[name] if name in rows else pd.Series(default, index=rows.index)
            return given.to_numpy(np.float64)

        asked = np.log(column("competitor", np.nan))
        return cls(
            goods=items[["item", "category", "department"]],
            item=names.get_indexer(rows["item"]),
            store=pd.factorize(rows["store"], sort=True)[0],
            series=series,
            week=rows["week"].to_numpy(np.intp),
            units=rows["units"].to_numpy(np.float64).clip(0),
            price=_apart(np.log(rows["price"].to_numpy(np.float64)), series),
            promoted=column("promoted", 0.0),
            displayed=column("displayed", 0.0),
            competitor=_apart(asked, series),
            on_sale=column("on_sale", 1.0),
            category=category.astype(np.intp),
            department=department.astype(np.intp),
            first=first,
            observed=_flag(items, "observed"),
            left_out=left_out,
            simulated=_flag(items, "simulated"),
        )


def _flag(items: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    return items[name].to_numpy(bool) if name in items else np.zeros(len(items), dtype=bool)


def _apart(values: FloatArray, series: IntArray) -> FloatArray:
    """Less the mean of the series; NaN stay."""
    known = np.isfinite(values)
    count = np.bincount(series, known)
    mean = np.bincount(series, np.where(known, values, 0.0)) / np.maximum(count, 1)
    return np.where(known, values - mean[series], np.nan)


def read_history(
    sales_lines: ir.Table, items: ir.Table, prices: ir.Table, promotions: ir.Table, stock: ir.Table,
    competitor_prices: ir.Table, *, day: date, most_weeks: int, most_items: int,
) -> History:  # fmt: skip
    """The last weeks up to and with `day`, of the `most_items` items with the largest sales."""
    weeks = _weeks(sales_lines, day, most_weeks)
    first = day - timedelta(days=7 * weeks - 1)
    goods = items.filter(items.is_sellable.fill_null(True)).select("item", "category", "department").to_pandas()
    sold = _sold(sales_lines, first, day, weeks)
    sold = sold[sold["item"].isin(goods["item"])]
    largest = sold.groupby("item")["amount"].sum().nlargest(most_items).index
    rows = _spans(sold[sold["item"].isin(largest)], weeks)
    series = rows[["store", "item"]].drop_duplicates(ignore_index=True)
    grid = _Grid(series, first, weeks)
    listed = _listed(prices, grid)
    has_list = pd.Index(series["item"][np.isfinite(listed).any(axis=1)].unique())
    rows["series"] = pd.MultiIndex.from_frame(series).get_indexer(pd.MultiIndex.from_frame(rows[["store", "item"]]))
    seen = _elsewhere(rows)
    by_list = listed[rows["series"], rows["week"]]
    rows["price"] = np.where(rows["item"].isin(has_list), by_list, seen)
    for name, share in _promoted(promotions, grid).items():
        rows[name] = share[rows["series"], rows["week"]]
    rows["on_sale"] = 1 - _empty(stock, grid)[rows["series"], rows["week"]]
    rows["competitor"], unbelievable = _competitors(competitor_prices, rows, first, weeks)
    kept = goods[goods["item"].isin(largest)]
    made_up = sold.loc[sold["simulated"], "item"].unique()
    kept = kept.assign(observed=~kept["item"].isin(has_list), simulated=kept["item"].isin(made_up))
    history = History.from_table(rows[rows["on_sale"] >= MIN_ON_SALE], kept, first)
    return replace(history, left_out_asked=unbelievable)


@dataclass(frozen=True)
class _Grid:
    """Series (store, item) by days or weeks."""

    series: pd.DataFrame
    first: date
    weeks: int

    @property
    def last(self) -> date:
        return self.first + timedelta(days=7 * self.weeks - 1)

    def within(self, rows: ir.Table) -> pd.DataFrame:
        """Rows of these series, with their number in `series`."""
        found = rows.semi_join(ibis.memtable(self.series), ["store", "item"]).to_pandas()
        at = pd.MultiIndex.from_frame(self.series).get_indexer(pd.MultiIndex.from_frame(found[["store", "item"]]))
        return found.assign(series=at)

    def days(self, dates: pd.Series) -> IntArray:
        """Days since the first."""
        return (pd.to_datetime(dates) - pd.Timestamp(self.first)).dt.days.to_numpy()


def _weeks(sales_lines: ir.Table, day: date, most: int) -> int:
    """Whole weeks since the first sale, at most so many; 1 where there is less."""
    begun = sales_lines.filter(_.day <= ibis.literal(day)).day.min().to_pandas()
    return 1 if pd.isna(begun) else int(np.clip(((pd.Timestamp(day) - pd.Timestamp(begun)).days + 1) // 7, 1, most))


def _sold(sales_lines: ir.Table, first: date, day: date, weeks: int) -> pd.DataFrame:
    """Units and money by store, item and week, with the median price paid; store-items that sell now and then."""
    lines = sales_lines.filter(_.day >= ibis.literal(first), _.day <= ibis.literal(day))
    lines = lines.mutate(week=(_.day.delta(ibis.literal(first), unit="day") // 7).cast("int64"))
    bought = (lines.quantity > 0) & (lines.amount > 0)
    by_week = lines.group_by("store", "item", "week").agg(
        units=_.quantity.sum(),
        amount=_.amount.sum(),
        paid=(_.amount / _.quantity).median(where=bought),
        simulated=(_.source.fill_null("") == "simulated").any(),
    )
    usual = by_week.group_by("store", "item").agg(
        sold=(_.units > 0).sum(), sold_first=_.week.min(), sold_last=_.week.max()
    )
    return by_week.inner_join(usual.filter(_.sold >= min(MIN_WEEKS_SOLD, weeks // 3)), ["store", "item"]).to_pandas()


def _spans(sold: pd.DataFrame, weeks: int) -> pd.DataFrame:
    """One row for every week between a store-item's first and last sale, 0 units where nothing was sold.

    The first week is left out where it lies within the history: it is there only because something was sold.
    """
    of = sold.groupby(["store", "item"], as_index=False)[["sold_first", "sold_last"]].first()
    of["begins"] = np.where(of["sold_first"] > 0, of["sold_first"] + 1, 0)
    of["ends"] = np.where(of["sold_last"] >= weeks - MIN_WEEKS_SOLD, weeks - 1, of["sold_last"])
    length = (of["ends"] - of["begins"] + 1).clip(lower=0).to_numpy(int)
    rows = of.loc[of.index.repeat(length), ["store", "item", "begins"]].reset_index(drop=True)
    rows["week"] = rows["begins"] + rows.groupby(["store", "item"]).cumcount()
    merged = rows.merge(sold[["store", "item", "week", "units", "paid"]], how="left", on=["store", "item", "week"])
    return merged.fillna({"units": 0.0})


def _listed(prices: ir.Table, grid: _Grid) -> FloatArray:
    """Mean over the days of a week of the lowest price open to everyone, geometric, (series, weeks); NaN = unknown."""
    rows = prices.filter(
        _.kind.isin(OPEN_KINDS), _.source.fill_null("") != "observed", _.price > 0,
        _.valid_from <= ibis.literal(grid.last), _.valid_to.isnull() | (_.valid_to >= ibis.literal(grid.first)),
    )  # fmt: skip
    table = grid.within(rows.select("store", "item", "kind", "valid_from", "valid_to", "price"))
    days = 7 * grid.weeks
    lowest = np.full((len(grid.series), days), np.inf, dtype=np.float32)
    for _kind, some in table.groupby("kind"):
        some = some.sort_values(["series", "valid_from"])
        following = pd.to_datetime(some.groupby("series")["valid_from"].shift(-1)) - pd.Timedelta(days=1)
        ends = grid.days(pd.to_datetime(some["valid_to"]).fillna(following).fillna(pd.Timestamp(grid.last)))
        begins, ends = np.maximum(grid.days(some["valid_from"]), 0), np.minimum(ends, days - 1)
        span = np.maximum(ends - begins + 1, 0)
        row = np.repeat(some["series"].to_numpy(), span)
        at = np.repeat(begins, span) + _counted(span)
        np.minimum.at(lowest, (row, at), np.repeat(some["price"].to_numpy(np.float32), span))
    with np.errstate(invalid="ignore"):
        known = np.isfinite(lowest).reshape(-1, grid.weeks, 7)
        logs = np.where(known, np.log(np.where(np.isfinite(lowest), lowest, 1.0)).reshape(-1, grid.weeks, 7), 0.0)
    count = known.sum(axis=2)
    return np.where(count > 0, np.exp(logs.sum(axis=2) / np.maximum(count, 1)), np.nan)


def _elsewhere(rows: pd.DataFrame) -> FloatArray:
    """What other stores' receipts show of a week's price, 1 = as usual, (rows,); NaN where no other store sold it."""
    usual = rows.groupby(["store", "item"])["paid"].transform("median")
    ratio = (rows["paid"] / usual).to_numpy()
    sound = (ratio > 1 / FURTHEST) & (ratio < FURTHEST)
    logs = np.where(sound, np.log(np.where(sound, ratio, 1.0)), 0.0)
    both = pd.DataFrame({"item": rows["item"], "week": rows["week"], "log": logs, "seen": sound.astype(float)})
    total = both.groupby(["item", "week"])[["log", "seen"]].transform("sum").to_numpy()
    others = total - both[["log", "seen"]].to_numpy()
    return np.where(others[:, 1] > 0, np.exp(others[:, 0] / np.maximum(others[:, 1], 1)), np.nan)


def _promoted(promotions: ir.Table, grid: _Grid) -> dict[str, FloatArray]:
    """Share of a week's days on promotion, and on a second placement, (series, weeks) each."""
    rows = promotions.filter(_.starts <= ibis.literal(grid.last), _.ends >= ibis.literal(grid.first))
    table = grid.within(rows.select("store", "item", "starts", "ends", shown=_.display.fill_null("") != ""))
    begins, ends = np.maximum(grid.days(table["starts"]), 0), np.minimum(grid.days(table["ends"]), 7 * grid.weeks - 1)
    made = {}
    for name, some in (("promoted", np.ones(len(table), dtype=bool)), ("displayed", table["shown"].to_numpy(bool))):
        change = np.zeros((len(grid.series), 7 * grid.weeks + 1), dtype=np.int16)
        np.add.at(change, (table["series"].to_numpy()[some], begins[some]), 1)
        np.add.at(change, (table["series"].to_numpy()[some], ends[some] + 1), -1)
        on = change.cumsum(axis=1)[:, :-1] > 0
        made[name] = on.reshape(-1, grid.weeks, 7).mean(axis=2)
    return made


def _empty(stock: ir.Table, grid: _Grid) -> FloatArray:
    """Share of a week's counted days at whose close there was nothing left, (series, weeks)."""
    rows = stock.filter(_.day >= ibis.literal(grid.first), _.day <= ibis.literal(grid.last))
    rows = rows.mutate(week=(_.day.delta(ibis.literal(grid.first), unit="day") // 7).cast("int64"))
    by_week = rows.group_by("store", "item", "week").agg(empty=(_.on_hand <= 0).cast("float64").mean())
    table = grid.within(by_week)
    share = np.zeros((len(grid.series), grid.weeks))
    share[table["series"], table["week"]] = table["empty"]
    return share


def _competitors(competitor_prices: ir.Table, rows: pd.DataFrame, first: date, weeks: int) -> tuple[FloatArray, int]:
    """Mean over competitors of the price last seen, relative to what each usually asks, (rows,), NaN = unknown; and how
    many were left out."""
    seen = competitor_prices.filter(_.price > 0, _.seen_at.date() >= ibis.literal(first))
    seen = seen.mutate(week=(_.seen_at.date().delta(ibis.literal(first), unit="day") // 7).cast("int64"))
    table = seen.filter(_.week < weeks).group_by("competitor", "item", "week").agg(price=_.price.median()).to_pandas()
    if table.empty:
        return np.full(len(rows), np.nan), 0
    ratio = table["price"] / table.groupby(["competitor", "item"])["price"].transform("median")
    believed = (ratio > 1 / FURTHEST) & (ratio < FURTHEST)
    sound = table[believed].assign(log=np.log(ratio))
    wide = sound.pivot(index=["competitor", "item"], columns="week", values="log").reindex(columns=range(weeks))
    by_item = wide.ffill(axis=1, limit=COMPETITOR_WEEKS).groupby(level="item").mean()
    at = by_item.index.get_indexer(rows["item"])
    values = by_item.to_numpy()[at, rows["week"]]
    return np.where(at >= 0, np.exp(values), np.nan), int((~believed).sum())


def _counted(lengths: IntArray) -> IntArray:
    """0, 1, … within each of consecutive stretches."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
