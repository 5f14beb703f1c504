"""What a campaign turned out to be worth: the treated against those whom the lot kept from it.

Contribution of each member over the horizon, with what they brought before taken off; discounts are in the receipts,
the messages' cost is taken off. Where the interval holds 0, nothing was found to have changed, and the sentence says
that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
from ibis import _

from aislehub.core.judging import Measured
from aislehub.core.tables import Tables
from aislehub.reach.campaign.decide import Policy
from aislehub.reach.campaign.effect import effect
from aislehub.reach.campaign.money import brought, contributions

__all__ = ["judge_campaigns", "judges"]


def judge_campaigns(
    tables: Tables, decisions: Sequence[Mapping[str, Any]], *, day: date, today: date, policy: Policy
) -> dict[str, Measured]:
    """Measure campaigns decided on `day` that were sent, by the sales known at the close of `today`."""
    ids = [one["id"] for one in decisions]
    contacts = tables.run(lambda t: t.read("contacts", as_of=today).filter(_.decision.isin(ids))).to_pandas()
    plans = tables.read("campaign_plans", as_of=today).to_pandas().set_index("campaign")
    last = tables.run(lambda t: t.read("sales_lines", as_of=today).aggregate(day=_.day.max()))["day"][0].as_py()
    found: dict[str, Measured] = {}
    for one in decisions:
        members = contacts[contacts["decision"] == one["id"]]
        horizon = one["horizon_days"]
        if members.empty or last is None or max(members["day"]) + timedelta(days=horizon - 1) > last:
            continue
        measured = _measured(tables, one, members, plans, today, policy)
        if measured is not None:
            found[one["id"]] = measured
    return found


def _measured(
    tables: Tables, decision: Mapping[str, Any], members: pd.DataFrame, plans: pd.DataFrame, today: date, policy: Policy
) -> Measured | None:
    money = contributions(tables.read("sales_lines", as_of=today), tables.read("items", as_of=today), policy.margin)
    seen = brought(money, members, decision["horizon_days"], policy.pre_days)
    treated = (seen["arm"] == "treatment").to_numpy(bool)
    one = effect(seen["after"].to_numpy(float), seen["earlier"].to_numpy(float), treated)
    if one is None:
        return None
    count = int(treated.sum())
    cost = plans["message_cost"].get(decision["subject"])
    cost = 0.0 if cost is None or pd.isna(cost) else float(cost)
    low, high = one.interval()
    moved = low > 0 or high < 0
    return Measured(
        money=round(count * (one.value - cost), 4), low=round(count * (low - cost), 4),
        high=round(count * (high - cost), 4), chosen=None,
        method="campaign.measured" if moved else "campaign.measured_nothing",
        facts={
            "treated": count, "control": int((~treated).sum()), "each": round(one.value, 2), "low": round(low, 2),
            "high": round(high, 2), "usual": round(one.control, 2), "horizon": decision["horizon_days"],
        },
        chance=round(count * one.error, 4),
    )  # fmt: skip


judges = {"campaigns": judge_campaigns}
