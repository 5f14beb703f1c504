"""Routes: the tours of a day on a map of our own, beside the tours driven today, and as files to take along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from aislehub.connect.tours import shipment_of, stop_numbers
from aislehub.core.book import Filter
from aislehub.core.decision import carried_out
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.reasons import sentence
from aislehub.core.text import say
from aislehub.serve import formats
from aislehub.serve.anew import keep_anew
from aislehub.serve.auth import User
from aislehub.serve.console.shell import signed_in
from aislehub.serve.console.today import decision_page
from aislehub.serve.driven import timezone_of, told_stops
from aislehub.serve.lookup import names
from aislehub.serve.site import House, needs
from aislehub.serve.tours import days, lines, plans, told_tours
from aislehub.supply.route.anew import Happened
from aislehub.supply.route.differences import for_customers, for_drivers
from aislehub.supply.route.document import seconds_in
from aislehub.supply.route.written import geojson, gpx, sheet

__all__ = ["context", "router"]

MEDIA = {"gpx": "application/gpx+xml", "geojson": "application/geo+json", "csv": "text/csv; charset=utf-8"}
Planner = Annotated[User, Depends(needs("planner"))]
Words = Annotated[list[str], Form(default_factory=list, max_length=2000)]
Short = Annotated[str, Query(max_length=80, pattern=r"^[^\x00]*$")]
router = APIRouter(prefix="/routes", include_in_schema=False)


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The plan of the chosen or the newest day from the chosen or the first depot."""
    given = {name: values[-1] for name, values in query.items() if values}
    known = days(hub)
    if not known:
        return {"day": None}
    day = given["day"] if given.get("day") in known else known[0]
    found = plans(hub, day)
    depot = given["depot"] if given.get("depot") in found else next(iter(found))
    stores = names(hub, "stores", "store")
    return {
        "day": day, "days": [(one, date.fromisoformat(one)) for one in known], "depot": depot,
        "depots": {one: stores.get(one) or one for one in found}, **_shown(hub, found[depot]),
    }  # fmt: skip


@router.get("/export.{suffix}")
def export(
    request: Request,
    site: House,
    suffix: Literal["gpx", "geojson", "csv"],
    day: Short,
    depot: Short,
    vehicle: Short = "",
) -> Response:
    """The tours of a day from a depot, or of one vehicle, for navigation devices, maps and spreadsheets."""
    signed_in(request)
    found = lines(_plan(site.hub, day, depot), vehicle)
    if vehicle and not found:
        raise HubError("routes.unknown_vehicle", vehicle=vehicle, day=day)
    if suffix == "csv":  # a byte order mark, or Excel reads Chinese names in the wrong encoding
        content = "\ufeff" + sheet(found).to_csv(index=False)
    else:
        content = gpx(found) if suffix == "gpx" else geojson(found)
    name = "-".join(part for part in ("tours", day, *(c for c in (vehicle,) if c.isascii())) if part).replace(" ", "_")
    return Response(
        content, media_type=MEDIA[suffix], headers={"Content-Disposition": f'attachment; filename="{name}.{suffix}"'}
    )


@router.post("/anew")
def plan_anew(
    site: House, user: Planner, day: Annotated[str, Form(max_length=10)], depot: Annotated[str, Form(max_length=80)],
    decision: Annotated[str, Form(max_length=16)], cancel: Words, broken: Words, vehicle: Words, late: Words,
    why: Annotated[str, Form(max_length=2000)] = "", at: Annotated[str, Form(max_length=5)] = "",
) -> Response:  # fmt: skip
    """Plan the rest of a day anew after what happened, and keep it as an override or a proposed change.

    Args:
        decision: id of the one that the page shows; it must still be the newest.
        vehicle, late: minutes by which each vehicle is late, empty where it is not.
        at: the time now by the depot's clock; empty = no vehicle has begun.
    """
    plan = _plan(site.hub, day, depot)
    if plan["id"] != decision:
        raise HubError("routes.anew_stale")
    behind = {name: _minutes(text) for name, text in zip(vehicle, late, strict=False) if text.strip()}
    if not (cancel or broken or behind):
        raise HubError("routes.anew_nothing")
    happened = Happened(_seconds(at) if at else 0, frozenset(cancel), frozenset(broken), behind)
    keep_anew(site.hub, plan, happened, who=user.name, why=why)
    return Response(status_code=204, headers={"HX-Redirect": f"/routes?{urlencode({'day': day, 'depot': depot})}"})


def _seconds(text: str) -> int:
    """A time of the day as somebody wrote it."""
    try:
        return seconds_in(text)
    except ValueError as error:
        raise HubError("routes.anew_time", value=text) from error


def _minutes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 24 * 60):
        raise HubError("routes.anew_minutes", value=text)
    return int(text)


def _plan(hub: Hub, day: str, depot: str) -> dict[str, Any]:
    found = plans(hub, day).get(depot)
    if found is None:
        raise HubError("routes.unknown", depot=depot, day=day)
    return found


def _shown(hub: Hub, decision: Mapping[str, Any]) -> dict[str, Any]:
    """What the page tells of one plan: its sums beside those of the fixed tours, tours, what is left out, the map."""
    action, baseline = carried_out(decision), decision["baseline"]
    told = told_stops(hub, decision["store"], decision["subject"])
    (row,) = decision_page(hub, Filter(ids=(decision["id"],)), 1)["rows"]
    tours, fixed = (told_tours(hub, one.get("tours", ())) for one in (action, baseline))
    for tour in tours:
        shipment = shipment_of(date.fromisoformat(decision["subject"]), decision["store"], tour["vehicle"])
        known = {row["stop"]: row for row in told if row["shipment"] == shipment}
        for stop, number in zip(tour["stops"], stop_numbers(tour["stops"], list(known.values())), strict=True):
            stop["driven"] = _driven(known.get(number), hub.settings.timezone)
    left = [
        {**one, "why": sentence(one["why"]), **{part: [sentence(reason) for reason in one.get(part, ())]
                                                for part in ("conflict", "options")}}
        for one in action["unserved"]
    ]  # fmt: skip
    return {
        "row": row, "tours": tours, "left": left, "sums": _sums(action, tours),
        "baseline": {"outlay": sum(tour["cost"] for tour in fixed)} | baseline,
        "distances": sentence(action["distances"]), "anew": _anew(decision), "now": _clock_now(hub, decision),
        "map": _map(action, tours, fixed, left),
    }  # fmt: skip


def _anew(decision: Mapping[str, Any]) -> dict[str, Any] | None:
    """What planning anew has changed, for whom, and who did it; None where these tours were not planned anew."""
    action, chosen = carried_out(decision), decision["override"]
    if not action.get("anew"):
        return None
    before = decision["action"] if chosen else decision["baseline"]
    return {
        **action["anew"], "who": chosen and chosen["who"], "why": chosen and chosen["why"],
        "reasons": [] if chosen else [sentence(one) for one in decision["reasons"]],
        "drivers": [one.sentence() for one in for_drivers(before, action)],
        "customers": [one.sentence() for one in for_customers(before, action)],
        "is_change": bool(decision["compensates"]),
    }  # fmt: skip


def _clock_now(hub: Hub, decision: Mapping[str, Any]) -> str:
    """The time by the depot's clock on the day on which is driven; empty on other days."""
    now = datetime.now(ZoneInfo(timezone_of(hub, decision["store"])))
    return f"{now:%H:%M}" if now.date().isoformat() == decision["subject"] else ""


def _driven(row: Mapping[str, Any] | None, timezone: str) -> dict[str, Any] | None:
    """What its driver has reported of a stop; None before that."""
    if row is None or row["arrived_at"] is None:
        return None
    at = row["left_at"] or row["arrived_at"]
    clock = f"{at.astimezone(ZoneInfo(timezone)):%H:%M}"
    return {"outcome": row["outcome"], "reason": row["reason"], "at": clock}


def _sums(action: Mapping[str, Any], tours: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    known = [tour["co2_kg"] for tour in tours if tour.get("co2_kg") is not None]
    stops = [stop for tour in tours for stop in tour["stops"]]
    return {
        "stops": len(stops), "done": sum(bool(stop["driven"] and stop["driven"]["outcome"]) for stop in stops),
        "km": action["km"], "cost": sum(tour["cost"] for tour in tours), "co2": sum(known) if known else None,
    }  # fmt: skip


def _map(
    action: Mapping[str, Any], tours: Sequence[Mapping[str, Any]], fixed: Sequence[Mapping[str, Any]],
    left: Sequence[Mapping[str, Any]],
) -> dict[str, Any] | None:  # fmt: skip
    """What the map draws: places in degrees, the size of a stop from its load, and its words; None without a depot."""
    if action["depot"]["lat"] is None:
        return None
    words = ("depot", "tour_stop", "left_out", "zoom_in", "zoom_out", "fit", "scale_km", "scale_m")
    return {
        "depot": action["depot"], "tours": [_drawn(tour) for tour in tours], "fixed": [_drawn(tour) for tour in fixed],
        "left": [one for one in left if one.get("lat") is not None],
        "words": {word: say(f"routes.{word}") for word in words},
    }  # fmt: skip


def _drawn(tour: Mapping[str, Any]) -> dict[str, Any]:
    stops = [
        {
            "name": stop["name"], "lat": stop["lat"], "lon": stop["lon"], "kg": stop.get("kg") or 0,
            "trip": stop.get("trip", 1), "told": _told(stop), "done": bool((stop.get("driven") or {}).get("outcome")),
        }
        for stop in tour["stops"]
    ]  # fmt: skip
    return {"vehicle": tour["vehicle"], "stops": stops}


def _told(stop: Mapping[str, Any]) -> str:
    loads = [f"{formats.number(stop[load], 0)}\N{NO-BREAK SPACE}{load}" for load in ("kg", "l") if stop.get(load)]
    return " · ".join([f"{stop['arrives']}–{stop['leaves']}", *loads])
