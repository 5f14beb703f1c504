"""Rehearsals: forecasts of the series' own past, made as they would have been made then.

One rehearsal serves three purposes: to choose between models, to learn how wrong a forecast usually is, and to
report accuracy. The model sees nothing after the first rehearsed origin when it learns, and nothing after each
origin when it forecasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from aislehub.demand.models import Model
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["MAX_ORIGINS", "Rehearsal", "accuracy", "pinball", "rehearse", "rehearse_all", "weekly_error"]

MAX_ORIGINS = 3


@dataclass(frozen=True)
class Rehearsal:
    """Forecast means and what then happened.

    Attributes:
        mean: shape (origins, series, steps), oldest origin first, one origin every `steps` periods.
        actual: the same shape; NaN where unknown, before a series' start, closed, or not eligible at the origin.
    """

    mean: FloatArray
    actual: FloatArray


def rehearse(make: Callable[[], Model], panel: Panel, *, horizon: int, seed: int) -> Rehearsal | None:
    """Fit a fresh model before the last `origins × steps` periods and forecast them; None with too little past.

    At most 3 origins and a third of the past are rehearsed.
    """
    found = rehearse_all([make], panel, horizon=horizon, seed=seed)
    return found[0] if found else None


def rehearse_all(makes: Iterable[Callable[[], Model]], panel: Panel, *, horizon: int, seed: int) -> list[Rehearsal]:
    """`rehearse` several models on the same past, which is cut to each origin once; empty with too little past."""
    past = panel.y.shape[1]
    steps = min(horizon, past // 3, panel.horizon)
    if steps < 1:
        return []
    origins = int(np.clip(past // (3 * steps), 1, MAX_ORIGINS))
    early = panel.ahead(steps).before(origins * steps)
    models = [make() for make in makes]
    for model in models:
        model.fit(early, horizon=steps, seed=seed)
    means, actuals = [], []
    for back in range(origins, 0, -1):
        view = panel.ahead(steps).before(back * steps)
        origin = past - back * steps
        came = panel.sold[:, origin : origin + steps]
        if panel.eligible is None:
            means.append(np.stack([model.predict(view) for model in models]))
        else:
            rows = np.flatnonzero(panel.eligible[:, origin])
            chosen = view.only(rows)
            mean = np.zeros((len(models), *came.shape))
            for place, model in enumerate(models):
                mean[place, rows] = model.predict(chosen)
            means.append(mean)
            came = np.where(panel.eligible[:, [origin]], came, np.nan)
        actuals.append(came)
    actual = np.stack(actuals)
    return [Rehearsal(mean, actual) for mean in np.stack(means, axis=1)]


def accuracy(history: FloatArray, actual: FloatArray, mean: FloatArray, *, cycle: int = 7) -> dict[str, float]:
    """Accuracy of one forecast of many series.

    Args:
        history: demand before the origin, (series, past).
        actual, mean: (series, steps).
        cycle: periods per bucket of the WAPE; daily WAPE rewards forecasting 0, weekly does not.

    Returns:
        `rmsse`: mean over series of the root mean squared error, scaled by the in-sample one-step naive error
        (M5; series whose history never changes have none). `wape`: absolute error of cycle totals over demand.
        `bias`: sum of errors over demand, > 0 = forecast too high.
    """
    steps = np.diff(np.asarray(history, dtype=np.float64), axis=1)
    scale, error = _mean_of_known(steps**2), _mean_of_known((actual - mean) ** 2)
    scored = np.isfinite(scale) & (scale > 0) & np.isfinite(error)
    wape, bias = weekly_error(actual, mean, cycle)
    return {
        "rmsse": float(np.sqrt(error[scored] / scale[scored]).mean()) if scored.any() else float("nan"),
        "wape": wape,
        "bias": bias,
    }


def weekly_error(actual: FloatArray, mean: FloatArray, cycle: int = 7) -> tuple[float, float]:
    """WAPE and bias of cycle totals, as in `accuracy`; unknown periods of `actual` count in neither side."""
    whole = actual.shape[1] - actual.shape[1] % cycle or actual.shape[1]
    missing = np.isnan(actual)
    buckets = (len(actual), -1, cycle if whole >= cycle else whole)
    real = np.where(missing, 0, actual)[:, :whole].reshape(buckets).sum(axis=2)
    guess = np.where(missing, 0, mean)[:, :whole].reshape(buckets).sum(axis=2)
    demand = max(np.abs(real).sum(), 1e-12)
    return float(np.abs(real - guess).sum() / demand), float((guess - real).sum() / demand)


def pinball(actual: FloatArray, quantile: FloatArray, level: float) -> FloatArray:
    """Pinball loss of one quantile, averaged over the last axis (Koenker & Bassett 1978)."""
    error = actual - quantile
    return np.maximum(level * error, (level - 1) * error).mean(axis=-1)


def _mean_of_known(values: FloatArray) -> FloatArray:
    """Mean of each row's known values; NaN where none is known."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, values, 0).sum(axis=1) / np.maximum(count, 1), np.nan)
