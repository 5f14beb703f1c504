"""How wrong a forecast usually is: quantiles of one period and of lead-time totals, calibrated on rehearsals.

Demand around its mean is negative binomial for whole numbers, gamma for amounts and normal where it can be
negative. The variance is the mean times a dispersion that each series earns in the rehearsal, drawn to that of
series of the same size. What the family gets wrong is corrected by the rehearsal's own probability integral
transform (Kuleshov et al. 2018, https://arxiv.org/abs/1807.00263): where 12 % of outcomes fell below the 10 %
quantile, a higher one is taken. Quantiles are inverse distribution functions, so they cannot cross.

A total over a lead time is *not* the sum of the periods' quantiles: errors partly cancel, and partly persist. So
totals have a dispersion of their own, measured on totals of the same length: `quantiles(total, levels, span=days)`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from aislehub.demand.backtest import Rehearsal
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["Spread"]

Family = Literal["counts", "amounts", "signed"]

SPANS = (1, 2, 4, 7, 14, 28)
PRIOR_PERIODS = 28.0
PRIOR_OUTCOMES = 100.0
MAX_OUTCOMES = 200_000
MAX_BINS = 5
MIN_OUTCOMES_PER_BIN = 400
_GRID = np.linspace(0, 1, 201)
_POISSON = 1.02
"""Counts that vary less than Poisson follow a rounded gamma, which the negative binomial cannot."""
_NEAREST_FROM = 10.0
"""Means from which a count's quantile is the whole number nearest to its probability. Below, a unit is a large step, so
the quantile keeps at least what it promises."""
_SMOOTH_FROM = 2_000.0
"""Means from which a rounded gamma stands in for the negative binomial, which it equals there to the unit."""


@dataclass(frozen=True)
class Spread:
    """The distribution of demand around a forecast mean.

    Attributes:
        family: which distribution.
        ids: `unique_id` of the series that were rehearsed.
        dispersion: variance / mean (variance / level² when signed) of one period, per series.
        typical: the same for a series that was not rehearsed.
        spans: lengths of totals that were rehearsed, in periods.
        growth: dispersion of a total over that of one period, per span.
        edges: means that separate the size classes of the calibration, per span.
        calibration: (classes, 201) per span: the probability to ask of the family for the probability wanted.
        level: mean absolute forecast per series, the unit of a signed dispersion.
    """

    family: Family
    ids: pd.Index
    dispersion: FloatArray
    level: FloatArray
    typical: float
    spans: tuple[int, ...]
    growth: FloatArray
    edges: list[FloatArray]
    calibration: list[FloatArray]

    @classmethod
    def learn(cls, panel: Panel, rehearsal: Rehearsal | None, *, seed: int) -> Spread:
        """Measure dispersion and calibration; without a rehearsal, a cautious guess and no calibration."""
        family: Family = "signed" if not panel.nonnegative else "counts" if panel.whole else "amounts"
        level = np.maximum(np.nan_to_num(np.nanmean(np.abs(_with_zero(panel.sold)), axis=1)), 1e-9)
        if rehearsal is None or not (~np.isnan(rehearsal.actual)).any():
            guess = {"counts": 2.0, "amounts": float(level.mean()), "signed": 1.0}[family]
            alike = np.full(len(level), guess)
            return cls(family, panel.ids, alike, level, guess, (1,), np.ones(1), [np.empty(0)], [_GRID[None, :]])

        series_level = np.maximum(np.abs(rehearsal.mean).mean(axis=(0, 2)), 1e-9)
        dispersion, typical = _dispersion(family, rehearsal, series_level)
        spans = tuple(span for span in SPANS if span <= rehearsal.mean.shape[2])
        growth, edges, calibration = [], [], []
        for span in spans:
            mean, actual = _totals(rehearsal, span)
            known = ~np.isnan(actual)
            unit = _variance(family, mean, dispersion[None, :, None], series_level[None, :, None], span)
            squared = float(((actual - mean)[known] ** 2).sum())
            growth.append(np.clip(squared / max(float(unit[known].sum()), 1e-12), 0.2, 100.0) if span > 1 else 1.0)
            chosen = _sample(np.flatnonzero(known.ravel()), seed)
            variance = (unit * growth[-1]).ravel()[chosen]
            outcome = _transform(family, actual.ravel()[chosen], mean.ravel()[chosen], variance, seed)
            edge, curve = _calibrate(mean.ravel()[chosen], outcome)
            edges.append(edge)
            calibration.append(curve)
        return cls(family, panel.ids, dispersion, series_level, typical, spans, np.array(growth), edges, calibration)

    def quantiles(self, ids: pd.Index, mean: FloatArray, levels: tuple[float, ...], *, span: int = 1) -> FloatArray:
        """Quantiles of demand.

        Args:
            ids: `unique_id` of each row of `mean`.
            mean: shape (series, cells): forecast of one period, or of a total over `span` periods.
            levels: probabilities in (0, 1).
            span: periods in each total.

        Returns:
            Shape (series, cells, levels); never crossing, ≥ 0 unless signed, whole numbers for counts.
        """
        at = self.ids.get_indexer(ids)
        dispersion = self.dispersion_of(ids, span)[:, None]
        level = np.where(at >= 0, self.level[at], np.abs(mean).mean(axis=1) / span)[:, None]
        nearest = int(np.argmin(np.abs(np.log(np.array(self.spans) / span))))
        variance = _variance(self.family, mean, dispersion, level, span)
        size = np.searchsorted(self.edges[nearest], np.abs(mean))
        order = np.argsort(levels)
        result = np.empty((*mean.shape, len(levels)))
        for position in order:
            curve = np.array([np.interp(levels[position], _GRID, row) for row in self.calibration[nearest]])
            result[..., position] = _inverse(self.family, curve[size], mean, variance)
            if self.family == "counts":
                result[..., position] = _nearest(result[..., position], curve[size], mean, variance)
        return result

    def dispersion_of(self, ids: pd.Index, span: int) -> FloatArray:
        """Variance / mean of a total over `span` periods, shape (series,); variance / level² / span when signed."""
        at = self.ids.get_indexer(ids)
        one = np.where(at >= 0, self.dispersion[at], self.typical)
        return one * np.interp(np.log(span), np.log(self.spans), self.growth)

    def save(self, folder: Path) -> None:
        np.savez_compressed(folder / "spread.npz", dispersion=self.dispersion, level=self.level, growth=self.growth)
        pd.DataFrame({"unique_id": self.ids}).to_parquet(folder / "spread_ids.parquet")
        facts: dict[str, Any] = {
            "family": self.family,
            "typical": self.typical,
            "spans": self.spans,
            "edges": [edge.tolist() for edge in self.edges],
            "calibration": [curve.tolist() for curve in self.calibration],
        }
        (folder / "spread.json").write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Spread:
        facts = json.loads((folder / "spread.json").read_text(encoding="utf-8"))
        with np.load(folder / "spread.npz", allow_pickle=False) as arrays:
            return cls(
                family=facts["family"],
                ids=pd.Index(pd.read_parquet(folder / "spread_ids.parquet")["unique_id"].to_numpy()),
                dispersion=arrays["dispersion"],
                level=arrays["level"],
                typical=facts["typical"],
                spans=tuple(facts["spans"]),
                growth=arrays["growth"],
                edges=[np.array(edge) for edge in facts["edges"]],
                calibration=[np.array(curve) for curve in facts["calibration"]],
            )


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
        return stats.norm.cdf(value, mean, np.sqrt(np.maximum(variance, 1e-24)))
    safe = np.maximum(mean, 1e-9)
    if family == "amounts":
        shape = safe**2 / np.maximum(variance, 1e-12 * safe**2)
        return stats.gamma.cdf(value, shape, scale=safe / shape)
    shape = safe**2 / np.maximum(variance, 1e-12 * safe**2)
    upto = stats.gamma.cdf(value + 0.5, shape, scale=safe / shape)
    over = variance > _POISSON * safe
    size, chance = _binomial(safe[over], variance[over])
    upto[over] = stats.nbinom.cdf(value[over], size, chance)
    return np.where(value < 0, 0.0, upto)


def _inverse(family: Family, probability: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Quantile function; 0 where the mean is 0 (a closed period)."""
    probability = np.clip(probability, 1e-6, 1 - 1e-6)
    if family == "signed":
        return stats.norm.ppf(probability, mean, np.sqrt(np.maximum(variance, 1e-24)))
    sold = mean > 1e-9
    safe = np.where(sold, mean, 1.0)
    spread = np.where(sold, variance, 1.0)
    shape = safe**2 / np.maximum(spread, 1e-12 * safe**2)
    smooth = stats.gamma.ppf(probability, shape, scale=safe / shape)
    if family == "counts":
        smooth = np.round(smooth)
        over = (spread > _POISSON * safe) & (safe < _SMOOTH_FROM)
        size, chance = _binomial(safe[over], spread[over])
        smooth[over] = stats.nbinom.ppf(probability[over], size, chance)
    return np.where(sold, np.nan_to_num(smooth), 0.0)


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
