"""The same search in other processes beside this one, with other seeds: all go on from the best roster of any.

Processes are spawned, so a script that asks for them needs the usual `if __name__ == "__main__":`. They end with the
process that began them, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from aislehub.store.roster.arrays import Lines, Numbers, arrays_of
from aislehub.store.roster.improve import Exchange, improve
from aislehub.store.roster.lines import Planner
from aislehub.store.roster.master import Line
from aislehub.store.roster.pool import Pool
from aislehub.store.roster.problem import Problem

__all__ = ["Search", "beside"]


@dataclass(frozen=True)
class Search:
    """All that a search in another process begins with; see `improve`."""

    problem: Problem
    prices: Numbers
    known: list[Line]
    lines: Lines
    floor: float
    seconds: float
    seed: int


@contextmanager
def beside(searches: list[Search]) -> Iterator[Exchange]:
    """Run these searches; what is yielded tells them of a roster and returns the best of all."""
    context = multiprocessing.get_context("spawn")
    processes, ends = [], []
    try:
        for search in searches:
            own, other = context.Pipe()
            process = context.Process(target=_run, args=(search, other), daemon=True)
            process.start()
            other.close()
            processes.append(process)
            ends.append(own)
        yield _Mail(ends)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


class _Mail:
    """Sends what is better than before, and keeps the best that came."""

    def __init__(self, ends: list[Connection]) -> None:
        self._ends = ends
        self._sent: float | None = None

    def __call__(self, lines: Lines, cost: float) -> tuple[Lines, float]:
        for end in list(self._ends):
            try:
                while end.poll():
                    other, found = end.recv()
                    if found < cost:
                        lines, cost = other, found
                if self._sent is None or cost < self._sent:
                    end.send((lines, cost))
            except (EOFError, OSError):  # the other has found the best, or was killed: what it found is known or lost
                self._ends.remove(end)
        self._sent = cost if self._sent is None else min(cost, self._sent)
        return lines, cost


def _run(search: Search, end: Connection) -> None:
    """One search, in its own process."""
    stop = time.monotonic() + search.seconds
    threading.Thread(target=_end_with_parent, daemon=True).start()
    arrays = arrays_of(search.problem)
    pool = Pool(arrays, search.prices)
    pool.add(search.known)
    improve(
        arrays, Planner(arrays), pool, search.lines, floor=search.floor, end=stop,
        chance=random.Random(search.seed), exchange=_Mail([end]),
    )  # fmt: skip


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
