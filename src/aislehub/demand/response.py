"""Response: how demand answers to price and promotion, counted from the weeks in which they moved.

A Poisson regression of weekly units on logarithmic price and on the share of the week's days that were promoted, with a
fixed effect for every item in every store (and every week, where there are enough items): a store's size or an item's
popularity explains nothing. The coefficient of the price is the own-price elasticity; the exponential of that of a
promotion its lift. Three levels lean on each other: the chain's estimate is the prior of the categories, a category's
of its items (empirical Bayes; variances between siblings by EM, Dempster, Laird & Rubin 1977,
https://doi.org/10.1111/j.2517-6161.1977.tb01600.x). Counts that scatter more than Poisson's (quasi-likelihood,
Wedderburn 1974, https://doi.org/10.1093/biomet/61.3.439), also together in all stores of a week, widen the intervals.

What it cannot tell: a price that moved only with something unseen (a competitor, a shortage) borrows its effect, and
shoppers who stock up in a cheap week are missed in the next ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Response", "respond"]

FloatArray = NDArray[Any]
IntArray = NDArray[np.intp]

ITERATIONS = 10
BETWEEN_ITERATIONS = 20
WIDE = 10.0  # prior standard deviation of the chain's coefficients: none
USUAL = {"price": 0.7}  # standard deviation between siblings, …
USUAL_OF_PROMOTIONS = 0.3
USUAL_WEIGHT = 10.0  # … worth as many siblings
MIN_ITEMS_FOR_WEEKS = 20  # with fewer, one item's own sales would be much of what "the week" sold
LARGEST_STEP = 1.0
Z = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True)
class Response:
    """Coefficients of each item's demand.

    Attributes:
        drivers: K names; `price` is in logarithms.
        mean: (items, K), drawn to the category's where the item has little to say.
        sd: (items, K), standard deviation of `mean`.
        own: (items, K), share of each coefficient that the item's own weeks have decided, 0 to 1.
    """

    drivers: tuple[str, ...]
    mean: FloatArray
    sd: FloatArray
    own: FloatArray

    def interval(self, item: int, driver: str) -> tuple[float, float, float]:
        """A coefficient with its 90 % interval: mean, low, high."""
        at = self.drivers.index(driver)
        mean, sd = float(self.mean[item, at]), float(self.sd[item, at])
        return mean, mean - Z * sd, mean + Z * sd

    def share(self, item: int, driver: str) -> float:
        """By how much the item's own weeks have decided a coefficient, 0 to 1."""
        return float(self.own[item, self.drivers.index(driver)])


def respond(units: FloatArray, drivers: dict[str, FloatArray], item: IntArray, category: IntArray) -> Response:
    """Estimate how each item's demand answers to its drivers.

    Args:
        units: weekly units of each series (an item in a store), (N, W); NaN = unknown.
        drivers: name → (N, W), NaN = unknown; the price in logarithms, promotions as shares of the week.
        item: item of each series, (N,), numbered from 0.
        category: category of each item, (items,), numbered from 0.
    """
    names = tuple(drivers)
    values = np.stack([np.asarray(drivers[name], dtype=np.float64) for name in names])
    seen = ~np.isnan(units) & ~np.isnan(values).any(axis=0)
    weeks = _Weeks(np.where(seen, units, 0.0).astype(np.float64), np.where(seen, values, 0.0), seen)
    items, categories = len(category), int(category.max()) + 1
    with_weeks = items >= MIN_ITEMS_FOR_WEEKS

    usual = np.array([USUAL.get(name, USUAL_OF_PROMOTIONS) for name in names])
    nothing = np.zeros((1, len(names))), np.zeros((1, len(names), len(names)))
    everything = _Level(np.zeros(len(units), dtype=np.intp), *nothing)
    chain = _estimate(weeks, everything, np.full(len(names), WIDE), with_weeks=with_weeks)
    shared = chain.prior(np.zeros(categories, dtype=np.intp))
    middle = _estimate(weeks, _Level(category[item], *shared), usual, with_weeks=with_weeks)
    bottom = _estimate(weeks, _Level(item, *middle.prior(category)), usual, with_weeks=with_weeks)
    variance = np.diagonal(bottom.covariance, axis1=1, axis2=2)
    return Response(names, bottom.mean, np.sqrt(variance), bottom.own)


@dataclass
class _Weeks:
    """Units (N, W), drivers (K, N, W), which cells count; `offset` holds the week's own effect."""

    units: FloatArray
    values: FloatArray
    seen: NDArray[np.bool_]
    offset: float | FloatArray = 0.0

    def expected(self, slopes: FloatArray) -> FloatArray:
        """Expected units given each series' total, (N, W); `slopes` (N, K)."""
        exponent = np.einsum("nk,knw->nw", slopes, self.values) + self.offset
        exponent = np.where(self.seen, exponent, -np.inf)
        largest = exponent.max(axis=1, keepdims=True)
        share = np.exp(exponent - np.where(np.isfinite(largest), largest, 0))
        return self.units.sum(axis=1, keepdims=True) * share / np.maximum(share.sum(axis=1, keepdims=True), 1e-300)


@dataclass(frozen=True)
class _Level:
    """Which group each series belongs to, (N,), and the groups' prior mean (G, K) and its covariance (G, K, K)."""

    group: IntArray
    mean: FloatArray
    covariance: FloatArray


@dataclass(frozen=True)
class _Estimate:
    """Coefficients (G, K), their covariance (G, K, K), and the share that a group's own data decided, (G, K)."""

    mean: FloatArray
    covariance: FloatArray
    own: FloatArray

    def prior(self, parent: IntArray) -> tuple[FloatArray, FloatArray]:
        """What the members of each group start from."""
        return self.mean[parent], self.covariance[parent]


def _estimate(weeks: _Weeks, level: _Level, usual: FloatArray, *, with_weeks: bool) -> _Estimate:
    """Newton steps on the penalised quasi-likelihood, with the deviation between siblings estimated beside.

    Args:
        usual: standard deviation between siblings to start from, (K,).
    """
    slopes, group = level.mean.copy(), level.group
    siblings = usual
    for _ in range(ITERATIONS):
        expected = weeks.expected(slopes[group])
        if with_weeks:
            total = np.maximum(expected.sum(axis=0), 1e-12)
            weeks.offset = weeks.offset + np.log(np.maximum(weeks.units.sum(axis=0), 0.5) / total)
            expected = weeks.expected(slopes[group])
        score, information, scatter = _likelihood(weeks, expected, group, len(slopes))
        root = np.sqrt(scatter)
        told = information / (root[:, :, None] * root[:, None, :])
        pull = score / scatter + np.einsum("gkl,gl->gk", told, slopes - level.mean)
        if len(slopes) > 1:
            siblings = _between(told, pull, usual)
        covariance = np.linalg.inv(told + np.diag(siblings**-2.0))
        aim = level.mean + np.einsum("gkl,gl->gk", covariance, pull)
        slopes = slopes + np.clip(aim - slopes, -LARGEST_STEP, LARGEST_STEP)
    penalty = np.diag(siblings**-2.0)
    leaning = covariance @ penalty  # how far a group follows its prior
    whole = covariance + leaning @ level.covariance @ np.swapaxes(leaning, 1, 2)
    return _Estimate(slopes, whole, np.clip(1 - np.diagonal(leaning, axis1=1, axis2=2), 0, 1))


def _between(told: FloatArray, pull: FloatArray, usual: FloatArray) -> FloatArray:
    """Standard deviation between siblings, (K,), by EM on their likelihoods as parabolas.

    Args:
        told: information of each sibling, (G, K, K).
        pull: information × distance of the sibling's own estimate from the prior mean, (G, K).
        usual: what it usually is, which counts like 10 siblings.
    """
    siblings = usual
    for _ in range(BETWEEN_ITERATIONS):
        covariance = np.linalg.inv(told + np.diag(siblings**-2.0))
        apart = np.einsum("gkl,gl->gk", covariance, pull) ** 2 + np.diagonal(covariance, axis1=1, axis2=2)
        siblings = np.sqrt((apart.sum(axis=0) + USUAL_WEIGHT * usual**2) / (len(told) - 1 + USUAL_WEIGHT))
    return siblings


def _likelihood(
    weeks: _Weeks, expected: FloatArray, group: IntArray, groups: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Score (G, K) and information (G, K, K) given every series' total, and the scatter (G, K).

    The scatter is by how much a score varies more than it would under Poisson: from cell to cell, and with all
    stores of a week together (cluster-robust, raised by n / (n − 2) where few weeks matter).
    """
    count, length = len(weeks.values), weeks.units.shape[1]
    total = np.maximum(expected.sum(axis=1), 1e-12)
    usual = np.einsum("nw,knw->kn", expected, weeks.values) / total
    apart = np.where(weeks.seen, weeks.values - usual[:, :, None], 0.0)
    rest = np.where(weeks.seen, weeks.units - expected, 0.0)
    score, information = np.empty((groups, count)), np.empty((groups, count, count))
    scatter = np.empty((groups, count))
    single = _dispersion(weeks, expected, rest, group, groups)
    for one in range(count):
        for other in range(one, count):
            shared = np.einsum("nw,nw,nw->n", expected, apart[one], apart[other])
            information[:, one, other] = information[:, other, one] = np.bincount(group, shared, groups)
        by_week, certain = np.zeros((groups, length)), np.zeros((groups, length))
        np.add.at(by_week, group, rest * apart[one])
        np.add.at(certain, group, expected * apart[one] ** 2)
        score[:, one] = by_week.sum(axis=1)
        mattering = certain.sum(axis=1) ** 2 / np.maximum((certain**2).sum(axis=1), 1e-300)
        raised = mattering / np.maximum(mattering - 2, 1)
        together = raised * (by_week**2).sum(axis=1) / np.maximum(certain.sum(axis=1), 1e-12)
        scatter[:, one] = np.maximum(np.maximum(single, together), 1.0)
    return score, information, scatter


def _dispersion(weeks: _Weeks, expected: FloatArray, rest: FloatArray, group: IntArray, groups: int) -> FloatArray:
    """Pearson's dispersion of single cells, (G,)."""
    squared = np.where(expected > 0, rest**2 / np.maximum(expected, 1e-9), 0.0)
    freedom = np.bincount(group, weeks.seen.sum(axis=1) - 1.0, groups) - len(weeks.values)
    return np.bincount(group, squared.sum(axis=1), groups) / np.maximum(freedom, 1)
