"""Demand of one day: what all stores expect to sell of all items, and what a day of chance makes of it.

Every random number of a day comes from one counter-based stream (Philox; Salmon et al. 2011,
https://doi.org/10.1145/2063384.2063405) keyed by seed and day, and none is asked for more or less because of what
somebody did. So two policies under one seed meet the same weather, the same visitors' mood and the same uniforms;
counts come from these by inverse distribution functions, so that a higher expectation never sells less.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import scipy

from aislehub.twin.world import HOLIDAYS, BoolArray, FloatArray, World

__all__ = ["Draws", "Shelf", "expected", "poisson_quantile", "season", "stream", "temperature_usual", "visitors"]

SEARCHED_BELOW = 12.0
"""Means up to which counts are found by adding up probabilities."""
EVE_DAYS = 3


@dataclass(frozen=True)
class Draws:
    """The chance of one day, the same whatever anybody decides.

    Attributes:
        heat, rain: (R,) standard normal and uniform, for the weather; `mood`: (S,) standard normal, `entering` (S,)
            uniform, for the visitors; `fashion`: (C,) standard normal, for the categories.
        competitor: (I,) standard normal, `competitor_promotes` (I,) uniform, of the week's Monday.
        scatter: (S, I) gamma with mean 1; `buying`, `switching`, `late`: (S, I) uniform.
    """

    heat: FloatArray
    rain: FloatArray
    mood: FloatArray
    entering: FloatArray
    fashion: FloatArray
    competitor: FloatArray
    competitor_promotes: FloatArray
    scatter: FloatArray
    buying: FloatArray
    switching: FloatArray
    late: FloatArray

    @classmethod
    def of(cls, world: World, seed: int, day: int) -> Draws:
        """Draw a day."""
        rng = stream(world, seed, day)
        regions, (stores, items) = int(world.region.max()) + 1, world.shape
        return cls(
            heat=rng.standard_normal(regions),
            rain=rng.random(regions),
            mood=rng.standard_normal(stores),
            entering=rng.random(stores),
            fashion=rng.standard_normal(len(world.categories)),
            competitor=rng.standard_normal(items),
            competitor_promotes=rng.random(items),
            scatter=rng.standard_gamma(np.broadcast_to(world.dispersion, world.shape)) / world.dispersion,
            buying=rng.random(world.shape),
            switching=rng.random(world.shape),
            late=rng.random(world.shape),
        )


@dataclass(frozen=True)
class Shelf:
    """What shoppers see: price (S, I) money; leaflet and display (S, I) 0 or 1; the competitor's price (I,) money."""

    price: FloatArray
    promoted: BoolArray
    displayed: BoolArray
    competitor: FloatArray


def expected(
    world: World, day: int, shelf: Shelf, items: FloatArray, visitors: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Expected units of a day, (S, I), and what they would be with everything at its regular price, (S, I).

    Log-linear in the own price, the prices of substitutes, the competitor's price, and promotion; a promotion of an
    item takes from its substitutes what a price cut of the same effect would.

    Args:
        items: log factors of the day, (I,) or (S, I): season, weather, holidays, shocks.
        visitors: over the usual number, (S,).
    """
    base = world.log_rate_on(day) + items + np.log(np.maximum(visitors, 1e-9))[:, None]
    base += world.competitor * (np.log(shelf.competitor) - world.log_usual_price)
    cut = np.log(shelf.price) - world.log_regular
    lift = shelf.promoted * world.log_lifts[0] + shelf.displayed * world.log_lifts[1]
    pull = cut + lift / world.item_elasticity
    moved = world.elasticity_on(day) * cut + lift + (world.cross @ pull.T).T
    usual = np.exp(base)
    return usual * np.exp(moved), usual


def stream(world: World, seed: int, day: int, purpose: int = 0) -> np.random.Generator:
    """The random numbers of one day; 0 = what happens in the chain, other numbers for what is told about it."""
    return np.random.Generator(np.random.Philox(key=[seed, world.seed], counter=[0, day, purpose, 0]))


def season(world: World, day: int) -> FloatArray:
    """Log factors of weekday, year, trend and coming holidays, (I,)."""
    today = world.start + timedelta(days=day)
    of_year = today.timetuple().tm_yday
    by_category = world.week[:, today.weekday()] + world.year[:, 0] * np.cos(
        2 * np.pi * (of_year - world.year[:, 1]) / 365.25
    )
    by_category += world.holiday * sum(_eve(today, month, number) * eve for month, number, *_, eve in HOLIDAYS)
    return np.asarray(by_category[world.category] + world.trend * day / 365.25)


def visitors(world: World, day: int, draws: Draws, rain_mm: FloatArray, in_leaflet: FloatArray) -> FloatArray:
    """People who enter each store, (S,).

    Args:
        rain_mm: (R,); in_leaflet: share of the usual units of a store that is in the leaflet, (S,).
    """
    family, today = world.family, world.start + timedelta(days=day)
    closed = [factor for month, number, _, _, factor, _ in HOLIDAYS if (today.month, today.day) == (month, number)]
    log_factor = np.log(family.week[today.weekday()]) + sum(map(np.log, closed))
    log_factor = log_factor + family.rain * rain_mm[world.region] / 10 + family.traffic * in_leaflet
    log_factor = log_factor + family.store_shock_sd * draws.mood
    return poisson_quantile(world.visitors * np.exp(log_factor), draws.entering)


def temperature_usual(today: date) -> float:
    """Usual highest temperature of a day, °C: a temperate northern city."""
    return 16.0 - 12.0 * float(np.cos(2 * np.pi * (today.timetuple().tm_yday - 20) / 365.25))


def poisson_quantile(mean: FloatArray, uniform: FloatArray) -> FloatArray:
    """The least count whose Poisson distribution function reaches `uniform`: with a higher mean never less.

    Exact up to a mean of 12. Above, the normal expansion of Giles (2016, Algorithm 955, https://doi.org/10.1145/2699466):
    the neighbour of the exact count in fewer than one of 5,000 draws.
    """
    flat, chance = mean.ravel(), uniform.ravel()
    counts = np.zeros(len(flat))
    large = np.flatnonzero(flat > SEARCHED_BELOW)
    if len(large):
        counts[large] = _expansion(flat[large], chance[large])
    left = np.flatnonzero(flat <= SEARCHED_BELOW)
    means, chances = flat[left], chance[left]
    probability = np.exp(-means)
    reached, count = probability.copy(), 0
    while len(left):
        open_ = (reached < chances) & (probability > 1e-18)
        counts[left[~open_]] = count
        left, means, chances = left[open_], means[open_], chances[open_]
        count += 1
        probability = probability[open_] * means / count
        reached = reached[open_] + probability
    return counts.reshape(mean.shape)


def _expansion(mean: FloatArray, uniform: FloatArray) -> FloatArray:
    w, root = scipy.special.ndtri(np.clip(uniform, 1e-16, 1 - 1e-16)), np.sqrt(mean)
    second = (-w / 36 - w**3 / 72) / root
    third = (-8 / 405 + 7 * w**2 / 810 + w**4 / 270) / mean
    return np.maximum(np.floor(mean + root * w + 1 / 3 + w**2 / 6 + second + third), 0.0)


def _eve(today: date, month: int, number: int) -> bool:
    """Whether a holiday lies one to three days ahead."""
    coming = (today + timedelta(days=ahead) for ahead in range(1, EVE_DAYS + 1))
    return any((day.month, day.day) == (month, number) for day in coming)
