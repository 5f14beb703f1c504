"""What lines sold in the days around a change: of those that changed, and of those that did not, beside them.

Days on which a line was in a promotion tell nothing of its shelf price; they are kept apart. Days that sold out are
not: they come more often where a change has worked, and leaving them out would hide it. What other lines sold on the
same days stands for what the day would have brought anyway: first the lines that an experiment's lot left alone, else
the same item in other stores, else the other items of its category.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.tables import Tables
from aislehub.price.changed import scatter_of
from aislehub.price.ladder import FloatArray

__all__ = ["Beside", "Days", "beside", "days_around", "last_sales"]

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

LEAST_UNITS = 20.0
"""Units that controls have to sell before and after, to stand for what the days would have brought."""
SAME_PRICE = 0.01  # log difference below which a control's price has not moved
DRIFT = {"arms": 0.05, "stores": 0.05, "category": 0.10}
"""Standard deviation, in logarithms, of what two such groups do differently in a few weeks for no known reason."""


@dataclass(frozen=True)
class Days:
    """N lines by D days.

    Attributes:
        lines: store, item and category of each, N rows.
        first: the first day.
        units: sold, (N, D); paid: money for a unit, NaN on days without a sale, (N, D).
        promoted: days in a promotion, (N, D).
    """

    lines: pd.DataFrame
    first: date
    units: FloatArray
    paid: FloatArray
    promoted: BoolArray

    def at(self, stores: Sequence[str], items: Sequence[str]) -> IntArray:
        """Place of each line; −1 = not among them."""
        wanted = pd.MultiIndex.from_arrays([stores, items])
        return pd.MultiIndex.from_frame(self.lines[["store", "item"]]).get_indexer(wanted).astype(np.int64)


@dataclass(frozen=True)
class Beside:
    """What the controls of n lines sold.

    Attributes:
        level: of each day over their usual, NaN = they tell nothing, (n, D).
        unsure: variance of the logarithm of level after over level before, (n,).
        who: arms, stores, category, or none where there are too few, (n,).
        units: that the controls sold after the change, (n,).
    """

    level: FloatArray
    unsure: FloatArray
    who: NDArray[np.object_]
    units: FloatArray


def last_sales(tables: Tables, today: date) -> date:
    """The last business day whose sales are known."""
    found = tables.run(lambda t: (sales := t.read("sales_lines", as_of=today)).aggregate(last=sales.day.max()))
    return min(found["last"][0].as_py() or date.min, today)


def days_around(tables: Tables, changed: pd.DataFrame, first: date, last: date, today: date) -> Days:
    """Days from `first` to `last`, as known at the close of `today`.

    Args:
        changed: store and item of the lines that changed; read are these, and all that was sold of their categories.
    """
    goods = tables.run(lambda t: t.read("items", as_of=today).select("item", "category")).to_pandas()
    category = goods.drop_duplicates("item").set_index("item")["category"]
    mine = category.reindex(changed["item"].unique())
    wanted = sorted({*mine.index, *category.index[category.isin(mine.dropna().unique())]})
    sold = tables.run(lambda t: _daily(t.read("sales_lines", as_of=today), wanted, first, last)).to_pandas()
    lines = pd.concat([changed[["store", "item"]], sold[["store", "item"]]]).drop_duplicates(ignore_index=True)
    lines = lines.assign(category=category.reindex(lines["item"]).to_numpy())
    shape = (len(lines), (last - first).days + 1)
    place = pd.MultiIndex.from_frame(lines[["store", "item"]])

    def cells(rows: pd.DataFrame, day: str) -> tuple[IntArray, IntArray]:
        at = place.get_indexer(pd.MultiIndex.from_frame(rows[["store", "item"]])).astype(np.int64)
        return at, (pd.to_datetime(rows[day]) - pd.Timestamp(first)).dt.days.to_numpy().astype(np.int64)

    units, paid = np.zeros(shape), np.full(shape, np.nan)
    at, on = cells(sold, "day")
    units[at, on] = np.maximum(sold["units"].to_numpy(float), 0)
    bought = sold["bought"].to_numpy(float)
    paid[at, on] = np.where(bought > 0, sold["amount"].to_numpy(float) / np.where(bought > 0, bought, 1), np.nan)

    offers = tables.run(lambda t: _offers(t.read("promotions", as_of=today), wanted, first, last)).to_pandas()
    change = np.zeros((shape[0] + 1, shape[1] + 1), dtype=np.int64)  # the last row takes lines that nobody asked for
    np.add.at(change, (cells(offers, "starts")[0], np.maximum(cells(offers, "starts")[1], 0)), 1)
    np.add.at(change, (cells(offers, "ends")[0], np.minimum(cells(offers, "ends")[1] + 1, shape[1])), -1)
    return Days(lines, first, units, paid, change.cumsum(axis=1)[:-1, :-1] > 0)


def beside(days: Days, changed: IntArray, after: BoolArray, *, drawn: Collection[int] = ()) -> Beside:
    """What the days would have brought the lines that changed, by lines that did not.

    Args:
        changed: places of the n lines that changed.
        after: days after the change, (D,).
        drawn: places of lines that an experiment's lot left alone although a change was proposed for them.
    """
    may = ~_moved(days, after)
    may[changed] = False
    item = pd.factorize(days.lines["item"])[0]
    category = pd.factorize(days.lines["category"])[0]  # −1 = none
    lots = np.zeros(len(may), dtype=bool)
    lots[list(drawn)] = True
    level = np.full((len(changed), days.units.shape[1]), np.nan)
    unsure, units = np.full(len(changed), np.inf), np.zeros(len(changed))
    who = np.full(len(changed), "none", dtype=object)
    for one in np.unique(item[changed]):
        rows = np.flatnonzero(item[changed] == one)
        same, kin = item == one, category == category[changed[rows[0]]]
        kin &= (category >= 0) & ~same
        for kind, members in (("arms", same & lots), ("stores", same & may), ("category", kin & may)):
            found = _level(days, np.flatnonzero(members), after)
            if found is not None:
                level[rows], variance, units[rows] = found
                unsure[rows], who[rows] = variance + DRIFT[kind] ** 2, kind
                break
    return Beside(level, unsure, who, units)


def _level(days: Days, members: IntArray, after: BoolArray) -> tuple[FloatArray, float, float] | None:
    """Of a group of controls: level of each day, variance of its log change, units after; None where too small."""
    plain = ~days.promoted[members]
    units = np.where(plain, days.units[members], 0.0)
    before, since = units[:, ~after].sum(), units[:, after].sum()
    if min(before, since) < LEAST_UNITS:
        return None
    usual = units.sum(axis=1) / np.maximum(plain.sum(axis=1), 1)
    expected = (usual[:, None] * plain).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = units.sum(axis=0) / expected
    alike = usual[:, None] * np.where(plain, np.nan_to_num(level), 0.0)  # what each would sell by the group's level
    scatter = float(scatter_of(((units - alike) ** 2).sum(), alike.sum()))
    return level, scatter * (1 / before + 1 / since), float(since)


def _moved(days: Days, after: BoolArray) -> BoolArray:
    """Lines that were promoted since, or whose price is another one than before, as far as sales tell, (N,)."""
    seen = np.where(days.promoted, np.nan, days.paid)
    with np.errstate(invalid="ignore", divide="ignore"):
        before, since = (np.log(_median(seen[:, which])) for which in (~after, after))
        return days.promoted[:, after].any(axis=1) | (np.abs(since - before) > SAME_PRICE)


def _median(values: FloatArray) -> FloatArray:
    """Median of each row's numbers; NaN where it has none."""
    return pd.DataFrame(values).median(axis=1).to_numpy(float)


def _daily(sales: Any, items: list[str], first: date, last: date) -> Any:
    rows = sales.filter(sales.item.isin(items), sales.day.between(ibis.literal(first), ibis.literal(last)))
    bought = (rows.quantity > 0) & (rows.amount > 0)
    return rows.group_by("store", "item", "day").agg(
        units=rows.quantity.sum(),
        bought=rows.quantity.sum(where=bought).fill_null(0.0),
        amount=rows.amount.sum(where=bought).fill_null(0.0),
    )


def _offers(promotions: Any, items: list[str], first: date, last: date) -> Any:
    rows = promotions.filter(promotions.item.isin(items), promotions.starts <= ibis.literal(last))
    return rows.filter(rows.ends >= ibis.literal(first)).select("store", "item", "starts", "ends")
