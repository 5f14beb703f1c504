"""Who read which person's data, when: every page, answer of the API and export that shows persons says so here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, select

from aislehub.core.state import insert_rows, reads

__all__ = ["last_reads", "note_read", "reads_of"]

MANY = ""
"""The person of a reading that showed many."""


def note_read(engine: Engine, who: str, what: str, person: str = MANY) -> None:
    """Note that somebody was shown data of a person, or, with an empty key, of many.

    Args:
        what: the page, address or file, e.g. "page customers" or "GET /api/tables/sales_lines".
    """
    row = {"person": person, "what": what[:200], "who": who, "at": datetime.now(UTC)}
    with engine.begin() as connection:
        insert_rows(connection, reads, [row])


def reads_of(engine: Engine, persons: Sequence[str]) -> list[dict[str, Any]]:
    """Who read these persons' data, newest first."""
    return _rows(engine, select(reads).where(reads.c.person.in_(persons)).order_by(reads.c.number.desc()))


def last_reads(engine: Engine, limit: int = 200) -> list[dict[str, Any]]:
    """The last readings of anybody: who, what, person, how often in a row on that day, and when last."""
    day = func.date(reads.c.at)
    last = func.max(reads.c.at).label("at")
    grouped = select(reads.c.who, reads.c.what, reads.c.person, func.count().label("times"), last)
    grouped = grouped.group_by(reads.c.who, reads.c.what, reads.c.person, day).order_by(func.max(reads.c.number).desc())
    return _rows(engine, grouped.limit(limit))


def _rows(engine: Engine, statement: Any) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(statement)]
