"""Electronic shelf labels through OpenEPaperLink: each price on its label, read back until the label has taken it.

Spoken is the HTTP interface of an OpenEPaperLink access point (one a store):

- `GET /get_db?pos=N`: its labels, some at a time; `continu` says where the next ones begin. Of a label: `mac`,
  `alias`, `pending` (pictures on their way), `nextupdate` (0 = content not drawn yet), `hash` (of the picture that it
  shows) and `updatecount` (pictures that it has taken).
- `POST /jsonupload` with the form fields `mac` and `json`: what to draw, as a list of texts and boxes. 409 = come back.

A label belongs to an item by its alias, `STORE/ITEM` as delivered. A label has taken its price once its content is
drawn, nothing is pending and it shows another picture than before, or the access point found the picture to be the one
that it shows. What times out on the radio is uploaded again.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from string import Template
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from pydantic import field_validator

from aislehub.core.errors import HubError
from aislehub.core.log import logger
from aislehub.core.outbox import Batch, Connector
from aislehub.core.settings import Settings, field

__all__ = ["EslSettings", "ShelfLabels"]

_BUSY = {408, 409, 425, 429}  # beside 5xx: the same request may succeed later
_LAYOUT = """[
{"box": [0, 0, 296, 128, "white"]},
{"text": [6, 4, "$name", "bahnschrift20", "black", 0]},
{"text": [290, 44, "$price", "bahnschrift70", "black", 2]},
{"text": [6, 52, "$was", "bahnschrift30", "red", 0]},
{"text": [6, 106, "$item", "bahnschrift20", "black", 0]}
]"""
Label = Mapping[str, Any]


class EslSettings(Settings, section="esl"):
    """Electronic shelf labels: where their access points are, and what they show."""

    url: str = field("", "Address of the access point, e.g. http://192.168.1.20; empty = no electronic labels")
    urls: dict[str, str] = field({}, "The same for single stores, by store")
    alias: str = field("$store/$item", "How labels are named at the access point, with $store and $item")
    layout: str = field(
        "", "File with the label's layout in JSON, with $name, $price, $was, $item and $store; empty = built in"
    )
    decimals: int = field(2, "Digits after the point of a price", ge=0, le=4)
    attempts: int = field(4, "Attempts of one request, and uploads of one label in one run", ge=1, le=10)
    timeout: float = field(10.0, "Seconds to wait for the access point's answer", gt=0, le=120)
    wait: float = field(900.0, "Seconds to wait until all labels have taken their prices; they sleep for minutes", ge=0)
    poll: float = field(5.0, "Seconds between two looks at the labels", gt=0, le=600)

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("an address such as http://192.168.1.20 is needed")
        return url.rstrip("/")

    @field_validator("urls")
    @classmethod
    def _are_addresses(cls, urls: dict[str, str]) -> dict[str, str]:
        return {store: cls._is_address(url) for store, url in urls.items()}


@dataclass
class _Job:
    """One price on its way to one label."""

    url: str
    mac: str
    content: str
    before: Label
    uploads: int = 0
    travelled: bool = False  # it was seen pending: then only a new picture says that it arrived


class ShelfLabels:
    """Shows prices on electronic labels; what has no label goes out by `paper`.

    Carrying the same batch out twice is as good as once: the content of a label follows from its row alone, and the
    access point sends a label no picture that it shows already.

    Args:
        names: item → name on the label.
        paper: for rows whose store or item has no electronic label: a file of paper labels.
    """

    name = "esl"

    def __init__(
        self, settings: EslSettings, paper: Connector, names: Mapping[str, str], *,
        sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic,
        seed: int | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.paper = paper
        self.names = names
        self._sleep, self._clock = sleep, clock
        self._chance = random.Random(seed)
        self._layout = Path(settings.layout).read_text(encoding="utf-8") if settings.layout else _LAYOUT

    def send(self, batch: Batch) -> str:
        """Upload every price, wait until every label has taken its own; returns where prices went.

        Raises:
            HubError: `esl.refused`, `esl.unreachable`, `esl.unconfirmed` with the labels that have not taken their
                prices: the batch stays open, and the next run carries it out again.
        """
        jobs, on_paper = self._jobs(batch.rows)
        for job in jobs:
            self._upload(job)
        self._confirm(jobs)
        told = [f"{url} ({sum(job.url == url for job in jobs)})" for url in sorted({job.url for job in jobs})]
        if on_paper:
            told.append(self.paper.send(Batch(batch.id, on_paper)))
        return ", ".join(told)

    def _jobs(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[_Job], list[Mapping[str, Any]]]:
        """What is to be uploaded, and the rows without an electronic label."""
        shelves: dict[str, dict[str, list[Label]]] = {}
        jobs, on_paper = [], []
        for row in rows:
            url = self.settings.urls.get(row["store"], self.settings.url)
            if url and url not in shelves:
                shelves[url] = {}
                for label in self._labels(url):
                    shelves[url].setdefault(str(label.get("alias", "")), []).append(label)
            alias = Template(self.settings.alias).safe_substitute(store=row["store"], item=row["subject"])
            labels = shelves.get(url, {}).get(alias, [])
            jobs += [_Job(url, label["mac"], self._content(row), label) for label in labels]
            if not labels:
                on_paper.append(row)
        return jobs, on_paper

    def _content(self, row: Mapping[str, Any]) -> str:
        """What a label draws, as JSON."""
        words = {
            "store": row["store"], "item": row["subject"], "name": self.names.get(row["subject"], row["subject"]),
            "price": self._money(row["price"]), "was": self._money(row.get("was")),
        }  # fmt: skip
        quoted = {name: json.dumps(str(word), ensure_ascii=False)[1:-1] for name, word in words.items()}
        drawn = json.loads(Template(self._layout).safe_substitute(quoted))
        empty = [part for part in drawn if "text" in part and part["text"][2] == ""]
        return json.dumps([part for part in drawn if part not in empty], ensure_ascii=False)

    def _money(self, price: float | None) -> str:
        return "" if price is None else f"{price:.{self.settings.decimals}f}"

    def _upload(self, job: _Job) -> None:
        body = urlencode({"mac": job.mac, "json": job.content}).encode()
        self._ask(f"{job.url}/jsonupload", body)
        job.uploads += 1
        job.travelled = False

    def _confirm(self, jobs: list[_Job]) -> None:
        """Look at the labels until each has taken its price; upload again what the radio gave up on."""
        waiting, until = list(jobs), self._clock() + self.settings.wait
        while waiting:
            now = {(url, label["mac"]): label for url in {job.url for job in waiting} for label in self._labels(url)}
            still = []
            for job in waiting:
                state = self._state(job, now.get((job.url, job.mac), {}))
                if state == "lost" and job.uploads < self.settings.attempts:
                    logger.info("label again", extra={"mac": job.mac, "uploads": job.uploads})
                    self._upload(job)
                if state != "taken":
                    still.append(job)
            waiting = still
            if not waiting:
                return
            if self._clock() >= until:
                macs = ", ".join(f"{job.before.get('alias')} ({job.mac})" for job in waiting[:5])
                raise HubError("esl.unconfirmed", count=len(waiting), of=len(jobs), labels=macs)
            self._sleep(self.settings.poll)

    def _state(self, job: _Job, label: Label) -> str:
        """taken, waiting, or lost: it was on its way, is not any more, and the label shows what it showed."""
        if not label or not label.get("nextupdate"):
            return "waiting"
        if label.get("pending"):
            job.travelled = True
            return "waiting"
        new = any(label.get(name) != job.before.get(name) for name in ("hash", "updatecount"))
        return "taken" if new or not job.travelled else "lost"

    def _labels(self, url: str) -> Iterator[Label]:
        """All labels of an access point."""
        place: int | None = 0
        while place is not None:
            page = json.loads(self._ask(f"{url}/get_db?pos={place}"))
            yield from page.get("tags", [])
            following = page.get("continu")
            place = following if isinstance(following, int) and following > place else None

    def _ask(self, address: str, body: bytes | None = None) -> bytes:
        """The answer to one request, tried again after a growing wait while the access point is busy or away."""
        host = urlsplit(address).netloc
        for attempt in range(1, self.settings.attempts + 1):
            try:
                with urlopen(Request(address, body), timeout=self.settings.timeout) as answer:
                    return bytes(answer.read())
            except HTTPError as error:
                with error:
                    why, again = f"HTTP {error.code}: {error.read(200).decode(errors='replace')}", error.code
                if again < 500 and again not in _BUSY:
                    raise HubError("esl.refused", host=host, why=why) from error
            except (OSError, HTTPException) as error:
                why = str(error.reason if isinstance(error, URLError) else error) or type(error).__name__
            if attempt < self.settings.attempts:
                self._sleep(self._chance.uniform(0, 2 ** (attempt - 1)))
        raise HubError("esl.unreachable", host=host, attempts=self.settings.attempts, why=why)
