"""One signed event to one address, posted until the receiver takes it, never as two.

Signed by the scheme of Standard Webhooks: `webhook-id` (the event's id), `webhook-timestamp` (seconds since 1970, of
this attempt) and `webhook-signature`, `v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`. A receiver checks
the signature and that the timestamp is recent, and knows a repeated event by its id: a crash between post and note
posts it again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import SecretStr

from aislehub import __version__
from aislehub.core.errors import HubError
from aislehub.core.notices import Posted
from aislehub.core.text import say

__all__ = ["LEAST_SECRET", "SignedPost", "is_web"]

LEAST_SECRET = 24  # bytes, as Standard Webhooks asks
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds between attempts
_COME_BACK = {408, 409, 425, 429}  # beside 5xx: the same request may succeed later
_BAD_EVENT = {400, 413, 415, 422}  # the receiver will never take this event; other refusals are about the address


class SignedPost:
    """The receiver behind an address.

    Args:
        attempts: to post one event in one run.
        timeout: seconds to wait for the receiver's answer.

    Raises:
        HubError: `webhook.secret` when it is missing, too short or no base64: anybody could post in our name.
    """

    def __init__(
        self, url: str, secret: SecretStr, attempts: int, timeout: float, *,
        sleep: Callable[[float], None] = time.sleep, seed: int | None = None,
    ) -> None:  # fmt: skip
        self.url, self.attempts, self.timeout = url, attempts, timeout
        self._key = _key(secret.get_secret_value())
        self._sleep = sleep
        self._chance = random.Random(seed)
        self._open = build_opener(_NoRedirect).open

    def send(self, id: str, event: Mapping[str, Any]) -> Posted:
        """Post one event, again after a growing wait while the receiver cannot take it."""
        body = json.dumps(event, ensure_ascii=False).encode()
        for attempt in range(1, self.attempts + 1):
            status, headers, why = self._attempt(id, body)
            if 200 <= status < 300:
                return Posted("delivered")
            if status in _BAD_EVENT:
                return Posted("refused", say("webhook.refused", id=id, why=why))
            wait = self._wait(attempt, headers)
            may_come_back = status == 0 or status >= 500 or status in _COME_BACK
            if not may_come_back or attempt == self.attempts or wait > LONGEST_WAIT:
                break
            self._sleep(wait)
        host = urlsplit(self.url).hostname
        return Posted("waiting", say("webhook.waiting", host=host, attempts=attempt, why=why))

    def _attempt(self, id: str, body: bytes) -> tuple[int, Message, str]:
        """Status (0 = no answer), headers and what went wrong."""
        now = int(time.time())
        signature = hmac.new(self._key, f"{id}.{now}.".encode() + body, hashlib.sha256).digest()
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8", "User-Agent": f"aislehub/{__version__}",
            "webhook-id": id, "webhook-timestamp": str(now),
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        }  # fmt: skip
        request = Request(self.url, body, headers, method="POST")
        try:
            with self._open(request, timeout=self.timeout) as answer:
                return answer.status, answer.headers, ""
        except HTTPError as error:
            with error:
                return error.code, error.headers, f"HTTP {error.code}"
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            return 0, Message(), str(reason) or type(reason).__name__

    def _wait(self, attempt: int, headers: Message) -> float:
        """Seconds until the next attempt: doubling, with full jitter; longer where the receiver says so."""
        most = min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT)
        return max(self._chance.uniform(0, most), _asked_for(headers.get("Retry-After", "")))


class _NoRedirect(HTTPRedirectHandler):
    """An answer that points elsewhere is an answer: a signed event goes to the address that was set, to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


def is_web(url: str) -> bool:
    """Whether it is an address of the web as it can be sent, without a password that would end up in logs."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        return is_whole and parts.username is None and url.isascii() and url.isprintable() and " " not in url
    except ValueError:  # a port that is no number, half an IPv6 address
        return False


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret[6:], validate=True) if secret.startswith("whsec_") else secret.encode()
    except binascii.Error as error:
        raise HubError("webhook.secret", least=LEAST_SECRET) from error
    if len(key) < LEAST_SECRET:
        raise HubError("webhook.secret", least=LEAST_SECRET)
    return key


def _asked_for(retry_after: str) -> float:
    """Seconds that a `Retry-After` asks for, given as a number or as a date; 0 where it says nothing."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # no date; a date without zone or of no year that there is
        return 0.0
