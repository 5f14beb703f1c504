"""The JSON API: what it tells, what it moves, what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from aislehub.core.alerts import AlertFilter
from aislehub.core.book import Filter
from aislehub.core.hub import Hub

Headers = Callable[[str], dict[str, str]]


def told(response) -> tuple[int, str]:
    """Status and code of a refusal, which is always problem details."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    body = response.json()
    assert body["status"] == response.status_code and body["title"]
    return body["status"], body["code"]


def test_without_a_token_only_health_is_told(client: TestClient) -> None:
    """Every address but health and the description refuses a stranger, a wrong token and another scheme."""
    assert client.get("/api/health").json()["day"] == "2017-11-05"
    document = client.get("/api/openapi.json").json()
    for path, item in document["paths"].items():
        for method in item:
            if path != "/api/health":
                url = path.replace("{id}", "0" * 16).replace("{name}", "items")
                for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}):
                    response = client.request(method, url, headers=headers, json={"events": [], "to": 1, "why": "x"})
                    assert told(response) in ((401, "serve.login_needed"), (422, "serve.request")), (method, path)


def test_the_description_is_openapi_3_1(client: TestClient) -> None:
    """The document says 3.1, names the token, and every refusal in it is problem details."""
    document = client.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1") and document["components"]["securitySchemes"]["token"]
    refusals = [
        response["content"]
        for item in document["paths"].values()
        for operation in item.values()
        for status, response in operation["responses"].items()
        if status.startswith("4")
    ]
    assert refusals and all(list(content) == ["application/problem+json"] for content in refusals)


def test_pages_of_decisions_follow_each_other(client: TestClient, bearer: Headers) -> None:
    """Following `next` gives every decision once, by falling money, with its reasons as sentences."""
    headers, found, cursor = bearer("viewer"), [], ""
    while True:
        params = {"limit": 50, "cursor": cursor, "state": "proposed"}
        page = client.get("/api/decisions", params=params, headers=headers).json()
        found += page["decisions"]
        cursor = page["next"]
        if cursor is None:
            break
    assert len({decision["id"] for decision in found}) == len(found) == 120
    money = [decision["money"] for decision in found]
    assert money == sorted(money, reverse=True)
    assert found[0]["reasons"][0]["sentence"] == "on_hand is 2; the lowest allowed value is 9."
    assert found[0]["action"] == {"quantity": 6.0, "cases": 1} and found[0]["baseline"]["name"] == "weeks_of_cover"


def test_sentences_come_in_the_language_asked_for(client: TestClient, bearer: Headers) -> None:
    """Accept-Language: zh gives Chinese reasons and Chinese refusals with the same code."""
    headers = bearer("viewer") | {"Accept-Language": "zh-CN,zh;q=0.9"}
    decision = client.get("/api/decisions", params={"limit": 1}, headers=headers).json()["decisions"][0]
    assert decision["reasons"][0]["sentence"] == "on_hand 为 2；最小允许值为 9。"
    refused = client.get("/api/tables/nothing", headers=headers)
    assert told(refused) == (404, "tables.unknown") and "没有" in refused.json()["title"]


def test_a_decision_is_moved_and_moved_back(client: TestClient, bearer: Headers, hub: Hub) -> None:
    """Approve, undo, override and reject change the state, and the history says who did it and why."""
    headers = bearer("planner")
    id = hub.ledger.find(Filter(), limit=1)[0]["id"]
    moves = [
        ("approve", {"why": "fine"}, "approved"),
        ("undo", {}, "proposed"),
        ("override", {"to": 30, "why": "holiday"}, "overridden"),
        ("undo", {}, "proposed"),
        ("reject", {"why": "no room"}, "rejected"),
    ]
    for move, body, state in moves:
        assert client.post(f"/api/decisions/{id}/{move}", json=body, headers=headers).json()["state"] == state
    history = client.get(f"/api/decisions/{id[:8]}", headers=headers).json()["history"]
    assert [row["state_to"] for row in history[1:]] == [state for _, _, state in moves]
    assert {row["who"] for row in history[1:]} == {"planner"} and history[1]["why"] == "fine"


def test_a_viewer_moves_nothing(client: TestClient, bearer: Headers, hub: Hub) -> None:
    """Every move and every event of a viewer is refused, and nothing has changed."""
    headers, id = bearer("viewer"), hub.ledger.find(Filter(), limit=1)[0]["id"]
    calls = [
        (f"/api/decisions/{id}/approve", {}),
        (f"/api/decisions/{id}/reject", {}),
        (f"/api/decisions/{id}/override", {"to": 1, "why": "x"}),
        (f"/api/decisions/{id}/undo", {}),
        ("/api/decisions/approve", {}),
        ("/api/events", {"events": []}),
    ]
    for path, body in calls:
        assert told(client.post(path, json=body, headers=headers)) == (403, "serve.forbidden")
    assert {group["state"] for group in hub.ledger.summary(Filter())} == {"proposed"}


def test_moves_that_cannot_be_are_named(client: TestClient, bearer: Headers, hub: Hub) -> None:
    """Unknown is 404, a move the state does not allow is 409, a bad value is 422; nothing is half done."""
    headers, id = bearer("planner"), hub.ledger.find(Filter(), limit=1)[0]["id"]
    post = client.post
    assert told(post("/api/decisions/" + "0" * 16 + "/approve", json={}, headers=headers)) == (404, "ledger.unknown")
    assert told(post(f"/api/decisions/{id}/undo", json={}, headers=headers)) == (409, "ledger.move")
    bad = [{"to": -1, "why": "x"}, {"to": {"colour": 1}, "why": "x"}, {"to": 1, "why": " "}]
    for body in bad:
        assert post(f"/api/decisions/{id}/override", json=body, headers=headers).status_code == 422
    assert told(post(f"/api/decisions/{id}/override", json={"to": 1}, headers=headers)) == (422, "serve.request")
    assert hub.ledger.get(id)["state"] == "proposed"


def test_bulk_approval_takes_what_the_filter_says(client: TestClient, bearer: Headers, hub: Hub) -> None:
    """Limits on outlay and low money narrow it, a wrong `expected` stops it, and ids go all or none."""
    headers = bearer("planner")
    limits = {"outlay_at_most": 30.0, "money_low_at_least": 0.0}
    which = Filter(states=("proposed",), **limits)
    count = hub.ledger.summary(which)[0]["count"]
    assert 0 < count < 120
    wrong = client.post("/api/decisions/approve", json=limits | {"expected": count + 1}, headers=headers)
    assert told(wrong) == (409, "ledger.changed") and wrong.json()["facts"]["count"] == count
    done = client.post("/api/decisions/approve", json=limits | {"expected": count}, headers=headers)
    assert done.json() == {"approved": count, "refused": {}}
    approved = hub.ledger.find(Filter(states=("approved",)))
    assert len(approved) == count and all(row["outlay"] <= 30 and row["money_low"] >= 0 for row in approved)
    rest = hub.ledger.find(Filter(states=("proposed",)), limit=2)
    ids = [row["id"] for row in rest]
    assert client.post("/api/decisions/approve", json={"ids": ids}, headers=headers).json()["approved"] == 2


def test_tables_are_told_page_by_page(client: TestClient, bearer: Headers) -> None:
    """Tables name their columns; rows come in the order of the key, each once, and as of a day."""
    headers = bearer("viewer")
    listed = {row["table"]: row for row in client.get("/api/tables", headers=headers).json()["tables"]}
    assert listed["items"]["rows"] == 8 and listed["items"]["key"] == ["item"]
    found, cursor = [], ""
    while cursor is not None:
        page = client.get("/api/tables/items", params={"limit": 3, "cursor": cursor}, headers=headers).json()
        found, cursor = found + page["rows"], page["next"]
    assert [row["item"] for row in found] == [str(1001 + n) for n in range(8)]
    before = client.get("/api/tables/stock", params={"as_of": "2017-10-01", "limit": 1000}, headers=headers)
    assert 0 < len(before.json()["rows"]) < 960


def test_only_an_admin_reads_persons(client: TestClient, bearer: Headers) -> None:
    """A table with a person's column is refused to viewer and planner by name, and open to an admin."""
    for role in ("viewer", "planner"):
        assert told(client.get("/api/tables/sales_lines", headers=bearer(role))) == (403, "serve.persons")
    assert client.get("/api/tables/sales_lines", headers=bearer("admin")).json()["rows"]


def test_a_foreign_cursor_is_refused(client: TestClient, bearer: Headers) -> None:
    """A cursor that was not given out is a bad value, for decisions and for tables."""
    headers = bearer("admin")
    for cursor in ("x", "e30=", "WyJhIiwgImIiXQ==", "WzEsIDJd", "Wy0xXQ=="):
        for path in ("/api/decisions", "/api/tables/items"):
            response = client.get(path, params={"cursor": cursor}, headers=headers)
            assert told(response) == (422, "serve.cursor"), (cursor, path)


def test_forecast_and_readiness(client: TestClient, bearer: Headers) -> None:
    """The last forecast of a pair by day, the last readiness; of an unknown pair an empty one."""
    headers = bearer("viewer")
    found = client.get("/api/forecast", params={"store": "367", "item": "1001"}, headers=headers).json()
    assert found["day"] == "2017-11-05" and len(found["forecast"]) == 14
    assert all(row["low"] <= row["mean"] <= row["high"] for row in found["forecast"])
    nothing = client.get("/api/forecast", params={"store": "1", "item": "1"}, headers=headers)
    assert nothing.json()["forecast"] == []
    kinds = {row["kind"] for row in client.get("/api/readiness", headers=headers).json()["readiness"]}
    assert kinds == {"table", "fault", "capability"}


def test_forecasts_are_explained_and_asked_what_if(client: TestClient, bearer: Headers) -> None:
    """The parts of a forecast add up in the document; a what-if has both cases; refusals are problems with a status."""
    headers = bearer("viewer")
    ask = {"store": "367", "item": "1001"}
    found = client.get("/api/forecast/explain", params=ask, headers=headers).json()
    assert len(found["days"]) == 14
    for day in found["days"]:
        assert sum(day["parts"].values()) == pytest.approx(day["mean"], abs=1e-6)
    assert found["total"]["reasons"][0]["sentence"]
    answer = client.get("/api/whatif", params=ask | {"promo": "display"}, headers=headers).json()
    units = answer["total"]["units"]
    assert units["low"] <= units["difference"] <= units["high"]
    assert units["after"] - units["before"] == pytest.approx(units["difference"])
    unknown = client.get("/api/forecast/explain", params=ask | {"item": "no"}, headers=headers)
    assert unknown.status_code == 404 and unknown.json()["code"] == "demand.unknown_item"
    still = client.get("/api/whatif", params=ask | {"price": 3.8}, headers=headers)
    assert still.status_code == 422 and still.json()["code"] == "whatif.not_identified"


EVENT = {"event_id": "e1", "at": "2017-11-05T10:00:00Z", "kind": "view", "item": "1001"}


def test_events_are_taken_in_once(client: TestClient, bearer: Headers, hub: Hub) -> None:
    """Good events reach the inbox once however often they are sent; bad ones come back with every fault."""
    headers = bearer("planner")
    events = [
        EVENT,
        EVENT | {"event_id": "e2", "payload": {"page": 3}},
        EVENT | {"event_id": "e3", "kind": "stare"},
        EVENT | {"event_id": "e4", "at": "yesterday"},
        {"at": "2017-11-05T10:00:00Z", "kind": "view"},
        EVENT | {"event_id": "e5", "phone": "555"},
        EVENT | {"event_id": "e6", "at": "2099-01-01T00:00:00Z"},
        EVENT | {"event_id": "e" * 201},
    ]
    first = client.post("/api/events", json={"events": events}, headers=headers)
    assert first.status_code == 202
    body = first.json()
    assert (body["received"], body["new"], body["known"]) == (8, 2, 0)
    faults = {row["index"]: [fault["code"] for fault in row["reasons"]] for row in body["rejected"]}
    codes = ("reject.value", "reject.time", "reject.empty", "serve.event_field", "serve.event_future",
             "serve.event_long")  # fmt: skip
    assert faults == {place: [code] for place, code in enumerate(codes, start=2)}
    assert "stare" in body["rejected"][0]["reasons"][0]["sentence"]
    again = client.post("/api/events", json={"events": events}, headers=headers).json()
    assert (again["new"], again["known"]) == (0, 2)
    assert [event["event_id"] for _, event in hub.inbox.since()] == ["e1", "e2"]
    assert client.post("/api/events", json={"events": []}, headers=headers).json()["received"] == 0


def test_an_event_changes_the_next_answer(client: TestClient, bearer: Headers) -> None:
    """An answer sees events at once; what it needs and does not get, and unknown answers, are refused."""
    headers = bearer("planner")
    ask = lambda body: client.post("/api/answers/item_name", json=body, headers=headers)  # noqa: E731
    assert ask({"item": "1001"}).json()["events"] == 0
    client.post("/api/events", json={"events": [EVENT]}, headers=headers)
    told_now = ask({"item": "1001"}).json()
    assert (told_now["name"], told_now["events"]) == ("Whole milk 1 L", 1) and told_now["versions"]["items"] >= 0
    assert told(ask({})) == (422, "answers.request")
    assert told(client.post("/api/answers/nothing", json={}, headers=headers)) == (404, "answers.unknown")


def test_only_an_admin_names_a_person_in_a_question(client: TestClient, bearer: Headers) -> None:
    """What an answer tells of a member is told to an admin; without a name everybody may ask."""
    ask = lambda role, body: client.post("/api/answers/recommend", json=body, headers=bearer(role))  # noqa: E731
    assert told(ask("planner", {"customer": "c1"})) == (403, "serve.named_person")
    assert told(ask("planner", {})) == told(ask("admin", {"customer": "c1"})) != (403, "serve.named_person")


@pytest.mark.parametrize("path", ["/api/nothing", "/api/decisions/", "/api"])
def test_an_unknown_address_is_a_problem_too(client: TestClient, path: str) -> None:
    """A wrong address below /api is told as problem details."""
    assert told(client.get(path))[0] == 404


def test_a_large_body_is_refused(client: TestClient, bearer: Headers) -> None:
    """More than the limit is not read, whether the length is announced or not."""
    headers = bearer("planner")
    announced = client.post("/api/events", content=b" " * 10_000_001, headers=headers)
    assert told(announced) == (413, "serve.too_large")
    chunks = (b" " * 1_000_000 for _ in range(11))
    assert client.post("/api/events", content=chunks, headers=headers).status_code in (400, 413)


def test_foreign_pages_cannot_ride_on_a_session(sign_in, hub: Hub) -> None:
    """With a session, a request from another site moves nothing; from the console's own pages it does."""
    client, id = sign_in("planner"), hub.ledger.find(Filter(), limit=1)[0]["id"]
    path = f"/api/decisions/{id}/approve"
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ):
        assert told(client.post(path, json={}, headers=headers)) == (403, "serve.cross_origin")
    assert client.post(path, json={}, headers={"Origin": "http://testserver"}).json()["state"] == "approved"


def test_an_event_is_known_when_it_arrives(client: TestClient, bearer: Headers) -> None:
    """A sender cannot say when the hub knew an event."""
    event = EVENT | {"known_at": "2017-01-01T00:00:00Z"}
    body = client.post("/api/events", json={"events": [event]}, headers=bearer("planner")).json()
    assert body["new"] == 0 and body["rejected"][0]["reasons"][0]["column"] == "known_at"


# -- alerts ----------------------------------------------------------------------------------------


def test_pages_of_alerts_follow_each_other(client: TestClient, bearer: Headers) -> None:
    """Following `next` gives every open alert once, by falling money, with its sentence; the fields narrow."""
    headers, found, cursor = bearer("viewer"), [], ""
    while cursor is not None:
        page = client.get("/api/alerts", params={"limit": 5, "cursor": cursor}, headers=headers).json()
        found += page["alerts"]
        cursor = page["next"]
    money = [alert["money_at_risk"] for alert in found]
    assert len({alert["id"] for alert in found}) == 13 and money == sorted(money, reverse=True)
    assert found[0]["sentence"].startswith("Store") and found[0]["first_day"] == "2017-11-03" and found[0]["days"] == 3

    def count(**params: object) -> int:
        return len(client.get("/api/alerts", params=params, headers=headers).json()["alerts"])

    assert count(state=["suppressed", "closed"]) == 3 and count(owner="store", store="406") == 2
    assert count(cause="supply.alert_negative_stock") == 4 and count(state="closed", store="") == 1
    assert told(client.get("/api/alerts", params={"state": "lost"}, headers=headers)) == (422, "serve.request")
    assert told(client.get("/api/alerts", params={"cursor": "x"}, headers=headers)) == (422, "serve.cursor")


def test_an_alert_is_suppressed_and_resumed(client: TestClient, bearer: Headers, hub: Hub) -> None:
    """A planner suppresses with a reason and resumes; a viewer may not; what makes no sense is a documented refusal."""
    id = hub.alerts.find(AlertFilter(states=("open",)), limit=1)[0]["id"]
    body = {"until": "2017-11-20", "why": "supplier is on strike"}
    planner, viewer = bearer("planner"), bearer("viewer")
    assert told(client.post(f"/api/alerts/{id}/suppress", json=body, headers=viewer)) == (403, "serve.forbidden")
    answer = client.post(f"/api/alerts/{id[:6]}/suppress", json=body, headers=planner).json()
    assert (answer["state"], answer["until"]) == ("suppressed", "2017-11-20")
    history = client.get(f"/api/alerts/{id}", headers=viewer).json()["history"]
    assert (history[-1]["who"], history[-1]["why"]) == ("planner", "supplier is on strike")
    late = client.post(f"/api/alerts/{id}/suppress", json=body | {"until": "2017-11-05"}, headers=planner)
    assert told(late) == (422, "alerts.until")
    unreasoned = client.post(f"/api/alerts/{id}/suppress", json=body | {"why": ""}, headers=planner)
    assert told(unreasoned) == (422, "serve.request")
    assert client.post(f"/api/alerts/{id}/resume", json={}, headers=planner).json()["state"] == "open"
    assert told(client.post(f"/api/alerts/{id}/resume", json={}, headers=planner)) == (409, "alerts.move")
    assert told(client.get(f"/api/alerts/{'0' * 16}", headers=viewer)) == (404, "alerts.unknown")


def test_accuracy_is_told_page_by_page(client: TestClient, bearer: Headers) -> None:
    """Every part of the last day in the order of its key, narrowed by what is given."""
    headers = bearer("viewer")
    whole = client.get("/api/accuracy", headers=headers).json()
    assert whole["day"] == "2017-11-05" and whole["next"] is None
    assert [(row["level"], row["store"], row["subject"]) for row in whole["accuracy"]] == [
        ("chain", "", ""), ("item_store", "", "smooth"), ("store", "367", ""), ("store", "406", ""),
    ]  # fmt: skip
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get("/api/accuracy", params={"limit": 3, "cursor": cursor}, headers=headers).json()
        seen += page["accuracy"]
        cursor = page["next"]
    assert seen == whole["accuracy"]
    for query, count in (
        ("level=store", 2), ("store=367", 1), ("store=", 2), ("subject=smooth", 1), ("day=2017-11-04", 0),
    ):  # fmt: skip
        assert len(client.get(f"/api/accuracy?{query}", headers=headers).json()["accuracy"]) == count, query
    assert client.get("/api/accuracy?level=street", headers=headers).status_code == 422


def test_learned_models_say_what_was_chosen_and_why(client: TestClient, bearer: Headers) -> None:
    """The newest of each, with its classes, weights that sum to 1 and a sentence; none before the first was learnt."""
    headers = bearer("viewer") | {"Accept-Language": "en"}
    (model,) = client.get("/api/models", headers=headers).json()["models"]
    assert (model["model"], model["day"], model["why"]) == ("demand", "2017-11-05", "first")
    (choice,) = model["choices"]
    assert choice["demand_class"] == "new" and choice["series"] == 16 and choice["sentence"].endswith(".")
    assert sum(choice["weights"].values()) == pytest.approx(1) and set(choice["wape"]) >= {"seasonal_mean", "mean28"}
    assert client.get("/api/models?day=2017-11-04", headers=headers).json() == {"models": []}
