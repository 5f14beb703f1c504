"""Messages over TLS: a small JSON head and, where numbers travel, their bytes. Nothing that is received can run."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

from aislehub.core.errors import HubError

__all__ = ["Message", "Stream", "Tap", "hex_of"]

_LENGTHS = struct.Struct(">IQ")
Tap = Callable[[str, bytes], None]
"""Is called with the other end's name and every piece of bytes that came from it."""


@dataclass(frozen=True)
class Message:
    """One message: its kind, facts as JSON has them, and bytes."""

    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Stream:
    """One end of a connection; counts what passes.

    Attributes:
        patience: seconds of silence after which the other end counts as gone; None = as long as it takes.
    """

    name: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    tap: Tap | None = None
    most_head: int = 2**20
    patience: float | None = None
    received: int = 0
    sent: int = 0

    async def send(self, message: Message) -> None:
        head = json.dumps({"kind": message.kind, "facts": message.facts}, ensure_ascii=False).encode()
        lengths = _LENGTHS.pack(len(head), len(message.body))
        self.writer.writelines([lengths, head, message.body])
        self.sent += len(lengths) + len(head) + len(message.body)
        await self.writer.drain()

    async def receive(self, most_body: int = 0) -> Message:
        """The next message, with at most `most_body` bytes of numbers.

        Raises:
            HubError: `federated.too_long`, `federated.no_message` for what is none.
            ConnectionError, asyncio.IncompleteReadError, TimeoutError: the other end is gone.
        """
        head_length, body_length = _LENGTHS.unpack(await self._read(_LENGTHS.size))
        if head_length > self.most_head or body_length > most_body:
            raise HubError("federated.too_long", party=self.name, length=head_length + body_length, most=most_body)
        head, body = await self._read(head_length), await self._read(body_length)
        try:
            told = json.loads(head, parse_constant=_no_number)
            kind, facts = told["kind"], told["facts"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise HubError("federated.no_message", party=self.name) from error
        if not isinstance(kind, str) or not isinstance(facts, dict):
            raise HubError("federated.no_message", party=self.name)
        return Message(kind, facts, body)

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):  # the other end was first: closed is what was wanted
            await self.writer.wait_closed()

    @property
    def is_open(self) -> bool:
        return not self.writer.is_closing() and not self.reader.at_eof()

    async def _read(self, length: int) -> bytes:
        read = await asyncio.wait_for(self.reader.readexactly(length), self.patience)
        self.received += length
        if self.tap is not None:
            self.tap(self.name, read)
        return read


def hex_of(told: object, length: int | None = None) -> bytes:
    """Bytes that a message holds as hexadecimal digits.

    Raises:
        ValueError, TypeError: they are none, or not as many.
    """
    found = bytes.fromhex(told)  # type: ignore[arg-type]
    if length is not None and len(found) != length:
        raise ValueError(f"{length} bytes are needed, not {len(found)}")
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")
