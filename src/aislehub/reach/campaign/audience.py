"""Who of a segment is written to: with consent, not too often, never the permanent holdout, and by lot.

What keeps a member out comes before the lot and is the same for both arms: consent, the holdout, and how often they
were written to, where a member whom an earlier lot kept from a message counts as written to. So treatment and control
differ in the message only. A member keeps the arm over all rounds of a campaign.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
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

__all__ = ["campaign_audience", "due"]


@step(
    reads="campaign_plans customers customer_segments consents stores contacts",
    writes=CAMPAIGN_AUDIENCE,
)
def campaign_audience(
    campaign_plans: ir.Table, customers: ir.Table, customer_segments: ir.Table, consents: ir.Table, stores: ir.Table,
    contacts: ir.Table, *, day: date, policy: MessageRules, timezone: str,
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
        status[free] = _by_lot(plan, members["customer"].to_numpy()[free])
        reached = free[np.isin(status[free].astype(str), ["treatment", "control"])]
        written[reached] += 1
        on_day[reached] += 1
        found.append(members.iloc[mine].assign(campaign=plan.campaign, status=status[mine], source=plan.source))
    rows = pd.concat(found, ignore_index=True)
    return rows[["campaign", "customer", "status", "language", "country", "timezone", "source"]].assign(day=day)


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
    return mine.assign(**money, **words, ends=ends.fillna(starts)[mine.index].dt.date)


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


def _by_lot(plan: object, customers: NDArray[np.object_]) -> list[str]:
    """The arm of each member; beyond the budget the lot decides who goes without."""
    control: float = plan.control  # type: ignore[attr-defined]
    name: str = plan.campaign  # type: ignore[attr-defined]
    arms = [arm(customer, {"control": control, "treatment": 1 - control}, salt=name) for customer in customers]
    each: float = plan.message_cost + plan.offer_cost  # type: ignore[attr-defined]
    budget: float = plan.budget  # type: ignore[attr-defined]
    if pd.isna(budget) or each <= 0:
        return arms
    treated = sorted(
        (n for n, one in enumerate(arms) if one == "treatment"), key=lambda n: _place(name, str(customers[n]))
    )
    for number in treated[int(budget / each + 1e-9) :]:
        arms[number] = "over_budget"
    return arms


def _place(campaign: str, customer: str) -> str:
    """A member's place in the order in which a campaign's money is spent: chance, the same in every run."""
    return hashlib.sha256(f"order\x1f{campaign}\x1f{customer}".encode()).hexdigest()


def _begin(day: date, timezone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)
