"""What is believed of promotions: by how much a leaflet and a discount raise an item's demand, and what that costs.

Weekly units of an item in a store follow a Poisson regression with the line's usual units as exposure:

    log E[units] = log usual + lift + slope · (−log(1 − depth))    in weeks in which it is promoted, and always
                   − stocked · (additional units of past weeks that shoppers still have at home)
                   + rival · (log of the competitor's price over its usual)
                   − Σ taken · (log effect of a neighbour's promotion) over the neighbours in the category
                   + traffic · (share of the store's range that is promoted)

Each item has its own lift, slope, stocked and rival, drawn to its category's and the chain's as far as its own weeks
are silent: a hierarchy of Gaussians, solved exactly at each step of a Laplace approximation, as for Bayesian
generalised linear models (Gelman & Hill 2006, ch. 15). What each item's promotions take from each neighbour: see
`substitutes.py`. Traffic is read at the doors where they are counted. Old weeks count less, by half every `half_life`
weeks, so that the belief follows a drift and stays wide enough to notice one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.price.substitutes import Sizes, Told, losses

__all__ = ["COEFFICIENTS", "HALF_LIFE", "STOCKED_DAYS", "Belief", "Prior", "Weeks", "features", "learn", "prior_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Taken = list[FloatArray]
"""Of each category, what the row's item loses of the column's log effect, (items, items)."""

COEFFICIENTS = ("lift", "slope", "stocked", "rival")
COUNT = len(COEFFICIENTS)
LOW, HIGH = np.array([-1.0, 0.0, 0.0, 0.0]), np.array([2.0, 8.0, 1.0, 3.0])
OF_LATE = 3  # weeks of the competitor's prices that hold for the coming one: the middle one, for a promotion is short
MOST_NEIGHBOURS = 30  # in larger categories each neighbour is taken to lose the same
HALF_LIFE = 52.0  # weeks after which a week counts half
STOCKED_DAYS = 21
"""Days that goods have to keep so that shoppers take them into stock."""
ITERATIONS = 5
SMOOTHING = 0.85  # weight of a week in an item's usual units beside that of the week after it
RETURNS = 0.7  # share of what shoppers have stocked that is still there a week later
CATEGORY_UNITS = 40.0  # units that a category's week counts like, before its own are believed
SHOCK_RANGE = (0.01, 0.2)
LARGEST_STEP = 0.7
LEAST_SQUARE = 1e-6  # of shares promoted, to say anything about visitors
LARGEST_EFFECT = 3.0


def features(depth: FloatArray) -> FloatArray:
    """Features of a discount: whether promoted, and −log(1 − depth); (…, 2)."""
    promoted = depth > 0
    return np.stack([promoted.astype(float), -np.log1p(-np.where(promoted, depth, 0.0))], axis=-1)


@dataclass(frozen=True)
class Prior:
    """What is believed before the first promotion.

    Attributes:
        item: mean of each item's lift, slope, stocked and rival, (I, 4).
        item_sd, category_sd, chain_sd: by how much items differ from what is expected of them, in their category; the
            categories from the chain; and the chain from this prior, (4,) each.
        taken: of a promotion's log effect, what all neighbours together lose: mean and standard deviation; traffic: the
            same.
    """

    item: FloatArray
    item_sd: FloatArray
    category_sd: FloatArray
    chain_sd: FloatArray
    taken: tuple[float, float]
    traffic: tuple[float, float]


@dataclass(frozen=True)
class Weeks:
    """Past weeks of n lines (an item in a store), oldest first.

    Attributes:
        units: sold, (n, W); NaN = nothing can be said (not listed, sold out).
        depth: discount in force, 0 = not promoted, (n, W).
        rival: log of the lowest competitor's price over its mean of these weeks, 0 where none is known, (n, W).
        store, item: numbers from 0, (n,); category: of each item, (I,); keeps: whether shoppers can stock it, (I,).
        visitors: counted at the doors, (S, W); NaN where nobody counts, or not all days of the week.
    """

    units: FloatArray
    depth: FloatArray
    rival: FloatArray
    store: IntArray
    item: IntArray
    category: IntArray
    keeps: BoolArray
    visitors: FloatArray


@dataclass(frozen=True)
class Belief:
    """A Gaussian belief, and the units that it expects of a line in the coming week without promotions.

    Attributes:
        mean: (I, 4) lift, slope, stocked, rival; covariance: (I, 4, 4).
        taken: (I, I) what the row loses of the column's log effect.
        traffic: mean and standard deviation, (2,).
        usual: units a week at the competitor's prices of late, (n,).
        stocked: what shoppers have at home and will take in the coming week, in weeks of usual units, (n,).
        learned: share of each item's effect that promotions have decided, the prior the rest, (I,).
        noise: squared coefficient of variation of a week beyond Poisson's.
    """

    mean: FloatArray
    covariance: FloatArray
    taken: scipy.sparse.csr_array
    traffic: FloatArray
    usual: FloatArray
    stocked: FloatArray
    learned: FloatArray
    noise: float

    def draw(self, rng: np.random.Generator, count: int) -> tuple[FloatArray, FloatArray]:
        """Coefficients drawn from the belief: (count, I, 4), and traffic, (count,)."""
        root = np.linalg.cholesky(self.covariance)
        own = self.mean + np.einsum("ikl,mil->mik", root, rng.standard_normal((count, *self.mean.shape)))
        traffic = self.traffic[0] + self.traffic[1] * rng.standard_normal(count)
        return np.clip(own, LOW, HIGH), np.maximum(traffic, 0)

    def tempered(self, factor: float) -> Belief:
        """The same belief with its standard deviations times a factor."""
        traffic = self.traffic * np.array([1.0, factor])
        return replace(self, covariance=self.covariance * factor**2, traffic=traffic)

    def save(self, folder: Path) -> None:
        """Write it as two NumPy archives."""
        np.savez(folder / "belief.npz", **{name: value for name, value in vars(self).items() if name != "taken"})
        scipy.sparse.save_npz(folder / "taken.npz", self.taken)

    @classmethod
    def load(cls, folder: Path) -> Belief:
        """Read what `save` wrote."""
        with np.load(folder / "belief.npz") as found:
            told = {name: found[name] for name in found.files}
        return cls(**told | {"taken": scipy.sparse.load_npz(folder / "taken.npz"), "noise": float(told["noise"])})


def prior_of(slopes: FloatArray) -> Prior:
    """What is believed of each item before its promotions speak.

    The slope starts from the one known before, where there is one, else from 2.5, about the mean of 1,851 published
    elasticities (Bijmolt, van Heerde & Pieters 2005, https://doi.org/10.1509/jmkr.42.2.141.62296, report −2.62).
    """
    item = np.tile([0.2, 2.5, 0.3, 0.4], (len(slopes), 1))
    item[:, 1] = np.where(np.isfinite(slopes), np.clip(slopes, 0.2, 7.0), item[:, 1])
    return Prior(
        item=item, item_sd=np.array([0.15, 0.6, 0.12, 0.3]), category_sd=np.array([0.05, 0.4, 0.03, 0.1]),
        chain_sd=np.array([0.15, 1.0, 0.15, 0.3]), taken=(0.2, 0.1), traffic=(0.1, 0.1),
    )  # fmt: skip


def learn(weeks: Weeks, prior: Prior, *, half_life: float) -> Belief:
    """Learn from past weeks.

    Args:
        half_life: weeks after which a week counts half.
    """
    seen = ~np.isnan(weeks.units)
    units = np.where(seen, weeks.units, 0.0)
    length = units.shape[1]
    age = length - 1 - np.arange(length)
    counts = seen * 0.5 ** (age / half_life)
    phi = features(weeks.depth)
    groups = _Groups.of(weeks, units)
    mean, taken, traffic = prior.item.copy(), _even(groups, prior.taken[0]), np.array(prior.traffic)
    covariance = np.tile(np.diag(prior.item_sd**2), (len(mean), 1, 1))
    noise = 0.1
    for _ in range(ITERATIONS):
        acting = _Acting.of(groups, weeks, phi, mean, taken, traffic[0])
        usual = _usual(units, seen, np.exp(acting.effect), _around(length))
        season, shock = _season(groups, weeks, units, seen, usual * np.exp(acting.effect))
        usual = usual * season
        expected = np.maximum(usual * np.exp(acting.effect), 1e-3)
        noise = _noise(units, expected, seen & (weeks.depth == 0) & (expected > 1))
        weight = counts * expected / (1 + expected * noise)
        rest = np.clip((units - expected) / expected, -1, 5)
        factor = seen * np.exp(acting.effect)
        regressors = (*np.moveaxis(phi, 2, 0), -acting.home, weeks.rival)
        design = np.stack([_apart(one, factor) for one in regressors], axis=-1)
        mean, covariance = _own(weeks, design, weight, rest, mean, prior)
        beyond = (1 + rest) * shock - 1
        sizes = Sizes(prior.taken[0], prior.taken[1] / prior.taken[0], _scale(groups, weeks, weight, shock))
        taken = _taken(groups, _apart(acting.pushed, seen), weight, beyond, taken, sizes)
        if np.isnan(weeks.visitors).all():
            traffic = _traffic(groups, _apart(acting.share, factor), weight, rest, traffic[0], prior)
        else:
            traffic = _at_the_doors(weeks, acting.share, prior)
    acting = _Acting.of(groups, weeks, phi, mean, taken, traffic[0])
    now = _usual(units, seen, np.exp(acting.effect), SMOOTHING ** age[:, None])[:, 0]
    now = now * np.exp(mean[weeks.item, 3] * np.median(weeks.rival[:, -OF_LATE:], axis=1))
    learned = 1 - covariance[:, 0, 0] / (prior.item_sd**2 + prior.category_sd**2 + prior.chain_sd**2)[0]
    beside = _matrix(groups, taken, len(mean))
    return Belief(mean, covariance, beside, traffic, now, acting.home_next, np.clip(learned, 0, 1), noise)


@dataclass(frozen=True)
class _Groups:
    """Which lines share what.

    Attributes:
        store: sums over the lines of a store; category: of a category in all stores; both sparse (groups, n).
        cells: of each category with more than one item, its items and the lines of each store, (stores, items), −1 =
            none there.
        size: mean units of each line, (n,).
    """

    store: scipy.sparse.csr_array
    category: scipy.sparse.csr_array
    cells: list[tuple[IntArray, IntArray]]
    size: FloatArray

    @classmethod
    def of(cls, weeks: Weeks, units: FloatArray) -> _Groups:
        category = weeks.category[weeks.item]
        cells = []
        for number in np.unique(category):
            lines = np.flatnonzero(category == number)
            items, column = np.unique(weeks.item[lines], return_inverse=True)
            stores, row = np.unique(weeks.store[lines], return_inverse=True)
            if len(items) > 1:
                table = np.full((len(stores), len(items)), -1)
                table[row, column] = lines
                cells.append((items, table))
        return cls(_summing(weeks.store), _summing(category), cells, units.mean(axis=1))


@dataclass(frozen=True)
class _Acting:
    """What moves each line in each week, (n, W).

    Attributes:
        pushed: log effect of its own promotion; effect: of everything.
        home: what shoppers have at home, in weeks of usual units that they take now; home_next: after the last week,
            (n,).
        share: of the store's range that is promoted.
    """

    pushed: FloatArray
    effect: FloatArray
    home: FloatArray
    home_next: FloatArray
    share: FloatArray

    @classmethod
    def of(
        cls, groups: _Groups, weeks: Weeks, phi: FloatArray, mean: FloatArray, taken: Taken, traffic: float
    ) -> _Acting:
        own = mean[weeks.item]
        pushed = np.clip(np.einsum("nwk,nk->nw", phi, own[:, :2]), -LARGEST_EFFECT, LARGEST_EFFECT)
        gained = np.expm1(np.maximum(pushed, 0)) * weeks.keeps[weeks.item][:, None]
        home, left = np.zeros_like(pushed), np.zeros(len(pushed))
        for week in range(pushed.shape[1]):
            home[:, week] = (1 - RETURNS) * left
            left = RETURNS * left + gained[:, week]
        size = groups.size[:, None]
        share = (groups.store @ (size * (weeks.depth > 0)) / np.maximum(groups.store @ size, 1e-9))[weeks.store]
        effect = pushed - own[:, 2:3] * home + own[:, 3:] * weeks.rival + traffic * share
        for (_, table), loses in zip(groups.cells, taken, strict=True):
            there = table >= 0
            pull = np.where(there[:, :, None], pushed[table], 0.0)
            effect[table[there]] -= np.einsum("ij,sjw->siw", loses, pull)[there]
        return cls(pushed, np.clip(effect, -LARGEST_EFFECT, LARGEST_EFFECT), home, (1 - RETURNS) * left, share)


def _summing(codes: IntArray) -> scipy.sparse.csr_array:
    count = len(codes)
    return scipy.sparse.csr_array((np.ones(count), (codes, np.arange(count))), shape=(int(codes.max()) + 1, count))


def _around(length: int) -> FloatArray:
    """Weights of the other weeks in a week's usual units, (W, W)."""
    weeks = np.arange(length)
    return np.where(np.eye(length, dtype=bool), 0.0, SMOOTHING ** np.abs(weeks[:, None] - weeks))


def _usual(units: FloatArray, seen: BoolArray, factor: FloatArray, weights: FloatArray) -> FloatArray:
    """Usual units from other weeks, with what moved them taken out, (n, …)."""
    return np.asarray((units @ weights + 0.05) / ((seen * factor) @ weights + 0.05))


def _apart(values: FloatArray, factor: FloatArray) -> FloatArray:
    """A regressor less its mean over the weeks from which the usual units are told: what they take up tells nothing."""
    weights = _around(values.shape[1])
    return np.asarray(values - (values * factor) @ weights / (factor @ weights + 1e-9))


def _season(
    groups: _Groups, weeks: Weeks, units: FloatArray, seen: BoolArray, expected: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Factor of a category's week in all stores beside the weeks around it, told by what was not promoted, and that
    factor over the chain's, (n, W) each."""
    plain = seen & (weeks.depth == 0)
    sold, hoped = groups.category @ (units * plain), groups.category @ (expected * plain)
    chain = (sold.sum(axis=0) + CATEGORY_UNITS) / (hoped.sum(axis=0) + CATEGORY_UNITS)
    factor = (sold + CATEGORY_UNITS * chain) / (hoped + CATEGORY_UNITS)
    category = weeks.category[weeks.item]
    return np.asarray(factor[category]), np.asarray((factor / chain)[category])


def _scale(groups: _Groups, weeks: Weeks, weight: FloatArray, shock: FloatArray) -> float:
    """Standard deviation of the logarithm of a category's week beyond what its lines' own noise makes of it."""
    noise = 1 / np.maximum(groups.category @ weight, 1.0)[weeks.category[weeks.item]]
    return float(np.sqrt(np.clip((np.log(shock) ** 2 - noise).mean(), *np.square(SHOCK_RANGE))))


def _noise(units: FloatArray, expected: FloatArray, plain: BoolArray) -> float:
    """Squared coefficient of variation beyond Poisson's, by moments."""
    if not plain.any():
        return 0.1
    beyond = ((units - expected) ** 2 - expected)[plain].sum() / (expected[plain] ** 2).sum()
    return float(np.clip(beyond, 0.02, 1.0))


def _own(
    weeks: Weeks, design: FloatArray, weight: FloatArray, rest: FloatArray, mean: FloatArray, prior: Prior
) -> tuple[FloatArray, FloatArray]:
    """One step for what shows in an item's own sales: its data as a Gaussian, then the hierarchy, up and down again."""
    items, categories = len(mean), int(weeks.category.max()) + 1
    told, pull = np.zeros((items, COUNT, COUNT)), np.zeros((items, COUNT))
    np.add.at(told, weeks.item, np.einsum("nw,nwk,nwl->nkl", weight, design, design))
    np.add.at(pull, weeks.item, np.einsum("nw,nwk->nk", weight * rest, design))
    start = mean - prior.item
    pull = pull + np.einsum("ikl,il->ik", told, start)
    within, between, above = (np.diag(sd**2.0) for sd in (prior.item_sd, prior.category_sd, prior.chain_sd))
    to_category, towards = _raised(told, pull, within)
    told_above, pull_above = np.zeros((categories, COUNT, COUNT)), np.zeros((categories, COUNT))
    np.add.at(told_above, weeks.category, to_category)
    np.add.at(pull_above, weeks.category, towards)
    to_chain, towards = _raised(told_above, pull_above, between)
    chain_covariance = np.linalg.inv(to_chain.sum(axis=0) + np.linalg.inv(above))
    chain = chain_covariance @ towards.sum(axis=0)
    of_category, spread = _lowered(told_above, pull_above, between, chain, chain_covariance)
    found, covariance = _lowered(told, pull, within, of_category[weeks.category], spread[weeks.category])
    moved = np.clip(found - start, -LARGEST_STEP, LARGEST_STEP)
    return np.clip(mean + moved, LOW, HIGH), covariance


def _raised(told: FloatArray, pull: FloatArray, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What members say of their parent: information and pull once their own deviation (`spread`) is averaged out."""
    gain = told @ np.linalg.inv(told + np.linalg.inv(spread))
    return told - gain @ told, pull - np.einsum("gkl,gl->gk", gain, pull)


def _lowered(
    told: FloatArray, pull: FloatArray, spread: FloatArray, parent: FloatArray, parent_covariance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Members' mean and covariance given their parents'."""
    inverse = np.linalg.inv(spread)
    covariance = np.linalg.inv(told + inverse)
    leaning = covariance @ inverse
    mean = np.einsum("gkl,gl->gk", covariance, pull) + (leaning @ np.atleast_2d(parent)[..., None])[..., 0]
    return mean, covariance + leaning @ parent_covariance @ np.swapaxes(leaning, 1, 2)


def _even(groups: _Groups, taken: float) -> Taken:
    """Every neighbour loses the same."""
    return [taken / (len(items) - 1) * (1 - np.eye(len(items))) for items, _ in groups.cells]


def _taken(
    groups: _Groups, pushed: FloatArray, weight: FloatArray, rest: FloatArray, taken: Taken, sizes: Sizes
) -> Taken:
    """One step for what each item loses to each neighbour's promotions."""
    made = []
    for (items, table), now, even in zip(groups.cells, taken, _even(groups, sizes.total), strict=True):
        if len(items) > MOST_NEIGHBOURS + 1:
            made.append(even)
            continue
        there = (table >= 0)[:, :, None]
        push, heavy, left = (np.where(there, values[table], 0.0) for values in (pushed, weight, rest))
        made.append(now + 0.7 * (losses(Told.of(push, heavy, left, now), sizes, now) - now))
    return made


def _matrix(groups: _Groups, taken: Taken, items: int) -> scipy.sparse.csr_array:
    """The categories' tables as one sparse matrix, (I, I)."""
    rows = [np.repeat(codes, len(codes)) for codes, _ in groups.cells]
    columns = [np.tile(codes, len(codes)) for codes, _ in groups.cells]
    data = [loses.ravel() for loses in taken]
    empty = [np.zeros(0, dtype=np.int64)]
    place = (np.concatenate(rows or empty), np.concatenate(columns or empty))
    return scipy.sparse.csr_array((np.concatenate(data or [np.zeros(0)]), place), shape=(items, items))


def _traffic(
    groups: _Groups, share: FloatArray, weight: FloatArray, rest: FloatArray, mean: float, prior: Prior
) -> FloatArray:
    """One step for traffic: mean and standard deviation, (2,). What all lines of a store's week share counts once."""
    score = groups.store @ (weight * rest * share)
    certain = groups.store @ (weight * share**2)
    scatter = max(float((score**2).sum() / max(certain.sum(), 1e-12)), 1.0)
    precision = prior.traffic[1] ** -2.0
    variance = 1 / (certain.sum() / scatter + precision)
    moved = variance * (score.sum() / scatter - precision * (mean - prior.traffic[0]))
    return np.array([np.clip(mean + np.clip(moved, -0.3, 0.3), 0.0, 1.0), np.sqrt(variance)])


def _at_the_doors(weeks: Weeks, share: FloatArray, prior: Prior) -> FloatArray:
    """Traffic from counted visitors: mean and standard deviation, (2,).

    A store's week beside the weeks around it, told twice: how all stores' weeks differ, and how stores differ within a
    week. Either counts by its own noise, for weather and holidays are the weeks' alone.
    """
    first = np.unique(weeks.store, return_index=True)[1]
    counted = weeks.visitors > 0
    came = _apart(np.log(np.where(counted, weeks.visitors, 1.0)), counted.astype(float))
    shown = _apart(share[first], counted.astype(float))
    stores = np.maximum(counted.sum(axis=0), 1)
    by_week = [(values * counted).sum(axis=0) / stores for values in (came, shown)]
    within = [np.where(counted, values - mean, 0.0) for values, mean in zip((came, shown), by_week, strict=True)]
    score, certain = prior.traffic[0] * prior.traffic[1] ** -2.0, prior.traffic[1] ** -2.0
    for moved, push, weight in ((*by_week, counted.any(axis=0)), (*within, counted)):
        square = float((push**2 * weight).sum())
        if square < LEAST_SQUARE:
            continue
        slope = float((push * moved * weight).sum()) / square
        noise = max(float(((moved - slope * push) ** 2 * weight).sum() / max(weight.sum() - 1, 1)), LEAST_SQUARE)
        score, certain = score + slope * square / noise, certain + square / noise
    return np.array([np.clip(score / certain, 0.0, 1.0), certain**-0.5])
