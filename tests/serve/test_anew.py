"""A day of tours planned anew on the page Routes: kept in the ledger, told to drivers once it is sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from aislehub.connect.files import FileConnector
from aislehub.connect.tours import Tours
from aislehub.core.book import Filter
from aislehub.core.decision import carried_out
from aislehub.core.hub import Hub
from aislehub.core.outbox import send_approved
from aislehub.serve.tours import plans
from aislehub.supply.route.daily import routes
from aislehub.supply.route.deliveries import Policy
from tests.supply.route.chain import DAY, ITEM_ROWS, TRUCK, ordered, store, warehouse

SignIn = Callable[..., TestClient]
ON = (DAY + timedelta(days=1)).isoformat()
PLACES = [store("1", 0.1), store("2", 0.1, 0.2), store("3", -0.2, 0.1), store("4", 0.05, -0.3), store("5", 0.3, 0.3)]


@pytest.fixture
def busy(hub: Hub) -> Hub:
    """A house whose warehouse brings goods to five stores tomorrow: three tours proposed, four trucks."""
    trucks = [TRUCK | {"vehicle": f"truck {number}"} for number in (1, 2, 3, 4)]
    facts = {
        "stores": [*PLACES, warehouse(timezone="UTC")], "items": ITEM_ROWS, "vehicles": trucks,
        "orders": [ordered(name, "soap", 450.0) for name in "12345"],
    }  # fmt: skip
    for name, rows in facts.items():
        if name != "orders":
            rows = [row | {"known_at": datetime(2017, 1, 1, tzinfo=UTC)} for row in rows]
        checked = hub.tables.contract(name).check(pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))
        assert not checked.rejected.num_rows
        if name == "orders":
            hub.tables.write(name, checked.good, DAY)
        else:
            hub.tables.append(name, checked.good)
    found = routes.run(hub.tables, day=DAY, policy=Policy(rounds=5))
    hub.ledger.propose("routes", DAY, found, currency="USD")
    return hub


def planned(hub: Hub, **which: bool) -> dict[str, Any]:
    """The plan of the day."""
    return plans(hub, ON, **which)["W"]


def form(plan: dict[str, Any], **happened: Any) -> dict[str, Any]:
    """What the page sends."""
    return {"day": ON, "depot": "W", "decision": plan["id"], "why": "they called"} | happened


def send(hub: Hub, folder: Path) -> None:
    """Approved tours go out."""
    send_approved(hub.ledger, Tours(FileConnector(folder), hub.tables), "routes")


def stops(plan: dict[str, Any]) -> dict[str, str]:
    """Stop → its vehicle."""
    return {stop["id"]: tour["vehicle"] for tour in carried_out(plan)["tours"] for stop in tour["stops"]}


def shipped(hub: Hub) -> dict[str, str | None]:
    """Store → outcome in `shipments`, of stops that were not cancelled on one truck and moved to another."""
    rows = hub.tables.fetch("shipments").to_pylist()
    return {row["store"]: row["outcome"] for row in sorted(rows, key=lambda row: row["outcome"] != "cancelled")}


def test_a_proposed_day_is_overridden(busy: Hub, sign_in: SignIn) -> None:
    """A stop cancelled before sending becomes an override with who and why, and the page says what it changes."""
    client = sign_in()
    before = planned(busy)
    answer = client.post("/routes/anew", data=form(before, cancel=["5"]))
    assert answer.status_code == 204 and answer.headers["hx-redirect"] == f"/routes?day={ON}&depot=W"
    after = planned(busy)
    assert (after["id"], after["state"], after["override"]["who"]) == (before["id"], "overridden", "planner")
    assert stops(after).keys() == {"1", "2", "3", "4"} and after["override"]["why"] == "they called"
    page = client.get(answer.headers["hx-redirect"]).text
    assert (
        "planner: they called" in page and "5: cancelled, was due at" in page and "over keeping the old tours" in page
    )
    assert "5 was cancelled." in page and "over keeping the old tours" in page
    late = {"vehicle": ["truck 1", "truck 2"], "late": ["", "30"]}
    assert client.post("/routes/anew", data=form(after, **late)).status_code == 204
    again = planned(busy)
    assert carried_out(again)["anew"]["late"] == {"truck 2": 30} and "5" not in stops(again)


def test_a_sent_day_is_corrected_and_drivers_learn_it_when_it_is_sent(
    busy: Hub, sign_in: SignIn, tmp_path: Path
) -> None:
    """Of tours on the road a change is proposed with its money; the driver keeps the old tour until it is sent, what
    was reported stays, and a truck that broke down is replaced."""
    busy.ledger.approve(Filter(kind="routes"), who="admin")
    send(busy, tmp_path)
    before, client = planned(busy), sign_in()
    tour = max(carried_out(before)["tours"], key=lambda one: len(one["stops"]))
    first, second = (stop["id"] for stop in tour["stops"][:2])
    page = client.post("/routes/link", data={"day": ON, "depot": "W", "vehicle": tour["vehicle"]}).text
    (link,) = re.findall(r'value="http://testserver(/driver/[^"]+)"', page)
    midnight = datetime(DAY.year, DAY.month, DAY.day + 1, tzinfo=UTC)
    came, left = ((midnight + timedelta(hours=hours)).isoformat() for hours in (6, 7))
    told = {"id": "a", "stop": 1, "told_at": left, "outcome": "delivered", "arrived_at": came, "left_at": left}
    assert client.post(f"{link}/reports", json={"reports": [told]}).json()["refused"] == {}
    done = client.post("/routes/anew", data=form(before, at="07:01", cancel=[first]))
    assert done.status_code == 422 and "cannot be cancelled: a vehicle was there at 06:00" in done.text
    data = form(before, at="07:01", broken=[tour["vehicle"]])
    assert client.post("/routes/anew", data=data).status_code == 204
    change = planned(busy)
    assert (change["state"], change["compensates"]) == ("proposed", before["id"]) and change["money"] > 0
    assert change["money_low"] <= change["money"] <= change["money_high"]
    assert stops(change)[first] == tour["vehicle"] != stops(change)[second]
    assert planned(busy, sent_only=True)["id"] == before["id"] and 'data-halt="2"' in client.get(link).text
    assert "This change is proposed" in client.get(f"/routes?day={ON}&depot=W").text
    busy.ledger.approve(Filter(ids=(change["id"],)), who="admin")
    send(busy, tmp_path)
    assert planned(busy, sent_only=True)["id"] == change["id"] and 'data-halt="2"' not in client.get(link).text
    assert shipped(busy)[first] == "delivered" and shipped(busy)[second] is None


def test_what_the_page_sends_is_checked(busy: Hub, sign_in: SignIn) -> None:
    """Nothing said, no reason, an old page, a wrong time or wrong minutes are refused, and nothing changes."""
    plan, client = planned(busy), sign_in()
    wrong = {
        "Nothing was said": {}, "was changed meanwhile|were changed meanwhile": {"decision": "0" * 16, "cancel": ["1"]},
        "is not a time of the day": {"at": "25:99", "cancel": ["1"]}, "why": {"why": " ", "cancel": ["1"]},
        "is not a number of minutes": {"vehicle": ["truck 1"], "late": ["-5"]},
        "No tour has a stop": {"cancel": ["99"]},
    }  # fmt: skip
    for said, happened in wrong.items():
        answer = client.post("/routes/anew", data=form(plan, **happened))
        assert 400 <= answer.status_code < 500 and re.search(said, answer.text), (said, answer.text[:300])
    assert planned(busy)["state"] == "proposed"
    busy.ledger.reject(Filter(kind="routes"), who="admin")
    assert "nothing to plan anew" in client.post("/routes/anew", data=form(plan, cancel=["1"])).text
