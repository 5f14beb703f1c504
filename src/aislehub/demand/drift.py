"""Data that have changed rather than demand: sales that have not come in, items nobody knows, prices off their level.

A forecast goes wrong in the same way whether customers stay away or a file does. So the feed is looked at first, store
by store, and what it explains is not told a second time as a shift of demand. Weekly figures of the whole chain are
compared with their own past: median and median absolute deviation, which a few odd weeks do not move.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from aislehub.demand.outcomes import last_sunday
from aislehub.demand.panel import FloatArray

__all__ = ["Change", "Silence", "changes", "silences", "weekly_figures"]

USUAL_WEEKS = 8
LEAST_SALES = 10.0
"""Purchases usually made in a silence: by chance it would be silent once in 20,000 times."""

_PAST_WEEKS = 26
_MIN_WEEKS = 8
_MATERIAL = {"price_level": 0.03, "basket_size": 0.1, "unknown_items": 0.02, "new_items": 0.05, "silent_items": 0.05}
"""Changes that matter: of price level and basket size in logs, of the others in shares."""


@dataclass(frozen=True)
class Silence:
    """A store without sales up to the close of the day, on days on which it usually sells.

    Attributes:
        since: the first of those days.
        days: how many.
        amount: money that it usually takes on them.
    """

    store: str
    since: date
    days: int
    amount: float


@dataclass(frozen=True)
class Change:
    """One weekly figure of the chain that has left its past.

    Attributes:
        figure: `price_level`, `basket_size`, `unknown_items`, `new_items` or `silent_items`.
        value, usual: of the last week, and the median of the weeks before.
        size: the change in usual weekly changes.
    """

    figure: str
    value: float
    usual: float
    size: float


def silences(sales_lines: ir.Table, stores: ir.Table, calendar: ir.Table, *, day: date) -> list[Silence]:
    """Stores whose sales of the last days are missing, up to the close of `day`."""
    since = day - timedelta(days=7 * USUAL_WEEKS + 6)
    recent = sales_lines.filter(sales_lines.day <= ibis.literal(day), sales_lines.day >= ibis.literal(since))
    daily = recent.group_by("store", "day").agg(
        receipts=recent.receipt.nunique(), lines=recent.count(), amount=recent.amount.sum()
    ).to_pandas()  # fmt: skip
    if daily.empty:
        return []
    days = pd.date_range(since, day)
    shape = {"index": "store", "columns": "day"}
    daily["day"] = pd.to_datetime(daily["day"])
    # One customer buys many lines at once; a source of daily totals has one receipt a day.
    daily["sales"] = daily["receipts"].where(daily["receipts"] > 1, daily["lines"])
    sales = daily.pivot(values="sales", **shape).reindex(columns=days).fillna(0.0)
    amount = daily.pivot(values="amount", **shape).reindex(columns=days).fillna(0.0).to_numpy()
    shut = _shut(stores, calendar, sales.index, days)
    week = days.dayofweek.to_numpy()
    found = []
    for row, store in enumerate(sales.index):
        sold = sales.iloc[row].to_numpy()
        last = int(np.flatnonzero(sold > 0).max(initial=-1))
        quiet = [at for at in range(last + 1, len(days)) if not shut[row, at]]
        earlier = np.arange(len(days)) <= last
        usual = {at: earlier & (week == week[at]) & ~shut[row] for at in quiet}
        missing = [at for at in quiet if usual[at].sum() >= 4 and np.median(sold[usual[at]]) > 0]
        if sum(float(np.median(sold[usual[at]])) for at in missing) >= LEAST_SALES:
            money = sum(float(np.median(amount[row, usual[at]])) for at in missing)
            found.append(Silence(str(store), days[missing[0]].date(), len(missing), max(money, 0.0)))
    return found


def changes(figures: pd.DataFrame, *, limit: float) -> Iterator[Change]:
    """Figures of the last week that are off their past by more than `limit` usual changes, and materially.

    Args:
        figures: one column a figure, one row a complete week, oldest first; what `weekly_figures` gives.
    """
    for name in figures:
        values = figures[name].to_numpy(float)
        past, value = values[:-1][np.isfinite(values[:-1])][-_PAST_WEEKS:], values[-1]
        if len(past) < _MIN_WEEKS or not np.isfinite(value):
            continue
        usual = float(np.median(past))
        scale = max(1.4826 * float(np.median(np.abs(past - usual))), _MATERIAL[name] / limit)
        size = (value - usual) / scale
        if abs(size) > limit and abs(value - usual) > _MATERIAL[name]:
            yield Change(str(name), float(value), usual, float(size))


def weekly_figures(sales_lines: ir.Table, items: ir.Table, *, day: date) -> pd.DataFrame:
    """Price level and basket size (in logs), shares of unknown, new and silent items, by complete week.

    The price level of a week is what its sales cost over what they would have cost at the mean prices of the 8 weeks
    before. New items did not sell in those 8 weeks; silent ones sold in at least 6 of them and not in the week.
    """
    end = last_sunday(day)
    weeks = USUAL_WEEKS + _PAST_WEEKS + 1
    since = end - timedelta(days=7 * weeks)
    goods = sales_lines.anti_join(items.filter(items.is_sellable == ibis.literal(False)), "item")
    goods = goods.filter(goods.day <= ibis.literal(end), goods.day > ibis.literal(since), goods.quantity > 0)
    back = ibis.literal(end).delta(goods.day, unit="day") // 7
    goods = goods.mutate(week=(weeks - 1 - back).cast("int64"))
    sold = goods.group_by("item", "week").agg(units=goods.quantity.sum(), amount=goods.amount.sum()).to_pandas()
    if sold.empty:
        return pd.DataFrame()
    receipts = goods.group_by("week").agg(
        lines=goods.count(), receipts=(goods.store + ibis.literal("\x1f") + goods.receipt).nunique()
    )
    baskets = receipts.to_pandas().set_index("week").reindex(range(weeks))
    codes, names = pd.factorize(sold["item"])
    units, amount = np.zeros((len(names), weeks)), np.zeros((len(names), weeks))
    units[codes, sold["week"]], amount[codes, sold["week"]] = sold["units"], sold["amount"]
    known = pd.Index(names).isin(items.select("item").to_pandas()["item"])
    figures = _item_figures(units, amount, known)
    figures["basket_size"] = np.log(baskets["lines"] / baskets["receipts"]).to_numpy()
    first = int(sold["week"].min()) + USUAL_WEEKS
    return pd.DataFrame(figures).iloc[first:]


def _item_figures(units: FloatArray, amount: FloatArray, known: FloatArray) -> dict[str, FloatArray]:
    """Figures of items × weeks; the first 8 weeks have no past and are NaN."""
    weeks = units.shape[1]
    figures = {name: np.full(weeks, np.nan) for name in ("price_level", "unknown_items", "new_items", "silent_items")}
    for week in range(USUAL_WEEKS, weeks):
        before = slice(week - USUAL_WEEKS, week)
        total = units[:, before].sum(axis=1)
        sold = units[:, week] > 0
        if not sold.any():
            continue
        both = sold & (total > 0)
        usual_price = amount[both, before].sum(axis=1) / total[both]
        then = float((units[both, week] * usual_price).sum())
        steady = (units[:, before] > 0).sum(axis=1) >= USUAL_WEEKS - 2
        figures["price_level"][week] = np.log(max(amount[both, week].sum(), 1e-9) / then) if then > 0 else np.nan
        figures["unknown_items"][week] = units[~known, week].sum() / units[:, week].sum()
        figures["new_items"][week] = units[sold & (total == 0), week].sum() / units[:, week].sum()
        figures["silent_items"][week] = (steady & ~sold).sum() / steady.sum() if steady.any() else np.nan
    return figures


def _shut(stores: ir.Table, calendar: ir.Table, names: pd.Index, days: pd.DatetimeIndex) -> FloatArray:
    """Store days that are known to be closed, (stores, days)."""
    facts = stores.select("store", "region", "closed").to_pandas().drop_duplicates("store").set_index("store")
    facts = facts.reindex(names)
    closed = calendar.filter(calendar.kind == "closed").select("day", "region").to_pandas()
    shut = np.zeros((len(names), len(days)), dtype=bool)
    for region, rows in closed.groupby("region"):
        on = np.isin(days.to_numpy(), pd.to_datetime(rows["day"]).to_numpy())
        here = np.ones(len(names), dtype=bool) if region == "all" else (facts["region"] == region).to_numpy()
        shut |= here[:, None] & on
    until = pd.to_datetime(facts["closed"]).fillna(pd.Timestamp.max).to_numpy()
    return shut | (days.to_numpy() > until[:, None])
