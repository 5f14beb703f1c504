"""`aislehub route`: the document, the files and the refusals, from the command line."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from aislehub.serve.cli import main
from tests.supply.route.test_document import changed
from tests.supply.route.test_vrplib import SMALL


@pytest.fixture
def small(tmp_path):
    """A file of the CVRP."""
    path = tmp_path / "small.vrp"
    path.write_text(SMALL)
    return path


def test_a_benchmark_file_is_solved_and_written(small, tmp_path, capsys):
    """The printed cost is that of the routes, every customer is on one, and the .sol file says the same."""
    out = tmp_path / "small.sol"
    assert main(["route", str(small), "--seconds", "0.5", "--seed", "1", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"cost", "bound", "routes", "unserved"} <= told.keys() and told["unserved"] == []
    assert sorted(map(sorted, told["routes"])) == [[1, 2], [3]] and told["cost"] == 5 + 3 + 3 + 2
    assert told["bound"] <= told["cost"]
    text = out.read_text()
    assert re.findall(r"Route #\d+: (.*)", text) == [" ".join(map(str, route)) for route in told["routes"]]
    assert text.endswith("Cost 13\n")


def test_tours_of_the_day_are_told_with_times_cost_and_emissions(tmp_path, capsys):
    """A JSON problem's plan has times, kilometres, money, CO2 and reasons, and they agree with each other."""
    document = changed(
        stops__0__lon=0.1, stops__1__lat=0.1, vehicles__0__breaks=[], stops__1__prize=None, vehicles__0__max_km=None
    )
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(document))
    assert main(["route", str(path), "--seconds", "0.5", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(stop for route in told["routes"] for stop in route) == ["7", "B"] and "1.25" in told["distances"]
    assert told["cost"] == pytest.approx(sum(tour["cost"] for tour in told["tours"]))
    for tour in told["tours"]:
        assert tour["co2_kg"] == pytest.approx(0.2 * tour["distance"], abs=1e-3) and tour["reasons"]
        for visit in tour["visits"]:
            assert tour["start"] < visit["arrive"] <= visit["begin"] <= visit["leave"] < tour["end"]
            assert visit["stop"] != "7" or "08:00" <= visit["begin"] <= "10:30"


def test_plans_are_written_for_maps_tables_and_devices(tmp_path, capsys):
    """GeoJSON has a line a tour and a point a stop, GPX a route a tour from depot to depot, CSV a row a visit."""
    document = changed(stops__0__lon=0.1, stops__1__lat=0.1, vehicles__0__breaks=[], stops__1__prize=None)
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(document))
    for suffix in ("geojson", "gpx", "csv", "json"):
        assert main(["route", str(path), "--seconds", "0.3", "--out", str(tmp_path / f"plan.{suffix}")]) == 0
    features = json.loads((tmp_path / "plan.geojson").read_text())["features"]
    lines = [one["geometry"]["coordinates"] for one in features if one["geometry"]["type"] == "LineString"]
    points = {tuple(one["geometry"]["coordinates"]) for one in features if one["geometry"]["type"] == "Point"}
    assert points == {(0.1, 0.0), (0.0, 0.1)} and all(line[0] == line[-1] == [0.0, 0.0] for line in lines)
    names = [node.text for node in ElementTree.parse(tmp_path / "plan.gpx").iter() if node.tag.endswith("name")]
    assert {"W", "7", "B"} <= set(names)
    table = pd.read_csv(tmp_path / "plan.csv", dtype=str)
    assert sorted(table["stop"]) == ["7", "B"]
    assert json.loads((tmp_path / "plan.json").read_text())["unserved"] == []
    capsys.readouterr()


def test_a_stop_left_out_is_said_on_both_channels(tmp_path, capsys):
    """The document names the stop, why, what conflicts and what room would cost; standard error counts it."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(changed(stops__0__lon=9, vehicles__0__breaks=[], stops__1__lat=0.1)))
    assert main(["route", str(path), "--seconds", "0.5", "--json"]) == 0
    printed = capsys.readouterr()
    (left,) = [one for one in json.loads(printed.out)["unserved"] if one["required"]]
    assert left["stop"] == "7" and "stop 7" in left["conflict"] and left["options"]
    assert all(option["cost"] > 0 for option in left["options"]) and printed.err.startswith("1 stop")


def test_plans_read_in_both_languages(small, capsys):
    """The table for people names cost, bound and solver, in English and in Chinese."""
    for language, word in (("en", "cost"), ("zh", "成本")):
        assert main(["--lang", language, "route", str(small), "--seconds", "0.3"]) == 0
        text = capsys.readouterr().out
        assert word in text and "13" in text and "PyVRP" in text


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [("no.vrp", None, 1), ("plan.xml", "<a/>", 1), ("bad.json", "[]", 1), ("empty.vrp", "", 1)],
)
def test_what_is_no_problem_is_refused(tmp_path, name, text, code, capsys):
    """A missing file, an unknown kind and broken content end with 1 and a sentence that names the file."""
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    assert main(["route", str(path)]) == code
    assert name in capsys.readouterr().err


def test_a_map_needs_places(small, tmp_path, capsys):
    """GeoJSON of a problem without coordinates on the globe is refused, and no file is left."""
    assert main(["route", str(small), "--seconds", "0.3", "--out", str(tmp_path / "plan.geojson")]) == 1
    assert not (tmp_path / "plan.geojson").exists() and capsys.readouterr().err


def test_the_example_is_planned(capsys):
    """The example that the page shows serves all its stores, in their windows."""
    path = Path(__file__).parents[3] / "examples" / "deliveries.json"
    assert main(["route", str(path), "--seconds", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {f"store {number}" for number in range(1, 6)} <= {stop for route in told["routes"] for stop in route}
    assert not any(one["required"] for one in told["unserved"])
