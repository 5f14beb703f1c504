"""Answers in milliseconds: the same kind of pure function, asked one request at a time.

An answer reads a *snapshot* (its declared tables at one version, in memory, swapped when a new version
lands) and the *live* events that came in since. Events wait in the inbox, change the next answer at
once, and become facts at the next ingest. `desk.py` keeps the snapshots and puts the questions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["Answer", "Live", "Prepare", "Snapshot", "answer"]

Prepare = Callable[..., Any]
"""(tables by name, whichever it names of `policy`, `timezone` and `model` (the learned artifact's folder, None before
there is one)) → what a request looks things up in."""


@dataclass(frozen=True)
class Snapshot:
    """The declared tables at one version; of a step's results, the slice of the newest day.

    Attributes:
        tables: by name; none where `prepare` made an index of them, so that nothing is held twice.
        index: what `prepare` made of the tables.
        facts: sorted keys of the events that these tables hold: they are not live any more, though an ingest cut in
            half has left them in the inbox or a shop has sent them again.
        model: id of the learned artifact, empty without one.
    """

    tables: Mapping[str, pa.Table]
    versions: Mapping[str, int]
    index: Any = None
    facts: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64), repr=False)
    model: str = ""

    def __getitem__(self, name: str) -> pa.Table:
        return self.tables[name]


class Live:
    """Events received since the snapshot's facts, oldest first. They only grow, so that many may read meanwhile."""

    def __init__(self, events: Iterable[Mapping[str, Any]] = ()) -> None:
        self._events: list[Mapping[str, Any]] = list(events)
        self._by: dict[str, dict[Any, list[Mapping[str, Any]]]] = {}
        self._growing = threading.Lock()

    @property
    def events(self) -> Sequence[Mapping[str, Any]]:
        return self._events

    def of(self, name: str, value: Any) -> Sequence[Mapping[str, Any]]:
        """Events whose field `name` is `value`, oldest first: one look-up, however many events there are."""
        if name not in self._by:
            with self._growing:
                groups: dict[Any, list[Mapping[str, Any]]] = {}
                for event in self._events:
                    groups.setdefault(event.get(name), []).append(event)
                self._by[name] = groups
        return self._by[name].get(value, ())

    def add(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take in events that came later."""
        with self._growing:
            for event in events:
                self._events.append(event)
                for name, groups in self._by.items():
                    groups.setdefault(event.get(name), []).append(event)


@dataclass(frozen=True)
class Answer:
    """A pure function `(request, snapshot, live) -> response` with the tables it needs.

    `prepare(tables)` builds look-ups once per snapshot, so that one request costs one look-up.
    """

    function: Callable[[Mapping[str, Any], Snapshot, Live], Mapping[str, Any]]
    reads: tuple[str, ...]
    needs: tuple[str, ...]
    prepare: Prepare | None
    model: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    persons: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.function.__name__

    def __call__(self, request: Mapping[str, Any], snapshot: Snapshot, live: Live) -> Mapping[str, Any]:
        return self.function(request, snapshot, live)


def answer(
    reads: str, needs: str = "", prepare: Prepare | None = None, model: str | None = None,
    columns: Mapping[str, str] | None = None, persons: str = "",
) -> Callable[[Callable[..., Mapping[str, Any]]], Answer]:  # fmt: skip
    """Declare an answer.

    Args:
        reads: tables it reads.
        needs: fields that its request must have.
        prepare: makes of the tables what a request looks things up in.
        model: the learned model that it rests on.
        columns: table → the columns it needs of it; the others are not loaded.
        persons: fields of its request that name a person, of whom the response tells something.
    """

    def decorate(function: Callable[..., Mapping[str, Any]]) -> Answer:
        named = tuple(persons.split())
        return Answer(function, tuple(reads.split()), tuple(needs.split()), prepare, model, columns or {}, named)

    return decorate
