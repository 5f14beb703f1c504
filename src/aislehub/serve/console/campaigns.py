"""Campaigns: what is to go to how many members tomorrow, who is kept out and why, the texts, and what it was worth."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import ibis
from fastapi import APIRouter, Request, Response
from ibis import _

from aislehub.connect.campaigns import told
from aislehub.core.book import Filter
from aislehub.core.hub import Hub
from aislehub.core.message import filled
from aislehub.core.sends import Sends
from aislehub.core.text import LANGUAGES, say
from aislehub.customer.segment_command import segment_name
from aislehub.law.messages import MessageRules
from aislehub.reach.campaign.decide import Policy
from aislehub.schema.campaigns import STATUSES
from aislehub.serve import formats
from aislehub.serve.console.shell import render, signed_in
from aislehub.serve.console.today import View, decision_page, query_of
from aislehub.serve.documents import measured_document
from aislehub.serve.site import House

__all__ = ["context", "router"]

KIND = "campaigns"
FEW = 5  # members: a smaller group is not told, for it tells about a person
router = APIRouter(prefix="/campaigns", include_in_schema=False)


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """Campaigns of the newest or the chosen day with their audiences, all plans with their texts, what was measured."""
    query = {"state": [""], **query}
    view = View.of(hub, query, KIND)
    plans = _plans(hub)
    measured = _measured(hub)
    return {
        "view": view, "days": hub.ledger.days(KIND)[:60], "plans": plans, "rules": MessageRules.load(hub.home),
        "audiences": _audiences(hub, view.day), "measured": measured,
        "together": _together(hub), "plot": _plot(measured),
        "is_simulated": any(plan["is_simulated"] for plan in plans), **_queue(hub, view),
    }  # fmt: skip


@router.get("/list")
def queue(request: Request, site: House) -> Response:
    """The campaigns of the day alone, when something moved."""
    signed_in(request)
    view = View.of(site.hub, {"state": [""], **query_of(request)}, KIND)
    return render(request, "campaigns_list.html", **_queue(site.hub, view))


def _queue(hub: Hub, view: View) -> dict[str, Any]:
    sends = Sends(hub.state)
    page = decision_page(hub, view.filter, view.page)
    rows = [{**row, "fates": _fates(sends, row["id"])} for row in page["rows"]]
    return {**page, "rows": rows, "view": view}


def _fates(sends: Sends, decision: str) -> list[tuple[str, str]]:
    """What became of a decision's messages, in words, and of how many; why so few got none is not told."""
    return [
        (say(code), formats.number(count, 0) if code.startswith("send_state.") else _told(count))
        for code, count in told(sends.fates(decision)).items()
    ]


def _audiences(hub: Hub, day: date | None) -> list[dict[str, Any]]:
    """Members of each campaign of a day by what becomes of them."""
    if day is None or hub.tables.version("campaign_audience") < 0:
        return []
    rows = hub.tables.run(
        lambda t: t.read("campaign_audience").filter(_.day == day).group_by("campaign", "status").aggregate(n=_.count())
    ).to_pylist()
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        counts.setdefault(row["campaign"], dict.fromkeys(STATUSES, 0))[row["status"]] = row["n"]
    return [
        {"campaign": name, "members": _told(sum(found.values())),
         "parts": [{"status": status, "count": _told(count), "share": count / max(sum(found.values()), 1)}
                   for status, count in found.items()]}
        for name, found in sorted(counts.items())
    ]  # fmt: skip


def _told(count: int) -> str:
    """A number of members; a small one is not told."""
    return formats.number(count, 0) if count == 0 or count >= FEW else f"< {FEW}"


def _plans(hub: Hub) -> list[dict[str, Any]]:
    """Every campaign, the latest first, with its texts as members read them."""
    rows = hub.tables.fetch("campaign_plans").to_pylist()
    rows.sort(key=lambda row: (row["starts"], row["campaign"]), reverse=True)
    return [
        row
        | {
            "texts": _texts(row),
            "to": segment_name(row["segment"]) if row["segment"] else say("campaign.all_members"),
            "is_simulated": "simulated" in (row["source"] or ""),
        }
        for row in rows
    ]


def _texts(plan: Mapping[str, Any]) -> list[dict[str, str]]:
    facts = {"offer": plan["offer"], "ends": plan["ends"] or plan["starts"]}
    return [
        {"lang": lang, "subject": filled(plan[f"subject_{lang}"] or plan["offer"], facts),
         "text": filled(plan[f"text_{lang}"], facts)}
        for lang in LANGUAGES if plan[f"text_{lang}"]
    ]  # fmt: skip


def _measured(hub: Hub) -> list[dict[str, Any]]:
    """Campaigns that were measured, the latest first."""
    found = [one for one in hub.ledger.find(Filter(kind=KIND)) if one["measured"]]
    found.sort(key=lambda one: one["day"], reverse=True)
    return [
        {"name": one["subject"], "day": one["day"], "expected": one["money"], "currency": one["currency"],
         **(measured_document(one) or {})}
        for one in found
    ]  # fmt: skip


def _together(hub: Hub) -> str:
    """What the permanent holdout tells of all messages together, as a sentence."""
    rows = hub.tables.run(lambda t: t.read("holdout_worth").order_by(ibis.desc("day")).limit(1)).to_pylist()
    if not rows:
        return say("campaigns.holdout_none")
    row, policy = rows[0], Policy.load(hub.home)
    counts = {"weeks": row["weeks"], "written": _told(row["written"]), "held": _told(row["held"])}
    if row["verdict"] == "early":
        return say("campaigns.holdout_early", **counts, least=policy.holdout_weeks, members=policy.least)
    ends = {name: formats.money(row[name], hub.settings.currency) for name in ("each", "low", "high", "usual")}
    code = {"gain": "campaigns.holdout_gain", "loss": "campaigns.holdout_loss", "none": "campaigns.holdout_gap"}
    return say(code[row["verdict"]], **counts, **ends)


def _plot(measured: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Money of each measured campaign with its interval."""
    if not measured:
        return None
    lines = [
        {"name": f"{one['name']} · {one['day']}", "value": one["money"], "low": one["low"], "high": one["high"]}
        for one in measured[:12]
    ]
    return {"kind": "forest", "lines": lines, "words": {"axis": say("campaigns.axis")}}
