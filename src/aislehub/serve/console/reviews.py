"""Reviews: what customers complain of, item by item, in their own words, and what to do about the range."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, Form, Query, Request, Response
from ibis import _

from aislehub.core.book import Filter
from aislehub.core.decision import decision_id
from aislehub.core.hub import Hub
from aislehub.core.reasons import sentence
from aislehub.core.text import say
from aislehub.customer.reviews.daily import COMPLAINT
from aislehub.customer.reviews.reading import read_reviews
from aislehub.serve import formats
from aislehub.serve.console.shell import render, signed_in
from aislehub.serve.console.today import View, decision_page, decision_sums, query_of
from aislehub.serve.lookup import has_rows, last_day, names, rows_of_day
from aislehub.serve.site import House

__all__ = ["context", "router"]

KIND = "range_advice"
SHOWN = 50
QUOTES = 8
PLOTTED = 5
LONGEST = 100_000
router = APIRouter(prefix="/reviews", include_in_schema=False)


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """Advice on the range, and the items that customers speak of most with their complaints by aspect."""
    view = View.of(hub, query, KIND)
    day = view.day or last_day(hub, "review_aspects")
    if day is None or not has_rows(hub, "review_aspects"):
        return {"day": None, "longest": LONGEST}
    aspect = query.get("aspect", [""])[-1]
    items, mentions = _counted(hub, day)
    aspects = list(mentions.groupby("aspect")["count"].sum().sort_values(ascending=False, kind="stable").index)
    aspect = aspect if aspect in aspects else ""
    found = _items(items, mentions, names(hub, "items", "item"), aspect, view.search)
    return {
        "day": day, "days": hub.ledger.days(KIND)[:60] or [day], "aspects": aspects, "aspect": aspect,
        "columns": [aspect] if aspect else aspects, "items": found[:SHOWN], "matching": len(found),
        "reviews": int(items["reviews"].sum()), "bad": int(items["bad"].sum()), "item_count": len(items),
        "is_simulated": bool(items["simulated"].any()), "longest": LONGEST, **_queue(hub, view),
    }  # fmt: skip


@router.get("/list")
def queue(request: Request, site: House) -> Response:
    """The advice alone, when something moved."""
    signed_in(request)
    view = View.of(site.hub, query_of(request), KIND)
    return render(request, "reviews_list.html", **_queue(site.hub, view))


@router.get("/item")
def item_page(
    request: Request, site: House, item: Annotated[str, Query(max_length=80)], day: date | None = None,
    aspect: Annotated[str, Query(max_length=40)] = "",
) -> Response:  # fmt: skip
    """One item: its advice, complaints week by week, and the worst and the best of what was said."""
    signed_in(request)
    hub = site.hub
    day = day or last_day(hub, "review_aspects") or date.today()
    said = _said(hub, day, item)
    reviews = said.drop_duplicates("review")
    aspects = list(said["aspect"].value_counts().index)
    aspect = aspect if aspect in aspects else ""
    quoted = said[said["aspect"] == aspect] if aspect else said
    rows = sorted(decision_page(hub, Filter(day=day, kind=KIND, subject=item), 1)["rows"], key=lambda row: row["store"])
    return render(
        request, "reviews_item.html", item=item, day=day, name=names(hub, "items", "item").get(item, ""),
        rows=rows, aspects=aspects, aspect=aspect, reviews=len(reviews),
        bad=int((reviews["sentiment"] < COMPLAINT).sum()), trend=_trend(said, day),
        worst=_quotes(quoted[quoted["polarity"] < COMPLAINT], is_best=False),
        best=_quotes(quoted[quoted["polarity"] > -COMPLAINT], is_best=True),
        alerts=_alerts(hub, day, item), is_simulated=bool(said["source"].fillna("").str.contains("simulated").any()),
    )  # fmt: skip


@router.post("/read")
def read(request: Request, site: House, text: Annotated[str, Form(max_length=LONGEST)] = "") -> Response:
    """What the hub reads in a text that was pasted; the text is kept nowhere."""
    signed_in(request)
    (found,) = read_reviews([text])
    tone = "bad" if found.sentiment < COMPLAINT else "good" if found.sentiment > -COMPLAINT else "even"
    return render(request, "reviews_read.html", read=found, tone=tone, complaint=COMPLAINT)


def _queue(hub: Hub, view: View) -> dict[str, Any]:
    """One page of the advice to change something; what is to be kept is only counted."""
    named = names(hub, "items", "item")
    advised = rows_of_day(hub, KIND, view.day)
    counts = {advice: sum(row["advice"] == advice for row in advised) for advice in ("fix", "drop", "add", "keep")}
    ids = [
        decision_id(KIND, row["day"], row["store"] or "", row["subject"])
        for row in advised
        if row["advice"] != "keep" and _matches(row["subject"], named, view.search)
    ]
    change = Filter(day=view.day, kind=KIND, ids=tuple(ids))
    summary = hub.ledger.summary(change)
    shown = Filter(day=view.day, kind=KIND, ids=tuple(ids), states=(view.state,) if view.state else ())
    return {
        **decision_page(hub, shown, view.page), "view": view, "counts": counts,
        "states": ["", *sorted({"proposed", view.state or "proposed", *(group["state"] for group in summary)})],
        "open": decision_sums([group for group in summary if group["state"] == "proposed"]),
    }  # fmt: skip


def _matches(item: str, named: Mapping[str, str], search: str) -> bool:
    return search.casefold() in f"{item} {named.get(item) or ''}".casefold()


def _counted(hub: Hub, day: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reviews and complaints by item; mentions and complaints by item and aspect, of a review the first one counts."""

    def items(tables: Any) -> Any:
        first = tables.read("review_aspects").filter(_.day == day, _.item.notnull(), _.place == 0)
        return first.group_by("item").aggregate(
            reviews=_.count(), bad=(_.sentiment < COMPLAINT).sum(),
            simulated=_.source.fill_null("").contains("simulated").any(),
        )  # fmt: skip

    def mentions(tables: Any) -> Any:
        named = tables.read("review_aspects").filter(_.day == day, _.item.notnull(), _.aspect.notnull())
        once = named.group_by("item", "review", "aspect").aggregate(polarity=_.polarity.argmin(_.place))
        sums = once.group_by("item", "aspect").aggregate(count=_.count(), bad=(_.polarity < COMPLAINT).sum())
        return sums.order_by("item", "aspect")

    return hub.tables.run(items).to_pandas(), hub.tables.run(mentions).to_pandas()


def _items(
    items: pd.DataFrame, mentions: pd.DataFrame, named: Mapping[str, str], aspect: str, search: str
) -> list[dict[str, Any]]:
    """Items as the table shows them: most mentioned first, or of one aspect, most complaints first."""
    if aspect:
        mentions = mentions[mentions["aspect"] == aspect]
    by_item: dict[str, dict[str, dict[str, Any]]] = {}
    for row in mentions.to_dict("records"):
        share = row["bad"] / row["count"]
        by_item.setdefault(row["item"], {})[row["aspect"]] = {**row, "share": share, "heat": int(np.ceil(4 * share))}
    rows = [
        {**row, "name": named.get(row["item"], ""), "said": by_item[row["item"]],
         "mentions": sum(one["count"] for one in by_item[row["item"]].values())}
        for row in items.to_dict("records") if row["item"] in by_item and _matches(row["item"], named, search)
    ]  # fmt: skip
    if aspect:
        return sorted(rows, key=lambda row: (-row["said"][aspect]["bad"], -row["mentions"], row["item"]))
    return sorted(rows, key=lambda row: (-row["mentions"], row["item"]))


def _said(hub: Hub, day: date, item: str) -> pd.DataFrame:
    """What reviews of an item say, without who wrote them."""
    columns = ["review", "place", "written", "aspect", "polarity", "quote", "sentiment", "source"]
    if not has_rows(hub, "review_aspects"):
        return pd.DataFrame(columns=columns)
    wanted = (_.day == day, _.item == item)
    found = hub.tables.run(
        lambda tables: tables.read("review_aspects").filter(*wanted).select(columns).order_by("written", "review",
                                                                                               "place")
    )  # fmt: skip
    said: pd.DataFrame = found.to_pandas()
    return said


def _trend(said: pd.DataFrame, day: date) -> dict[str, Any] | None:
    """Share of complaints in the mentions of the most mentioned aspects, week by week back from the day."""
    named = said.dropna(subset=["aspect"]).drop_duplicates(["review", "aspect"])
    if named.empty:
        return None
    back = (pd.Timestamp(day) - pd.to_datetime(named["written"])).dt.days // 7
    named = named.assign(back=back, bad=named["polarity"] < COMPLAINT)
    weeks = range(int(back.max()), -1, -1)
    lines = []
    for aspect in named["aspect"].value_counts().index[:PLOTTED]:
        of_week = named[named["aspect"] == aspect].groupby("back")["bad"].agg(["sum", "count"])
        counts = [(int(of_week["sum"].get(week, 0)), int(of_week["count"].get(week, 0))) for week in weeks]
        lines.append({
            "name": formats.word("aspect", aspect),
            "values": [round(100 * bad / count) if count else None for bad, count in counts],
            "told": [say("reviews.of", bad=bad, count=count) if count else "–" for bad, count in counts],
        })  # fmt: skip
    begins = [str(day - timedelta(days=7 * week + 6)) for week in weeks]
    return {"kind": "shares", "weeks": begins, "lines": lines, "words": {"units": ""}}


def _quotes(said: pd.DataFrame, *, is_best: bool) -> list[dict[str, Any]]:
    """The strongest quotes, the newest of equals first; the same words stand once, with how often they were written."""
    said = said.dropna(subset=["quote"]).sort_values("written", ascending=False, kind="stable")
    said = said.assign(times=said.groupby(["aspect", "quote"])["review"].transform("nunique"))
    once = said.drop_duplicates(["aspect", "quote"])
    rows: list[dict[str, Any]] = once.sort_values("polarity", ascending=not is_best, kind="stable").to_dict("records")
    return rows[:QUOTES]


def _alerts(hub: Hub, day: date, item: str) -> list[str]:
    """The sentences of the day's alerts about this item."""
    found = [
        {"code": row["cause"], "facts": json.loads(row["facts"])} for row in rows_of_day(hub, "review_alerts", day)
    ]
    return [sentence(alert) for alert in found if alert["facts"]["item"] == item]
