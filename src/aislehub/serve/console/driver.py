"""The driver's page: one vehicle's tour of a day on a phone, opened by a link that holds for that day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from aislehub.connect.tours import stop_numbers
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.tables import end_of_day
from aislehub.core.text import say
from aislehub.serve import auth, formats
from aislehub.serve.auth import User
from aislehub.serve.console.shell import render
from aislehub.serve.driven import OUTCOMES, REASONS, Report, Tour, find_tour, take_reports, told_stops
from aislehub.serve.site import House, needs
from aislehub.serve.tours import lines, plans, told_tours
from aislehub.supply.route.written import gpx

__all__ = ["router"]

LEAST_HOURS = 24  # a link for a day that is over, such as the demo's, holds so long from now on
Planner = Annotated[User, Depends(needs("planner"))]
Name = Annotated[str, Form(min_length=1, max_length=80)]
router = APIRouter(include_in_schema=False)


class Reports(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reports: Annotated[list[Report], Field(max_length=500)]


@router.post("/routes/link")
def make_link(request: Request, site: House, user: Planner, day: Name, depot: Name, vehicle: Name) -> Response:
    """A link to a tour for its driver, shown once; an earlier one for the tour ends."""
    tour = find_tour(site.hub, depot, day, vehicle)
    until = max(end_of_day(tour.day, site.hub.settings.timezone), datetime.now(UTC)) + timedelta(hours=LEAST_HOURS)
    token = auth.create_pass(site.hub.state, user.name, json.dumps([depot, day, vehicle]), until)
    link = f"{request.base_url}driver/{token}"
    return render(request, "routes_link.html", link=link, vehicle=vehicle, day=tour.day, until=until)


@router.get("/driver/worker.js")
def worker() -> Response:
    """What keeps the page on the phone; it has to lie where the pages lie that it serves."""
    script = Path(__file__).parent / "static" / "driver-worker.js"
    return Response(script.read_text(encoding="utf-8"), media_type="text/javascript")


@router.get("/driver/{token}")
def show(request: Request, site: House, token: str) -> Response:
    """The tour, the next stop large."""
    tour = _opened(site.hub, token)
    (told,) = told_tours(site.hub, [tour.tour])
    numbers = stop_numbers(tour.tour["stops"], _known(site.hub, tour))
    told["stops"] = [{**stop, "halt": number} for stop, number in zip(told["stops"], numbers, strict=True)]
    words = {name: say(f"routes.{name}") for name in ("unsent", "refused", "done", "here_since")}
    words |= {name: formats.word("outcome", name) for name in OUTCOMES}
    words |= {name: formats.word("undelivered", name) for name in REASONS}
    return render(
        request, "driver.html", tour=tour, told=told, token=token, outcomes=OUTCOMES, reasons=REASONS, words=words,
        states=_states(site.hub, tour), is_simulated=tour.is_simulated,
    )  # fmt: skip


@router.get("/driver/{token}/states")
def states(site: House, token: str) -> dict[str, Any]:
    """What is known of each stop by now."""
    return {"states": _states(site.hub, _opened(site.hub, token))}


@router.post("/driver/{token}/reports")
def report(site: House, token: str, body: Reports) -> dict[str, Any]:
    """Take reports in; the same ones again change nothing."""
    tour = _opened(site.hub, token)
    refused = take_reports(site.hub, tour, body.reports)
    return {"taken": [one.id for one in body.reports], "refused": refused, "states": _states(site.hub, tour)}


@router.get("/driver/{token}/tour.gpx")
def navigate(site: House, token: str) -> Response:
    """The tour for a navigation device."""
    tour = _opened(site.hub, token)
    decision = plans(site.hub, tour.day.isoformat(), sent_only=True)[tour.depot]
    name = f"tour-{tour.day}.gpx"
    return Response(
        gpx(lines(decision, tour.vehicle)), media_type="application/gpx+xml",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip


def _opened(hub: Hub, token: str) -> Tour:
    scope = auth.pass_scope(hub.state, token)
    if scope is None:
        raise HubError("routes.link_ended")
    return find_tour(hub, *json.loads(scope))


def _known(hub: Hub, tour: Tour) -> list[dict[str, Any]]:
    """Rows of `shipments` of the tour."""
    rows = told_stops(hub, tour.depot, tour.day.isoformat())
    return [row for row in rows if row["shipment"] == tour.shipment]


def _states(hub: Hub, tour: Tour) -> dict[int, dict[str, Any]]:
    """Number of a stop → what is known of it."""
    return {
        row["stop"]: {
            name: _plain(row[name])
            for name in ("store", "order", "arrived_at", "left_at", "outcome", "reason", "known_at")
        }
        for row in _known(hub, tour)
    }


def _plain(value: datetime | date | str | None) -> str | None:
    return value.isoformat() if isinstance(value, date) else value
