"""The register of alerts: one alert a cause, from the day it is first found until it is gone.

States: open ⇄ suppressed, each → closed → open again. A business day opens what is found for the first time or again
and closes what its table no longer holds; a person suppresses an alert until a day, or resumes it. Each move is a row
with who, when and why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, insert, or_, select, true, update

from aislehub.core.errors import HubError
from aislehub.core.state import alert_days, alert_moves, alerts, insert_rows, whole_ids, writing

__all__ = ["STATES", "AlertFilter", "Alerts", "Recorded", "alert_id"]

STATES: dict[str, tuple[str, ...]] = {
    "open": ("suppressed",),
    "suppressed": ("suppressed", "open"),
    "closed": (),
}
"""State → states to which a person may move an alert; the business day makes all other moves."""

_COLUMNS = ("cause", "store", "subject", "owner", "money_at_risk", "facts", "source")
_NOTES = {
    ("", "open"): "", ("closed", "open"): "alerts.note_back", ("closed", "suppressed"): "alerts.note_back",
    ("suppressed", "open"): "alerts.note_over", ("open", "closed"): "alerts.note_gone",
    ("suppressed", "closed"): "alerts.note_gone",
}  # fmt: skip
_NOTHING = pa.table({name: [] for name in _COLUMNS})
_PORTION = 900  # ids in one statement: databases limit its parameters


def alert_id(kind: str, cause: str, store: str, subject: str) -> str:
    """16 hexadecimal digits, the same on every day on which the same cause is found."""
    return hashlib.sha256("\x1f".join([kind, cause, store, subject]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class AlertFilter:
    """Which alerts: every given field narrows; `store` may be empty, which is the chain."""

    states: tuple[str, ...] = ()
    cause: str | None = None
    owner: str | None = None
    store: str | None = None

    def where(self) -> ColumnElement[bool]:
        wanted = {"cause": self.cause, "owner": self.owner, "store": self.store}
        parts: list[ColumnElement[bool]] = [alerts.c[name] == v for name, v in wanted.items() if v is not None]
        if self.states:
            parts.append(alerts.c.state.in_(self.states))
        return and_(true(), *parts)


@dataclass(frozen=True)
class Recorded:
    """What `record` did; `reopened` counts those of which a suppression is over, too."""

    opened: int = 0
    reopened: int = 0
    closed: int = 0


@dataclass(frozen=True)
class Alerts:
    """The alerts of one house."""

    engine: Engine
    run: str = ""

    # -- the business day ------------------------------------------------------------------------

    def record(
        self, day: date, found: Mapping[str, pa.Table], *, currency: str, declared: Collection[str] | None = None
    ) -> Recorded:
        """Copy what the steps of a day have found, all of it or nothing.

        Recording a day again changes nothing. A table of which a later day is recorded is left alone: what was found
        on an older day says nothing about now.

        Args:
            found: alert table → its rows of the day; only tables that are complete for the day, since what they lack
                is closed.
            declared: every alert table that there is; what another one has found is closed, for nothing looks for it
                any more. None = leave such alerts alone.
        """
        moved: list[dict[str, Any]] = []
        with writing(self.engine) as connection:
            last = {row.kind: row.day for row in connection.execute(select(alert_days))}
            ended = {} if declared is None else dict.fromkeys(last.keys() - declared, _NOTHING)
            for kind, rows in {**found, **ended}.items():
                if day < last.get(kind, day):
                    continue
                moved += self._record(connection, kind, day, rows, currency)
                connection.execute(delete(alert_days).where(alert_days.c.kind == kind))
                connection.execute(insert(alert_days).values(kind=kind, day=day))
        to_open = [move for move in moved if move["state_to"] == "open"]
        opened = sum(move["state_from"] == "" for move in to_open)
        return Recorded(opened, len(to_open) - opened, sum(move["state_to"] == "closed" for move in moved))

    def _record(
        self, connection: Connection, kind: str, day: date, rows: pa.Table, currency: str
    ) -> list[dict[str, Any]]:
        incoming = _incoming(kind, rows, currency)
        before = _known(connection, kind, list(incoming))
        after = {id: _found(before.get(id), row, day) for id, row in incoming.items()}
        after |= {id: row | {"state": "closed"} for id, row in before.items() if id not in incoming}
        moved = []
        for id, row in after.items():
            state = before[id]["state"] if id in before else ""
            if row["state"] != state:
                row["moves"] += 1
                moved.append(self._move(row, state, who="day", why=_NOTES[state, row["state"]], day=day))
        changed = [row for id, row in after.items() if row != before.get(id)]
        _replace(connection, changed)
        insert_rows(connection, alert_moves, moved)
        return moved

    # -- people ----------------------------------------------------------------------------------

    def suppress(self, id: str, until: date, *, who: str, why: str) -> dict[str, Any]:
        """Keep an alert quiet until a business day; if its cause is still there then, it is open again.

        Raises:
            HubError: `alerts.why`, `alerts.until` (not after the last day it was found), `alerts.move` (closed),
                `alerts.unknown`, `alerts.ambiguous`.
        """
        if not why.strip():
            raise HubError("alerts.why")
        with writing(self.engine) as connection:
            alert = self.get(id, connection)
            if until <= alert["last_day"]:
                raise HubError("alerts.until", until=until, day=alert["last_day"])
            return self._set(connection, alert, "suppressed", until, who, why)

    def resume(self, id: str, *, who: str, why: str = "") -> dict[str, Any]:
        """End a suppression.

        Raises:
            HubError: `alerts.move` (not suppressed), `alerts.unknown`, `alerts.ambiguous`.
        """
        with writing(self.engine) as connection:
            return self._set(connection, self.get(id, connection), "open", None, who, why)

    def _set(
        self, connection: Connection, alert: Mapping[str, Any], to: str, until: date | None, who: str, why: str
    ) -> dict[str, Any]:
        if to not in STATES[alert["state"]]:
            raise HubError("alerts.move", id=alert["id"], state=alert["state"], to=to)
        moved = {"state": to, "until": until, "moves": alert["moves"] + 1}
        connection.execute(update(alerts).where(alerts.c.id == alert["id"]).values(moved))
        connection.execute(insert(alert_moves).values(self._move({**alert, **moved}, alert["state"], who=who, why=why)))
        return self.get(alert["id"], connection)

    def _move(
        self, row: Mapping[str, Any], state: str, *, who: str, why: str, day: date | None = None
    ) -> dict[str, Any]:
        return {
            "alert": row["id"], "number": row["moves"], "state_from": state, "state_to": row["state"], "day": day,
            "until": row["until"], "who": who, "at": datetime.now(UTC), "why": why, "run": self.run,
        }  # fmt: skip

    # -- reading ---------------------------------------------------------------------------------

    def get(self, id: str, connection: Connection | None = None) -> dict[str, Any]:
        """One alert with its facts opened; `id` may be shortened to a unique beginning.

        Raises:
            HubError: `alerts.unknown`, `alerts.ambiguous`.
        """
        return _opened(self._all(select(alerts).where(alerts.c.id == self._full(id, connection)), connection)[0])

    def find(
        self, which: AlertFilter, *, limit: int | None = None, offset: int = 0,
        after: tuple[float, str] | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Alerts, the most money at risk first.

        Args:
            after: money and id of the last alert seen, to go on from there.
        """
        statement = select(alerts).where(which.where()).order_by(alerts.c.money_at_risk.desc(), alerts.c.id)
        if after is not None:
            money, id = after
            same_money = and_(alerts.c.money_at_risk == money, alerts.c.id > id)
            statement = statement.where(or_(alerts.c.money_at_risk < money, same_money))
        return [_opened(row) for row in self._all(statement.limit(limit).offset(offset))]

    def summary(self, which: AlertFilter) -> list[dict[str, Any]]:
        """Count and money at risk per state and cause, the most money first."""
        groups, money = (alerts.c.state, alerts.c.cause), func.sum(alerts.c.money_at_risk).label("money_at_risk")
        statement = select(*groups, func.count().label("count"), money).where(which.where()).group_by(*groups)
        return self._all(statement.order_by(money.desc(), *groups))

    def stores(self) -> list[str]:
        """Stores with alerts, the chain's own (an empty name) first."""
        return [row["store"] for row in self._all(select(alerts.c.store).distinct().order_by(alerts.c.store))]

    def history(self, id: str) -> list[dict[str, Any]]:
        """Every move of one alert, oldest first."""
        return self._all(
            select(alert_moves).where(alert_moves.c.alert == self._full(id)).order_by(alert_moves.c.number)
        )

    def _all(self, statement: Any, connection: Connection | None = None) -> list[dict[str, Any]]:
        if connection is not None:
            return [dict(row._mapping) for row in connection.execute(statement)]
        with self.engine.connect() as own:
            return [dict(row._mapping) for row in own.execute(statement)]

    def _full(self, id: str, connection: Connection | None = None) -> str:
        found = self._all(whole_ids(alerts.c.id, id), connection)
        if not found:
            raise HubError("alerts.unknown", id=id)
        if len(found) > 1:
            raise HubError("alerts.ambiguous", id=id, count=len(found))
        return str(found[0]["id"])


def _incoming(kind: str, rows: pa.Table, currency: str) -> dict[str, dict[str, Any]]:
    """The rows of one alert table by the id of their alert."""
    incoming = {}
    for row in rows.select(_COLUMNS).to_pylist():
        row |= {"kind": kind, "store": row["store"] or "", "source": row["source"] or "", "currency": currency}
        id = alert_id(kind, row["cause"], row["store"], row["subject"])
        if id in incoming:  # a table can tell an empty store from none
            raise HubError("alerts.twice", kind=kind, cause=row["cause"], store=row["store"], subject=row["subject"])
        incoming[id] = row | {"id": id}
    return incoming


def _known(connection: Connection, kind: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Alerts of a table that are not closed, and those of `ids` whatever they are."""
    standing = select(alerts).where(alerts.c.kind == kind, alerts.c.state != "closed")
    known = {row.id: dict(row._mapping) for row in connection.execute(standing)}
    others = [id for id in ids if id not in known]
    for start in range(0, len(others), _PORTION):
        portion = select(alerts).where(alerts.c.id.in_(others[start : start + _PORTION]))
        known |= {row.id: dict(row._mapping) for row in connection.execute(portion)}
    return known


def _found(old: Mapping[str, Any] | None, row: Mapping[str, Any], day: date) -> dict[str, Any]:
    """An alert after it was found on `day`: a new one, or the known one with the latest facts."""
    if old is None:
        start = {"state": "open", "first_day": day, "last_day": day, "days": 1, "until": None}
        return {**row, **start, "moves": 0, "told": 0, "told_state": ""}
    is_quiet = old["until"] is not None and day < old["until"]
    return {
        **old, **row, "state": "suppressed" if is_quiet else "open", "until": old["until"] if is_quiet else None,
        "last_day": day, "days": old["days"] + (day > old["last_day"]),
    }  # fmt: skip


def _replace(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _PORTION):
        ids = [row["id"] for row in rows[start : start + _PORTION]]
        connection.execute(delete(alerts).where(alerts.c.id.in_(ids)))
    columns = alerts.c.keys()
    insert_rows(connection, alerts, [{name: row[name] for name in columns} for row in rows])


def _opened(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "facts": json.loads(row["facts"])}
