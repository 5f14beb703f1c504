"""One LightGBM for all series: direct, relative to each series' own level, with what is known ahead.

The learner starts from a simple rule (level × slot share, `Features.base`) as an offset and learns the ratio to it
under a Tweedie loss, the variance law of retail counts. So with nothing to learn it *is* the rule, which is hard
to beat on intermittent demand, and every tree has to earn its departure from it. Rows are drawn at random over
series, origins and steps. After the M5 winners (Makridakis et al. 2022, https://doi.org/10.1016/j.ijforecast.2021.11.013):
global, Tweedie, many origins, direct.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from aislehub.demand.models.features import FAMILIES, Features, RowIndex
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["Boosted"]

ROWS = 600_000  # at most; a panel of less than ten times as many cells gets a tenth of them …
LEAST_ROWS = 200_000  # … but not fewer than these
MIN_ROWS = 400
MIN_PAST = 4
TREES = 300
KEPT_YEARS = 3
PREDICT_ROWS = 500_000
PARAMETERS: dict[str, Any] = {
    "objective": "tweedie",
    "tweedie_variance_power": 1.5,
    "learning_rate": 0.03,
    "num_leaves": 31,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "cat_smooth": 20,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


class Boosted:
    """Gradient-boosted trees on the ratio of demand to a simple rule.

    With fewer than 400 usable rows it stays with the rule. Where demand can be negative (net returns) the loss is
    squared error on demand / level instead.
    """

    def __init__(self, rows: int = ROWS, trees: int = TREES) -> None:
        self.rows = rows
        self.trees = trees
        self._booster: Any = None  # of LightGBM, once there is enough to learn from
        self._signed = False
        self._labels: dict[str, list[str]] = {}
        self._names: list[str] = []

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None:
        import lightgbm as lgb

        panel = panel.recent(KEPT_YEARS * panel.year)
        self._booster, self._signed, self._labels, self._names = None, not panel.nonnegative, dict(panel.labels), []
        features = Features(panel)
        rows = self._draw(panel, features, horizon, seed)
        if len(rows.series) < MIN_ROWS:
            return
        table, base = features.rows(rows)
        target = panel.y[rows.series, rows.target]
        parameters = PARAMETERS | {
            "seed": seed,
            "min_data_in_leaf": int(np.clip(len(target) // 3000, 20, 100)),
        }
        if self._signed:
            target, base = target / base, np.ones_like(base)
            parameters["objective"] = "regression"
        self._names = features.names
        data = lgb.Dataset(
            table,
            target,
            init_score=np.log(base) if not self._signed else None,
            feature_name=[f"f{position}" for position in range(len(features.names))],
            categorical_feature=[f"f{features.names.index(name)}" for name in features.categorical],
            free_raw_data=True,
        )
        self._booster = lgb.train(parameters, data, self.trees)

    def predict(self, panel: Panel) -> FloatArray:
        panel = self._recoded(panel.recent(KEPT_YEARS * panel.year))
        features = Features(panel)
        count, horizon = len(panel.ids), panel.horizon
        mean = np.empty((count, horizon))
        block = max(1, PREDICT_ROWS // horizon)
        for start in range(0, count, block):
            series = np.arange(start, min(start + block, count))
            rows = _next(panel, series, horizon)
            table, base = features.rows(rows)
            mean[series] = self._means(features, table, base).reshape(len(series), horizon)
        return mean

    def decompose(self, panel: Panel, periods: int) -> dict[str, FloatArray]:
        """What each forecast is made of (`models.Explained`).

        TreeSHAP gives the logarithm of each part's ratio; logarithmic-mean weights turn those into units (LMDI, Ang
        2004, https://doi.org/10.1016/j.enpol.2003.10.007).
        """
        panel = self._recoded(panel.recent(KEPT_YEARS * panel.year))
        features = Features(panel)
        count = len(panel.ids)
        parts = {part: np.zeros((count, periods)) for part in dict.fromkeys(FAMILIES.values())}
        block = max(1, PREDICT_ROWS // 10 // periods)
        for start in range(0, count, block):
            series = np.arange(start, min(start + block, count))
            rows = _next(panel, series, periods)
            table, base = features.rows(rows)
            level = features.level(rows)
            weight = level if self._signed else _logarithmic_mean(self._means(features, table, base), level)
            parts["base"][series] = level.reshape(-1, periods)
            if not self._signed:
                parts["season"][series] = (weight * np.log(base / level)).reshape(-1, periods)
            if self._booster is None:
                continue
            shares = np.asarray(self._booster.predict(self._aligned(features, table), pred_contrib=True))
            shares[:, -1] -= 1.0 if self._signed else 0.0  # demand / level starts from 1, its logarithm from 0
            for position, part in enumerate([*self._parts(features), "base"]):
                parts[part][series] += (weight * shares[:, position]).reshape(-1, periods)
        return parts

    def save(self, folder: Path) -> None:
        if self._booster is not None:
            self._booster.save_model(folder / "boosted.txt")
        facts = {"signed": self._signed, "labels": self._labels, "features": self._names}
        (folder / "boosted.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")

    def load(self, folder: Path) -> None:
        import lightgbm as lgb

        facts = json.loads((folder / "boosted.json").read_text(encoding="utf-8"))
        self._signed, self._labels, self._names = facts["signed"], facts["labels"], facts["features"]
        trees = folder / "boosted.txt"
        self._booster = lgb.Booster(model_file=trees) if trees.exists() else None

    def _draw(self, panel: Panel, features: Features, horizon: int, seed: int) -> RowIndex:
        """Random forecasts that could have been made inside the history, with the answer known."""
        random = np.random.default_rng(seed)
        count, past = panel.y.shape
        steps = min(horizon, max(1, past // 3))
        earliest = features.first + min(MIN_PAST * panel.season, max(1, past // 4))
        cells = panel.y.size if panel.eligible is None else int(panel.eligible.sum())
        wanted = min(self.rows, max(LEAST_ROWS, cells // 10))
        tries = min(4 * wanted, 4 * panel.y.size)
        series = random.integers(0, count, tries)
        step = random.integers(1, steps + 1, tries)
        target = random.integers(max(0, past - 2 * panel.year), past, tries)
        origin = target - step + 1
        usable = (origin >= earliest[series]) & ~np.isnan(panel.sold[series, target])
        if panel.eligible is not None:
            usable &= panel.eligible[series, origin]
        chosen = np.flatnonzero(usable)[:wanted]
        return RowIndex(series[chosen], origin[chosen], step[chosen])

    def _means(self, features: Features, table: FloatArray, base: FloatArray) -> FloatArray:
        if self._booster is None:
            return base
        raw = np.asarray(self._booster.predict(self._aligned(features, table), raw_score=True))
        return base * raw if self._signed else base * np.exp(np.clip(raw, -5, 5))

    def _aligned(self, features: Features, table: FloatArray) -> FloatArray:
        """The columns that the trees were grown on; one that this panel lacks is unknown."""
        if features.names == self._names:
            return table
        empty = np.full(len(table), np.nan, dtype=np.float32)
        have = {name: position for position, name in enumerate(features.names)}
        return np.column_stack([table[:, have[name]] if name in have else empty for name in self._names])

    def _parts(self, features: Features) -> list[str]:
        """The part of the forecast that each learnt column explains."""
        family = dict(zip(features.names, features.families, strict=True))
        return [FAMILIES[family.get(name, "level")] for name in self._names]

    def _recoded(self, panel: Panel) -> Panel:
        """The panel with the codes that this model learnt for text covariates; a label never seen is unknown."""

        def recode(values: dict[str, FloatArray]) -> dict[str, FloatArray]:
            return {
                name: _translate(matrix, panel.labels[name], self._labels[name])
                if name in panel.labels and name in self._labels
                else matrix
                for name, matrix in values.items()
            }

        if panel.labels == self._labels:
            return panel
        return replace(
            panel, known=recode(panel.known), static=recode(panel.static), labels={**panel.labels, **self._labels}
        )


def _next(panel: Panel, series: Any, steps: int) -> RowIndex:
    """The next steps of these series, from the end of the history."""
    return RowIndex(
        np.repeat(series, steps),
        np.full(len(series) * steps, panel.y.shape[1]),
        np.tile(np.arange(1, steps + 1), len(series)),
    )


def _translate(codes: FloatArray, labels: list[str], learnt: list[str]) -> FloatArray:
    position = {label: float(code) for code, label in enumerate(learnt)}
    table = np.array([*(position.get(label, np.nan) for label in labels), np.nan], dtype=np.float32)
    return table[np.where(np.isnan(codes), len(labels), codes).astype(int)]


def _logarithmic_mean(a: FloatArray, b: FloatArray) -> FloatArray:
    """(a − b) / ln(a / b), and a where both are equal."""
    ratio = np.log(a / b)
    even = np.abs(ratio) < 1e-9
    return np.where(even, a, (a - b) / np.where(even, 1.0, ratio))
