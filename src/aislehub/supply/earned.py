"""What orders would have earned had they been made from this forecast: replayed on the sales that followed.

The order-up-to level of each day is that of the house's own step (`wanted_orders`), so a change of its policy changes
this, too; demand scatters as the line's own past says, so that forecasts differ by their means alone. A line is
supplied on the terms of the first close for all days that are replayed. Money has the terms of `aislehub.supply.money`:
margin of what was sold, less holding, waste and the cost of order lines. Minimum quantities, larger and rarer orders
where a line costs something, allotments of a warehouse and budgets are left out; sales are taken for demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.tables import Tables
from aislehub.supply.base_stock import FloatArray
from aislehub.supply.replay import Supply, replay
from aislehub.supply.replenish import Policy, economics_of, wanted_orders

__all__ = ["earned", "sold_after"]


def earned(
    lines: pd.DataFrame, forecasts: Sequence[FloatArray], sold: FloatArray, policy: Policy, *, every: int = 7
) -> FloatArray:
    """Money of each line and day, (n, days).

    Args:
        lines: rows of `supply_state` at the first close, (n,).
        forecasts: of each close, mean demand of each day after it, (n, horizon); NaN where a line has no forecast and
            is ordered from its own sales.
        sold: units wanted on each day after the first close, (n, days).
        every: days from one close to the next.
    """
    lead, cover = (lines[name].to_numpy(float).astype(np.int64) for name in ("lead_days", "cover_days"))
    supply = Supply(
        lead=lead,
        review=np.maximum(cover - lead, 1),
        first=np.zeros(len(lines), np.int64),
        case=lines["case_pack"].to_numpy(float),
        life=lines["shelf_life_days"].to_numpy(float, na_value=np.inf),
    )
    days = range(sold.shape[1])
    levels = np.column_stack([_level(lines, forecasts[day // every], day % every, cover, policy) for day in days])
    outcome = replay(sold, supply, lambda day, past, rows: levels[rows, day])
    unit = economics_of(lines, policy)
    margin, holding, waste, line = (values[:, None] for values in (unit.margin, unit.holding, unit.waste, unit.line))
    return (
        margin * (sold - outcome.lost)
        - holding * outcome.stock
        - waste * outcome.spoiled
        - line * (outcome.ordered > 0)
    )  # fmt: skip


def sold_after(tables: Tables, series: pd.MultiIndex, day: date, days: int) -> FloatArray:
    """Units sold on each of the days after `day`, as recorded, (series, days).

    Args:
        series: store and item of each.
    """
    sales = tables.read("sales_lines")
    later = sales.filter(
        sales.day > ibis.literal(day), sales.day <= ibis.literal(day + timedelta(days=days)), sales.quantity > 0
    )
    found = later.group_by("store", "item", "day").agg(units=later.quantity.sum()).to_pandas()
    place = series.get_indexer(pd.MultiIndex.from_frame(found[["store", "item"]]))
    after = (pd.to_datetime(found["day"]) - pd.Timestamp(day)).dt.days.to_numpy() - 1
    sold = np.zeros((len(series), days))
    sold[place[place >= 0], after[place >= 0]] = found["units"].to_numpy(float)[place >= 0]
    return sold


def _level(
    lines: pd.DataFrame, forecast: FloatArray, begun: int, cover: NDArray[np.int64], policy: Policy
) -> FloatArray:
    """Units up to which lines are ordered, `begun` days after the forecast was made."""
    demand = _over(forecast, begun, cover)
    demand = np.where(np.isnan(demand), lines["own_mean"], demand)
    empty = lines.assign(
        demand=demand, demand_variance=demand * lines["variance_ratio"], on_hand=0.0, on_order=0.0, outdated=0.0
    )
    wanted = wanted_orders(empty, policy)
    most = np.minimum(wanted.limits.sellable, wanted.limits.capacity + wanted.limits.gone)
    return np.minimum(wanted.order_up_to, most)


def _over(forecast: FloatArray, begun: int, cover: NDArray[np.int64]) -> FloatArray:
    """Demand over `cover` days from day `begun` on, (n,); days beyond the forecast's end go on as those before."""
    total = np.concatenate([np.zeros((len(forecast), 1)), np.cumsum(forecast, axis=1)], axis=1)
    ends = np.minimum(begun + cover, forecast.shape[1])
    return (total[np.arange(len(total)), ends] - total[:, begun]) * cover / (ends - begun)
