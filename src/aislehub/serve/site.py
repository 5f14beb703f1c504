"""What all routes of one process share, and who may call them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.serve.auth import Role, Throttle, User, user_of

__all__ = ["SESSION_COOKIE", "House", "Site", "caller", "needs", "site_of"]

SESSION_COOKIE = "aislehub_session"


@dataclass(frozen=True)
class Site:
    """One process's open house; routes use it from several threads at once."""

    hub: Hub
    throttle: Throttle = field(default_factory=Throttle)


def site_of(request: Request) -> Site:
    """The site of the application that answers this request."""
    site: Site = request.app.state.site
    return site


async def _site(request: Request) -> Site:
    return site_of(request)


House = Annotated[Site, Depends(_site)]
"""A route's site; asked for by an async function, so that it costs no thread of its own."""


def caller(request: Request) -> User | None:
    """Who sends this request, by bearer token or by the browser's session."""
    engine = site_of(request).hub.state
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind:
        return user_of(engine, token.strip(), "bearer") if kind.lower() == "bearer" else None
    session = request.cookies.get(SESSION_COOKIE)
    return user_of(engine, session, "session") if session else None


def needs(role: Role) -> Callable[[Request], User]:
    """A dependency that lets in users of at least this role.

    Raises:
        HubError: `serve.login_needed`, `serve.forbidden`.
    """

    def allowed(request: Request) -> User:
        user = caller(request)
        if user is None:
            raise HubError("serve.login_needed")
        if not user.may(role):
            raise HubError("serve.forbidden", user=user.name, role=user.role, needed=role)
        return user

    return allowed
