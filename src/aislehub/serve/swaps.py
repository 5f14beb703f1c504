"""Swaps: somebody offers a shift to a colleague, who says yes or no; a planner or the rule approves it.

    asked ─┬─> accepted ─┬─> approved
           ├─> declined  └─> refused
           └─> withdrawn (by the giver, also of an accepted one)

Law, skills and availability are checked when it is asked, accepted and approved. Every move is a row with who and when.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, insert, or_, select, update

from aislehub.core.book import Filter
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.state import swap_moves, swaps, writing
from aislehub.serve.weeks import Week, faults_of, keep, week_of
from aislehub.store.roster.duty import Duty
from aislehub.store.roster.policy import Policy

__all__ = ["Swap", "answer", "ask", "decide", "history", "swaps_of", "waiting", "withdraw"]

MOVES = {
    "asked": ("accepted", "declined", "withdrawn"),
    "accepted": ("approved", "refused", "withdrawn"),
}


@dataclass(frozen=True)
class Swap:
    """One wish to swap.

    Attributes:
        day: of the shift that `giver` gives to `taker`.
        back: of the shift that `taker` gives in return; None = nothing.
    """

    id: str
    store: str
    week: date
    giver: str
    day: date
    taker: str
    back: date | None
    state: str


def ask(hub: Hub, store: str, giver: str, day: date, taker: str, back: date | None, *, who: str, why: str) -> Swap:
    """Offer a shift to a colleague.

    Raises:
        HubError: `swaps.no_shift`, `swaps.itself`, `swaps.busy` (the shift is offered already), `swaps.cannot`.
    """
    swap = Swap(secrets.token_hex(8), store, day - timedelta(days=day.weekday()), giver, day, taker, back, "asked")
    if giver == taker:
        raise HubError("swaps.itself")
    _swapped(hub, swap)
    with writing(hub.state) as connection:
        same = select(func.count()).select_from(swaps).where(
            swaps.c.giver == giver, swaps.c.day == day, swaps.c.state.in_(tuple(MOVES))
        )  # fmt: skip
        if connection.execute(same).scalar_one():
            raise HubError("swaps.busy", day=day)
        connection.execute(insert(swaps).values(**vars(swap)))
        connection.execute(insert(swap_moves).values(**_row(swap.id, 0, "", "asked", who, why)))
    return swap


def answer(hub: Hub, id: str, taker: str, to: Literal["accepted", "declined"], *, who: str) -> Swap:
    """The colleague's yes or no; with `[roster] swaps_by_rule` a yes is approved at once.

    Raises:
        HubError: `swaps.unknown`, `swaps.moved`, `swaps.cannot`.
    """
    swap = _get(hub, id)
    if swap.taker != taker:
        raise HubError("swaps.unknown", id=id)
    if to == "accepted":
        _swapped(hub, swap)
    swap = _move(hub, swap, to, who, "")
    if to == "accepted" and Policy.load(hub.home).swaps_by_rule:
        return decide(hub, id, "approved", who="rule")
    return swap


def withdraw(hub: Hub, id: str, giver: str, *, who: str) -> Swap:
    """Take an offer back before it is approved.

    Raises:
        HubError: `swaps.unknown`, `swaps.moved`.
    """
    swap = _get(hub, id)
    if swap.giver != giver:
        raise HubError("swaps.unknown", id=id)
    return _move(hub, swap, "withdrawn", who, "")


def decide(hub: Hub, id: str, to: Literal["approved", "refused"], *, who: str, why: str = "") -> Swap:
    """Approve an accepted swap, which changes the roster, or refuse it.

    Raises:
        HubError: `swaps.unknown`, `swaps.moved`, `swaps.cannot`, `rosters.breach`.
    """
    swap = _get(hub, id)
    if to not in MOVES.get(swap.state, ()):
        raise HubError("swaps.moved", state=swap.state)
    if to == "approved":
        week, duties = _swapped(hub, swap)
        reason = f"{swap.giver} → {swap.taker}, {swap.day}"
        kept = keep(hub, week, duties, who=who, why=why or reason)
        if kept["state"] == "proposed":
            hub.ledger.approve(Filter(ids=(kept["id"],)), who=who, why=why or reason)
    return _move(hub, swap, to, who, why)


def swaps_of(hub: Hub, staff: str) -> list[Swap]:
    """Swaps that somebody asked for or was asked, the latest shift first."""
    mine = or_(swaps.c.giver == staff, swaps.c.taker == staff)
    return _found(hub, select(swaps).where(mine).order_by(swaps.c.day.desc(), swaps.c.id).limit(50))


def waiting(hub: Hub, store: str, week: date) -> list[Swap]:
    """Swaps of a store and week that both want and a planner has to decide on."""
    here = (swaps.c.store == store, swaps.c.week == week, swaps.c.state == "accepted")
    return _found(hub, select(swaps).where(*here).order_by(swaps.c.day, swaps.c.id))


def history(hub: Hub, id: str) -> list[dict[str, Any]]:
    """Every move of a swap, oldest first."""
    with hub.state.connect() as connection:
        rows = connection.execute(select(swap_moves).where(swap_moves.c.swap == id).order_by(swap_moves.c.number))
        return [dict(row._mapping) for row in rows]


def _swapped(hub: Hub, swap: Swap) -> tuple[Week, list[Duty]]:
    """The week as it would be.

    Raises:
        HubError: `swaps.no_shift`, `swaps.pending`, `swaps.cannot`; why the colleague cannot is not said to the giver.
    """
    week = week_of(hub, swap.store, swap.week)
    given = {(swap.giver, swap.day): swap.taker}
    if swap.back:
        given[swap.taker, swap.back] = swap.giver
    if week is None or not week.published or min(day for _, day in given) < week.first:
        raise HubError("swaps.no_shift", staff=swap.giver, day=swap.day)
    if week.state == "proposed":  # a planner's change that nobody has approved; a swap must not approve it along
        raise HubError("swaps.pending", week=swap.week)
    shifts = {(duty.staff, duty.day) for duty in week.shifts}
    for staff, day in given:
        if (staff, day) not in shifts:
            raise HubError("swaps.no_shift", staff=staff, day=day)
    duties = sorted(
        replace(duty, staff=given[duty.staff, duty.day], agreed=True) if (duty.staff, duty.day) in given else duty
        for duty in week.shifts
    )
    both = {swap.giver, swap.taker}
    if any(fault.stops and fault.staff in both for fault in faults_of(hub, week, duties)):
        raise HubError("swaps.cannot", taker=swap.taker, day=swap.day)
    return week, duties


def _get(hub: Hub, id: str) -> Swap:
    found = _found(hub, select(swaps).where(swaps.c.id == id))
    if not found:
        raise HubError("swaps.unknown", id=id)
    return found[0]


def _found(hub: Hub, statement: Any) -> list[Swap]:
    with hub.state.connect() as connection:
        return [Swap(**row._mapping) for row in connection.execute(statement)]


def _move(hub: Hub, swap: Swap, to: str, who: str, why: str) -> Swap:
    if to not in MOVES.get(swap.state, ()):
        raise HubError("swaps.moved", state=swap.state)
    with writing(hub.state) as connection:
        here = update(swaps).where(swaps.c.id == swap.id, swaps.c.state == swap.state).values(state=to)
        if not connection.execute(here).rowcount:
            raise HubError("swaps.moved", state=swap.state)
        number = connection.execute(
            select(func.count()).select_from(swap_moves).where(swap_moves.c.swap == swap.id)
        ).scalar_one()
        connection.execute(insert(swap_moves).values(**_row(swap.id, number, swap.state, to, who, why)))
    return replace(swap, state=to)


def _row(id: str, number: int, state: str, to: str, who: str, why: str) -> dict[str, Any]:
    return {
        "swap": id, "number": number, "state_from": state, "state_to": to, "who": who, "why": why,
        "at": datetime.now(UTC),
    }  # fmt: skip
