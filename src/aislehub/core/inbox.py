"""The inbox: behaviour events on their way to becoming facts."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["EVENT_ID", "Inbox"]

EVENT_ID = "event_id"


class Inbox:
    """Events in one SQLite file, in the order they came; the same event id counts once."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._mine = threading.local()
        with self._writing() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS events"
                " (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, body TEXT, at TEXT)"
            )

    def add(self, events: Iterable[Mapping[str, Any]]) -> int:
        """Keep events (each with its `event_id`); returns how many were not known."""
        now = datetime.now(UTC).isoformat()
        rows = [(str(event[EVENT_ID]), json.dumps(event, default=str, ensure_ascii=False), now) for event in events]
        with self._writing() as connection:
            before = connection.total_changes
            connection.executemany("INSERT OR IGNORE INTO events (id, body, at) VALUES (?, ?, ?)", rows)
            return connection.total_changes - before

    def span(self) -> tuple[int | None, int | None]:
        """Numbers of the oldest and of the newest event still waiting."""
        query = "SELECT (SELECT min(number) FROM events), (SELECT max(number) FROM events)"
        oldest, newest = self._reading().execute(query).fetchone()
        return oldest, newest

    def since(self, number: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """Events after `number` with theirs, oldest first."""
        query = "SELECT number, body FROM events WHERE number > ? ORDER BY number"
        return [(place, json.loads(body)) for place, body in self._reading().execute(query, (number,))]

    def remove(self, up_to: int) -> int:
        """Forget events that have become facts."""
        with self._writing() as connection:
            return connection.execute("DELETE FROM events WHERE number <= ?", (up_to,)).rowcount

    def erase(self, is_gone: Callable[[Mapping[str, Any]], bool]) -> int:
        """Forget the events for which `is_gone` holds, their bytes too, wherever they wait; returns how many.

        The others get new numbers, so that whoever holds events read before sees that some are gone.
        """
        with closing(self._open()) as connection:
            connection.execute("PRAGMA secure_delete=ON")
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                rows = connection.execute("SELECT id, body, at FROM events ORDER BY number").fetchall()
                kept = [row for row in rows if not is_gone(json.loads(row[1]))]
                if len(kept) < len(rows):
                    connection.execute("DELETE FROM events")
                    connection.executemany("INSERT INTO events (id, body, at) VALUES (?, ?, ?)", kept)
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return len(rows) - len(kept)

    def _reading(self) -> sqlite3.Connection:
        """This thread's connection: opening one costs more than a look at the inbox does."""
        if not hasattr(self._mine, "connection"):
            self._mine.connection = self._open()
        connection: sqlite3.Connection = self._mine.connection
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with closing(self._open()) as connection, connection:
            yield connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30)
        connection.execute("PRAGMA journal_mode=WAL")
        return connection
