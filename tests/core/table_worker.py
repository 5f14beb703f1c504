"""Processes that write and read one table at once, some of them killed: a script that test_tables runs.

A process of its own, so that its forks come from one that has imported everything and started no thread.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa

from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError
from aislehub.core.tables import Tables

LINES = Contract(
    "lines", "A line of a receipt",
    (Column("line", "int", "Number"), Column("text", "text", "What it says")),
    key="line",
)  # fmt: skip
PARCELS, PARCEL = 6, 2000


def parcel(number: int) -> pa.Table:
    """Rows that are appended together."""
    lines = range(number * PARCEL, (number + 1) * PARCEL)
    return LINES.check(pa.table({"line": lines, "text": [f"line {line}" for line in lines]})).good


def open_tables(folder: Path) -> Tables:
    """The one table in `folder`."""
    return Tables(folder, {"lines": LINES})


def fork(work: Callable[[], None]) -> int:
    """Start `work` in a child; its exit code is 1 when it raises."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def join(children: list[int]) -> None:
    """Wait for all; raise when one has failed."""
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert not any(codes), codes


def write(folder: Path) -> None:
    """Append all parcels, one after the other."""
    tables = open_tables(folder)
    for number in range(PARCELS):
        tables.append("lines", parcel(number))


def read(folder: Path) -> None:
    """Read until all is written: whole parcels each time, and never fewer than before."""
    tables, seen = open_tables(folder), 0
    while seen < PARCELS * PARCEL:
        rows = tables.fetch("lines")
        distinct = len(rows["line"].unique())
        assert rows.num_rows == distinct and distinct % PARCEL == 0 and distinct >= seen, (
            rows.num_rows,
            distinct,
            seen,
        )
        seen = distinct


def kill(folder: Path) -> None:
    """Kill a writer at random moments, then let one finish."""
    chance = random.Random(7)
    for _ in range(15):
        child = fork(lambda: write(folder))
        time.sleep(chance.uniform(0.01, 0.5))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    join([fork(lambda: write(folder))])


def fill(folder: Path) -> None:
    """Append more than may be written to one file: what a full disk does."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    tables = open_tables(folder)
    tables.append("lines", parcel(0))
    before = tables.version("lines")
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    try:
        tables.append("lines", parcel(1))
    except HubError as error:
        (folder / "refused").write_text(str(error))
    assert tables.version("lines") == before and open_tables(folder).count("lines") == PARCEL


def crowd(folder: Path) -> None:
    """Two writers of the same rows and two readers at once."""
    join([fork(partial(work, folder)) for work in (read, read, write, write)])


def main(home: Path) -> None:
    """Play every scene in a folder of its own; one JSON object tells how each went."""
    scenes = {"crowd": crowd, "kill": kill, "full": lambda folder: join([fork(lambda: fill(folder))])}
    told = {}
    for name, play in scenes.items():
        try:
            play(home / name)
            told[name] = "ok"
        except AssertionError as error:
            told[name] = f"child's exit codes: {error}"
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
