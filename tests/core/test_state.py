"""The state database is the same on SQLite and PostgreSQL, whoever opens it first and however often."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, insert, inspect, select

from aislehub.core.errors import HubError
from aislehub.core.state import decisions, insert_rows, metadata, moves, open_state, runs, users, writing


@pytest.fixture
def state(state_url: str, tmp_path: Path) -> Iterator[Engine]:
    """A new state database."""
    engine = open_state(state_url, tmp_path)
    yield engine
    engine.dispose()


def test_migrations_lead_to_the_tables_of_the_code(state: Engine) -> None:
    """A migrated database has exactly the tables, columns, types and indexes that the code describes."""
    # SQLite hands defaults back as quoted text, which reads as a difference to Alembic.
    options = {"compare_type": True, "compare_server_default": state.dialect.name == "postgresql"}
    with state.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_opening_again_changes_nothing(state: Engine, state_url: str, tmp_path: Path) -> None:
    """What was written is there for whoever opens the same database next."""
    with state.begin() as connection:
        connection.execute(insert(users).values(name="ann", password="x", role="admin", created_at=datetime.now(UTC)))
    again = open_state(state_url, tmp_path)
    with again.connect() as connection:
        assert connection.execute(select(users.c.name)).scalars().all() == ["ann"]
    again.dispose()


def test_a_broken_first_opening_is_finished_by_the_next(tmp_path: Path) -> None:
    """A process killed while it makes the tables leaves none or all of them."""
    script = (
        "import os, sys; from pathlib import Path; from alembic import op; from aislehub.core.state import open_state\n"
        "create, made = op.create_table, []\n"
        "def die(name, *columns):\n"
        "    create(name, *columns); made.append(name)\n"
        "    if len(made) == 3: os._exit(9)\n"
        "op.create_table = die\n"
        "open_state('', Path(sys.argv[1]))"
    )
    assert subprocess.run([sys.executable, "-c", script, tmp_path], timeout=120).returncode == 9
    engine = open_state("", tmp_path)
    assert set(metadata.tables) < set(inspect(engine).get_table_names())
    engine.dispose()


def test_two_may_open_a_new_home_at_once(state_url: str, tmp_path: Path) -> None:
    """Of two processes that find no tables yet, one makes them and both go on."""
    script = (
        "import sys; from pathlib import Path; from aislehub.core.state import open_state\n"
        "open_state(sys.argv[1], Path(sys.argv[2]))"
    )
    opening = [subprocess.Popen([sys.executable, "-c", script, state_url, tmp_path]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in opening] == [0, 0]


def test_a_newer_database_is_not_touched(state: Engine, state_url: str, tmp_path: Path) -> None:
    """An older aislehub refuses a database that a newer one has changed, and says both versions."""
    with state.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(HubError, match="version 9999; this aislehub knows versions up to 0") as caught:
        open_state(state_url, tmp_path)
    assert caught.value.code == "state.newer"


@pytest.mark.parametrize(
    "url", ["postgresql+pg8000://nobody:x@127.0.0.1:1/none", "postgresql+nosuchdriver://h/d", "nonsense", "nosuch://x"]
)
def test_an_unreachable_database_is_said(url: str, tmp_path: Path) -> None:
    """A wrong host, driver or URL is an error that shows the URL without its password and what to do."""
    with pytest.raises(HubError, match="Check `state_url`") as caught:
        open_state(url, tmp_path)
    assert caught.value.code == "state.url"
    assert ":x@" not in str(caught.value)


def test_instants_keep_their_moment(state: Engine) -> None:
    """An instant comes back in UTC, whatever zone it went in with."""
    noon = datetime(2017, 11, 5, 12, tzinfo=timezone(timedelta(hours=8)))
    with state.begin() as connection:
        connection.execute(insert(users).values(name="ann", password="x", role="admin", created_at=noon))
        stored = connection.execute(select(users.c.created_at)).scalar_one()
    assert stored == noon and stored.utcoffset() == timedelta(0)


def test_many_rows_are_inserted_as_they_are(state: Engine) -> None:
    """Texts with quotes, Chinese and emoji, missing values and small numbers survive on either database."""
    row = {
        "kind": "orders", "day": date(2017, 11, 5), "store": "店 'Ä' \\ \"x\"", "subject": "🛒", "action": "{}",
        "baseline": "{}", "money": 0.1, "money_low": -1e-9, "money_high": 1e12, "currency": "EUR", "horizon_days": 7,
        "outlay": None, "reasons": "[]", "bound": "none", "state": "proposed", "versions": "{}",
    }  # fmt: skip
    rows = [row | {"id": f"{number:016x}"} for number in range(10_500)]
    with state.begin() as connection:
        insert_rows(connection, decisions, rows)
        insert_rows(connection, decisions, [])
        stored = connection.execute(select(decisions).order_by(decisions.c.id)).mappings().all()
    assert len(stored) == len(rows)
    assert {name: stored[-1][name] for name in rows[-1]} == rows[-1]


def test_numbers_of_moves_grow(state: Engine) -> None:
    """Moves inserted in one go are numbered in that order."""
    move = {"state_from": "", "state_to": "proposed", "who": "day", "at": datetime.now(UTC), "why": "", "run": "r"}
    with state.begin() as connection:
        insert_rows(connection, moves, [move | {"decision": str(number)} for number in range(50)])
        found = connection.execute(select(moves.c.decision).order_by(moves.c.number)).scalars().all()
    assert found == [str(number) for number in range(50)]


def test_a_failed_change_leaves_nothing(state: Engine) -> None:
    """An exception within `writing` takes everything back and lets the next writer in."""
    run = {"day": date(2017, 11, 5), "step": "s", "signature": "x", "state": "ran", "run": "r", "at": datetime.now(UTC)}
    with pytest.raises(ZeroDivisionError), writing(state) as connection:
        connection.execute(insert(runs).values(run))
        raise ZeroDivisionError
    with writing(state) as connection:
        assert connection.execute(select(runs)).all() == []
