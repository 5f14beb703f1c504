"""Account: one's password and bearer tokens; for an admin, the users."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response

from aislehub.core.errors import HubError
from aislehub.core.text import say
from aislehub.serve import auth
from aislehub.serve.auth import User
from aislehub.serve.console.shell import render
from aislehub.serve.site import House, Site, needs
from aislehub.serve.weeks import known_staff

__all__ = ["router"]

Anybody = Annotated[User, Depends(needs("staff"))]
Admin = Annotated[User, Depends(needs("admin"))]
router = APIRouter(prefix="/account", include_in_schema=False)


@router.get("")
def account(request: Request, site: House, user: Anybody) -> Response:
    return _page(request, site, user)


@router.post("/password")
def change_password(
    request: Request, site: House, user: Anybody, old: Annotated[str, Form()] = "", new: Annotated[str, Form()] = ""
) -> Response:
    """Set a new password; every other session of the user ends."""
    try:
        auth.change_password(site.hub.state, user.name, old, new)
    except HubError as error:
        return _page(request, site, user, error=error)
    return Response(status_code=303, headers={"Location": "/login"})


@router.post("/tokens")
def make_token(
    request: Request, site: House, user: Anybody, label: Annotated[str, Form(max_length=80)] = ""
) -> Response:
    return _page(request, site, user, token=auth.create_token(site.hub.state, user.name, label))


@router.post("/tokens/revoke")
def revoke_token(request: Request, site: House, user: Anybody, digest: Annotated[str, Form(max_length=64)]) -> Response:
    auth.revoke_token(site.hub.state, user.name, digest)
    return _page(request, site, user, told=say("serve.token_revoked"))


@router.post("/users")
def add_user(
    request: Request,
    site: House,
    user: Admin,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    staff: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    try:
        known_staff(site.hub, staff.strip())
        auth.add_user(site.hub.state, name.strip(), password, role, staff.strip())
    except HubError as error:
        return _page(request, site, user, error=error)
    return _page(request, site, user, told=say("serve.user_added", user=name.strip()))


def _page(request: Request, site: Site, user: User, *, error: HubError | None = None, **shown: Any) -> Response:
    values = {
        "token": "", "told": "", "tokens": auth.user_tokens(site.hub.state, user.name), "roles": auth.ROLES,
        "users": auth.all_users(site.hub.state) if user.may("admin") else [],
    }  # fmt: skip
    return render(request, "account.html", status=422 if error else 200, error=error, **values | shown)
