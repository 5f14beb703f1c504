"""Promotions: the plan of a coming week, what it rests on, what was tried, and whether the log lets it ship."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, Request, Response

from aislehub.core.book import Filter
from aislehub.core.hub import Hub
from aislehub.core.text import say
from aislehub.price.promotion import Policy, weighed
from aislehub.serve import formats
from aislehub.serve.console.shell import render, signed_in
from aislehub.serve.console.today import View, decision_page, decision_sums, query_of
from aislehub.serve.lookup import last_day, names, rows_of_day
from aislehub.serve.site import House

__all__ = ["context", "router"]

KIND = "promotion_plan"
WISHES = 15
PLOTTED = 400
SURE = 0.5  # share of a belief that the chain's own promotions have decided, from which on it is called learned
STANDING = {"promotion.because_trial": "trial", "promotion.because_no_evidence": "waiting",
            "promotion.because_evidence": "evidence"}  # fmt: skip
router = APIRouter(prefix="/promotions", include_in_schema=False)


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The plan of the newest or the chosen day, the gate's verdict, what was drawn, and what is believed."""
    planned = last_day(hub, "promotion_choices")
    view = View.of(hub, query, KIND)
    day = view.day or planned
    if day is None:
        return {"day": None}
    choices = pd.DataFrame(rows_of_day(hub, "promotion_choices", day))
    summary = hub.ledger.summary(Filter(day=day, kind=KIND))
    named = names(hub, "items", "item")
    said, found = weighed(hub, day)
    return {
        "day": day, "days": hub.ledger.days(KIND)[:60] or [day],
        "states": sorted({group["state"] for group in summary}),
        "stores": hub.ledger.stores(day), "week": _week(choices), "weighed": len(choices),
        "trial": int(choices["trial"].sum()) if len(choices) else 0,
        "open": decision_sums([group for group in summary if group["state"] == "proposed"]),
        "said": said, "least": Policy.load(hub.home).least_rows, "verdict": _verdict(said, found),
        "gate": _gate(said, found) if found else None, "drawn": _drawn(choices), "belief": _belief(choices, named),
        "wishes": _wishes(choices, named), "is_simulated": _is_simulated(choices), **_queue(hub, view),
    }  # fmt: skip


@router.get("/list")
def queue(request: Request, site: House) -> Response:
    """The plan alone, when something moved."""
    signed_in(request)
    return render(request, "promotions_list.html", **_queue(site.hub, View.of(site.hub, query_of(request), KIND)))


def _queue(hub: Hub, view: View) -> dict[str, Any]:
    """One page of the plan, with the numbers that its reasons state."""
    page = decision_page(hub, view.filter, view.page)
    return {**page, "rows": [{**row, "told": _told(row)} for row in page["rows"]], "view": view}


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """Units with and without the promotion, the chance of the draw, and whether the line is on trial."""
    told: dict[str, Any] = {"standing": ""}
    for reason in row["reasons"]:
        if reason["code"] in STANDING:
            told |= {"standing": STANDING[reason["code"]], "chance": reason["facts"].get("chance")}
        elif reason["code"] == "promotion.because_units":
            told |= {"units": reason["facts"]["units"], "usual": reason["facts"]["usual"]}
    return told


def _week(choices: pd.DataFrame) -> tuple[date, date] | None:
    return (choices["starts"].iloc[0], choices["ends"].iloc[0]) if len(choices) else None


def _is_simulated(choices: pd.DataFrame) -> bool:
    return bool(len(choices) and choices["source"].fillna("").str.contains("simulated").any())


def _verdict(said: Any, found: Mapping[str, Any]) -> str:
    """Whether the hub's choice may replace today's rule, in the words of `aislehub promotions evaluate`."""
    code = "passed" if said.passed else "kept" if found else "thin"
    return say(f"promotion.{code}", gain=f"{said.gain:.2f}", low=f"{said.low:.2f}", high=f"{said.high:.2f}")


def _gate(said: Any, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Both policies by the three estimators, and their difference, which decides; with 90 % intervals."""
    lines = [{"name": say("promotions.difference"), "value": said.gain, "low": said.low, "high": said.high}]
    lines += [
        {"name": f"{say(f'promotion.policy_{policy}')}, {kind.upper()}", **{name: getattr(one, name) for name in
                                                                             ("value", "low", "high")}}
        for policy, by_kind in found.items()
        for kind, one in by_kind.items()
    ]  # fmt: skip
    sure = [line for line in lines if np.isfinite(line["high"])]  # one store's week alone has no interval
    told = [{name: v if name == "name" else round(v, 3) for name, v in line.items()} for line in sure]
    return {"kind": "forest", "lines": told, "words": {"axis": say("promotions.axis_gate")}}


def _drawn(choices: pd.DataFrame) -> dict[str, Any] | None:
    """Of the lines on trial: how many got each discount, beside the sum of its probabilities."""
    trial = choices[choices["trial"]] if len(choices) else choices
    if trial.empty:
        return None
    chances = pd.DataFrame([json.loads(text) for text in trial["chances"]]).fillna(0.0).sum()
    depths = sorted(chances.index, key=float)
    drawn = [int(np.isclose(trial["depth"], float(depth)).sum()) for depth in depths]
    promoted = slice(1, None)  # no promotion would dwarf the rest; it is told in words
    return {
        "kind": "groups", "names": [formats.percent(float(depth), 0) for depth in depths][promoted],
        "none": (drawn[0], float(chances[depths[0]])),
        "series": [
            {"name": say("promotions.expected_draws"), "tone": "soft",
             "values": [round(float(chances[depth]), 2) for depth in depths][promoted]},
            {"name": say("promotions.draws"), "tone": "accent", "values": drawn[promoted]},
        ],
        "words": {"value": say("promotions.lines")},
    }  # fmt: skip


def _belief(choices: pd.DataFrame, named: Mapping[str, str]) -> dict[str, Any] | None:
    """What a leaflet and each per cent off are believed to bring, an item each, the most learned first."""
    if choices.empty:
        return None
    items = choices.drop_duplicates("item").nlargest(PLOTTED, "learned")
    points = [
        {"name": named.get(row.item) or row.item, "group": "learned" if row.learned >= SURE else "cold",
         "values": [round(100 * float(np.expm1(row.lift)), 1), round(row.slope, 2), round(100 * row.learned)]}
        for row in items.itertuples()
    ]  # fmt: skip
    words = ("learned", "cold", "axis_lift", "axis_slope")
    return {"kind": "belief", "points": points, "words": {name: say(f"promotions.{name}") for name in words}}


def _wishes(choices: pd.DataFrame, named: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the hub would promote if it were not for trial or budget of today's rule, the most money first."""
    if choices.empty:
        return []
    wanted = choices[choices["wish"] > 0].nlargest(WISHES, "wish_money")
    return [
        {**row, "name": named.get(row["item"], ""), "leaflet_adds": float(np.expm1(row["lift"]))}
        for row in wanted.to_dict("records")
    ]
