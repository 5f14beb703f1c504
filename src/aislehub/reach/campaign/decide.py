"""One decision a campaign that is due: how many are written to, at what cost, and what that is expected to bring.

What it brings is believed from the house's own campaigns that were drawn by lot and whose horizon has passed: their
effects, as shares of what the control brought, put together with the spread between them. Before there are any, it is
an assumption of the settings and says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from aislehub.core.contract import Column, Contract
from aislehub.core.reasons import Reason, to_json
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.core.tables import Tables
from aislehub.reach.campaign.audience import due
from aislehub.reach.campaign.effect import effect, pooled
from aislehub.reach.campaign.money import brought, contributions
from aislehub.schema.campaigns import STATUSES

__all__ = ["CAMPAIGNS", "Policy", "Raise", "campaigns", "learned"]

Z90 = 1.6448536269514722


class Policy(Settings, section="campaigns"):
    """What campaigns are expected to bring, and how that is measured."""

    assumed: float = field(0.02, "Share by which a campaign is assumed to raise what members bring, until one of the "
                                 "house is measured; an assumption", ge=-1, le=5)  # fmt: skip
    assumed_sd: float = field(0.03, "Standard deviation of that share", gt=0, le=5)
    least: int = field(30, "Members of each arm from which on a past campaign teaches what campaigns bring", ge=2)
    pre_days: int = field(84, "Days before a message whose money is taken off when it is measured", ge=0, le=730)
    margin: float = field(0.25, "Share of the net amount taken as margin where an item's cost is not known", ge=0, le=1)


CAMPAIGNS = Contract(
    "campaigns",
    "One campaign whose messages are to go out tomorrow; subject = its name, the store is empty for the chain",
    (Column("audience", "int", "Members of the segment", "members", low=0),),
    key="day store subject",
    decision=True,
)  # fmt: skip


@dataclass(frozen=True)
class Raise:
    """By which share of what they bring a campaign is believed to raise members, and from how many campaigns."""

    share: float
    sd: float
    count: int


@step(reads="campaign_plans campaign_audience contacts sales_lines items", writes=CAMPAIGNS)
def campaigns(
    campaign_plans: ir.Table, campaign_audience: ir.Table, contacts: ir.Table, sales_lines: ir.Table, items: ir.Table,
    *, day: date, policy: Policy,
) -> pd.DataFrame:  # fmt: skip
    """Propose each campaign that reaches somebody tomorrow."""
    plans = due(campaign_plans.to_pandas(), day + timedelta(days=1))
    if plans.empty:
        return CAMPAIGNS.empty().to_pandas()
    audience = campaign_audience.filter(_.day == ibis.literal(day)).to_pandas()
    money = contributions(sales_lines, items, policy.margin)
    believed = learned(campaign_plans.to_pandas(), contacts.to_pandas(), money, day, policy)
    rows = []
    for plan in plans.to_dict("records"):
        mine = audience[audience["campaign"] == plan["campaign"]]
        counts = {status: int((mine["status"] == status).sum()) for status in STATUSES}
        if counts["treatment"]:
            members = mine.loc[mine["status"].isin(["treatment", "control"]), ["customer"]]
            rows.append(_decision(plan, counts, _usual(money, members, plan, day, policy), believed, day))
    return pd.DataFrame(rows) if rows else CAMPAIGNS.empty().to_pandas()


def learned(plans: pd.DataFrame, contacts: pd.DataFrame, money: ir.Table, day: date, policy: Policy) -> Raise:
    """What the house's own campaigns have taught by the close of `day`, or the assumption."""
    horizons = plans.set_index("campaign")["horizon_days"]
    values, errors = [], []
    for name, rows in contacts.groupby("campaign"):
        if name not in horizons.index:
            continue
        first = rows.sort_values("day").drop_duplicates("customer")  # a member's first round
        horizon = int(horizons[name])
        over = first[pd.to_datetime(first["day"]) + pd.Timedelta(days=horizon - 1) <= pd.Timestamp(day)]
        treated = (over["arm"] == "treatment").to_numpy(bool)
        if min(int(treated.sum()), int((~treated).sum())) < policy.least:
            continue
        found = brought(money, over[["customer", "day"]], horizon, policy.pre_days)
        one = effect(found["after"].to_numpy(float), found["earlier"].to_numpy(float), treated)
        if one is not None and one.control > 0 and one.error > 0:
            values.append(one.value / one.control)
            errors.append(one.error / one.control)
    if not values:
        return Raise(policy.assumed, policy.assumed_sd, 0)
    share, sd = pooled(np.array(values), np.array(errors))
    return Raise(share, sd, len(values))


def _usual(money: ir.Table, members: pd.DataFrame, plan: Mapping[str, Any], day: date, policy: Policy) -> float:
    """What a member of the audience brings in the horizon, as they did in the days before."""
    span = max(policy.pre_days, 28)
    found = brought(money, members.assign(day=day + timedelta(days=1)), 1, span)
    return float(found["earlier"].mean()) / span * plan["horizon_days"]


def _decision(
    plan: Mapping[str, Any], counts: Mapping[str, int], usual: float, believed: Raise, day: date
) -> dict[str, Any]:
    treated = counts["treatment"]
    cost = plan["message_cost"] + plan["offer_cost"]
    middle, sd = believed.share * usual, believed.sd * abs(usual)
    low, high = middle - Z90 * sd, middle + Z90 * sd
    cuts = {"budget": counts["over_budget"], "frequency": counts["capped"]}
    bound = max(cuts, key=lambda name: cuts[name]) if any(cuts.values()) else "none"
    facts = {"members": sum(counts.values()), **counts}
    effects = {"percent": round(100 * believed.share, 2), "low": round(100 * (believed.share - Z90 * believed.sd), 2),
               "high": round(100 * (believed.share + Z90 * believed.sd), 2)}  # fmt: skip
    belief = Reason("campaign.because_measured", {"count": believed.count, **effects}, 3.0)
    if not believed.count:
        belief = Reason("campaign.because_assumed", effects, 3.0)
    spent = {"usual": round(usual, 2), "horizon": plan["horizon_days"], "message": round(plan["message_cost"], 4),
             "offer": round(plan["offer_cost"], 4)}  # fmt: skip
    reasons = [Reason("campaign.because_audience", facts, 4.0), belief, Reason("campaign.because_cost", spent, 2.0)]
    action = {
        "messages": treated, "control": counts["control"], "segment": plan["segment"] or "all", "offer": plan["offer"],
        "channel": plan["channel"], "on": (day + timedelta(days=1)).isoformat(),
    }  # fmt: skip
    return {
        "store": None, "subject": plan["campaign"], "audience": facts["members"],
        "action": json.dumps(action, ensure_ascii=False),
        "baseline": json.dumps({"name": "send_nothing"}),
        "money": treated * (middle - cost), "money_low": treated * (low - cost), "money_high": treated * (high - cost),
        "horizon_days": plan["horizon_days"], "outlay": treated * cost, "reasons": to_json(reasons, leading=1),
        "bound": bound, "source": plan["source"],
    }  # fmt: skip


def _audience_counts(tables: Tables, decision: Mapping[str, Any]) -> dict[str, Any]:
    """Members of a campaign's segment by what becomes of them, counted again."""
    rows = tables.read("campaign_audience", as_of=decision["day"])
    mine = rows.filter(rows.day == ibis.literal(decision["day"]), rows.campaign == decision["subject"])
    found = tables.run(lambda _t: mine.group_by("status").aggregate(count=_.count())).to_pylist()
    counts = dict.fromkeys(STATUSES, 0) | {row["status"]: row["count"] for row in found}
    return {"members": sum(counts.values()), **counts}


checks = {"campaign.because_audience": _audience_counts}
