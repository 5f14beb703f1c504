"""Today: the queue of decisions, the most money first, to approve, reject, override or undo."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import pandas as pd
from fastapi import APIRouter, Depends, Form, Query, Request, Response

from aislehub.core.alerts import AlertFilter
from aislehub.core.book import Filter
from aislehub.core.decision import MOVES, carried_out, main_field
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.output import write_table
from aislehub.core.reasons import sentence
from aislehub.core.text import say
from aislehub.serve import formats
from aislehub.serve.auth import User
from aislehub.serve.console.shell import render, signed_in
from aislehub.serve.documents import alert_document, measured_document
from aislehub.serve.lookup import names
from aislehub.serve.site import House, Site, needs

__all__ = ["View", "context", "decision_page", "decision_sums", "query_of", "router"]

PAGE_ROWS = 50
TOP_ALERTS = 5
EXPORT_ROWS = 20_000
_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
Planner = Annotated[User, Depends(needs("planner"))]
MoveName = Literal["approve", "reject", "override", "undo"]
router = APIRouter(prefix="/today", include_in_schema=False)


@dataclass(frozen=True)
class View:
    """What the reader is looking at, as it stands in the page's address."""

    day: date | None = None
    kind: str = ""
    store: str = ""
    state: str = "proposed"
    search: str = ""
    page: int = 1

    @classmethod
    def of(cls, hub: Hub, query: Mapping[str, list[str]], kind: str = "") -> View:
        """Read the address; what makes no sense there falls back to the newest day and open decisions.

        Args:
            kind: of all decisions of the page, where it has only one.
        """
        given = {name: values[-1].replace("\x00", "")[:80] for name, values in query.items() if values}
        days = hub.ledger.days(kind or None)
        day = days[0] if days else None
        with suppress(ValueError):
            day = date.fromisoformat(given.get("day", ""))
        state = given.get("state", "proposed")
        page = given.get("page", "1")
        return cls(
            day, kind or given.get("kind", ""), given.get("store", ""), state if state in ("", *MOVES) else "proposed",
            given.get("search", "").strip(), max(1, int(page)) if page.isdecimal() and len(page) < 7 else 1,
        )  # fmt: skip

    @property
    def filter(self) -> Filter:
        states = (self.state,) if self.state else ()
        return Filter(
            day=self.day, kind=self.kind or None, store=self.store or None, states=states, subject_has=self.search
        )

    def address(self, **other: Any) -> str:
        """This view's parameters with some changed, for links."""
        return urlencode({**vars(replace(self, **other))})


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """Everything on the page: the sums of the day, the filters and one page of the queue."""
    view = View.of(hub, query)
    if view.day is None:
        return {"view": None}
    summary = hub.ledger.summary(Filter(day=view.day))
    total = None
    if not view.store and not view.search:  # the sums of the day tell how many there are
        shown = [group for group in summary if view.kind in ("", group["kind"]) and view.state in ("", group["state"])]
        total = decision_sums(shown)["count"]
    return {
        "view": view, "days": hub.ledger.days()[:60], "stores": hub.ledger.stores(view.day),
        "kinds": _kinds(summary), "states": [""] + [state for state in MOVES if _count(summary, state)],
        "figures": _figures(summary), **_alerts(hub), **decision_page(hub, view.filter, view.page, total),
    }  # fmt: skip


@router.get("/list")
def queue(request: Request, site: House) -> Response:
    """The queue alone, when a filter changed or something moved."""
    signed_in(request)
    view = View.of(site.hub, query_of(request))
    found = decision_page(site.hub, view.filter, view.page)
    response = render(request, "today_list.html", view=view, **found)
    response.headers["HX-Replace-Url"] = f"/today?{view.address()}"
    return response


@router.get("/figures")
def figures(request: Request, site: House) -> Response:
    """The sums of the day, when something moved."""
    signed_in(request)
    view = View.of(site.hub, query_of(request))
    summary = site.hub.ledger.summary(Filter(day=view.day))
    return render(request, "today_figures.html", view=view, figures=_figures(summary), kinds=_kinds(summary))


@router.get("/export.{suffix}")
def export(request: Request, site: House, suffix: Literal["csv", "xlsx"]) -> Response:
    """The list as a spreadsheet, with the filters of the page; of a very long one, the most money."""
    signed_in(request)
    view = View.of(site.hub, query_of(request))
    found = site.hub.ledger.find(view.filter, limit=EXPORT_ROWS)
    named = names(site.hub, "items", "item")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"decisions.{suffix}"
        write_table(_sheet(found, named), path)
        content = path.read_bytes()
    name = f"decisions-{view.day}.{suffix}"
    # A byte order mark, or Excel reads Chinese names in the wrong encoding.
    return Response(
        b"\xef\xbb\xbf" + content if suffix == "csv" else content, media_type=_MEDIA[suffix],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip


@router.get("/decision/{id}")
def decision(request: Request, site: House, id: str) -> Response:
    """Why: everything known about one decision, and what can be done with it."""
    signed_in(request)
    return _why(request, site, id)


@router.post("/decision/{id}/{move}")
def move(
    request: Request, site: House, user: Planner, id: str, move: MoveName,
    why: Annotated[str, Form(max_length=2000)] = "", to: Annotated[str, Form(max_length=40)] = "",
) -> Response:  # fmt: skip
    """Move one decision and show it again."""
    ledger = site.hub.ledger
    if move == "approve":
        ledger.approve(Filter(ids=(id,)), who=user.name, why=why)
    elif move == "reject":
        ledger.reject(Filter(ids=(id,)), who=user.name, why=why)
    elif move == "override":
        ledger.override(id, _as_number(to), who=user.name, why=why)
    else:
        id = ledger.undo(id, who=user.name, why=why)["id"]
    if request.headers.get("hx-request") != "true":
        return Response(status_code=303, headers={"Location": f"/today/decision/{id}"})
    if request.headers.get("hx-target") == "toast":
        return _moved(request, say(f"serve.moved_{move}", count=1), ids=(id,) if move != "undo" else ())
    return _changed(_why(request, site, id))


@router.post("/selected/{move}")
def move_selected(
    request: Request, site: House, user: Planner, move: Literal["approve", "reject", "undo"],
    ids: Annotated[list[str], Form(max_length=1000)] = [], why: Annotated[str, Form(max_length=2000)] = "",  # noqa: B006
) -> Response:  # fmt: skip
    """Move the ticked decisions, all or none of them."""
    if not ids:
        raise HubError("serve.none_selected")
    ledger, which = site.hub.ledger, Filter(ids=tuple(ids))
    if move == "undo":
        for id in ids:
            ledger.undo(id, who=user.name, why=why)
        count = len(ids)
    else:
        count = (ledger.approve if move == "approve" else ledger.reject)(which, who=user.name, why=why)
    return _moved(request, say(f"serve.moved_{move}", count=count), ids=() if move == "undo" else tuple(ids))


@router.get("/bulk")
def bulk_form(
    request: Request, site: House, user: Planner, outlay: Annotated[str, Query(max_length=20)] = "", safe: bool = False
) -> Response:
    """How many decisions a bulk approval would take, and for how much, before it happens."""
    view = View.of(site.hub, query_of(request))
    which = _bulk_filter(view, outlay, safe)
    summary = site.hub.ledger.summary(which)
    return render(request, "today_bulk.html", view=view, outlay=outlay, safe=safe, sums=decision_sums(summary))


@router.post("/bulk")
def bulk(
    request: Request, site: House, user: Planner, expected: Annotated[int, Form()],
    outlay: Annotated[str, Form(max_length=20)] = "", safe: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """Approve all proposed decisions within the limits, if they are still as many as the reader was shown."""
    view = View.of(site.hub, query_of(request))
    which = _bulk_filter(view, outlay, safe)
    refused: dict[str, HubError] = {}
    moved = site.hub.ledger.approve(
        which, who=user.name, why="serve.bulk_why", expected=expected,
        refused=lambda decision, error: refused.update({f"{decision['kind']} {decision['store']}": error}),
    )  # fmt: skip
    if not refused:
        return _moved(request, say("serve.moved_approve", count=moved))
    id, error = next(iter(refused.items()))
    return _moved(request, say("serve.moved_approve_refused", count=moved, refused=len(refused), id=id, why=error))


def query_of(request: Request) -> dict[str, list[str]]:
    """The address's parameters, as a page's context gets them."""
    return {name: request.query_params.getlist(name) for name in request.query_params}


def _bulk_filter(view: View, outlay: str, safe: bool) -> Filter:
    most = _as_number(outlay) if outlay.strip() else None
    return replace(view.filter, states=("proposed",), money_low_at_least=0.0 if safe else None, outlay_at_most=most)


def _as_number(text: str) -> float:
    try:
        value = float(text.replace(",", "").strip())
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise HubError("serve.number", value=text)
    return value


def _figures(summary: list[dict[str, Any]]) -> dict[str, Any]:
    """Sums of what is still open and of what is approved; intervals add up as if all went well or badly at once."""
    decided = [group for group in summary if group["state"] in ("approved", "overridden", "sent", "done")]
    return {
        "open": decision_sums([group for group in summary if group["state"] == "proposed"]),
        "decided": decision_sums(decided),
        "rejected": _count(summary, "rejected"),
    }


def _alerts(hub: Hub) -> dict[str, Any]:
    """How many alerts are open, and those with the most money at risk."""
    which = AlertFilter(states=("open",))
    groups = hub.alerts.summary(which)
    return {
        "alerts": [alert_document(alert) for alert in hub.alerts.find(which, limit=TOP_ALERTS)],
        "alert_count": sum(group["count"] for group in groups),
        "alert_money": sum(group["money_at_risk"] for group in groups),
    }


def decision_sums(groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Count, money with its interval and outlay of all groups of a ledger's summary."""
    return {
        name: sum(group[name] or 0 for group in groups)
        for name in ("count", "money", "money_low", "money_high", "outlay")
    }


def _kinds(summary: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds = sorted({group["kind"] for group in summary})
    of_kind = [
        {"kind": kind, **decision_sums([g for g in summary if (g["kind"], g["state"]) == (kind, "proposed")])}
        for kind in kinds
    ]
    return sorted(of_kind, key=lambda kind: -kind["money"])


def _count(summary: list[dict[str, Any]], state: str) -> int:
    return sum(group["count"] for group in summary if group["state"] == state)


def decision_page(hub: Hub, which: Filter, page: int, total: int | None = None) -> dict[str, Any]:
    """One page of decisions with what a row shows of them; `total` where it is known already."""
    if total is None:
        total = decision_sums(hub.ledger.summary(which))["count"]
    pages = max(1, math.ceil(total / PAGE_ROWS))
    page = min(page, pages)
    found = hub.ledger.find(which, limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS)
    items, stores = names(hub, "items", "item"), names(hub, "stores", "store")
    rows = [_row(decision, items, stores) for decision in found]
    _place(rows)
    return {"rows": rows, "total": total, "page_number": page, "pages": pages, "export_rows": EXPORT_ROWS}


def _row(decision: Mapping[str, Any], items: Mapping[str, str], stores: Mapping[str, str]) -> dict[str, Any]:
    return {
        **decision,
        "name": items.get(decision["subject"], ""),
        "store_name": stores.get(decision["store"], ""),
        "action_text": formats.action(carried_out(decision), decision["kind"]),
        "baseline_text": formats.action(decision["baseline"], decision["kind"]),
        "sentences": [sentence(reason) for reason in decision["reasons"]],
        "measured": measured_document(decision),
        "is_simulated": "simulated" in decision["source"],
        "can": {name for name, to in _TARGETS.items() if to & set(MOVES[decision["state"]])},
    }


def _place(rows: list[dict[str, Any]]) -> None:
    """Where the page's interval bars begin, end and have their mean, on one scale of 0 to 100 that holds 0."""
    low = min([0.0, *(row["money_low"] for row in rows)])
    high = max([0.0, *(row["money_high"] for row in rows)])
    for row in rows:
        for name in ("low", "high"):
            row[f"at_{name}"] = _share(row[f"money_{name}"], low, high)
        row["at_money"], row["at_zero"] = _share(row["money"], low, high), _share(0.0, low, high)


def _share(value: float, low: float, high: float) -> float:
    return round(100 * (value - low) / (high - low), 1) if high > low else 0.0


_TARGETS = {
    "approve": {"approved"}, "reject": {"rejected"}, "override": {"overridden"},
    "undo": {"proposed", "reversed"},
}  # fmt: skip


def _why(request: Request, site: Site, id: str) -> Response:
    found = site.hub.ledger.get(id)
    items, stores = names(site.hub, "items", "item"), names(site.hub, "stores", "store")
    row = _row(found, items, stores)
    if found["state"] in ("superseded", "expired"):  # undoing is for what a person did
        row["can"].discard("undo")
    # One number cannot stand for a whole plan, such as tours or shifts.
    is_plan = any(isinstance(value, list) for value in found["action"].values())
    main = "" if is_plan else main_field(found["action"])
    part = request.headers.get("hx-request") == "true"
    return render(
        request, "today_why.html" if part else "today_decision.html", row=row, main=main,
        history=site.hub.ledger.history(found["id"]),
    )  # fmt: skip


def _moved(request: Request, told: str, ids: tuple[str, ...] = ()) -> Response:
    return _changed(render(request, "today_moved.html", told=told, ids=ids))


def _changed(response: Response) -> Response:
    """Tell the page that decisions have moved: the queue and the sums load themselves again."""
    response.headers["HX-Trigger"] = "decisions-changed"
    return response


def _sheet(found: list[dict[str, Any]], named: Mapping[str, str]) -> pd.DataFrame:
    """Decisions as a sheet: actions and reasons in words, numbers as numbers."""
    rows = [
        {
            "id": row["id"],
            "day": row["day"],
            "kind": row["kind"],
            "store": row["store"],
            "subject": row["subject"],
            "name": named.get(row["subject"], ""),
            "action": formats.action(row["action"], row["kind"]),
            "baseline": formats.action(row["baseline"], row["kind"]),
            **{name: row[name] for name in ("money", "money_low", "money_high", "currency", "horizon_days", "outlay")},
            **{name: row[name] for name in ("state", "bound", "source")},
            "reasons": " ".join(sentence(reason) for reason in row["reasons"]),
        }
        for row in found
    ]
    return pd.DataFrame([{name: _harmless(value) for name, value in row.items()} for row in rows])


def _harmless(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula, as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
