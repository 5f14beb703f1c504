"""The driver's page: opened by a link, its reports become facts, each once, whatever the network does."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient

from aislehub.connect.files import FileConnector
from aislehub.connect.tours import Tours
from aislehub.core.book import Filter
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.outbox import Batch
from aislehub.serve import auth
from aislehub.serve.driven import OUTCOMES, REASONS

SignIn = Callable[..., TestClient]
TOUR = {"day": "2017-11-06", "depot": "D1", "vehicle": "van 1"}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def link(routed: Hub, sign_in: SignIn) -> str:
    """The path of a driver's page, made by a planner who has left since."""
    client = sign_in()
    page = client.post("/routes/link", data=TOUR)
    client.cookies.clear()
    (path,) = re.findall(r'value="http://testserver(/driver/[^"]+)"', page.text)
    return str(path)


def report(id: str, stop: int, minutes: int, **told: Any) -> dict[str, Any]:
    """A report told so many minutes after noon."""
    at = (NOON + timedelta(minutes=minutes)).isoformat()
    return {"id": id, "stop": stop, "told_at": at, "arrived_at": at} | told


def shipments(hub: Hub) -> list[dict[str, Any]]:
    """The stops that are known, in their order."""
    return sorted(hub.tables.fetch("shipments").to_pylist(), key=lambda row: (row["shipment"], row["stop"]))


def test_a_link_opens_one_tour_without_a_login(link: str, client: TestClient) -> None:
    """The link shows the van's stops with place, load and hours, and nothing of another tour; it is no login."""
    page = client.get(link).text
    assert "Main St" in page and "Harbour" in page and "W1" not in page
    assert 'href="geo:39.2,-84.5?q=39.2,-84.5"' in page and "900 kg" in page and "05:00–11:00" in page
    assert "This plan is not approved yet" in page
    assert client.get("/routes").status_code == 303
    names = [
        name.text for name in ElementTree.fromstring(client.get(f"{link}/tour.gpx").text).iterfind(".//{*}rtept/*")
    ]
    assert names == ["Depot North", "367", "406", "Depot North"]


def test_only_planners_make_links(routed: Hub, sign_in: SignIn) -> None:
    """A viewer is refused, and so is a link to a van without a tour."""
    assert sign_in("viewer").post("/routes/link", data=TOUR).status_code == 403
    assert sign_in("planner").post("/routes/link", data=TOUR | {"vehicle": "van 9"}).status_code == 404


def test_a_link_ends(routed: Hub, link: str, sign_in: SignIn) -> None:
    """It ends when another one for the tour is made; one that never was opens nothing, nor does another's token."""
    client = sign_in()
    assert client.get(link).status_code == 200
    client.post("/routes/link", data=TOUR)
    assert client.get(link).status_code == 404
    assert "This link has ended" in client.get("/driver/nonsense").text
    assert client.get(f"/driver/{auth.create_token(routed.state, 'admin', 'x')}").status_code == 404
    with pytest.raises(HubError, match="may have 80"):
        auth.create_pass(routed.state, "planner", "x" * 81, NOON)
    past = auth.create_pass(routed.state, "planner", "x", datetime.now(UTC) - timedelta(seconds=1))
    assert auth.pass_scope(routed.state, past) is None


def test_reports_become_facts(routed: Hub, link: str, client: TestClient) -> None:
    """Arrival, departure, outcome and reason stand in `shipments` beside what was planned, known when told."""
    told = [
        report("a", 1, 0), report("b", 1, 9, left_at=NOON.isoformat(), outcome="partial", reason="damaged"),
        report("c", 2, 30),
    ]  # fmt: skip
    answer = client.post(f"{link}/reports", json={"reports": told}).json()
    assert answer["taken"] == ["a", "b", "c"] and not answer["refused"]
    first, second = shipments(routed)
    assert (first["outcome"], first["reason"], first["left_at"]) == ("partial", "damaged", NOON)
    assert (first["store"], first["load_kg"], first["vehicle"]) == ("367", 900.0, "van 1")
    assert first["planned_at"] == datetime(2017, 11, 6, 11, tzinfo=UTC)  # 06:00 in New York
    assert first["known_at"] == NOON + timedelta(minutes=9)
    assert first["source"].startswith("decision ") and first["source"].endswith("; driver")
    assert (second["outcome"], second["arrived_at"]) == (None, NOON + timedelta(minutes=30))


def test_a_report_counts_once(routed: Hub, link: str, client: TestClient) -> None:
    """Sent again, even after a later correction, a report adds nothing; the correction stands."""
    failed = {"reports": [report("a", 1, 5, left_at=NOON.isoformat(), outcome="failed", reason="closed")]}
    mended = {"reports": [report("b", 1, 20, left_at=NOON.isoformat(), outcome="delivered")]}
    for parcel in (failed, failed, mended, failed, mended):
        assert client.post(f"{link}/reports", json=parcel).status_code == 200
    assert routed.tables.count("shipments") == 2
    assert [row["outcome"] for row in shipments(routed)] == ["delivered"]
    assert client.get(f"{link}/states").json()["states"]["1"]["outcome"] == "delivered"


def test_what_makes_no_sense_is_refused(routed: Hub, link: str, client: TestClient) -> None:
    """A stop that the tour does not have is named; an unknown outcome or a time without zone changes nothing."""
    answer = client.post(f"{link}/reports", json={"reports": [report("a", 9, 0), report("b", 1, 0)]}).json()
    assert answer["refused"] == {"a": "van 1 has 2 stops; there is no stop 9. The plan may have changed."}
    for wrong in ({"outcome": "eaten"}, {"told_at": "2026-03-02T12:00:00"}, {"stop": 0}, {"more": 1}):
        assert client.post(f"{link}/reports", json={"reports": [report("c", 1, 0) | wrong]}).status_code == 422
    assert routed.tables.count("shipments") == 1


def test_a_clock_ahead_is_not_believed(routed: Hub, link: str, client: TestClient) -> None:
    """What a phone says it was told tomorrow is known from now on."""
    ahead = report("a", 1, 0) | {"told_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    client.post(f"{link}/reports", json={"reports": [ahead]})
    assert shipments(routed)[0]["known_at"] <= datetime.now(UTC)


def test_the_page_routes_tells_what_was_reported(routed: Hub, link: str, sign_in: SignIn) -> None:
    """Planners see the outcome of each stop with its time and reason, and how many are done."""
    client = sign_in("viewer")
    refused = report("a", 2, 0, left_at=NOON.isoformat(), outcome="refused", reason="not_ordered")
    client.post(f"{link}/reports", json={"reports": [refused, report("b", 1, 0)]})
    page = client.get("/routes").text
    assert "Refused 07:00 · not ordered" in page and "Arrived 07:00" in page and "1 of 4 stops done" in page


def test_a_plan_that_fell_says_so(routed: Hub, link: str, client: TestClient) -> None:
    """Of a rejected plan the driver is told to ask before driving."""
    routed.ledger.reject(Filter(kind="routes"), who="planner")
    assert "no longer in force" in client.get(link).text


def test_reports_keep_the_contract(routed: Hub) -> None:
    """Outcomes and reasons on the page are those that `shipments` allows; only the hub itself cancels."""
    contract = routed.tables.contract("shipments")
    assert (*OUTCOMES, "cancelled") == contract.column("outcome").values
    assert contract.column("reason").values == REASONS


def test_a_changed_order_of_stops_leaves_reports_with_their_stores(
    routed: Hub, link: str, client: TestClient, tmp_path: Path
) -> None:
    """After another plan was sent, a stop is known by the number it had, on the page and in what a phone sends late."""

    def numbers() -> dict[str, int]:
        """Store → its number on the page."""
        page = client.get(link).text
        found = re.findall(r'data-halt="(\d+)".*?<strong>([^<]+)</strong>', page, flags=re.DOTALL)
        return {name: int(number) for number, name in found}

    before = numbers()
    done = report("a", before["Harbour"], 0, left_at=NOON.isoformat(), outcome="delivered")
    assert client.post(f"{link}/reports", json={"reports": [done]}).json()["refused"] == {}
    (decision,) = (one for one in routed.ledger.find(Filter(kind="routes")) if one["store"] == TOUR["depot"])
    tours = [
        tour | {"stops": tour["stops"][::-1]} if tour["vehicle"] == TOUR["vehicle"] else tour
        for tour in decision["action"]["tours"]
    ]
    routed.ledger.override(decision["id"], decision["action"] | {"tours": tours}, who="ann", why="road works")
    batch = Batch("b1", [decision | {"decision": decision["id"], "compensates": "", "tours": tours}])
    Tours(FileConnector(tmp_path), routed.tables).send(batch)
    assert list(numbers()) == list(before)[::-1] and numbers() == before
    late = report("b", before["Main St"], 40, left_at=NOON.isoformat(), outcome="refused", reason="closed")
    assert client.post(f"{link}/reports", json={"reports": [late]}).json()["refused"] == {}
    own = {row["store"]: row["outcome"] for row in shipments(routed) if row["vehicle"] == TOUR["vehicle"]}
    assert own == {"406": "delivered", "367": "refused"}


def test_a_plan_changed_before_it_was_sent_leaves_reports_with_their_stores(
    routed: Hub, link: str, client: TestClient
) -> None:
    """A phone that had the tour before an override reports by the numbers it knew: the store counts, and what is no
    longer on the tour is refused in words."""
    (decision,) = routed.ledger.find(Filter(kind="routes"))
    first, second = decision["action"]["tours"]
    turned = first | {"stops": first["stops"][::-1]}
    routed.ledger.override(
        decision["id"], decision["action"] | {"tours": [turned, second]}, who="ann", why="road works"
    )
    assert routed.tables.version("shipments") < 0
    done = {"left_at": NOON.isoformat(), "outcome": "delivered", "store": "367"}
    answer = client.post(f"{link}/reports", json={"reports": [report("a", 1, 0, **done)]}).json()
    assert answer["refused"] == {}
    (row,) = shipments(routed)
    assert (row["store"], row["stop"], row["outcome"]) == ("367", 2, "delivered")
    assert (answer["states"]["2"]["store"], answer["states"]["2"]["order"]) == ("367", None)
    gone = client.post(f"{link}/reports", json={"reports": [report("b", 1, 5, order="W1")]}).json()["refused"]
    assert gone["b"].startswith("The plan has changed: W1 is no longer on the tour of van 1")
    assert routed.tables.count("shipments") == 1
