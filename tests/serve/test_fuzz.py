"""Whatever is sent to the API, it answers as it says it does, and never with a defect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from aislehub.core.book import Filter
from aislehub.core.hub import Hub

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]


def test_no_request_is_a_defect(serve: Callable[[Hub], str], hub: Hub, bearer: Callable[[str], dict[str, str]]) -> None:
    """Generated requests to every operation get a documented status and content type, none of them 500."""
    headers = bearer("admin")
    described = schemathesis.openapi.from_url(f"{serve(hub)}/api/openapi.json")
    statuses: dict[str, set[int]] = {}
    for operation in described.get_all_operations():

        @given(case=operation.ok().as_strategy())
        @settings(
            max_examples=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        def is_sound(case: schemathesis.Case) -> None:
            response = case.call_and_validate(checks=CHECKS, headers=headers)
            statuses.setdefault(case.operation.label, set()).add(response.status_code)

        is_sound()
    assert len(statuses) >= 18
    assert not [label for label, seen in statuses.items() if 401 in seen or 403 in seen], "the token was not used"


NASTY = [
    '{"to": NaN, "why": "x"}',
    '{"to": 1e999, "why": "x"}',
    '{"to": {"quantity": NaN}, "why": "x"}',
    '{"to": {"quantity": "\\ud800"}, "why": "\\ud800"}',
    '{"to": {"\\u0000": 1}, "why": "x\\u0000"}',
    '{"to": ' + "9" * 400 + ', "why": "x"}',
    '{"events": [{"event_id": "\\ud800", "at": "9999-99-99", "kind": {}}]}',
    '{"events": [{"event_id": NaN, "at": 1e308, "kind": true, "payload": [[]]}]}',
    '{"item": "\\ud800", "deep": {"a": NaN}}',
    "[" * 100_000,
    "\x00",
    "",
]


@pytest.mark.parametrize("body", NASTY)
def test_nasty_json_is_refused_or_understood(
    client, bearer: Callable[[str], dict[str, str]], hub: Hub, body: str
) -> None:
    """What JSON can smuggle in (NaN, half surrogates, NUL, depth, huge numbers) is never a defect."""
    id = hub.ledger.find(Filter(), limit=1)[0]["id"]
    headers = bearer("planner") | {"Content-Type": "application/json"}
    for path in (f"decisions/{id}/override", "decisions/approve", "events", "answers/item_name"):
        response = client.post(f"/api/{path}", content=body.encode(), headers=headers)
        assert response.status_code < 500, (path, response.text)


def test_unforeseen_errors_tell_nothing(client: TestClient, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect is a problem document without its inside, for programs; for people a page."""
    broken = Path(hub.home / "nowhere")
    monkeypatch.setattr(type(hub.ledger), "days", lambda self: broken.read_text())
    response = client.get("/api/health")
    assert response.status_code == 500 and response.json()["code"] == "serve.failed"
    assert "nowhere" not in response.text
