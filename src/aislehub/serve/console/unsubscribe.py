"""The page behind a message's link, where a member ends all messages: without logging in, by one button.

Opening the link changes nothing, for mail programs open links by themselves; the button does, and the one click of mail
programs (RFC 8058), which posts to the same address. The link names a message, not a member.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
from fastapi import APIRouter, Request, Response

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.sends import Sends
from aislehub.schema import CONSENTS
from aislehub.serve.console.shell import render
from aislehub.serve.site import House

__all__ = ["router"]

router = APIRouter(prefix="/unsubscribe", include_in_schema=False)


@router.get("/{token}")
def ask(request: Request, site: House, token: str) -> Response:
    """The page with the button."""
    _member(site.hub, token)
    return render(request, "unsubscribe.html", token=token, is_done=False)


@router.post("/{token}")
def end(request: Request, site: House, token: str) -> Response:
    """No more messages to this member, from now on."""
    now = datetime.now(UTC)
    row = {
        "customer": _member(site.hub, token), "purpose": "messages", "granted": False, "at": now, "how": "link",
        "known_at": now,
    }  # fmt: skip
    site.hub.tables.append("consents", CONSENTS.require(pa.Table.from_pylist([row], schema=CONSENTS.schema)))
    return render(request, "unsubscribe.html", token=token, is_done=True)


def _member(hub: Hub, token: str) -> str:
    found = Sends(hub.state).by_token(token)
    if found is None:
        raise HubError("campaign.link")
    return str(found["recipient"])
