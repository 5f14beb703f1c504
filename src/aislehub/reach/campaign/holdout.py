"""What all messages together are worth: members who never get one against those who may.

The permanent holdout is the same lot for every campaign, so it tells what single campaigns cannot: what members bring
who are written to now and then, year in, year out. Compared are the members of all audiences that were written to, from
the first one on in which they were found with consent; before it nobody had written to them, so both groups came in
the same way. Who was held back is what the audience noted at that time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from aislehub.core.contract import Column, Contract
from aislehub.core.judging import Together
from aislehub.core.step import step
from aislehub.core.tables import Tables
from aislehub.reach.campaign.decide import Policy
from aislehub.reach.campaign.effect import effect
from aislehub.reach.campaign.money import contributions

__all__ = ["HOLDOUT_WORTH", "holdout_together", "holdout_worth", "together"]

WEEK = 7
HOLDOUT_WORTH = Contract(
    "holdout_worth",
    "What all messages together have been worth up to the close of business day `day`: members who may be written to "
    "against the permanent holdout",
    (
        Column("verdict", "text", "gain, loss; none = the interval holds 0; early = too few weeks or members",
               values=("gain", "loss", "none", "early")),
        Column("weeks", "int", "Whole weeks since the first message", "weeks", low=0),
        Column("written", "int", "Members who may be written to, and have been in an audience for long enough",
               "members", low=0),
        Column("held", "int", "Members of the permanent holdout who have", "members", low=0),
        Column("member_weeks", "float", "Weeks of all of the former since they were first in an audience", "weeks",
               low=0),
        Column("each", "float", "Contribution that a member who may be written to brings more a week, messages' cost "
               "taken off; empty = early", "money", required=False),
        Column("low", "float", "Lower end of its 90 % interval", "money", required=False),
        Column("high", "float", "Upper end", "money", required=False),
        Column("usual", "float", "Contribution of a member of the holdout a week", "money", required=False),
    ),
    key="day",
    derived=True,
)  # fmt: skip


@step(reads="campaign_audience contacts campaign_plans sales_lines items", writes=HOLDOUT_WORTH)
def holdout_worth(
    campaign_audience: ir.Table, contacts: ir.Table, campaign_plans: ir.Table, sales_lines: ir.Table, items: ir.Table,
    *, day: date, policy: Policy,
) -> pd.DataFrame:  # fmt: skip
    """One row, once the first message has gone out."""
    sent = contacts.filter(_.arm == "treatment", _.day <= ibis.literal(day))
    written = campaign_audience.filter(_.status != "no_consent").semi_join(sent, "campaign")
    members = _entries(written, day)
    if members.empty:
        return HOLDOUT_WORTH.empty().to_pandas()
    long = members[members["weeks"] >= policy.holdout_weeks]
    held = long["is_held"].to_numpy(bool)
    row: dict[str, Any] = {
        "day": day, "weeks": int(members["weeks"].max()), "written": int((~held).sum()), "held": int(held.sum()),
        "member_weeks": float(long.loc[~held, "weeks"].sum()), "verdict": "early",
    }  # fmt: skip
    if min(row["written"], row["held"]) >= policy.least:
        after, before = _weekly(contributions(sales_lines, items, policy.margin), long, day, policy.pre_days)
        found = effect(after, before, ~held)
        if found is not None:
            cost = _cost(sent, campaign_plans, long[~held]) / row["member_weeks"]
            low, high = (end - cost for end in found.interval())
            verdict = "gain" if low > 0 else "loss" if high < 0 else "none"
            row |= {"verdict": verdict, "each": found.value - cost, "low": low, "high": high, "usual": found.control}
    return pd.DataFrame([row])


def _entries(written: ir.Table, day: date) -> pd.DataFrame:
    """Each member's first day in an audience, the whole weeks since, and whether they were held back on it."""
    rows = written.select("customer", "day", is_held=_.status == "holdout").to_pandas()
    first = rows.sort_values("day", kind="stable").drop_duplicates("customer")
    gone = (pd.Timestamp(day) - pd.to_datetime(first["day"])).dt.days
    return first.assign(weeks=gone // WEEK)


def _weekly(
    money: ir.Table, members: pd.DataFrame, day: date, pre_days: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Contribution of each member a week, over the weeks since they came in and over the days before."""
    first = pd.to_datetime(members["day"]).min().date() - timedelta(days=pre_days)
    near = money.filter(_.day.between(ibis.literal(first), ibis.literal(day))).to_pandas()
    rows = members[["customer", "day", "weeks"]].merge(near, on="customer", suffixes=("", "_sold"))
    gone = (pd.to_datetime(rows["day_sold"]) - pd.to_datetime(rows["day"])).dt.days
    parts = {"after": (gone > 0) & (gone <= WEEK * rows["weeks"]), "before": (gone <= 0) & (gone > -pre_days)}
    sums = {name: members["customer"].map(rows[which].groupby("customer")["money"].sum()).fillna(0.0)
            for name, which in parts.items()}  # fmt: skip
    after = sums["after"].to_numpy(float) / members["weeks"].to_numpy(float)
    return after, sums["before"].to_numpy(float) * WEEK / max(pre_days, 1)


def _cost(sent: ir.Table, plans: ir.Table, members: pd.DataFrame) -> float:
    """What the messages to these members have cost."""
    costs = plans.select("campaign", "message_cost").to_pandas().set_index("campaign")["message_cost"]
    rows = sent.select("campaign", "customer").to_pandas()
    mine = rows[rows["customer"].isin(members["customer"])]
    return float(pd.to_numeric(mine["campaign"].map(costs)).fillna(0.0).sum())


def holdout_together(
    tables: Tables, decisions: Sequence[Mapping[str, Any]], *, today: date, policy: Policy
) -> list[Together]:
    """What all campaigns together brought, from the last row of `holdout_worth`; nothing while it is too early."""
    rows = tables.run(lambda t: t.read("holdout_worth", as_of=today).order_by(ibis.desc("day")).limit(1)).to_pylist()
    if not rows or rows[0]["each"] is None:
        return []
    row = rows[0]
    money, low, high = (row["member_weeks"] * row[name] for name in ("each", "low", "high"))
    return [Together("", WEEK * row["weeks"], money, low, high)]


together = {"campaigns": holdout_together}
