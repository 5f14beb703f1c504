"""Tilts: what gradient boosting finds in units and prices beyond an item's own regression.

It reads what the chain knew when it set the price: promotion, competitor, and the last weeks' sales, after which prices
are often set. Each block of weeks is predicted by models that never saw it (cross-fitting; Chernozhukov et al. 2018,
https://doi.org/10.1111/ectj.12097).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislehub.price.price_history import History

__all__ = ["tilts"]

FloatArray = NDArray[Any]

BLOCK_WEEKS, FOLDS = 4, 4
ROUNDS = 40
MOST_ROWS = 120_000  # that a model is trained on: more would tell it little and take long
MODEL: dict[str, Any] = {
    "num_leaves": 15, "learning_rate": 0.1, "min_data_in_leaf": 60, "lambda_l2": 10.0, "max_bin": 63,
    "feature_fraction": 0.8, "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbose": -1,
}  # fmt: skip


def tilts(history: History, expected: FloatArray, price: FloatArray, seed: int) -> tuple[FloatArray, FloatArray]:
    """Logarithm of units over those expected, and price, predicted for each block of weeks from the others, (R,)
    each."""
    import lightgbm

    features = _features(history, expected)
    fold = history.week // BLOCK_WEEKS % FOLDS
    units_tilt, price_tilt = np.zeros(len(price)), np.zeros(len(price))
    for held in np.unique(fold) if len(np.unique(fold)) > 1 else []:
        out = fold == held
        taught = np.flatnonzero(~out)
        taught = taught[:: -(-len(taught) // MOST_ROWS)]
        of_units = lightgbm.Dataset(features[taught], history.units[taught], init_score=np.log(expected[taught]))
        model = lightgbm.train(MODEL | {"objective": "poisson", "seed": seed}, of_units, ROUNDS)
        units_tilt[out] = model.predict(features[out], raw_score=True)
        of_price = lightgbm.Dataset(features[taught], price[taught], weight=expected[taught])
        model = lightgbm.train(MODEL | {"objective": "l2", "seed": seed}, of_price, ROUNDS)
        price_tilt[out] = model.predict(features[out])
    return units_tilt, price_tilt


def _features(history: History, expected: FloatArray) -> FloatArray:
    """What the chain knew when it set the price, (R, F); NaN = unknown."""
    surprise = np.log((history.units + 1) / (expected + 1))
    last = [_lagged(history, surprise, lag) for lag in (1, 2, 3, 4)]
    columns = [
        history.promoted, history.displayed, history.competitor, _lagged(history, history.promoted, 1), last[0],
        np.mean(last, axis=0),
    ]  # fmt: skip
    return np.stack(columns, axis=1)


def _lagged(history: History, values: FloatArray, weeks: int) -> FloatArray:
    """The value of the same series `weeks` before; NaN where there is no such row."""
    lagged = np.full(len(values), np.nan)
    same = (history.series[weeks:] == history.series[:-weeks]) & (history.week[weeks:] == history.week[:-weeks] + weeks)
    lagged[weeks:][same] = values[:-weeks][same]
    return lagged
