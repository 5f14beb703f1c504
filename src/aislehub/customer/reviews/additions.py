"""What to add to a store's range: what stores like it sell well and it does not carry, and what that is worth.

Expected money is the contribution of the expected units, less the share that other items of the store lose to the new
one, less what its place on the shelf earns now. Both are the assumptions under which an item is dropped. The interval
runs over them and over how far the same estimate is off for items that stores do carry. What is not expected to pay at
its lower end is no advice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from aislehub.core.reasons import Reason, to_json
from aislehub.customer.reviews.daily import COMPLAINT, RECENT_DAYS
from aislehub.customer.reviews.gaps import LEAST_TRIED, Gaps, gaps

if TYPE_CHECKING:
    from aislehub.customer.reviews.advice import Policy

__all__ = ["additions", "check_added"]

_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5)  # of either assumption


def additions(
    house: Mapping[str, Any], mentions: pd.DataFrame, *, day: date, policy: Policy, without: set[str]
) -> list[dict[str, Any]]:
    """Rows of `range_advice` that say *add*, the surest money first within a store.

    Args:
        house: the tables supply_state, sales_lines, stock and items.
        mentions: the day's rows of `review_aspects` about an item.
        without: items that nobody is to add, because they are to be dropped.
    """
    state = house["supply_state"].filter(house["supply_state"].day == ibis.literal(day)).to_pandas()
    if state.empty:
        return []
    found = gaps(
        _sold(house["sales_lines"], state, day, policy.gap_days), like=policy.gap_stores, share=policy.gap_share,
        least_items=policy.gap_least_items, least_units=policy.gap_least_units,
    )  # fmt: skip
    if len(found.tried) < LEAST_TRIED or found.rows.empty:
        return []
    worth = _worth(_open(found.rows, house, day, without), state, found, policy)
    worth = worth[worth["low"] > 0].sort_values(["store", "low", "item"], ascending=[True, False, True])
    return [
        _row(gap, mentions, found, policy) for gap in worth.groupby("store").head(policy.gap_most).to_dict("records")
    ]


def check_added(tables: Any, decision: Mapping[str, Any]) -> Mapping[str, Any]:
    """Units that the stores named sold in the period, and those of the store itself, counted from the sales lines."""
    (facts,) = (each["facts"] for each in decision["reasons"] if each["code"] == "reviews.because_add")
    sales = tables.read("sales_lines", as_of=decision["day"])
    begin = decision["day"] - timedelta(days=facts["days"] - 1)
    of_item = (sales.item == decision["subject"]) & (sales.quantity > 0) & sales.day.between(begin, decision["day"])
    sold = dict(sales.filter(of_item).group_by("store").aggregate(units=sales.quantity.sum()).to_pandas().to_numpy())
    return {
        "sold": float(sum(sold.get(store, 0.0) for store in facts["stores"])),
        "carriers": sum(store in sold for store in facts["stores"]), "here": float(sold.get(decision["store"], 0.0)),
    }  # fmt: skip


def _sold(sales_lines: Any, state: pd.DataFrame, day: date, days: int) -> pd.DataFrame:
    """Units and money of each item in each store in the period, and whether it is in the store's range."""
    begin = day - timedelta(days=days - 1)
    lines = sales_lines.filter(sales_lines.day.between(begin, day), sales_lines.quantity > 0)
    sold = lines.group_by("store", "item").aggregate(units=lines.quantity.sum(), money=lines.amount.sum())
    carried = state[["store", "item"]].assign(is_carried=True)
    merged = sold.order_by("store", "item").to_pandas().merge(carried, on=["store", "item"], how="left")
    return merged.assign(is_carried=merged["is_carried"].notna())


def _open(rows: pd.DataFrame, house: Mapping[str, Any], day: date, without: set[str]) -> pd.DataFrame:
    """Gaps that can be filled: not of items that leave the range, and not where there is stock that does not sell."""
    items, stock = house["items"], house["stock"]
    leaving = items.filter((items.delisted_from <= ibis.literal(day)) | ~items.is_sellable.fill_null(True))
    gone = set(leaving.item.to_pandas()) | without
    booked = stock.filter(stock.day.between(day - timedelta(days=RECENT_DAYS - 1), day), stock.on_hand > 0)
    kept = booked.select("store", "item").distinct().to_pandas().assign(is_there=True)
    rows = rows.merge(kept, on=["store", "item"], how="left")
    return rows[rows["is_there"].isna() & ~rows["item"].isin(gone)]


def _worth(rows: pd.DataFrame, state: pd.DataFrame, found: Gaps, policy: Policy) -> pd.DataFrame:
    """Units, contribution and money with interval of 28 days.

    Price and cost are the mean of the stores that carry the item; the place earns as a usual item of the store does.
    """
    state = state.assign(earned=state["mean_sales"] * RECENT_DAYS * (state["price"] - state["cost"]))
    usual = state.groupby("store")["earned"].median().clip(lower=0)
    terms = state.groupby("item").agg(
        price=("price", "mean"), cost=("cost", "mean"),
        source=("source", lambda each: ", ".join(sorted(set(each) - {"facts"}))),
    )  # fmt: skip
    rows = rows.merge(terms.reset_index(), on="item")
    units = rows["expected"].to_numpy() * RECENT_DAYS / policy.gap_days
    margin = (rows["price"] - rows["cost"]).to_numpy()
    place = policy.place * rows["store"].map(usual).to_numpy()
    errors = np.quantile(found.tried, (np.arange(40) + 0.5) / 40)
    error, taken, held = (each.ravel() for each in np.meshgrid(errors, _SCALES, _SCALES))
    kept = error * (1 - np.minimum(taken * policy.transfer, 1))
    money = np.outer(units * margin, kept) - np.outer(place, held)
    low, high = np.quantile(money, [0.05, 0.95], axis=1)
    units = units * found.tried.mean()
    return rows.assign(
        units=units, earned=units * margin, place=place, money=units * margin * (1 - policy.transfer) - place,
        low=low, high=high,
    )  # fmt: skip


def _row(gap: Mapping[str, Any], mentions: pd.DataFrame, found: Gaps, policy: Policy) -> dict[str, Any]:
    said = mentions[mentions["item"] == gap["item"]]
    reviews = said.drop_duplicates("review")
    here = said["store"].isna() | (said["store"] == gap["store"])
    asking = said[here & (said["aspect"] == "availability") & (said["polarity"] < COMPLAINT)]["review"].nunique()
    seen = {
        "carriers": len(gap["carriers"]), "alike": gap["alike"], "sold": round(gap["sold"], 2), "days": policy.gap_days,
        "here": 0.0, "stores": gap["carriers"],
    }  # fmt: skip
    hoped = {
        "units": round(gap["units"], 2), "earned": round(gap["earned"], 2), "percent": round(100 * policy.transfer),
        "place": round(gap["place"], 2),
    }  # fmt: skip
    low, high = np.quantile(found.tried, [0.05, 0.95])
    tried = {"count": len(found.tried), "low": round(float(low), 2), "high": round(float(high), 2)}
    reasons = [
        Reason("reviews.because_add", seen, gap["money"]),
        *([Reason("reviews.because_asked", {"count": int(asking)}, 0.0)] if asking else []),
        Reason("reviews.because_expected", hoped, 0.0),
        Reason("reviews.because_tried", tried, 0.0),
    ]
    sources = {gap["source"], *said["source"].dropna()} - {""}
    return {
        "store": gap["store"], "subject": gap["item"], "advice": "add", "aspect": None, "reviews": len(reviews),
        "complaints": int((reviews["sentiment"] < COMPLAINT).sum()), "action": json.dumps({"advice": "add"}),
        "baseline": json.dumps({"advice": "leave_out"}), "money": gap["money"],
        "money_low": min(gap["low"], gap["money"]), "money_high": max(gap["high"], gap["money"]),
        "horizon_days": RECENT_DAYS, "outlay": gap["units"] * gap["cost"],
        "reasons": to_json(reasons, leading=len(reasons)), "bound": "none", "source": ", ".join(sorted(sources)),
    }  # fmt: skip
