"""Roads of an extract: the fastest way in the right direction, and places off the road by estimate, saying so."""

import json
import sys

import numpy as np
import pytest

from aislehub.core.errors import HubError
from aislehub.supply.route.command import read_problem
from aislehub.supply.route.distances import great_circle
from aislehub.supply.route.roads import by_road, read_roads
from tests.supply.route.chain import TRUCK, make_routes, ordered, store, warehouse

pytest.importorskip("osmium", reason="the optional package that reads extracts")
A, B, C, D = (48.0, 9.0), (48.0, 9.01), (48.01, 9.01), (48.01, 9.0)
ISLAND, NOWHERE = (48.1, 9.1), (48.3, 9.3)
POINTS = {1: A, 2: B, 3: C, 4: D, 5: ISLAND, 6: (48.1, 9.101)}
WAYS = [
    ((1, 2), {"highway": "primary", "maxspeed": "50"}), ((2, 3), {"highway": "residential"}),
    ((3, 4), {"highway": "tertiary"}), ((4, 1), {"highway": "secondary", "oneway": "yes"}),
    ((1, 3), {"highway": "service", "access": "private"}), ((1, 3), {"highway": "footway"}),
    ((5, 6), {"highway": "residential"}),
]  # fmt: skip
NORTH, SOUTH_EAST, NORTH_EAST = 1111.95, 744.05, 743.90  # metres of 0.01° of latitude, and of longitude at 48°, 48.01°


@pytest.fixture
def extract(tmp_path):
    """A block of four streets, one of them one-way, with a private short cut, and a street that nothing leads to."""
    nodes = [f'<node id="{id}" version="1" lat="{lat}" lon="{lon}"/>' for id, (lat, lon) in POINTS.items()]
    ways = [
        f'<way id="{id}" version="1">' + "".join(f'<nd ref="{point}"/>' for point in along)
        + "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items()) + "</way>"
        for id, (along, tags) in enumerate(WAYS, start=1)
    ]  # fmt: skip
    path = tmp_path / "block.osm"
    path.write_text(f'<osm version="0.6">{"".join(nodes)}{"".join(ways)}</osm>')
    return path


def test_ways_are_driven_in_their_direction(extract):
    """With the one-way street it is one side of the block, against it the three others; private ways and footpaths are
    not taken; speeds are those of class and limit."""
    metres, seconds, why = by_road(extract, [A, D, B], factor=1.3, km_per_hour=45)
    assert metres[1, 0] == pytest.approx(NORTH, abs=1) and seconds[1, 0] == pytest.approx(NORTH / (55 / 3.6), abs=1)
    assert metres[0, 1] == pytest.approx(SOUTH_EAST + NORTH + NORTH_EAST, abs=2)
    slow = SOUTH_EAST / (0.8 * 50 / 3.6) + NORTH / (25 / 3.6) + NORTH_EAST / (40 / 3.6)
    assert seconds[0, 1] == pytest.approx(slow, abs=2)
    assert not metres.diagonal().any() and why.code == "route.distances_roads" and "block.osm" in why.sentence()


def test_a_place_off_the_road_is_estimated(extract):
    """Where only a street leads that nothing leads to, or none, ways are the great circle × factor, and it is said."""
    metres, seconds, why = by_road(extract, [A, D, ISLAND, NOWHERE], factor=1.5, km_per_hour=36)
    straight = great_circle(np.array([A, D, ISLAND, NOWHERE]), 1.5)
    assert (metres[2:] == straight[2:]).all() and (metres[:, 2:] == straight[:, 2:]).all()
    assert metres[1, 0] < 1115 and (seconds[2, :2] == np.rint(straight[2, :2] / 10)).all()
    assert "2 of 4 places" in why.sentence() and "1.5" in why.sentence()


def test_the_way_to_the_road_is_walking_pace(extract):
    """A place 200 m beside the road is so much further away, at 10 km/h."""
    beside = (A[0] - 200 / 111195, A[1])
    metres, seconds, _ = by_road(extract, [D, beside], factor=1.3, km_per_hour=45)
    assert metres[0, 1] == pytest.approx(NORTH + 200, abs=2)
    assert seconds[0, 1] == pytest.approx(NORTH / (55 / 3.6) + 72, abs=2)


def test_the_same_question_is_answered_from_a_file(extract):
    """The same places in the same extract are not counted twice; another extract, or other places, are."""
    first = by_road(extract, [A, D], factor=1.3, km_per_hour=45)
    (held,) = (extract.parent / ".block.osm.ways").iterdir()
    written = held.stat().st_mtime_ns
    again = by_road(extract, [A, D], factor=1.3, km_per_hour=45)
    assert (first[0] == again[0]).all() and held.stat().st_mtime_ns == written
    extract.write_text(extract.read_text().replace("secondary", "primary"))
    assert by_road(extract, [A, D], factor=1.3, km_per_hour=45)[1][1, 0] < first[1][1, 0]
    assert len(list(held.parent.iterdir())) == 2


def test_only_the_part_from_which_one_gets_back_counts(extract):
    """The island is no part of the network, and a street that only leads in is not either."""
    assert len(read_roads(extract).degrees) == 4
    text = extract.read_text().replace('<way id="1"', '<node id="9" version="1" lat="48.02" lon="9.0"/><way id="1"', 1)
    dead_end = (
        '<way id="9" version="1"><nd ref="4"/><nd ref="9"/><tag k="highway" v="primary"/><tag k="oneway" v="-1"/>'
    )
    extract.write_text(text.replace("</osm>", f"{dead_end}</way></osm>"))
    assert len(read_roads(extract).degrees) == 4


def test_what_is_no_extract_is_refused(tmp_path, extract, monkeypatch):
    """Another kind of file, none, one without roads, and a missing package are named with what to do."""
    (tmp_path / "none.osm").write_text('<osm version="0.6"><node id="1" version="1" lat="1" lon="1"/></osm>')
    (tmp_path / "broken.osm").write_text("<osm><way")
    (tmp_path / "roads.txt").write_text("A B")
    for name, code in (("no.osm", "file.missing"), ("roads.txt", "file.suffix"), ("none.osm", "roads.none"),
                       ("broken.osm", "file.unreadable")):  # fmt: skip
        with pytest.raises(HubError) as refused:
            by_road(tmp_path / name, [A, D], factor=1.3, km_per_hour=45)
        assert refused.value.code == code
    monkeypatch.setitem(sys.modules, "osmium", None)
    with pytest.raises(HubError) as refused:
        read_roads(extract)
    assert refused.value.code == "roads.needs_osmium"


def test_a_problem_without_a_matrix_is_driven_on_roads(extract, tmp_path):
    """`aislehub route` takes an extract for places; with a matrix of its own it is refused."""
    problem = {
        "depots": [{"id": "W", "lat": A[0], "lon": A[1]}], "stops": [{"id": "s", "lat": D[0], "lon": D[1]}],
        "vehicles": [{"id": "van", "cost_per_km": 1}],
    }  # fmt: skip
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(problem))
    found = read_problem(path, extract)
    assert found.distance[0, 1] > 2500 > 1200 > found.distance[1, 0]
    path.write_text(json.dumps(problem | {"distances": {"metres": [[0, 1], [1, 0]], "seconds": [[0, 1], [1, 0]]}}))
    with pytest.raises(HubError) as refused:
        read_problem(path, extract)
    assert refused.value.code == "route.roads_matrix"


def test_the_days_tours_are_driven_on_roads(extract):
    """With the setting, kilometres of the tours are those of the roads, and it is said; `distances` goes first."""
    facts = {
        "orders": [ordered("1", "soap", 100.0)], "stores": [warehouse(), store("1", 0.01, 0.0)],
        "vehicles": [TRUCK | {"vehicle": "truck"}],
    }  # fmt: skip
    row = make_routes({"roads": str(extract)}, **facts)["W"]
    assert row["km"] == pytest.approx((2600 + NORTH) / 1000, abs=0.06)
    assert row["action"]["distances"]["code"] == "route.distances_roads"
    given = [{"from_place": "W", "to_place": "1", "km": 9.0, "minutes": 10.0}]
    assert make_routes({"roads": str(extract)}, **facts, distances=given)["W"]["km"] == 18.0
