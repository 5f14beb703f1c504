"""Recommendations: try what a member or a visitor is shown now, what the lists reach, and what the model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import ibis
from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.models import Card, learned_cards
from aislehub.core.reads import note_read
from aislehub.core.text import say
from aislehub.customer.recommend.asked import BESIDE, PLACES
from aislehub.customer.recommend.coverage import NEW_DAYS, RANGE_DAYS, TOP, Coverage, Families, coverage, families
from aislehub.data.privacy.suppression import told_key, turned_away
from aislehub.law.consent import may_use
from aislehub.serve import formats
from aislehub.serve.auth import User
from aislehub.serve.console.shell import render
from aislehub.serve.intake import take_in
from aislehub.serve.lookup import has_rows, last_day, names
from aislehub.serve.site import House, needs

__all__ = ["context", "router"]

MODEL = "recommender"
SOURCE = "simulated: tried on the page Recommendations"
ACTS = ("view", "cart", "purchase")
SUGGESTIONS = 30
FEWEST = 5
"""Members below which no count of them is shown."""
LAST_EVENTS = 5
Viewer = Annotated[User, Depends(needs("viewer"))]
Planner = Annotated[User, Depends(needs("planner"))]
Admin = Annotated[User, Depends(needs("admin"))]
Key = Annotated[str, Field(max_length=80, pattern=r"^[^\x00]*$")]
router = APIRouter(prefix="/recommendations", include_in_schema=False)
_reached: dict[Path, tuple[tuple[int, ...], tuple[Coverage | None, Families | None]]] = {}


class Wish(BaseModel):
    """Whose list, where, and for which place.

    Attributes:
        visit: of a visitor who is not logged in; made by this page, so that nobody else's visit can be looked at.
        customer: random key of a member, for admins.
        item: what `goes_with` and `similar` stand beside; empty = what sells best.
    """

    visit: Annotated[str, Field(pattern=r"^console-[0-9a-f]{16}$")]
    place: Literal["home", "replenish", "basket", "goes_with", "similar"] = "home"
    customer: Key = ""
    store: Key = ""
    item: Key = ""
    personalised: Literal["yes", "no"] = "yes"

    def who(self) -> tuple[str, str]:
        """The field of an event that says who it was, and its value."""
        return ("customer", self.customer) if self.customer else ("session", self.visit)


class Deed(Wish):
    """Something done with an item of the list."""

    kind: Literal["view", "cart", "uncart", "purchase"]
    of: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00]+$")]


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The form to try it, and the aggregates: coverage of the newest day, the model's card, who objected."""
    cards = learned_cards(hub.models, MODEL)
    if not cards:
        return {"card": None}
    reach, told = _reach(hub)
    objected, made_up = _objected(hub)
    return {
        "card": cards[-1][0], "wish": _given(query), "places": PLACES,
        "stores": names(hub, "stores", "store"), "reach": reach, "families": told, "objected": objected,
        "is_simulated": made_up or bool(reach and reach.is_simulated), "few": few, "new_days": NEW_DAYS,
        "range_days": RANGE_DAYS, "top": TOP, "verdict": _verdict(cards[-1][0]),
        "charts": {"parts": reach and _parts(reach), "families": told and _families(told), "gate": _gate(cards[-1][0])},
    }  # fmt: skip


@router.get("/list")
def listed(request: Request, site: House, user: Viewer, wish: Annotated[Wish, Query()]) -> Response:
    """What is shown now; the page's address is kept in step, so that it can be loaded again."""
    response = _page(request, site.hub, user, wish)
    response.headers["HX-Replace-Url"] = f"/recommendations?{urlencode(wish.model_dump(exclude_defaults=True))}"
    return response


@router.post("/event")
def happen(request: Request, site: House, user: Planner, deed: Annotated[Deed, Form()]) -> Response:
    """Take in an event of this house, as `POST /api/events` does, and answer with what it moved."""
    hub = site.hub
    _may_see(hub, user, deed)
    before = _ask(hub, deed)
    name, who = deed.who()
    event = {
        "event_id": f"console-{token_hex(16)}", "at": datetime.now(UTC).isoformat(), "kind": deed.kind, name: who,
        "store": deed.store or None, "item": deed.of, "channel": "web", "source": SOURCE,
        "quantity": None if deed.kind == "view" else 1,
    }  # fmt: skip
    taken = take_in(hub.inbox, hub.tables.contract("events"), [event], turned_away(hub))
    if taken["rejected"]:
        raise HubError("recommendations.refused", why=taken["rejected"][0]["reasons"][0]["sentence"])
    return _page(request, hub, user, deed, before=before, deed=deed)


@router.get("/members")
def members(
    request: Request, site: House, user: Admin, customer: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    """Members whose key begins as typed, as options of the field."""
    note_read(site.hub.state, user.name, "page recommendations/members")
    found = site.hub.tables.run(
        lambda tables: tables.read(_known_from(site.hub)).filter(ibis._.customer.startswith(customer.strip()))
        .select("customer").distinct().order_by("customer").limit(SUGGESTIONS)
    ).to_pylist()  # fmt: skip
    return render(request, "demand_items.html", found=[{"item": row["customer"], "name": ""} for row in found])


@router.get("/random")
def any_member(request: Request, site: House, user: Admin) -> Response:
    """A member drawn by lot from those who bought something."""
    found = site.hub.tables.run(
        lambda tables: tables.read("sales_lines").filter(ibis._.customer.notnull()).select("customer").distinct()
        .order_by(ibis.random()).limit(1)
    ).to_pylist()  # fmt: skip
    query = {"customer": found[0]["customer"]} if found else {}
    return RedirectResponse(f"/recommendations?{urlencode(query)}", 303)


# -- trying it ---------------------------------------------------------------------------------------


def _page(
    request: Request, hub: Hub, user: User, wish: Wish, *, before: Mapping[str, Any] | None = None,
    deed: Deed | None = None,
) -> Response:  # fmt: skip
    """The list with its worth, stock and reasons, or a sentence why there is none."""
    _may_see(hub, user, wish)
    named = names(hub, "items", "item")
    try:
        found = _ask(hub, wish)
    except HubError as error:
        return render(request, "recommendations_list.html", error=error)
    items = [row["item"] for row in found["items"]]
    stock, events = _on_hand(hub, found["store"], items), hub.desk.live("recommend").of(*wish.who())
    moved = _moved(before["items"] if before else found["items"], found["items"])
    rows = [
        {**row, **moves, "stock": stock.get(row["item"]), "worth": _worth(found, row["score"], row["reasons"]),
         "was": moves["was"] and _worth(before or found, moves["was"], row["reasons"]),
         "share": row["score"] / max(found["items"][0]["score"], 1e-9)}
        for row, moves in zip(found["items"], moved, strict=True)
    ]  # fmt: skip
    return render(
        request, "recommendations_list.html", error=None, found=found, rows=rows, acts=ACTS,
        store_name=names(hub, "stores", "store").get(found["store"] or "", ""), beside=found.get("beside"),
        cart=[{"item": item, "name": named.get(item) or item} for item in _cart(events)],
        events=[
            {"name": named.get(event.get("item") or "", "") or event.get("item"), "kind": event["kind"],
             "at": datetime.fromisoformat(event["at"])}
            for event in reversed(events[-LAST_EVENTS:])
        ],
        did=_did(deed, before, rows, named) if deed and before else None,
        is_simulated="simulated" in found["source"],
    )  # fmt: skip


def _may_see(hub: Hub, user: User, wish: Wish) -> None:
    """A member's list is a person's data: for admins, and the reading is noted."""
    if not wish.customer:
        return
    if not user.may("admin"):
        raise HubError("serve.persons", table="recommendations", columns="customer")
    note_read(hub.state, user.name, "page recommendations", told_key(hub, wish.customer))


def _ask(hub: Hub, wish: Wish) -> dict[str, Any]:
    """The answer; beside an item that nobody chose stands what sells best."""
    name, who = wish.who()
    request = {name: who, "store": wish.store or None, "place": wish.place, "personalised": wish.personalised == "yes"}
    if wish.place not in BESIDE:
        return hub.desk.ask("recommend", request)
    item = wish.item
    if not item:
        first = hub.desk.ask("recommend", {**request, "place": "home", "personalised": False, "count": 1})["items"]
        item = first[0]["item"] if first else ""
    found = hub.desk.ask("recommend", {**request, "item": item})
    return found | {"beside": names(hub, "items", "item").get(item) or item}


def _moved(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each place of a list: by how many it went up, None = new; and its score before, None where it is the same."""
    old = {row["item"]: (place, row["score"]) for place, row in enumerate(before)}
    found = []
    for place, row in enumerate(now):
        was, score = old.get(row["item"], (None, row["score"]))
        found.append({"up": None if was is None else was - place, "was": None if score == row["score"] else score})
    return found


def _did(
    deed: Deed, before: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], named: Mapping[str, str]
) -> dict[str, str]:
    """What was done, and what it moved, in words."""
    said = {"new": sum(row["up"] is None for row in rows), "up": sum((row["up"] or 0) > 0 for row in rows)}
    shown = {row["item"] for row in rows}
    gone = [row["name"] for row in before["items"] if row["item"] not in shown]
    is_still = not gone and not any(said.values())
    return {
        "what": say(f"recommendations.did_{deed.kind}", name=named.get(deed.of) or deed.of),
        "moved": say("recommendations.unmoved") if is_still else say("recommendations.moved", **said),
        "gone": say("recommendations.gone", names=", ".join(gone)) if gone else "",
    }


def _worth(found: Mapping[str, Any], score: float, reasons: Sequence[Mapping[str, Any]]) -> str:
    """The score in words: a chance, the share of a store's baskets, or how strongly something goes with another."""
    is_weight = any(reason["code"].startswith("recommend.because.bought_with") for reason in reasons)
    if found["place"] in BESIDE or is_weight:
        return say("recommendations.strength", score=f"{score:.3g}")
    kind = "chance" if found["personalised"] else "share"
    if score < 0.0005:
        return say(f"recommendations.{kind}_rare")
    of = 100 if score >= 0.095 else 1000
    return say(f"recommendations.{kind}_of", count=round(score * of), of=formats.number(of, 0))


def _cart(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """What lies in the cart: put in, not taken out, and not paid since."""
    held: dict[str, None] = {}
    for event in events:
        if event["kind"] == "cart" and event.get("item"):
            held[event["item"]] = None
        elif event["kind"] in ("uncart", "purchase"):
            held.pop(event.get("item") or "", None)
    return list(held)


def _on_hand(hub: Hub, store: str | None, items: list[str]) -> dict[str, float]:
    """Units of items in a store at the last close, where they are known."""
    day = last_day(hub, "supply_state")
    if day is None or store is None:
        return {}
    rows = hub.tables.run(
        lambda tables: (t := tables.read("supply_state"))
        .filter(t.day == day, t.store == store, t.item.isin(items)).select("item", "on_hand")
    ).to_pylist()  # fmt: skip
    return {row["item"]: row["on_hand"] for row in rows}


def _given(query: Mapping[str, list[str]]) -> Wish:
    """The wish that the address says, as far as it is one; else a new visitor's."""
    fresh = {"visit": f"console-{token_hex(8)}"}
    given = {name: values[-1] for name, values in query.items() if values and name in Wish.model_fields}
    try:
        return Wish.model_validate(fresh | given)
    except ValueError:
        return Wish.model_validate(fresh)


def _known_from(hub: Hub) -> str:
    return "customers" if has_rows(hub, "customers") else "sales_lines"


# -- aggregates --------------------------------------------------------------------------------------


def few(count: int) -> str:
    """A count of members, but not how many exactly where they are so few that one could be known."""
    return say("recommendations.few", count=FEWEST) if 0 < count < FEWEST else formats.number(count, 0)


def _reach(hub: Hub) -> tuple[Coverage | None, Families | None]:
    """Figures of the newest lists, counted again when lists or sales have changed."""
    day = last_day(hub, "recommendations")
    if day is None:
        return None, None
    versions = tuple(hub.tables.version(table) for table in ("recommendations", "sales_lines"))
    held = _reached.get(hub.home)
    if held is None or held[0] != versions:
        held = versions, (coverage(hub.tables, day), families(hub.tables, day))
        _reached[hub.home] = held
    return held[1]


def _objected(hub: Hub) -> tuple[dict[str, int], bool]:
    """Members who objected, by purpose; and whether a word was made up."""
    if not has_rows(hub, "consents"):
        return {"personalisation": 0, "analysis": 0}, False
    words = hub.tables.fetch("consents", columns=["customer", "purpose", "granted", "at", "source"]).to_pandas()
    who, now = words["customer"].unique().tolist(), datetime.now(UTC)
    counts = {purpose: int((~may_use(who, purpose, words, now)).sum()) for purpose in ("personalisation", "analysis")}
    return counts, bool(words["source"].fillna("").str.contains("simulated").any())


def _verdict(card: Card) -> str:
    """Whether the learned ranker serves, and on what evidence."""
    found = card.metrics
    if "passed" not in found:
        return say("recommendations.untried")
    if not found.get("origins"):
        return say("recommendations.thin")
    code = "passed" if found["passed"] else "kept"
    gain, low, high = (formats.signed(found[name] - 1) for name in ("gain", "low", "high"))
    return say(f"recommendations.{code}", gain=gain, low=low, high=high, weeks=len(found["origins"]))


def _gate(card: Card) -> dict[str, Any] | None:
    """What the ranker gained over the base: over all judged weeks with its 90 % interval, and in each of them."""
    found = card.metrics
    if not found.get("origins"):
        return None
    lines = [(say("recommendations.all_weeks"), found["gain"], found["low"], found["high"])]
    lines += [
        (say("recommendations.weeks_ago", count=ago), value, value, value)
        for ago, value in enumerate(found["origins"], 1)
    ]
    return {
        "kind": "forest",
        "lines": [
            dict(zip(("name", "value", "low", "high"), (name, *(round(100 * (v - 1), 1) for v in values)), strict=True))
            for name, *values in lines
        ],
        "words": {"axis": say("recommendations.axis_gain")},
    }


def _parts(reach: Coverage) -> dict[str, Any]:
    """Departments: share of the places beside share of what sold."""
    shares = {"places": [part[1] for part in reach.parts], "sales": [part[2] for part in reach.parts]}
    series = [
        {"name": say(f"recommendations.of_{name}"), "tone": tone, "values": [round(100 * v, 1) for v in shares[name]]}
        for name, tone in (("places", "accent"), ("sales", "soft"))
    ]
    return {
        "kind": "groups", "isAcross": True, "names": [name for name, _, _ in reach.parts], "series": series,
        "words": {"units": "%"},
    }  # fmt: skip


def _families(told: Families) -> dict[str, Any]:
    """What each family adds to the score on average."""
    shown = list(told.weight.items())[::-1]
    return {
        "kind": "counts", "names": [say(f"recommendations.family_{name}") for name, _ in shown],
        "values": [round(value, 2) for _, value in shown], "words": {"value": say("recommendations.axis_weight")},
    }  # fmt: skip
