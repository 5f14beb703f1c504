"""Rules without parameters: what every learnt model has to beat, and what stands in when there is little history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from aislehub.demand.panel import FloatArray, Panel

__all__ = ["RecentMean", "SeasonalMean", "SeasonalNaive"]

RECENT_DAYS = 28
CYCLES = 8


class _Rule:
    """A rule learns nothing, so there is nothing to keep."""

    predict: Callable[[Panel], FloatArray]

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None:
        pass

    def decompose(self, panel: Panel, periods: int) -> dict[str, FloatArray]:
        """What each forecast is made of (`models.Explained`): the recent level, and the slot's distance from it."""
        base = np.repeat(level(panel)[:, None], periods, axis=1)
        return {"base": base, "season": self.predict(panel)[:, :periods] - base}

    def save(self, folder: Path) -> None:
        pass

    def load(self, folder: Path) -> None:
        pass


class RecentMean(_Rule):
    """The mean of the last 28 days (or of the last 8 periods where a period is longer than a day)."""

    def predict(self, panel: Panel) -> FloatArray:
        return np.repeat(level(panel)[:, None], panel.horizon, axis=1)


class SeasonalNaive(_Rule):
    """The same slot of the last full cycle: last week's Tuesday for a Tuesday; the last period without a cycle."""

    def predict(self, panel: Panel) -> FloatArray:
        return _repeat(_slots(panel, cycles=1, fill=level(panel)), panel.horizon)


class SeasonalMean(_Rule):
    """The mean of the same slot over the last 8 cycles (8 Tuesdays for a Tuesday)."""

    def predict(self, panel: Panel) -> FloatArray:
        return _repeat(_slots(panel, cycles=CYCLES, fill=level(panel)), panel.horizon)


def level(panel: Panel) -> FloatArray:
    """Mean demand per open period over the recent past, shape (N,); of all known past where that is empty, else 0."""
    span = max(CYCLES, RECENT_DAYS if panel.season > 1 else CYCLES, panel.season)
    recent = _mean(panel.sold[:, -span:])
    everything = np.nan_to_num(_mean(panel.sold))
    return np.where(np.isnan(recent), everything, recent)


def _slots(panel: Panel, cycles: int, fill: FloatArray) -> FloatArray:
    """Mean of each slot of the cycle, shape (N, cycle), the slot right after the origin first."""
    cycle = panel.cycle
    past = panel.sold[:, -cycle * cycles :]
    padded = np.full((len(past), cycle * cycles), np.nan, dtype=np.float32)
    padded[:, cycle * cycles - past.shape[1] :] = past
    means = _mean(padded.reshape(len(past), cycles, cycle), axis=1)
    return np.where(np.isnan(means), fill[:, None], means)


def _repeat(slots: FloatArray, horizon: int) -> FloatArray:
    return slots[:, np.arange(horizon) % slots.shape[1]]


def _mean(values: FloatArray, axis: int = -1) -> FloatArray:
    """Mean of what is known, NaN where nothing is."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=axis, dtype=np.float64)
    count = known.sum(axis=axis)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
