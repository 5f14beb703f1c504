"""Demand over a protection interval, from daily history alone: mean and variance, at each past day.

The mean blends exponential smoothing at several speeds, each series leaning towards the speeds that
predicted *its* intervals best so far, times a weekday profile shrunk towards the chain's. The variance
is that of the interval forecast's own errors, so that slow drift and promotions are in it, shrunk
towards a power law of the mean over all series (Taylor's law): a series with few events borrows from its
peers. Column t of every result knows days 0 … t − 1 and nothing else. A series begins with its first sale: the
days before it, when the item was not yet listed, count in no mean and no error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.supply.base_stock import FloatArray

__all__ = [
    "IntervalDemand",
    "PowerLaw",
    "fit_power_law",
    "interval_demand",
    "latest_interval_demand",
    "shrunk_variance",
]

HALF_LIVES = (4, 8, 16, 32, 64, 128, 256, 512)  # periods; the speeds of smoothing that compete
SKILL_HALF_LIFE = 168  # days; how long an interval error counts in choosing a speed and in the variance
SKILL_POWER = 32.0  # weight of a speed ~ (its mean squared error) ** −power
PRIOR_INTERVALS = 12.0  # how many intervals of own errors weigh as much as the peers
WEEKDAY_HALF_LIFE = 84  # days
WEEKDAY_PRIOR = 20.0  # units of demand after which a series' own weekday profile weighs as much as the chain's
LEAST_MEAN = 0.05  # units; below it an interval's mean says nothing about its variance
SAME_EXPONENT = 30.0  # points of evidence for an exponent of 1, where all series sell about the same
SAMPLE = 200_000  # points to which the power law is fitted


@dataclass(frozen=True)
class PowerLaw:
    """variance = scale · mean ** exponent, never below the mean (Poisson)."""

    scale: float
    exponent: float

    def variance(self, mean: FloatArray) -> FloatArray:
        return np.maximum(self.scale * np.maximum(mean, LEAST_MEAN) ** self.exponent, np.maximum(mean, LEAST_MEAN))


@dataclass(frozen=True)
class IntervalDemand:
    """Demand over the `cover` periods that start at column t, seen from its opening.

    Attributes:
        mean: units, (n, T + 1).
        variance: units², (n, T + 1).
    """

    mean: FloatArray
    variance: FloatArray

    @property
    def variance_ratio(self) -> FloatArray:
        """Variance over mean: how the demand of such intervals scatters, whoever forecasts its mean."""
        return self.variance / np.maximum(self.mean, LEAST_MEAN)


def interval_demand(
    demand: FloatArray, cover: NDArray[np.int64], *, fit_until: int | None = None, season: int = 7
) -> IntervalDemand:
    """Mean and variance of the demand over the next `cover` periods at every period of the history.

    Args:
        demand: units per period, (n, T), no gaps.
        cover: length of each series' protection interval (lead + review), periods, (n,), at least 1.
        fit_until: what is pooled over series (power law, skill of the speeds) is fitted on the periods
            before this column; only columns from it on are free of hindsight. Default T: the last column.
        season: length of the within-week profile, 7 for daily data, 1 for none.
    """
    known_until = demand.shape[1] if fit_until is None else fit_until
    listed = np.logical_or.accumulate(demand > 0, axis=1)
    profile = _interval_profile(demand, cover, season)
    means = [_smooth(demand, listed, half_life) * profile for half_life in HALF_LIVES]
    actual = _interval_totals(demand, cover)
    actual[:, 1:][listed.cumsum(axis=1) < 2 * season] = np.nan
    actual[:, 0] = np.nan
    mean = _blend(means, actual, cover, known_until)
    return IntervalDemand(mean, shrunk_variance(mean, actual, cover, known_until))


def latest_interval_demand(
    demand: FloatArray, cover: NDArray[np.int64], *, season: int = 7, block: int = 4096
) -> tuple[FloatArray, FloatArray]:
    """Mean and variance ratio at the last column only, (n,) each, for histories of any number of rows.

    Rows are worked off in blocks, each pooling over its own rows, so that memory stays in bounds.
    """
    mean, ratio = np.zeros(len(demand)), np.zeros(len(demand))
    for start in range(0, len(demand), block):
        rows = slice(start, start + block)
        found = interval_demand(demand[rows], cover[rows], season=season)
        mean[rows], ratio[rows] = found.mean[:, -1], found.variance_ratio[:, -1]
    return mean, ratio


def shrunk_variance(mean: FloatArray, actual: FloatArray, cover: NDArray[np.int64], known_until: int) -> FloatArray:
    """Variance of an interval forecast from its own past errors and those of its peers, (n, T + 1).

    Each series' law is multiplied by (peers + Σ errors²) / (peers + Σ law variance): the ratio of what
    it erred to what the law says, with `PRIOR_INTERVALS` intervals of the law as ballast.

    Args:
        mean: interval forecasts, (n, T + 1).
        actual: what the intervals brought, NaN where they are not over, (n, T + 1).
        cover: interval lengths, (n,).
        known_until: the power law is fitted on intervals over before this column.
    """
    law = fit_power_law(mean, actual, cover, known_until)
    expected = law.variance(mean)
    squared = (actual - mean) ** 2
    ballast = PRIOR_INTERVALS * cover[:, None] * expected
    ratio = (ballast + _known(squared, cover)) / (ballast + _known(np.where(np.isnan(actual), 0, expected), cover))
    return expected * ratio


def fit_power_law(mean: FloatArray, actual: FloatArray, cover: NDArray[np.int64], known_until: int) -> PowerLaw:
    """Taylor's law over series: Gamma quasi-likelihood regression of squared errors on the log of the mean.

    Falls back to Poisson (scale 1, exponent 1) where the history is too short for 30 points.
    """
    over = np.arange(mean.shape[1])[None, :] + cover[:, None] <= known_until
    usable = over & (mean > LEAST_MEAN) & ~np.isnan(actual)
    usable[:, : min(28, known_until // 3)] = False
    at = np.flatnonzero(usable)
    at = at[:: max(1, len(at) // SAMPLE)]
    if len(at) < 30:
        return PowerLaw(1.0, 1.0)
    points = mean.ravel()[at]
    squared = (actual.ravel()[at] - points) ** 2
    centre = np.log(points).mean()
    design = np.column_stack([np.ones_like(points), np.log(points) - centre])
    information = design.T @ design + np.diag([0.0, SAME_EXPONENT])
    beta = np.array([np.log(max(float(squared.mean()), 1e-6)), 1.0])
    for _ in range(30):
        surprise = np.clip(squared / np.exp(design @ beta) - 1, -1, 10)
        pull = np.array([0.0, SAME_EXPONENT * (1.0 - beta[1])])
        step = np.clip(np.linalg.solve(information, design.T @ surprise + pull), -1, 1)
        beta = beta + step
        if np.abs(step).max() < 1e-6:
            break
    exponent = float(np.clip(beta[1], 0.5, 2.0))
    return PowerLaw(float(np.exp(beta[0] - exponent * centre)), exponent)


def _blend(means: list[FloatArray], actual: FloatArray, cover: NDArray[np.int64], known_until: int) -> FloatArray:
    """Weigh the speeds in each series by how well they predicted its past intervals."""
    reference = np.maximum(means[len(means) // 2], LEAST_MEAN)
    over = np.arange(actual.shape[1])[None, :] + cover[:, None] <= known_until
    pooled_at = over & ~np.isnan(actual)
    intervals = _known(np.where(np.isnan(actual), 0.0, 1.0), cover)
    ballast = PRIOR_INTERVALS * cover[:, None]
    blended, total = np.zeros_like(reference), np.zeros_like(reference)
    for mean in means:
        squared = (actual - mean) ** 2
        pooled = float((squared[pooled_at] / reference[pooled_at]).mean()) if pooled_at.any() else 1.0
        error = (ballast * pooled * reference + _known(squared, cover)) / (ballast + intervals)
        weight = (error / reference + 1e-9) ** -SKILL_POWER
        blended += weight * mean
        total += weight
    return blended / total


def _interval_totals(demand: FloatArray, cover: NDArray[np.int64]) -> FloatArray:
    """Demand of periods t … t + cover − 1 at column t; NaN where the history ends before, (n, T + 1)."""
    total = np.concatenate([np.zeros((len(demand), 1)), np.cumsum(demand, axis=1)], axis=1)
    ends = np.arange(total.shape[1])[None, :] + cover[:, None]
    inside = ends < total.shape[1]
    later = np.take_along_axis(total, np.minimum(ends, total.shape[1] - 1), axis=1)
    return np.where(inside, later - total, np.nan)


def _known(values: FloatArray, cover: NDArray[np.int64]) -> FloatArray:
    """Recency-weighted sum, at column t, of values of the intervals that were over by then, (n, T + 1)."""
    starts = np.arange(values.shape[1])[None, :] - cover[:, None]
    arrived = np.take_along_axis(np.nan_to_num(values), np.maximum(starts, 0), axis=1)
    return scipy.signal.lfilter(
        [1.0], [1.0, -(0.5 ** (1 / SKILL_HALF_LIFE))], np.where(starts >= 0, arrived, 0.0), axis=1
    )


def _smooth(demand: FloatArray, listed: NDArray[np.bool_], half_life: float) -> FloatArray:
    """Exponentially weighted mean of the listed periods before each column, weights summing to 1, (n, T + 1)."""
    decay = 0.5 ** (1 / half_life)
    weight = _sum_before(listed.astype(float), decay)
    return np.divide(_sum_before(demand, decay), weight, out=np.zeros_like(weight), where=weight > 0)


def _interval_profile(demand: FloatArray, cover: NDArray[np.int64], season: int) -> FloatArray:
    """How many mean days each interval is worth, given the weekdays in it, (n, T + 1)."""
    n, periods = demand.shape
    whole, rest = np.divmod(cover, season)
    worth = np.broadcast_to((whole * season).astype(float)[:, None], (n, periods + 1)).copy()
    if not rest.any():
        return worth
    decay = 0.5 ** (1 / WEEKDAY_HALF_LIFE)
    column = np.arange(periods + 1)
    shares = np.empty((season, n, periods + 1))
    level = _sum_before(demand / season, decay)
    for weekday in range(season):
        own = _sum_before(demand * (np.arange(periods) % season == weekday), decay)
        pooled = own.sum(axis=0) / np.maximum(level.sum(axis=0), 1e-9)
        shares[weekday] = (own + WEEKDAY_PRIOR * pooled) / (level + WEEKDAY_PRIOR)
    mean_share = shares.mean(axis=0)
    shares /= np.where(mean_share > 0, mean_share, 1.0)
    shares[:, :, : 2 * season] = 1.0  # two weeks show no profile
    for ahead in range(int(rest.max())):
        share = np.take_along_axis(shares, ((column + ahead) % season)[None, None, :], axis=0)[0]
        worth += np.where(ahead < rest[:, None], share, 0.0)
    return worth


def _sum_before(values: FloatArray, decay: float) -> FloatArray:
    """Sum of the values before each column, halved by age, (n, T + 1)."""
    total = np.zeros((len(values), values.shape[1] + 1))
    total[:, 1:] = scipy.signal.lfilter([1.0], [1.0, -decay], values, axis=1)
    return total
