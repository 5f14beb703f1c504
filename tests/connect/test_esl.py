"""Prices reach electronic labels once each and are read back, whatever access point and radio do."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

from aislehub.connect.esl import EslSettings, ShelfLabels
from aislehub.connect.files import FileConnector
from aislehub.core.errors import HubError
from aislehub.core.outbox import Batch


@dataclass
class Tag:
    """A label as the access point knows it."""

    mac: str
    alias: str
    hash: str = "00" * 16
    pending: int = 0
    nextupdate: int = 1
    updatecount: int = 0
    content: str = ""
    loses: int = 0  # transfers that the radio gives up on
    asleep: int = 0  # looks at the access point until it wakes
    drawn: str = ""


@dataclass
class AccessPoint:
    """A real HTTP server that speaks OpenEPaperLink's interface: /get_db by pages, /jsonupload as a form.

    As the firmware does, it draws an upload later, sends nothing where the picture is the one shown, and counts a
    transfer once the label has reported it.
    """

    tags: list[Tag]
    page: int = 2
    busy: int = 0
    down: int = 0
    url: str = ""
    uploads: list[str] = field(default_factory=list)
    transfers: int = 0

    def look(self) -> None:
        """Time goes on by one look: draw what was uploaded, carry what is pending."""
        for tag in self.tags:
            if tag.nextupdate == 0:
                tag.nextupdate, tag.drawn = 3216153600, hashlib.md5(tag.content.encode()).hexdigest()
                tag.pending = int(tag.drawn != tag.hash)
            elif tag.pending and tag.asleep:
                tag.asleep -= 1
            elif tag.pending:
                tag.pending = 0
                if tag.loses:
                    tag.loses -= 1
                else:
                    tag.hash, tag.updatecount = tag.drawn, tag.updatecount + 1
                    self.transfers += 1

    def get(self, place: int) -> dict[str, Any]:
        """A page of labels."""
        if place == 0:
            self.look()
        names = ("mac", "alias", "hash", "pending", "nextupdate", "updatecount")
        tags = [{name: getattr(tag, name) for name in names} for tag in self.tags[place : place + self.page]]
        more = place + self.page < len(self.tags)
        return {"tags": tags, "continu": place + self.page} if more else {"tags": tags}

    def upload(self, form: dict[str, list[str]]) -> tuple[int, str]:
        """One upload."""
        if self.busy:
            self.busy -= 1
            return 409, "come back later"
        if "mac" not in form or "json" not in form:
            return 400, "Missing parameters"
        tag = next((tag for tag in self.tags if tag.mac == form["mac"][0]), None)
        if tag is None:
            return 400, "mac not found in tagDB"
        tag.content, tag.nextupdate = form["json"][0], 0
        self.uploads.append(tag.mac)
        return 200, "Ok, saved"

    def shows(self, alias: str) -> list[Any]:
        """The texts on a label, once it has taken its picture."""
        tag = next(tag for tag in self.tags if tag.alias == alias)
        assert tag.hash == hashlib.md5(tag.content.encode()).hexdigest()
        return [part["text"][2] for part in json.loads(tag.content) if "text" in part]


@pytest.fixture
def point() -> Iterator[AccessPoint]:
    """An access point with five labels, on a port of this machine."""
    kept = AccessPoint([Tag(f"0000021B2C3D4E{n:02X}", f"7/item{n}") for n in range(5)])

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if kept.down:
                kept.down -= 1
                self.answer(503, "")
            elif parts.path == "/get_db":
                self.answer(200, json.dumps(kept.get(int(parse_qs(parts.query)["pos"][0]))))
            else:
                self.answer(404, "")

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            if urlsplit(self.path).path == "/jsonupload":
                self.answer(*kept.upload(form))
            else:
                self.answer(404, "no such page")

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kept.url = f"http://127.0.0.1:{server.server_port}"
        yield kept
        server.shutdown()


def row(item: str, price: float = 2.49, store: str = "7", **more: Any) -> dict[str, Any]:
    """A row of a batch of prices."""
    fields = {"decision": f"d-{item}", "kind": "regular", "day": "2026-03-01", "store": store, "subject": item}
    return fields | {"price": price, "was": None, "begins": "2026-03-02"} | more


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


def labels(point: AccessPoint, folder: Path, **settings: Any) -> ShelfLabels:
    """The connector; waits are counted, not slept."""
    clock = Clock()
    return ShelfLabels(
        EslSettings(url=point.url, **settings), FileConnector(folder), {"item0": 'Bio "Milch" 1 L'},
        sleep=clock.sleep, clock=clock, seed=1,
    )  # fmt: skip


def test_every_price_is_on_its_label(point: AccessPoint, tmp_path: Path) -> None:
    """Labels are found on all pages by their alias; each shows name, price, number, and a former price if any."""
    rows = [row("item0", 1.99, was=2.49), row("item4", 12.5)]
    told = labels(point, tmp_path).send(Batch("b1", rows))
    assert point.shows("7/item0") == ['Bio "Milch" 1 L', "1.99", "2.49", "item0"]
    assert point.shows("7/item4") == ["item4", "12.50", "item4"]
    assert told == f"{point.url} (2)" and point.transfers == 2
    assert [tag.updatecount for tag in point.tags] == [1, 0, 0, 0, 1]


def test_twice_is_as_good_as_once(point: AccessPoint, tmp_path: Path) -> None:
    """The same batch again: the labels show the same, and no picture goes over the radio a second time."""
    batch = Batch("b1", [row("item1"), row("item2")])
    for _ in range(2):
        labels(point, tmp_path).send(batch)
    assert point.transfers == 2 and point.shows("7/item1") == ["item1", "2.49", "item1"]


def test_a_sleeping_label_is_waited_for(point: AccessPoint, tmp_path: Path) -> None:
    """A label that wakes within the wait is confirmed."""
    point.tags[3].asleep = 20
    labels(point, tmp_path, poll=10).send(Batch("b1", [row("item3")]))
    assert point.shows("7/item3") == ["item3", "2.49", "item3"]


def test_a_dead_label_is_named_and_the_batch_stays_open(point: AccessPoint, tmp_path: Path) -> None:
    """A label that does not take its price in time is an error that names it; carried out again, it is confirmed."""
    point.tags[3].asleep = 1000
    batch = Batch("b1", [row("item1"), row("item3")])
    with pytest.raises(HubError, match=r"Of 2 labels, 1 has not taken its price.*7/item3 \(0000021B2C3D4E03\)"):
        labels(point, tmp_path, wait=60).send(batch)
    point.tags[3].asleep = 0
    labels(point, tmp_path, wait=60).send(batch)
    assert point.shows("7/item3")[1] == "2.49" and point.tags[1].updatecount == 1


def test_what_the_radio_loses_is_uploaded_again(point: AccessPoint, tmp_path: Path) -> None:
    """A transfer that was given up is not taken for done; after the attempts of a run it is an error."""
    point.tags[2].loses, point.tags[2].asleep = 2, 1
    labels(point, tmp_path).send(Batch("b1", [row("item2")]))
    assert point.uploads.count("0000021B2C3D4E02") == 3 and point.tags[2].updatecount == 1
    point.tags[2].loses, point.tags[2].asleep = 99, 1
    with pytest.raises(HubError, match="Of 1 label, 1 has not"):
        labels(point, tmp_path, wait=300, attempts=2).send(Batch("b2", [row("item2", 3.0)]))


def test_a_busy_access_point_is_tried_again(point: AccessPoint, tmp_path: Path) -> None:
    """409 and 5xx are no refusal; more of them than attempts are said."""
    point.busy, point.down = 3, 2
    labels(point, tmp_path).send(Batch("b1", [row("item1")]))
    assert point.shows("7/item1")[1] == "2.49"
    point.busy = 9
    with pytest.raises(HubError, match=r"4 attempt.*come back later"):
        labels(point, tmp_path).send(Batch("b2", [row("item1", 3.0)]))


def test_a_wrong_address_is_refused_at_once(point: AccessPoint, tmp_path: Path) -> None:
    """A page that is not there is no access point; nobody listening is said too."""
    point.url += "/elsewhere"
    with pytest.raises(HubError, match="404"):
        labels(point, tmp_path).send(Batch("b1", [row("item1")]))
    point.url = "http://127.0.0.1:9"
    with pytest.raises(HubError, match="refused"):
        labels(point, tmp_path).send(Batch("b1", [row("item1")]))


def test_what_has_no_label_goes_on_paper(point: AccessPoint, tmp_path: Path) -> None:
    """Items without an electronic label, and stores without an access point, are written to a file of paper labels."""
    rows = [row("item1"), row("unknown"), row("item1", store="8")]
    told = labels(point, tmp_path, urls={"8": ""}).send(Batch("b1", rows))
    (file,) = tmp_path.glob("*.csv")
    written = pd.read_csv(file, dtype=str)
    assert written[["store", "subject"]].to_numpy().tolist() == [["7", "unknown"], ["8", "item1"]]
    assert told == f"{point.url} (1), {file}"


def test_two_labels_of_one_item_show_one_price(point: AccessPoint, tmp_path: Path) -> None:
    """An item that stands in two places has two labels with one alias."""
    point.tags[4].alias = "7/item1"
    labels(point, tmp_path).send(Batch("b1", [row("item1")]))
    assert point.tags[1].hash == point.tags[4].hash and point.transfers == 2


def test_aliases_and_layout_are_the_chains_own(point: AccessPoint, tmp_path: Path) -> None:
    """Labels may be called otherwise, and show what the chain wants."""
    point.tags[0].alias = "ean-item0"
    layout = tmp_path / "layout.json"
    layout.write_text('[{"text": [0, 0, "¥$price", "f", "black"]}]', encoding="utf-8")
    labels(point, tmp_path, alias="ean-$item", layout=str(layout), decimals=1).send(Batch("b1", [row("item0", 9.9)]))
    assert point.shows("ean-item0") == ["¥9.9"]


@pytest.mark.parametrize("url", ["192.168.1.20", "ftp://ap", "ap.local/x"])
def test_an_address_is_one_of_the_web(url: str) -> None:
    """What is no http address is refused when it is set."""
    with pytest.raises(ValueError, match=r"http://192\.168"):
        EslSettings(url=url)
