"""A call with an `Idempotency-Key` is carried out once: the same call again gets the same answer.

After draft-ietf-httpapi-idempotency-key-header. A key belongs to the user who sends it and to one request: path and
body. It is taken before the request is carried out, and kept with the answer for a day. A refused request has changed
nothing, so its key is free again. So is the key of a process that was killed, after ten minutes; what it may have done
by then, moves of the ledger, events and words, counts once by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import Engine, insert, select, update
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from aislehub.core.errors import HubError
from aislehub.core.state import repeats, writing
from aislehub.data.privacy.keys import house_keys
from aislehub.serve.site import caller, site_of

__all__ = ["HEADER", "PARAMETER", "Repeatable", "takes_key"]

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
LOST = timedelta(minutes=10)  # a request without an answer for so long was cut
REPLAYED = {"idempotent-replayed": "true"}
_KEY = r"^[!-~]{1,255}$"
PARAMETER = {
    "name": HEADER, "in": "header", "required": False, "schema": {"type": "string", "pattern": _KEY},
    "description": "A key of your own for this call, e.g. a UUID. The same key with the same body within 24 hours gets "
    "the same answer and does nothing twice; with another body it is refused",
}  # fmt: skip


def takes_key(method: str, path: str) -> bool:
    """Whether a call changes something: every POST but a question to an answer."""
    return method == "POST" and not path.startswith("/api/answers/")


class Repeatable(APIRoute):
    """A route of the API whose calls may carry a key."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            given = request.headers.get(HEADER)
            if given is None or not takes_key(request.method, request.url.path):
                return await handle(request)
            user = await run_in_threadpool(caller, request)
            if user is None:
                return await handle(request)  # which refuses it
            if not re.fullmatch(_KEY, given):
                raise HubError("serve.repeat_key", limit=255)
            hub = site_of(request).hub
            keys = await run_in_threadpool(house_keys, hub.home)
            key = keys.digest("repeat", f"{user.name}\x1f{given}")
            asked = keys.digest("request", f"{request.url.path}?{request.url.query}\x1f{(await request.body()).hex()}")
            known = await run_in_threadpool(_take, hub.state, key, asked)
            if known is not None:
                return known
            try:
                answer = await handle(request)
            except Exception:
                await run_in_threadpool(_free, hub.state, key)
                raise
            await run_in_threadpool(_keep, hub.state, key, answer)
            return answer

        return once


def _take(engine: Engine, key: str, asked: str) -> Response | None:
    """The answer that a call got before; None = the key is ours now, and the call is to be carried out.

    Raises:
        HubError: `serve.repeat_other` when the key belongs to another request, `serve.repeat_running` while the first
            call is being carried out.
    """
    now = datetime.now(UTC)
    with writing(engine) as connection:
        is_over = (repeats.c.at < now - KEPT) | (repeats.c.status.is_(None) & (repeats.c.at < now - LOST))
        connection.execute(repeats.delete().where(is_over))
        row = connection.execute(select(repeats).where(repeats.c.key == key)).first()
        if row is None:
            connection.execute(insert(repeats).values(key=key, request=asked, at=now))
            return None
    if row.request != asked:
        raise HubError("serve.repeat_other", hours=KEPT // timedelta(hours=1))
    if row.status is None:
        raise HubError("serve.repeat_running")
    return JSONResponse(json.loads(row.answer), row.status, headers=REPLAYED)


def _keep(engine: Engine, key: str, answer: Response) -> None:
    with writing(engine) as connection:
        told = bytes(answer.body).decode()
        mine = repeats.c.key == key
        connection.execute(update(repeats).where(mine).values(status=answer.status_code, answer=told))


def _free(engine: Engine, key: str) -> None:
    with writing(engine) as connection:
        connection.execute(repeats.delete().where(repeats.c.key == key))
