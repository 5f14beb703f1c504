"""The state database: what changes row by row (decisions, runs, users) on SQLite or PostgreSQL.

One metadata object names every state table; the folder `migrations/` brings any older database up to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    DateTime,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Text,
    create_engine,
    event,
    false,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeDecorator

from aislehub.core.errors import HubError

__all__ = [
    "Instant",
    "alert_days",
    "alert_moves",
    "alerts",
    "batches",
    "decisions",
    "experiment_looks",
    "experiment_moves",
    "experiments",
    "identities",
    "identity_checks",
    "insert_rows",
    "metadata",
    "moves",
    "notices",
    "open_state",
    "privacy_requests",
    "reads",
    "repeats",
    "runs",
    "same_persons",
    "sends",
    "suppressed",
    "swap_moves",
    "swaps",
    "tokens",
    "users",
    "whole_ids",
    "writing",
]

_MIGRATIONS = Path(__file__).parent / "migrations"


class Instant(TypeDecorator[datetime]):
    """An instant in UTC on either database (SQLite forgets time zones)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


metadata = MetaData()

decisions = Table(
    "decisions", metadata,
    Column("id", String(20), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("day", Date, nullable=False),
    Column("store", String(80), nullable=False, server_default=""),
    Column("subject", String(200), nullable=False),
    Column("action", Text, nullable=False),
    Column("baseline", Text, nullable=False),
    Column("money", Float, nullable=False),
    Column("money_low", Float, nullable=False),
    Column("money_high", Float, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("horizon_days", Integer, nullable=False),
    Column("outlay", Float),
    Column("reasons", Text, nullable=False),
    Column("bound", String(40), nullable=False),
    Column("state", String(12), nullable=False),
    Column("model", String(120), nullable=False, server_default=""),
    Column("policy", String(64), nullable=False, server_default=""),
    Column("versions", Text, nullable=False),
    Column("source", Text, nullable=False, server_default=""),
    Column("arm", String(80), nullable=False, server_default=""),
    Column("override", Text),
    Column("batch", String(40)),
    Column("compensates", String(20)),
    Column("measured", Text),
    Index("decisions_by_money", "day", "state", "money"),
    Index("decisions_by_state", "state", "kind", "day"),
)  # fmt: skip

moves = Table(
    "moves", metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("decision", String(20), nullable=False, index=True),
    Column("state_from", String(12), nullable=False),
    Column("state_to", String(12), nullable=False),
    Column("who", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("run", String(32), nullable=False, server_default=""),
)  # fmt: skip

runs = Table(
    "runs", metadata,
    Column("day", Date, primary_key=True),
    Column("step", String(80), primary_key=True),
    Column("signature", String(64), nullable=False),
    Column("output", String(64), nullable=False, server_default=""),
    Column("state", String(12), nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("rows", Integer, nullable=False, server_default="0"),
    Column("seconds", Float, nullable=False, server_default="0"),
    Column("versions", Text, nullable=False, server_default="{}"),
    Column("run", String(32), nullable=False),
    Column("at", Instant, nullable=False),
)  # fmt: skip

batches = Table(
    "batches", metadata,
    Column("id", String(40), primary_key=True),
    Column("connector", String(40), nullable=False),
    Column("target", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("at", Instant, nullable=False),
)  # fmt: skip

alerts = Table(
    "alerts", metadata,
    Column("id", String(16), primary_key=True),
    Column("kind", String(80), nullable=False),
    Column("cause", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("owner", String(20), nullable=False),
    Column("money_at_risk", Float, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("facts", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("days", Integer, nullable=False),
    Column("until", Date),
    Column("moves", Integer, nullable=False),
    Column("told", Integer, nullable=False),
    Column("told_state", String(12), nullable=False),
    Index("alerts_by_money", "state", "money_at_risk"),
    Index("alerts_by_kind", "kind", "state"),
)  # fmt: skip

alert_moves = Table(
    "alert_moves", metadata,
    Column("alert", String(16), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state_from", String(12), nullable=False),
    Column("state_to", String(12), nullable=False),
    Column("day", Date),
    Column("until", Date),
    Column("who", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("why", Text, nullable=False),
    Column("run", String(32), nullable=False),
)  # fmt: skip

alert_days = Table(
    "alert_days", metadata,
    Column("kind", String(80), primary_key=True),
    Column("day", Date, nullable=False),
)  # fmt: skip

notices = Table(
    "notices", metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("kind", String(12), nullable=False),
    Column("content", Text, nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("why", Text, nullable=False),
)  # fmt: skip

experiments = Table(
    "experiments", metadata,
    Column("name", String(60), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("unit", String(12), nullable=False),
    Column("block_days", Integer, nullable=False),
    Column("share", Float, nullable=False),
    Column("salt", String(80), nullable=False),
    Column("days", Integer, nullable=False),
    Column("definition", Text, nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("start", Date),
    Column("last", Date),
)  # fmt: skip

experiment_moves = Table(
    "experiment_moves", metadata,
    Column("experiment", String(60), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state_from", String(12), nullable=False),
    Column("state_to", String(12), nullable=False),
    Column("day", Date),
    Column("who", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("why", Text, nullable=False),
    Column("run", String(32), nullable=False),
)  # fmt: skip

experiment_looks = Table(
    "experiment_looks", metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("experiment", String(60), nullable=False, index=True),
    Column("day", Date, nullable=False),
    Column("who", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("result", Text, nullable=False),
    Column("run", String(32), nullable=False),
)  # fmt: skip

sends = Table(
    "sends", metadata,
    Column("id", String(32), primary_key=True),
    Column("decision", String(20), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("channel", String(12), nullable=False),
    Column("recipient", String(200), nullable=False),
    Column("state", String(12), nullable=False),
    Column("day", Date),
    Column("at", Instant, nullable=False),
    Column("token", String(40), nullable=False, unique=True),
    Column("why", Text, nullable=False),
    Index("sends_by_decision", "decision", "state"),
    Index("sends_by_recipient", "recipient", "day"),
)  # fmt: skip

users = Table(
    "users", metadata,
    Column("name", String(80), primary_key=True),
    Column("password", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("staff", String(80), nullable=False, server_default=""),
    Column("created_at", Instant, nullable=False),
)  # fmt: skip

tokens = Table(
    "tokens", metadata,
    Column("digest", String(64), primary_key=True),
    Column("user", String(80), nullable=False, index=True),
    Column("kind", String(12), nullable=False),
    Column("label", String(80), nullable=False, server_default=""),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
)  # fmt: skip

swaps = Table(
    "swaps", metadata,
    Column("id", String(16), primary_key=True),
    Column("store", Text, nullable=False),
    Column("week", Date, nullable=False),
    Column("giver", String(80), nullable=False),
    Column("day", Date, nullable=False),
    Column("taker", String(80), nullable=False),
    Column("back", Date),
    Column("state", String(12), nullable=False),
    Index("swaps_by_week", "store", "week"),
)  # fmt: skip

swap_moves = Table(
    "swap_moves", metadata,
    Column("swap", String(16), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state_from", String(12), nullable=False),
    Column("state_to", String(12), nullable=False),
    Column("who", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("why", Text, nullable=False),
)  # fmt: skip

identities = Table(
    "identities", metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("person", String(200), nullable=False, index=True),
    Column("kind", String(12), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("value", Text, nullable=False, server_default=""),
    Column("linked_at", Instant, nullable=False),
    Column("who", String(80), nullable=False),
    Column("verified_at", Instant),
    Column("how", String(20), nullable=False, server_default=""),
    Index("identities_by_digest", "kind", "digest"),
)  # fmt: skip

privacy_requests = Table(
    "privacy_requests", metadata,
    Column("id", String(16), primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("person", String(200), nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("opened_at", Instant, nullable=False),
    Column("who", String(80), nullable=False),
    Column("closed_at", Instant),
    Column("why", Text, nullable=False, server_default=""),
    Column("proof", Text),
)  # fmt: skip

identity_checks = Table(
    "identity_checks", metadata,
    Column("request", String(16), primary_key=True),
    Column("identity", BigInteger, primary_key=True, autoincrement=False),
    Column("code", String(64), nullable=False),
    Column("until", Instant, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("verified_at", Instant),
    Column("how", String(20), nullable=False, server_default=""),
    Column("who", String(80), nullable=False, server_default=""),
    Column("why", Text, nullable=False, server_default=""),
)  # fmt: skip

same_persons = Table(
    "same_persons", metadata,
    Column("person", String(200), primary_key=True),
    Column("main", String(200), nullable=False, index=True),
    Column("request", String(16), nullable=False),
    Column("at", Instant, nullable=False),
)  # fmt: skip

reads = Table(
    "reads", metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("person", String(200), nullable=False, index=True),
    Column("what", String(200), nullable=False),
    Column("who", String(80), nullable=False),
    Column("at", Instant, nullable=False),
)  # fmt: skip

repeats = Table(
    "repeats", metadata,
    Column("key", String(64), primary_key=True),
    Column("request", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("status", Integer),
    Column("answer", Text),
)  # fmt: skip

suppressed = Table(
    "suppressed", metadata,
    Column("digest", String(64), primary_key=True),
    Column("erased_at", Instant, nullable=False),
    Column("lifted_at", Instant),
)  # fmt: skip


def open_state(url: str, home: Path) -> Engine:
    """The state database, brought up to the newest schema.

    Args:
        url: empty for SQLite `hub.db` in `home`, else a SQLAlchemy URL.

    Raises:
        HubError: `state.url` when it cannot be reached, `state.newer` when a newer aislehub has changed it.
    """
    home.mkdir(parents=True, exist_ok=True)
    try:
        engine = create_engine(url or f"sqlite:///{home / 'hub.db'}")
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _tune_sqlite)
        if _version(engine) != _head():
            with FileLock(home / ".state.lock"):  # two processes may open a new home at once
                _upgrade(engine)
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        shown = re.sub(r":[^:/@]*@", ":***@", url) or home / "hub.db"  # errors are logged and shown to many
        raise HubError("state.url", url=shown, why=str(error).splitlines()[0]) from error
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that no other writer runs beside, so that what it has read still holds when it writes.

    SQLite has one writer anyway, but takes it only at the first change; PostgreSQL has many, and two of them
    would both note their move of the same decision.
    """
    with engine.begin() as connection:
        one_at_a_time = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(7472)"}
        connection.exec_driver_sql(one_at_a_time[engine.dialect.name])
        yield connection


def whole_ids(column: Column[str], id: str) -> Select[str]:
    """The whole ids (16 hexadecimal digits) that `id` is or begins; a beginning has at least six characters."""
    if len(id) == 16:
        found = column == id
    elif len(id) >= 6 and set(id) <= set("0123456789abcdef"):
        found = column.startswith(id)
    else:
        found = false()
    return select(column).where(found).limit(100)


def _tune_sqlite(connection: Any, _record: object) -> None:
    """Readers beside one writer (WAL), writers that wait for each other, and no lost commit on power failure."""
    for pragma in ("journal_mode=WAL", "busy_timeout=30000", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())


def _head() -> str:
    """The newest migration's number: files are named 0001_…py, 0002_…py."""
    return max(file.name for file in _MIGRATIONS.glob("versions/0*.py"))[:4]


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    try:
        with writing(engine) as connection:  # all of it or nothing, also where two machines share one database
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise HubError("state.newer", found=_version(engine), known=_head()) from error


def insert_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert many rows in few round trips; every row names the same columns."""
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(table.insert(), rows)
        return
    columns = ", ".join(f'"{name}"' for name in rows[0])
    statement = text(
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} "
        f"FROM json_populate_recordset(null::{table.name}, CAST(:rows AS json))"
    )
    for start in range(0, len(rows), 10_000):
        portion = json.dumps(rows[start : start + 10_000], default=str, ensure_ascii=False)
        connection.execute(statement, {"rows": portion})
