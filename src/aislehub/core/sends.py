"""The register of messages: to whom each is on its way, so that none goes out twice and no limit is broken.

States: waiting → sending → sent | refused | unsure; waiting → capped | withheld | cancelled. A message is written down
before it is handed over. One that a crash left in `sending` may have gone out: whoever carries messages out says
whether its receiver knows a repeated one, and it is then sent again; else it is `unsure` and never sent again.
Limits are counted in the transaction that claims a message, so they hold in whatever order and by however many
processes messages are sent.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, select, update

from aislehub.core.state import insert_rows, sends, writing

__all__ = ["REACHED", "Sends", "message_id"]

REACHED = ("sending", "sent", "unsure")
"""States that count as a message to the member."""
_PORTION = 900  # ids in one statement: databases limit its parameters


def message_id(decision: str, member: str) -> str:
    """32 hexadecimal digits, the same whenever the same decision writes to the same member."""
    return hashlib.sha256(f"{decision}\x1f{member}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Sends:
    """The messages of one house."""

    engine: Engine

    def plan(self, decision: str, subject: str, channel: str, members: Sequence[str]) -> bool:
        """Write a decision's messages down as waiting; False when that was done before."""
        now = datetime.now(UTC)
        rows = [
            {"id": message_id(decision, member), "decision": decision, "subject": subject, "channel": channel,
             "recipient": member, "state": "waiting", "day": None, "at": now, "token": secrets.token_urlsafe(18),
             "why": ""}
            for member in members
        ]  # fmt: skip
        with writing(self.engine) as connection:
            if connection.execute(select(sends.c.id).where(sends.c.decision == decision).limit(1)).first():
                return False
            insert_rows(connection, sends, rows)
        return True

    def claim(self, ids: Sequence[str], day: date, *, per_day: int, per_week: int) -> list[str]:
        """Take waiting messages to hand them over on `day`; those beyond a member's limits are `capped`.

        Returns:
            The ids that are `sending` now; one that somebody else took meanwhile is not among them.
        """
        with writing(self.engine) as connection:
            taken, over = [], []
            counts: dict[str, Counter[date]] = {}
            for row in self._rows(connection, ids, "waiting"):
                seen = counts.setdefault(row.recipient, self._reached(connection, row.recipient, day))
                if seen[day] >= per_day or self._most_in_a_week(seen, day) >= per_week:
                    over.append(row.id)
                else:
                    seen[day] += 1
                    taken.append(row.id)
            self._set(connection, taken, state="sending", day=day)
            self._set(connection, over, state="capped")
        return taken

    def settle(self, states: Mapping[str, tuple[str, str]]) -> None:
        """Note what became of messages: id → state and why. One that goes back to `waiting` has reached nobody."""
        with writing(self.engine) as connection:
            for kind in sorted(set(states.values())):
                state, why = kind
                ids = [id for id, found in states.items() if found == kind]
                more: dict[str, Any] = {"day": None} if state == "waiting" else {}
                self._set(connection, ids, state=state, why=why, **more)

    def cancel(self, decision: str) -> int:
        """What still waits of a decision is not sent any more; returns how many."""
        with writing(self.engine) as connection:
            waiting = (sends.c.decision == decision) & (sends.c.state == "waiting")
            return connection.execute(update(sends).where(waiting).values(state="cancelled")).rowcount

    # -- reading ---------------------------------------------------------------------------------

    def of(self, decision: str, *states: str) -> list[dict[str, Any]]:
        """A decision's messages in these states (all, where none is named), by id."""
        mine = sends.c.decision == decision
        if states:
            mine &= sends.c.state.in_(states)
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(select(sends).where(mine).order_by(sends.c.id))]

    def counts(self, decision: str) -> dict[str, int]:
        """Messages of a decision by state."""
        statement = select(sends.c.state, func.count().label("many")).where(sends.c.decision == decision)
        with self.engine.connect() as connection:
            return {row.state: row.many for row in connection.execute(statement.group_by(sends.c.state))}

    def fates(self, decision: str) -> dict[tuple[str, str], int]:
        """Messages of a decision by state and why."""
        statement = select(sends.c.state, sends.c.why, func.count().label("many")).where(sends.c.decision == decision)
        with self.engine.connect() as connection:
            rows = connection.execute(statement.group_by(sends.c.state, sends.c.why))
            return {(row.state, row.why): row.many for row in rows}

    def by_token(self, token: str) -> dict[str, Any] | None:
        """The message whose link holds this token."""
        with self.engine.connect() as connection:
            row = connection.execute(select(sends).where(sends.c.token == token)).first()
        return None if row is None else dict(row._mapping)

    # -- inside ----------------------------------------------------------------------------------

    def _rows(self, connection: Connection, ids: Sequence[str], state: str) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(ids), _PORTION):
            mine = sends.c.id.in_(ids[start : start + _PORTION]) & (sends.c.state == state)
            found += connection.execute(select(sends.c.id, sends.c.recipient).where(mine).order_by(sends.c.id))
        return found

    def _reached(self, connection: Connection, member: str, day: date) -> Counter[date]:
        """Messages that reached a member, by day, near enough to share a week with `day`."""
        week = timedelta(days=6)
        near = (sends.c.recipient == member) & sends.c.state.in_(REACHED) & sends.c.day.between(day - week, day + week)
        rows = connection.execute(select(sends.c.day, func.count().label("many")).where(near).group_by(sends.c.day))
        return Counter({row.day: row.many for row in rows})

    def _most_in_a_week(self, seen: Mapping[date, int], day: date) -> int:
        """The most messages in any seven days that hold `day`."""
        days = [day + timedelta(days=offset) for offset in range(-6, 7)]
        return max(sum(seen.get(one, 0) for one in days[first : first + 7]) for first in range(7))

    def _set(self, connection: Connection, ids: Sequence[str], **values: Any) -> None:
        now = datetime.now(UTC)
        for start in range(0, len(ids), _PORTION):
            mine = sends.c.id.in_(ids[start : start + _PORTION])
            connection.execute(update(sends).where(mine).values(at=now, **values))
