"""Who of a segment is written to: with consent, not too often, never the permanent holdout, and by lot.

What keeps a member out comes before the lot and is the same for both arms: consent, the holdout, and how often they
were written to, where a member whom an earlier lot kept from a message counts as written to. So treatment and control
differ in the message only. A member keeps the arm over all rounds of a campaign.

Where earlier sends of the offer tell members apart (`uplift_studies`), a share of the audience is still drawn by lot,
so that the next estimate stays possible, and of the others those are picked whose expected uplift is above the cost of
the message, the highest first as far as the budget goes. Both keep a control by the same lot. The choice comes before
that lot, so the arms stay alike.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from numpy.typing import NDArray

from aislehub.core.assign import arm
from aislehub.core.step import step
from aislehub.law import packs_of
from aislehub.law.consent import may_use
from aislehub.law.messages import WEEK, MessageRules, is_held_back
from aislehub.schema.campaigns import CAMPAIGN_AUDIENCE

__all__ = ["EXPLORE", "campaign_audience", "due"]

EXPLORE = 0.2
"""Share of the audience drawn by lot where a plan does not say it."""


@step(
    reads="campaign_plans customers customer_segments consents stores contacts uplift_studies uplift_scores",
    writes=CAMPAIGN_AUDIENCE,
)
def campaign_audience(
    campaign_plans: ir.Table, customers: ir.Table, customer_segments: ir.Table, consents: ir.Table, stores: ir.Table,
    contacts: ir.Table, uplift_studies: ir.Table, uplift_scores: ir.Table, *, day: date, policy: MessageRules,
    timezone: str,
) -> pd.DataFrame:  # fmt: skip
    """Every member of the segments of campaigns that are due tomorrow, and what becomes of them."""
    tomorrow = day + timedelta(days=1)
    plans = due(campaign_plans.to_pandas(), tomorrow)
    if plans.empty:
        return CAMPAIGN_AUDIENCE.empty().to_pandas()
    members = _members(customers, stores)
    agreed = _agreed(members, consents.to_pandas(), _begin(tomorrow, timezone), policy.law)
    held = np.array([is_held_back(member, policy.holdout) for member in members["customer"]], dtype=bool)
    in_segment = customer_segments.filter(_.day == ibis.literal(day)).select("customer", "segment").to_pandas()
    uplift = _uplift(uplift_studies, uplift_scores, day)
    week, today = _written_to(contacts, tomorrow)
    written = members["customer"].map(week).fillna(0).to_numpy(int)
    on_day = members["customer"].map(today).fillna(0).to_numpy(int)
    found = []
    for plan in plans.itertuples():
        inside = np.ones(len(members), dtype=bool)
        if plan.segment:
            inside = members["customer"].isin(in_segment.loc[in_segment["segment"] == plan.segment, "customer"])
        full = (written >= policy.per_week) | (on_day >= policy.per_day)
        status = np.select([~agreed, held, full], ["no_consent", "holdout", "capped"], "open").astype(object)
        mine = np.flatnonzero(np.asarray(inside))
        free = mine[status[mine] == "open"]
        keys = members["customer"].to_numpy()[free]
        how = np.full(len(free), "lot", dtype=object)
        if plan.campaign in uplift:
            status[free], how = _by_uplift(plan, keys, uplift[plan.campaign].reindex(keys).to_numpy(float))
        else:
            status[free] = _by_lot(plan, keys)
        is_reached = np.isin(status[free].astype(str), ["treatment", "control"])
        reached = free[is_reached]
        written[reached] += 1
        on_day[reached] += 1
        drawn = np.full(len(members), None, dtype=object)
        drawn[reached] = how[is_reached]
        rows = members.iloc[mine].assign(status=status[mine], drawn=drawn[mine])
        found.append(rows.assign(campaign=plan.campaign, source=plan.source))
    columns = ["campaign", "customer", "status", "drawn", "language", "country", "timezone", "source"]
    return pd.concat(found, ignore_index=True)[columns].assign(day=day)


def due(plans: pd.DataFrame, day: date) -> pd.DataFrame:
    """The campaigns whose messages go out on a day, by name, gaps filled."""
    if plans.empty:
        return plans
    starts, ends = (pd.to_datetime(plans[name]) for name in ("starts", "ends"))
    since = (pd.Timestamp(day) - starts).dt.days
    rounds = pd.to_numeric(plans["every_days"]).fillna(0).astype(int)
    is_round = np.where(rounds > 0, since % np.maximum(rounds, 1) == 0, since == 0)
    mine = plans[is_round & (since >= 0) & (pd.Timestamp(day) <= ends.fillna(starts))].sort_values("campaign")
    money = {name: pd.to_numeric(mine[name]).fillna(0.0) for name in ("message_cost", "offer_cost")}
    words = {name: mine[name].fillna("") for name in ("segment", "source")}
    explore = pd.to_numeric(mine["explore"]).fillna(EXPLORE)
    return mine.assign(**money, **words, explore=explore, ends=ends.fillna(starts)[mine.index].dt.date)


def _members(customers: ir.Table, stores: ir.Table) -> pd.DataFrame:
    """Every member with the country and the clock of their home store."""
    places = stores.select(home_store=_.store, country=_.country, timezone=_.timezone)
    members = customers.select("customer", "home_store", "language").left_join(places, "home_store")
    frame = members.select("customer", "language", "country", "timezone").to_pandas()
    return frame.drop_duplicates("customer").sort_values("customer", ignore_index=True)


def _agreed(members: pd.DataFrame, consents: pd.DataFrame, at: datetime, law: tuple[str, ...]) -> NDArray[np.bool_]:
    """Who may be written to, by the law of each member's country."""
    agreed = np.zeros(len(members), dtype=bool)
    for country, rows in members.groupby(members["country"].fillna("")).indices.items():
        keys = members["customer"].to_numpy()[rows].tolist()
        agreed[rows] = may_use(keys, "messages", consents, at, packs_of(str(country) or None, law))
    return agreed


def _written_to(contacts: ir.Table, day: date) -> tuple[dict[str, int], dict[str, int]]:
    """Messages to each member in the six days before `day`, and on it; lots that kept one from them count, too."""
    first = day - timedelta(days=WEEK - 1)
    near = contacts.filter(_.day.between(ibis.literal(first), ibis.literal(day)))
    rows = near.group_by("customer").aggregate(
        week=_.count(), today=(_.day == ibis.literal(day)).cast("int64").sum()
    ).to_pandas()  # fmt: skip
    return (
        {str(key): int(count) for key, count in zip(rows["customer"], rows[name], strict=True)}
        for name in ("week", "today")
    )  # type: ignore[return-value]


def _uplift(studies: ir.Table, scores: ir.Table, day: date) -> dict[str, pd.Series]:
    """Campaigns that may pick, with the expected uplift of each member."""
    told = studies.filter(_.day == ibis.literal(day), _.verdict == "picks").to_pandas()["campaign"]
    rows = scores.filter(_.day == ibis.literal(day)).to_pandas()
    return {str(name): rows[rows["campaign"] == name].set_index("customer")["uplift"] for name in told}


def _by_lot(plan: Any, customers: NDArray[np.object_]) -> NDArray[np.object_]:
    """The arm of each member; beyond the budget the lot decides who goes without."""
    arms = _arms(plan, customers)
    most = _affordable(plan)
    if most is not None:
        treated = np.flatnonzero(arms == "treatment")
        order = treated[np.argsort([_place(plan.campaign, customers[n]) for n in treated])]
        arms[order[most:]] = "over_budget"
    return arms


def _by_uplift(
    plan: Any, customers: NDArray[np.object_], gain: NDArray[np.float64]
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """The arm of each member and how they came in: a share by lot, of the others those whose uplift is above the cost
    of the message. Beyond the budget both arms go without, so that the lot's share stays the same."""
    shares = {"lot": plan.explore, "uplift": 1 - plan.explore}
    drawn = np.array([arm(customer, shares, salt=f"explore {plan.campaign}") for customer in customers], dtype=object)
    by_lot = drawn == "lot"
    arms = _arms(plan, customers)
    arms[~by_lot & ~(gain > plan.message_cost)] = "not_picked"  # nobody knows the gain of who has no score
    most = _affordable(plan)
    if most is not None:
        places = np.argsort([_place(plan.campaign, customer) for customer in customers])
        explored = _cut(arms, places[by_lot[places]], int(plan.explore * most + 1e-9))
        best = np.argsort(-np.where(arms == "not_picked", -np.inf, gain), kind="stable")
        _cut(arms, best[~by_lot[best] & (arms[best] != "not_picked")], most - explored)
    return arms, drawn


def _cut(arms: NDArray[np.object_], order: NDArray[np.int64], most: int) -> int:
    """Let those go without who come after the last message that the money is for; returns how many messages go out."""
    before = np.cumsum(arms[order] == "treatment") - (arms[order] == "treatment")
    arms[order[before >= most]] = "over_budget"
    return int((arms[order] == "treatment").sum())


def _arms(plan: Any, customers: NDArray[np.object_]) -> NDArray[np.object_]:
    shares = {"control": plan.control, "treatment": 1 - plan.control}
    return np.array([arm(customer, shares, salt=plan.campaign) for customer in customers], dtype=object)


def _affordable(plan: Any) -> int | None:
    """How many messages and offers the budget pays for; None = no limit."""
    each = plan.message_cost + plan.offer_cost
    return None if pd.isna(plan.budget) or each <= 0 else int(plan.budget / each + 1e-9)


def _place(campaign: str, customer: str) -> str:
    """A member's place in the order in which a campaign's money is spent: chance, the same in every run."""
    return hashlib.sha256(f"order\x1f{campaign}\x1f{customer}".encode()).hexdigest()


def _begin(day: date, timezone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)
