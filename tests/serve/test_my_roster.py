"""My roster: what somebody of the staff sees, notes, swaps and takes away as a calendar; and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from aislehub.core.book import Filter
from aislehub.core.decision import carried_out
from aislehub.core.hub import Hub
from aislehub.serve import auth, swaps
from aislehub.serve.api import application

from .conftest import MONDAY, PASSWORD

SignIn = Callable[..., TestClient]
SUNDAY = MONDAY + timedelta(days=6)


@pytest.fixture
def house(rostered: Hub, tell: Callable[[Hub], None]) -> Hub:
    """The week is told, and ben may log in, too."""
    tell(rostered)
    auth.add_user(rostered.state, "ben", PASSWORD, "staff", "ben")
    return rostered


@pytest.fixture
def other(house: Hub) -> Iterator[TestClient]:
    """Ben's own browser."""
    with TestClient(application(house), follow_redirects=False) as client:
        assert client.post("/login", data={"user": "ben", "password": PASSWORD}).status_code == 303
        yield client


def events(text: str) -> list[dict[str, str]]:
    """The events of a calendar file, read as RFC 5545 says: CRLF, folded lines, escaped values."""
    assert text.endswith("\r\n") and all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    lines = text.replace("\r\n ", "").split("\r\n")[:-1]
    assert lines[0] == "BEGIN:VCALENDAR" and lines[-1] == "END:VCALENDAR" and "\n" not in "".join(lines)
    found: list[dict[str, str]] = []
    for line in lines[1:-1]:
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            found.append({})
        elif found and line != "END:VEVENT":
            assert name not in found[-1]
            found[-1][name] = re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), value)
    return found


def test_staff_see_their_own_page_and_no_other(house: Hub, sign_in: SignIn) -> None:
    """The role staff is led to My roster; pages, parts of pages and the API refuse it."""
    client = sign_in("staff")
    assert client.get("/").headers["location"] == "/my-roster"
    for path in ("/today", "/rosters", "/demand", "/data", "/today/list", "/prices/list", "/twin", "/api/decisions"):
        assert client.get(path).status_code == 403, path
    assert client.get("/account").status_code == 200
    page = client.get("/my-roster").text
    assert page.count('class="card"') >= 3 and 'href="/today"' not in page


def test_a_shift_says_why_it_is_theirs(house: Hub, sign_in: SignIn) -> None:
    """What is needed then, who is there, how many others could have had it."""
    page = sign_in("staff").get("/my-roster").text
    monday = page.partition("Mon 6 Nov 2017 <small>08:00–13:00 · till · Marktplatz")[2].partition("</details>")[0]
    assert "Needed then as till: 1–1. There at most: 1" in monday
    assert "2 others have the skill" in monday  # ben and dan; cara has no skill for it
    thursday = page.partition("Thu 9 Nov 2017")[2].partition("</details>")[0]
    assert "1 other has the skill" in thursday  # ben said that he cannot


def test_fairness_is_told_without_telling_of_others(house: Hub, sign_in: SignIn) -> None:
    """Own hours stand beside the contract; of a team of three no median is told, and nobody's notes are on the page."""
    page = sign_in("staff").get("/my-roster").text
    fair = page.partition('id="fair"')[2].partition("</table>")[0]
    assert "contract 38" in fair and "team too small to say" in fair and "median" not in fair
    assert "cannot work: Thu" not in page


def test_a_notice_is_a_fact_that_can_be_withdrawn(house: Hub, sign_in: SignIn) -> None:
    """A wish is kept in `availability` under one's own key, shown as heeded or not, and withdrawn as void."""
    client = sign_in("staff")
    given = {"kind": "unwanted", "day": str(MONDAY + timedelta(days=1)), "begins": "07:00", "ends": "10:00"}
    assert "Noted." in client.post("/my-roster/notices", data=given).text
    rows = {row["notice"]: row for row in house.tables.fetch("availability").to_pylist() if row["staff"] == "anna"}
    (notice,) = rows
    assert (rows[notice]["kind"], rows[notice]["ends"], rows[notice]["source"]) == (
        "unwanted",
        "10:00",
        "console: staff",
    )
    assert "Your wish is not heeded: would rather not work" in client.get("/my-roster").text
    assert "Withdrawn." in client.post(f"/my-roster/notices/{notice}/withdraw").text
    assert "not heeded" not in client.get("/my-roster").text
    client.post("/my-roster/notices/n1/withdraw")  # ben's
    kinds = {row["notice"]: row["kind"] for row in house.tables.fetch("availability").to_pylist()}
    assert kinds == {notice: "void", "n1": "cannot"}


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "cannot"},
        {"kind": "cannot", "day": "2017-11-07", "weekday": "2"},
        {"kind": "cannot", "day": "soon"},
        {"kind": "cannot", "weekday": "2", "begins": "12:00", "ends": "11:00"},
        {"kind": "sick", "weekday": "2"},
    ],
)
def test_a_notice_without_a_time_is_refused(house: Hub, sign_in: SignIn, given: dict[str, str]) -> None:
    """A day or a weekday, from before until, and only what staff may say."""
    assert sign_in("staff").post("/my-roster/notices", data=given).status_code == 422
    assert house.tables.count("availability") == 1


def test_the_calendar_file_is_a_calendar(house: Hub, sign_in: SignIn) -> None:
    """Own shifts at the right moments, under numbers that stay, with breaks; a change of clocks included."""
    client = sign_in("staff")
    answer = client.get("/my-roster/shifts.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    found = events(answer.text)
    begins = [datetime.strptime(event["DTSTART"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for event in found]
    assert begins == [datetime(2017, 11, 6 + n, 7, tzinfo=UTC) for n in range(5)]  # 8 o'clock in Berlin
    assert [event["DTEND"][9:] for event in found] == ["120000Z", *["130000Z"] * 4]
    assert {event["LOCATION"] for event in found} == {"Marktplatz"} and found[0]["SUMMARY"] == "Work: till"
    again = events(client.get("/my-roster/shifts.ics").text)
    assert [event["UID"] for event in again] == [event["UID"] for event in found] and len(
        {e["UID"] for e in found}
    ) == 5


def test_a_swap_needs_both_and_a_planner(house: Hub, sign_in: SignIn, other: TestClient) -> None:
    """Anna offers Friday, Ben takes it, the planner approves: the roster changes, and every step is kept."""
    client, friday = sign_in("staff"), MONDAY + timedelta(days=4)
    given = {"store": "501", "day": str(friday), "taker": "ben", "why": "concert"}
    assert "ben was asked" in client.post("/my-roster/swaps", data=given).text
    assert client.post("/my-roster/swaps", data=given).status_code == 422  # offered already
    (swap,) = swaps.swaps_of(house, "ben")
    assert client.post(f"/my-roster/swaps/{swap.id}/accepted").status_code == 422  # not hers to accept
    assert "concert" in other.get("/my-roster").text
    assert other.post(f"/my-roster/swaps/{swap.id}/accepted").status_code == 200
    assert swaps.waiting(house, "501", MONDAY) and not house.ledger.find(Filter(kind="rosters", states=("approved",)))
    client.post("/logout")
    planner = sign_in("planner")
    assert "anna gives the shift on" in planner.get("/rosters").text
    assert planner.post(f"/rosters/swaps/{swap.id}/approved").status_code == 200
    (changed,) = house.ledger.find(Filter(kind="rosters", states=("approved",)))
    assert [s["staff"] for s in carried_out(changed)["shifts"] if s["day"] == str(friday) and s["skill"] == "till"] == [
        "ben"
    ]
    assert [(m["state_to"], m["who"]) for m in swaps.history(house, swap.id)] == [
        ("asked", "staff"), ("accepted", "ben"), ("approved", "planner")
    ]  # fmt: skip
    assert planner.post(f"/rosters/swaps/{swap.id}/approved").status_code == 422


def test_a_swap_that_may_not_be_is_refused_without_saying_why(house: Hub, sign_in: SignIn) -> None:
    """Neither to somebody without the skill nor to somebody who cannot; that Ben is away on Thursday stays his own."""
    client = sign_in("staff")
    for day, taker in ((3, "ben"), (0, "cara"), (0, "anna"), (6, "ben")):
        answer = client.post(
            "/my-roster/swaps", data={"store": "501", "day": str(MONDAY + timedelta(days=day)), "taker": taker}
        )
        assert answer.status_code == 422 and "between" not in answer.text, (day, taker)
    assert swaps.swaps_of(house, "anna") == []


def test_a_swap_by_rule_needs_no_planner(house: Hub) -> None:
    """With `swaps_by_rule` the colleague's yes is enough; a shift in return changes hands as well."""
    (house.home / "hub.toml").write_text((house.home / "hub.toml").read_text() + "\n[roster]\nswaps_by_rule = true\n")
    saturday = MONDAY + timedelta(days=5)
    swap = swaps.ask(house, "501", "anna", MONDAY, "ben", saturday, who="anna", why="")
    assert swaps.answer(house, swap.id, "ben", "accepted", who="ben").state == "approved"
    (changed,) = house.ledger.find(Filter(kind="rosters", states=("approved",)))
    till = {s["day"]: s["staff"] for s in carried_out(changed)["shifts"] if s["skill"] == "till"}
    assert (till[str(MONDAY)], till[str(saturday)]) == ("ben", "anna")
    assert [move["who"] for move in swaps.history(house, swap.id)] == ["anna", "ben", "rule"]


def test_an_offer_can_be_taken_back(house: Hub) -> None:
    """The giver withdraws, also after a yes; a no is a no."""
    one = swaps.ask(house, "501", "anna", MONDAY, "ben", None, who="anna", why="")
    swaps.answer(house, one.id, "ben", "accepted", who="ben")
    assert swaps.withdraw(house, one.id, "anna", who="anna").state == "withdrawn"
    two = swaps.ask(house, "501", "anna", MONDAY, "ben", None, who="anna", why="")
    assert swaps.answer(house, two.id, "ben", "declined", who="ben").state == "declined"
    assert swaps.waiting(house, "501", MONDAY) == []
