"""Work by key gives the same in one process and in several, and a dead worker costs only what it had in hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aislehub.core.errors import HubError
from aislehub.core.fanout import fan_out

WORKER = Path(__file__).with_name("fanout_worker.py")


def played(scene: str, folder: Path, *keys: str, timeout: float = 120) -> str:
    """What fanout_worker printed: the result or the error of one fan_out over `keys`."""
    done = subprocess.run(
        [sys.executable, WORKER, scene, folder, *keys], capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def runs(folder: Path) -> dict[str, int]:
    """How often the work on each key was begun."""
    return {file.name: len(file.read_text()) for file in folder.iterdir()}


def test_in_one_process_keys_come_in_order_and_once() -> None:
    """Without workers the function is called in this process; a repeated key is worked once."""
    called: list[str] = []

    def work(key: str) -> str:
        called.append(key)
        return key.upper()

    assert list(fan_out(work, ["b", "a", "b"]).items()) == [("b", "B"), ("a", "A")]
    assert called == ["b", "a"]
    assert fan_out(work, []) == {}


def test_processes_give_what_one_process_gives(tmp_path: Path) -> None:
    """The same results in the order of the keys, each key worked once."""
    assert played("work", tmp_path, "c", "a", "b", "d") == "{'c': 'C', 'a': 'A', 'b': 'B', 'd': 'D'}"
    assert runs(tmp_path) == dict.fromkeys("abcd", 1)


def test_a_worker_that_dies_once_is_replaced(tmp_path: Path) -> None:
    """Only keys without a result are worked again, and the results are complete."""
    assert played("die_once", tmp_path, "a", "b", "x", "c", "d", "e") == (
        "{'a': 'A', 'b': 'B', 'x': 'X', 'c': 'C', 'd': 'D', 'e': 'E'}"
    )
    begun = runs(tmp_path)
    assert begun["x"] == 2
    assert sum(begun.values()) <= 8  # the other worker may have had one key in hand


def test_a_key_that_always_kills_its_worker_is_named(tmp_path: Path) -> None:
    """It gets three tries, two of them with no other key beside it; then the error names it."""
    told = played("die_always", tmp_path, "a", "x", "b")
    assert told.startswith("fanout.died") and "died 2 times on key x" in told
    assert runs(tmp_path)["x"] == 3


def test_several_keys_may_die_once_each(tmp_path: Path) -> None:
    """Deaths are counted by key: bad luck with one does not condemn another."""
    assert played("die_once", tmp_path, "x1", "x2", "x3", "x4") == "{'x1': 'X1', 'x2': 'X2', 'x3': 'X3', 'x4': 'X4'}"


def test_an_exception_comes_through_at_once(tmp_path: Path) -> None:
    """The function's own error arrives as it was, and keys not begun by then are left alone."""
    told = played("fail", tmp_path, "x", *(f"k{number}" for number in range(40)))
    assert told == "file.missing There is no file x."
    assert len(runs(tmp_path)) < 20


def test_an_error_keeps_its_facts_in_one_process() -> None:
    """Serial work raises the very error of the function."""

    def work(key: str) -> None:
        raise HubError("file.missing", file=key)

    with pytest.raises(HubError, match="no file x"):
        fan_out(work, ["x"])
