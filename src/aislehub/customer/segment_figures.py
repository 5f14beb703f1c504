"""What each segment is worth and what marks it: counts and means, never a person, nothing of fewer than five members.

Members who objected to personalisation count here like all others: nobody is told apart by a mean.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from aislehub.core.contract import Column, Contract
from aislehub.core.step import step
from aislehub.core.tables import end_of_day
from aislehub.customer.rules import COLUMNS, conditions
from aislehub.customer.segments import BUILT_IN, FEWEST, Policy, belonging, limits_of, rules_of
from aislehub.law.consent import may_use
from aislehub.schema.provenance import SOURCE

__all__ = ["ALL", "SEGMENT_FIGURES", "figures_of", "listed_of", "marks", "mean_of", "segment_figures"]

ALL = "all"
MEANS = (
    "spend_90",
    "visits_90",
    "basket_value",
    "discount_share",
    "quality_index",
    "churn_probability",
    "margin_share",
)
SHOWN = 3

SEGMENT_FIGURES = Contract(
    "segment_figures",
    "One segment at the close of business day `day`; `all` is all members. Below five members all figures are empty",
    (
        Column("segment", "text", "Name of the segment"),
        Column("rule", "text", "Its rule over the columns of the profile", required=False),
        Column("members", "int", "Members in it", "members", required=False, low=FEWEST),
        Column("leads", "int", "Members whom it describes best; empty = fewer than five", "members", required=False,
               low=FEWEST),
        Column("listed", "int", "Members of it whom exports and other capabilities see: those who did not object to "
               "personalisation; empty = fewer than five, or fewer than five left out", "members", required=False,
               low=0),
        Column("spend_share", "float", "Their share of all members' spend of the last 90 days", "fraction",
               required=False),
        *(Column(name, "float", f"Mean of `{name}`, members without one left out", COLUMNS[name].unit, required=False)
          for name in MEANS),
        Column("marks", "text", "JSON list of what else sets them apart, the most first: column, mean, mean of all "
               "members, difference in standard deviations", required=False),
        SOURCE,
    ),
    key="day segment",
    derived=True,
)  # fmt: skip


@step(reads="customer_profiles consents", writes=SEGMENT_FIGURES)
def segment_figures(
    customer_profiles: ir.Table, consents: ir.Table, *, day: date, policy: Policy, timezone: str
) -> pd.DataFrame:
    """A row a segment, and one of all members."""
    members = customer_profiles.filter(customer_profiles.day == ibis.literal(day)).order_by("customer").to_pandas()
    said = consents.select("customer", "purpose", "granted", "at").to_pandas()
    keys, moment = members["customer"].tolist(), end_of_day(day, timezone)
    limits = limits_of(members[may_use(keys, "analysis", said, moment)], policy)
    rules = rules_of(policy)
    found = belonging(members, rules, limits)
    listed = set(members["customer"][may_use(keys, "personalisation", said, moment)])
    texts = {**BUILT_IN, **policy.own}
    rows = [{"segment": ALL, **figures_of(members, members), "listed": listed_of(len(members), len(listed))}]
    for name, rule in rules.items():
        inside = found[found["segment"] == name]
        some = members[members["customer"].isin(inside["customer"])]
        own = {condition.column for condition in conditions(rule)}
        leads = int(inside["leading"].sum())
        rows.append(
            {
                "segment": name, "rule": texts[name], **figures_of(some, members), "marks": marks(some, members, own),
                "leads": leads if leads >= FEWEST else None,
                "listed": listed_of(len(some), int(some["customer"].isin(listed).sum())),
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=[c.name for c in SEGMENT_FIGURES.columns if c.name != "day"])


def figures_of(some: pd.DataFrame, everyone: pd.DataFrame) -> dict[str, Any]:
    """Counts, share of spend and means of some members; empty when they are fewer than five."""
    if len(some) < FEWEST:
        return {}
    total = everyone["spend_90"].sum()
    simulated = some["source"].dropna()
    return {
        "members": len(some), "spend_share": some["spend_90"].sum() / total if total > 0 else None,
        **{name: mean_of(some[name]) for name in MEANS}, "source": simulated.max() if len(simulated) else None,
    }  # fmt: skip


def marks(some: pd.DataFrame, everyone: pd.DataFrame, own: set[str]) -> str | None:
    """What sets members apart beside the columns of their rule, as JSON; empty when they are fewer than five."""
    if len(some) < FEWEST:
        return None
    found: list[dict[str, Any]] = []
    for name, column in COLUMNS.items():
        values = everyone[name].dropna() if column.type in ("int", "float") and name not in own else []
        mean, spread = mean_of(some[name]) if len(values) else None, float(np.std(values)) if len(values) else 0.0
        if mean is not None and spread > 0:
            middle = float(np.mean(values))
            numbers = {"mean": mean, "all": middle, "difference": (mean - middle) / spread}
            found.append({"column": name, **{key: round(value, 4) for key, value in numbers.items()}})
    found.sort(key=lambda row: -abs(row["difference"]))
    return json.dumps(found[:SHOWN])


def mean_of(values: pd.Series) -> float | None:
    """Of those who have one; nothing of fewer than five."""
    known = values.dropna()
    return float(known.mean()) if len(known) >= FEWEST else None


def listed_of(members: int, listed: int) -> int | None:
    """How many are listed, unless that would tell of fewer than five."""
    return listed if members >= FEWEST and (listed == members or members - listed >= FEWEST) else None
