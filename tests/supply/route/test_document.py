"""Problems as JSON: units of the trade come in right, and every mistake is refused with its place."""

import json

import numpy as np
import pytest

from aislehub.core.errors import HubError
from aislehub.supply.route.distances import EARTH_M, great_circle
from aislehub.supply.route.document import clock, read_json

GOOD = {
    "name": "morning",
    "depots": [{"id": "W", "lat": 0, "lon": 0, "open": "06:00", "close": "25:00", "loading_min": 10}],
    "stops": [
        {"id": 7, "lat": 0, "lon": 1, "deliver": {"kg": 5}, "open": "08:00", "close": "10:30", "service_min": 12},
        {"id": "B", "lat": 1, "lon": 0, "collect": {"l": 3}, "prize": 40},
    ],
    "vehicles": [
        {
            "id": "van", "count": 2, "capacity": {"kg": 100, "l": 50}, "from": "07:00", "to": "15:00", "max_hours": 7.5,
            "max_km": 200, "cost_per_day": 60, "cost_per_km": 0.5, "cost_per_hour": 36, "co2_g_per_km": 200,
            "breaks": [{"from": "11:00", "to": "13:00", "minutes": 30}],
        }
    ],
    "distances": {"factor": 1.25, "km_per_hour": 50},
}  # fmt: skip


def written(tmp_path, document):
    """A file that holds a document."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(document))
    return path


def test_units_become_metres_seconds_and_rates(tmp_path):
    """Kilometres, minutes, hours and times of the day are metres and seconds inside; rates are per metre and second."""
    problem = read_json(written(tmp_path, GOOD))
    vehicle, (first, second) = problem.vehicles[0], problem.stops
    assert problem.loads == ("kg", "l") and (first.name, first.delivery, second.pickup) == ("7", (5, 0), (0, 3))
    assert (first.early, first.late, first.service, second.prize) == (8 * 3600, 37800, 720, 40.0)
    assert (problem.depots[0].late, problem.depots[0].loading) == (25 * 3600, 600)
    assert (vehicle.max_duration, vehicle.max_distance, vehicle.per_distance, vehicle.per_time) == (
        27_000, 200_000, 0.0005, 0.01,
    )  # fmt: skip
    assert (vehicle.breaks[0].early, vehicle.breaks[0].duration, vehicle.co2) == (39_600, 1800, 0.2)
    degree = EARTH_M * np.pi / 180 * 1.25
    assert problem.distance[0, 1] == round(degree)
    assert problem.duration[0, 1] == pytest.approx(degree / (50 / 3.6), abs=1)
    assert "1.25" in problem.origin.sentence()


def test_a_matrix_is_taken_in_the_order_of_its_places(tmp_path):
    """Rows and columns follow `places`, whatever the order of depots and stops; nothing is estimated then."""
    given = GOOD | {
        "distances": {
            "places": ["B", "W", "7"],
            "metres": [[0, 10, 20], [11, 0, 30], [21, 31, 0]],
            "seconds": [[0, 1, 2], [3, 0, 4], [5, 6, 0]],
        }
    }
    problem = read_json(written(tmp_path, given))
    assert problem.distance.tolist() == [[0, 30, 11], [31, 0, 21], [10, 20, 0]]
    assert problem.duration.tolist() == [[0, 4, 3], [6, 0, 5], [1, 2, 0]]
    assert problem.origin.code == "route.distances_matrix"


def changed(**changes):
    """The good document with a path of keys set: stops__0__deliver={…}."""
    document = json.loads(json.dumps(GOOD))
    for path, value in changes.items():
        *parents, last = [int(key) if key.isdigit() else key for key in path.split("__")]
        target = document
        for key in parents:
            target = target[key]
        target[last] = value
    return document


@pytest.mark.parametrize(
    ("document", "code", "named"),
    [
        (changed(stops__0__deliver={"kg": 2.5}), "route.invalid", "stops.0.deliver.kg"),
        (changed(stops__0__deliver={"kg": -1}), "route.invalid", "stops.0.deliver.kg"),
        (changed(stops__0__open="8 o'clock"), "route.invalid", "stops.0.open"),
        (changed(stops__0__lat=91), "route.invalid", "stops.0.lat"),
        (changed(stops__0__colour="red"), "route.invalid", "stops.0.colour"),
        (changed(vehicles=[]), "route.invalid", "vehicles"),
        (changed(vehicles__0__count=0), "route.invalid", "vehicles.0.count"),
        (changed(stops__0__id="B"), "route.twice", "B"),
        (changed(stops__0__close="07:00"), "route.window", "7"),
        (changed(stops__0__lat=None), "route.no_place", "7"),
        (changed(vehicles__0__depot="X"), "route.unknown_id", "X"),
        (changed(vehicles__0__capacity={"kg": 5}), "route.no_capacity", "l"),
        (changed(vehicles__0__cost_per_km=0, vehicles__0__cost_per_hour=0), "route.no_cost", ""),
        (changed(distances={"metres": [[0]], "seconds": [[0]]}), "route.matrix", "3"),
        (changed(loads=["kg"]), "route.unknown_id", "l"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, document, code, named):
    """Each wrong value, unknown name, contradiction or missing part is refused, and the sentence says which."""
    with pytest.raises(HubError) as refused:
        read_json(written(tmp_path, document))
    assert refused.value.code == code and named in str(refused.value)


def test_what_is_no_json_is_refused(tmp_path):
    """A file that is no JSON, and one that is not there, say so."""
    path = tmp_path / "problem.json"
    path.write_text("{")
    for file, code in ((path, "file.unreadable"), (tmp_path / "no.json", "file.missing")):
        with pytest.raises(HubError) as refused:
            read_json(file)
        assert refused.value.code == code


def test_great_circles_are_those_of_the_sphere():
    """A quarter of the equator is a quarter of its length, the way back is as long, and a place is 0 from itself."""
    found = great_circle(np.array([[0.0, 0.0], [0.0, 90.0], [90.0, 0.0]]), 1.0)
    quarter = round(EARTH_M * np.pi / 2)
    assert found.tolist() == [[0, quarter, quarter], [quarter, 0, quarter], [quarter, quarter, 0]]


def test_times_read_as_on_a_clock():
    """Seconds of the day become hours and minutes, begun minutes count, midnight is passed."""
    assert [clock(second) for second in (0, 8 * 3600 + 1, 25 * 3600)] == ["00:00", "08:01", "25:00"]
