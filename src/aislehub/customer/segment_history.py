"""What became of a segment: where its members went, and whether the past foretells what they did since.

The members of some weeks ago are put into segments by what was known of them then, with that time's thresholds. What
they did since is counted on the receipts after it. A segment that foretells nothing is a name, not knowledge; so the
fifths of a past share of discount and of a past spend stand beside what came after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from aislehub.core.contract import Column, Contract
from aislehub.core.step import step
from aislehub.core.tables import end_of_day
from aislehub.customer import policy as profile_policy
from aislehub.customer.profile import FACTS, profiles
from aislehub.customer.rhythm import sold_lines
from aislehub.customer.segments import FEWEST, Policy, belonging, limits_of, rules_of

__all__ = ["BACK_DAYS", "SEGMENT_HISTORY", "came_of", "known_then", "segment_history"]

BACK_DAYS = 91
"""A quarter, of whole weeks."""
OUTSIDE = "none"
FIFTHS = ("discount_share", "spend_90")

SEGMENT_HISTORY = Contract(
    "segment_history",
    "Members of 91 days before business day `day`, by what they were then and what came after; groups of five and more",
    (
        Column("kind", "text", "move = from a leading segment to another, segment = all of a leading segment then, "
               "discount_share and spend_90 = fifths of members by that figure then",
               values=("move", "segment", *FIFTHS)),
        Column("before", "text", "Leading segment then, `none` = in no segment, or the fifth, 1 = the lowest"),
        Column("after", "text", "Leading segment on the day, of moves; else `all`"),
        Column("members", "int", "Members", "members", low=FEWEST),
        Column("discount_then", "float", "Mean share of discount then", "fraction", required=False),
        Column("discount_since", "float", "Money taken off per shelf value since, mean over members who bought",
               "fraction", required=False),
        Column("spend_then", "float", "Mean spend of the 90 days until then", "money", required=False),
        Column("spend_since", "float", "Mean spend since", "money", required=False),
        Column("stayed_away", "float", "Share of members who bought nothing since", "fraction", required=False,
               low=0, high=1),
    ),
    key="day kind before after",
    derived=True,
)  # fmt: skip


@step(reads=f"customer_profiles {FACTS}", writes=SEGMENT_HISTORY)
def segment_history(
    customer_profiles: ir.Table, sales_lines: ir.Table, items: ir.Table, customers: ir.Table, stores: ir.Table,
    promotions: ir.Table, events: ir.Table, *, day: date, policy: Policy, timezone: str,
) -> pd.DataFrame:  # fmt: skip
    """Moves between leading segments, and what came after each segment and each fifth."""
    then = day - timedelta(days=BACK_DAYS)
    today = customer_profiles.filter(_.day == ibis.literal(day)).order_by("customer").to_pandas()
    before = customer_profiles.filter(_.day == ibis.literal(then)).order_by("customer").to_pandas()
    if before.empty:
        facts = (sales_lines, items, customers, stores, promotions, events)
        before = profiles(known_then(facts, then, timezone), then, profile_policy.Policy(), timezone)
    before = before[before["first_bought"].notna()]
    since = came_of(sales_lines, items, then, day)
    members = before.merge(since, on="customer", how="left").assign(
        before=_leads(before, policy).reindex(before["customer"]).fillna(OUTSIDE).to_numpy(),
        after=_leads(today, policy).reindex(before["customer"]).fillna(OUTSIDE).to_numpy(),
    )
    members["away"] = members["bought_since"].isna()
    members["spend_since"] = members["spend_since"].fillna(0.0)
    rows = [_row("move", first, last, some) for (first, last), some in members.groupby(["before", "after"])]
    rows += [_row("segment", name, "all", some) for name, some in members.groupby("before")]
    for column in FIFTHS:
        known = members[members[column].notna() & (members["visits_365"] >= policy.least_visits)]
        if len(known) >= 5 * FEWEST:
            fifth = pd.qcut(known[column].rank(method="first"), 5, labels=False) + 1
            rows += [_row(column, str(number), "all", some) for number, some in known.groupby(fifth)]
    kept = [row for row in rows if row["members"] >= FEWEST]
    return pd.DataFrame(kept, columns=[c.name for c in SEGMENT_HISTORY.columns if c.name != "day"])


def known_then(facts: Sequence[ir.Table], then: date, timezone: str) -> list[ir.Table]:
    """Facts of today without what became known after an earlier day. A row corrected since is missing."""
    end = ibis.literal(end_of_day(then, timezone).isoformat()).cast("timestamp('UTC', 6)")
    return [table.filter(table.known_at < end) for table in facts]


def came_of(sales_lines: ir.Table, items: ir.Table, then: date, day: date) -> pd.DataFrame:
    """What members did after `then` until `day`: customer, spend_since, discount_since, bought_since (lines)."""
    lines = sold_lines(sales_lines, items, day).filter(_.day > ibis.literal(then))
    shelf = (_.amount + _.discount).sum(where=_.discount.notnull() & (_.quantity > 0))
    sums = lines.group_by("customer").agg(
        spend_since=_.amount.sum(), off=_.discount.sum(where=_.quantity > 0), shelf=shelf,
        bought_since=(_.quantity > 0).sum().cast("int64"),
    )  # fmt: skip
    told = sums.filter(_.bought_since > 0).order_by("customer").to_pandas()
    told["discount_since"] = (told["off"] / told["shelf"].where(told["shelf"] > 0)).clip(0, 1)
    return told.drop(columns=["off", "shelf"])


def _leads(members: pd.DataFrame, policy: Policy) -> pd.Series:
    """Leading segment by member, with the thresholds of that day."""
    found = belonging(members, rules_of(policy), limits_of(members, policy))
    return found[found["leading"]].set_index("customer")["segment"]


def _row(kind: str, before: Any, after: Any, some: pd.DataFrame) -> dict[str, Any]:
    return {
        "kind": kind, "before": before, "after": after, "members": len(some),
        "discount_then": some["discount_share"].mean(), "discount_since": some["discount_since"].mean(),
        "spend_then": some["spend_90"].mean(), "spend_since": some["spend_since"].mean(),
        "stayed_away": some["away"].mean(),
    }  # fmt: skip
