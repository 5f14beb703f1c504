"""Per-key work, serially or in processes; a worker that dies costs only the keys it had not finished."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from aislehub.core.errors import HubError

__all__ = ["fan_out"]

_DEATHS = 2  # of a worker with no other key beside it, before its key is given up
Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


def fan_out(function: Callable[[Key], Result], keys: Iterable[Key], *, workers: int = 1) -> dict[Key, Result]:
    """`{key: function(key)}` for every key, in the order of `keys`.

    Args:
        function: picklable (a module-level function or a `functools.partial` of one) when workers > 1.
        workers: 1 runs in this process; more use that many processes.

    Raises:
        HubError: `fanout.died` when a key's worker died twice with no other key beside it (killed, out of memory).
        Exception: what `function` itself raised, at once; keys not begun by then are left alone.
    """
    wanted = list(dict.fromkeys(keys))
    if workers <= 1:
        return {key: function(key) for key in wanted}
    done: dict[Key, Result] = {}
    deaths: Counter[Key] = Counter()
    alone = False
    while missing := [key for key in wanted if key not in done]:
        try:
            _run(function, missing, done, workers=1 if alone else workers)
        except BrokenProcessPool as error:
            if alone:  # one worker takes the keys in order, so the first without a result has killed it
                killer = next(key for key in missing if key not in done)
                deaths[killer] += 1
                if deaths[killer] == _DEATHS:
                    raise HubError("fanout.died", key=killer, times=_DEATHS) from error
            alone = True
    return {key: done[key] for key in wanted}


def _run(function: Callable[[Key], Result], keys: list[Key], done: dict[Key, Result], *, workers: int) -> None:
    # "spawn": a forked child would inherit DuckDB's and LightGBM's threads in mid-work and hang.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(function, key): key for key in keys}
        try:
            for future in as_completed(futures):
                done[futures[future]] = future.result()
        except BrokenProcessPool:
            for future, key in futures.items():
                if future.done() and future.exception() is None:
                    done[key] = future.result()
            raise
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
