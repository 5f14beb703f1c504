"""The log: one JSON object a line, each with the run's id, in `log/` of the home folder.

People see warnings and errors on standard error; everything else is for machines and for the day after.
"""

from __future__ import annotations

import json
import logging
import sys
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

__all__ = ["logger", "new_run", "run_id", "start_log"]

_run: ContextVar[str] = ContextVar("run", default="")
_STANDARD = frozenset(vars(logging.makeLogRecord({})))
logger = logging.getLogger("aislehub")


def new_run() -> str:
    """Begin a run: every log line from here on carries its id."""
    _run.set(uuid.uuid4().hex[:12])
    return _run.get()


def run_id() -> str:
    """The id of the run in force."""
    return _run.get() or new_run()


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(), "run": run_id(), "event": record.getMessage(),
        }  # fmt: skip
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def start_log(home: Path) -> None:
    """Write the log of this process to `home/log/hub.jsonl` (10 MB a file, 5 files kept).

    A disk too full or a folder too closed for a log must not stop the work: the log then goes to standard error.
    """
    if logger.handlers:
        return
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler: logging.Handler
    try:
        (home / "log").mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(home / "log" / "hub.jsonl", maxBytes=10_000_000, backupCount=5, encoding="utf-8")
    except OSError as error:
        handler = logging.StreamHandler(sys.stderr)
        handler.setLevel(logging.WARNING)
        print(f"aislehub: no log file: {error}", file=sys.stderr)
    handler.setFormatter(_Json())
    logger.addHandler(handler)
