"""Rosters: who works when in one store and week, beside the people needed; changes are checked at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from secrets import token_hex
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Depends, Form, Request
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from aislehub.core.decision import MOVES
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.text import say
from aislehub.serve import formats
from aislehub.serve.auth import User
from aislehub.serve.console.shell import piece, render
from aislehub.serve.lookup import names
from aislehub.serve.site import House, needs
from aislehub.serve.swaps import decide, waiting
from aislehub.serve.weeks import (
    Week,
    account,
    faults_of,
    home_of,
    keep,
    known_staff,
    needed,
    note,
    people_of,
    roster_weeks,
    week_of,
    without,
)
from aislehub.store.roster.breaches import Fault
from aislehub.store.roster.breaks import people_there
from aislehub.store.roster.duty import Duty, clock, duties_of, hours_of
from aislehub.store.roster.kinds import QUARTERS
from aislehub.store.staffing import Policy as Staffing

__all__ = ["board_of", "context", "router"]

CLOCK = r"([01]\d|2\d|3[0-5]):[0-5]\d"
Planner = Annotated[User, Depends(needs("planner"))]
router = APIRouter(prefix="/rosters", include_in_schema=False)


class Draft(BaseModel):
    """A roster as somebody would have it; shifts as in the action of a decision."""

    store: str = Field(max_length=80)
    week: date
    shifts: list[dict[str, Any]] = Field(max_length=3000)


class Call(BaseModel):
    """Somebody of a week's roster is ill from a day until another."""

    store: str = Field(max_length=80)
    week: date
    staff: str = Field(min_length=1, max_length=80)
    day: date
    until: date


class Choice(Draft):
    """A draft that somebody answers for.

    Attributes:
        decision: id of the one that the page shows; it must still be the newest.
    """

    decision: str = Field(max_length=16)
    why: str = Field(max_length=2000)


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The week of a store that the address names, else the latest one of the first store."""
    weeks = roster_weeks(hub)
    given = {name: values[-1] for name, values in query.items() if values}
    store = given.get("store", "")
    if store not in weeks:
        store = next(iter(weeks), "")
    mondays = weeks.get(store, [])
    monday = mondays[0] if mondays else None
    with suppress(ValueError):
        wanted = date.fromisoformat(given.get("week", ""))
        monday = wanted if wanted in mondays else monday
    week = week_of(hub, store, monday) if monday else None
    if week is None:
        return {"week": None}
    share = Staffing.load(hub.home).data_share
    return {
        "week": week, "weeks": mondays, "stores": list(weeks), "store_names": names(hub, "stores", "store"),
        "board": board_of(hub, week, week.shifts), "day": _day(week, given.get("day", "")),
        "can": set(MOVES[week.state]) if week.decision else set(), "data_share": share if share < 1 else None,
        "is_simulated": "simulated" in (week.decision or {}).get("source", ""),
        "swaps": waiting(hub, store, week.monday), "clock": CLOCK,
        "words": {name: say(f"rosters.{name}") for name in ("add", "missing", "sick")},
        "address": urlencode({"store": store, "week": week.monday.isoformat()}),
    }  # fmt: skip


@router.post("/check")
def check_draft(request: Request, site: House, user: Planner, draft: Draft) -> Response:
    """What a draft would mean: sums, people missing, and everything that is wrong with it."""
    week = _week(site.hub, draft)
    return _answer(request, site.hub, week, _drafted(week, draft))


@router.post("/sick")
def call_in_sick(request: Request, site: House, user: Planner, call: Call) -> Response:
    """Write down that somebody is ill, and answer with a draft in which others stand in for them."""
    week = _week(site.hub, call)
    if call.until not in week.days or call.day not in week.days or call.until < call.day:
        raise HubError("rosters.outside", day=call.until, week=week.monday)
    days = [day for day in week.days if call.day <= day <= call.until]
    rows = [{"notice": token_hex(8), "staff": call.staff, "day": day, "kind": "sick"} for day in days]
    known_staff(site.hub, call.staff)
    note(site.hub, rows, user.name)
    return _answer(request, site.hub, week, without(site.hub, week, call.staff, days))


@router.post("/save")
def save(site: House, user: Planner, choice: Choice) -> Response:
    """Keep a draft in the place of what is proposed; of what was told already it becomes a proposal.

    Raises:
        HubError: `rosters.breach`, `rosters.same`, `rosters.stale`, `ledger.why`.
    """
    hub = site.hub
    week = _week(hub, choice)
    if week.decision is None or week.decision["id"] != choice.decision:
        raise HubError("rosters.stale", store=week.store, week=week.monday)
    duties = _drafted(week, choice)
    if duties == week.shifts:
        raise HubError("rosters.same")
    moved = keep(hub, week, duties, who=user.name, why=choice.why)
    return JSONResponse({"id": moved["id"], "state": moved["state"]})


@router.post("/swaps/{id}/{move}")
def decide_swap(
    request: Request, site: House, user: Planner, id: str, move: Literal["approved", "refused"],
    why: Annotated[str, Form(max_length=500)] = "",
) -> Response:  # fmt: skip
    """Approve a swap that both want, which changes the roster, or refuse it."""
    swap = decide(site.hub, id, move, who=user.name, why=why)
    response = render(request, "today_moved.html", told=formats.word("swap_state", swap.state), ids=())
    response.headers["HX-Trigger"] = "decisions-changed"
    return response


def board_of(hub: Hub, week: Week, duties: Sequence[Duty]) -> dict[str, Any]:
    """Everything that the page shows of a roster, plain enough for JSON.

    Quarters of an hour are counted from the midnight on which a day begins.
    """
    faults = faults_of(hub, week, duties)
    people = people_of(hub, week.store, week.days[0], week.days[-1])
    need = needed(hub, week.store, week.monday)
    known = [skill for person in people for skill in (person["skills"] or "").split()]
    skills = sorted({*need, *known, *(duty.skill for duty in duties)})
    wanted = np.stack([need.get(skill, np.zeros((7, QUARTERS), np.int64)) for skill in skills])
    have = people_there(duties, week.days, skills)
    missing = np.maximum(wanted - have, 0)
    sums = account(hub, week, duties)
    return {
        "days": [
            {
                "day": day.isoformat(), "name": formats.short_day(day), "open": day >= week.first,
                "needed": dict(zip(skills, wanted[:, n].tolist(), strict=True)),
                "there": dict(zip(skills, have[:, n].tolist(), strict=True)),
                "needed_hours": int(wanted[:, n].sum()) / 4, "there_hours": int(have[:, n].sum()) / 4,
                "missing_hours": int(missing[:, n].sum()) / 4,
            }
            for n, day in enumerate(week.days)
        ],
        "skills": [{"skill": skill, "name": formats.word("skill", skill)} for skill in skills],
        "people": [_person(person, week.store, duties, faults) for person in people],
        "shifts": [_shown(duty, skills, faults) for duty in duties],
        "faults": [_fault(fault) for fault in faults], "changes": _changes(week.shifts, duties),
        "hours": hours_of(list(duties)), "cost": sums.pay, "missing": sums.missing, "span": _span(wanted, duties),
        "lawful": not any(fault.stops for fault in faults),
    }  # fmt: skip


def _answer(request: Request, hub: Hub, week: Week, duties: Sequence[Duty]) -> Response:
    board = board_of(hub, week, duties)
    parts = {name: piece(request, f"rosters_{name}.html", board=board, week=week) for name in ("week", "figures")}
    return JSONResponse({"board": board, **parts})


def _week(hub: Hub, draft: Draft | Call) -> Week:
    week = week_of(hub, draft.store, draft.week)
    if week is None:
        raise HubError("rosters.unknown", store=draft.store, week=draft.week)
    return week


def _drafted(week: Week, draft: Draft) -> list[Duty]:
    """The shifts of a draft; those of days that have passed stay as they are.

    Raises:
        HubError: `roster.shift`, `rosters.outside` for a shift of another week.
    """
    wanted = duties_of({"shifts": draft.shifts})
    for duty in wanted:
        if duty.day not in week.days:
            raise HubError("rosters.outside", day=duty.day, week=week.monday)
    past = [duty for duty in week.shifts if duty.day < week.first]
    return sorted(past + [duty for duty in wanted if duty.day >= week.first])


def _day(week: Week, given: str) -> str:
    """The day that is shown in quarters of an hour; "" = the week."""
    return given if given in {day.isoformat() for day in week.days} else ""


def _person(
    person: Mapping[str, Any], store: str, duties: Sequence[Duty], faults: Sequence[Fault]
) -> dict[str, Any]:  # fmt: skip
    staff, home = str(person["staff"]), home_of(person, store)
    return {
        "home": "" if home == store else say("rosters.home", store=home),
        "staff": staff, "skills": (person["skills"] or "").split(), "contract": person["weekly_hours"],
        "hours": hours_of([duty for duty in duties if duty.staff == staff]),
        "faults": [_fault(fault) for fault in faults if fault.staff == staff and fault.day is None],
    }  # fmt: skip


def _shown(duty: Duty, skills: Sequence[str], faults: Sequence[Fault]) -> dict[str, Any]:
    mine = [_fault(fault) for fault in faults if (fault.staff, fault.day) == (duty.staff, duty.day)]
    return duty.document() | {"faults": mine, "tone": skills.index(duty.skill) % 5}


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "staff": fault.staff, "text": fault.sentence(), "link": fault.article.link if fault.article else "",
        "stops": fault.stops,
    }  # fmt: skip


def _changes(before: Sequence[Duty], after: Sequence[Duty]) -> list[str]:
    """What is different for whom, a sentence each."""
    found = []
    old, new = ({(duty.day, duty.staff): _times(duty) for duty in duties} for duties in (before, after))
    for day, staff in sorted(old.keys() | new.keys()):
        was, becomes = old.get((day, staff)), new.get((day, staff))
        facts = {"staff": staff, "day": formats.short_day(day)}
        if was is None:
            found.append(say("rosters.change_added", **facts, becomes=becomes))
        elif becomes is None:
            found.append(say("rosters.change_removed", **facts, was=was))
        elif was != becomes:
            found.append(say("rosters.change_moved", **facts, was=was, becomes=becomes))
    return found


def _times(duty: Duty) -> str:
    pauses = ", ".join(f"{clock(since)}–{clock(until)}" for since, until in duty.breaks)
    when = f"{clock(duty.begins)}–{clock(duty.ends)}{f' ({pauses})' if pauses else ''}"
    return f"{when} {formats.word('skill', duty.skill)}"


def _span(wanted: NDArray[np.int64], duties: Sequence[Duty]) -> tuple[int, int]:
    """The quarters that the week has to show, in whole hours, with one of room at either end."""
    at = np.flatnonzero(wanted.any(axis=(0, 1))).tolist()
    at += [duty.begins // 15 for duty in duties] + [-(-duty.ends // 15) for duty in duties]
    first, last = min(at, default=32), max(at, default=80)
    return max(0, first // 4 * 4 - 4), -(-last // 4) * 4 + 4
