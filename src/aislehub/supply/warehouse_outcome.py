"""What an order of a warehouse turned out to be worth, counted again with what the stores below it sold.

The same terms as in `warehouse.py`, on the whole echelon, with the sales of the days after in the place of the
forecast. What an empty shelf may have hidden is taken as for a store's own order (`outcome.py`). It takes for granted,
as the order does, that the warehouse shares its stock out so that all stores are equally likely to run out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from aislehub.core.judging import Measured
from aislehub.core.tables import Tables
from aislehub.supply.base_stock import FloatArray
from aislehub.supply.money import Economics, Interval, contribution
from aislehub.supply.outcome import LONGEST, demands, last_sales, left_by, ordered
from aislehub.supply.replenish import Policy
from aislehub.supply.warehouse import days_of, echelon_economics, served_by, with_echelon

__all__ = ["judge_warehouse_orders", "judges"]


def judge_warehouse_orders(
    tables: Tables, decisions: Sequence[Mapping[str, Any]], *, day: date, today: date, policy: Policy
) -> dict[str, Measured]:
    """Measure orders of `day` by the sales known at the close of `today`.

    Left out are orders whose days are not all in the sales table yet, and those whose echelon is gone.
    """
    state, supply, ages, forecast = (
        tables.read(name, as_of=day) for name in ("warehouse_state", "supply_state", "stock_ages", "demand_forecast")
    )
    lines, below = with_echelon(state, supply, ages, forecast, day, policy)
    if below is None:
        return {}
    interval, economics = days_of(lines, below), echelon_economics(lines, below, policy)
    needed = np.maximum(interval.cover, np.where(np.isfinite(interval.life), interval.lead + interval.life, 0))
    days = np.ceil(np.minimum(needed, np.maximum(LONGEST, interval.cover))).astype(int)
    orders = _orders(decisions).merge(lines[["store", "item"]].reset_index(names="at"), on=["store", "item"])
    at = orders["at"].to_numpy()
    waited = days[at] <= (last_sales(tables, today) - day).days
    orders, at = orders[waited].reset_index(drop=True), at[waited]
    if orders.empty:
        return {}
    served = served_by(state.filter((state.day == day) & state.lead_days.notnull()), supply, day)
    stores = served.select("store", "item", "supplier").to_pandas()
    wanted, sold_out = _demands(tables, orders.assign(days=days[at]), stores, day, today)
    position = (lines["on_hand"].clip(lower=0) + lines["on_order"]).to_numpy(float)[at] + below.held[at]
    some = replace(interval.of(at), mean=np.zeros(len(at)), variance=np.zeros(len(at)))  # what was expected has no part
    worth = economics.of(at)
    proposed = [_gain(orders, "proposed", position, some, worth, demand) for demand in wanted]
    chosen = _gain(orders, "chosen", position, some, worth, wanted[1])
    return {
        row.id: Measured(
            money=round(float(proposed[1][n]), 4),
            low=round(float(min(gain[n] for gain in proposed)), 4),
            high=round(float(max(gain[n] for gain in proposed)), 4),
            chosen=None if row.chosen == row.proposed else round(float(chosen[n]), 4),
            method="supply.measured_echelon",
            facts={
                "sold": float(wanted[0][n].sum()), "days": int(days[row.at]), "stores": int(below.stores[row.at]),
                "sold_out": int(sold_out[n]),
            },
        )
        for n, row in enumerate(orders.itertuples())
    }  # fmt: skip


judges = {"warehouse_orders": judge_warehouse_orders}


def _orders(decisions: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What was proposed, usual and chosen."""
    return pd.DataFrame(
        {
            "id": decision["id"], "store": decision["store"], "item": decision["subject"],
            "proposed": float(decision["action"]["quantity"]), "baseline": float(decision["baseline"]["quantity"]),
            "chosen": ordered(decision),
        }
        for decision in decisions
    )  # fmt: skip


def _demands(
    tables: Tables, orders: pd.DataFrame, served: pd.DataFrame, day: date, today: date
) -> tuple[list[FloatArray], np.ndarray]:
    """Units wanted in all stores below each order, (n, days) each, as `demands`; and store-days sold out, (n,)."""
    place = orders.reset_index(names="order")[["order", "store", "item", "days"]].rename(columns={"store": "supplier"})
    stores = served.merge(place, on=["supplier", "item"])
    found = demands(tables, stores[["store", "item", "days"]], day, today)
    order = stores["order"].to_numpy()
    totals = [np.zeros((len(orders), part.shape[1])) for part in found]
    for total, part in zip(totals, found, strict=True):
        np.add.at(total, order, part)
    return totals, np.bincount(order, (found[1] > found[0]).sum(axis=1), len(orders))


def _gain(
    orders: pd.DataFrame, name: str, position: FloatArray, interval: Interval, economics: Economics, demand: FloatArray
) -> FloatArray:
    """Money of the quantities of a column over the baseline's, had this been the demand, (n,)."""
    earned, usual = (
        contribution(orders[column].to_numpy(float), position, interval, economics, left_by(demand))
        for column in (name, "baseline")
    )
    return earned - usual
