"""Changes of alerts reach a receiver once each, signed, whatever it answers; what it cannot take waits."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import select, update

from aislehub.connect.webhook import Webhook, WebhookSettings
from aislehub.core.alerts import AlertFilter, Alerts
from aislehub.core.errors import HubError
from aislehub.core.notices import Told, tell
from aislehub.core.state import notices, open_state

DAY = date(2017, 11, 5)
KEY = b"0123456789abcdef0123456789abcdef"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


@dataclass
class Receiver:
    """A real HTTP server that answers as told, the last answer for ever, and keeps what it was sent."""

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=lambda: [(204, {})])
    hangs: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    def told(self) -> list[tuple[str, str]]:
        """Type and subject of every event, in the order of arrival."""
        return [(e["type"].removeprefix("aislehub.alert."), e["data"].get("subject", "")) for e in self.events]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on a port of this machine."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            time.sleep(kept.hangs)
            status, headers = kept.answers[0] if len(kept.answers) == 1 else kept.answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kept.url = f"http://127.0.0.1:{server.server_port}/alerts?key=hidden"
        yield kept
        server.shutdown()


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Alerts]:
    """An empty register."""
    register = Alerts(open_state("", tmp_path))
    yield register
    register.engine.dispose()


@dataclass
class House:
    """A register and its webhook; waits are noted, not slept."""

    register: Alerts
    receiver: Receiver
    slept: list[float] = field(default_factory=list)
    most: int = 50
    settings: dict[str, Any] = field(default_factory=dict)

    def day(self, day: int, *subjects: str) -> None:
        row = {"cause": "supply.alert_shortage", "store": "7", "owner": "planner", "source": "simulated"}
        facts = json.dumps({"store": "7", "item": "milk", "ahead": 2, "total_mean": 8, "on_hand": 0, "on_order": 0,
                            "short": 8})  # fmt: skip
        money = {subject: 10.0 - place for place, subject in enumerate("abcdefghij")}
        found = [row | {"facts": facts, "subject": s, "money_at_risk": money[s]} for s in subjects]
        names = ("cause", "store", "subject", "owner", "facts", "source")
        schema = pa.schema([*((name, pa.string()) for name in names), ("money_at_risk", pa.float64())])
        table = pa.Table.from_pylist(found, schema)
        self.register.record(DAY + timedelta(days=day), {"shortage_alerts": table}, currency="USD")

    def tell(self) -> Told:
        settings = WebhookSettings(**{"url": self.receiver.url, "secret": SECRET, "timeout": 0.5} | self.settings)
        return tell(self.register, Webhook(settings, sleep=self.slept.append, seed=1), most=self.most)

    def id(self, subject: str) -> str:
        return str(next(a["id"] for a in self.register.find(AlertFilter()) if a["subject"] == subject))


@pytest.fixture
def house(register: Alerts, receiver: Receiver) -> House:
    """A register whose webhook is `receiver`."""
    return House(register, receiver)


def test_an_event_is_a_signed_cloudevent(house: House) -> None:
    """CloudEvents 1.0 in structured JSON; the signature is HMAC-SHA-256 over id, timestamp and the body as sent."""
    house.day(0, "a")
    assert house.tell() == Told(delivered=1)
    ((headers, body),) = house.receiver.got
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    event = json.loads(body)
    assert (event["specversion"], event["id"]) == ("1.0", headers["webhook-id"])
    assert event["id"] == f"{house.id('a')}-1" and event["subject"] == house.id("a")
    assert event["type"] == "aislehub.alert.opened" and event["source"] and event["time"].endswith("Z")
    data = event["data"]
    assert (data["money_at_risk"], data["currency"], data["owner"]) == (10.0, "USD", "planner")
    assert (data["first_day"], data["source"], data["facts"]["short"]) == ("2017-11-05", "simulated", 8)
    assert "8 will be missed" in data["sentences"]["en"] and "预计缺 8 件" in data["sentences"]["zh"]


def test_each_change_is_told_once(house: House) -> None:
    """Opened, then nothing while it lasts, closed, reopened; running again tells nothing again."""
    for day, subjects in enumerate(["ab", "ab", "b", "b", "ab"]):
        house.day(day, *subjects)
        house.tell()
        house.tell()
    assert house.receiver.told() == [("opened", "a"), ("opened", "b"), ("closed", "a"), ("reopened", "a")]
    assert len({event["id"] for event in house.receiver.events}) == 4


def test_suppressed_alerts_are_not_told(house: House) -> None:
    """Nothing is said of a suppressed alert; when it is over and the cause still there, it is told as reopened."""
    house.day(0, "a", "b")
    house.register.suppress(house.id("a"), DAY + timedelta(days=2), who="ann", why="known")
    assert house.tell() == Told(delivered=1)
    house.day(1, "a", "b")
    assert house.tell() == Told()
    house.register.suppress(house.id("b"), DAY + timedelta(days=3), who="ann", why="known")
    house.day(2, "a", "b")
    house.day(3, "a", "b")
    house.tell()
    assert house.receiver.told() == [("opened", "b"), ("opened", "a"), ("reopened", "b")]


def test_what_was_told_as_open_is_told_as_closed(house: House) -> None:
    """A receiver that opened a ticket hears of its end, out of a suppression too; one that did not, does not."""
    house.day(0, "a")
    house.tell()
    house.day(1, "a", "b")
    for subject in "ab":
        house.register.suppress(house.id(subject), DAY + timedelta(days=9), who="ann", why="known")
    house.day(2)
    house.tell()
    assert house.receiver.told() == [("opened", "a"), ("closed", "a")]


def test_a_busy_receiver_is_tried_again(house: House) -> None:
    """After 500 and 429 the same event, signed anew, with growing jittered waits; `Retry-After` is kept to."""
    house.receiver.answers = [(500, {}), (429, {"Retry-After": "7"}), (503, {"Retry-After": "soon"}), (200, {})]
    house.day(0, "a")
    assert house.tell() == Told(delivered=1)
    assert len({headers["webhook-id"] for headers, _ in house.receiver.got}) == 1
    assert 0 <= house.slept[0] <= 1 and house.slept[1] == 7 and 0 <= house.slept[2] <= 4


def test_a_date_to_come_back_is_kept_to(house: House) -> None:
    """`Retry-After` may be a date; one that has passed asks for nothing more than the usual wait."""
    house.receiver.answers = [
        (503, {"Retry-After": formatdate(time.time() + 30, usegmt=True)}),
        (503, {"Retry-After": formatdate(time.time() - 30, usegmt=True)}),
        (503, {"Retry-After": "Mon, 01 Jan 2024 00:00:00 +99999999999999"}),
        (200, {}),
    ]
    house.day(0, "a")
    assert house.tell() == Told(delivered=1)
    assert 25 <= house.slept[0] <= 31 and house.slept[1] <= 2


def test_a_receiver_that_is_down_holds_up_nothing(house: House) -> None:
    """After the attempts of one event the run ends; everything waits, and the next run tells it in order."""
    house.receiver.answers = [(500, {})]
    house.day(0, "a", "b")
    told = house.tell()
    assert (told.delivered, told.waiting, len(house.receiver.got)) == (0, 2, 4)
    assert told.why == ["127.0.0.1 took no event in 4 attempts: HTTP 500."]
    house.receiver.answers, house.receiver.got = [(200, {})], []
    assert house.tell() == Told(delivered=2)
    assert house.receiver.told() == [("opened", "a"), ("opened", "b")]


def test_after_a_long_absence_the_receiver_hears_how_things_stand(house: House) -> None:
    """While notices wait no new ones pile up: then come those, and one change for each alert that moved meanwhile."""
    house.receiver.answers = [(500, {})]
    for day, subjects in enumerate(["a", "ab", "bc", "abc", "c"]):
        house.day(day, *subjects)
        assert house.tell().waiting == 1
    house.receiver.answers, house.receiver.got = [(200, {})], []
    assert house.tell() == Told(delivered=3)
    assert house.receiver.told() == [("opened", "a"), ("closed", "a"), ("opened", "c")]


def test_what_is_suppressed_while_it_waits_is_not_told(house: House) -> None:
    """A notice of an opening that waits for the receiver is dropped once somebody has suppressed the alert."""
    house.receiver.answers = [(500, {})]
    house.day(0, "a", "b")
    house.tell()
    house.register.suppress(house.id("a"), DAY + timedelta(days=9), who="ann", why="known")
    house.receiver.answers, house.receiver.got = [(200, {})], []
    assert house.tell() == Told(delivered=1)
    assert house.receiver.told() == [("opened", "b")]


@pytest.mark.parametrize("answer", [401, 403, 404, 410, 301, 302, 307])
def test_a_wrong_address_is_not_tried_again(house: House, answer: int) -> None:
    """What the address refuses, or sends elsewhere, is said at once; the events wait for a mended setting."""
    house.receiver.answers = [(answer, {"Location": house.receiver.url})]
    house.day(0, "a", "b")
    told = house.tell()
    assert (told.delivered, told.refused, told.waiting, len(house.receiver.got)) == (0, 0, 2, 1)
    assert f"HTTP {answer}" in told.why[0] and house.slept == []


def test_a_refused_event_does_not_hold_up_the_others(house: House) -> None:
    """An event that the receiver cannot read is said and set aside; the next ones are told."""
    house.receiver.answers = [(422, {}), (200, {})]
    house.day(0, "a", "b")
    told = house.tell()
    assert (told.delivered, told.refused, told.waiting) == (1, 1, 0)
    assert told.why == [f"Event {house.id('a')}-1 was refused and will not be posted again: HTTP 422."]
    assert house.tell() == Told()


def test_a_receiver_that_asks_for_too_much_patience_waits_for_the_next_run(house: House) -> None:
    """A `Retry-After` beyond a minute ends the run rather than hold up the day."""
    house.receiver.answers = [(429, {"Retry-After": "3600"})]
    house.day(0, "a")
    assert house.tell().waiting == 1 and house.slept == [] and len(house.receiver.got) == 1


def test_a_hanging_receiver_is_left_in_time(house: House) -> None:
    """No answer within the timeout is no answer."""
    house.receiver.hangs, house.settings = 2.0, {"timeout": 0.1, "attempts": 2}
    house.day(0, "a")
    started = time.monotonic()
    told = house.tell()
    assert time.monotonic() - started < 2 and told.waiting == 1 and "timed out" in told.why[0]


def test_nobody_listening_is_said(house: House) -> None:
    """A refused connection and a host that does not exist are reasons like any other."""
    house.day(0, "a")
    for url, why in (
        ("http://127.0.0.1:9/x", "refused"),
        ("http://nowhere.invalid/x", "nowhere.invalid took no event"),
    ):
        house.settings = {"url": url, "attempts": 1}
        assert why in house.tell().why[0]


def test_a_crash_after_posting_repeats_the_same_event(house: House, register: Alerts) -> None:
    """What was posted but not noted is posted again byte for byte under the same id, for the receiver to know it."""
    house.day(0, "a")
    house.tell()
    with register.engine.begin() as connection:  # as if the process had died before it noted the delivery
        connection.execute(update(notices).values(state="waiting", ended_at=None))
    house.day(1)
    house.tell()
    (first, second, third) = house.receiver.got
    assert first[0]["webhook-id"] == second[0]["webhook-id"] and first[1] == second[1]
    assert json.loads(third[1])["type"] == "aislehub.alert.closed"


def test_too_many_changes_are_told_in_a_digest(house: House) -> None:
    """Beyond the limit of a run, the most money told one by one, the others are one event with sums and every id."""
    house.most = 2
    house.day(0, "b", "c", "d", "a")
    assert house.tell() == Told(delivered=3)
    assert house.receiver.told() == [("opened", "a"), ("opened", "b"), ("digest", "")]
    event = house.receiver.events[-1]
    group = {
        "change": "opened",
        "cause": "supply.alert_shortage",
        "owner": "planner",
        "count": 2,
        "money_at_risk": 15.0,
    }
    assert event["data"]["groups"] == [group] and event["data"]["count"] == 2
    assert event["data"]["changes"] == {house.id("c"): "opened", house.id("d"): "opened"}
    assert event["id"].startswith("digest-") and "2 more alerts" in event["data"]["sentences"]["en"]
    house.day(1, "a")
    house.tell()
    assert {kind for kind, _ in house.receiver.told()[3:]} == {"closed", "digest"}


def test_the_secret_is_shown_nowhere(house: House, register: Alerts, tmp_path: Path) -> None:
    """Neither settings, digests, reports nor what is kept of notices hold the secret or the address's query."""
    house.receiver.answers = [(500, {})]
    house.day(0, "a")
    told = house.tell()
    settings = WebhookSettings(url=house.receiver.url, secret=SECRET)
    with register.engine.connect() as connection:
        kept = str(connection.execute(select(notices)).all())
    for text in (repr(settings), str(settings.model_dump(mode="json")), str(told), kept):
        assert SECRET not in text
    assert "hidden" not in str(told) + kept


@pytest.mark.parametrize(
    "secret", ["", "short", "whsec_" + base64.b64encode(b"x" * 23).decode(), "whsec_no base64!" * 3]
)
def test_a_weak_secret_is_refused(secret: str) -> None:
    """Without 24 bytes that only both ends know, anybody could send alerts in our name."""
    with pytest.raises(HubError) as caught:
        Webhook(WebhookSettings(url="https://example.com", secret=secret))
    assert caught.value.code == "webhook.secret" and "{" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com",
        "file:///etc/passwd",
        "example.com/alerts",
        "https://",
        "http://h:port/",
        "http://[::1",
        "https://u:p@h/",
        "https://h/预警",
        "https://h/a b",
    ],
)
def test_only_the_web_is_an_address(url: str, home: Path) -> None:
    """Files and other schemes are no receivers; the setting says what is needed."""
    (home / "hub.toml").write_text(f"[webhook]\nurl = '{url}'\n")
    with pytest.raises(HubError, match=r"https://example.com/alerts") as caught:
        WebhookSettings.load()
    assert caught.value.code == "settings.invalid"


def test_a_wrong_secret_is_not_shown_as_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret of digits is a text from the environment; as a number in the file it is refused without its value."""
    monkeypatch.setenv("AISLEHUB_WEBHOOK__SECRET", "123456789012345678901234")
    assert WebhookSettings.load().secret.get_secret_value() == "123456789012345678901234"
    monkeypatch.delenv("AISLEHUB_WEBHOOK__SECRET")
    (home / "hub.toml").write_text("[webhook]\nsecret = 123456789012345678901234\n")
    with pytest.raises(HubError) as caught:
        WebhookSettings.load()
    assert caught.value.code == "settings.invalid" and "123456" not in str(caught.value)
    assert caught.value.__cause__ is None
