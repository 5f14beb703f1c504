"""The frame around every page: navigation from the registry, login, language, and how refusals look."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Form, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from aislehub import __version__
from aislehub.core.errors import HubError
from aislehub.core.pages import Page
from aislehub.core.text import current_language, say
from aislehub.serve import auth, formats
from aislehub.serve.auth import User
from aislehub.serve.problems import status_of
from aislehub.serve.site import SESSION_COOKIE, Site, caller, needs, site_of

__all__ = ["mount", "pages", "piece", "refuse", "render", "signed_in"]

_HERE = Path(__file__).parent
YEAR = 365 * 24 * 3600
router = APIRouter(include_in_schema=False)


def mount(app: FastAPI) -> None:
    """Add the console to the application: static files, shell, own pages and those of capabilities."""
    from aislehub.serve.console import (  # fmt: skip
        account,
        alerts,
        campaigns,
        customers,
        data,
        demand,
        driver,
        my_roster,
        prices,
        privacy,
        promotions,
        recommendations,
        reviews,
        rosters,
        routes,
        today,
        twin,
        unsubscribe,
        whatif,
    )

    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    app.include_router(router)
    planned = (
        today,
        demand,
        whatif,
        prices,
        promotions,
        recommendations,
        campaigns,
        customers,
        reviews,
        rosters,
        my_roster,
        routes,
        driver,
    )
    for own in (*planned, unsubscribe, alerts, twin, data, privacy, account):
        app.include_router(own.router)
    for page in pages(app.state.site):
        app.get(f"/{page.path}", include_in_schema=False)(_shown(page))


def pages(site: Site) -> list[Page]:
    """All pages in the order of the navigation."""
    from aislehub.serve.console.pages import PAGES

    return sorted([*PAGES, *site.hub.registry.pages], key=lambda page: page.order)


def signed_in(request: Request) -> User:
    """The user of the browser's session, who may read.

    Raises:
        HubError: `serve.login_needed`, which `refuse` turns into the login page, `serve.forbidden`.
    """
    return needs("viewer")(request)


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A template with the shell's own values: texts as `t`, formats, the user and the navigation."""
    return HTMLResponse(piece(request, template, **values), status)


def piece(request: Request, template: str, **values: Any) -> str:
    """The same as text, for an answer that has more in it."""
    site, user = site_of(request), caller(request)
    path = request.url.path.strip("/").split("/")[0]
    currency = site.hub.settings.currency
    shared = {
        "request": request, "lang": current_language(), "theme": _theme(request), "user": user,
        "navigation": [page for page in pages(site) if user and user.may(page.role)], "here": path,
        "version": __version__, "currency": currency,
        "money": lambda value, unit=currency: formats.money(value, unit),
        "interval": lambda low, high, unit=currency: formats.interval(low, high, unit),
        "instant": lambda value: formats.instant(value, site.hub.settings.timezone),
        "is_part": request.headers.get("hx-request") == "true",
    }  # fmt: skip
    return _environment().get_template(template).render(**shared, **values)


def refuse(request: Request, error: Exception) -> Response:
    """What people see of an error: the login page, a message beside what they did, or a page."""
    status = status_of(error)
    is_part = request.headers.get("hx-request") == "true"
    if status == 401 and not is_part:
        address = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
        return RedirectResponse(f"/login?next={address}" if request.url.path != "/" else "/login", 303)
    if status == 401:
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    if not isinstance(error, HubError):
        error = HubError(
            "serve.not_found" if status == 404 else "serve.failed" if status >= 500 else "serve.request", why=""
        )
    return render(request, "_problem.html" if is_part else "problem.html", status=status, error=error)


@router.get("/")
def home(request: Request) -> Response:
    return RedirectResponse("/today" if needs("staff")(request).may("viewer") else "/my-roster", 303)


@router.get("/login")
def login_form(request: Request, next: str = "/") -> Response:
    return render(request, "login.html", next=_local(next), error=None)


@router.post("/login")
def log_in(
    request: Request,
    user: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    site = site_of(request)
    key = f"{request.client.host if request.client else ''}/{user}"
    try:
        site.throttle.check(key)
        token = auth.log_in(site.hub.state, user, password)
    except HubError as error:
        if error.code == "serve.login_wrong":
            site.throttle.failed(key)
        return render(request, "login.html", status=status_of(error), next=_local(next), error=error)
    site.throttle.succeeded(key)
    response = RedirectResponse(_local(next), 303)
    response.set_cookie(
        SESSION_COOKIE, token, max_age=auth.SESSION_HOURS * 3600, httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


@router.post("/logout")
def log_out(request: Request) -> Response:
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        auth.close_session(site_of(request).hub.state, token)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response


@router.post("/language")
def choose_language(lang: Annotated[Literal["en", "zh"], Form()], next: Annotated[str, Form()] = "/") -> Response:
    response = RedirectResponse(_local(next), 303)
    response.set_cookie("language", lang, max_age=YEAR, samesite="lax")
    return response


def _shown(page: Page) -> Any:
    """The route of a page that a capability declares."""

    def show(request: Request) -> Response:
        needs(page.role)(request)
        site = site_of(request)
        query = {name: request.query_params.getlist(name) for name in request.query_params}
        values = page.context(site.hub, query)
        return render(request, page.template, page=page, **values)

    return show


def _local(address: str) -> str:
    """An address of this console, whatever was asked for: no redirect leads elsewhere."""
    is_local = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_local and address.isprintable() else "/"


def _theme(request: Request) -> str:
    chosen = request.cookies.get("theme", "")
    return chosen if chosen in ("light", "dark") else ""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals |= {
        "t": say, "word": formats.word, "number": formats.number, "percent": formats.percent, "signed": formats.signed,
        "day_text": formats.day, "action_text": formats.action, "alert_state": formats.alert_state,
        "cause_text": formats.cause, "label": formats.label, "asset": _asset,
    }  # fmt: skip
    environment.filters["marked"] = _marked
    return environment


def _marked(text: str) -> Markup:
    """A sentence whose `names in backticks` are set as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


@cache
def _asset(name: str) -> str:
    """The address of a static file, new when the file is."""
    file = _HERE / "static" / name
    return f"/static/{name}?{int(file.stat().st_mtime) if file.exists() else 0}"
