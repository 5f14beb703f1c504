"""Where the parties of a federation meet: the coordinator's open port, one seat a party."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aislehub.core.errors import HubError
from aislehub.customer.federated.certificates import COORDINATOR, Identity, server_tls
from aislehub.customer.federated.wire import Message, Stream, Tap

__all__ = ["GONE", "VERSION", "Hall", "open_hall"]

VERSION = 2  # of the messages
GONE = (ConnectionError, asyncio.IncompleteReadError, OSError)
"""What a lost connection looks like."""
_HELLO_SECONDS = 20


@dataclass
class Hall:
    """The parties that are connected, by name; anyone on the roster may come, go and come again at any time.

    Attributes:
        lines: every line that had a seat, also those that are closed.
        lost: who is known to come no more, and is not waited for.
    """

    identity: Identity
    port: int = 0
    tap: Tap | None = None
    tell: Callable[[str, Mapping[str, Any]], None] = lambda code, facts: None
    seats: dict[str, Stream] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    lines: list[Stream] = field(default_factory=list)
    is_over: bool = False
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def present(self) -> list[str]:
        """Who is connected now."""
        return sorted(name for name, stream in self.seats.items() if stream.is_open)

    async def wait(self, least: int, seconds: float) -> list[str]:
        """Who is there once all of the roster are who may still come, or after so many seconds.

        Raises:
            HubError: `federated.few_came`.
        """
        began = time.monotonic()
        while (missing := {*self.identity.parties} - {*self.present()} - self.lost) and (
            (left := began + seconds - time.monotonic()) > 0 and len(self.present()) + len(missing) >= least
        ):
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), min(left, 1.0))
            except TimeoutError:
                continue  # somebody may have gone meanwhile
        here = self.present()
        if len(here) < least:
            names = ", ".join(sorted({*self.identity.parties} - {*here}))
            waited = f"{time.monotonic() - began:.0f}"
            raise HubError("federated.few_came", came=len(here), least=least, missing=names, seconds=waited)
        return here

    def wire(self) -> dict[str, dict[str, int]]:
        """Bytes that each party sent and received so far, before TLS."""
        found: dict[str, dict[str, int]] = {}
        for line in self.lines:
            so_far = found.setdefault(line.name, {"sent": 0, "received": 0})
            so_far["sent"] += line.received
            so_far["received"] += line.sent
        return found

    def give_up(self, name: str) -> None:
        """Somebody will come no more."""
        self.lost.add(name)
        self._came.set()

    async def ask(
        self, lines: Mapping[str, Stream], questions: Mapping[str, Message], answer: str, seconds: float,
        most_body: int = 0,
    ) -> tuple[dict[str, Message], dict[str, HubError]]:  # fmt: skip
        """Ask some parties at once, on these lines: the answers of this kind, and why the others gave none.

        Who says sorry keeps the seat and is asked again in the next round. Who is too slow, gone or speaks nonsense
        loses it, since what comes next on that line could be anything; it may connect again.
        """
        tasks = {
            name: asyncio.create_task(self._answer(lines[name], question, answer, seconds, most_body))
            for name, question in questions.items()
        }
        answers, failures = dict[str, Message](), dict[str, HubError]()
        for name, task in tasks.items():
            try:
                answers[name] = await task
            except HubError as error:
                failures[name] = error
                if error.code != "federated.sorry":
                    await self.dismiss(lines[name], error)
        return answers, failures

    async def tell_all(self, message: Message, seconds: float) -> None:
        """Tell everybody who is still there, each within so many seconds."""
        for name in self.present():
            stream = self.seats[name]
            try:
                await asyncio.wait_for(stream.send(message), seconds)
            except (*GONE, TimeoutError) as error:
                await self.dismiss(stream, _lost(name, error, seconds))

    async def end(self, seconds: float) -> None:
        """Tell everybody, and whoever comes later, that all is done."""
        self.is_over = True
        await self.tell_all(Message("end"), seconds)

    async def dismiss(self, line: Stream, why: HubError) -> None:
        """Close a party's line, with the reason as far as it still listens."""
        if self.seats.get(line.name) is line:
            del self.seats[line.name]
            await _refuse(line, why)

    async def close(self) -> None:
        """Close every line."""
        for stream in self.seats.values():
            await stream.close()
        self.seats.clear()

    async def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Give a connection its seat, or the reason why not."""
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        stream = Stream("?", reader, writer, self.tap)
        try:
            stream.name = self.identity.known(certificate)
            if stream.name == COORDINATOR:
                raise HubError("federated.stranger", fingerprint=COORDINATOR)
            hello = await asyncio.wait_for(stream.receive(), _HELLO_SECONDS)
            if hello.kind != "hello" or hello.facts.get("version") != VERSION:
                raise HubError("federated.version", party=stream.name, version=VERSION)
            if stream.name in self.seats and self.seats[stream.name].is_open:
                raise HubError("federated.twice", party=stream.name)
            await stream.send(Message("end" if self.is_over else "welcome", {"version": VERSION}))
        except HubError as error:
            self.tell(error.code, error.facts)
            await _refuse(stream, error)
            return
        except (*GONE, TimeoutError):
            await stream.close()
            return
        self.seats[stream.name] = stream
        self.lines.append(stream)
        self.tell("federated.came", {"party": stream.name})
        self._came.set()

    async def _answer(self, stream: Stream, question: Message, wanted: str, seconds: float, most_body: int) -> Message:
        async def exchange() -> Message:
            await stream.send(question)
            return await stream.receive(most_body)

        try:
            told = await asyncio.wait_for(exchange(), seconds)
        except (*GONE, TimeoutError) as error:
            raise _lost(stream.name, error, seconds) from error
        if told.kind == "sorry":
            raise HubError("federated.sorry", party=stream.name, why=str(told.facts.get("why", ""))[:500])
        if told.kind != wanted:
            raise HubError("federated.no_message", party=stream.name)
        return told


@asynccontextmanager
async def open_hall(
    identity: Identity, host: str = "0.0.0.0", port: int = 0, *, tap: Tap | None = None,
    tell: Callable[[str, Mapping[str, Any]], None] = lambda code, facts: None,
) -> AsyncIterator[Hall]:  # fmt: skip
    """Listen for the parties of the coordinator's roster.

    Args:
        identity: the coordinator's.
        host: address to listen on.
        port: 0 = any free one.
        tap: for an audit: gets every byte that a party sends, as it leaves TLS.
        tell: gets what happens, as code and facts.

    Raises:
        HubError: `federated.not_coordinator`, `federated.port`.
    """
    if identity.name != COORDINATOR:
        raise HubError("federated.not_coordinator", folder=identity.folder)
    hall = Hall(identity, tap=tap, tell=tell)
    try:
        server = await asyncio.start_server(hall.welcome, host, port, ssl=server_tls(identity), limit=2**20)
    except OSError as error:
        raise HubError("federated.port", host=host, port=port, why=error) from error
    hall.port = server.sockets[0].getsockname()[1]
    try:
        yield hall
    finally:
        server.close()
        await hall.close()


async def _refuse(stream: Stream, why: HubError) -> None:
    facts = {name: str(fact) for name, fact in why.facts.items()}
    with suppress(*GONE, TimeoutError):  # who does not listen any more is not told; the line is closed either way
        await asyncio.wait_for(stream.send(Message("refused", {"code": why.code, "facts": facts})), 5)
    await stream.close()


def _lost(name: str, error: BaseException, seconds: float) -> HubError:
    if isinstance(error, TimeoutError):  # an OSError too, so it is asked first
        return HubError("federated.slow", party=name, seconds=f"{seconds:.0f}")
    return HubError("federated.gone", party=name)
