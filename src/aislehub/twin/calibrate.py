"""A world like the chain whose tables these are.

Fitted: base rates (gamma–Poisson shrinkage to store × item margins), weekdays, the year where there is one, how days
scatter, shocks that stores and categories share, list prices, own elasticities and lifts of leaflet and display (by
category, drawn to the chain's, and by item, drawn to the category's; empirical Bayes). Taken over: costs, shelf lives,
visitors in proportion to receipts. Assumed, for sales do not tell it or tell too little, from the family
`heterogeneous`: holidays, substitutes, stocking up, what a competitor does, terms of supply.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from aislehub.twin.chain import Actions, Chain
from aislehub.twin.observed import Observed
from aislehub.twin.world import (
    BASKET,
    CASES,
    CONVERSION,
    KEEPS,
    BoolArray,
    Family,
    FloatArray,
    IntArray,
    World,
    substitutes,
)

__all__ = ["Slopes", "fitted", "replayed", "slopes"]

PRIOR_UNITS = 2.0  # weight of what store and item alone let expect
SPREAD_SD = np.array([0.6, 0.2, 0.2])  # of categories, and of items, around their parent: elasticity, leaflet, display
CHAIN_PRIOR = np.array([-2.0, 0.2, 0.3]), np.array([1.0, 0.3, 0.3])
LEAST_WEEKLY = 2.0  # units of an item in the chain, below which a week says nothing about its price
WEEKDAY_PRIOR = 50.0  # units
HARMONIC_DAYS = 300
SHAPES = (0.1, 50.0)
MOST_SHOCK = 0.4
CORRECTIONS = 2
AMPLE_DAYS = 60
MOST_LIFT = 1.5  # log
ELASTICITIES = (-6.0, -0.3)


@dataclass(frozen=True)
class Slopes:
    """Log slopes on price, leaflet and display.

    Attributes:
        item, category, chain: (I, 3), (C, 3), (3,).
    """

    item: FloatArray
    category: FloatArray
    chain: FloatArray


def fitted(seen: Observed, *, seed: int) -> World:
    """The world behind what was observed; `seed` draws what is assumed, the pattern of substitutes above all.

    What is assumed bends what is fitted: shoppers who stock up buy less afterwards. So the first guess lives the
    observed days, is measured as the chain was, and is moved by what it missed (indirect inference; Gouriéroux,
    Monfort & Renault 1993, https://doi.org/10.1002/jae.3950080507).
    """
    world = _guessed(seen, seed)
    for _ in range(CORRECTIONS):
        told = replayed(world, seen, seed)
        total, missed = told.units.sum(axis=(0, 1)), slopes(seen).chain - slopes(told).chain
        world = replace(
            world,
            rate=world.rate * (seen.units.sum(axis=(0, 1)) + PRIOR_UNITS) / (total + PRIOR_UNITS),
            elasticity=np.clip(world.elasticity + missed[0], *ELASTICITIES),
            promotion_lift=np.maximum(world.promotion_lift * np.exp(missed[1]), 1),
            display_lift=np.maximum(world.display_lift * np.exp(missed[2]), 1),
        )
    return world


def _guessed(seen: Observed, seed: int) -> World:
    """Everything but the correction."""
    family, rng = Family.load("heterogeneous"), np.random.default_rng([seed, 0xCA11])
    days, stores, items = seen.units.shape
    weekday = (seen.first.weekday() + np.arange(days)) % 7
    rate = _rates(seen.units)
    own = slopes(seen)
    week, by_category = _weeks(seen, weekday)
    lift = np.exp(np.clip(own.item[:, 1:], 0, MOST_LIFT))
    moved = own.item[:, 0] * np.log(seen.price / seen.regular)
    moved = moved + seen.promoted * np.log(lift[:, 0]) + seen.displayed * np.log(lift[:, 1])
    season = week[weekday][:, None] + by_category[seen.category][:, weekday].T
    expected = np.exp(season[:, None, :] + moved)
    rate = rate * (seen.units.sum(axis=0) + 0.1) / ((rate * expected).sum(axis=0) + 0.1)
    expected = expected * rate
    year = _year(seen, expected)
    expected = expected * np.exp(_harmonic(year, seen)[:, seen.category])[:, None, :]
    elasticity = np.broadcast_to(np.clip(own.item[:, 0], *ELASTICITIES), (stores, items)).copy()
    cross, switch = substitutes(family, rng, seen.category, elasticity.mean(axis=0))
    price = np.median(seen.regular, axis=0)
    cost = np.where(np.isnan(seen.cost), price * (1 - family.margin), np.minimum(seen.cost, 0.98 * price))
    life = np.where(np.isnan(seen.life), KEEPS, np.maximum(seen.life, 1)).astype(np.int64)
    lasting = rate.mean(axis=0) * np.minimum(family.case_days, life / 3)
    receipts = np.where(seen.receipts > 0, seen.receipts, rate.sum(axis=1) / BASKET)
    of_store, of_category = _shocks(seen, expected)
    family = replace(
        family, name="calibrated", week=tuple(np.exp(week)), store_shock_sd=of_store, category_shock_sd=of_category
    )
    return World(
        family=family,
        seed=seed,
        start=seen.first,
        stores=seen.stores,
        items=seen.items,
        categories=seen.categories,
        departments=seen.departments,
        category=seen.category,
        region=np.unique(seen.regions, return_inverse=True)[1].astype(np.int64),
        rate=rate,
        dispersion=_shapes(seen, expected),
        trend=np.zeros(items),
        week=by_category,
        year=year,
        warmth=np.zeros(len(seen.categories)),
        holiday=np.ones(len(seen.categories)),
        visitors=receipts / CONVERSION,
        elasticity=elasticity,
        cross=scipy.sparse.csr_array(cross),
        switch=scipy.sparse.csr_array(switch),
        competitor=np.full(items, family.competitor),
        competitor_level=np.full(items, family.competitor_level),
        promotion_lift=lift[:, 0],
        display_lift=lift[:, 1],
        stock_up=np.where(life < family.pantry_days, 0.0, family.stock_up),
        regular_price=np.maximum(seen.regular, 0.01),
        cost=np.minimum(np.broadcast_to(cost, (stores, items)), 0.98 * seen.regular),
        life=life,
        case=CASES[np.maximum(np.searchsorted(CASES, lasting, side="right") - 1, 0)].astype(float),
        lead_days=np.full((stores, items), round(float(np.mean(family.lead_days))), dtype=np.int64),
    )


def replayed(world: World, real: Observed, seed: int) -> Observed:
    """What the twin sells on the real days at the real prices and promotions, shelves full."""
    chain, units = Chain(world, seed), np.zeros(real.units.shape)
    level = np.ceil(AMPLE_DAYS * world.rate + 10)
    for day in range(len(units)):
        order = np.maximum(level - chain.on_hand - chain.on_order, 0)
        outcome = chain.advance(Actions(real.price[day], real.promoted[day], real.displayed[day], order))
        units[day] = outcome.demand
    return replace(real, units=units)


def slopes(seen: Observed) -> Slopes:
    """How weekly units of an item over all stores moved with its mean log price and its share in leaflet and display.

    Least squares on log units with item and week effects removed, weighted by expected units. Three levels: the chain's
    slopes with a wide prior, categories drawn to the chain, items to their category.
    """
    weeks = len(seen.units) // 7
    cut = len(seen.units) - 7 * weeks
    weight = seen.units.sum(axis=0) / np.maximum(seen.units.sum(axis=(0, 1)), 1e-9)

    def weekly(values: FloatArray | BoolArray) -> FloatArray:
        return np.asarray((values * weight).sum(axis=1)[cut:].reshape(weeks, 7, -1).mean(axis=1))

    units = seen.units.sum(axis=1)[cut:].reshape(weeks, 7, -1).sum(axis=1)
    drivers = [weekly(np.log(seen.price / seen.regular)), weekly(seen.promoted), weekly(seen.displayed)]
    usual = units.mean(axis=0)
    weights = np.where(usual >= LEAST_WEEKLY, usual, 0.0)
    y = _within(np.log(units + 0.5), weights)
    x = np.stack([_within(driver, weights) for driver in drivers])
    squares = np.einsum("kwi,lwi,i->ikl", x, x, weights)
    products = np.einsum("kwi,wi,i->ik", x, y, weights)
    chain = np.linalg.solve(squares.sum(axis=0) + 1e-6 * np.eye(3), products.sum(axis=0))
    rest = y - np.einsum("kwi,k->wi", x, chain)
    variance = float((rest**2 * weights).sum() / max((weights > 0).sum() * (weeks - 2) - 3, 1))

    def drawn(squares: FloatArray, products: FloatArray, prior: FloatArray, sd: FloatArray) -> FloatArray:
        penalty = np.diag(variance / sd**2)
        return np.asarray(np.linalg.solve(squares + penalty, (products + prior @ penalty)[..., None])[..., 0])

    chain = drawn(squares.sum(axis=0), products.sum(axis=0), *CHAIN_PRIOR)
    sums = np.zeros((len(seen.categories), 3, 3)), np.zeros((len(seen.categories), 3))
    np.add.at(sums[0], seen.category, squares)
    np.add.at(sums[1], seen.category, products)
    category = drawn(*sums, np.broadcast_to(chain, sums[1].shape), SPREAD_SD)
    item = drawn(squares, products, category[seen.category], SPREAD_SD)
    return Slopes(item, category, chain)


def _within(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Values (weeks, I) without the item's mean and the week's weighted mean."""
    apart = values - values.mean(axis=0)
    return np.asarray(apart - (apart @ weights)[:, None] / max(weights.sum(), 1e-9))


def _rates(units: FloatArray) -> FloatArray:
    """Mean units a day, (S, I), drawn to what store and item alone let expect."""
    total = units.sum(axis=0)
    margins = total.sum(axis=1, keepdims=True) * total.sum(axis=0) / max(total.sum(), 1e-9)
    return np.asarray((total + PRIOR_UNITS) / (len(units) + PRIOR_UNITS * len(units) / np.maximum(margins, 1e-3)))


def _weeks(seen: Observed, weekday: IntArray) -> tuple[FloatArray, FloatArray]:
    """Log weekday factors of the chain, (7,), and what categories add, (C, 7), drawn to 0."""
    count = np.bincount(weekday, minlength=7)
    chain = np.bincount(weekday, seen.units.sum(axis=(1, 2)), 7) / count
    share = chain / chain.mean()
    daily = _by_category(seen.units.sum(axis=1), seen)
    by_category = np.stack([np.bincount(weekday, daily[:, number], 7) for number in range(daily.shape[1])])
    usual = by_category.sum(axis=1, keepdims=True) * share * count / (share * count).sum()
    return np.log(np.maximum(share, 0.05)), np.log((by_category + WEEKDAY_PRIOR) / (usual + WEEKDAY_PRIOR))


def _year(seen: Observed, expected: FloatArray) -> FloatArray:
    """Amplitude and peak day of each category's year, (C, 2); 0 where less than a year was seen."""
    if len(seen.units) < HARMONIC_DAYS:
        return np.zeros((len(seen.categories), 2))
    units, usual = (_by_category(values.sum(axis=1), seen) for values in (seen.units, expected))
    angle = 2 * np.pi * _days_of_year(seen) / 365.25
    # For a small amplitude, units ≈ usual · (1 + a cos + b sin): two regressions through the origin.
    a, b = ((wave @ (units - usual)) / np.maximum((wave**2) @ usual + PRIOR_UNITS, 1e-9)
            for wave in (np.cos(angle), np.sin(angle)))  # fmt: skip
    return np.column_stack([np.minimum(np.hypot(a, b), 1.0), np.arctan2(b, a) % (2 * np.pi) * 365.25 / (2 * np.pi)])


def _harmonic(year: FloatArray, seen: Observed) -> FloatArray:
    """Log factors of the year, (T, C)."""
    return np.asarray(year[:, 0] * np.cos(2 * np.pi * (_days_of_year(seen)[:, None] - year[:, 1]) / 365.25))


def _days_of_year(seen: Observed) -> FloatArray:
    return seen.first.timetuple().tm_yday + np.arange(len(seen.units), dtype=float)


def _shapes(seen: Observed, expected: FloatArray) -> FloatArray:
    """Gamma shape of each item's day, (I,), by moments, drawn to the chain's: variance = mean + mean² / shape."""
    excess = ((seen.units - expected) ** 2 - expected).sum(axis=(0, 1))
    squares = (expected**2).sum(axis=(0, 1))
    chain = max(excess.sum() / max(squares.sum(), 1e-9), 1 / SHAPES[1])
    weight = np.median(squares) + 1e-9
    return np.clip((squares + weight) / np.maximum(excess + weight * chain, 1e-9), *SHAPES)


def _shocks(seen: Observed, expected: FloatArray) -> tuple[float, float]:
    """Standard deviations of what a store's day, and a category's day, share.

    By products of residuals: of two categories in one store, and of one category in two stores. Chance of single cells
    is in neither.
    """
    rest, usual = (
        np.stack([_by_category(values[:, store], seen) for store in range(values.shape[1])], axis=1)
        for values in (seen.units - expected, expected)
    )
    found = []
    for axis in (2, 1):
        pairs, weights = ((v.sum(axis=axis) ** 2).sum() - (v**2).sum() for v in (rest, usual))
        found.append(float(np.sqrt(np.clip(pairs / max(weights, 1e-9), 0, MOST_SHOCK**2))))
    return found[0], found[1]


def _by_category(daily: FloatArray, seen: Observed) -> FloatArray:
    """(T, I) summed to (T, C)."""
    members: Any = scipy.sparse.csr_array(
        (np.ones(len(seen.category)), (np.arange(len(seen.category)), seen.category)),
        shape=(len(seen.category), len(seen.categories)),
    )
    return np.asarray(daily @ members)
