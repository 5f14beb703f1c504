"""My roster: somebody's own shifts with why they are theirs, how fair it is, wishes, swaps and a calendar file."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request, Response

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.text import say
from aislehub.serve import formats, swaps
from aislehub.serve.auth import User
from aislehub.serve.calendar_file import calendar_of
from aislehub.serve.console.shell import render
from aislehub.serve.lookup import names
from aislehub.serve.site import House, Site, needs
from aislehub.serve.weeks import needed, note, notices_of, people_of, person_of, place_of, told
from aislehub.store.roster.breaches import ABSENT, notices_on
from aislehub.store.roster.breaks import people_there
from aislehub.store.roster.duty import Duty, clock, hours_of, minute_of
from aislehub.store.roster.kinds import QUARTERS
from aislehub.store.roster.policy import Policy

__all__ = ["router"]

AHEAD = timedelta(days=34)
FAIR_WEEKS = 4
LEAST_TEAM = 4  # fewer, and a median tells about a person
Anybody = Annotated[User, Depends(needs("staff"))]
Clock = Annotated[str, Form(pattern=r"^(([01]\d|2\d|3[0-5]):[0-5]\d)?$")]
router = APIRouter(prefix="/my-roster", include_in_schema=False)


@router.get("")
def mine(request: Request, site: House, user: Anybody) -> Response:
    """Everything of one's own."""
    return _page(request, site, _self(user))


@router.get("/shifts.ics")
def calendar(site: House, user: Anybody) -> Response:
    """The coming shifts as a calendar file."""
    hub, staff = site.hub, _self(user)
    shifts = told(hub, _today(hub), _today(hub) + AHEAD, staff=[staff])
    zones = {store: _zone(hub, store) for store, _ in shifts}
    return Response(
        calendar_of(shifts, zones, dict(names(hub, "stores", "store"))), media_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="shifts.ics"'},
    )  # fmt: skip


@router.post("/notices")
def tell(
    request: Request, site: House, user: Anybody, kind: Annotated[Literal["cannot", "wanted", "unwanted"], Form()],
    day: Annotated[str, Form(max_length=10)] = "", weekday: Annotated[str, Form(pattern="^[1-7]?$")] = "",
    begins: Clock = "", ends: Clock = "",
) -> Response:  # fmt: skip
    """Keep a wish, or a time at which somebody cannot work.

    Raises:
        HubError: `mine.when` without a day or weekday, `mine.times`.
    """
    staff = _self(user)
    try:
        about = date.fromisoformat(day) if day else None
    except ValueError as error:
        raise HubError("mine.when") from error
    if (about is None) == (not weekday):
        raise HubError("mine.when")
    if begins and ends and minute_of(begins) >= minute_of(ends):
        raise HubError("mine.times", begins=begins, ends=ends)
    row = {
        "notice": secrets.token_hex(8), "staff": staff, "day": about, "weekday": int(weekday) if weekday else None,
        "begins": begins or None, "ends": ends or None, "kind": kind,
    }  # fmt: skip
    note(site.hub, [row], user.name)
    return _page(request, site, staff, told_text=say("mine.noted"))


@router.post("/notices/{notice}/withdraw")
def withdraw_notice(request: Request, site: House, user: Anybody, notice: str) -> Response:
    """Take a notice of one's own back; that somebody was ill is for the planner to correct."""
    staff = _self(user)
    for row in notices_of(site.hub, [staff]):
        if row["notice"] == notice and row["kind"] in ("cannot", "wanted", "unwanted"):
            note(site.hub, [{name: row[name] for name in _NOTICE} | {"kind": "void"}], user.name)
    return _page(request, site, staff, told_text=say("mine.withdrawn"))


@router.post("/swaps")
def ask_swap(
    request: Request, site: House, user: Anybody, store: Annotated[str, Form(max_length=80)],
    day: Annotated[date, Form()], taker: Annotated[str, Form(max_length=80)],
    back: Annotated[str, Form(max_length=10)] = "", why: Annotated[str, Form(max_length=500)] = "",
) -> Response:  # fmt: skip
    """Offer a shift to a colleague."""
    staff = _self(user)
    try:
        returned = date.fromisoformat(back) if back else None
    except ValueError as error:
        raise HubError("mine.when") from error
    swaps.ask(site.hub, store, staff, day, taker, returned, who=user.name, why=why)
    return _page(request, site, staff, told_text=say("mine.asked", taker=taker))


@router.post("/swaps/{id}/{move}")
def move_swap(
    request: Request, site: House, user: Anybody, id: str, move: Literal["accepted", "declined", "withdrawn"]
) -> Response:
    """Answer a colleague, or take an own offer back."""
    staff = _self(user)
    if move == "withdrawn":
        swap = swaps.withdraw(site.hub, id, staff, who=user.name)
    else:
        swap = swaps.answer(site.hub, id, staff, move, who=user.name)
    return _page(request, site, staff, told_text=formats.word("swap_state", swap.state))


_NOTICE = ("notice", "staff", "day", "weekday", "begins", "ends")


def _self(user: User) -> str:
    if not user.staff:
        raise HubError("mine.nobody", user=user.name)
    return user.staff


def _page(request: Request, site: Site, staff: str, told_text: str = "") -> Response:
    hub = site.hub
    person = person_of(hub, staff)
    if person is None:
        raise HubError("serve.staff_unknown", staff=staff)
    today = _today(hub)
    shifts = told(hub, today, today + AHEAD, staff=[staff])
    notices = [row for row in notices_of(hub, [staff]) if row["kind"] != "void"]
    colleagues = [row for row in people_of(hub, person["store"], today, today + AHEAD) if row["staff"] != staff]
    return render(
        request, "my_roster.html", person=person, told_text=told_text, today=today,
        shifts=[_why(hub, store, duty, notices) for store, duty in shifts],
        fair=_fair(hub, person, colleagues, today), notices=[row for row in notices if not _is_over(row, today)],
        colleagues=[row["staff"] for row in colleagues],
        swaps=[_swap(hub, swap, staff) for swap in swaps.swaps_of(hub, staff)],
        store_names=names(hub, "stores", "store"),
    )  # fmt: skip


def _why(hub: Hub, store: str, duty: Duty, notices: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A shift with what is needed then, how many others could have it, and which wishes it is about."""
    span = slice(duty.begins // 15, min(-(-duty.ends // 15), QUARTERS))
    need = needed(hub, store, duty.day, 1).get(duty.skill)
    day_told = [other for _, other in told(hub, duty.day, duty.day, store=store)]
    have = people_there(day_told, [duty.day], [duty.skill])[0, 0, span]
    busy = {other.staff for other in day_told}
    people = people_of(hub, store, duty.day, duty.day)
    free = [row for row in people if row["staff"] not in busy and duty.skill in (row["skills"] or "").split()]
    absent = notices_of(hub, [str(row["staff"]) for row in free]) if free else []
    kinds = [{notice["kind"] for notice in notices_on(absent, row["staff"], duty.day)} for row in free]
    could = sum(kind.isdisjoint(ABSENT) for kind in kinds)
    wishes = [
        say("mine.heeded" if row["kind"] == "wanted" else "mine.unheeded", wish=formats.word("notice", row["kind"]))
        for row in notices_on(notices, duty.staff, duty.day)
        if row["kind"] in ("wanted", "unwanted")
        and minute_of(row["begins"] or "00:00") < duty.ends and duty.begins < minute_of(row["ends"] or "24:00")
    ]  # fmt: skip
    return {
        "store": store, "duty": duty, "begins": clock(duty.begins), "ends": clock(duty.ends),
        "breaks": ", ".join(f"{clock(since)}–{clock(until)}" for since, until in duty.breaks),
        "least": None if need is None else int(need[0, span].min()),
        "most": None if need is None else int(need[0, span].max()),
        "there": int(have.max()), "could": could, "wishes": wishes,
    }  # fmt: skip


def _fair(hub: Hub, person: dict[str, Any], colleagues: Sequence[dict[str, Any]], today: date) -> dict[str, Any]:
    """Own hours against the contract, and weekend and late shifts beside the team's median, of the last weeks told."""
    monday = today - timedelta(days=today.weekday())
    first, last = monday - timedelta(weeks=FAIR_WEEKS - 1), monday + timedelta(days=6)
    team = [str(row["staff"]) for row in colleagues]
    known = [duty for _, duty in told(hub, first, last, staff=[str(person["staff"]), *team])]
    own = [duty for duty in known if duty.staff == person["staff"]]
    late = minute_of(Policy.load(hub.home).late)
    weeks = len({duty.day - timedelta(days=duty.day.weekday()) for duty in known})

    def beside(of: Any) -> dict[str, Any]:
        counts = [sum(of(duty) for duty in known if duty.staff == staff) for staff in team]
        return {"mine": sum(map(of, own)), "team": median(counts) if len(team) >= LEAST_TEAM else None}

    return {
        "weeks": weeks, "first": first, "last": last, "hours": hours_of(own) / max(weeks, 1),
        "contract": person["weekly_hours"], "weekends": beside(lambda duty: duty.day.isoweekday() > 5),
        "late": beside(lambda duty: duty.ends > late), "late_from": clock(late),
    }  # fmt: skip


def _swap(hub: Hub, swap: swaps.Swap, staff: str) -> dict[str, Any]:
    return {
        **vars(swap), "is_mine": swap.giver == staff, "moves": swaps.history(hub, swap.id),
        "can": swap.state in ("asked", "accepted") and (swap.giver == staff or swap.state == "asked"),
    }  # fmt: skip


def _is_over(row: dict[str, Any], today: date) -> bool:
    return row["day"] is not None and row["day"] < today


def _today(hub: Hub) -> date:
    """The day after the last business day, which is the first that can still be changed."""
    days = hub.ledger.days()
    return days[0] + timedelta(days=1) if days else datetime.now(ZoneInfo(hub.settings.timezone)).date()


def _zone(hub: Hub, store: str) -> ZoneInfo:
    return ZoneInfo(place_of(hub, store).get("timezone") or hub.settings.timezone)
