"""The web application, and its JSON API under `/api`: what the console shows, for programs."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from ibis.expr.types import Table
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from aislehub import __version__
from aislehub.core.alerts import STATES, AlertFilter
from aislehub.core.book import Filter
from aislehub.core.contract import Column
from aislehub.core.decision import MOVES
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.reads import note_read
from aislehub.core.tables import Tables
from aislehub.data.privacy.consent import said, say_word, standing
from aislehub.data.privacy.identities import keys_of
from aislehub.data.privacy.screen import screen
from aislehub.data.privacy.suppression import told_key, turned_away
from aislehub.demand.explain import explain
from aislehub.demand.outcomes import LEVELS
from aislehub.demand.whatif import promotion_of, whatif
from aislehub.serve import console
from aislehub.serve.auth import User, ensure_admin
from aislehub.serve.documents import alert_document, decision_document
from aislehub.serve.guard import Guard
from aislehub.serve.intake import take_in
from aislehub.serve.learned import learned_models
from aislehub.serve.lookup import last_day, rows_of_day
from aislehub.serve.problems import PROBLEMS, Problem, problem
from aislehub.serve.repeats import PARAMETER, Repeatable, takes_key
from aislehub.serve.site import House, Site, needs

__all__ = ["application", "create_app"]

State = Annotated[str, Field(pattern=f"^({'|'.join(MOVES)})$")]
AccuracyLevel = Annotated[str, Field(pattern=f"^({'|'.join((*LEVELS, 'item_store'))})$")]
AlertState = Annotated[str, Field(pattern=f"^({'|'.join(STATES)})$")]
Viewer = Annotated[User, Depends(needs("viewer"))]
Planner = Annotated[User, Depends(needs("planner"))]
Admin = Annotated[User, Depends(needs("admin"))]
Customer = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00\s]+$", description="Random key")]
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many")]
Cursor = Annotated[str, Query(max_length=200, description="`next` of the page before")]
Key = Annotated[str, Query(min_length=1, max_length=80, pattern=r"^[^\x00]+$")]
DecisionId = Annotated[
    str, PathParameter(pattern="^[0-9a-f]{6,16}$", description="Id, or a unique beginning of 6 characters or more")
]
AlertId = Annotated[
    str, PathParameter(pattern="^[0-9a-f]{6,16}$", description="Id, or a unique beginning of 6 characters or more")
]
Why = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$", description="Kept in the history")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Move(_Body):
    why: Why = ""


class Override(_Body):
    to: float | dict[str, Any] = Field(description="A number for the action's main field, or fields of the action")
    why: Why = Field(min_length=1)


class Bulk(_Body):
    """Which proposed decisions to approve; every given field narrows."""

    ids: list[Annotated[str, Field(pattern="^[0-9a-f]{6,16}$")]] = Field(default=[], max_length=1000)
    day: date | None = None
    kind: Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")] | None = None
    store: Annotated[str, Field(max_length=80, pattern=r"^[^\x00]*$")] | None = None
    money_at_least: float | None = Field(None, allow_inf_nan=False)
    money_low_at_least: float | None = Field(None, allow_inf_nan=False, description="Least 5 % quantile of the money")
    outlay_at_most: float | None = Field(None, allow_inf_nan=False, description="Highest outlay of one decision")
    expected: int | None = Field(None, ge=0, description="Refuse if it would be another number of decisions")
    why: Why = ""


class Suppression(_Body):
    until: date = Field(description="Business day on which the alert may come back")
    why: Why = Field(min_length=1)


class Word(_Body):
    """A member's word on one purpose."""

    customer: Customer
    purpose: Annotated[str, Field(max_length=40, description="personalisation, messages or analysis")]
    granted: bool
    at: datetime | None = Field(None, description="When they said so; without it, now. The same word counts once")
    how: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$", description="Where, e.g. app")] = ""
    notice: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$", description="Version of the notice")] = ""


class Events(_Body):
    events: list[dict[str, Any]] = Field(max_length=10_000, description="Rows of the contract `events`")


api = APIRouter(prefix="/api", responses=PROBLEMS, route_class=Repeatable)


@api.get("/health", responses={200: {"description": "The hub answers"}})
def health(site: House) -> dict[str, Any]:
    """Whether the hub answers, without logging in."""
    days = site.hub.ledger.days()
    return {"status": "ok", "version": __version__, "day": days[0] if days else None}


@api.get("/decisions")
def list_decisions(
    site: House,
    user: Viewer,
    day: date | None = None,
    kind: Annotated[str | None, Query(max_length=40, pattern=r"^[^\x00]*$")] = None,
    store: Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00]*$")] = None,
    state: Annotated[list[State] | None, Query(description="One or more states")] = None,
    cursor: Cursor = "",
    limit: Limit = 100,
) -> dict[str, Any]:
    """Decisions, the most money first; every given field narrows."""
    after = _opened(cursor, float, str)
    which = Filter(day=day, kind=kind, store=store, states=tuple(state or ()))
    found = site.hub.ledger.find(which, limit=limit + 1, after=after)
    page = [decision_document(decision) for decision in found[:limit]]
    last = page[-1] if len(found) > limit else None
    return {"decisions": page, "next": _cursor(float(last["money"]), last["id"]) if last else None}


@api.get("/decisions/{id}")
def get_decision(site: House, user: Viewer, id: DecisionId) -> dict[str, Any]:
    """One decision with every move of its history."""
    decision = site.hub.ledger.get(id)
    return decision_document(decision) | {"history": site.hub.ledger.history(decision["id"])}


@api.post("/decisions/approve")
def approve_many(site: House, user: Planner, body: Bulk) -> dict[str, Any]:
    """Approve proposed decisions by filter, or those of `ids`, all or none of them; `refused`: what may not be."""
    given = body.model_dump(exclude={"expected", "why", "ids"}, exclude_none=True)
    which = Filter(**given, ids=tuple(body.ids) or None, states=() if body.ids else ("proposed",))
    refused: dict[str, str] = {}
    approved = site.hub.ledger.approve(
        which, who=user.name, why=body.why, expected=body.expected,
        refused=lambda decision, error: refused.update({decision["id"]: str(error)}),
    )  # fmt: skip
    return {"approved": approved, "refused": refused}


@api.post("/decisions/{id}/approve")
def approve_one(site: House, user: Planner, id: DecisionId, body: Move) -> dict[str, Any]:
    """Approve a proposed decision."""
    site.hub.ledger.approve(Filter(ids=(id,)), who=user.name, why=body.why)
    return decision_document(site.hub.ledger.get(id))


@api.post("/decisions/{id}/reject")
def reject_one(site: House, user: Planner, id: DecisionId, body: Move) -> dict[str, Any]:
    """Reject a proposed decision."""
    site.hub.ledger.reject(Filter(ids=(id,)), who=user.name, why=body.why)
    return decision_document(site.hub.ledger.get(id))


@api.post("/decisions/{id}/override")
def override_one(site: House, user: Planner, id: DecisionId, body: Override) -> dict[str, Any]:
    """Approve another action than the proposed one; the reason is needed."""
    return decision_document(site.hub.ledger.override(id, body.to, who=user.name, why=body.why))


@api.post("/decisions/{id}/undo")
def undo_one(site: House, user: Planner, id: DecisionId, body: Move) -> dict[str, Any]:
    """Take the last move back; of a sent decision, the compensating decision is returned."""
    return decision_document(site.hub.ledger.undo(id, who=user.name, why=body.why))


@api.get("/alerts")
def list_alerts(
    site: House,
    user: Viewer,
    state: Annotated[list[AlertState] | None, Query(description="One or more states; without it, open ones")] = None,
    owner: Annotated[str | None, Query(max_length=20, pattern=r"^[^\x00]*$")] = None,
    store: Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00]*$", description="Empty = the chain")] = None,
    cause: Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00]*$")] = None,
    cursor: Cursor = "",
    limit: Limit = 100,
) -> dict[str, Any]:
    """Alerts, the most money at risk first; every given field narrows."""
    after = _opened(cursor, float, str)
    which = AlertFilter(states=tuple(state or ("open",)), owner=owner, store=store, cause=cause)
    found = site.hub.alerts.find(which, limit=limit + 1, after=after)
    page = [alert_document(alert) for alert in found[:limit]]
    last = page[-1] if len(found) > limit else None
    return {"alerts": page, "next": _cursor(float(last["money_at_risk"]), last["id"]) if last else None}


@api.get("/alerts/{id}")
def get_alert(site: House, user: Viewer, id: AlertId) -> dict[str, Any]:
    """One alert with every move of its history."""
    alert = site.hub.alerts.get(id)
    return alert_document(alert) | {"history": site.hub.alerts.history(alert["id"])}


@api.post("/alerts/{id}/suppress")
def suppress_alert(site: House, user: Planner, id: AlertId, body: Suppression) -> dict[str, Any]:
    """Keep an open alert quiet until a business day; the reason is needed."""
    return alert_document(site.hub.alerts.suppress(id, body.until, who=user.name, why=body.why))


@api.post("/alerts/{id}/resume")
def resume_alert(site: House, user: Planner, id: AlertId, body: Move) -> dict[str, Any]:
    """End the suppression of an alert."""
    return alert_document(site.hub.alerts.resume(id, who=user.name, why=body.why))


@api.get("/tables")
def list_tables(site: House, user: Viewer) -> dict[str, Any]:
    """Every table: what a row is, its columns, its rows and its version."""
    tables = site.hub.tables
    found = [
        {"table": name, "help": contract.help, "key": list(contract.keys), "version": tables.version(name),
         "rows": tables.count(name), "columns": [_promise(column) for column in contract.columns]}
        for name, contract in sorted(site.hub.registry.contracts.items())
    ]  # fmt: skip
    return {"tables": found}


@api.get("/tables/{name}")
def read_table(
    site: House,
    user: Viewer,
    name: Annotated[str, PathParameter(max_length=80)],
    as_of: Annotated[date | datetime | None, Query(description="What was known by then")] = None,
    cursor: Cursor = "",
    limit: Limit = 100,
) -> dict[str, Any]:
    """Rows in the order of the table's key; for stable pages of a growing table give `as_of`."""
    contract = site.hub.tables.contract(name)
    if contract.persons and not user.may("admin"):
        raise HubError("serve.persons", table=name, columns=", ".join(contract.persons))
    if contract.persons:
        note_read(site.hub.state, user.name, f"GET /api/tables/{name}")
    start = _start(cursor)
    if as_of is not None and not 1900 <= as_of.year <= 2200:
        raise HubError("serve.as_of", value=as_of)
    rows = site.hub.tables.run(
        lambda tables: tables.read(name, as_of).order_by(list(contract.keys)).limit(limit + 1, offset=start)
    ).to_pylist()
    return {"table": name, "rows": rows[:limit], "next": _cursor(start + limit) if len(rows) > limit else None}


@api.get("/readiness")
def readiness(site: House, user: Viewer) -> dict[str, Any]:
    """The last report on the quality of the data."""
    day = last_day(site.hub, "readiness")
    return {"day": day, "readiness": rows_of_day(site.hub, "readiness", day)}


@api.get("/forecast")
def forecast(site: House, user: Viewer, store: Key, item: Key) -> dict[str, Any]:
    """The last demand forecast of one item in one store: mean and quantiles by day."""
    day = last_day(site.hub, "demand_forecast")
    rows = rows_of_day(site.hub, "demand_forecast", day, store=store, item=item)
    return {"store": store, "item": item, "day": day, "forecast": rows}


@api.get("/forecast/explain")
def explain_forecast(site: House, user: Viewer, store: Key, item: Key) -> dict[str, Any]:
    """The last forecast of one item in one store taken apart: units of each part that add up, with their sentences.

    The first question after a business day takes seconds, for the chain's past is read; later ones do not.
    """
    return explain(site.hub, store, item).document()


@api.get("/whatif")
def what_if(
    site: House,
    user: Viewer,
    item: Key,
    store: Annotated[Key | None, Query(description="One store; left out = all with a forecast of the item")] = None,
    price: Annotated[float | None, Query(gt=0, allow_inf_nan=False, description="Price of a unit")] = None,
    promo: Annotated[
        str, Query(max_length=80, description="display, mailer, discount=0.2, several with commas, or none")
    ] = "",
    first: Annotated[date | None, Query(description="First day of the change; default the next day")] = None,
    last: Annotated[date | None, Query(description="Last day of the change; default the forecast's last")] = None,
) -> dict[str, Any]:
    """The forecast under another price or promotion beside the one as planned: units, revenue, margin, intervals."""
    found = whatif(site.hub, item, store=store, price=price, promotion=promotion_of(promo), first=first, last=last)
    return found.document()


@api.get("/accuracy")
def accuracy(
    site: House,
    user: Viewer,
    day: Annotated[date | None, Query(description="A business day; without it, the last")] = None,
    level: Annotated[AccuracyLevel | None, Query(description="What is added up")] = None,
    store: Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00]*$")] = None,
    subject: Annotated[
        str | None,
        Query(max_length=80, pattern=r"^[^\x00]*$", description="Region, department, category, or class of demand"),
    ] = None,
    cursor: Cursor = "",
    limit: Limit = 100,
) -> dict[str, Any]:
    """How good forecasts were: a row for every part of the chain; every given field narrows, empty text = all."""
    start = _start(cursor)
    last = day or last_day(site.hub, "forecast_accuracy")
    wanted = {
        name: value for name, value in (("level", level), ("store", store), ("subject", subject)) if value is not None
    }

    def query(tables: Tables) -> Table:
        t = tables.read("forecast_accuracy")
        parts = [t[name].fill_null("") == value for name, value in wanted.items()]
        return t.filter([t.day == last, *parts]).order_by("level", "store", "subject").limit(limit + 1, offset=start)

    rows = site.hub.tables.run(query).to_pylist() if last else []
    following = _cursor(start + limit) if len(rows) > limit else None
    return {"day": last, "accuracy": rows[:limit], "next": following}


@api.get("/models")
def list_models(
    site: House,
    user: Viewer,
    day: Annotated[date | None, Query(description="Those in force at its close; without it, the newest")] = None,
) -> dict[str, Any]:
    """Learned models: when and why, and what each class of demand is forecast with beside its contenders."""
    return {"models": learned_models(site.hub, day)}


@api.post("/events", status_code=202)
def post_events(site: House, user: Planner, body: Events) -> dict[str, Any]:
    """Take in behaviour events; the same `event_id` counts once, and every refused event is named with its fault."""
    turned = turned_away(site.hub)
    return take_in(site.hub.inbox, site.hub.tables.contract("events"), body.events, turned)


@api.post("/consents")
def say_consent(site: House, user: Admin, body: Word) -> dict[str, Any]:
    """Note a member's word on a purpose; it holds at once. The same word of the same moment counts once."""
    told = body.model_dump(exclude={"customer", "purpose", "granted"})
    new = say_word(site.hub, body.customer, body.purpose, body.granted, **told)
    return {"new": new, "now": standing(site.hub, keys_of(site.hub.state, body.customer))}


@api.get("/consents/{customer}")
def read_consents(
    site: House, user: Admin, customer: Annotated[str, PathParameter(max_length=200, pattern=r"^[^\x00\s]+$")]
) -> dict[str, Any]:
    """What may be done with a member's data now, and every word they said. The reading is noted."""
    keys = keys_of(site.hub.state, customer)
    note_read(site.hub.state, user.name, "GET /api/consents", told_key(site.hub, customer))
    return {"customer": customer, "now": standing(site.hub, keys), "history": said(site.hub, keys)}


@api.post("/answers/{name}")
def ask(
    site: House, user: Viewer, name: Annotated[str, PathParameter(max_length=80)], request: dict[str, Any]
) -> JSONResponse:
    """Ask one of the hub's answers; which there are, and what they need, is in the documentation."""
    known = site.hub.registry.answers.get(name)
    named = [field for field in known.persons if request.get(field)] if known else []
    if named and not user.may("admin"):
        raise HubError("serve.named_person", answer=name, fields=", ".join(named))
    return JSONResponse(site.hub.desk.ask(name, request))  # plain values: encoding them again would take as long


def create_app(home: Path | None = None) -> FastAPI:
    """Console and API of the house in `home` (default: AISLEHUB_HOME, else `.aislehub` here)."""
    opened = ExitStack()
    hub = opened.enter_context(open_hub(home))
    ensure_admin(hub.state)
    return application(hub, opened)


def application(hub: Hub, opened: ExitStack | None = None) -> FastAPI:
    """Console and API of an open house; `opened` is closed when the server ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        hub.desk.warm()
        with opened or ExitStack():
            yield
            hub.desk.close()

    app = FastAPI(
        title="aislehub", version=__version__, openapi_url=None, docs_url=None, redoc_url=None,
        redirect_slashes=False, lifespan=lifespan,
        description="Every decision with its reason, its expected money and, later, its measured money.",
    )  # fmt: skip
    hub.desk.screen = screen(hub)
    app.state.site = Site(hub)
    app.include_router(api)
    app.get("/api/openapi.json", include_in_schema=False)(lambda: openapi(app))
    console.mount(app)
    for kind in (HubError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _refuse)
    app.add_middleware(Guard)
    return app


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API, with bearer tokens and problem details described."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            openapi_version="3.1.0",
        )
        parts = document.setdefault("components", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            parts.get("schemas", {}).pop(unused, None)
        parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
        document["paths"]["/api/health"]["get"]["security"] = []
        for path, operations in document["paths"].items():
            if takes_key("POST", path) and "post" in operations:
                operations["post"].setdefault("parameters", []).append(PARAMETER)
        app.openapi_schema = document
    return app.openapi_schema


def _refuse(request: Request, error: Exception) -> Response:
    """Problem details for programs, a page for people."""
    if request.url.path.startswith("/api"):
        return problem(error)
    return console.refuse(request, error)


def _promise(column: Column) -> dict[str, Any]:
    return {
        "name": column.name, "type": column.type, "unit": column.unit, "help": column.help,
        "required": column.required, "person": column.person,
    }  # fmt: skip


def _cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def _start(cursor: str) -> int:
    """The row that a cursor of counted rows goes on from."""
    (start,) = _opened(cursor, int) or (0,)
    if not 0 <= start < 2**53:
        raise HubError("serve.cursor", cursor=cursor)
    return int(start)


def _opened(cursor: str, *kinds: type) -> Any:
    """The parts of a cursor as a tuple of these types, None of an empty one.

    Raises:
        HubError: `serve.cursor` for one that we did not give out.
    """
    if not cursor:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except ValueError as error:
        raise HubError("serve.cursor", cursor=cursor) from error
    if not isinstance(parts, list) or tuple(map(type, parts)) != kinds:
        raise HubError("serve.cursor", cursor=cursor)
    return tuple(parts)
