"""The log: one JSON object a line, with the run's id; a log that cannot be written stops nobody."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from aislehub.core.log import logger, new_run, run_id, start_log


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A logger without handlers before and after."""
    before, propagate = logger.handlers[:], logger.propagate
    logger.handlers.clear()
    logger.propagate = True
    yield
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:], logger.propagate = before, propagate


def lines(home: Path) -> list[dict[str, str]]:
    """What was logged."""
    return [json.loads(line) for line in (home / "log" / "hub.jsonl").read_text(encoding="utf-8").splitlines()]


def test_each_line_is_an_object_with_the_run(tmp_path: Path) -> None:
    """Time, level, run, event and whatever was added, dates and Chinese too."""
    start_log(tmp_path)
    first = new_run()
    logger.info("step", extra={"step": "sums", "rows": 3, "day": date(2017, 11, 5)})
    second = new_run()
    logger.warning("店 %s", "S1")
    one, two = lines(tmp_path)
    assert one | {"at": ""} == {
        "at": "", "level": "info", "run": first, "event": "step", "step": "sums", "rows": 3, "day": "2017-11-05"
    }  # fmt: skip
    assert datetime.fromisoformat(one["at"]).utcoffset() is not None
    assert (two["run"], two["event"], two["level"]) == (second, "店 S1", "warning")
    assert first != second == run_id()


def test_an_exception_is_one_line(tmp_path: Path) -> None:
    """The traceback is a field, so that a line stays a line."""
    start_log(tmp_path)
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        logger.exception("failed")
    (line,) = lines(tmp_path)
    assert "ZeroDivisionError: by zero" in line["error"]


def test_starting_twice_writes_once(tmp_path: Path) -> None:
    """A process that opens the hub again does not log each line twice."""
    start_log(tmp_path)
    start_log(tmp_path)
    logger.info("once")
    assert len(lines(tmp_path)) == 1


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the folder cannot be made, warnings go to standard error, and nothing to standard output."""
    (tmp_path / "log").write_text("a file where the folder should be")
    start_log(tmp_path)
    logger.info("not shown")
    logger.warning("shown")
    out, err = capsys.readouterr()
    assert out == "" and "no log file" in err and "shown" in err and "not shown" not in err
    assert logger.level == logging.INFO
