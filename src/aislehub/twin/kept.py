"""Runs of the twin that somebody asked for at a page: carried out one at a time in a process of their own, and kept.

A run is a folder in `twin/` of the house's folder: `asked.json` (what, who, when), `progress.json`, and in the end
`end.json` with the result or the reason for none. The process holds the folder's lock as long as it works, so a run
whose process was killed is told from one that is under way.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from aislehub.core.errors import HubError
from aislehub.core.hub import open_hub
from aislehub.core.log import logger
from aislehub.twin.request import Request, answered

__all__ = ["Kept", "ask", "carry_out", "find", "kept", "stop"]

MOST = 30  # runs that are kept
STARTS_WITHIN = 60.0  # seconds in which a process has begun
TOLD_EVERY = 0.5  # seconds


@dataclass(frozen=True)
class Kept:
    """One run.

    Attributes:
        state: `waiting` until its process has begun, `running`, `done`, `failed` for a reason, `stopped` by somebody,
            `lost` where the process ended without a word.
        share: that is done, 0 … 1; about: policy, number of the chain, seeds and day that are under way.
        result: what `answered` returned, when done.
        error: code and facts of the reason, when failed.
        seconds: it took, or has taken so far.
    """

    id: str
    request: Request
    who: str
    at: datetime
    state: str
    share: float
    about: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error: HubError | None
    seconds: float

    @property
    def under_way(self) -> bool:
        return self.state in ("waiting", "running")


def ask(home: Path, request: Request, *, who: str) -> str:
    """Begin a run in a process of its own; returns its id.

    Raises:
        HubError: `twin.busy` while another one is under way.
    """
    folder = home / "twin"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".asking"):
        runs = kept(home)
        for run in runs:
            if run.under_way:
                raise HubError("twin.busy", who=run.who, share=f"{run.share:.0%}")
        for run in runs[MOST - 1 :]:
            shutil.rmtree(folder / run.id)
        now = datetime.now(UTC)
        id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        (folder / id).mkdir()
        _write(folder / id / "asked.json", {"request": request.told(), "who": who, "at": now.isoformat()})
    process = subprocess.Popen(
        [sys.executable, "-m", "aislehub.twin.work", str(home), id], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    threading.Thread(target=process.wait, daemon=True).start()  # so that nothing is left of it when it ends
    return id


def carry_out(home: Path, id: str) -> None:
    """What the process does: answer the request, tell how far it is, and keep the end."""
    folder = home / "twin" / id
    with FileLock(folder / ".lock", timeout=10):
        request = Request.of(_read(folder / "asked.json")["request"])
        begun, told = time.time(), 0.0

        def progress(share: float, about: Mapping[str, Any]) -> None:
            nonlocal told
            if time.monotonic() - told < TOLD_EVERY:
                return
            told = time.monotonic()
            if (folder / "stop.json").exists():
                raise HubError("twin.stopped", **_read(folder / "stop.json"))
            _write(folder / "progress.json", {"share": share, "about": dict(about), "seconds": time.time() - begun})

        try:
            with open_hub(home) as hub:
                end: dict[str, Any] = {"result": answered(request, hub.tables, hub.registry, progress)}
        except HubError as error:
            end = {"error": {"code": error.code, "facts": {name: str(fact) for name, fact in error.facts.items()}}}
        except Exception as error:
            logger.exception("run of the twin failed")
            end = {"error": {"code": "twin.run_failed", "facts": {"why": f"{type(error).__name__}: {error}"}}}
        _write(folder / "end.json", end | {"seconds": time.time() - begun})


def kept(home: Path) -> list[Kept]:
    """All runs, the newest first."""
    folders = sorted((home / "twin").glob("*/asked.json"), reverse=True)
    return [_kept(path.parent) for path in folders]


def find(home: Path, id: str) -> Kept:
    """One run; the id is looked up, never made into a path.

    Raises:
        HubError: `twin.no_run`.
    """
    for run in kept(home):
        if run.id == id:
            return run
    raise HubError("twin.no_run", run=id)


def stop(home: Path, id: str, *, who: str) -> None:
    """Ask a run that is under way to end; it does at the next day that it lives.

    Raises:
        HubError: `twin.no_run`.
    """
    if find(home, id).under_way:
        _write(home / "twin" / id / "stop.json", {"who": who})


def _kept(folder: Path) -> Kept:
    asked = _read(folder / "asked.json")
    at = datetime.fromisoformat(asked["at"])
    holds = not (folder / "end.json").exists() and _is_held(folder / ".lock")
    end = _read(folder / "end.json")  # after the look at the lock, which is held until the end is written
    progress: dict[str, Any] = {"share": 0.0, "about": {}, "seconds": 0.0} | _read(folder / "progress.json")
    told = end.get("error")
    if end:
        state = "done" if not told else "stopped" if told["code"] == "twin.stopped" else "failed"
    elif holds:
        state = "running"
    else:
        state = "waiting" if (datetime.now(UTC) - at).total_seconds() < STARTS_WITHIN else "lost"
    return Kept(
        id=folder.name, request=Request.of(asked["request"]), who=asked["who"], at=at, state=state,
        share=1.0 if state == "done" else progress["share"], about=progress["about"], result=end.get("result"),
        error=HubError(told["code"], **told["facts"]) if told else None,
        seconds=end.get("seconds", progress["seconds"]),
    )  # fmt: skip


def _is_held(lock: Path) -> bool:
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _write(path: Path, document: Mapping[str, Any]) -> None:
    """Written beside and renamed, so that nobody reads half of it."""
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    fresh.replace(path)
