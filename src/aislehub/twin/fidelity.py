"""How much a calibrated twin resembles the chain that it was fitted to: the same figures of both, side by side.

The twin is asked the real prices, leaflets and displays on the real days, with shelves that are never empty, under
several seeds. Nothing here passes or fails: whoever trusts the twin shall know where it is off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aislehub.twin.calibrate import fitted, replayed, slopes
from aislehub.twin.observed import Observed
from aislehub.twin.world import FloatArray, IntArray

__all__ = ["Curve", "Resemblance", "curves", "distance", "figures", "replays", "resemblance"]

LAGS = range(1, 29)
COUNTS = (0, 1, 2, 3, 4, 5, 7, 10, 15, 25, 50)  # lower ends of the classes of a day's units
LEAST_UNITS = 1.0  # a day, of a category whose elasticity is shown


@dataclass(frozen=True)
class Resemblance:
    """One figure: of the real tables, and its mean, least and largest value over the simulated ones."""

    figure: str
    real: float
    simulated: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """One point of a curve: of the real tables, and its mean, least and largest value over the simulated ones.

    Attributes:
        curve: `units`, the share of store-item-days by what was sold; `memory`, a store's autocorrelation by lag in
            days; `week`, the share of each ISO weekday in the units; `elasticity`, by category.
        at: the lower end of a class of units, a lag, a weekday, a category.
    """

    curve: str
    at: str
    real: float
    simulated: float
    low: float
    high: float


def replays(real: Observed, *, seeds: Sequence[int]) -> list[Observed]:
    """A twin is fitted to the chain and lives its days, once a seed."""
    world = fitted(real, seed=seeds[0])
    return [replayed(world, real, seed) for seed in seeds]


def curves(real: Observed, made: Sequence[Observed]) -> list[Curve]:
    """Marginals, memory, week and elasticities of a chain beside those of its twin's `replays`."""
    sold = np.bincount(real.category, real.units.sum(axis=1).mean(axis=0), len(real.categories)) >= LEAST_UNITS
    truth, *found = (_curves(seen, np.flatnonzero(sold)) for seen in (real, *made))
    points = []
    for place, value in truth.items():
        values = [of_one[place] for of_one in found]
        points.append(Curve(*place, value, float(np.mean(values)), min(values), max(values)))
    return points


def resemblance(real: Observed, made: Sequence[Observed]) -> list[Resemblance]:
    """Compare a chain with its twin's `replays`, figure by figure.

    Returns:
        One row a figure. Of the Kolmogorov–Smirnov distance, `real` is that between the real days and simulated ones,
        the others are those between two simulations: what chance alone makes of it.
    """
    truth, found = figures(real), [figures(one) for one in made]
    rows = []
    for name, value in truth.items():
        values = [of_one[name] for of_one in found]
        rows.append(Resemblance(name, value, float(np.mean(values)), min(values), max(values)))
    apart = float(np.mean([distance(real, one) for one in made]))
    chance = [distance(one, other) for one, other in pairwise(made)] or [np.nan]
    rows.append(Resemblance("ks", apart, float(np.mean(chance)), min(chance), max(chance)))
    return rows


def figures(seen: Observed) -> dict[str, float]:
    """Marginals, scatter, memory, the week, and how units move with price and, where there were any, promotions."""
    units = seen.units
    mean, variance = units.mean(axis=0), units.var(axis=0)
    by_store = units.sum(axis=2)
    weekday = (seen.first.weekday() + np.arange(len(units))) % 7
    own = slopes(seen)
    shown = {"leaflet": (own.chain[1], seen.promoted), "display": (own.chain[2], seen.displayed)}
    return {
        "mean": float(mean.mean()),
        "zero_share": float((units == 0).mean()),
        "variance_to_mean": float(variance.sum() / max(mean.sum(), 1e-9)),
        "cell_spread": float(np.log(np.maximum(mean, 0.5 / len(units))).std()),
        "store_memory_1": _memory(by_store, 1),
        "store_memory_7": _memory(by_store, 7),
        "store_scatter": float((by_store.std(axis=0) / np.maximum(by_store.mean(axis=0), 1e-9)).mean()),
        "weekend_share": float(units[weekday >= 5].sum() / max(units.sum(), 1e-9)),
        "elasticity": float(own.chain[0]),
    } | {name: float(lift) for name, (lift, where) in shown.items() if where.any()}


def _curves(seen: Observed, categories: IntArray) -> dict[tuple[str, str], float]:
    """(curve, place) → value; elasticities of the given categories."""
    units, by_store = seen.units, seen.units.sum(axis=2)
    weekday = (seen.first.weekday() + np.arange(len(units))) % 7
    of_day = np.bincount(weekday, by_store.sum(axis=1), 7)
    of_count = np.bincount(np.searchsorted(COUNTS, units.ravel(), side="right") - 1, minlength=len(COUNTS))
    own = slopes(seen).category[:, 0]
    return (
        {("units", str(COUNTS[place])): float(share) for place, share in enumerate(of_count / units.size)}
        | {("memory", str(lag)): _memory(by_store, lag) for lag in LAGS}
        | {("week", str(day + 1)): float(share) for day, share in enumerate(of_day / max(of_day.sum(), 1e-9))}
        | {("elasticity", seen.categories[number]): float(own[number]) for number in categories}
    )


def distance(one: Observed, other: Observed) -> float:
    """Kolmogorov–Smirnov distance of the daily units of a store's item, mean over them weighted by units."""
    most = int(max(one.units.max(), other.units.max()))
    apart = np.zeros(one.units.shape[1:])
    for count in range(most + 1):
        share = ((seen.units <= count).mean(axis=0) for seen in (one, other))
        apart = np.maximum(apart, np.abs(next(share) - next(share)))
        if count > 200:
            break
    weights = one.units.sum(axis=0)
    return float((apart * weights).sum() / max(weights.sum(), 1e-9))


def _memory(series: FloatArray, lag: int) -> float:
    """Autocorrelation at a lag, mean over the columns."""
    apart = series - series.mean(axis=0)
    return float(((apart[lag:] * apart[:-lag]).sum(axis=0) / np.maximum((apart**2).sum(axis=0), 1e-9)).mean())
