"""Customers: segments and what became of them, a builder of one's own, and, for admins, one member's profile."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any

import ibis
import pandas as pd
from fastapi import APIRouter, Depends, Query, Request, Response

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.reads import note_read
from aislehub.core.tables import end_of_day
from aislehub.core.text import has, say, word
from aislehub.customer.clusters import LEAST_MEMBERS
from aislehub.customer.rules import CLUSTER, COLUMNS, WITH_CLUSTER, conditions, parse
from aislehub.customer.segment_command import build, members_on, segment_name
from aislehub.customer.segment_figures import ALL, MEANS, listed_of, marks, mean_of
from aislehub.customer.segment_history import BACK_DAYS
from aislehub.customer.segments import FEWEST, Policy, limits_of, rules_of
from aislehub.data.privacy.suppression import told_key
from aislehub.law.consent import may_use
from aislehub.serve.auth import User
from aislehub.serve.console.rule_words import figure, in_words, reasons, thresholds
from aislehub.serve.console.shell import render
from aislehub.serve.lookup import last_day, rows_of_day
from aislehub.serve.site import House, needs

__all__ = ["GROUPS", "context", "router"]

GROUPS = {
    "life": ("stage", "first_bought", "last_bought", "tenure_days", "recency_days", "visits_28", "visits_90",
             "visits_365", "gap_days", "gap_sd", "overdue"),
    "chances": ("next_purchase_7", "next_purchase_28", "churn_probability"),
    "money": ("spend_28", "spend_90", "spend_365", "spend_trend", "basket_value", "basket_items", "margin_365",
              "margin_share", "return_share"),
    "price": ("discount_share", "offer_share", "offer_seeking", "coupon_share", "coupon_visits",
              "promotions_redeemed", "featured_share", "quality_index", "private_label_share"),
    "range": ("items_bought", "categories_bought", "top_category", "top_category_share", "new_item_share"),
    "habits": ("main_store", "main_store_share", "stores_visited", "main_channel", "online_share", "main_daypart",
               "morning_share", "evening_share", "weekend_share"),
    "before": ("views_30", "searches_30", "carts_30"),
}  # fmt: skip
"""Which columns of the profile stand together."""
EXAMPLE = "discount_share is high and recency_days < 60"
FIFTHS = {"discount_share": "discount", "spend_90": "spend"}
"""What members are parted by into fifths, and the columns of their history that tell of it then and since."""
LATE = ("lapsing", "lapsed")
MOST_MOVES = 15
SUGGESTIONS = 30
Planner = Annotated[User, Depends(needs("planner"))]
Admin = Annotated[User, Depends(needs("admin"))]
Key = Annotated[str, Query(max_length=80, pattern=r"^[^\x00]*$")]
router = APIRouter(prefix="/customers", include_in_schema=False)


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """Segments of the newest day, where members went since a quarter ago, and what the forms ask for."""
    day = last_day(hub, "segment_figures")
    rows = rows_of_day(hub, "segment_figures", day)
    everyone = next((row for row in rows if row["segment"] == ALL), None)
    if day is None or everyone is None or everyone["members"] is None:
        return {"day": None}
    currency = hub.settings.currency
    segments = [_segment(row, currency) for row in rows if row["segment"] != ALL]
    order = {row["segment"]: place for place, row in enumerate(segments)}
    history = rows_of_day(hub, "segment_history", day)
    clusters = _clusters(hub, day)
    return {
        "clusters": clusters, "day": day, "everyone": everyone, "fewest": FEWEST, "back": BACK_DAYS, "example": EXAMPLE,
        "columns": WITH_CLUSTER if clusters and clusters["rows"] else COLUMNS,
        "segments": sorted(segments, key=lambda row: (-(row["members"] or 0), order[row["segment"]])),
        "fifths": {kind: _fifths(history, kind, figures) for kind, figures in FIFTHS.items()},
        "moves": _moves(history), "charts": _charts(segments, everyone, history, order),
        "is_simulated": "simulated" in (everyone["source"] or ""),
        "rule": query.get("rule", [""])[-1], "customer": query.get("customer", [""])[-1],
    }  # fmt: skip


@router.get("/group")
def group(request: Request, site: House, user: Planner, rule: Annotated[str, Query(max_length=4000)] = "") -> Response:
    """Size and figures of whom a rule holds for, never who they are."""
    if not rule.strip():
        return render(request, "customers_group.html", error=None, found=None)
    hub, currency = site.hub, site.hub.settings.currency
    try:
        read = parse(rule, WITH_CLUSTER)
        day, everyone = members_on(hub, None)
        built = build(hub, read, day, everyone, Policy.load(hub.home))
    except HubError as error:
        return render(request, "customers_group.html", error=error, found=None)
    figures = built.figures()
    listed, members = int(built.listed.sum()), len(built.members)
    own = {one.column for one in conditions(read)}
    found = {
        "day": day, "words": in_words(read, currency), "thresholds": thresholds(read, built.limits, currency),
        "figures": figures, "share": members / len(everyone), "fewest": FEWEST,
        "listed": listed_of(members, listed),
        "means": [
            {"name": word("profile", name), "value": figure(name, figures[name], currency),
             "all": figure(name, mean_of(everyone[name]), currency)}
            for name in MEANS if figures and figures[name] is not None
        ],
        "marks": _marks(marks(built.members, everyone, own), currency),
        "can_be_kept": CLUSTER.name not in own,
        "command": f"aislehub segment --where {shlex.quote(rule)} --holdout 0.1 --out list.csv",
    }  # fmt: skip
    return render(request, "customers_group.html", error=None, found=found)


@router.get("/members")
def members(request: Request, site: House, user: Admin, customer: Key = "") -> Response:
    """Members whose key begins as typed, as options of the field."""
    day = last_day(site.hub, "customer_profiles")
    found = site.hub.tables.run(
        lambda tables: tables.read("customer_profiles")
        .filter(ibis._.day == ibis.literal(day), ibis._.customer.startswith(customer.strip()))
        .select("customer").order_by("customer").limit(SUGGESTIONS)
    ).to_pylist() if day else []  # fmt: skip
    note_read(site.hub.state, user.name, "page customers/members")
    return render(request, "demand_items.html", found=[{"item": row["customer"], "name": ""} for row in found])


@router.get("/member")
def member(request: Request, site: House, user: Admin, customer: Key = "") -> Response:
    """One member's profile with what each figure means and why they are in their segments; the reading is noted."""
    if not customer.strip():
        return render(request, "customers_member.html", error=None, found=None)
    hub, currency, key = site.hub, site.hub.settings.currency, customer.strip()
    try:
        day, everyone = members_on(hub, None)
        rows = everyone[everyone["customer"] == key]
        if rows.empty:
            raise HubError("customers.unknown", customer=key)
    except HubError as error:
        return render(request, "customers_member.html", error=error, found=None)
    note_read(hub.state, user.name, "page customers", told_key(hub, key))
    profile = {name: None if pd.isna(value) else value for name, value in rows.iloc[0].items()}
    policy, objected = Policy.load(hub.home), _objected(hub, day, everyone["customer"].tolist())
    limits, rules = limits_of(everyone[~everyone["customer"].isin(objected["analysis"])], policy), rules_of(policy)
    inside = sorted(
        rows_of_day(hub, "customer_segments", day, customer=key), key=lambda row: (not row["leading"], -row["score"])
    )
    found = {
        "customer": key, "day": day, "objected": key in objected["personalisation"],
        "chances": [
            {"name": word("profile", name), "value": figure(name, profile[name], currency)}
            for name in GROUPS["chances"]
        ],
        "segments": [
            {"name": segment_name(row["segment"]), "leading": row["leading"],
             "reasons": reasons(rules[row["segment"]], profile, limits, currency) if row["segment"] in rules else []}
            for row in inside
        ],
        "cluster": _cluster_of(hub, day, key),
        "groups": {
            group: [
                {"name": word("profile", name), "column": name, "help": say(f"schema.customer_profiles.{name}"),
                 "value": figure(name, profile[name], currency), "above": _above(limits, name, profile)}
                for name in columns
            ]
            for group, columns in GROUPS.items()
        },
        "is_simulated": "simulated" in (profile["source"] or ""),
    }  # fmt: skip
    return render(request, "customers_member.html", error=None, found=found)


# -- segments ----------------------------------------------------------------------------------------


def _segment(row: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """A row of the figures with its name, its rule in words and what sets its members apart."""
    told = {"name": segment_name(row["segment"]), "words": in_words(parse(row["rule"]), currency)}
    return {**row, **told, "marks": _marks(row["marks"], currency)}


def _clusters(hub: Hub, day: date) -> dict[str, Any] | None:
    """How stable the clustering is, and the clusters if they are stable; None on a day before there were any."""
    found = {row["cluster"]: row for row in rows_of_day(hub, "cluster_figures", day)}
    if ALL not in found:
        return None
    policy, currency, everyone = Policy.load(hub.home), hub.settings.currency, found.pop(ALL)
    return {
        "stability": everyone["stability"], "count": everyone["clusters"], "least": policy.cluster_stability,
        "least_members": LEAST_MEMBERS, "members": everyone["members"],
        "by": say("cluster.joint").join(word("profile", name) for name in policy.cluster_by),
        "rows": [
            {**row, "traits": _traits(row["traits"]), "marks": _marks(row["traits"], currency)
             + _marks(row["marks"], currency)}
            for row in sorted(found.values(), key=lambda row: int(row["cluster"]))
        ],
    }  # fmt: skip


def _cluster_of(hub: Hub, day: date, key: str) -> dict[str, Any] | None:
    """The cluster of one member, its number empty where they have none; None where the clustering is not stable."""
    clusters = _clusters(hub, day)
    if clusters is None or not clusters["rows"]:
        return None
    mine = {row["cluster"] for row in rows_of_day(hub, "customer_clusters", day, customer=key)}
    found = next((row for row in clusters["rows"] if row["cluster"] in mine), None)
    return found or {"cluster": "", "members": None}


def _traits(found: str | None) -> str:
    """What a cluster is called: the figures in which it differs from the rest, in words."""
    told = [
        say(f"cluster.{row['column']}_{row['side']}") if has(f"cluster.{row['column']}_{row['side']}")
        else say(f"customers.rule_{row['side']}", column=word("profile", row["column"]))
        for row in json.loads(found or "[]")
    ]  # fmt: skip
    return say("customers.rule_comma").join(told) or say("cluster.middling")


def _marks(found: str | None, currency: str) -> list[str]:
    return [
        say(
            "customers.mark", column=word("profile", row["column"]), value=figure(row["column"], row["mean"], currency),
            all=figure(row["column"], row["all"], currency),
        )
        for row in json.loads(found or "[]")
    ]  # fmt: skip


def _moves(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The largest moves from one leading segment to another."""
    moved = [row for row in history if row["kind"] == "move" and row["before"] != row["after"]]
    whole = {row["before"]: row["members"] for row in history if row["kind"] == "segment"}
    return [
        {"before": segment_name(row["before"]), "after": segment_name(row["after"]), "members": row["members"],
         "share": row["members"] / whole[row["before"]]}
        for row in sorted(moved, key=lambda row: -row["members"])[:MOST_MOVES]
    ]  # fmt: skip


def _fifths(history: Sequence[Mapping[str, Any]], kind: str, figures: str) -> list[dict[str, Any]]:
    """Fifths of members, the lowest first: their figure then and since."""
    return [
        {"fifth": row["before"], "members": row["members"], "then": row[f"{figures}_then"],
         "since": row[f"{figures}_since"], "away": row["stayed_away"]}
        for row in sorted(history, key=lambda row: row["before"]) if row["kind"] == kind
    ]  # fmt: skip


def _charts(
    segments: Sequence[Mapping[str, Any]], everyone: Mapping[str, Any], history: Sequence[Mapping[str, Any]],
    order: Mapping[str, int],
) -> dict[str, Any]:  # fmt: skip
    """Size beside money, where members went, and both fifths; None where there is nothing to draw."""
    shown = [row for row in segments if row["members"]]
    shares = {
        "members": [row["members"] / everyone["members"] for row in shown],
        "spend": [row["spend_share"] or 0.0 for row in shown],
    }
    return {
        "worth": _bars([row["name"] for row in shown], shares) if shown else None,
        "moves": _movement(history, order),
        **{kind: _then_and_since(_fifths(history, kind, of), is_share=of == "discount") for kind, of in FIFTHS.items()},
    }


def _movement(history: Sequence[Mapping[str, Any]], order: Mapping[str, int]) -> dict[str, Any] | None:
    """Of each leading segment then: who is still in it, who is late or gone, who went elsewhere; in percent."""
    then = sorted(
        (row for row in history if row["kind"] == "segment"), key=lambda row: order.get(row["before"], len(order))
    )
    if not then:
        return None
    shares: dict[str, list[float]] = {"stayed": [], "late": [], "elsewhere": []}
    for row in then:
        counts = dict.fromkeys(shares, 0)
        for move in history:
            if move["kind"] == "move" and move["before"] == row["before"]:
                where = "stayed" if move["after"] == row["before"] else "late" if move["after"] in LATE else "elsewhere"
                counts[where] += move["members"]
        for where, count in counts.items():
            shares[where].append(count / row["members"])
    names = [f"{segment_name(row['before'])} ({row['members']:,})" for row in then]
    return {**_bars(names, shares), "isStacked": True}


def _then_and_since(rows: Sequence[Mapping[str, Any]], *, is_share: bool) -> dict[str, Any] | None:
    """A pair of bars a fifth."""
    if not rows:
        return None
    scale, digits = (100, 1) if is_share else (1, 0)
    series = [
        {"name": say(f"customers.{when}"), "tone": tone,
         "values": [None if row[when] is None else round(scale * row[when], digits) for row in rows]}
        for when, tone in (("then", "soft"), ("since", "accent"))
    ]  # fmt: skip
    return {"kind": "groups", "names": [_fifth(row["fifth"]) for row in rows], "series": series, "words": {"units": ""}}


def _fifth(number: str) -> str:
    return say(f"customers.fifth_{number}") if number in ("1", "5") else number


def _bars(names: list[str], shares: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    tones = {"members": "soft", "spend": "accent", "stayed": "accent", "late": "warn", "elsewhere": "soft"}
    series = [
        {"name": say(f"customers.of_{name}"), "tone": tones[name], "values": [round(100 * v, 1) for v in values]}
        for name, values in shares.items()
    ]
    return {"kind": "groups", "isAcross": True, "names": names, "series": series, "words": {"units": "%"}}


# -- one member --------------------------------------------------------------------------------------


def _objected(hub: Hub, day: date, who: list[str]) -> dict[str, set[str]]:
    """Of each purpose, who objected to it by the close of the day."""
    said = hub.tables.fetch("consents", as_of=day, columns=["customer", "purpose", "granted", "at"]).to_pandas()
    moment = min(end_of_day(day, hub.tables.timezone), datetime.now(UTC))
    return {
        purpose: {key for key, may in zip(who, may_use(who, purpose, said, moment), strict=True) if not may}
        for purpose in ("analysis", "personalisation")
    }


def _above(limits: Any, column: str, profile: Mapping[str, Any]) -> float | None:
    """Share of regular members who have less; None where nobody is compared."""
    values = limits.values.get(column)
    if profile[column] is None or values is None or len(values) < FEWEST:
        return None
    return float(limits.exceeded(column, "high", [float(profile[column])])[0])
