"""Forecasts of departments, stores, regions and the chain: what the store-items' add up to, with bands of their own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from aislehub.core.step import step
from aislehub.demand.coherence import Coherence
from aislehub.demand.hierarchy import Hierarchy
from aislehub.schema.demand import DEMAND_TOTALS

__all__ = ["LEVELS", "chain_labels", "demand_totals"]

LEVELS = ("total", "region", "store", "department", "category", "store/department", "item")
_LABELS = ["region", "store", "department", "category", "item"]


def chain_labels(series: pd.DataFrame, items: ir.Table, stores: ir.Table) -> pd.DataFrame:
    """Region, store, department, category and item of each row of `series` (columns store, item), in their order."""
    of_item = items.select("item", "department", "category").to_pandas().drop_duplicates("item").set_index("item")
    of_store = stores.select("store", "region").to_pandas().drop_duplicates("store").set_index("store")
    joined = series[["store", "item"]].reset_index(drop=True).join(of_item, on="item").join(of_store, on="store")
    return joined[_LABELS]


@step(reads="demand_forecast items stores", writes=DEMAND_TOTALS, model="demand")
def demand_totals(
    demand_forecast: ir.Table, items: ir.Table, stores: ir.Table, *, day: date, model: Path
) -> pd.DataFrame:
    """Add the store-items' forecasts up to all levels; bands are learnt on how wrong such sums usually were."""
    rows = demand_forecast.filter(demand_forecast.day == ibis.literal(day)).select("store", "item", "ds", "mean")
    means = rows.to_pandas().pivot(index=["store", "item"], columns="ds", values="mean").fillna(0.0)
    hierarchy = Hierarchy.of(chain_labels(means.index.to_frame(), items, stores), LEVELS)
    sums, bands = Coherence.load(model / "levels").totals(hierarchy, means.to_numpy(), (0.1, 0.9))
    steps = len(means.columns)
    labels = hierarchy.labels.reindex(columns=_LABELS).loc[np.repeat(np.arange(len(hierarchy.ids)), steps)]
    return labels.reset_index(drop=True).assign(
        level=np.repeat(np.array(hierarchy.levels, dtype=object)[hierarchy.level], steps),
        key=np.repeat(np.asarray(hierarchy.ids), steps),
        series=np.repeat(np.diff(hierarchy.sums.indptr), steps),
        ds=np.tile(pd.DatetimeIndex(means.columns).date, len(hierarchy.ids)),
        mean=sums.ravel(),
        low=bands[..., 0].ravel(),
        high=bands[..., 1].ravel(),
    )
