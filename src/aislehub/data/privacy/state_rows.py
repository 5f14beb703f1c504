"""A person in the state database: what names them in any table of it, found and taken out, free pages too.

The ledger's history stays: a decision and its moves are what the house did. Inside them the person becomes a token that
leads nowhere. Rows that are about the person alone (identities, codes, a login of theirs) go.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from secrets import token_hex, token_urlsafe
from typing import Any

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, func, or_, select, update

from aislehub.core.errors import HubError
from aislehub.core.state import identities, identity_checks, same_persons, tokens, users, writing
from aislehub.data.privacy.traces import Traces

__all__ = ["clear_state", "named_rows", "wipe_free_pages"]

PERSON_COLUMNS = frozenset({"person", "staff", "giver", "taker", "unit", "customer", "recipient"})
_PATIENCE = 20  # seconds for readers to let go of SQLite's log
_OWN = {"identities", "identity_checks", "same_persons", "suppressed", "alembic_version"}


def named_rows(engine: Engine, traces: Traces) -> Iterator[tuple[Table, dict[str, Any], list[str]]]:
    """Rows of the state database that name the person: table, row and the columns that do."""
    reflected = MetaData()
    reflected.reflect(engine)
    with engine.connect() as connection:
        for table in reflected.sorted_tables:
            for row, names in _rows(connection, table, traces):
                yield table, row, names


def clear_state(engine: Engine, traces: Traces, token: str) -> dict[str, int]:
    """Take the person out of every table; cells changed and rows removed, by table. The journal's own go last."""
    changed: Counter[str] = Counter()
    found = [(t.name, row, names) for t, row, names in named_rows(engine, traces) if t.name not in _OWN]
    with writing(engine) as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        changed.update(_remove_own(connection, traces))
        reflected = MetaData()
        reflected.reflect(connection)
        for name, row, names in found:
            table = reflected.tables[name]
            if name == "users" and row["staff"] in traces.keys:
                continue
            values = {column: _without(row[column], column, traces, token) for column in names}
            if name == "sends":  # its id is a hash of the key, and its link would say no for a token
                values |= {"id": token_hex(16), "token": token_urlsafe(18)}
            here = [column == row[column.name] for column in table.primary_key.columns]
            changed[name] += len(names) * connection.execute(update(table).where(*here).values(values)).rowcount
    return {name: count for name, count in sorted(changed.items()) if count}


def wipe_free_pages(engine: Engine) -> None:
    """Make the bytes of old rows go: SQLite's free pages and log, PostgreSQL's dead rows.

    Raises:
        HubError: `privacy.state_busy` when another process keeps reading SQLite's log.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("VACUUM FULL")
            return
        connection.exec_driver_sql("VACUUM")
        until = time.monotonic() + _PATIENCE
        while connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]:
            if time.monotonic() > until:
                raise HubError("privacy.state_busy", seconds=_PATIENCE)
            time.sleep(0.1)


def _rows(connection: Connection, table: Table, traces: Traces) -> Iterator[tuple[dict[str, Any], list[str]]]:
    texts = [column for column in table.columns if isinstance(column.type, String)]
    parts = [part for column in texts for part in _may_name(column, traces)]
    if not parts:
        return
    for found in connection.execute(select(table).where(or_(*parts))).mappings():
        row = dict(found)
        names = [c.name for c in texts if row[c.name] and _without(row[c.name], c.name, traces, "") != row[c.name]]
        if names:
            yield row, names


def _may_name(column: Column[str], traces: Traces) -> list[Any]:
    parts: list[Any] = [column.contains(word, autoescape=True) for word in traces.words if word not in traces.values]
    parts += [
        func.lower(column).contains(word.lower(), autoescape=True) for word in traces.words if word in traces.values
    ]
    parts += [column.contains(key, autoescape=True) for key in traces.unsure if _holds_json(column)]
    return parts + ([column.in_(traces.keys)] if column.name in PERSON_COLUMNS else [])


def _holds_json(column: Column[str]) -> bool:
    return getattr(column.type, "length", None) is None


def _without(text: str, column: str, traces: Traces, token: str) -> str:
    if column in PERSON_COLUMNS and text in traces.keys:
        return token
    return traces.without(text, token)


def _remove_own(connection: Connection, traces: Traces) -> Counter[str]:
    """Rows that are about nobody else: identities, their codes, merges, and the login of somebody of the staff."""
    gone: Counter[str] = Counter()
    mine = identities.c.person.in_(traces.keys)
    numbers = list(connection.execute(select(identities.c.number).where(mine)).scalars())
    logins = list(connection.execute(select(users.c.name).where(users.c.staff.in_(traces.keys))).scalars())
    for table, where in (
        (identity_checks, identity_checks.c.identity.in_(numbers)),
        (identities, mine),
        (same_persons, same_persons.c.person.in_(traces.keys)),
        (tokens, tokens.c.user.in_(logins)),
        (users, users.c.name.in_(logins)),
    ):
        gone[table.name] += connection.execute(table.delete().where(where)).rowcount
    return gone
