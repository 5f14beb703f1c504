"""One fan_out whose work may die or fail: a script that test_fanout runs, since workers import what they run.

python tests/core/fanout_worker.py SCENE FOLDER KEY...
"""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from aislehub.core.errors import HubError
from aislehub.core.fanout import fan_out


def begin(folder: Path, key: str) -> int:
    """Note that the work on `key` begins; returns the how-manieth time that is."""
    with (folder / key).open("a") as file:
        file.write("+")
    return len((folder / key).read_text())


def work(folder: Path, key: str) -> str:
    """Work that ends well."""
    begin(folder, key)
    return key.upper()


def die_once(folder: Path, key: str) -> str:
    """Work that is killed at the first try on keys beginning with x."""
    if begin(folder, key) == 1 and key.startswith("x"):
        os.kill(os.getpid(), signal.SIGKILL)
    return key.upper()


def die_always(folder: Path, key: str) -> str:
    """Work that is killed at every try on x."""
    begin(folder, key)
    if key == "x":
        os.kill(os.getpid(), signal.SIGKILL)
    return key.upper()


def fail(folder: Path, key: str) -> str:
    """Work that refuses x and takes its time on the others."""
    begin(folder, key)
    if key == "x":
        raise HubError("file.missing", file=key)
    time.sleep(0.2)
    return key.upper()


if __name__ == "__main__":
    scene = {function.__name__: function for function in (work, die_once, die_always, fail)}[sys.argv[1]]
    try:
        print(fan_out(partial(scene, Path(sys.argv[2])), sys.argv[3:], workers=2))
    except HubError as error:
        print(error.code, error)
