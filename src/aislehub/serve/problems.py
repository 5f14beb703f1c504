"""Every refusal as RFC 9457 problem details: what is wrong, the facts, and what to do about it."""

from __future__ import annotations

import math
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from aislehub.core.errors import HubError

__all__ = ["PROBLEMS", "Problem", "problem", "status_of"]

_STATUS = {
    "alerts.ambiguous": 409,
    "alerts.move": 409,
    "alerts.unknown": 404,
    "answers.unknown": 404,
    "campaign.link": 404,
    "day.busy": 409,
    "demand.no_forecast_yet": 409,
    "demand.not_forecast": 404,
    "demand.unknown_item": 404,
    "demand.unknown_store": 404,
    "ledger.ambiguous": 409,
    "ledger.changed": 409,
    "ledger.move": 409,
    "ledger.unknown": 404,
    "routes.link_ended": 404,
    "routes.unknown": 404,
    "routes.unknown_vehicle": 404,
    "serve.cross_origin": 403,
    "serve.forbidden": 403,
    "serve.login_needed": 401,
    "serve.login_wrong": 401,
    "serve.mapping_unknown": 404,
    "serve.not_found": 404,
    "serve.persons": 403,
    "serve.named_person": 403,
    "serve.repeat_running": 409,
    "serve.throttled": 429,
    "serve.too_large": 413,
    "state.url": 503,
    "tables.busy": 503,
    "tables.unknown": 404,
    "tables.unwritable": 507,
    "twin.busy": 409,
    "twin.no_run": 404,
}


class Problem(BaseModel):
    """RFC 9457 problem details, with the error's code and facts."""

    type: str = Field("about:blank", description="Always about:blank: the code says which problem it is")
    title: str = Field(description="What is wrong, in the language asked for")
    status: int
    code: str = Field(description="The error's code; it never changes with the language")
    detail: str = Field("", description="What to do about it")
    facts: dict[str, Any] = Field(default_factory=dict, description="The values and limits in the sentence")
    errors: list[dict[str, Any]] = Field(default_factory=list, description="Each faulty field of the request")


def _described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": "#/components/schemas/Problem"}
    names = {
        400: "The body is no JSON", 401: "Not logged in", 403: "Not allowed", 404: "Unknown",
        409: "Not possible in this state", 413: "Too large", 422: "A value is refused",
    }  # fmt: skip
    return {
        status: {"description": names[status], "content": {"application/problem+json": {"schema": schema}}}
        for status in statuses
    }


PROBLEMS = _described(400, 401, 403, 404, 409, 413, 422)
"""For the `responses` of a FastAPI route."""


def status_of(error: Exception) -> int:
    """The HTTP status of a refusal; a bad value (422) unless its code says otherwise."""
    if isinstance(error, HubError):
        return _STATUS.get(error.code, 422)
    if isinstance(error, HTTPException):
        return error.status_code
    return 422 if isinstance(error, RequestValidationError) else 500


def problem(error: Exception) -> JSONResponse:
    """The answer of the API to an error; of an unforeseen one it tells nothing but that it happened."""
    status = status_of(error)
    if isinstance(error, HubError):
        facts = {name: _plain(value) for name, value in error.facts.items()}
        body = Problem(title=error.message(), status=status, code=error.code, detail=error.hint(), facts=facts)
    else:
        code = "serve.not_found" if status == 404 else "serve.request" if status < 500 else "serve.failed"
        facts = {"why": str(error.detail)} if isinstance(error, HTTPException) else {"why": ""}
        told = HubError(code, **facts)
        body = Problem(title=told.message(), status=status, code=code, detail=told.hint())
        if isinstance(error, RequestValidationError):
            body.errors = [
                {"field": ".".join(_plain_text(part) for part in found["loc"]), "why": found["msg"]}
                for found in error.errors()
            ]
    headers = dict(getattr(error, "headers", None) or {})
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, HubError) and status == 429:
        headers["Retry-After"] = str(error.facts["seconds"])
    return JSONResponse(body.model_dump(mode="json"), status, headers=headers, media_type="application/problem+json")


def _plain(value: object) -> Any:
    """A fact as JSON can carry it."""
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return _plain_text(value)


def _plain_text(value: object) -> str:
    """Half a surrogate pair, which JSON can smuggle in, cannot be encoded in the answer."""
    return str(value).encode("utf-8", "replace").decode()
