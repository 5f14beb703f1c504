"""`aislehub serve` as it is started: several processes answer on one port, and stop together."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def healthy(port: int) -> bool:
    """Whether the hub answers there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == 200
    except (ConnectionError, TimeoutError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def alive(group: int) -> bool:
    """Whether a group of processes has any left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_so_many_processes_answer_and_end_together(tmp_path: Path) -> None:
    """The address is told, requests are answered, and a polite stop leaves no process behind."""
    port = free_port()
    command = [sys.executable, "-m", "aislehub.serve.cli", "--home", str(tmp_path), "serve",
               "--port", str(port), "--workers", "2"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as server:
        try:
            assert server.stdout is not None and f":{port}" in server.stdout.readline()
            until = time.monotonic() + 120
            while not healthy(port):
                assert server.poll() is None and time.monotonic() < until
                time.sleep(0.2)
            assert all(healthy(port) for _ in range(10))
            server.send_signal(signal.SIGTERM)
            server.wait(60)
            assert not healthy(port)
            while alive(server.pid):  # the one that counts what was shared ends a moment later
                assert time.monotonic() < until
                time.sleep(0.2)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
