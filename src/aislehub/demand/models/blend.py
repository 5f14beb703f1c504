"""The house's own choice: the learnt model and the simple rules, mixed as a rehearsal on the past says.

Stacking (Breiman 1996, https://doi.org/10.1007/BF00117832): weights ≥ 0 that sum to 1 and minimise squared error on
forecasts of the past that no part has seen, each series weighted by 1 / its level (demand's variance grows with its
mean). Where history is too short to rehearse, the seasonal mean alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from aislehub.demand.backtest import Rehearsal, rehearse
from aislehub.demand.models.boosted import ROWS, TREES, Boosted
from aislehub.demand.models.seasonal import RecentMean, SeasonalMean, SeasonalNaive
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["Blend", "light"]

_Part = Boosted | SeasonalMean | RecentMean | SeasonalNaive
RULES: dict[str, Callable[[], _Part]] = {
    "seasonal_mean": SeasonalMean,
    "mean28": RecentMean,
    "seasonal_naive": SeasonalNaive,
}
LIGHT_ROWS, LIGHT_TREES = 40_000, 150


class Blend:
    """Weighted mean of boosted trees, seasonal mean, recent mean and seasonal naive.

    Attributes:
        weights: part → weight, after `fit`.
        rehearsal: the blend's forecasts of the past, out of sample but for the weights.
    """

    def __init__(self, rows: int = ROWS, trees: int = TREES) -> None:
        self.weights: dict[str, float] = {}
        self.rehearsal: Rehearsal | None = None
        self._make: dict[str, Callable[[], _Part]] = {"boosted": partial(Boosted, rows, trees), **RULES}
        self._parts = {name: make() for name, make in self._make.items()}

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None:
        tried = {name: rehearse(make, panel, horizon=horizon, seed=seed) for name, make in self._make.items()}
        done = {name: rehearsal for name, rehearsal in tried.items() if rehearsal is not None}
        self.weights = {name: float(name == "seasonal_mean") for name in self._parts}
        self.rehearsal = None
        if done:
            actual = next(iter(done.values())).actual
            means = np.stack([rehearsal.mean for rehearsal in done.values()])
            weights = _stack(means, actual)
            self.weights |= dict(zip(done, weights.tolist(), strict=True))
            self.rehearsal = Rehearsal(np.tensordot(weights, means, axes=1), actual)
        for part in self._used():
            part.fit(panel, horizon=horizon, seed=seed)

    def predict(self, panel: Panel) -> FloatArray:
        return sum(
            (self.weights[name] * self._parts[name].predict(panel) for name in self._parts if self.weights[name] > 0),
            start=np.zeros((len(panel.ids), panel.horizon)),
        )

    def decompose(self, panel: Panel, periods: int) -> dict[str, FloatArray]:
        """What each forecast is made of (`models.Explained`): the weighted sum of what the parts are made of."""
        made: dict[str, FloatArray] = {}
        for name, weight in self.weights.items():
            if weight > 0:
                for part, values in self._parts[name].decompose(panel, periods).items():
                    made[part] = made.get(part, 0) + weight * values
        return made

    def save(self, folder: Path) -> None:
        (folder / "blend.json").write_text(json.dumps({"weights": self.weights}), encoding="utf-8")
        for part in self._used():
            part.save(folder)

    def load(self, folder: Path) -> None:
        self.weights = json.loads((folder / "blend.json").read_text(encoding="utf-8"))["weights"]
        for part in self._used():
            part.load(folder)

    def _used(self) -> list[_Part]:
        return [part for name, part in self._parts.items() if self.weights[name] > 0]


def light() -> Blend:
    """The same for a few hundred series (stores, sums of series), at a tenth of the cost: fewer rows and trees."""
    return Blend(LIGHT_ROWS, LIGHT_TREES)


def _stack(means: FloatArray, actual: FloatArray) -> FloatArray:
    """Weights of the parts; `means` has shape (parts, origins, series, steps)."""
    level = np.nanmean(np.abs(means), axis=(0, 1, 3), keepdims=False)
    weight = 1 / np.sqrt(np.maximum(level, 1e-3 * max(level.mean(), 1e-9)))
    known = ~np.isnan(actual)
    columns = np.stack([(part * weight[:, None])[known] for part in means], axis=1)
    target = (actual * weight[:, None])[known]
    if not len(target):
        return np.eye(len(means))[0]
    # Least squares from its normal equations; a heavy extra row makes the weights sum to 1.
    gram, moment = columns.T @ columns, columns.T @ target
    heavy = 1e3 * max(np.trace(gram) / len(gram), 1e-9)
    gram += heavy
    moment += heavy
    factor = np.linalg.cholesky(gram + 1e-9 * np.trace(gram) * np.eye(len(gram)))
    weights, _ = nnls(factor.T, np.linalg.solve(factor, moment))
    weights[weights < 0.02] = 0
    return weights / weights.sum() if weights.sum() > 0 else np.eye(len(means))[0]
