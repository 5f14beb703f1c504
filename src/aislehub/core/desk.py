"""The desk puts questions to answers: it keeps their snapshots, looks for new versions, and adds the live events.

A new version is loaded aside. The one held, with the events it has seen, goes on answering until then: it lacks
nothing, though an ingest has emptied the inbox meanwhile.
"""

from __future__ import annotations

import inspect
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aislehub.core.answers import Answer, Live, Prepare, Snapshot
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.inbox import EVENT_ID, Inbox
from aislehub.core.models import find_learned, learned_cards
from aislehub.core.rowkeys import row_keys
from aislehub.core.step import policy_of

__all__ = ["Desk"]

_NO_KEYS = np.empty(0, dtype=np.int64)
_LAST_DAY = "9999-12-31"


@dataclass
class _Waiting:
    """The inbox as it was read last: its events, oldest first, with their numbers and keys."""

    numbers: list[int] = field(default_factory=list)
    events: list[Mapping[str, Any]] = field(default_factory=list)
    keys: np.ndarray = field(default_factory=lambda: _NO_KEYS)

    @property
    def oldest(self) -> int | None:
        return self.numbers[0] if self.numbers else None

    @property
    def newest(self) -> int:
        return self.numbers[-1] if self.numbers else 0

    def add(self, read: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        """Take in events that came later."""
        self.numbers += [number for number, _ in read]
        self.events += [event for _, event in read]
        ids = pa.chunked_array([[event[EVENT_ID] for _, event in read]], pa.string())
        self.keys = np.append(self.keys, _event_keys(ids))

    def live(self, facts: np.ndarray, after: int = 0) -> list[Mapping[str, Any]]:
        """Events after that number whose keys are not among `facts` (sorted)."""
        first = bisect_right(self.numbers, after)
        events, keys = self.events[first:], self.keys[first:]
        if not len(facts) or not events:
            return events
        places = np.minimum(np.searchsorted(facts, keys), len(facts) - 1)
        return [event for event, is_fact in zip(events, facts[places] == keys, strict=True) if not is_fact]


@dataclass
class _Held:
    """What one answer is given from.

    Attributes:
        oldest: of the inbox when the snapshot was loaded; another one now means that an ingest has taken events away.
        seen: number of the last event that `live` took in or left out.
        looked: when it was last found to be the newest version, on the monotonic clock.
    """

    snapshot: Snapshot
    live: Live
    oldest: int | None
    seen: int
    looked: float

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to answer from, as before the first business day."""
        return self.snapshot.index is None and not self.snapshot.tables


@dataclass
class Desk:
    """Answers requests from snapshots of the house's tables.

    Args:
        tables: the house's tables.
        answers: what can be asked, by name.
        inbox: live events.
        models: folder of the learned models.
        home: where settings are read.
        screen: a request and which of its fields name a person → what of it may be answered now; it sees what no
            snapshot holds yet.
        check_seconds: how often to look for a new version of the tables.
        patience_seconds: how long the request that finds a new version waits for it before it takes the one held.
    """

    tables: Any
    answers: Mapping[str, Answer]
    inbox: Inbox
    models: Path | None = None
    home: Path | None = None
    screen: Callable[[Mapping[str, Any], Sequence[str]], Mapping[str, Any]] = lambda request, _: request
    check_seconds: float = 2.0
    patience_seconds: float = 0.02
    _held: dict[str, _Held] = field(default_factory=dict, repr=False)
    _loads: dict[str, Future[_Held]] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _waiting: _Waiting = field(default_factory=_Waiting, repr=False)
    _aside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "desk"), repr=False)

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
        held = self._current(asked)
        screened = self.screen(request, asked.persons)
        return {**asked(screened, held.snapshot, held.live), "versions": dict(held.snapshot.versions)}

    def warm(self) -> None:
        """Load what every answer needs, aside, so that the first who asks does not wait for all of it."""
        with self._lock:
            for name, asked in self.answers.items():
                if name not in self._held and name not in self._loads:
                    self._loads[name] = self._aside.submit(self._load, asked, None)

    def close(self) -> None:
        """Load nothing more."""
        self._aside.shutdown(cancel_futures=True)

    def live(self, name: str) -> Live:
        """The events that an answer would take in now."""
        return self._current(self.answers[name]).live

    def _current(self, asked: Answer) -> _Held:
        """What is held for an answer, renewed where it is time and that is quick, with every event of the inbox."""
        with self._lock:
            waiting = self._read_inbox()
            held, loading = self._held.get(asked.name), None
            has_none = held is None or held.is_empty
            is_due = held is None or has_none or time.monotonic() - held.looked >= self.check_seconds
            if held is None or is_due or held.oldest != waiting.oldest:
                is_mine = asked.name not in self._loads
                if is_mine:
                    self._loads[asked.name] = self._aside.submit(self._load, asked, held)
                if is_mine or has_none:
                    loading = self._loads[asked.name]
        if loading:
            held = self._awaited(loading, held)
        assert held is not None
        with self._lock:
            held.live.add(self._waiting.live(held.snapshot.facts, after=held.seen))
            held.seen = max(held.seen, self._waiting.newest)
        return held

    def _awaited(self, loading: Future[_Held], held: _Held | None) -> _Held:
        """What is being loaded; who asks while there is nothing waits for it, a later one only so long."""
        if held is None or held.is_empty:
            return loading.result()
        try:
            return loading.result(self.patience_seconds)
        except TooLong:
            return held

    def _load(self, asked: Answer, held: _Held | None) -> _Held:
        """The newest version of what an answer needs, or the one held where there is none newer."""
        try:
            with self._lock:  # the inbox first: what an ingest took out of it by now is in the tables looked at next
                waiting = self._read_inbox()
                oldest = waiting.oldest
            snapshot = self._snapshot(asked, held.snapshot if held else None)
            with self._lock:
                if held and held.snapshot is snapshot and held.oldest == oldest:
                    held.looked = time.monotonic()
                    return held
                live = Live(waiting.live(snapshot.facts))
                fresh = _Held(snapshot, live, oldest, waiting.newest, time.monotonic())
                self._held[asked.name] = fresh
                return fresh
        finally:
            with self._lock:
                del self._loads[asked.name]

    def _read_inbox(self) -> _Waiting:
        """The inbox: new events are added to those read before, unless an ingest has taken old ones away."""
        oldest, newest = self.inbox.span()
        if oldest != self._waiting.oldest:
            self._waiting = _Waiting()
        if newest is not None and newest > self._waiting.newest:
            self._waiting.add(self.inbox.since(self._waiting.newest))
        return self._waiting

    def _snapshot(self, asked: Answer, held: Snapshot | None) -> Snapshot:
        """The tables of an answer and what it made of them; `held` where nothing changed."""
        versions = {name: self.tables.version(name) for name in asked.reads}
        model = self._newest_model(asked)
        if held and held.versions == versions and held.model == model:
            return held
        tables = {name: self._rows(name, asked.columns.get(name, "")) for name in asked.reads}
        keys = [_event_keys(rows[EVENT_ID]) for rows in tables.values() if EVENT_ID in rows.column_names]
        facts = np.sort(np.concatenate([_NO_KEYS, *keys]))
        if asked.prepare is None:
            return Snapshot(tables, versions, None, facts, model)
        return Snapshot({}, versions, self._prepared(asked, asked.prepare, tables), facts, model)

    def _rows(self, name: str, columns: str) -> pa.Table:
        """Facts as they are known now; of a step's results the slice of the newest day."""
        contract = self.tables.contract(name)
        wanted = columns.split() or contract.schema.names

        def query(tables: Any) -> Any:
            rows = tables.read(name)
            return (rows if contract.is_fact else rows.filter(rows.day == rows.day.max())).select(*wanted)

        return self.tables.run(query)

    def _newest_model(self, asked: Answer) -> str:
        """Id of the newest learned version; empty before there is one."""
        cards = learned_cards(self.models, asked.model) if self.models and asked.model else []
        return cards[-1][0].id if cards else ""

    def _prepared(self, asked: Answer, prepare: Prepare, tables: Mapping[str, pa.Table]) -> Any:
        names, policy = inspect.signature(prepare).parameters, policy_of(prepare)
        learned = find_learned(self.models, asked.model, day=_LAST_DAY) if self.models and asked.model else None
        offered = {
            "timezone": self.tables.timezone,
            "model": learned[1] if learned else None,
            "policy": policy.load(self.home) if policy else None,
        }
        return prepare(tables, **{name: value for name, value in offered.items() if name in names})


def _event_keys(ids: pa.ChunkedArray) -> np.ndarray:
    """int64 (n,): one number for each event id."""
    return row_keys(pa.table({EVENT_ID: ids.cast(pa.string())}), [EVENT_ID]).to_numpy()
