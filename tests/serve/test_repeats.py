"""A call with an Idempotency-Key is carried out once, whoever repeats it and how often."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import insert, select, update

from aislehub.core.book import Filter
from aislehub.core.hub import Hub
from aislehub.core.state import repeats
from aislehub.data.privacy.erase import erase_person

Headers = Callable[[str], dict[str, str]]
WORD = {"customer": "member-0001", "purpose": "messages", "granted": True}


@pytest.fixture
def api(serve: Callable[[Hub], str], hub: Hub) -> httpx.Client:
    """A client of a real server."""
    return httpx.Client(base_url=f"{serve(hub)}/api", timeout=60)


def test_the_same_call_again_changes_nothing_and_gets_the_same_answer(
    api: httpx.Client, hub: Hub, bearer: Headers
) -> None:
    """A word without a moment would count twice; with a key it counts once, and the answer is the first one."""
    headers = bearer("admin") | {"Idempotency-Key": "k-1"}
    first = api.post("/consents", json=WORD, headers=headers)
    again = api.post("/consents", json=WORD, headers=headers)
    assert first.status_code == again.status_code == 200 and first.content == again.content
    assert "idempotent-replayed" not in first.headers and again.headers["idempotent-replayed"] == "true"
    assert hub.tables.count("consents") == 1
    api.post("/consents", json=WORD, headers=bearer("admin") | {"Idempotency-Key": "k-2"})
    assert hub.tables.count("consents") == 2


def test_a_move_repeated_is_one_move(api: httpx.Client, hub: Hub, bearer: Headers) -> None:
    """An override repeated under its key moves the decision once and is answered the same."""
    id = hub.ledger.find(Filter(states=("proposed",)), limit=1)[0]["id"]
    headers = bearer("planner") | {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
    before = len(hub.ledger.history(id))
    body = {"to": 3, "why": "shelf is small"}
    answers = [api.post(f"/decisions/{id}/override", json=body, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3, answers[0].text
    assert len({answer.content for answer in answers}) == 1
    moves = len(hub.ledger.history(id)) - before
    assert moves == 1 and hub.ledger.get(id)["state"] == "overridden"
    api.post(f"/decisions/{id}/undo", json={}, headers=headers | {"Idempotency-Key": "undo-1"})
    undone = len(hub.ledger.history(id))
    api.post(f"/decisions/{id}/undo", json={}, headers=headers | {"Idempotency-Key": "undo-1"})
    assert len(hub.ledger.history(id)) == undone


def test_another_request_under_a_key_is_refused(api: httpx.Client, hub: Hub, bearer: Headers) -> None:
    """Another body or another address under the same key is a 422 problem; another user's key is another key."""
    headers = bearer("admin") | {"Idempotency-Key": "k-1"}
    assert api.post("/consents", json=WORD, headers=headers).status_code == 200
    for path, body in (("/consents", WORD | {"granted": False}), ("/events", WORD)):
        answer = api.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "serve.repeat_other"), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert hub.tables.count("consents") == 1
    sent = api.post("/events", json={"events": []}, headers=bearer("planner") | {"Idempotency-Key": "k-1"})
    assert sent.status_code == 202
    for wrong in ("", "x" * 256, "a b"):
        answer = api.post("/events", json={"events": []}, headers=bearer("planner") | {"Idempotency-Key": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "serve.repeat_key"), wrong
    assert api.post("/events", json={"events": []}, headers={"Idempotency-Key": "k-1"}).status_code == 401


def test_a_refused_call_may_be_mended(api: httpx.Client, bearer: Headers) -> None:
    """What was refused changed nothing, so its key is free for the request as it should have been."""
    headers = bearer("admin") | {"Idempotency-Key": "k-3"}
    assert api.post("/consents", json=WORD | {"purpose": "mesages"}, headers=headers).status_code == 422
    assert api.post("/consents", json=WORD, headers=headers).status_code == 200


def test_calls_at_the_same_time_are_one(api: httpx.Client, hub: Hub, bearer: Headers) -> None:
    """Of eight at once one is carried out; the others get its answer or are told that it is running."""
    headers = bearer("admin") | {"Idempotency-Key": "k-4"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post("/consents", json=WORD, headers=headers), range(8)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) <= {200, 409} and 200 in codes and hub.tables.count("consents") == 1
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"serve.repeat_running"}


def test_a_key_is_kept_for_a_day_and_a_killed_call_for_minutes(api: httpx.Client, hub: Hub, bearer: Headers) -> None:
    """After a day the call is a new one; a call without an answer bars its key for ten minutes."""
    headers = bearer("admin") | {"Idempotency-Key": "k-5"}
    api.post("/consents", json=WORD, headers=headers)
    for status, age, code in ((None, 1, 409), (None, 11, 200), (200, 23 * 60, 200), (200, 25 * 60, 200)):
        old = datetime.now(UTC) - timedelta(minutes=age)
        with hub.state.begin() as connection:
            connection.execute(update(repeats).values(status=status, at=old))
        before = hub.tables.count("consents")
        assert api.post("/consents", json=WORD, headers=headers).status_code == code
        assert hub.tables.count("consents") == before + (age in (11, 25 * 60))


def test_an_erasure_reaches_kept_answers(hub: Hub, tmp_path: Path) -> None:
    """A kept answer that names an erased person names nobody afterwards."""
    row = {"key": "k", "request": "r", "at": datetime.now(UTC), "status": 200, "answer": '{"customer": "member-0001"}'}
    with hub.state.begin() as connection:
        connection.execute(insert(repeats).values(row))
    token = erase_person(hub, "member-0001", tmp_path / "proof.json", who="test")["token"]
    with hub.state.connect() as connection:
        assert connection.execute(select(repeats.c.answer)).scalar() == f'{{"customer": "{token}"}}'


def test_the_description_names_the_header(api: httpx.Client) -> None:
    """Every call that changes something says that it takes a key; a question does not."""
    paths = api.get("/openapi.json").json()["paths"]
    posts = {
        path: [p["name"] for p in item["post"].get("parameters", [])] for path, item in paths.items() if "post" in item
    }
    assert {path for path, names in posts.items() if "Idempotency-Key" not in names} == {"/api/answers/{name}"}
