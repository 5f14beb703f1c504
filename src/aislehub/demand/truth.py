"""The truth about sales: what demand was behind the sales that were recorded.

Sales are not demand where the shelf was empty, where one customer bought for a wedding, and where the store was
shut. Each has one pure function here, on matrices of series × days with NaN for unknown:

- `uncensor`: a day that sold out is bounded below by what sold; its demand is estimated. A day that sold nothing
  from an empty shelf is unknown, which is not 0.
- `cap_bulk`: a purchase far beyond anything the series sells is capped to a plausible amount.
- `closed_days`: days on which a store that always sells sold nothing are closed, not zeros.

Where nothing is known (no stock recorded), nothing is guessed: what was sold stands for demand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

__all__ = ["Truth", "cap_bulk", "closed_days", "credible", "uncensor"]

FloatArray = NDArray[Any]
BoolArray = NDArray[np.bool_]

ITERATIONS = 8
NEAR = 28  # days to either side that tell the level of a day
PRIOR_DAYS = 2.0  # of the recorded mean; keeps the level finite where every day sold out
PRIOR_UNITS = 8.0  # with which a series' own weekday shape, lift and dispersion lean on those of all
LEAST_DISPERSION = 1.02  # below, the negative binomial has no size
BLOCK = 2_000

ONE_OFF = 1e-6  # chance that a usual day sells more
PLAUSIBLE = 0.999  # quantile of a usual day to which a one-off is capped
FAR = 5.0  # × the mean day with a sale
MIN_SALES_DAYS = 8

CLOSED = 1e-4  # chance that an open store sells nothing
NEAR_WEEKS = 8


@dataclass(frozen=True)
class Truth:
    """What was corrected in the sales of a panel.

    Attributes:
        sold_out: days of a series on which it sold out, with its demand estimated.
        units_missed: units that those days would have sold beyond what they sold.
        empty: days of a series without a sale from an empty shelf, taken as unknown.
        doubted: series whose stock records are not believed (`credible`).
        bulk: days of a series with a one-off bulk purchase.
        units_capped: units by which those were capped.
        closed: days of a store taken as closed.
        stock_known: whether any stock was recorded.
    """

    sold_out: int = 0
    units_missed: float = 0.0
    empty: int = 0
    doubted: int = 0
    bulk: int = 0
    units_capped: float = 0.0
    closed: int = 0
    stock_known: bool = False


def uncensor(y: FloatArray, sold_out: BoolArray, lifted: BoolArray | None = None, *, cycle: int = 7) -> FloatArray:
    """Demand behind sales that an empty shelf cut short.

    A day that sold `y` > 0 and ended empty had a demand of at least `y`. It gets E[D | D ≥ y] of a negative binomial
    whose mean is running level × slot of the week × lift, fitted with those very estimates in place (EM for censored
    data: Dempster, Laird & Rubin 1977, https://doi.org/10.1111/j.2517-6161.1977.tb01600.x; of retail demand:
    Conrad 1976, https://doi.org/10.1057/jors.1976.103). Whole sales give whole estimates, whose running total is kept.

    Args:
        y: sales, shape (N, T).
        sold_out: (N, T), True where the shelf was known to be empty at the close.
        lifted: (N, T), True on promotions and the like, which have a level of their own.
        cycle: periods after which the same slot of the week returns.

    Returns:
        (N, T): every day that did not sell out bit for bit as it was, NaN where it sold 0 and ended empty.
    """
    cut = sold_out & (y > 0)
    demand = np.where(sold_out & (y == 0), np.nan, y).astype(y.dtype)
    rows = np.flatnonzero(cut.any(axis=1))
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        raised = np.zeros((len(block), y.shape[1]), dtype=bool) if lifted is None else lifted[block]
        estimate = _estimated(demand[block].astype(np.float64), cut[block], raised, cycle)
        demand[block] = np.where(cut[block], estimate, demand[block])
    return demand


def credible(y: FloatArray, sold_out: BoolArray) -> BoolArray:
    """Which series' stock records are believed, shape (N,): those not empty on most days that they sold.

    A book stock that nobody keeps stands at 0 while sales go on; taking it at its word would raise every day.
    """
    sales_days = (y > 0).sum(axis=1)
    return 2 * (sold_out & (y > 0)).sum(axis=1) <= np.maximum(sales_days, 1)


def cap_bulk(
    y: FloatArray,
    protected: BoolArray | None = None,
    *,
    largest: FloatArray | None = None,
    groups: NDArray[Any] | None = None,
) -> FloatArray:
    """Sales with one-off bulk purchases capped to the 99.9 % quantile of a usual day, or the next highest day.

    A day is a one-off when a usual day sells as much with a chance below 1e-6 (negative binomial, at the higher of
    the series' mean and the mean around it, on a day as strong as its group's), it sold 5 × the mean day with a sale,
    and no other day of the series sold half as much: neither a promotion that returns, nor the same season last year,
    nor a step to a new level, whose days soon confirm each other.

    Args:
        y: sales, shape (N, T), none below 0.
        protected: (N, T), True on promotions and events, which are never capped.
        largest: (N, T), units of the day's largest receipt line; where given, it has to be half of the day.
        groups: (N,), the store of each series, whose other series tell how strong a day was; None = one group.

    Returns:
        (N, T): never above `y`; what is within the threshold as it was; the same again when given its own result.
    """
    capped = y.copy()
    if not len(y):
        return capped
    codes = np.zeros(len(y), dtype=int) if groups is None else np.unique(groups, return_inverse=True)[1]
    while True:
        row, at, cap = _one_offs(capped, protected, largest, codes)
        if not len(row):
            return capped
        capped[row, at] = cap


def closed_days(traffic: FloatArray) -> BoolArray:
    """Days on which a store was closed, from its receipts (or lines) of each day.

    A store without a sale was closed when an open one would have sold something with a chance above 1 − 1e-4:
    negative binomial around the median of the same weekday within 8 weeks, with the dispersion of the days that sold.
    A small store keeps its true zeros. What holds for all stores together (a holiday) holds for each.

    Args:
        traffic: shape (S, T), 0 where nothing sold.

    Returns:
        (S, T); never True before a store's first sale.
    """
    everyone = traffic.sum(axis=0, keepdims=True)
    started = np.maximum.accumulate(traffic > 0, axis=1)
    return (_shut(traffic) | _shut(everyone)) & (traffic == 0) & started


def _estimated(y: FloatArray, cut: BoolArray, lifted: BoolArray, cycle: int) -> FloatArray:
    """`y` with the conditional mean of demand on cut days, whole where all of the series is."""
    known = ~np.isnan(y)
    slot = np.arange(y.shape[1]) % cycle
    z = np.where(known, y, 0.0)
    recorded = z.sum(axis=1, keepdims=True) / known.sum(axis=1, keepdims=True)
    squared = np.zeros_like(z)  # spread of a cut day around its own estimate
    shape, lift = np.ones((len(y), cycle)), np.ones((len(y), 1))
    for _ in range(ITERATIONS):
        rate = shape[:, slot] * np.where(lifted, lift, 1.0) * known
        level = (_around(z) + PRIOR_DAYS * recorded) / (_around(rate) + PRIOR_DAYS)
        mean = level * rate
        dispersion = _shrunk(((z - mean) ** 2 + squared) * known, mean, LEAST_DISPERSION)
        z[cut], squared[cut] = _at_least(y[cut], mean[cut], np.broadcast_to(dispersion, y.shape)[cut])
        shape = np.stack([_shrunk(z[:, slot == s], (mean / shape[:, slot])[:, slot == s]) for s in range(cycle)], 1)
        shape = shape[:, :, 0]
        lift = _shrunk(np.where(lifted, z, 0.0), np.where(lifted, mean / lift, 0.0))
    whole = (np.where(known, y, 0) % 1 == 0).all(axis=1, keepdims=True)
    total = np.cumsum(np.where(cut, z, 0.0), axis=1)
    steps = np.diff(np.floor(total + 0.5), axis=1, prepend=0.0)
    return np.where(whole, steps, np.maximum(z, y))


def _at_least(y: FloatArray, mean: FloatArray, dispersion: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of a negative binomial demand given that it is at least `y` > 0.

    From d·f(d; k) = mean · f(d − 1; k + 1): partial moments are tails of the same distribution with a larger size.
    """
    mean = np.maximum(mean, 1e-9)
    size = mean / (dispersion - 1)
    chance = 1 - 1 / dispersion

    def tail(least: FloatArray, size: FloatArray) -> FloatArray:
        return np.where(least <= 0, 1.0, scipy.special.betainc(np.maximum(least, 1e-9), size, chance))

    reached = tail(y, size)
    told = reached > 1e-12
    safe = np.where(told, reached, 1.0)
    first = np.where(told, mean * tail(y - 1, size + 1) / safe, y)
    second = np.where(told, mean**2 * (size + 1) / size * tail(y - 2, size + 2) / safe + first - first**2, 0.0)
    return np.maximum(first, y), np.maximum(second, 0.0)


def _around(values: FloatArray) -> FloatArray:
    """Sum over the days within `NEAR` of each day."""
    length = values.shape[1]
    total = np.zeros((len(values), length + 1))
    np.cumsum(values, axis=1, out=total[:, 1:])
    day = np.arange(length)
    return total[:, np.minimum(day + NEAR + 1, length)] - total[:, np.maximum(day - NEAR, 0)]


def _shrunk(top: FloatArray, bottom: FloatArray, least: float = 1e-3) -> FloatArray:
    """Σ top / Σ bottom of each row, (N, 1), leaning on that of all rows; 1 where there is nothing to go by."""
    own, base = top.sum(axis=1, keepdims=True), bottom.sum(axis=1, keepdims=True)
    pooled = (own.sum() + 1.0) / (base.sum() + 1.0)
    return np.maximum((own + PRIOR_UNITS * pooled) / (base + PRIOR_UNITS), least)


def _one_offs(
    y: FloatArray, protected: BoolArray | None, largest: FloatArray | None, codes: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], FloatArray]:
    """Series, day and cap of the highest day of each series where that is a one-off."""
    every = np.arange(len(y))
    sold = np.nan_to_num(y).astype(np.float64)
    at = (sold if protected is None else np.where(protected, -1.0, sold)).argmax(axis=1)
    top = sold[every, at]
    if protected is not None:
        top = np.where(protected[every, at], 0.0, top)
    rest = sold.copy()
    rest[every, at] = 0.0
    second = rest.max(axis=1)
    days = (rest > 0).sum(axis=1)
    total = rest.sum(axis=1)
    far = (days >= MIN_SALES_DAYS) & (second < top / 2) & (top > FAR * total / np.maximum(days, 1))
    if largest is not None:
        far &= largest[every, at] >= top / 2
    row = np.flatnonzero(far)
    if not len(row):
        return row, row, np.empty(0)

    at, top, known = at[row], top[row], ~np.isnan(y[row])
    mean = total[row] / np.maximum(known.sum(axis=1) - 1, 1)
    window = np.clip(at[:, None] + np.arange(-NEAR, NEAR + 1), 0, y.shape[1] - 1)
    inside = np.take_along_axis(known, window, axis=1) & (window != at[:, None])
    near = (np.take_along_axis(rest[row], window, axis=1) * inside).sum(axis=1) / np.maximum(inside.sum(axis=1), 1)
    usual = np.maximum(mean, near) * _strength(rest, y, row, at, codes)
    deviation = np.where(known, (rest[row] - mean[:, None]) ** 2, 0.0)
    dispersion = _shrunk(deviation, np.where(known, mean[:, None], 0.0), LEAST_DISPERSION)[:, 0]
    whole = (sold[row] % 1 == 0).all(axis=1)
    one_off = top > _quantile(1 - ONE_OFF, usual, dispersion, whole)
    cap = np.maximum(_quantile(PLAUSIBLE, usual, dispersion, whole), second[row])
    return row[one_off], at[one_off], cap[one_off]


def _strength(rest: FloatArray, y: FloatArray, row: NDArray[Any], at: NDArray[Any], codes: NDArray[Any]) -> FloatArray:
    """How many times its usual sales the rest of a row's group sold on day `at`; at least 1."""
    totals = scipy.sparse.csr_array((np.ones(len(y)), (codes, np.arange(len(y))))) @ np.nan_to_num(y)
    mean = np.bincount(codes, rest.mean(axis=1))
    others = totals[codes[row], at] - np.nan_to_num(y[row, at])
    usual = mean[codes[row]] - rest[row].mean(axis=1)
    return np.maximum((others + PRIOR_UNITS) / (np.maximum(usual, 0) + PRIOR_UNITS), 1.0)


def _quantile(level: float, mean: FloatArray, dispersion: FloatArray, whole: BoolArray) -> FloatArray:
    """Quantile of demand with this mean and variance / mean: negative binomial for units, gamma for amounts."""
    mean = np.maximum(mean, 1e-9)
    units = scipy.stats.nbinom.ppf(level, mean / (dispersion - 1), 1 / dispersion)
    return np.where(whole, units, scipy.stats.gamma.ppf(level, mean / dispersion, scale=dispersion))


def _shut(traffic: FloatArray) -> BoolArray:
    """Days without a sale that an open store would hardly have had, each store by itself."""
    shut = np.zeros(traffic.shape, dtype=bool)
    busy = np.flatnonzero(traffic.max(axis=1, initial=0) > -np.log(CLOSED))
    store, day = np.nonzero(traffic[busy] == 0)
    if not len(store):
        return shut
    steps = 7 * np.array([week for week in range(-NEAR_WEEKS, NEAR_WEEKS + 1) if week])
    near = day[:, None] + steps
    inside = (near >= 0) & (near < traffic.shape[1])
    seen = np.where(inside, traffic[busy[store][:, None], np.where(inside, near, 0)], np.nan)
    usual = np.nan_to_num(np.nanmedian(np.where(inside.any(axis=1, keepdims=True), seen, 0.0), axis=1))
    dispersion = _daily_dispersion(traffic[busy])[store]
    shut[busy[store], day] = dispersion ** (-usual / (dispersion - 1)) < CLOSED
    return shut


def _daily_dispersion(traffic: FloatArray) -> FloatArray:
    """Variance / mean of each store's days with a sale around those of the same weekday."""
    top, bottom = np.zeros(len(traffic)), np.zeros(len(traffic))
    for slot in range(7):
        days = traffic[:, slot::7].astype(np.float64)
        sold = days > 0
        mean = days.sum(axis=1, keepdims=True) / np.maximum(sold.sum(axis=1, keepdims=True), 1)
        top += np.where(sold, (days - mean) ** 2, 0.0).sum(axis=1)
        bottom += days.sum(axis=1)
    return np.maximum(top / np.maximum(bottom, 1e-9), LEAST_DISPERSION)
