"""Competitors' prices that cannot be for the same goods: told to whoever keeps the feed, used by nobody."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import ibis
import pandas as pd

from aislehub.core.step import step
from aislehub.price.pricing import Policy
from aislehub.price.rivals import is_far, latest
from aislehub.schema.alerts import alert_table

__all__ = ["competitor_alerts"]

COMPETITOR_ALERTS = alert_table("competitor_alerts", "A competitor whose prices are too far from one's own to be true")


@step(reads="competitor_prices prices", writes=COMPETITOR_ALERTS)
def competitor_alerts(competitor_prices: Any, prices: Any, *, day: date, policy: Policy) -> pd.DataFrame:
    """One alert a competitor: how many of its prices are not believed, and the farthest of them."""
    rivals = latest(competitor_prices, day, policy.competitor_days)
    rows = rivals.merge(_own(prices, rivals, day), on="item") if len(rivals) else rivals.assign(own=0.0)
    far = rows[is_far(rows["rival"].to_numpy(float), rows["own"].to_numpy(float), policy.competitor_far)]
    far = far.assign(times=far["rival"] / far["own"])
    far["off"] = far["times"].where(far["times"] >= 1, 1 / far["times"].clip(lower=1e-9))
    worst = far.sort_values("off").groupby("competitor").last()
    counts, all_counts = far.groupby("competitor").size(), rows.groupby("competitor").size()
    facts = [
        {"competitor": row.Index, "count": int(counts[row.Index]), "of": int(all_counts[row.Index]), "item": row.item,
         "price": round(row.rival, 2), "own": round(row.own, 2)}
        for row in worst.itertuples()
    ]  # fmt: skip
    return pd.DataFrame(
        {
            "cause": "price.alert_competitor_far", "store": "", "subject": [fact["competitor"] for fact in facts],
            "owner": "it", "money_at_risk": 0.0, "facts": [json.dumps(fact, ensure_ascii=False) for fact in facts],
            "source": "",
        }
    )  # fmt: skip


def _own(prices: Any, rivals: pd.DataFrame, day: date) -> pd.DataFrame:
    """Median of the chain's own regular prices that hold, by item."""
    held = prices.filter(
        prices.kind == "regular", prices.valid_from <= ibis.literal(day), prices.item.isin(rivals["item"].unique())
    )
    last = held.group_by(["store", "item"]).aggregate(price=held.price.argmax(held.valid_from))
    return last.group_by("item").aggregate(own=last.price.median()).to_pandas()
