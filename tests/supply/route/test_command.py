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
    for language, word in (("zh", "成本"), ("en", "cost")):
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


def example(tmp_path, capsys):
    """The example's plan, in a file."""
    problem, path = Path(__file__).parents[3] / "examples" / "deliveries.json", tmp_path / "plan.json"
    assert main(["route", str(problem), "--seconds", "20", "--rounds", "500", "--out", str(path), "--json"]) == 0
    return str(problem), str(path), json.loads(capsys.readouterr().out)


def test_a_running_day_is_planned_anew_and_again(tmp_path, capsys):
    """A cancelled stop leaves, drivers and customers are told, and the new plan runs on as the old one did."""
    problem, running, before = example(tmp_path, capsys)
    last = before["tours"][0]["visits"][-1]
    now, new = before["tours"][0]["start"], str(tmp_path / "new.json")
    args = ["--lang", "en", "route", problem, "--running", running, "--at", now, "--rounds", "300", "--seconds", "20"]
    assert main([*args, "--without", last["stop"], "--out", new, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cancelled"] == [last["stop"]] and last["stop"] not in str(told["tours"])
    assert told["cost"] < told["cost_before"] and len(told["moved"]) <= 0.1 * told["promised"]
    assert any(last["stop"] in one["removed"] and one["what"] for one in told["drivers"])
    assert [one["stop"] for one in told["customers"] if one["begin_before"] == last["begin"]] == [last["stop"]]
    args[args.index(running)] = new
    assert main([*args, "--broken", "1", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["cancelled"] == [last["stop"]], "what was cancelled once stays so"
    assert again["tours"][0]["broken"] and any("broken" in " ".join(one["what"]) for one in again["drivers"])


def test_changes_read_in_both_languages(tmp_path, capsys):
    """For people a line a driver and a customer stands below the table, and what is too late on standard error."""
    problem, running, before = example(tmp_path, capsys)
    first, last = before["tours"][0]["visits"][0]["stop"], before["tours"][0]["visits"][-1]["stop"]
    args = ["route", problem, "--running", running, "--at", before["tours"][0]["visits"][0]["begin"], "--rounds", "200"]
    for language, cancelled, late in (("zh", "已取消", "太晚"), ("en", "cancelled", "too late")):
        assert main(["--lang", language, *args, "--seconds", "20", "--without", first, "--without", last]) == 0
        printed = capsys.readouterr()
        assert last in printed.out and cancelled in printed.out and first in printed.err and late in printed.err


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--at", "23:30"], "23:30"),
        (["--at", "noon"], "noon"),
        ([], "--at"),
        (["--at", "07:00", "--without", "store 99"], "store 99"),
        (["--at", "07:00", "--broken", "9"], "9"),
    ],
)
def test_what_cannot_be_planned_anew_is_refused(tmp_path, capsys, more, word):
    """After the end of the day, without a time, for an unknown stop or tour: refused with the value."""
    problem, running, _ = example(tmp_path, capsys)
    assert main(["route", problem, "--running", running, *more]) == 1
    assert word in capsys.readouterr().err


def test_a_running_day_needs_its_plan(capsys):
    """Options about a running day are not ignored where no plan runs."""
    problem = Path(__file__).parents[3] / "examples" / "deliveries.json"
    for option in (["--at", "07:00"], ["--without", "store 1"], ["--broken", "1"], ["--move-weight", "3"]):
        assert main(["route", str(problem), *option]) == 1
        assert option[0] in capsys.readouterr().err


def test_vehicles_may_count_before_cost(small, capsys):
    """By --objective vehicles the fewest are used that carry the load."""
    assert main(["route", str(small), "--seconds", "20", "--rounds", "200", "--objective", "vehicles", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["routes"]) == 2
