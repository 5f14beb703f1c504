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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.rowkeys import row_keys

__all__ = ["Answer", "Desk", "Inbox", "Live", "Snapshot", "answer"]

_EVENT = "event_id"
_NO_KEYS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Snapshot:
    """The declared tables at one version.

    Attributes:
        index: what `prepare` made of the tables.
        facts: sorted keys of the events that these tables hold: they are not live any more, though an ingest cut in
            half has left them in the inbox or a shop has sent them again.
    """

    tables: Mapping[str, pd.DataFrame]
    versions: Mapping[str, int]
    index: Any = None
    facts: np.ndarray = field(default_factory=lambda: _NO_KEYS, repr=False)

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
        rows = [(str(event[_EVENT]), json.dumps(event, default=str, ensure_ascii=False), now) for event in events]
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


@dataclass(frozen=True)
class _Waiting:
    """The inbox as it was read last: its events, their keys, and the numbers of the first and the last."""

    oldest: int | None
    newest: int = 0
    events: Sequence[Mapping[str, Any]] = ()
    keys: np.ndarray = field(default_factory=lambda: _NO_KEYS)

    def without(self, facts: np.ndarray) -> Sequence[Mapping[str, Any]]:
        """The events whose keys are not among `facts` (sorted)."""
        if not len(facts):
            return self.events
        places = np.minimum(np.searchsorted(facts, self.keys), len(facts) - 1)
        known = facts[places] == self.keys
        return [event for event, is_fact in zip(self.events, known, strict=True) if not is_fact]


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
    _waiting: _Waiting = field(default_factory=lambda: _Waiting(None), repr=False)

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
        waiting = self._read_inbox()
        with self._loading:
            snapshot = self._snapshot(asked, waiting.oldest)
        live = Live(waiting.without(snapshot.facts))
        return {**asked(request, snapshot, live), "versions": dict(snapshot.versions)}

    def _read_inbox(self) -> _Waiting:
        """All events of the inbox; only the new ones are read, unless an ingest has taken old ones away."""
        with self._reading:
            held, oldest = self._waiting, self.inbox.oldest()
            if oldest != held.oldest:
                held = _Waiting(oldest)
            newest, more = self.inbox.since(held.newest)
            if more or held is not self._waiting:
                keys = np.append(held.keys, _event_keys(pa.table({_EVENT: [event[_EVENT] for event in more]})))
                self._waiting = _Waiting(oldest, newest, [*held.events, *more], keys)
            return self._waiting

    def _snapshot(self, asked: Answer, oldest: int | None) -> Snapshot:
        """The snapshot held, unless it is time to look for a new version or an ingest has emptied the inbox."""
        held = self._snapshots.get(asked.name)
        if held and held[1] == oldest and time.monotonic() - held[0] < self.check_seconds:
            return held[2]
        versions = {name: self.tables.version(name) for name in asked.reads}
        if held and held[2].versions == versions:
            snapshot = held[2]
        else:
            read = {name: self.tables.fetch(name) for name in asked.reads}
            frames = {name: rows.to_pandas() for name, rows in read.items()}
            keys = [_event_keys(rows) for rows in read.values() if _EVENT in rows.column_names]
            facts = np.sort(np.concatenate([_NO_KEYS, *keys]))
            snapshot = Snapshot(frames, versions, asked.prepare(frames) if asked.prepare else None, facts)
        self._snapshots[asked.name] = time.monotonic(), oldest, snapshot
        return snapshot


def _event_keys(rows: pa.Table) -> np.ndarray:
    """int64 (n,): one number for each event id."""
    texts = rows.set_column(rows.column_names.index(_EVENT), _EVENT, rows[_EVENT].cast(pa.string()))
    return row_keys(texts, [_EVENT]).to_numpy()
