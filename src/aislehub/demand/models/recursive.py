"""LightGBM as most people would set it up with mlforecast: lags, rolling means, date features, forecasts fed back.

`recursive` learns the mean under a Tweedie loss, `recursive_median` the median by quantile loss. They stand beside
`boosted`, which is the same learner told and asked otherwise (relative to a series' level, directly for each step): on
M5 this default loses to a 28-day mean.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislehub.demand.models.seasonal import level
from aislehub.demand.models.statistical import import_peer
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["Recursive", "recursive_median"]

HISTORY = 500
TREES = 300
MIN_ROWS = 100
PARAMETERS: dict[str, Any] = {"deterministic": True, "force_row_wise": True, "num_threads": 1, "verbose": -1}


class Recursive:
    """One LightGBM on lags of 1, 7, 14 and 28 periods, means of 7 and 28, date, static and known-ahead covariates.

    The last 500 periods are used. Unknown demand is taken as the series' mean, closed periods as the 0 they were. With
    fewer than 100 rows to learn from, or nothing ever sold, it forecasts the recent mean.

    Args:
        objective: LightGBM's; where demand has both signs a Tweedie loss gives way to squared error.
    """

    def __init__(self, objective: str = "tweedie") -> None:
        self._objective = objective
        self._file = f"recursive_{objective}.txt"
        self._booster: Any = None  # of LightGBM, once there is enough to learn from

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None:
        import lightgbm as lgb

        self._booster = None
        _, table = _prepared(panel.recent(HISTORY))
        table = table.dropna(subset=[f"lag{_lags(panel)[-1]}"])
        if len(table) < MIN_ROWS or not table["y"].any():
            return
        signed = self._objective == "tweedie" and not panel.nonnegative
        parameters = {"objective": "regression" if signed else self._objective, "alpha": 0.5, "seed": seed}
        data = lgb.Dataset(table.drop(columns=["unique_id", "ds", "y"]), table["y"])
        self._booster = lgb.train(PARAMETERS | parameters, data, TREES)

    def predict(self, panel: Panel) -> FloatArray:
        mean = np.repeat(level(panel)[:, None], panel.horizon, axis=1)
        if self._booster is None:
            return mean
        forecaster, table = _prepared(panel.recent(_lags(panel)[-1]))
        forecaster.models_ = {"mean": self._booster}
        series = table["unique_id"].unique()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Found null values")  # lags of a young series, which LightGBM can read
            forecast = forecaster.predict(panel.horizon, X_df=_future(panel, series))
        mean[series] = forecast["mean"].to_numpy().reshape(len(series), panel.horizon)
        return mean

    def save(self, folder: Path) -> None:
        if self._booster is not None:
            self._booster.save_model(folder / self._file)

    def load(self, folder: Path) -> None:
        import lightgbm as lgb

        trees = folder / self._file
        self._booster = lgb.Booster(model_file=trees) if trees.exists() else None


def recursive_median() -> Recursive:
    """The median instead of the mean: nearer by absolute error, too low by sum."""
    return Recursive("quantile")


def _prepared(panel: Panel) -> tuple[Any, pd.DataFrame]:
    """An mlforecast that has seen the panel's past, and the table of its lags and covariates with `unique_id, ds, y`.

    Series and periods go by their number: what a period is, mlforecast need not know.
    """
    lags = _lags(panel)
    rolling = import_peer("mlforecast.lag_transforms").RollingMean
    forecaster = import_peer("mlforecast").MLForecast(
        models={}, freq=1, lags=lags, lag_transforms={1: [rolling(lags[1]), rolling(lags[3])]}
    )
    past = panel.y.shape[1]
    series, period = np.nonzero(np.logical_or.accumulate(~np.isnan(panel.y), axis=1))
    y = np.where(np.isnan(panel.y), level(panel)[:, None], panel.y)[series, period].astype(np.float32)
    columns = _columns(panel, series, period)
    table = pd.DataFrame({"unique_id": series, "ds": period - past, "y": y, **columns})
    return forecaster, forecaster.preprocess(table, static_features=_static(panel), dropna=False)


def _lags(panel: Panel) -> list[int]:
    """The last period and 1, 2 and 4 weeks of days (days of hours) ago; 1, 2, 4 and 8 periods else."""
    return [1, *(panel.season * cycles for cycles in (1, 2, 4))] if panel.season > 1 else [1, 2, 4, 8]


def _future(panel: Panel, series: FloatArray) -> pd.DataFrame:
    """What is known of the coming periods."""
    rows, step = np.repeat(series, panel.horizon), np.tile(np.arange(panel.horizon), len(series))
    columns = _columns(panel, rows, panel.y.shape[1] + step)
    return pd.DataFrame({"unique_id": rows, "ds": step, **columns}).drop(columns=_static(panel))


def _columns(panel: Panel, series: FloatArray, period: FloatArray) -> dict[str, FloatArray]:
    """Date, covariates known ahead, and static ones, at these series and periods."""
    dates = panel.periods
    date = {"month": dates.month, "day": dates.day, "weekday": dates.dayofweek, "hour": dates.hour}
    columns = {name: values.to_numpy(np.float32)[period] for name, values in date.items()}
    for number, values in enumerate(panel.known.values()):
        columns[f"known{number}"] = values[series if len(values) > 1 else 0, period]
    static = (values[series] for values in panel.static.values())
    return columns | dict(zip(_static(panel), static, strict=True))


def _static(panel: Panel) -> list[str]:
    """Columns of the static covariates. LightGBM takes few characters in a name, so covariates go by number."""
    return [f"static{number}" for number in range(len(panel.static))]
