"""Two forecasting models on the same weeks past: how they would have forecast, and what their orders would have earned.

Every four weeks both learn, every week they are asked again, every day the house orders by them, from what was known at
each close. `demand` forecasts, `supply` orders and replays; they meet here because neither knows the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta

import numpy as np
import pandas as pd

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.demand.daily import Policy as DemandPolicy
from aislehub.demand.rolling import Asked, rolling
from aislehub.proof.scorecard import HORIZON, Tried, weekly
from aislehub.proof.two_way import FloatArray
from aislehub.supply.earned import earned, sold_after
from aislehub.supply.replenish import Policy as ReplenishPolicy
from aislehub.supply.state import Policy as SupplyPolicy
from aislehub.supply.state import supply_state

__all__ = ["SPAN", "Past", "rehearse"]

SPAN = HORIZON // 7
"""Weeks after which models are learnt anew."""


@dataclass(frozen=True)
class Past:
    """What models did on the same weeks.

    Attributes:
        lines: store, item and source of each line; a store-item has a row in each span of weeks that it counts in.
        sold: units sold in each week, once for every forecast of it, (lines, weeks).
        tried: model → what it did, (lines, weeks).
    """

    lines: pd.DataFrame
    sold: FloatArray
    tried: Mapping[str, Tried]


def rehearse(hub: Hub, models: Sequence[str], last: date, weeks: int, *, seed: int = 0) -> Past:
    """Rehearse the models on the weeks up to the close of `last`.

    Raises:
        HubError: `scorecard.weeks` unless whole spans, and what models and forecasts refuse.
    """
    if weeks < SPAN or weeks % SPAN:
        raise HubError("scorecard.weeks", weeks=weeks, span=SPAN)
    spans = [_span(hub, models, last - timedelta(weeks=back), seed) for back in range(weeks, 0, -SPAN)]
    parts = [part.name for part in fields(Tried)]
    return Past(
        pd.concat([span.lines for span in spans], ignore_index=True),
        _side_by_side([span.sold for span in spans]),
        {
            model: Tried(*(_side_by_side([getattr(span.tried[model], part) for span in spans]) for part in parts))
            for model in models
        },
    )


def _span(hub: Hub, models: Sequence[str], close: date, seed: int) -> Past:
    """The weeks of one span: the lines that had a forecast at its beginning."""
    policy = DemandPolicy.load(hub.home).model_copy(update={"horizon_days": HORIZON})
    closes = [close + timedelta(weeks=week) for week in range(SPAN)]
    asked = list(rolling(hub.tables, closes, models, policy, seed=seed))
    state = supply_state.run(hub.tables, day=close, policy=SupplyPolicy.load(hub.home)).to_pandas()
    lines = state[pd.MultiIndex.from_frame(state[["store", "item"]]).isin(asked[0].series)].reset_index(drop=True)
    series = pd.MultiIndex.from_frame(lines[["store", "item"]])
    sold = sold_after(hub.tables, series, close, HORIZON)
    ordering = ReplenishPolicy.load(hub.home)
    weight, tried = np.zeros((len(lines), SPAN)), {}
    for model in models:
        forecasts = [_of(series, one, model) for one in asked]
        error, excess, weight = weekly(forecasts, sold)
        money = earned(lines, forecasts, sold, ordering)
        tried[model] = Tried(error, excess, money.reshape(len(lines), SPAN, 7).sum(axis=2))
    return Past(lines[["store", "item", "source"]], weight, tried)


def _of(series: pd.MultiIndex, asked: Asked, model: str) -> FloatArray:
    """The forecasts of these series, (n, horizon); NaN where one had none at that close."""
    place = asked.series.get_indexer(series)
    return np.where(place[:, None] >= 0, asked.means[model][place], np.nan)


def _side_by_side(spans: Sequence[FloatArray]) -> FloatArray:
    """The lines of all spans below each other, each with its own weeks: (all lines, all weeks), 0 elsewhere."""
    whole = np.zeros((sum(len(span) for span in spans), sum(span.shape[1] for span in spans)))
    row = week = 0
    for span in spans:
        whole[row : row + len(span), week : week + span.shape[1]] = span
        row, week = row + len(span), week + span.shape[1]
    return whole
