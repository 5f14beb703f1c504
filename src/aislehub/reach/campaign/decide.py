"""One decision a campaign that is due: how many are written to, at what cost, and what that is expected to bring.

What it brings is believed from the house's own campaigns that were drawn by lot and whose horizon has passed: their
effects, as shares of what the control brought, put together with the spread between them. Before there are any, it is
an assumption of the settings and says so. Where members were picked by uplift, it is what writing to such members
changed in earlier sends of the offer.
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
from aislehub.reach.campaign.money import brought, contributions, first_messages
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
    holdout_weeks: int = field(8, "Weeks since a member's first audience from which on the permanent holdout tells "
                                  "what all messages together are worth", ge=1, le=104)  # fmt: skip
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


@step(reads="campaign_plans campaign_audience contacts sales_lines items uplift_studies", writes=CAMPAIGNS)
def campaigns(
    campaign_plans: ir.Table, campaign_audience: ir.Table, contacts: ir.Table, sales_lines: ir.Table, items: ir.Table,
    uplift_studies: ir.Table, *, day: date, policy: Policy,
) -> pd.DataFrame:  # fmt: skip
    """Propose each campaign that reaches somebody tomorrow."""
    plans = due(campaign_plans.to_pandas(), day + timedelta(days=1))
    if plans.empty:
        return CAMPAIGNS.empty().to_pandas()
    audience = campaign_audience.filter(_.day == ibis.literal(day)).to_pandas()
    money = contributions(sales_lines, items, policy.margin)
    believed = learned(campaign_plans.to_pandas(), contacts.to_pandas(), money, day, policy)
    studies = uplift_studies.filter(_.day == ibis.literal(day)).to_pandas().set_index("campaign").to_dict("index")
    rows = []
    for plan in plans.to_dict("records"):
        mine = audience[audience["campaign"] == plan["campaign"]]
        counts = {status: int((mine["status"] == status).sum()) for status in STATUSES}
        if counts["treatment"]:
            members = mine.loc[mine["status"].isin(["treatment", "control"]), ["customer"]]
            usual = _usual(money, members, plan, day, policy)
            study = studies.get(plan["campaign"])
            by_lot = int(((mine["status"] == "treatment") & (mine["drawn"] == "lot")).sum())
            rows.append(_decision(plan, counts, by_lot, _expected(plan, counts, by_lot, usual, believed, study), day))
    return pd.DataFrame(rows) if rows else CAMPAIGNS.empty().to_pandas()


def learned(plans: pd.DataFrame, contacts: pd.DataFrame, money: ir.Table, day: date, policy: Policy) -> Raise:
    """What the house's own campaigns have taught by the close of `day`, or the assumption."""
    horizons = plans.set_index("campaign")["horizon_days"]
    values, errors = [], []
    for name, rows in contacts.groupby("campaign"):
        if name not in horizons.index:
            continue
        horizon = int(horizons[name])
        over = first_messages(rows, horizon, day)
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


@dataclass(frozen=True)
class _Expected:
    """Money of a campaign's messages over sending nothing, with its 90 % interval, and why that is believed."""

    money: float
    low: float
    high: float
    reasons: tuple[Reason, ...]


def _expected(
    plan: Mapping[str, Any], counts: Mapping[str, int], by_lot: int, usual: float, believed: Raise,
    study: Mapping[str, Any] | None,
) -> _Expected:  # fmt: skip
    """From earlier sends of the offer where uplift picks, else from campaigns of any offer, else assumed.

    What was measured has the offer's discount in it; only where it is assumed the discount is taken off.
    """
    if study is not None and study["verdict"] == "picks":
        return _by_study(plan, counts["treatment"], by_lot, study)
    percent = {
        "percent": round(100 * believed.share, 2), "low": round(100 * (believed.share - Z90 * believed.sd), 2),
        "high": round(100 * (believed.share + Z90 * believed.sd), 2),
    }  # fmt: skip
    belief = Reason("campaign.because_measured", {"count": believed.count, **percent}, 3.0)
    cost = plan["message_cost"]
    if not believed.count:
        belief = Reason("campaign.because_assumed", percent, 3.0)
        cost += plan["offer_cost"]
    spent = {"usual": round(usual, 2), "horizon": plan["horizon_days"], "message": round(plan["message_cost"], 4),
             "offer": round(plan["offer_cost"], 4)}  # fmt: skip
    middle, half = believed.share * usual - cost, Z90 * believed.sd * abs(usual)
    treated = counts["treatment"]
    return _Expected(
        treated * middle, treated * (middle - half), treated * (middle + half),
        (belief, Reason("campaign.because_cost", spent, 2.0), _why_by_lot(study)),
    )  # fmt: skip


def _by_study(plan: Mapping[str, Any], treated: int, by_lot: int, study: Mapping[str, Any]) -> _Expected:
    """What writing to those picked, and to those drawn by lot, changed in earlier sends."""
    parts = {"picked": treated - by_lot, "all": by_lot}
    low, middle, high = (
        sum(count * (study[f"{name}{end}"] - plan["message_cost"]) for name, count in parts.items() if count)
        for end in ("_low", "", "_high")
    )
    facts = _study_facts(study)
    worth = {name: round(float(study[name]), 2) for name in (
        "picked", "picked_low", "picked_high", "all", "all_low", "all_high") if pd.notna(study[name])}  # fmt: skip
    reasons = [Reason("campaign.because_uplift", facts, 3.0)]
    if parts["picked"]:
        told = {**worth, "horizon": plan["horizon_days"], "message": round(plan["message_cost"], 4)}
        reasons.append(Reason("campaign.because_picked", told, 2.0))
    return _Expected(middle, low, high, tuple(reasons))


def _study_facts(study: Mapping[str, Any]) -> dict[str, Any]:
    """What a reason tells of earlier sends."""
    money = {name: round(float(study[name]), 2) for name in ("qini", "qini_low", "qini_high")}
    return {"sends": int(study["sends"]), "units": int(study["members"]), **money}


def _why_by_lot(study: Mapping[str, Any] | None) -> Reason:
    """Why nobody was picked by uplift."""
    if study is None:
        return Reason("campaign.because_no_sends", {}, 1.0)
    if study["verdict"] == "no_rank":
        return Reason("campaign.because_no_rank", _study_facts(study), 1.0)
    return Reason(f"campaign.because_{study['verdict']}", {}, 1.0)


def _decision(
    plan: Mapping[str, Any], counts: Mapping[str, int], by_lot: int, expected: _Expected, day: date
) -> dict[str, Any]:
    treated = counts["treatment"]
    picked = treated - by_lot
    cuts = {"budget": counts["over_budget"], "frequency": counts["capped"]}
    bound = max(cuts, key=lambda name: cuts[name]) if any(cuts.values()) else "none"
    facts = {"members": sum(counts.values()), **counts}
    code = "campaign.because_audience"
    if picked or counts["not_picked"]:
        code, facts = "campaign.because_audience_picked", facts | {"picked": picked, "by_lot": by_lot}
    reasons = [Reason(code, facts, 4.0), *expected.reasons]
    action = {
        "messages": treated, "control": counts["control"], "segment": plan["segment"] or "all", "offer": plan["offer"],
        "channel": plan["channel"], "on": (day + timedelta(days=1)).isoformat(),
    }  # fmt: skip
    return {
        "store": None, "subject": plan["campaign"], "audience": facts["members"],
        "action": json.dumps(action, ensure_ascii=False),
        "baseline": json.dumps({"name": "send_nothing"}),
        "money": expected.money, "money_low": expected.low, "money_high": expected.high,
        "horizon_days": plan["horizon_days"], "outlay": treated * (plan["message_cost"] + plan["offer_cost"]),
        "reasons": to_json(reasons, leading=1), "bound": bound, "source": plan["source"],
    }  # fmt: skip


def _counted(tables: Tables, decision: Mapping[str, Any]) -> dict[str, Any]:
    """Members of a campaign's segment by what becomes of them, counted again."""
    rows = tables.read("campaign_audience", as_of=decision["day"])
    mine = rows.filter(rows.day == ibis.literal(decision["day"]), rows.campaign == decision["subject"])
    found = tables.run(lambda _t: mine.group_by("status").aggregate(count=_.count())).to_pylist()
    counts = dict.fromkeys(STATUSES, 0) | {row["status"]: row["count"] for row in found}
    return {"members": sum(counts.values()), **counts}


def _counted_picks(tables: Tables, decision: Mapping[str, Any]) -> dict[str, Any]:
    """The same, and how those who get it came in."""
    rows = tables.read("campaign_audience", as_of=decision["day"])
    mine = rows.filter(rows.day == ibis.literal(decision["day"]), rows.campaign == decision["subject"])
    treated = mine.filter(_.status == "treatment").group_by("drawn").aggregate(count=_.count())
    drawn = {row["drawn"]: row["count"] for row in tables.run(lambda _t: treated).to_pylist()}
    return _counted(tables, decision) | {"picked": drawn.get("uplift", 0), "by_lot": drawn.get("lot", 0)}


def _studied_again(tables: Tables, decision: Mapping[str, Any]) -> dict[str, Any]:
    """What earlier sends tell, read again."""
    rows = tables.read("uplift_studies", as_of=decision["day"])
    mine = rows.filter(rows.day == ibis.literal(decision["day"]), rows.campaign == decision["subject"])
    return _study_facts(tables.run(lambda _t: mine).to_pylist()[0])


checks = {
    "campaign.because_audience": _counted,
    "campaign.because_audience_picked": _counted_picks,
    "campaign.because_uplift": _studied_again,
    "campaign.because_no_rank": _studied_again,
}
