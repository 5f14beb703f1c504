"""VRPLIB and Solomon files: what they say is what is planned, and published solutions cost what they publish."""

import re

import pytest

from aislehub.core.errors import HubError
from aislehub.supply.route.command import read_problem
from aislehub.supply.route.plan import Tour, cost_of, driven
from aislehub.supply.route.problem import FOREVER
from aislehub.supply.route.vrplib import read_vrplib, solution_text

SMALL = """NAME : small
TYPE : CVRP
DIMENSION : 4
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 10
NODE_COORD_SECTION
1 0 0
2 3 4
3 0 2.5
4 1 1
DEMAND_SECTION
1 0
2 4
3 5
4 6
DEPOT_SECTION
1
-1
EOF
"""


def published(path):
    """Routes and cost of a solution file."""
    text = path.read_text()
    routes = [tuple(int(word) - 1 for word in line.split()) for line in re.findall(r"Route #\d+:(.*)", text)]
    return routes, float(re.search(r"Cost (\S+)", text)[1])


@pytest.mark.data
def test_published_solutions_cost_what_they_publish(data_folder):
    """Every solution of the X and Solomon sets is feasible under the rules as read, at its published cost."""
    files = sorted([*(data_folder / "vrp").glob("X/*.vrp"), *(data_folder / "vrp").glob("solomon/*.txt")])
    assert len(files) == 85
    for file in files:
        problem = read_problem(file)
        routes, cost = published(file.with_suffix(".sol"))
        tours = [driven(problem, Tour(0, (route,))) for route in routes]
        assert None not in tours, file.name
        assert cost_of(problem, tours) == pytest.approx(cost, abs=1e-6), file.name
        assert sorted(at for route in routes for at in route) == list(range(len(problem.stops)))


def test_distances_are_rounded_as_tsplib_says(tmp_path):
    """EUC_2D goes to the nearest whole number, halves up; FLOOR_2D and CEIL_2D down and up."""
    for kind, expected in (("EUC_2D", [5, 3, 1]), ("FLOOR_2D", [5, 2, 1]), ("CEIL_2D", [5, 3, 2])):
        path = tmp_path / "small.vrp"
        path.write_text(SMALL.replace("EUC_2D", kind))
        problem = read_vrplib(path)
        assert problem.distance[0, 1:].tolist() == expected
        assert [stop.delivery for stop in problem.stops] == [(4,), (5,), (6,)]
        assert problem.vehicles[0].count == 3 and problem.stops[0].late == FOREVER


@pytest.mark.parametrize(
    ("shape", "numbers"),
    [
        ("FULL_MATRIX", "0 1 2 3 1 0 4 5 2 4 0 6 3 5 6 0"),
        ("LOWER_ROW", "1\n2 4\n3 5 6"),
        ("UPPER_ROW", "1 2 3\n4 5\n6"),
        ("LOWER_DIAG_ROW", "0 1 0 2 4 0 3 5 6 0"),
        ("UPPER_DIAG_ROW", "0 1 2 3\n0 4 5 0 6 0"),
    ],
)
def test_explicit_matrices_of_all_shapes_are_one(tmp_path, shape, numbers):
    """The same distances written in any of TSPLIB's shapes are the same matrix."""
    head = SMALL.replace("EUC_2D", f"EXPLICIT\nEDGE_WEIGHT_FORMAT : {shape}")
    head = re.sub(r"NODE_COORD_SECTION.*?DEMAND", f"EDGE_WEIGHT_SECTION\n{numbers}\nDEMAND", head, flags=re.DOTALL)
    path = tmp_path / "small.vrp"
    path.write_text(head)
    assert read_vrplib(path).distance.tolist() == [[0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]]


def test_windows_and_service_of_the_vrptw_are_kept(tmp_path):
    """A VRPTW file's windows, service times, fleet and the depot's hours are those of the problem."""
    extra = (
        "TIME_WINDOW_SECTION\n1 0 100\n2 10 20\n3 0 50\n4 5 60\nSERVICE_TIME_SECTION\n1 0\n2 3\n3 3\n4 4\nDEPOT_SECTION"
    )
    text = SMALL.replace("TYPE : CVRP", "TYPE : VRPTW\nVEHICLES : 2").replace("DEPOT_SECTION", extra)
    path = tmp_path / "small.vrp"
    path.write_text(text)
    problem = read_vrplib(path)
    assert [(stop.early, stop.late, stop.service) for stop in problem.stops] == [(10, 20, 3), (0, 50, 3), (5, 60, 4)]
    assert (problem.vehicles[0].count, problem.vehicles[0].late) == (2, 100)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("TYPE : CVRP", "TYPE : PDTSP", "route.unknown_part"),
        ("EUC_2D", "GEO", "route.unknown_part"),
        ("DEPOT_SECTION", "PRIZE_SECTION\n2 5\nDEPOT_SECTION", "route.unknown_part"),
        ("2 3 4\n", "", "route.broken_file"),
        ("2 3 4\n", "2 3 four\n", "route.broken_file"),
        ("3 5\n", "3 5.5\n", "route.broken_file"),
        ("CAPACITY : 10", "CAPACITY : many", "route.broken_file"),
        ("DEPOT_SECTION\n1\n", "DEPOT_SECTION\n1\n2\n", "route.broken_file"),
    ],
)
def test_what_cannot_be_honoured_is_refused(tmp_path, old, new, code):
    """Nothing in a file is skipped silently: an unknown part or a broken one is refused, by its name."""
    path = tmp_path / "small.vrp"
    assert old in SMALL
    path.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(HubError) as refused:
        read_vrplib(path)
    assert refused.value.code == code and "small.vrp" in str(refused.value)


def test_a_solution_is_written_as_cvrplib_does(tmp_path):
    """Customers are numbered from 1 without the depot, a route a line, the cost last."""
    path = tmp_path / "small.vrp"
    path.write_text(SMALL)
    assert solution_text(read_vrplib(path), [(0, 1), (2,)], 12.0) == "Route #1: 1 2\nRoute #2: 3\nCost 12\n"
