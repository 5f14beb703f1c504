"""The book: the decisions of a house and their history, to be read.

Who only asks takes a `Book`; who moves decisions takes the `Ledger`, which is a book that can be written in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, func, or_, select, true

from aislehub.core.errors import HubError
from aislehub.core.state import decisions, moves, whole_ids

__all__ = ["Book", "Filter"]

_JSON = ("action", "baseline", "reasons", "versions", "override", "measured")


@dataclass(frozen=True)
class Filter:
    """Which decisions: every given field narrows."""

    day: date | None = None
    kind: str | None = None
    store: str | None = None
    subject: str | None = None
    states: tuple[str, ...] = ()
    ids: tuple[str, ...] | None = None
    money_at_least: float | None = None
    money_low_at_least: float | None = None
    outlay_at_most: float | None = None  # a decision that commits nothing counts as 0
    subject_has: str = ""
    without: tuple[str, ...] = ()  # ids

    def where(self) -> ColumnElement[bool]:
        wanted = {"day": self.day, "kind": self.kind, "store": self.store, "subject": self.subject}
        parts: list[ColumnElement[bool]] = [decisions.c[name] == v for name, v in wanted.items() if v is not None]
        if self.states:
            parts.append(decisions.c.state.in_(self.states))
        if self.ids is not None:  # an empty selection selects nothing
            parts.append(decisions.c.id.in_(self.ids))
        if self.money_at_least is not None:
            parts.append(decisions.c.money >= self.money_at_least)
        if self.money_low_at_least is not None:
            parts.append(decisions.c.money_low >= self.money_low_at_least)
        if self.outlay_at_most is not None:
            parts.append(func.coalesce(decisions.c.outlay, 0.0) <= self.outlay_at_most)
        if self.without:
            parts.append(decisions.c.id.not_in(self.without))
        if self.subject_has:
            parts.append(decisions.c.subject.contains(self.subject_has, autoescape=True))
        return and_(true(), *parts)


@dataclass(frozen=True)
class Book:
    """The decisions of one house, to be read."""

    engine: Engine

    def get(self, id: str, connection: Connection | None = None) -> dict[str, Any]:
        """One decision with its JSON fields opened; `id` may be shortened to a unique beginning.

        Raises:
            HubError: `ledger.unknown`, `ledger.ambiguous`.
        """
        statement = select(decisions).where(decisions.c.id == self._full(id, connection))
        return _opened(self._all(statement, connection)[0])

    def find(
        self, which: Filter, *, limit: int | None = None, offset: int = 0, order: str = "money",
        after: tuple[float, str] | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Decisions, the most money first (`order`: money, outlay, subject).

        Args:
            after: money and id of the last decision seen, to go on from there in the order of money.
        """
        first = decisions.c.subject if order == "subject" else decisions.c[order].desc()
        statement = select(decisions).where(which.where()).order_by(first, decisions.c.id)
        if after is not None:
            money, id = after
            same_money = and_(decisions.c.money == money, decisions.c.id > id)
            statement = statement.where(or_(decisions.c.money < money, same_money))
        return [_opened(row) for row in self._all(statement.limit(limit).offset(offset))]

    def unmeasured(self, kind: str, *, since: date, today: date) -> list[dict[str, Any]]:
        """Decisions of one kind whose horizon ended from `since` up to `today` and that nobody has measured, by day.

        What was superseded was never in force, and a compensation is measured with what it takes back.
        """
        longest = self._all(select(func.max(decisions.c.horizon_days)).where(decisions.c.kind == kind))[0][0] or 0
        mine = and_(
            decisions.c.kind == kind, decisions.c.measured.is_(None), decisions.c.compensates.is_(None),
            decisions.c.state != "superseded", decisions.c.day.between(since - timedelta(days=longest), today),
        )  # fmt: skip
        rows = self._all(select(decisions).where(mine).order_by(decisions.c.day, decisions.c.id))
        ends = ((row, row.day + timedelta(days=row.horizon_days)) for row in rows)
        return [_opened(row) for row, end in ends if since <= end <= today]

    def measured(self, since: date | None = None, until: date | None = None) -> list[dict[str, Any]]:
        """What is needed to add up the decisions of those days that were measured, JSON fields opened."""
        return self._brief(decisions.c.measured.is_not(None), *_between(since, until))

    def decided(self, kind: str, since: date | None = None, until: date | None = None) -> list[dict[str, Any]]:
        """The same of all decisions of a kind that stood on those days, measured or not."""
        stood = and_(decisions.c.compensates.is_(None), decisions.c.state != "superseded")
        return self._brief(decisions.c.kind == kind, stood, *_between(since, until))

    def _brief(self, *which: Any) -> list[dict[str, Any]]:
        names = (
            "kind", "day", "store", "subject", "arm", "money", "currency", "horizon_days", "state", "source", "action",
            "baseline", "override", "measured",
        )  # fmt: skip
        return [_opened(row) for row in self._all(select(*(decisions.c[name] for name in names)).where(and_(*which)))]

    def followed(self, since: date | None = None, until: date | None = None) -> list[dict[str, Any]]:
        """Count of the decisions of those days by kind, state and whether a person changed the action."""
        groups = (decisions.c.kind, decisions.c.state, decisions.c.override.is_not(None).label("overridden"))
        mine = and_(decisions.c.compensates.is_(None), *_between(since, until))
        statement = select(*groups, func.count().label("count")).where(mine).group_by(*groups)
        return [dict(row._mapping) for row in self._all(statement)]

    def summary(self, which: Filter) -> list[dict[str, Any]]:
        """Count, money and outlay per kind and state."""
        groups = (decisions.c.kind, decisions.c.state)
        sums = [func.sum(decisions.c[name]).label(name) for name in ("money", "money_low", "money_high", "outlay")]
        statement = select(*groups, func.count().label("count"), *sums).where(which.where()).group_by(*groups)
        return [dict(row._mapping) for row in self._all(statement)]

    def version(self) -> int:
        """Number of the last move: another one wherever decisions were made, moved or changed; 0 before the first."""
        return self._all(select(func.max(moves.c.number)))[0][0] or 0

    def days(self, kind: str | None = None) -> list[date]:
        """Days with decisions, of one kind where it is named, newest first."""
        found = select(decisions.c.day).where(Filter(kind=kind).where())
        return [row.day for row in self._all(found.distinct().order_by(decisions.c.day.desc()))]

    def subjects(self, kind: str, limit: int) -> list[str]:
        """What decisions of one kind are about, the last in order first: the newest day, of plans of a day."""
        mine = select(decisions.c.subject).where(decisions.c.kind == kind, decisions.c.compensates.is_(None))
        return [row.subject for row in self._all(mine.distinct().order_by(decisions.c.subject.desc()).limit(limit))]

    def stores(self, day: date | None = None) -> list[str]:
        """Stores with decisions, of one day where it is named."""
        found = select(decisions.c.store).where(Filter(day=day).where())
        return [row.store for row in self._all(found.distinct().order_by(decisions.c.store))]

    def history(self, id: str) -> list[dict[str, Any]]:
        """Every move of one decision, oldest first."""
        statement = select(moves).where(moves.c.decision == self._full(id)).order_by(moves.c.number)
        return [dict(row._mapping) for row in self._all(statement)]

    def _all(self, statement: Any, connection: Connection | None = None) -> list[Row[Any]]:
        if connection is not None:
            return list(connection.execute(statement))
        with self.engine.connect() as own:
            return list(own.execute(statement))

    def _full(self, id: str, connection: Connection | None = None) -> str:
        rows = self._all(whole_ids(decisions.c.id, id), connection)
        if not rows:
            raise HubError("ledger.unknown", id=id)
        if len(rows) > 1:
            raise HubError("ledger.ambiguous", id=id, count=len(rows))
        return str(rows[0].id)

    def outlay_moved_by(self, who: str, day: date, to: str = "approved") -> float:
        """Outlay of the decisions of `day` that `who` moved to `to` and that were not taken back since."""
        mine = select(moves.c.decision).where(moves.c.who == who, moves.c.state_to == to)
        statement = select(func.coalesce(func.sum(decisions.c.outlay), 0.0).label("sum")).where(
            decisions.c.day == day,
            decisions.c.id.in_(mine),
            decisions.c.state.in_(("approved", "sent", "done")),
        )
        return float(self._all(statement)[0].sum)


def _between(since: date | None, until: date | None) -> list[ColumnElement[bool]]:
    first = [] if since is None else [decisions.c.day >= since]
    return first if until is None else [*first, decisions.c.day <= until]


def _opened(row: Row[Any]) -> dict[str, Any]:
    fields = dict(row._mapping)
    return fields | {name: json.loads(fields[name]) for name in _JSON if fields.get(name)}
