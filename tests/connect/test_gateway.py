"""A gateway gets each message signed, under an id that a repeated one has again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from aislehub.connect.gateway import Gateway, GatewaySettings
from aislehub.core.errors import HubError
from tests.connect import mail_sender
from tests.connect.mail_sender import SECRET, House


class Receiver(BaseHTTPRequestHandler):
    """Keeps what is posted, checks the signature, answers as it is told."""

    posted: list[tuple[str, dict[str, Any]]]
    answers: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        id, moment = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        signed = hmac.new(SECRET.encode(), f"{id}.{moment}.".encode() + body, hashlib.sha256).digest()
        assert self.headers["webhook-signature"] == f"v1,{base64.b64encode(signed).decode()}"
        status = self.answers.pop(0) if self.answers else 204
        if status == 204:
            self.posted.append((id, json.loads(body)))
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing on standard error."""


@pytest.fixture
def gateway() -> Iterator[tuple[Gateway, type[Receiver]]]:
    """A gateway at a real address, and its receiver."""
    made = type("Mine", (Receiver,), {"posted": [], "answers": []})
    server = HTTPServer(("127.0.0.1", 0), made)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = GatewaySettings.made_of(
        {"url": f"http://127.0.0.1:{server.server_port}/messages", "secret": SECRET, "attempts": 1}
    )
    yield Gateway(settings), made
    server.shutdown()
    server.server_close()


def test_each_member_is_one_signed_post(tmp_path: Path, gateway: tuple[Gateway, type[Receiver]]) -> None:
    """One post a member, in their language, with the id of the message."""
    outlet, receiver = gateway
    house = House(tmp_path)
    id = house.approve("coffee", 3, channel="webhook")
    house.send({"webhook": outlet})
    assert {event["data"]["customer"] for _, event in receiver.posted} == {"t0", "t1", "t2"}
    assert {mine for mine, _ in receiver.posted} == {row["id"] for row in house.sends.of(id, "sent")}
    chinese = next(event for _, event in receiver.posted if event["data"]["customer"] == "t1")
    assert chinese["data"]["text"] == "欢迎光临：2 for 1，至 2026-11-02。"


def test_what_a_crash_left_in_flight_is_posted_under_the_same_id(
    tmp_path: Path, gateway: tuple[Gateway, type[Receiver]]
) -> None:
    """Claimed but not noted as sent: posted again, for the gateway knows a repeated id."""
    outlet, receiver = gateway
    house = House(tmp_path)
    id = house.approve("coffee", 2, channel="webhook")
    receiver.answers = [503, 503]
    with pytest.raises(HubError) as waits:
        house.send({"webhook": outlet})
    assert waits.value.facts["waiting"] == 2
    ids = [row["id"] for row in house.sends.of(id)]
    house.sends.settle({ids[0]: ("sending", "")})
    house.send({"webhook": outlet})
    assert sorted(mine for mine, _ in receiver.posted) == sorted(ids)
    assert house.sends.counts(id) == {"sent": 2}


def test_killed_at_any_moment_each_message_is_one_id(tmp_path: Path) -> None:
    """Killed while posting 30 messages: every member is posted, a repeated one under the id it had."""
    made = type("Slow", (Receiver,), {"posted": [], "answers": []})
    server = HTTPServer(("127.0.0.1", 0), made)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    house = House(tmp_path)
    id = house.approve("coffee", 30, channel="webhook")
    script = [sys.executable, mail_sender.__file__, str(tmp_path), "webhook", str(server.server_port)]
    sending, started = subprocess.Popen(script), time.monotonic()
    while len(made.posted) < 4 and sending.poll() is None and time.monotonic() - started < 60:
        time.sleep(0.005)
    sending.kill()
    sending.wait()
    killed = len(made.posted)
    house.send({"webhook": mail_sender.gateway(server.server_port)})
    server.shutdown()
    server.server_close()
    assert 4 <= killed < 30 <= len(made.posted) <= 31
    members = {mine: event["data"]["customer"] for mine, event in made.posted}
    assert len(members) == len(set(members.values())) == 30
    assert house.sends.counts(id) == {"sent": 30}


def test_without_an_address_or_a_secret_nothing_is_posted() -> None:
    """Both are said."""
    with pytest.raises(HubError) as none:
        Gateway(GatewaySettings())
    with pytest.raises(HubError) as short:
        Gateway(GatewaySettings.made_of({"url": "https://gateway.example", "secret": "short"}))
    assert (none.value.code, short.value.code) == ("gateway.none", "webhook.secret")
