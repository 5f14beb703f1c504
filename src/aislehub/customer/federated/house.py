"""A party's own rows, as far as they may be learned from: its stores, its days, the members who do not object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.core.tables import Tables, end_of_day
from aislehub.customer.recommend.baskets import Baskets, read_baskets
from aislehub.law.consent import may_use

__all__ = ["House", "read_house"]

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class House:
    """What one party has.

    Attributes:
        baskets: purchases up to `until`, of its members who do not object to analysis.
        later: their purchases of the `ahead_days` after it, which nothing is learned from.
        objected: members left out.
        weekly: units by series (store and category) and week, (s, w); week `weeks` − 1 ends with `until`.
        weeks: of them known; the others are later.
        stores, lines: how many were read.
    """

    baskets: Baskets
    later: Baskets
    objected: int
    weekly: NDArray[np.float64]
    weeks: int
    stores: int
    lines: int

    @property
    def members(self) -> int:
        return int((self.baskets.visits > 0).sum())


def read_house(
    tables: Tables, until: date, *, stores: Sequence[str] | None = None, history_days: int = 364,
    ahead_days: int = 0, most_series: int = 300,
) -> House:  # fmt: skip
    """Read a party's rows.

    Args:
        tables: of its own hub.
        until: last business day that is learned from.
        stores: only these; None = all.
        history_days: how far back, in whole weeks.
        ahead_days: days after `until`, in whole weeks, to judge by.
        most_series: of the forecast: the best-selling stores × categories before `until`.

    Raises:
        HubError: `federated.no_sales`.
    """
    last = until + timedelta(days=ahead_days)
    lines, items = tables.read("sales_lines", as_of=last), tables.read("items")
    if stores is not None:
        lines = lines.filter(lines.store.isin(list(stores)))
    baskets = read_baskets(lines, items, day=last, history_days=history_days + ahead_days)
    weeks = history_days // 7
    series, weekly = _weekly(lines, items, until + timedelta(days=1 - 7 * weeks), weeks + ahead_days // 7)
    if not weekly.size:
        raise HubError("federated.no_sales", day=until)
    largest = np.sort(np.argsort(-weekly[:, :weeks].sum(axis=1), kind="stable")[:most_series])
    consents = tables.fetch("consents", as_of=last).to_pandas()
    granted = may_use(list(baskets.customers), "analysis", consents, end_of_day(last, tables.timezone))
    kept, first_later = baskets.of_customers(granted), (until - EPOCH).days + 1
    return House(
        kept.before(first_later), kept.since(first_later), int((~granted).sum()), weekly[largest], weeks,
        len({store for store, _ in series}), len(baskets.item),
    )  # fmt: skip


def _weekly(
    lines: ir.Table, items: ir.Table, first: date, weeks: int
) -> tuple[list[tuple[str, str]], NDArray[np.float64]]:
    """Units sold by store and category, week by week from `first` on: names and (s, weeks)."""
    goods = items.filter(items.is_sellable.fill_null(True), items.category.notnull()).select("item", "category")
    sold = lines.filter(lines.day >= ibis.literal(first)).inner_join(goods, "item")
    sold = sold.mutate(week=(sold.day.delta(ibis.literal(first), unit="day") // 7).cast("int64"))
    sold = sold.filter(sold.week < weeks)
    sums = sold.group_by("store", "category", "week").agg(units=sold.quantity.sum()).order_by("store", "category")
    frame = sums.to_pandas()
    table = frame.pivot_table(index=["store", "category"], columns="week", values="units", fill_value=0.0)
    table = table.reindex(columns=range(weeks), fill_value=0.0)
    return [*table.index], np.maximum(table.to_numpy(dtype=float), 0.0)
