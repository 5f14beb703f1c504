"""Reviews of every day: what they say by aspect, and which complaints about an item have become more frequent.

Members who objected to analysis are left out. An alert needs complaints that a Beta-binomial, fitted to what was
written before, hardly ever brings: it scatters wider than a coin, and an item with few reviews before borrows from all.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import scipy

from aislehub.core.contract import Column, Contract
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.core.tables import end_of_day
from aislehub.customer.reviews.reading import read_reviews
from aislehub.law.consent import may_use
from aislehub.schema.alerts import alert_table
from aislehub.schema.provenance import SOURCE

__all__ = ["COMPLAINT", "Policy", "contributions", "item_aspects", "review_alerts", "review_aspects"]

COMPLAINT = -0.25
"""Polarity from which on downwards a mention counts as a complaint."""
RECENT_DAYS = 28
_BORROWED = 4.0  # mentions as frequent in complaints as all items', added to an item's own before

REVIEW_ASPECTS = Contract(
    "review_aspects",
    "One aspect that a review of the last months speaks of; a review that names none has one row without",
    (
        Column("review", "text", "Number of the review"),
        Column("place", "int", "Which of the review's mentions, from 0", low=0),
        Column("written", "date", "Business day it was written"),
        Column("item", "text", "Item it is about", required=False),
        Column("store", "text", "Store it is about", required=False),
        Column("customer", "text", "Random key of the member", required=False, person=True),
        Column("language", "text", "zh, en, mixed, other or none"),
        Column("sentiment", "float", "Of the whole review, -1 complaint to 1 praise", low=-1, high=1),
        Column("aspect", "text", "What the mention is about", required=False),
        Column("polarity", "float", "Of the mention, -1 complaint to 1 praise", required=False, low=-1, high=1),
        Column("quote", "text", "The words of the review", required=False),
        SOURCE,
    ),
    key="day review place",
    derived=True,
)  # fmt: skip

REVIEW_ALERTS = alert_table("review_alerts", "One item of which customers complain more than before")


class Policy(Settings, section="reviews"):
    """What reviews are read, and when complaints are worth an alert."""

    history_days: int = field(112, "Days of reviews that are read every day, 28 of them recent", ge=56, le=730)
    alert_chance: float = field(0.001, "Chance of so many complaints that is still taken for chance", gt=0, lt=0.1)
    alert_least: int = field(5, "Recent complaints of one aspect that an alert needs", ge=2)


@step(reads="reviews consents", writes=REVIEW_ASPECTS)
def review_aspects(reviews: Any, consents: Any, *, day: date, timezone: str, policy: Policy) -> pd.DataFrame:
    """Every review of the last `history_days`, read."""
    close = end_of_day(day, timezone)
    begin = close - timedelta(days=policy.history_days)
    rows = reviews.filter(reviews.at > ibis.literal(begin), reviews.at <= ibis.literal(close))
    rows = rows.order_by("at", "review").to_pandas()
    named = rows["customer"].fillna("")
    allowed = may_use(list(named), "analysis", consents.to_pandas(), close)
    rows = rows[allowed | (named == "").to_numpy()]
    written = pd.to_datetime(rows["at"], utc=True).dt.tz_convert(timezone).dt.date
    found = []
    for row, moment, reading in zip(
        rows.to_dict("records"), written, read_reviews(rows["text"].fillna("").tolist()), strict=True
    ):
        about = {name: row[name] for name in ("review", "item", "store", "customer", "source")}
        whole = {**about, "written": moment, "language": reading.language, "sentiment": reading.sentiment}
        found += [{**whole, "place": at, **vars(said)} for at, said in enumerate(reading.mentions)] or [
            {**whole, "place": 0}
        ]
    return pd.DataFrame(found, columns=[c.name for c in REVIEW_ASPECTS.columns if c.name != "day"])


def item_aspects(mentions: pd.DataFrame, day: date) -> pd.DataFrame:
    """Per item and aspect: mentions and complaints of the last 28 days and before, and how likely so many are.

    Returns:
        item, aspect, recent, recent_bad, before, before_bad, chance: of at least `recent_bad` complaints.
    """
    named = mentions.dropna(subset=["item", "aspect"]).drop_duplicates(["review", "aspect"])
    is_recent = pd.to_datetime(named["written"]) > pd.Timestamp(day - timedelta(days=RECENT_DAYS))
    bad = (named["polarity"] < COMPLAINT).astype(int)
    counted = named[["item", "aspect"]].assign(
        recent=is_recent.astype(int), recent_bad=bad * is_recent, before=(~is_recent).astype(int),
        before_bad=bad * ~is_recent,
    )  # fmt: skip
    sums = counted.groupby(["item", "aspect"], as_index=False).sum()
    everywhere = sums.groupby("aspect")[["before", "before_bad"]].transform("sum")
    share = (everywhere["before_bad"] + 1) / (everywhere["before"] + 3)
    bad_before = sums["before_bad"] + _BORROWED * share
    good_before = sums["before"] - sums["before_bad"] + _BORROWED * (1 - share)
    chance = scipy.stats.betabinom.sf(sums["recent_bad"] - 1, sums["recent"], bad_before, good_before)
    return sums.assign(chance=np.where(sums["recent"] > 0, chance, 1.0))


def contributions(supply_state: Any, day: date) -> pd.DataFrame:
    """Per item over all stores: money taken and contribution of 28 days at the pace of the last 28."""
    state = supply_state.filter(supply_state.day == ibis.literal(day))
    units = state.mean_sales * RECENT_DAYS
    return (
        state.group_by("item")
        .aggregate(taken=(units * state.price).sum(), earned=(units * (state.price - state.cost)).sum())
        .order_by("item")
        .to_pandas()
    )


@step(reads="review_aspects supply_state items", writes=REVIEW_ALERTS)
def review_alerts(
    review_aspects: Any, supply_state: Any, items: Any, *, day: date, policy: Policy
) -> pd.DataFrame:  # fmt: skip
    """Items of which customers complain more than before, and than of others, beyond chance."""
    mentions = review_aspects.filter(review_aspects.day == ibis.literal(day)).to_pandas()
    found = item_aspects(mentions, day).merge(contributions(supply_state, day), on="item", how="left")
    share = found["recent_bad"] / found["recent"].clip(lower=1)
    worse = (found["chance"] < policy.alert_chance) & (found["recent_bad"] >= policy.alert_least)
    found = found.assign(share=share)[worse]
    sources = mentions.groupby("item")["source"].agg(lambda each: ", ".join(sorted(set(each.dropna())))).to_dict()
    names = items.select("item", "name").to_pandas().dropna().drop_duplicates("item").set_index("item")["name"]
    facts = [
        {"item": row["item"], "named": f"{names[row['item']]} ({row['item']})" if row["item"] in names else row["item"],
         "aspect": row["aspect"], "bad": int(row["recent_bad"]), "count": int(row["recent"]),
         "bad_before": int(row["before_bad"]), "count_before": int(row["before"])}
        for row in found.to_dict("records")
    ]  # fmt: skip
    return pd.DataFrame({
        "cause": "reviews.alert_worse", "store": "", "subject": found["item"] + " " + found["aspect"],
        "owner": "planner", "money_at_risk": (found["earned"].fillna(0.0).clip(lower=0) * found["share"]),
        "facts": [json.dumps(one, ensure_ascii=False) for one in facts],
        "source": [sources.get(item, "") for item in found["item"]],
    })  # fmt: skip
