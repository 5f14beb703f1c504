"""New items and new stores: what they will sell, from their look-alikes.

A model has nothing to go by where a series has no history, and little in its first weeks. Its look-alikes do: the same
item in other stores, or else items of the same subcategory, category or department (in the same third of its prices,
where prices are known). Their own forecasts, with season, week and promotions, times the size of the store, are the
prior; what the series sold so far is the evidence. Both are weighed as Poisson counts with a gamma prior (Gelman et al.
2013, Bayesian Data Analysis, 2.6), whose strength is how well the established series follow *their* look-alikes.

It works on the forecasts of any model, on panels with the statics `item` and `store`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislehub.demand.panel import FloatArray, Panel

__all__ = ["THIN_WEEKS", "first_weeks", "store_sizes", "thin_series", "with_lookalikes"]

THIN_WEEKS = 8
"""A series with less known history leans on its look-alikes."""

SHELVES = ("subcategory", "category", "department")
PRICE = "usual price"
MIN_PEERS = 3
MIN_STARTS = 20
PRIOR_UNITS = 20.0  # of a store of mean size, in what tells a store's size
DISPERSION = 2.0  # variance / mean of retail counts, as evidence goes
STRENGTH = (0.2, 20.0)

IntArray = NDArray[Any]
BoolArray = NDArray[np.bool_]


def with_lookalikes(panel: Panel, mean: FloatArray, predict: Callable[[Panel], FloatArray]) -> FloatArray:
    """A model's forecast with its thin series drawn to their look-alikes; the same where nothing is thin.

    Args:
        panel: with the statics `item` and `store`, and the traits `subcategory`, `category`, `department` and
            `usual price` where known.
        mean: the model's forecast, shape (N, H), ≥ 0.
        predict: the model, asked for the other series when these are some of them (`Panel.only`).

    Returns:
        (N, H): a thin series gets (days · own + prior days · look-alike) / (days + prior days), every other series
        its forecast as it was.
    """
    thin = thin_series(panel)
    if not thin.any():
        return mean
    if panel.among is not None:
        everything, rows = panel.among
        others = np.setdiff1d(np.arange(len(everything.ids)), rows)
        all_means = np.empty((len(everything.ids), mean.shape[1]))
        all_means[rows] = mean
        if len(others):
            all_means[others] = np.maximum(predict(everything.only(others)), 0.0)
        return with_lookalikes(everything, all_means, predict)[rows]
    days = (~np.isnan(panel.sold)).sum(axis=1)
    item, store = (np.unique(panel.static[name], return_inverse=True)[1] for name in ("item", "store"))
    size = store_sizes(panel, mean, item, store, thin)[store]
    curve = first_weeks(panel, ~thin)
    result = mean.copy()
    open_ = thin.copy()
    for place, group in enumerate([item, *_shelves(panel)]):
        peers = _Peers(group, mean, size, thin)
        found = open_ & (group >= 0) & (peers.count[group] >= (1 if place == 0 else MIN_PEERS))
        like = peers.forecast(found)
        if place > 0:  # new everywhere, not only here
            like = like * _launch(curve, days[found], _week(panel), mean.shape[1])
        prior = DISPERSION * peers.strength / np.maximum(like.mean(axis=1), 1e-9)
        own = (days[found] / (days[found] + prior))[:, None]
        result[found] = own * mean[found] + (1 - own) * like
        open_ &= ~found
    return result


def thin_series(panel: Panel) -> BoolArray:
    """Which series lean on look-alikes, shape (N,): those that know less than 8 weeks of their past, while others know
    more; none where items and stores are not told apart or demand may be negative."""
    if panel.among is not None:
        everything, rows = panel.among
        return thin_series(everything)[rows]
    thin = (~np.isnan(panel.sold)).sum(axis=1) < THIN_WEEKS * _week(panel)
    able = {"item", "store"} <= panel.static.keys() and panel.nonnegative and not thin.all()
    return thin & able


def store_sizes(panel: Panel, mean: FloatArray, item: IntArray, store: IntArray, thin: BoolArray) -> FloatArray:
    """How much each store sells of an item relative to the mean store, shape (stores,).

    From the items that it shares with others: rate = item × store, fitted in turns. Established series count with
    their forecast, thin ones with what they sold so far, and a store that has sold little stays near 1.
    """
    period = THIN_WEEKS * _week(panel)
    known = (~np.isnan(panel.sold)).sum(axis=1)
    got = np.where(thin, np.nansum(panel.sold, axis=1), mean.mean(axis=1) * period)
    spell = np.where(thin, known, period)
    rate = np.where(thin, 0.0, mean.mean(axis=1))
    items, stores = item.max() + 1, store.max() + 1
    size = np.ones(stores)
    for _ in range(20):
        stands = np.bincount(item, np.where(thin, 0.0, size[store]), items)
        usual = np.divide(np.bincount(item, rate, items), stands, out=np.zeros(items), where=stands > 0)
        shared = usual[item] > 0
        wanted = np.bincount(store, usual[item] * spell * shared, stores)
        size = (np.bincount(store, got * shared, stores) + PRIOR_UNITS) / (wanted + PRIOR_UNITS)
        size /= np.exp(np.log(size).mean())
    return size


def first_weeks(panel: Panel, established: BoolArray) -> FloatArray:
    """Typical sales of each of a series' first 8 weeks over those of the 8 weeks after, shape (8,).

    Learnt on established series that started within the panel, without the first sale, which is a sale by definition;
    1 where fewer than 20 did.
    """
    week, weeks = _week(panel), THIN_WEEKS
    sold = np.nan_to_num(panel.sold)
    first = np.where((sold > 0).any(axis=1), (sold > 0).argmax(axis=1), sold.shape[1])
    started = np.flatnonzero(established & (first >= 4 * week) & (first + 1 + 2 * weeks * week <= sold.shape[1]))
    if len(started) < MIN_STARTS:
        return np.ones(weeks)
    span = first[started, None] + 1 + np.arange(2 * weeks * week)
    totals = np.take_along_axis(sold[started], span, axis=1).reshape(len(started), 2 * weeks, week).sum(axis=(0, 2))
    later = totals[weeks:].mean()
    return np.clip((totals[:weeks] + PRIOR_UNITS) / (later + PRIOR_UNITS), 0.25, 4.0)


@dataclass(frozen=True)
class _Peers:
    """The established series of each group.

    Args:
        group: (N,), −1 = in none.
        mean: (N, H) forecasts.
        size: (N,), of each series' store.
        thin: (N,), series that are no peers.
    """

    group: IntArray
    mean: FloatArray
    size: FloatArray
    thin: BoolArray

    @property
    def _member(self) -> BoolArray:
        return ~self.thin & (self.group >= 0)

    @property
    def count(self) -> IntArray:
        """Peers in each group."""
        return np.bincount(self.group[self._member], minlength=self.group.max() + 1)

    def forecast(self, found: BoolArray) -> FloatArray:
        """What each found series would sell if it did as its peers, (found, H)."""
        member = self._member
        total = np.zeros((self.group.max() + 1, self.mean.shape[1]))
        np.add.at(total, self.group[member], self.mean[member])
        stands = np.bincount(self.group[member], self.size[member], len(total))
        at = self.group[found]
        return self.size[found, None] * total[at] / np.maximum(stands[at], 1e-9)[:, None]

    @property
    def strength(self) -> float:
        """Shape of the gamma prior: 1 / variance of the log of peers' rates over what *their* peers say.

        In logarithms each peer counts the same; else the fast ones, which agree best, would speak for the slow.
        """
        member = self._member
        group, size, rate = self.group[member], self.size[member], self.mean[member].mean(axis=1)
        total = np.bincount(group, rate)[group] - rate
        stands = np.bincount(group, size)[group] - size
        told = (np.bincount(group)[group] >= 2) & (total > 0) & (stands > 1e-9)
        if not told.any():
            return 1.0
        like = size[told] * total[told] / stands[told]
        spread = np.var(np.log(np.maximum(rate[told] / like, 0.05)))
        return float(np.clip(1 / max(spread, 1e-9), *STRENGTH))


def _shelves(panel: Panel) -> list[IntArray]:
    """Groups of series by what their items are, the nearest first; −1 where it is not known."""
    groups = []
    price = panel.trait(PRICE)
    for name in SHELVES:
        shelf = panel.trait(name)
        if shelf is not None:
            code = np.where(np.isnan(shelf), -1, shelf).astype(int)
            if price is not None:
                groups.append(_by_price(code, price))
            groups.append(code)
    return [group for group in groups if (group >= 0).any()]


def _by_price(group: IntArray, price: FloatArray) -> IntArray:
    """Each group in thirds of its prices; −1 where the price is not known."""
    known = (group >= 0) & ~np.isnan(price)
    order = np.lexsort((np.where(known, price, np.inf), group))
    count = np.bincount(group[known], minlength=group.max(initial=0) + 1)
    rank = np.empty(len(group), dtype=int)
    starts = np.searchsorted(group[order], group[order])
    rank[order] = np.arange(len(group)) - starts
    third = np.minimum(3 * rank // np.maximum(count[np.maximum(group, 0)], 1), 2)
    return np.where(known, 3 * group + third, -1)


def _week(panel: Panel) -> int:
    """Periods in a week; longer periods stand for a week each."""
    return panel.cycle if panel.season > 1 else 1


def _launch(curve: FloatArray, age: IntArray, periods: int, horizon: int) -> FloatArray:
    """The first weeks' curve at each step, (series, H), of series `age` periods old; `periods` in a week."""
    week = (age[:, None] + np.arange(horizon)) // periods
    return np.where(week < len(curve), curve[np.minimum(week, len(curve) - 1)], 1.0)
