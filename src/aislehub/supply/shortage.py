"""Shortages that no order can prevent any more: what will be sold out before the next delivery can be on the shelf.

An order placed tomorrow arrives after the lead time; until then a store lives on what it has and on what is on
its way. Where that will not do, only people can help: a transfer, an express delivery, an empty shelf explained.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import ibis
import numpy as np
import pandas as pd

from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.schema.alerts import alert_table
from aislehub.supply.base_stock import expected_short

__all__ = ["Policy", "shortage_alerts"]

SHORTAGE_ALERTS = alert_table("shortage_alerts", "One item of a store that no order can save from running out")


class Policy(Settings, section="shortage"):
    """From when on a shortage is worth a person's attention."""

    least_money: float = field(1.0, "Least contribution at risk of an alert, in money", ge=0)
    most: int = field(200, "Alerts a day at most, the most money at risk first", ge=1)


@step(reads="demand_forecast supply_state", writes=SHORTAGE_ALERTS)
def shortage_alerts(demand_forecast: Any, supply_state: Any, *, day: date, policy: Policy) -> pd.DataFrame:
    """Items expected to run out before tomorrow's order can arrive, and book stock below zero."""
    today = demand_forecast.filter(demand_forecast.day == ibis.literal(day))
    ahead = today.ds.delta(ibis.literal(day), unit="day")
    totals = today.select("store", "item", "total_mean", "total_sd", ahead=ahead)
    state = supply_state.filter(supply_state.day == ibis.literal(day)).drop("day")
    state = state.mutate(ahead=ibis.greatest(state.lead_days.ceil(), ibis.literal(1.0)).cast("int64"))
    lines = state.inner_join(totals, ["store", "item", "ahead"]).order_by(["store", "item"]).to_pandas()

    position = (lines["on_hand"].clip(lower=0) + lines["on_order"]).to_numpy(float)
    variance = lines["total_sd"].to_numpy(float) ** 2
    short = expected_short(lines["total_mean"].to_numpy(float), variance, position)
    margin = (lines["price"] - lines["cost"]).clip(lower=0).to_numpy(float)
    lines = lines.assign(short=short, money_at_risk=margin * short)
    negative = lines["on_hand"] < 0
    lines["cause"] = np.where(negative, "supply.alert_negative_stock", "supply.alert_shortage")
    lines["owner"] = np.where(negative, "store", "planner")
    worth = lines[(lines["money_at_risk"] >= policy.least_money) | negative]
    worth = worth.sort_values(["money_at_risk", "store", "item"], ascending=[False, True, True]).head(policy.most)
    facts = worth[["store", "item", "on_hand", "on_order", "ahead", "total_mean", "short"]].round(1)
    return pd.DataFrame(
        {
            "cause": worth["cause"],
            "store": worth["store"],
            "subject": worth["item"],
            "owner": worth["owner"],
            "money_at_risk": worth["money_at_risk"],
            "facts": [json.dumps(row) for row in facts.to_dict("records")],
            "source": worth["source"],
        }
    )
