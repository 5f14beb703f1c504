"""A federation on one machine: each party a process of its own, forked from one that has imported everything.

Fifty processes that each import the hub need 13 GB, and six busy minutes later none of them has connected yet. Forked
from one that has done so, and has started no thread, they share its memory and are there within seconds. They work on
their rows in turns, as many at a time as there are cores.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import multiprocessing
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from aislehub.core.errors import HubError
from aislehub.core.hub import open_hub
from aislehub.customer.federated.certificates import Identity, load_identity
from aislehub.customer.federated.hall import Hall, open_hall
from aislehub.customer.federated.seat import take_seat, tell
from aislehub.customer.federated.terms import Terms

__all__ = ["rehearse", "shared_seconds"]

Ended = TypeVar("Ended")
_LOCAL = "127.0.0.1"
_ORPHANED = 30  # seconds that parties look for a coordinator that is gone
_LEAST_MEMBERS = 20


def shared_seconds(seconds: float, parties: int) -> float:
    """What a party may take for an answer where all of them share this machine's cores."""
    return seconds * math.ceil(parties / _cores())


async def rehearse(
    home: Path, identity: Identity, folder: Path, seconds: float, run: Callable[[Hall], Awaitable[Ended]]
) -> Ended:
    """What `run` makes of a hall with every party in a process of its own.

    Args:
        home: of the hub whose rows the parties read.
        identity: the coordinator's.
        folder: holds `members/NAME`, a party's certificates, and `NAME.stores`; gets its `NAME.json` and `NAME.log`.
        seconds: to wait for the parties' reports when all is done.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([name for name in sys.modules if name.startswith("aislehub.")])
    turn = context.BoundedSemaphore(_cores())
    async with open_hall(identity, _LOCAL, tell=tell) as hall:
        processes = [
            context.Process(target=_party, args=(home, hall.port, folder, name, turn), name=name, daemon=True)
            for name in identity.parties
        ]
        watching: list[asyncio.Task[None]] = []
        try:
            for process in processes:
                process.start()
                watching.append(asyncio.create_task(_watch(hall, process, folder / f"{process.name}.log")))
            ended = await run(hall)
            await asyncio.wait(watching, timeout=seconds)
        finally:
            for process in processes[: len(watching)]:
                process.terminate()
            await asyncio.gather(*watching)
        return ended


def _party(home: Path, port: int, folder: Path, name: str, turn: AbstractContextManager[Any]) -> None:
    """One party, in its process; what it says goes to its log."""
    gc.freeze()  # collecting garbage would write to every page that the processes share
    with (folder / f"{name}.log").open("wb") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    stores = (folder / f"{name}.stores").read_text(encoding="utf-8").split("\n")
    try:
        with open_hub(home) as hub:
            report, has_learned = take_seat(
                hub, load_identity(folder / "members" / name), _LOCAL, port, stores=stores,
                terms=Terms(_LEAST_MEMBERS, None), wait=_ORPHANED, save=False, turn=turn,
            )  # fmt: skip
    except HubError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    (folder / f"{name}.json").write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
    sys.exit(0 if has_learned else 1)


async def _watch(hall: Hall, process: multiprocessing.process.BaseProcess, log: Path) -> None:
    """A process that ends before its time is not waited for, and what it said last is passed on."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(process.sentinel, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(process.sentinel)
    process.join()
    if not hall.is_over:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
        facts = {"party": process.name, "code": process.exitcode, "why": said[-1] if said else "—"}
        tell("federated.ended_early", facts)
        hall.give_up(process.name)


def _cores() -> int:
    return len(os.sched_getaffinity(0))
