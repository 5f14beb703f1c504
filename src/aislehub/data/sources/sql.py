"""Any database that SQLAlchemy can reach: a table or a query, streamed in chunks.

The rows come as the database has them; `ingest` maps their columns to a contract as it does for files.
Give the hub a user that may only read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from sqlalchemy import Select, create_engine, inspect, select, table, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.sql import column
from sqlalchemy.sql.expression import TextClause

from aislehub.core.errors import HubError, did_you_mean

__all__ = ["Database", "read_sql"]


@dataclass(frozen=True)
class Database:
    """One table or query of a database as rows for one of the hub's tables.

    Args:
        url: SQLAlchemy URL, e.g. `postgresql+pg8000://reader:secret@host/shop`.
        query: a table's name (`orders` or `schema.orders`), or a SELECT.
        table: the hub's table that the rows are for.
        changed: column of that database table that says when a row was last changed; with it, and a table's
            name as query, a later load asks only for what changed since.
    """

    url: str
    query: str
    table: str
    changed: str = ""

    def rows(self, since: datetime | None = None) -> Iterator[tuple[str, pa.Table]]:
        """Raw rows in chunks, columns as the database names them. Raises as `read_sql`."""
        for chunk in read_sql(self.url, self.query, changed=self.changed, since=since):
            yield self.table, chunk


def read_sql(
    url: str, query: str, *, changed: str = "", since: datetime | None = None, chunk: int = 50_000
) -> Iterator[pa.Table]:
    """Stream a table or a SELECT, `chunk` rows at a time; the server keeps the cursor, not our memory.

    Args:
        changed, since: with a table's name as query, only rows whose column `changed` is at or after `since`.

    Raises:
        HubError: `data.sql_url` (no such dialect, malformed), `data.sql_table` (no such table),
            `data.sql_failed` (no connection, wrong SQL, no permission); none of them shows the password.
    """
    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise HubError("data.sql_url", url=_scheme(url), why=error) from error
    try:
        with engine.connect().execution_options(stream_results=True, max_row_buffer=chunk) as connection:
            result = connection.execute(_statement(engine, query, changed, since))
            names = list(result.keys())
            for rows in result.partitions(chunk):
                columns = zip(*rows, strict=True)
                yield pa.table({name: _array(list(cells)) for name, cells in zip(names, columns, strict=True)})
    except SQLAlchemyError as error:
        why = str(getattr(error, "orig", None) or error).splitlines()[0]
        shown = engine.url.render_as_string(hide_password=True)
        raise HubError("data.sql_failed", url=shown, query=query, why=why) from error
    finally:
        engine.dispose()


def _statement(engine: Engine, query: str, changed: str, since: datetime | None) -> TextClause | Select[tuple[object]]:
    if len(query.split()) > 1:
        return text(query)
    schema, _, name = query.rpartition(".")
    inspector = inspect(engine)
    known = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
    if name not in known:
        raise HubError("data.sql_table", table=query, suggestion=did_you_mean(name, known))
    wanted: Select[tuple[object]] = select(text("*")).select_from(table(name, schema=schema or None))
    return wanted if since is None or not changed else wanted.where(column(changed) >= since)


def _array(cells: list[object]) -> pa.Array:
    """One column of a chunk; mixed kinds (SQLite allows them) become text for the contract."""
    try:
        return pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())


def _scheme(url: str) -> str:
    """What may be shown of a URL that does not parse: it may hold a password."""
    return url.split("://", 1)[0] + "://…" if "://" in url else url[:20]
