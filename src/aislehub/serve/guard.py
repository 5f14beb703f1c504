"""What stands before every route: the reader's language, safe headers, size limits and no foreign forms."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aislehub.core.errors import HubError
from aislehub.core.text import LANGUAGES, language
from aislehub.serve.problems import problem

__all__ = ["Guard", "wanted_language"]

MAX_BODY = 10_000_000
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_HEADERS = {
    # Nothing from elsewhere, no inline script, no inline style.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """Pure ASGI middleware, so that the language holds in the route's own thread."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        with language(wanted_language(request)):
            refused = _refused(request)
            if refused is not None:
                await problem(refused)(scope, receive, _with_headers(send, scope))
                return
            await self.app(scope, _limited(receive), _with_headers(send, scope))


def wanted_language(request: Request) -> str:
    """The cookie that the reader's choice left, else the browser's or client's first known language."""
    chosen = request.cookies.get("language", "")
    if chosen in LANGUAGES:
        return chosen
    for part in request.headers.get("accept-language", "").lower().split(","):
        name = part.strip()[:2]
        if name in LANGUAGES:
            return name
    return "en"


def _refused(request: Request) -> HubError | None:
    length = request.headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length[:18]) > MAX_BODY:
        return HubError("serve.too_large", limit=MAX_BODY)
    if request.method not in _SAFE_METHODS and _is_cross_origin(request.headers):
        return HubError("serve.cross_origin", origin=request.headers.get("origin", "?"))
    return None


def _is_cross_origin(headers: Headers) -> bool:
    """Whether another site's page sends this, riding on the reader's cookie.

    Fetch metadata first, then Origin against Host, as Go's `http.CrossOriginProtection` does; with neither
    header it is no browser, and a cookie cannot have come along unasked.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _limited(receive: Receive) -> Receive:
    """Stop reading a body that is longer than it said, or did not say how long it is."""
    received = 0

    async def next_part() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY:
            raise HubError("serve.too_large", limit=MAX_BODY)
        return message

    return next_part


def _with_headers(send: Send, scope: MutableMapping[str, Any]) -> Send:
    is_vendor = scope["path"].startswith("/static/")

    async def send_safe(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "public, max-age=3600" if is_vendor else "no-store")
        await send(message)

    return send_safe
