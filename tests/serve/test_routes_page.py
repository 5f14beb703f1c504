"""The page Routes: a day's tours beside fixed ones, what is left out, and files to take along."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from fastapi.testclient import TestClient

from aislehub.core.book import Filter
from aislehub.core.hub import Hub

SignIn = Callable[..., TestClient]
EXPORT = "/routes/export.{}?day=2017-11-06&depot=D1"


def drawn(page: str) -> dict[str, Any]:
    """What the page's map is drawn from."""
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', page)
    return dict(json.loads(text))


def test_a_house_without_tours_says_when_some_are_made(sign_in: SignIn) -> None:
    """Before the first plan the page says what it needs."""
    assert "No tours have been planned yet" in sign_in().get("/routes").text


def test_tours_stand_beside_fixed_ones(routed: Hub, sign_in: SignIn) -> None:
    """Distance and cost are compared with fixed tours, loads with what a van carries, and stops have their names."""
    page = sign_in().get("/routes").text
    assert "instead of 130 km (−38\xa0%)" in page and "instead of $200 (−40\xa0%)" in page
    assert '<meter min="0" max="1300" value="1200.0"' in page and "1,200 / 1,300 kg" in page
    assert "Main St" in page and "Harbour" in page and "No limit binds" in page
    assert "driven at 45 km/h" in page and ">simulated</span>" in page


def test_what_is_left_out_says_why(routed: Hub, sign_in: SignIn) -> None:
    """A stop on no tour is named with its reason and with what conflicts."""
    left = sign_in().get("/routes").text.partition("left-out")[2]
    assert re.search(r"<strong>W3</strong> W3 is optional: its prize .* at least 9\. In conflict: stop W1\.", left)


def test_the_map_has_every_tour_and_the_fixed_ones(routed: Hub, sign_in: SignIn) -> None:
    """The map gets each stop of each tour in its order, with place, load and hours, and the depot."""
    found = drawn(sign_in().get("/routes").text)
    assert [[stop["name"] for stop in tour["stops"]] for tour in found["tours"]] == [
        ["Main St", "Harbour"],
        ["W1", "W2"],
    ]
    assert [len(tour["stops"]) for tour in found["fixed"]] == [2, 2]
    first = found["tours"][0]["stops"][0]
    assert (first["lat"], first["lon"], first["told"]) == (39.2, -84.5, "06:00–06:50 · 900\xa0kg · 2,700\xa0l")
    assert found["depot"] == {"name": "Depot North", "lat": 39.1, "lon": -84.5}


def test_tours_are_taken_along_as_files(routed: Hub, sign_in: SignIn) -> None:
    """GPX, GeoJSON and CSV hold the tours of the day, or one vehicle's; an unknown plan or vehicle is not found."""
    client = sign_in("viewer")
    routes = ElementTree.fromstring(client.get(EXPORT.format("gpx")).text)
    names = [[name.text for name in route.iterfind(".//{*}rtept/{*}name")] for route in routes]
    assert names == [["Depot North", "367", "406", "Depot North"], ["Depot North", "W1", "W2", "Depot North"]]
    features = json.loads(client.get(EXPORT.format("geojson") + "&vehicle=van 2").text)["features"]
    assert [one["properties"].get("stop") for one in features] == [None, "W1", "W2"]
    assert features[1]["geometry"]["coordinates"] == [-84.55, 39.02]
    answer = client.get(EXPORT.format("csv"))
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["tour"], row["place"], row["stop"], row["arrive"]) for row in rows][2:] == [
        ("2", "1", "W1", "09:00"), ("2", "2", "W2", "09:30"),
    ]  # fmt: skip
    assert 'filename="tours-2017-11-06.csv"' in answer.headers["content-disposition"]
    assert client.get(EXPORT.format("csv") + "&vehicle=van 9").status_code == 404
    assert client.get(EXPORT.format("csv").replace("D1", "D2")).status_code == 404


def test_a_plan_is_not_overridden_by_one_number(routed: Hub, sign_in: SignIn) -> None:
    """Tours can be approved or rejected from the drawer; a number instead of their distance cannot be given there."""
    id = routed.ledger.find(Filter(kind="routes"))[0]["id"]
    page = sign_in().get(f"/today/decision/{id}").text
    assert "/reject" in page and "/override" not in page and "/routes?day=2017-11-06&amp;depot=D1" in page


def test_files_need_a_login(routed: Hub, client: TestClient) -> None:
    """Nobody gets tours without logging in."""
    assert client.get(EXPORT.format("gpx")).status_code == 303


def test_a_depot_without_a_place_has_no_map(routed: Hub, sign_in: SignIn) -> None:
    """Where nobody knows where the depot lies, the page says so and still names what is left out."""
    (plan,) = routed.ledger.find(Filter(kind="routes"))
    action = plan["action"] | {"tours": [], "depot": {"name": "D1", "lat": None, "lon": None}}
    routed.ledger.override(plan["id"], action, who="planner", why="the depot has moved")
    page = sign_in().get("/routes").text
    assert "Where the depot lies is not known" in page and "W3 is optional" in page
    assert json.loads(sign_in().get(EXPORT.format("geojson")).text)["features"] == []
