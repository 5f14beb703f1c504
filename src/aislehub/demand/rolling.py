"""Forecasts as they would have been made close after close: learnt at the first, asked anew at each.

Everything is read as it was known at the close: a promotion that was announced later is in no forecast before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from aislehub.core.tables import Tables
from aislehub.demand.daily import Policy, demand_panel, forecast_rows, learn_demand, series_of
from aislehub.demand.forecast import Forecaster
from aislehub.demand.models import make_model
from aislehub.demand.panel import FloatArray

__all__ = ["Asked", "rolling"]


@dataclass(frozen=True)
class Asked:
    """What was forecast at one close.

    Attributes:
        series: store and item of each series, (n,).
        means: model → mean demand of each coming day, (n, horizon).
    """

    series: pd.MultiIndex
    means: dict[str, FloatArray]


def rolling(
    tables: Tables, closes: Sequence[date], models: Sequence[str], policy: Policy, *, seed: int = 0
) -> Iterator[Asked]:
    """What each model, learnt at the first of these closes, would have forecast at each of them.

    Raises:
        HubError: `demand.model` of an unknown one, `demand.no_sales`.
    """
    for model in models:
        make_model(model)  # an unknown one is refused now, not after minutes of learning the one before it
    forecasters: dict[str, Forecaster] = {}
    for close in closes:
        known = [tables.read(name, as_of=close) for name in learn_demand.reads]
        panel = demand_panel(*known, day=close, policy=policy)
        for model in models:
            if model not in forecasters:
                forecasters[model] = Forecaster.learn(panel, model=model, seed=seed)
        today = panel.only(forecast_rows(panel))
        series = pd.MultiIndex.from_tuples([series_of(id) for id in today.ids], names=["store", "item"])
        yield Asked(series, {model: forecaster.means(today) for model, forecaster in forecasters.items()})
