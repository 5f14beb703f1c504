"""Notices: what another system is told about alerts, each change once.

Like the outbox, telling is two steps that may be cut at any point. First, in one transaction, a notice is written down
and its alert counts as told. Then it is posted, under an id that never changes, and marked. A crash in between posts it
again with the same id, by which the receiver knows it. While notices wait for a receiver that is down no new ones are
made: it then hears how things stand, not how they stood on every day that it missed.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Connection, and_, or_, select, update

from aislehub.core.alerts import Alerts
from aislehub.core.log import logger
from aislehub.core.state import alerts, insert_rows, notices, writing

__all__ = ["Notice", "Posted", "Receiver", "Told", "tell"]

_FIELDS = (
    "id", "kind", "cause", "store", "subject", "owner", "money_at_risk", "currency", "facts", "source", "state",
    "first_day", "last_day", "days",
)  # fmt: skip


@dataclass(frozen=True)
class Notice:
    """One thing to tell.

    Attributes:
        id: the same for the same change of the same alert, whenever and however often it is posted.
        kind: opened, reopened, closed, or digest for all changes beyond the limit of one run.
        at: when it was written down.
        content: the alert as it was then; of a digest counts, money and the changes by id.
    """

    id: str
    kind: str
    at: datetime
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Posted:
    """What became of a notice: `state` is delivered, refused (it will never be taken) or waiting."""

    state: str
    why: str = ""


class Receiver(Protocol):
    """Another system; it may be told the same notice twice and knows it by its id."""

    def post(self, notice: Notice) -> Posted:
        """Try to hand a notice over."""
        ...


@dataclass(frozen=True)
class Told:
    """What `tell` did: notices by what became of them, and why the receiver did not take some."""

    delivered: int = 0
    refused: int = 0
    waiting: int = 0
    why: list[str] = field(default_factory=list)


def tell(register: Alerts, receiver: Receiver, *, most: int) -> Told:
    """Post what waits, then what has changed since; stops at the first notice that has to wait.

    Suppressed alerts are not told of; one that was told of as open is told of as closed, also out of a suppression.

    Args:
        most: alerts told of one by one in a run, the most money first; the others share one digest.
    """
    told = _post_waiting(register, receiver, Told())
    if told.waiting:
        return told
    with writing(register.engine) as connection:
        _write_down(connection, most)
    return _post_waiting(register, receiver, told)


def _post_waiting(register: Alerts, receiver: Receiver, told: Told) -> Told:
    with register.engine.connect() as connection:
        in_order = select(notices).where(notices.c.state == "waiting").order_by(notices.c.number)
        waiting = connection.execute(in_order).all()
    delivered, refused, why = told.delivered, told.refused, [*told.why]
    for place, row in enumerate(waiting):
        notice = Notice(row.id, row.kind, row.at, json.loads(row.content))
        posted = Posted("dropped") if _is_quiet(register, notice) else receiver.post(notice)
        _mark(register, notice, posted)
        delivered += posted.state == "delivered"
        refused += posted.state == "refused"
        why += [posted.why] if posted.why else []
        if posted.state == "waiting":
            return Told(delivered, refused, len(waiting) - place, why)
    return Told(delivered, refused, 0, why)


def _is_quiet(register: Alerts, notice: Notice) -> bool:
    """Whether somebody has suppressed the alert since the notice of its opening was written down."""
    return notice.kind in ("opened", "reopened") and register.get(notice.content["id"])["state"] == "suppressed"


def _mark(register: Alerts, notice: Notice, posted: Posted) -> None:
    ended = None if posted.state == "waiting" else datetime.now(UTC)
    with writing(register.engine) as connection:
        mine = update(notices).where(notices.c.id == notice.id)
        connection.execute(mine.values(state=posted.state, why=posted.why, ended_at=ended))
    logger.info("notice", extra={"notice": notice.id, "kind": notice.kind, "state": posted.state, "why": posted.why})


def _write_down(connection: Connection, most: int) -> None:
    """Write notices of all alerts that moved since they were last told of, and count them as told."""
    c = alerts.c
    is_news = or_(c.state == "open", and_(c.state == "closed", c.told_state == "open"))
    changed = select(alerts).where(c.moves > c.told, is_news).order_by(c.money_at_risk.desc(), c.id)
    found = [dict(row._mapping) for row in connection.execute(changed)]
    rows = [_notice(f"{alert['id']}-{alert['moves']}", _change(alert), _content(alert)) for alert in found[:most]]
    if found[most:]:
        rows.append(_digest(found[most:]))
    insert_rows(connection, notices, rows)
    for state in ("open", "closed"):
        ids = [alert["id"] for alert in found if alert["state"] == state]
        for start in range(0, len(ids), 900):
            mine = update(alerts).where(c.id.in_(ids[start : start + 900]))
            connection.execute(mine.values(told=c.moves, told_state=state))


def _change(alert: Mapping[str, Any]) -> str:
    if alert["state"] == "closed":
        return "closed"
    return "reopened" if alert["told_state"] else "opened"


def _content(alert: Mapping[str, Any]) -> dict[str, Any]:
    days = {name: alert[name].isoformat() for name in ("first_day", "last_day")}
    return {name: alert[name] for name in _FIELDS} | days | {"facts": json.loads(alert["facts"])}


def _digest(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One notice of many changes: sums by change, cause and owner, and each alert's id with its change."""
    sums: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for alert in found:
        sums[_change(alert), alert["cause"], alert["owner"]].append(alert["money_at_risk"])
    groups = [
        {"change": change, "cause": cause, "owner": owner, "count": len(money), "money_at_risk": sum(money)}
        for (change, cause, owner), money in sums.items()
    ]
    changes = {alert["id"]: _change(alert) for alert in found}
    content = {"count": len(found), "currency": found[0]["currency"], "groups": groups, "changes": changes}
    moves = ",".join(f"{alert['id']}-{alert['moves']}" for alert in found)
    return _notice(f"digest-{hashlib.sha256(moves.encode()).hexdigest()[:16]}", "digest", content)


def _notice(id: str, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": id, "kind": kind, "content": json.dumps(content, ensure_ascii=False), "state": "waiting",
        "at": datetime.now(UTC), "ended_at": None, "why": "",
    }  # fmt: skip
