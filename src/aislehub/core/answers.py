"""Answers in milliseconds: the same kind of pure function, asked one request at a time.

An answer reads a *snapshot* (its declared tables at one version, in memory, swapped when a new version
lands) and the *live* events that came in since. Events wait in the inbox, change the next answer at
once, and become facts at the next ingest.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from aislehub.core.errors import HubError, did_you_mean

__all__ = ["Answer", "Desk", "Inbox", "Live", "Snapshot", "answer"]


@dataclass(frozen=True)
class Snapshot:
    """The declared tables at one version; `index` holds what `prepare` made of them.

    `settled` names the events that these tables hold already, though they still wait in the inbox.
    """

    tables: Mapping[str, pd.DataFrame]
    versions: Mapping[str, int]
    index: Any = None
    settled: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]


@dataclass(frozen=True)
class Live:
    """Events received since the snapshot's facts."""

    events: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Answer:
    """A pure function `(request, snapshot, live) -> response` with the tables it needs.

    `prepare(tables)` builds lookups once per snapshot, so that one request costs one lookup.
    """

    function: Callable[[Mapping[str, Any], Snapshot, Live], Mapping[str, Any]]
    reads: tuple[str, ...]
    needs: tuple[str, ...]
    prepare: Callable[[Mapping[str, pd.DataFrame]], Any] | None

    @property
    def name(self) -> str:
        return self.function.__name__

    def __call__(self, request: Mapping[str, Any], snapshot: Snapshot, live: Live) -> Mapping[str, Any]:
        return self.function(request, snapshot, live)


def answer(
    reads: str, needs: str = "", prepare: Callable[[Mapping[str, pd.DataFrame]], Any] | None = None
) -> Callable[[Callable[..., Mapping[str, Any]]], Answer]:
    """Declare an answer: the tables it reads and the fields its request needs."""

    def decorate(function: Callable[..., Mapping[str, Any]]) -> Answer:
        return Answer(function, tuple(reads.split()), tuple(needs.split()), prepare)

    return decorate


class Inbox:
    """Behaviour events on their way to becoming facts, in one SQLite file; the same event id counts once."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with closing(self._open()) as connection, connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS events"
                " (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, body TEXT, at TEXT)"
            )

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30)
        connection.execute("PRAGMA journal_mode=WAL")
        return connection

    def add(self, events: Iterable[Mapping[str, Any]]) -> int:
        """Keep events (each with its `event_id`); returns how many were not known."""
        now = datetime.now(UTC).isoformat()
        rows = [(str(event["event_id"]), json.dumps(event, default=str, ensure_ascii=False), now) for event in events]
        with closing(self._open()) as connection, connection:
            before = connection.total_changes
            connection.executemany("INSERT OR IGNORE INTO events (id, body, at) VALUES (?, ?, ?)", rows)
            return connection.total_changes - before

    def since(self, number: int = 0) -> tuple[int, list[dict[str, Any]]]:
        """Events after `number`, oldest first, and the last number."""
        with closing(self._open()) as connection, connection:
            rows = connection.execute("SELECT number, body FROM events WHERE number > ? ORDER BY number", (number,))
            found = [(place, json.loads(body)) for place, body in rows]
        return (found[-1][0] if found else number), [event for _, event in found]

    def oldest(self) -> int | None:
        """The number of the oldest event still waiting."""
        with closing(self._open()) as connection, connection:
            return connection.execute("SELECT min(number) FROM events").fetchone()[0]

    def remove(self, up_to: int) -> int:
        """Forget events that have become facts."""
        with closing(self._open()) as connection, connection:
            return connection.execute("DELETE FROM events WHERE number <= ?", (up_to,)).rowcount


@dataclass
class Desk:
    """Answers requests from snapshots of the house's tables.

    Args:
        tables: the house's tables.
        answers: what can be asked, by name.
        inbox: live events.
        check_seconds: how often to look for a new version of the tables.
    """

    tables: Any
    answers: Mapping[str, Answer]
    inbox: Inbox
    check_seconds: float = 2.0
    _snapshots: dict[str, tuple[float, int | None, Snapshot]] = field(default_factory=dict, repr=False)
    _loading: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _reading: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _events: tuple[int | None, int, list[dict[str, Any]]] = (None, 0, [])

    def ask(self, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The response, with the table versions that it rests on.

        Raises:
            HubError: `answers.unknown`, `answers.request` when a needed field is missing.
        """
        if name not in self.answers:
            raise HubError("answers.unknown", answer=name, suggestion=did_you_mean(name, self.answers))
        asked = self.answers[name]
        for wanted in asked.needs:
            if request.get(wanted) in (None, ""):
                raise HubError("answers.request", field=wanted)
        # The inbox first: what an ingest took out of it by now is in the tables that are looked at next.
        oldest, events = self._waiting()
        with self._loading:
            snapshot = self._snapshot(asked, oldest, events)
        live = Live([event for event in events if event["event_id"] not in snapshot.settled])
        return {**asked(request, snapshot, live), "versions": dict(snapshot.versions)}

    def _waiting(self) -> tuple[int | None, list[dict[str, Any]]]:
        """All events of the inbox; only the new ones are read, unless an ingest has taken old ones away."""
        with self._reading:
            first, last, events = self._events
            oldest = self.inbox.oldest()
            if oldest != first:
                last, events = 0, []
            newest, more = self.inbox.since(last)
            self._events = oldest, newest, [*events, *more]
            return oldest, self._events[2]

    def _snapshot(self, asked: Answer, oldest: int | None, events: Sequence[Mapping[str, Any]]) -> Snapshot:
        """The snapshot held, unless it is time to look for a new version or an ingest has emptied the inbox."""
        held = self._snapshots.get(asked.name)
        if held and held[1] == oldest and time.monotonic() - held[0] < self.check_seconds:
            return held[2]
        versions = {name: self.tables.version(name) for name in asked.reads}
        if held and held[2].versions == versions:
            snapshot = held[2]
        else:
            frames = {name: self.tables.fetch(name).to_pandas() for name in asked.reads}
            snapshot = Snapshot(frames, versions, asked.prepare(frames) if asked.prepare else None)
        if held is None or snapshot is not held[2] or oldest != held[1]:
            snapshot = replace(snapshot, settled=self._settled(snapshot, events))
        self._snapshots[asked.name] = time.monotonic(), oldest, snapshot
        return snapshot

    def _settled(self, snapshot: Snapshot, events: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Events among the facts that waited in the inbox just now: an ingest is at work, or was cut off."""
        waiting = [event["event_id"] for event in (*events, *self.inbox.since(0)[1])]
        columns = [frame["event_id"] for frame in snapshot.tables.values() if "event_id" in frame]
        return frozenset(id for column in columns for id in column[column.isin(waiting)])
