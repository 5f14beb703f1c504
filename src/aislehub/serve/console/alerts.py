"""Alerts: what needs a person, by cause and money at risk, to be suppressed for a while or looked into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request, Response

from aislehub.core.alerts import STATES, AlertFilter
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.text import say
from aislehub.schema.alerts import OWNERS
from aislehub.serve.auth import User
from aislehub.serve.console.shell import render, signed_in
from aislehub.serve.documents import alert_document
from aislehub.serve.lookup import names
from aislehub.serve.site import House, Site, needs

__all__ = ["AlertView", "context", "router"]

GROUP_ROWS, CAUSE_ROWS = 10, 200
"""Rows shown of each cause among others, and of one that is chosen."""
USUAL_DAYS = 7
CHAIN = "-"
"""Stands for the chain's own alerts, whose store is empty, in the filter."""
Planner = Annotated[User, Depends(needs("planner"))]
router = APIRouter(prefix="/alerts", include_in_schema=False)


@dataclass(frozen=True)
class AlertView:
    """What the reader is looking at, as it stands in the page's address; an empty state is all of them."""

    state: str = "open"
    owner: str = ""
    store: str = ""
    cause: str = ""

    @classmethod
    def of(cls, query: Mapping[str, list[str]]) -> AlertView:
        """Read the address; what makes no sense there falls back to what is open."""
        given = {name: values[-1].replace("\x00", "")[:80] for name, values in query.items() if values}
        state = given.get("state", "open")
        return cls(
            state if state in ("", *STATES) else "open", given.get("owner", ""), given.get("store", ""),
            given.get("cause", ""),
        )  # fmt: skip

    @property
    def filter(self) -> AlertFilter:
        store = "" if self.store == CHAIN else self.store or None
        states = (self.state,) if self.state else ()
        return AlertFilter(states=states, owner=self.owner or None, store=store, cause=self.cause or None)

    def address(self, **other: Any) -> str:
        """This view's parameters with some changed, for links."""
        return urlencode(vars(replace(self, **other)))


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """Everything on the page: the filters and the alerts, by cause."""
    view = AlertView.of(query)
    return {
        "owners": OWNERS,
        "stores": hub.alerts.stores(),
        "states": [*STATES, ""],
        "chain": CHAIN,
        **_found(hub, view),
    }


@router.get("/list")
def listed(request: Request, site: House) -> Response:
    """The alerts alone, when a filter changed or something moved."""
    signed_in(request)
    view = AlertView.of({name: request.query_params.getlist(name) for name in request.query_params})
    response = render(request, "alerts_list.html", **_found(site.hub, view))
    response.headers["HX-Replace-Url"] = f"/alerts?{view.address()}"
    return response


@router.get("/{id}")
def alert(request: Request, site: House, id: str) -> Response:
    """Everything known about one alert, and what can be done with it."""
    signed_in(request)
    return _shown(request, site, id)


@router.post("/{id}/suppress")
def suppress(
    request: Request, site: House, user: Planner, id: str, until: Annotated[str, Form(max_length=10)] = "",
    why: Annotated[str, Form(max_length=2000)] = "",
) -> Response:  # fmt: skip
    """Keep an alert quiet until a day, and show it again."""
    try:
        day = date.fromisoformat(until)
    except ValueError as error:
        raise HubError("serve.date", value=until) from error
    found = site.hub.alerts.suppress(id, day, who=user.name, why=why)
    return _moved(request, site, id, say("serve.alert_suppressed", until=found["until"]))


@router.post("/{id}/resume")
def resume(
    request: Request, site: House, user: Planner, id: str, why: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    """End a suppression, and show the alert again."""
    site.hub.alerts.resume(id, who=user.name, why=why)
    return _moved(request, site, id, say("serve.alert_resumed"))


def _found(hub: Hub, view: AlertView) -> dict[str, Any]:
    """The groups of the view, the cause with the most money at risk first, each with its first rows; and their sums."""
    summary = hub.alerts.summary(view.filter)
    groups = []
    for cause in dict.fromkeys(group["cause"] for group in summary):
        parts = [group for group in summary if group["cause"] == cause]
        most = CAUSE_ROWS if view.cause else GROUP_ROWS
        found = hub.alerts.find(replace(view.filter, cause=cause), limit=most)
        sums = {name: sum(part[name] for part in parts) for name in ("count", "money_at_risk")}
        groups.append({"cause": cause, "rows": _rows(hub, found), **sums})
    groups.sort(key=lambda group: -group["money_at_risk"])
    sums = {name: sum(group[name] for group in groups) for name in ("count", "money_at_risk")}
    return {"view": view, "groups": groups, "sums": sums, "most": CAUSE_ROWS}


def _rows(hub: Hub, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    items, stores = names(hub, "items", "item"), names(hub, "stores", "store")
    return [
        {
            **alert_document(row),
            "name": items.get(row["subject"], ""),
            "store_name": stores.get(row["store"], ""),
            "is_simulated": "simulated" in row["source"],
            "can": STATES[row["state"]],
        }
        for row in found
    ]


def _shown(request: Request, site: Site, id: str) -> Response:
    found = site.hub.alerts.get(id)
    (row,) = _rows(site.hub, [found])
    first = found["last_day"] + timedelta(days=1)
    usual = found["until"] or found["last_day"] + timedelta(days=USUAL_DAYS)
    part = request.headers.get("hx-request") == "true"
    return render(
        request, "alerts_one.html" if part else "alerts_page.html", row=row, first=first, usual=usual,
        history=site.hub.alerts.history(found["id"]),
    )  # fmt: skip


def _moved(request: Request, site: Site, id: str, told: str) -> Response:
    """The alert again in the drawer, or a message where the button stood in the list; the list loads itself again."""
    if request.headers.get("hx-request") != "true":
        return Response(status_code=303, headers={"Location": f"/alerts/{id}"})
    is_list = request.headers.get("hx-target") == "toast"
    response = render(request, "today_moved.html", told=told, ids=()) if is_list else _shown(request, site, id)
    response.headers["HX-Trigger"] = "alerts-changed"
    return response
