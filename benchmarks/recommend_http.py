"""Recommendations over HTTP: ranked answers a second and their waiting times, from `aislehub serve` with two processes.

Every request is for another member, so that nobody's answer is ready; one request in twenty follows an event of that
member. The load comes from threads of this process on the same machine, so the two cores are shared with it. Baselines
in the same run: the answer for nobody in particular (no ranking), and the health check (the web server alone).
"""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGTERM
from typing import Any

from aislehub.core.hub import open_hub
from aislehub.serve.auth import create_token, ensure_admin
from aislehub.serve.commands.demo import DEMO_DAY, load_demo, prepare_home

__all__ = ["run"]

Row = dict[str, Any]
WORKERS = 2
EVENT_EVERY = 20


@dataclass(frozen=True)
class Load:
    """What is asked: requests in all, connections at once, and the fields of each request besides the member."""

    model: str
    requests: int
    connections: int
    fields: dict[str, Any] | None


LOADS = (
    Load("recommend", 3000, 8, {"reasons": False}),
    Load("recommend_one_by_one", 500, 1, {"reasons": False}),
    Load("recommend_with_reasons", 600, 2, {"reasons": True}),
    Load("popular", 3000, 8, {"personalised": False, "reasons": False}),
    Load("health", 3000, 8, None),
)


def run(data: Path | None, *, quick: bool = False) -> list[Row]:
    """Rows per load: answers a second, median and 99 % quantile of the waiting time in ms, failures.

    Args:
        data: a home whose business day was run; None = the demo's, which takes minutes to make.
        quick: a tenth of the requests.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = data or _demo(Path(folder))
        with open_hub(home) as hub:
            ensure_admin(hub.state)
            token = create_token(hub.state, "admin", "benchmark", days=1)
            bought = hub.tables.run(
                lambda t: (s := t.read("sales_lines")).filter(s.customer.notnull())[["customer"]].distinct()
            )
        members = sorted(bought["customer"].to_pylist())
        random.Random(0).shuffle(members)
        port = _free_port()
        server = _serve(home, port)
        try:
            _wait(port, token)
            rows = [row for load in LOADS for row in _measured(load, port, token, members, 10 if quick else 1)]
        finally:
            server.send_signal(SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                server.wait(30)
            server.kill()
    return rows


def _demo(home: Path) -> Path:
    prepare_home(home)
    os.environ["AISLEHUB_HOME"] = str(home)
    with open_hub(home) as hub:
        load_demo(hub)
        hub.run_day(DEMO_DAY.date())
    return home


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serve(home: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "aislehub.serve.cli", "--home", str(home), "serve", "--port", str(port)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*command, "--workers", str(WORKERS)], env=environment, stdout=subprocess.DEVNULL)


def _wait(port: int, token: str) -> None:
    """Until every process has loaded its snapshot: answers come quickly many times in a row."""
    until, quick = time.monotonic() + 180, 0
    while quick < 20 * WORKERS and time.monotonic() < until:
        started = time.perf_counter()
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            status, _ = _post(connection, token, "/api/answers/recommend", {})
            connection.close()
            if status == 200:
                quick = quick + 1 if time.perf_counter() - started < 0.5 else 0
                continue
        time.sleep(0.5)


def _post(connection: http.client.HTTPConnection, token: str, path: str, body: Any) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    return response.status, response.read()


def _measured(load: Load, port: int, token: str, members: Sequence[str], share: int) -> list[Row]:
    waited: list[float] = []
    failed: list[int] = []
    each = load.requests // load.connections // share

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for place in range(each):
            member = members[(number * each + place) % len(members)]
            body = None if load.fields is None else load.fields | {"customer": member}
            if body is not None and place % EVENT_EVERY == 0:
                _view(connection, token, member, f"{load.model}-{number}-{place}")
            started = time.perf_counter()
            path = "/api/health" if body is None else "/api/answers/recommend"
            status, told = _post(connection, token, path, body)
            waited.append(time.perf_counter() - started)
            if status != 200 or (body is not None and not json.loads(told)["items"]):
                failed.append(status)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(load.connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    waited.sort()
    figures = {
        "answers_per_s": len(waited) / seconds, "p50_ms": waited[len(waited) // 2] * 1e3,
        "p99_ms": waited[int(len(waited) * 0.99)] * 1e3, "failed": float(len(failed)),
    }  # fmt: skip
    return [
        {"bench": "recommend_http", "data": f"{load.connections} connections", "model": load.model, "metric": metric,
         "value": round(value, 2), "low": None, "high": None, "cpu_s": None, "peak_mb": None}
        for metric, value in figures.items()
    ]  # fmt: skip


def _view(connection: http.client.HTTPConnection, token: str, member: str, number: str) -> None:
    """The member looks at what is recommended to them."""
    _, told = _post(connection, token, "/api/answers/recommend", {"customer": member, "count": 1, "reasons": False})
    event = {"event_id": f"bench-{number}", "at": datetime.now(UTC).isoformat(), "kind": "view", "customer": member,
             "item": json.loads(told)["items"][0]["item"], "source": "simulated: benchmark"}  # fmt: skip
    _post(connection, token, "/api/events", {"events": [event]})
