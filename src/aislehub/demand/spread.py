"""How wrong a forecast usually is: quantiles of one period and of lead-time totals, calibrated on rehearsals.

Demand around its mean is negative binomial for whole numbers, gamma for amounts and normal where it can be
negative. The variance is the mean times a dispersion that each series earns in the rehearsal, drawn to that of
series of the same size. What the family gets wrong is corrected by the rehearsal's own probability integral
transform (Kuleshov et al. 2018, https://arxiv.org/abs/1807.00263): where 12 % of outcomes fell below the 10 %
quantile, a higher one is taken. Quantiles are inverse distribution functions, so they cannot cross.

A total over a lead time is *not* the sum of the periods' quantiles: errors partly cancel, and partly persist. So
totals have a dispersion of their own, measured on totals of the same length: `quantiles(total, levels, span=days)`. It
grows with the distance of the total, `first=` its first period. What all series share (`aislehub.demand.shock`) is no
part of it: that is a variance for itself, and adds to each.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from aislehub.demand.backtest import Rehearsal
from aislehub.demand.panel import FloatArray, Panel
from aislehub.demand.shock import common_shock

__all__ = ["Spread"]

Family = Literal["counts", "amounts", "signed"]
First = int | NDArray[np.int_] | None

SPANS = (1, 2, 4, 7, 14, 28)
PRIOR_PERIODS = 28.0
PRIOR_OUTCOMES = 100.0
MAX_OUTCOMES = 200_000
MAX_BINS = 5
MAX_AGEING = 1.5
MIN_OUTCOMES_PER_BIN = 400
_GRID = np.linspace(0, 1, 201)
_POISSON = 1.02
"""Counts that vary less than Poisson follow a rounded gamma, which the negative binomial cannot."""
_NEAREST_FROM = 10.0
"""Means from which a count's quantile is the whole number nearest to its probability. Below, a unit is a large step, so
the quantile keeps at least what it promises."""
_USUAL = 0.99
"""Share of squared errors that tell how errors grow with the distance; the rest is cut to the largest of them."""
_SMOOTH_FROM = 2_000.0
"""Means from which a rounded gamma stands in for the negative binomial, which it equals there to the unit."""


@dataclass(frozen=True)
class Totals:
    """What the rehearsal says of totals of one length.

    Attributes:
        span: length, in periods.
        growth: dispersion over that of one period.
        ageing: by how much the variance grows over the horizon, relative to its mean.
        shock: standard deviation of what all series have in common, relative to their means.
        edges: means that separate the size classes of the calibration.
        calibration: (classes, 201): the probability to ask of the family for the probability wanted.
    """

    span: int
    growth: float
    ageing: float
    shock: float
    edges: FloatArray
    calibration: FloatArray


@dataclass(frozen=True)
class Spread:
    """The distribution of demand around a forecast mean.

    Attributes:
        family: which distribution.
        ids: `unique_id` of the series that were rehearsed.
        dispersion: variance / mean (variance / level² when signed) of one period, per series.
        level: mean absolute forecast per series, the unit of a signed dispersion.
        typical: the dispersion of a series that was not rehearsed.
        steps: periods that a rehearsal looked ahead.
        totals: of each length that was rehearsed, shortest first.
    """

    family: Family
    ids: pd.Index
    dispersion: FloatArray
    level: FloatArray
    typical: float
    steps: int
    totals: tuple[Totals, ...]

    @classmethod
    def learn(cls, panel: Panel, rehearsal: Rehearsal | None, *, seed: int) -> Spread:
        """Measure dispersion and calibration; without a rehearsal, a cautious guess and no calibration."""
        family: Family = "signed" if not panel.nonnegative else "counts" if panel.whole else "amounts"
        level = np.maximum(np.nan_to_num(np.nanmean(np.abs(_with_zero(panel.sold)), axis=1)), 1e-9)
        if rehearsal is None or not (~np.isnan(rehearsal.actual)).any():
            guess = {"counts": 2.0, "amounts": float(level.mean()), "signed": 1.0}[family]
            as_it_is = Totals(1, 1.0, 0.0, 0.0, np.empty(0), _GRID[None, :])
            return cls(family, panel.ids, np.full(len(level), guess), level, guess, 1, (as_it_is,))

        level = np.maximum(np.abs(rehearsal.mean).mean(axis=(0, 2)), 1e-9)
        dispersion, typical = _dispersion(family, rehearsal, level)
        steps = rehearsal.mean.shape[2]
        totals = tuple(_measure(family, rehearsal, span, dispersion, level, seed) for span in SPANS if span <= steps)
        return cls(family, panel.ids, dispersion, level, typical, steps, totals)

    def quantiles(
        self, ids: pd.Index, mean: FloatArray, levels: tuple[float, ...], *, span: int = 1, first: First = None
    ) -> FloatArray:
        """Quantiles of demand.

        Args:
            ids: `unique_id` of each row of `mean`.
            mean: shape (series, cells): forecast of one period, or of a total over `span` periods.
            levels: probabilities in (0, 1).
            span: periods in each total.
            first: the period that each total begins with, 1 = the next; one for all, or one per cell. None = anywhere
                in the horizon.

        Returns:
            Shape (series, cells, levels); never crossing, ≥ 0 unless signed, whole numbers for counts.
        """
        nearest = min(self.totals, key=lambda one: abs(np.log(one.span / span)))
        variance = self.variance(ids, mean, span=span, first=first)
        size = np.searchsorted(nearest.edges, np.abs(mean))
        order = np.argsort(levels)
        result = np.empty((*mean.shape, len(levels)))
        for position in order:
            curve = np.array([np.interp(levels[position], _GRID, row) for row in nearest.calibration])
            result[..., position] = _inverse(self.family, curve[size], mean, variance)
            if self.family == "counts":
                result[..., position] = _nearest(result[..., position], curve[size], mean, variance)
        return result

    def variance(self, ids: pd.Index, mean: FloatArray, *, span: int = 1, first: First = None) -> FloatArray:
        """Variance of demand around `mean`, in the same shape; arguments as in `quantiles`."""
        at = self.ids.get_indexer(ids)
        level = np.where(at >= 0, self.level[at], np.abs(mean).mean(axis=1) / span)[:, None]
        dispersion = np.where(at >= 0, self.dispersion[at], self.typical)[:, None]
        measured = [(one.growth, one.ageing, one.shock) for one in self.totals]
        spans = np.log([one.span for one in self.totals])
        growth, ageing, shock = (np.interp(np.log(span), spans, each) for each in zip(*measured, strict=True))
        age = 0.0 if first is None else _age(first, span, self.steps)
        own = growth * (1 + ageing * age) * _variance(self.family, mean, dispersion, level, span)
        return own + (shock * _size(self.family, mean, level, span)) ** 2

    def save(self, folder: Path) -> None:
        np.savez_compressed(folder / "spread.npz", dispersion=self.dispersion, level=self.level)
        pd.DataFrame({"unique_id": self.ids}).to_parquet(folder / "spread_ids.parquet")
        totals = [
            asdict(one) | {"edges": one.edges.tolist(), "calibration": one.calibration.tolist()} for one in self.totals
        ]
        facts = {"family": self.family, "typical": self.typical, "steps": self.steps, "totals": totals}
        (folder / "spread.json").write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Spread:
        facts = json.loads((folder / "spread.json").read_text(encoding="utf-8"))
        totals = tuple(
            Totals(**one | {"edges": np.array(one["edges"]), "calibration": np.array(one["calibration"])})
            for one in facts["totals"]
        )
        ids = pd.Index(pd.read_parquet(folder / "spread_ids.parquet")["unique_id"].to_numpy())
        with np.load(folder / "spread.npz", allow_pickle=False) as arrays:
            return cls(
                facts["family"], ids, arrays["dispersion"], arrays["level"], facts["typical"], facts["steps"], totals
            )


def _measure(
    family: Family, rehearsal: Rehearsal, span: int, dispersion: FloatArray, level: FloatArray, seed: int
) -> Totals:
    """Part the errors of totals into what all series share and what is their own, and calibrate the latter."""
    mean, actual = _totals(rehearsal, span)
    unit = _variance(family, mean, dispersion[None, :, None], level[None, :, None], span)
    size = _size(family, mean, level[None, :, None], span)
    error = actual - mean
    moved, shock = common_shock(error, size, unit * _growth(error, unit))
    centre = mean + moved * size
    own = actual - centre
    growth, ageing = _growth(own, unit), _ageing(own, unit)
    age = _age(1 + span * np.arange(mean.shape[2]), span, rehearsal.mean.shape[2])
    variance = unit * growth * (1 + ageing * age)
    chosen = _sample(np.flatnonzero(~np.isnan(actual)), seed)
    expected, came, around, scatter = (each.ravel()[chosen] for each in (mean, actual, centre, variance))
    edges, calibration = _calibrate(expected, _transform(family, came, around, scatter, seed))
    return Totals(span, growth, ageing, shock, edges, calibration)


def _with_zero(values: FloatArray) -> FloatArray:
    """The same with a leading 0 so that no row is without a value."""
    return np.concatenate([np.zeros((len(values), 1), dtype=values.dtype), values], axis=1)


def _dispersion(family: Family, rehearsal: Rehearsal, level: FloatArray) -> tuple[FloatArray, float]:
    """Dispersion per series, drawn to that of all series of its size class, and of all series together."""
    known = ~np.isnan(rehearsal.actual)
    squared = np.where(known, rehearsal.actual - rehearsal.mean, 0) ** 2
    unit = level[None, :, None] ** 2 if family == "signed" else np.maximum(rehearsal.mean, 0)
    errors = squared.sum(axis=(0, 2))
    units = np.where(known, np.broadcast_to(unit, squared.shape), 0).sum(axis=(0, 2))
    periods = known.sum(axis=(0, 2))
    typical = float(errors.sum() / max(units.sum(), 1e-12))
    size = np.searchsorted(np.quantile(level, np.linspace(0, 1, MAX_BINS + 1)[1:-1]), level)
    pooled = np.full(len(level), typical)
    for group in np.unique(size):
        member = size == group
        if periods[member].sum() >= MIN_OUTCOMES_PER_BIN:
            pooled[member] = errors[member].sum() / max(units[member].sum(), 1e-12)
    prior = PRIOR_PERIODS * np.where(periods > 0, units / np.maximum(periods, 1), 1.0)
    return (errors + prior * pooled) / np.maximum(units + prior, 1e-12), typical


def _variance(family: Family, mean: FloatArray, dispersion: FloatArray, level: FloatArray, span: int) -> FloatArray:
    if family == "signed":
        return np.broadcast_to(dispersion * level**2 * span, mean.shape)
    return dispersion * np.maximum(mean, 0)


def _size(family: Family, mean: FloatArray, level: FloatArray, span: int) -> FloatArray:
    """What a common shock multiplies."""
    return np.broadcast_to(level * span, mean.shape) if family == "signed" else np.maximum(mean, 0)


def _growth(error: FloatArray, unit: FloatArray) -> float:
    """Size of squared errors over `unit`, a variance."""
    known = ~np.isnan(error)
    return float(np.clip((error[known] ** 2).sum() / max(float(unit[known].sum()), 1e-12), 0.2, 100.0))


def _age(first: int | NDArray[np.int_], span: int, steps: int) -> FloatArray:
    """Where in a horizon a total lies that begins with the period `first`: −½ at its start to ½ at its end."""
    middle = np.asarray(first) - 1 + span / 2
    return np.minimum(middle / steps, 1.0) - 0.5


def _ageing(error: FloatArray, unit: FloatArray) -> float:
    """Slope of the size of squared errors over `_age`, relative to its mean, drawn to 0 as far as origins differ in it.

    Not below 0: what lies further ahead is not known better.
    """
    origins, _, windows = error.shape
    known = ~np.isnan(error) & (unit > 0)
    weight = np.where(known, unit, 0.0)
    if windows < 2 or origins < 2 or not known.any():
        return 0.0
    ratio = np.where(known, error, 0.0) ** 2 / np.where(known, unit, 1.0)
    ratio = np.minimum(ratio, np.quantile(ratio[known], _USUAL))
    mean = (ratio * weight).sum() / weight.sum()
    total = weight.sum(axis=1)
    usual = np.where(total > 0, (ratio * weight).sum(axis=1) / np.where(total > 0, total, 1.0), mean)
    age = _age(1 + np.arange(windows), 1, windows)
    slopes = usual @ age / (age @ age) / max(mean, 1e-12)
    chance = slopes.var(ddof=1) / origins
    real = max(0.0, 1 - chance / max(slopes.mean() ** 2, 1e-12))
    return float(np.clip(real * slopes.mean(), 0.0, MAX_AGEING))


def _totals(rehearsal: Rehearsal, span: int) -> tuple[FloatArray, FloatArray]:
    """Means and outcomes of consecutive totals of `span` periods; closed or unknown periods count in neither."""
    origins, series, steps = rehearsal.mean.shape
    whole = steps - steps % span
    shape = (origins, series, whole // span, span)
    actual = rehearsal.actual[:, :, :whole].reshape(shape)
    mean = np.where(np.isnan(actual), 0, rehearsal.mean[:, :, :whole].reshape(shape))
    empty = np.isnan(actual).all(axis=3)
    return mean.sum(axis=3), np.where(empty, np.nan, np.nansum(actual, axis=3))


def _sample(positions: Any, seed: int) -> Any:
    if len(positions) <= MAX_OUTCOMES:
        return positions
    return np.random.default_rng(seed).choice(positions, MAX_OUTCOMES, replace=False)


def _transform(family: Family, outcome: FloatArray, mean: FloatArray, variance: FloatArray, seed: int) -> FloatArray:
    """Probability integral transform; randomised between the steps of a discrete distribution."""
    below = _probability(family, outcome - 1, mean, variance) if family == "counts" else None
    upto = _probability(family, outcome, mean, variance)
    if below is None:
        return upto
    return below + np.random.default_rng(seed).random(len(upto)) * (upto - below)


def _calibrate(mean: FloatArray, outcome: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Quantile function of the transform in each size class, drawn to the identity where outcomes are few."""
    bins = int(np.clip(len(mean) // MIN_OUTCOMES_PER_BIN, 1, MAX_BINS))
    edges = np.unique(np.quantile(np.abs(mean), np.linspace(0, 1, bins + 1)[1:-1])) if bins > 1 else np.empty(0)
    size = np.searchsorted(edges, np.abs(mean))
    curves = []
    for group in range(len(edges) + 1):
        member = outcome[size == group]
        seen = np.quantile(member, _GRID) if len(member) else _GRID
        curve = (len(member) * seen + PRIOR_OUTCOMES * _GRID) / (len(member) + PRIOR_OUTCOMES)
        curve[0], curve[-1] = 0.0, 1.0
        curves.append(np.maximum.accumulate(np.clip(curve, 0, 1)))
    return edges, np.stack(curves)


def _probability(family: Family, value: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Distribution function."""
    if family == "signed":
        return scipy.stats.norm.cdf(value, mean, np.sqrt(np.maximum(variance, 1e-24)))
    safe = np.maximum(mean, 1e-9)
    if family == "amounts":
        shape = safe**2 / np.maximum(variance, 1e-12 * safe**2)
        return scipy.stats.gamma.cdf(value, shape, scale=safe / shape)
    shape = safe**2 / np.maximum(variance, 1e-12 * safe**2)
    over = variance > _POISSON * safe
    size, chance = _binomial(safe[over], variance[over])
    upto = np.empty(safe.shape)
    upto[over] = scipy.stats.nbinom.cdf(value[over], size, chance)
    upto[~over] = scipy.stats.gamma.cdf(value[~over] + 0.5, shape[~over], scale=(safe / shape)[~over])
    return np.where(value < 0, 0.0, upto)


def _inverse(family: Family, probability: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Quantile function; 0 where the mean is 0 (a closed period)."""
    probability = np.clip(probability, 1e-6, 1 - 1e-6)
    if family == "signed":
        return scipy.stats.norm.ppf(probability, mean, np.sqrt(np.maximum(variance, 1e-24)))
    sold = mean > 1e-9
    safe = np.where(sold, mean, 1.0)
    spread = np.where(sold, variance, 1.0)
    shape = safe**2 / np.maximum(spread, 1e-12 * safe**2)
    over = (spread > _POISSON * safe) & (safe < _SMOOTH_FROM) if family == "counts" else np.zeros_like(sold)
    size, chance = _binomial(safe[over], spread[over])
    quantile = np.empty(safe.shape)
    quantile[over] = scipy.stats.nbinom.ppf(probability[over], size, chance)
    smooth = scipy.stats.gamma.ppf(probability[~over], shape[~over], scale=(safe / shape)[~over])
    quantile[~over] = np.round(smooth) if family == "counts" else smooth
    return np.where(sold, np.nan_to_num(quantile), 0.0)


def _nearest(quantile: FloatArray, probability: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Of larger counts, the whole number whose own tail is nearest to the probability, on its side of the median.

    A count's quantile leaves *at most* the tail asked for, so a band between two of them holds too much by about half
    the chance of a unit at each end.
    """
    median = _inverse("counts", np.full_like(probability, 0.5), mean, variance)
    lower = probability < 0.5
    other = np.where(lower, np.minimum(quantile + 1, median), np.maximum(quantile - 1, median))

    def miss(value: FloatArray) -> FloatArray:
        return np.abs(_probability("counts", np.where(lower, value - 1, value), mean, variance) - probability)

    return np.where((mean >= _NEAREST_FROM) & (miss(other) < miss(quantile)), other, quantile)


def _binomial(mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Size and chance of the negative binomial; its variance is above its mean."""
    ratio = variance / mean
    return mean / (ratio - 1), 1 / ratio
