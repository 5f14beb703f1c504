"""The page Rosters: who is there beside who is needed, what a change would mean, and what is kept of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from aislehub.core.book import Filter
from aislehub.core.decision import carried_out
from aislehub.core.hub import Hub

from .conftest import MONDAY, shift

SignIn = Callable[..., TestClient]


def board(page: str) -> dict[str, Any]:
    """What the page draws."""
    found = re.search(r'id="board">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def draft(shifts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """The week with these shifts, as the page sends it."""
    return {"store": "501", "week": MONDAY.isoformat(), "shifts": shifts, **more}


def roster(hub: Hub) -> dict[str, Any]:
    """The newest decision on the week."""
    return hub.ledger.find(Filter(kind="rosters"))[0]


def shifts_of(hub: Hub) -> list[dict[str, Any]]:
    """The shifts that stand."""
    return list(carried_out(roster(hub))["shifts"])


def checked(client: TestClient, shifts: list[dict[str, Any]]) -> dict[str, Any]:
    """What the server says of these shifts."""
    answer = client.post("/rosters/check", json=draft(shifts))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_house_without_a_roster_says_what_it_needs(sign_in: SignIn) -> None:
    """Before the first roster the page says how one comes about."""
    assert "No roster has been proposed yet" in sign_in().get("/rosters").text


def test_rosters_are_for_planners(rostered: Hub, sign_in: SignIn) -> None:
    """Who works when is personal: a viewer is refused and does not find the page in the navigation."""
    client = sign_in("viewer")
    assert client.get("/rosters").status_code == 403
    assert 'href="/rosters"' not in client.get("/today").text
    assert client.post("/rosters/check", json=draft([])).status_code == 403


def test_people_there_stand_beside_people_needed(rostered: Hub, sign_in: SignIn) -> None:
    """Monday lacks an hour at the till, Sunday everybody; hours and cost are those of the shifts without breaks."""
    found = board(sign_in().get("/rosters").text)
    monday, sunday = found["days"][0], found["days"][6]
    assert (monday["needed_hours"], monday["there_hours"], monday["missing_hours"]) == (8.0, 7.0, 1.0)
    assert (sunday["needed_hours"], sunday["missing_hours"], found["missing"]) == (8.0, 8.0, 9.0)
    assert sum(monday["there"]["till"]) == 20 and monday["needed"]["shelf"][32:41] == [1] * 8 + [0]
    assert (found["hours"], found["cost"], found["lawful"], found["faults"]) == (47.0, 47 * 15.0, True, [])
    assert found["changes"] == []


def test_who_comes_from_another_store_is_shown_with_it(rostered: Hub, sign_in: SignIn) -> None:
    """Eva of store 777 may work here: her line names her store, those of the store's own people name none."""
    people = rostered.tables.fetch("roster_staff").to_pylist()
    people.append(people[0] | {"staff": "eva", "home": "777"})
    contract = rostered.tables.contract("roster_staff")
    rows = contract.check(pa.Table.from_pylist(people, contract.schema)).good
    rostered.tables.write("roster_staff", rows, people[0]["day"])
    page = sign_in().get("/rosters").text
    assert {one["staff"]: one["home"] for one in board(page)["people"]} == {
        "anna": "", "ben": "", "cara": "", "dan": "", "eva": "of store 777"
    }  # fmt: skip
    assert "eva <small>of store 777</small>" in page and page.count("of store 777</small>") == 1


def test_a_change_is_checked_at_once(rostered: Hub, sign_in: SignIn) -> None:
    """Anna stays an hour longer on Monday: nothing is missing, and the change is said as what it is."""
    shifts = shifts_of(rostered)
    shifts[0]["ends"] = "14:00"
    found = checked(sign_in(), shifts)["board"]
    assert (found["days"][0]["missing_hours"], found["hours"], found["lawful"]) == (0.0, 48.0, True)
    assert found["changes"] == ["anna, Mon 6 Nov: 08:00–14:00 till instead of 08:00–13:00 till"]


@pytest.mark.parametrize(
    ("wrong", "said", "stops"),
    [
        (shift("ben", 0, "22:00", "25:00"), None, False),
        (shift("cara", 6, "08:00", "12:00"), "Not able to work as till; skills: shelf.", True),
        (shift("ben", 3, "08:00", "12:00"), "Cannot work on 2017-11-09 between 00:00 and 24:00.", True),
        (shift("anna", 0, "16:00", "18:00"), "2 shifts on 2017-11-06", True),
        (shift("zoe", 0, "16:00", "18:00"), "zoe is not on the staff of this store", True),
        (shift("ben", 0, "08:00", "15:00"), "without a break of 15 minutes", True),
        (shift("dan", 0, "18:00", "22:30"), "Work at night, between 22:00 and 06:00", True),
        (shift("ben", 4, "20:00", "24:00"), "11 without interruption are due. (Directive 2003/88/EC, art. 3)", True),
        (shift("dan", 1, "08:00", "20:30"), "above the 12 of the contract", False),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_shift(
    rostered: Hub, sign_in: SignIn, wrong: dict[str, Any], said: str | None, stops: bool
) -> None:
    """Law with its article, skill, availability and contract: each a sentence; what stops is not saved."""
    client, shifts = sign_in(), [*shifts_of(rostered), wrong]
    faults = checked(client, shifts)["board"]["faults"]
    assert [fault for fault in faults if said and said in fault["text"] and fault["stops"] == stops] or not said
    answer = client.post("/rosters/save", json=draft(shifts, decision=roster(rostered)["id"], why="fair"))
    is_stopped = any(fault["stops"] for fault in faults)
    assert answer.status_code == (422 if is_stopped else 200), answer.text
    assert roster(rostered)["state"] == ("proposed" if is_stopped else "overridden")


def test_a_saved_change_is_an_override_with_a_reason(rostered: Hub, sign_in: SignIn) -> None:
    """Who and why are in the ledger; without a reason, without a change, or from an old page nothing is kept."""
    client, before = sign_in(), shifts_of(rostered)
    id, after = roster(rostered)["id"], [{**one, "ends": "14:00"} if one["ends"] == "13:00" else one for one in before]
    assert "needs a reason" in client.post("/rosters/save", json=draft(after, decision=id, why=" ")).text
    assert client.post("/rosters/save", json=draft(before, decision=id, why="x")).status_code == 422
    assert client.post("/rosters/save", json=draft(after, decision="0123456789abcdef", why="x")).status_code == 422
    assert roster(rostered)["state"] == "proposed"
    assert (
        client.post("/rosters/save", json=draft(after, decision=id, why="market day")).json()["state"] == "overridden"
    )
    kept = roster(rostered)
    assert (kept["override"]["who"], kept["override"]["why"]) == ("planner", "market day")
    assert kept["override"]["action"]["hours"] == 48.0 and "13:00" not in {s["ends"] for s in shifts_of(rostered)}
    again = [{**one, "ends": "13:30"} if one["day"] == str(MONDAY) and one["staff"] == "anna" else one for one in after]
    assert client.post("/rosters/save", json=draft(again, decision=id, why="shorter")).json()["state"] == "overridden"
    assert board(client.get("/rosters").text)["hours"] == 47.5


def test_a_told_roster_is_changed_by_a_proposal(rostered: Hub, sign_in: SignIn, tell: Callable[[Hub], None]) -> None:
    """People know it already: the change waits for approval beside what was told, and running the day keeps it."""
    tell(rostered)
    client, told = sign_in(), roster(rostered)
    after = [{**one, "ends": "14:00"} if one["ends"] == "13:00" else one for one in told["action"]["shifts"]]
    saved = client.post("/rosters/save", json=draft(after, decision=told["id"], why="market day")).json()
    assert saved["state"] == "proposed" and saved["id"] != told["id"]
    change = rostered.ledger.get(saved["id"])
    assert (change["compensates"], change["money"]) == (
        told["id"],
        15.0,
    )  # an hour of pay, and twice as much for the one missing
    assert (
        change["baseline"]["shifts"] == told["action"]["shifts"] and rostered.ledger.get(told["id"])["state"] == "done"
    )
    page = client.get("/rosters").text
    assert board(page)["hours"] == 48.0 and "told to the staff" in page and "badge proposed" in page
    assert client.post(f"/today/decision/{saved['id']}/approve").status_code == 303
    assert rostered.ledger.get(saved["id"])["state"] == "approved"


def test_a_day_that_has_passed_stays(rostered: Hub, sign_in: SignIn) -> None:
    """A shift of another week is refused; the shifts of days gone by are not the page's to change."""
    answer = sign_in().post("/rosters/check", json=draft([shift("anna", 9, "08:00", "12:00")]))
    assert answer.status_code == 422 and "not in the week" in answer.text


def test_a_call_in_sick_is_a_fact_and_a_draft(rostered: Hub, sign_in: SignIn, tell: Callable[[Hub], None]) -> None:
    """Anna is ill for two days: Ben stands in on Wednesday; on Thursday, when he cannot, nobody may, for Dan is too
    young to work six hours without a break. What changes is said, and saved it is a proposal."""
    tell(rostered)
    client, wednesday = sign_in(), MONDAY + timedelta(days=2)
    call = {"store": "501", "week": str(MONDAY), "staff": "anna", "day": str(wednesday)}
    answer = client.post("/rosters/sick", json={**call, "until": str(wednesday + timedelta(days=1))}).json()["board"]
    sick = [row["day"] for row in rostered.tables.fetch("availability").to_pylist() if row["kind"] == "sick"]
    assert sorted(sick) == [wednesday, wednesday + timedelta(days=1)]
    assert [text.partition(":")[0] for text in answer["changes"]] == [
        "anna, Wed 8 Nov", "ben, Wed 8 Nov", "anna, Thu 9 Nov"
    ]  # fmt: skip
    assert answer["lawful"] and [one["missing_hours"] for one in answer["days"][2:4]] == [0.0, 6.0]
    saved = client.post("/rosters/save", json=draft(answer["shifts"], decision=roster(rostered)["id"], why="ill"))
    assert saved.json()["state"] == "proposed"
    assert client.post("/rosters/sick", json={**call, "until": "2018-01-01"}).status_code == 422
