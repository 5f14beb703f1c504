"""Searches in other processes help, and leave nothing behind."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from aislehub.store.roster.arrays import FREE, arrays_of
from aislehub.store.roster.beside import Search, beside
from aislehub.store.roster.lines import Planner
from aislehub.store.roster.nottingham import read_nottingham
from aislehub.store.roster.settle import nearest

KILLED = """
import multiprocessing, os, pickle, signal, sys
from pathlib import Path
from aislehub.store.roster.beside import beside
if __name__ == "__main__":
    with beside([pickle.loads(Path(sys.argv[1]).read_bytes())]):
        print(multiprocessing.active_children()[0].pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def search(path: Path) -> Search:
    """A search that nothing but its time ends: it looks for a roster of cost −1."""
    problem = read_nottingham(path)
    arrays = arrays_of(problem)
    lines = nearest(arrays, Planner(arrays), np.full(arrays.allowed.shape[:2], FREE))
    assert lines is not None
    return Search(problem, arrays.under / 2, [], lines, -1.0, 600.0, 0)


@pytest.mark.data
def test_what_another_process_finds_comes_back(data_folder: Path) -> None:
    """A roster of nobody's shifts is bettered by the search beside."""
    problem = search(data_folder / "rostering" / "Instance2.txt")
    cost = begun_with = arrays_of(problem.problem).cost(problem.lines)
    lines, end = problem.lines, time.monotonic() + 60
    with beside([problem]) as exchange:
        while cost == begun_with and time.monotonic() < end:
            lines, cost = exchange(lines, cost)
            time.sleep(0.1)
    assert cost < begun_with
    assert arrays_of(problem.problem).cost(lines) == cost


@pytest.mark.data
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc")
def test_it_ends_with_the_process_that_began_it(data_folder: Path, tmp_path: Path) -> None:
    """Even where that one is killed."""
    script, begun = tmp_path / "killed.py", tmp_path / "search"
    script.write_text(KILLED, encoding="utf-8")
    begun.write_bytes(pickle.dumps(search(data_folder / "rostering" / "Instance2.txt")))
    told = subprocess.run(
        [sys.executable, script, begun],
        capture_output=True, text=True, timeout=120, check=False, env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert told.stdout.strip().isdigit(), told.stderr
    process = Path("/proc") / told.stdout.strip() / "stat"
    end = time.monotonic() + 60
    while _runs(process) and time.monotonic() < end:
        time.sleep(0.1)
    assert not _runs(process)


def _runs(stat: Path) -> bool:
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
