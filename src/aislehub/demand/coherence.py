"""Sums that help their parts: aggregates forecast for themselves, and the parts moved to agree where it pays.

A sum is smoother than its parts, so its own forecast sees season and trend that no part shows; the parts see
promotions and prices that cancel in the sum. `Coherence` learns both on the past: a light forecaster of the largest
sums, and how wrong sums and parts usually are over a week. It moves the parts (`Hierarchy.reconcile`) only where the
rehearsal says that forecasts of all levels get better by it and those of the parts no worse; else sums are what the
parts add up to. Either way the forecasts of all levels agree exactly.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from aislehub.demand.backtest import Rehearsal
from aislehub.demand.hierarchy import Hierarchy
from aislehub.demand.models.blend import Blend, light
from aislehub.demand.panel import FloatArray, Panel
from aislehub.demand.spread import Spread

__all__ = ["Coherence"]

MOST_SUMS = 300
"""Sums that are forecast for themselves at most, the largest first; the others are what their parts add up to."""
LEAST_GAIN = 0.005
MOST_LOSS = 0.005
"""Least mean gain in weekly WAPE over the levels, and most loss of the parts, for which they are moved."""
PRIOR_ERRORS = 12.0


def _series(ids: Any, values: Any) -> pd.Series:
    return pd.Series(np.asarray(values, dtype=np.float64), index=pd.Index(ids, dtype=object), dtype=np.float64)


_NOTHING: tuple[pd.Series, float, pd.Series, None] = (_series([], []), 0.0, _series([], []), None)


@dataclass(frozen=True)
class Coherence:
    """How the sums of some series are forecast, learnt with the series' own forecaster.

    Attributes:
        levels: of the hierarchy.
        method: "reconciled", or "bottom_up" where that was as good.
        gains: relative change of the weekly WAPE by reconciling in the rehearsal, per level, `parts` first; < 0 is
            better; empty when nothing could be rehearsed.
        spread: bands of the sums.
        parts: index `unique_id` of the parts, their weekly error variance per unit of daily demand; and of any other.
        sums: index `unique_id` of the sums that are forecast for themselves, their weekly error variance.
        model: forecasts these sums; None bottom up.
    """

    levels: tuple[str, ...]
    method: Literal["reconciled", "bottom_up"]
    gains: dict[str, float]
    spread: Spread
    parts: pd.Series
    typical: float
    sums: pd.Series
    model: Blend | None

    @classmethod
    def learn(
        cls, panel: Panel, labels: pd.DataFrame, levels: Sequence[str], rehearsal: Rehearsal | None, *, seed: int,
        reconcile: bool = True,
    ) -> Coherence:  # fmt: skip
        """Learn from a panel's past, and from the rehearsal of the forecaster of its series.

        Args:
            labels: one row per series of the panel, see `Hierarchy.of`.
            levels: of the hierarchy, coarse first.
            rehearsal: of the series; None (too little past): bottom up, with cautious bands.
            reconcile: try forecasts of the sums at all; where the panel's series were chosen by what they sold lately,
                its past flatters them, and their sums even more.
        """
        hierarchy = Hierarchy.of(labels, levels)
        sums = replace(panel, ids=hierarchy.ids, y=hierarchy.demand(panel), known={}, static={}, unplanned=None)
        if rehearsal is None:
            return cls(tuple(levels), "bottom_up", {}, Spread.learn(sums, None, seed=seed), *_NOTHING)

        open_ = ~np.isnan(rehearsal.actual)
        filled = Rehearsal(np.where(open_, rehearsal.mean, 0.0), np.where(open_, rehearsal.actual, 0.0))
        tried = _try(panel, hierarchy, filled, seed) if reconcile else None
        pays = tried is not None and tried.pays
        mean = tried.moved if tried is not None and tried.pays else filled.mean
        came = np.where(hierarchy.aggregate(open_) > 0, hierarchy.aggregate(filled.actual), np.nan)
        spread = Spread.learn(sums, Rehearsal(hierarchy.aggregate(mean), came), seed=seed)
        return cls(
            tuple(levels),
            "reconciled" if pays else "bottom_up",
            tried.gains if tried is not None else {},
            spread,
            *((tried.parts, tried.typical, tried.sums, tried.model) if tried is not None and pays else _NOTHING),
        )

    def reconciled(self, panel: Panel, labels: pd.DataFrame, mean: FloatArray) -> FloatArray:
        """The parts' forecasts, (series, horizon), moved to agree with those of their sums where that pays."""
        if self.model is None:
            return mean
        hierarchy = Hierarchy.of(labels, self.levels)
        chosen = hierarchy.only(hierarchy.ids.isin(self.sums.index))
        dispersion = self.parts.reindex(panel.ids).fillna(self.typical).to_numpy()
        return chosen.reconcile(
            mean,
            self.model.predict(chosen.panel(panel)),
            dispersion[:, None] * np.abs(mean),
            self.sums.reindex(chosen.ids).to_numpy()[:, None],
            nonnegative=panel.nonnegative,
        )

    def totals(
        self, hierarchy: Hierarchy, mean: FloatArray, quantiles: tuple[float, ...]
    ) -> tuple[FloatArray, FloatArray]:
        """What the parts' forecasts (series, horizon) add up to, (sums, horizon), and its quantiles as last axis."""
        sums = hierarchy.aggregate(mean)
        return sums, self.spread.quantiles(hierarchy.ids, sums, quantiles, first=1 + np.arange(mean.shape[1]))

    @property
    def metrics(self) -> dict[str, Any]:
        """Method and gains, for the card of the model."""
        return {"levels": self.method} | {f"gain_{name}": gain for name, gain in self.gains.items()}

    def save(self, folder: Path) -> None:
        """Keep it in a folder of plain files."""
        folder.mkdir(parents=True, exist_ok=True)
        self.spread.save(folder)
        for name, table in (("parts", self.parts), ("sums", self.sums)):
            table.rename("variance").rename_axis("unique_id").reset_index().to_parquet(folder / f"{name}.parquet")
        facts = {"levels": self.levels, "method": self.method, "gains": self.gains, "typical": self.typical}
        (folder / "coherence.json").write_text(json.dumps(facts), encoding="utf-8")
        if self.model is not None:
            self.model.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Coherence:
        """Read back what `save` kept."""
        facts = json.loads((folder / "coherence.json").read_text(encoding="utf-8"))
        parts, sums = (
            pd.read_parquet(folder / f"{name}.parquet").set_index("unique_id")["variance"] for name in ("parts", "sums")
        )
        model = None
        if facts["method"] == "reconciled":
            model = light()
            model.load(folder)
        return cls(
            tuple(facts["levels"]), facts["method"], facts["gains"], Spread.load(folder), parts, facts["typical"], sums,
            model,
        )  # fmt: skip


@dataclass(frozen=True)
class _Tried:
    """What came of moving the parts in the rehearsal: their means, and what doing it again needs."""

    moved: FloatArray
    gains: dict[str, float]
    always: bool  # better on every rehearsed origin: one good month is luck
    parts: pd.Series
    typical: float
    sums: pd.Series
    model: Blend

    @property
    def pays(self) -> bool:
        return self.always and _mean(self.gains) <= -LEAST_GAIN and self.gains["parts"] <= MOST_LOSS


def _try(panel: Panel, hierarchy: Hierarchy, rehearsal: Rehearsal, seed: int) -> _Tried | None:
    """Forecast the largest sums for themselves and move the rehearsed parts; None where sums cannot be rehearsed."""
    parts, actual, cycle = rehearsal.mean, rehearsal.actual, panel.cycle
    size = np.nan_to_num(np.abs(hierarchy.demand(panel))[:, -panel.year :]).mean(axis=1)
    largest = hierarchy.only(np.sort(np.argsort(-size, kind="stable")[:MOST_SUMS]))
    model = light()
    model.fit(largest.panel(panel), horizon=panel.horizon, seed=seed)
    own = model.rehearsal
    if own is None or own.mean.shape[::2] != parts.shape[::2]:
        return None
    dispersion, typical = _dispersion(_buckets(actual - parts, cycle), parts)
    noise = _noise(_buckets(largest.aggregate(actual) - own.mean, cycle), own.mean, largest.level)
    moved = np.stack(
        [
            largest.reconcile(
                part, whole, dispersion[:, None] * np.abs(part), noise[:, None], nonnegative=panel.nonnegative
            )
            for part, whole in zip(parts, own.mean, strict=True)
        ]
    )
    gains = _gains(hierarchy, actual, parts, moved, cycle)
    by_origin = (_gains(hierarchy, *origin, cycle) for origin in zip(actual, parts, moved, strict=True))
    always = all(_mean(found) < 0 for found in by_origin)
    return _Tried(moved, gains, always, _series(panel.ids, dispersion), typical, _series(largest.ids, noise), model)


def _mean(gains: dict[str, float]) -> float:
    return float(np.mean(list(gains.values())))


def _buckets(values: FloatArray, cycle: int) -> FloatArray:
    """Sums over whole cycles (weeks), (…, steps) → (…, cycles): what an error costs lasts longer than a day."""
    steps = values.shape[-1]
    width = cycle if steps >= cycle else steps
    whole = steps - steps % width
    return values[..., :whole].reshape(*values.shape[:-1], whole // width, width).sum(axis=-1)


def _dispersion(error: FloatArray, mean: FloatArray) -> tuple[FloatArray, float]:
    """Error variance of a week per unit of daily demand, (series,), drawn to that of all series; and that of all."""
    size = np.abs(mean).mean(axis=(0, 2))
    count = error.shape[0] * error.shape[2]
    variance = (error**2).mean(axis=(0, 2))
    typical = float(variance.sum() / max(size.sum(), 1e-12))
    drawn = (count * variance + PRIOR_ERRORS * typical * size) / (count + PRIOR_ERRORS)
    return drawn / np.maximum(size, 1e-9), typical


def _noise(error: FloatArray, mean: FloatArray, level: Any) -> FloatArray:
    """Error variance of a week, (sums,), drawn to the same share of its demand as in all sums of its level."""
    size = np.maximum(np.abs(mean).mean(axis=(0, 2)), 1e-9)
    count = error.shape[0] * error.shape[2]
    variance = (error**2).mean(axis=(0, 2))
    share = pd.Series(variance / size**2).groupby(level).transform("mean").to_numpy()
    return (count * variance + PRIOR_ERRORS * share * size**2) / (count + PRIOR_ERRORS)


def _gains(
    hierarchy: Hierarchy, actual: FloatArray, parts: FloatArray, moved: FloatArray, cycle: int
) -> dict[str, float]:
    """Relative change of the weekly WAPE of each level, that of the parts first."""

    def wape(mean: FloatArray, real: FloatArray) -> float:
        return float(np.abs(_buckets(real - mean, cycle)).sum() / max(np.abs(_buckets(real, cycle)).sum(), 1e-12))

    gains = {"parts": wape(moved, actual) / max(wape(parts, actual), 1e-12) - 1}
    real, before, after = (hierarchy.aggregate(values) for values in (actual, parts, moved))
    for at, name in enumerate(hierarchy.levels):
        here = hierarchy.level == at
        if here.any():
            old, new = (wape(values[..., here, :], real[..., here, :]) for values in (before, after))
            gains[name] = new / max(old, 1e-12) - 1
    return gains
