"""Runs a business day in children of a warm process and kills each at a random moment, then lets one finish.

    python tests/day_killer.py HOME DAY KILLS SECONDS SEED

A script of its own, so that the forks come from a process that has imported everything and started no thread.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from datetime import date
from pathlib import Path

import aislehub.data.ingest
import aislehub.serve.plan  # noqa: F401 - imported before the forks, so that a child starts at once
from aislehub.core.hub import open_hub


def run_day(home: Path, day: date) -> None:
    """The child's work."""
    with open_hub(home) as hub:
        report = hub.run_day(day)
    os._exit(1 if report.failed else 0)


def main(home: Path, day: date, kills: int, seconds: float, seed: int) -> int:
    """Kill `kills` children at random moments of a day that takes `seconds`; returns the exit code of the one that may
    finish.

    A child goes on where the one before was killed. So the moments are random in the first half of these seconds, one
    in each of `kills` equal parts, in random order: together they go twice through the day. A child that is done before
    its moment is not waited for.
    """
    chance = random.Random(seed)
    moments = [max(0.02, (part + chance.random()) * seconds / 2 / kills) for part in range(kills)]
    chance.shuffle(moments)
    for moment in [*moments, None]:
        child = os.fork()
        if child == 0:
            run_day(home, day)
        if moment is not None:
            _wait(child, moment)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _wait(child: int, seconds: float) -> None:
    """Until the child has ended, which it stays to be told, or these seconds are over."""
    over = time.monotonic() + seconds
    while time.monotonic() < over and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(
        main(Path(sys.argv[1]), date.fromisoformat(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
    )
