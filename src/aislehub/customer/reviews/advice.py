"""Range advice: which items to keep, to fix, to drop or to add, by what reviews say and what the items earn.

An item is judged only with enough reviews. *Fix* names the aspect of which it is complained more than of other items,
beyond doubt. *Drop* is for items that lose money, or earn little and are mostly complained of; and only if that is
expected to pay, counting those customers who take something else and what the place on the shelf earns then. All else
is kept. *Add* is for what a store does not carry and stores like it sell well (`additions`). What a fix and a place on
the shelf bring are the policy's assumptions until judged decisions say better; the interval runs over them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import ibis
import numpy as np
import pandas as pd
import scipy

from aislehub.core.contract import Column, Contract
from aislehub.core.reasons import Reason, to_json
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.customer.reviews.additions import additions, check_added
from aislehub.customer.reviews.daily import COMPLAINT, RECENT_DAYS, contributions

__all__ = ["RANGE_ADVICE", "Policy", "range_advice"]

RANGE_ADVICE = Contract(
    "range_advice",
    "Whether an item is to be kept, fixed or dropped, or added to a store's range, beside leaving all as it is",
    (
        Column("advice", "text", "What to do", values=("keep", "fix", "drop", "add")),
        Column("aspect", "text", "What is to be fixed", required=False),
        Column("reviews", "int", "Reviews that were read of it", low=0),
        Column("complaints", "int", "Reviews of them that complain", low=0),
    ),
    key="day store subject",
    decision=True,
)  # fmt: skip


class Policy(Settings, section="range"):
    """When reviews are enough to advise on, and what fixing and dropping are taken to bring."""

    least_reviews: int = field(12, "Reviews of an item that advice on it needs", ge=5)
    sure: float = field(
        0.995, "Probability of more complaints than others have, for a fix; several aspects are looked at", gt=0.5, lt=1
    )
    star_effect: float = field(0.03, "Share of sales that one star more brings, expected", ge=0, le=1)
    star_effect_low: float = field(0.0, "The same, pessimistic", ge=0, le=1)
    star_effect_high: float = field(0.09, "The same, optimistic", ge=0, le=1)
    transfer: float = field(0.5, "Share of a dropped item's sales that goes to its neighbours", ge=0, le=1)
    place: float = field(0.3, "Share of a usual item's contribution that the freed place earns", ge=0, le=1)
    gap_days: int = field(182, "Days of sales by which stores are compared", ge=56, le=730)
    gap_stores: int = field(12, "Most similar stores that a store is compared with", ge=3, le=200)
    gap_share: float = field(0.5, "Share of them that carry an item which is to be added", gt=0, le=1)
    gap_least_items: int = field(50, "Items in the range of a store that is compared", ge=5)
    gap_least_units: float = field(
        20.0, "Units expected in those days below which none sold may be chance; the item may be there", gt=0
    )
    gap_most: int = field(5, "Items at most that one store is advised to add", ge=0)


@step(reads="review_aspects supply_state sales_lines stock items", writes=RANGE_ADVICE)
def range_advice(
    review_aspects: Any, supply_state: Any, sales_lines: Any, stock: Any, items: Any, *, day: date, policy: Policy
) -> pd.DataFrame:
    """One row an item with enough reviews, of the whole chain; one for each item that a store is to add."""
    mentions = review_aspects.filter(review_aspects.day == ibis.literal(day)).to_pandas().dropna(subset=["item"])
    earned = contributions(supply_state, day).set_index("item")
    usual = float(earned["earned"].median()) if len(earned) else 0.0
    low = float(earned["earned"].quantile(0.25)) if len(earned) else 0.0
    worst = _worst_aspects(mentions)
    rows = []
    for item, said in mentions.groupby("item", sort=True):
        reviews = said.drop_duplicates("review")
        if len(reviews) < policy.least_reviews or item not in earned.index:
            continue
        money = earned.loc[item]
        complaints = int((reviews["sentiment"] < COMPLAINT).sum())
        at_least = float(scipy.stats.beta.ppf(0.1, complaints + 0.5, len(reviews) - complaints + 0.5))
        facts = {"reviews": len(reviews), "complaints": complaints, "earned": round(float(money["earned"]), 2)}
        gone = _of_dropping(float(money["earned"]), usual, policy)
        fault = worst.get(str(item))
        if (money["earned"] <= 0 or (money["earned"] <= low and at_least >= 0.5)) and gone[0] > 0:
            advice, aspect, expected = "drop", "", gone
            reasons = [Reason("reviews.because_drop", {**facts, "usual": round(usual, 2)}, gone[0])]
        elif fault is not None and fault["sure"] >= policy.sure:
            advice, aspect = "fix", str(fault["aspect"])
            expected, stars = _of_fixing(reviews, said, aspect, float(money["earned"]), policy)
            told = {"aspect": aspect, "bad": int(fault["bad"]), "count": int(fault["count"]),
                    "others": round(100 * float(fault["others"]))}  # fmt: skip
            effect = {"stars": round(stars, 2), "percent": round(100 * policy.star_effect, 1)}
            reasons = [
                Reason("reviews.because_fix", told, expected[0] + 1e-9),
                Reason("reviews.because_assumed", effect, 0.0),
            ]
        else:
            advice, aspect, expected = "keep", "", (0.0, 0.0, 0.0)
            reasons = [Reason("reviews.because_keep", facts, 0.0)]
        action = {"advice": advice, **({"aspect": aspect} if aspect else {})}
        rows.append({
            "store": "", "subject": item, "advice": advice, "aspect": aspect or None, "reviews": len(reviews),
            "complaints": complaints, "action": json.dumps(action),
            "baseline": json.dumps({"advice": "keep"}), "money": expected[0],
            "money_low": expected[1], "money_high": expected[2], "horizon_days": RECENT_DAYS, "outlay": 0.0,
            "reasons": to_json(reasons), "bound": "none",
            "source": ", ".join(sorted(set(said["source"].dropna()))),
        })  # fmt: skip
    house = {"supply_state": supply_state, "sales_lines": sales_lines, "stock": stock, "items": items}
    dropped = {row["subject"] for row in rows if row["advice"] == "drop"}
    rows += additions(house, mentions, day=day, policy=policy, without=dropped)
    names = [column.name for column in RANGE_ADVICE.columns if column.name != "day"]
    return pd.DataFrame(rows, columns=names)


checks = {"reviews.because_add": check_added}


def _worst_aspects(mentions: pd.DataFrame) -> dict[str, Mapping[str, Any]]:
    """Item → the aspect whose complaints most surely exceed those of all other items."""
    named = mentions.dropna(subset=["aspect"]).drop_duplicates(["review", "aspect"])
    named = named.assign(bad=(named["polarity"] < COMPLAINT).astype(int), count=1)
    sums = named.groupby(["item", "aspect"], as_index=False)[["bad", "count"]].sum()
    total = sums.groupby("aspect")[["bad", "count"]].transform("sum") - sums[["bad", "count"]]
    others = (total["bad"] + 1) / (total["count"] + 3)
    sure = scipy.stats.beta.sf(others, sums["bad"] + 0.5, sums["count"] - sums["bad"] + 0.5)
    sums = sums.assign(others=others, sure=np.where(sums["bad"] >= 4, sure, 0.0))
    first = sums.sort_values(["sure", "bad", "aspect"], ascending=[False, False, True]).drop_duplicates("item")
    return {str(row["item"]): row for row in first.to_dict("records")}


def _of_fixing(
    reviews: pd.DataFrame, said: pd.DataFrame, aspect: str, earned: float, policy: Policy
) -> tuple[tuple[float, float, float], float]:
    """Money of a fix (expected, low, high), and the stars that its reviews would gain.

    The item's reviews would be as those that do not complain of the aspect. A point of sentiment is two stars of five.
    """
    bad = said.loc[(said["aspect"] == aspect) & (said["polarity"] < COMPLAINT), "review"]
    rest = reviews.loc[~reviews["review"].isin(bad), "sentiment"]
    now = reviews["sentiment"]
    target = float(rest.mean()) if len(rest) else 0.0
    stars = 2 * max(target - float(now.mean()), 0.0)
    error = 2 * 1.645 * float(now.std(ddof=1)) / np.sqrt(len(now))
    base = max(earned, 0.0)
    money = (
        base * policy.star_effect * stars, base * policy.star_effect_low * max(stars - error, 0.0),
        base * policy.star_effect_high * (stars + error),
    )  # fmt: skip
    return money, stars


def _of_dropping(earned: float, usual: float, policy: Policy) -> tuple[float, float, float]:
    """Money of dropping over keeping (expected, low, high): the interval lets both assumptions halve, or half again."""
    values = [
        max(earned, 0.0) * min(scale * policy.transfer, 1.0) + max(usual, 0.0) * scale * policy.place - earned
        for scale in (1.0, 0.5, 1.5)
    ]
    return values[0], values[1], values[2]
