"""What cannot be served is named with the fewest things that conflict, and what would make room costs what it says."""

from dataclasses import replace

import pytest

from aislehub.supply.route.problem import Vehicle
from aislehub.supply.route.solve import plan_routes
from tests.supply.route.problems import line_problem


def codes(reasons):
    """Codes of reasons without their room."""
    return [reason.code.removeprefix("route.") for reason in reasons]


@pytest.mark.parametrize(
    ("stop", "vehicle", "thing", "by"),
    [
        ({"late": 4}, {}, "thing_window", "6"),
        ({"delivery": (14,)}, {}, "thing_capacity", 4),
        ({}, {"late": 12}, "thing_end", "8"),
        ({}, {"max_duration": 15}, "thing_hours", "5"),
        ({}, {"max_distance": 18}, "thing_range", "2"),
    ],
)
def test_a_stop_that_no_vehicle_can_serve_names_the_limit(stop, vehicle, thing, by):
    """The limit that stands against a stop is named with how much it lacks; with that much more the stop is served."""
    problem = line_problem([10], stops=[stop], vehicle=Vehicle("van", 1, (10,), **vehicle))
    (left,) = plan_routes(problem, seconds=0.5).unserved
    assert left.why.code == "route.alone" and codes(left.conflict) == ["thing_stop", thing]
    assert left.conflict[1].facts["by"] == by and left.options[0].facts["cost"] == 20
    relaxed = {
        "thing_window": lambda: line_problem([10], stops=[{"late": 10}]),
        "thing_capacity": lambda: line_problem([10], stops=[stop], vehicle=Vehicle("van", 1, (14,))),
        "thing_end": lambda: line_problem([10], vehicle=Vehicle("van", 1, (10,), late=20)),
        "thing_hours": lambda: line_problem([10], vehicle=Vehicle("van", 1, (10,), max_duration=20)),
        "thing_range": lambda: line_problem([10], vehicle=Vehicle("van", 1, (10,), max_distance=20)),
    }[thing]()
    plan = plan_routes(relaxed, seconds=0.5)
    assert not plan.unserved and plan.cost == left.options[0].facts["cost"]


def test_too_much_load_names_the_fewest_stops_that_overfill_the_fleet():
    """Of loads 6, 6, 1, 1 on one vehicle of 10, the two large ones conflict; one more vehicle has its price."""
    stops = [{"delivery": (amount,)} for amount in (6, 6, 1, 1)]
    problem = line_problem([10, 20, 30, 40], stops=stops, vehicle=Vehicle("van", 1, (10,), fixed=7.0))
    plan = plan_routes(problem, seconds=1)
    (left,) = plan.unserved
    assert left.why.code == "route.too_much_load" and left.why.facts["short"] == 4
    assert [thing.facts["stop"] for thing in left.conflict[:-1]] == ["2", "1"]
    assert codes(left.conflict)[-1] == "thing_fleet_load"
    more = plan_routes(replace(problem, vehicles=(replace(problem.vehicles[0], count=2),)), seconds=1)
    price = next(option.facts["cost"] for option in left.options if option.code == "route.option_vehicle")
    assert not more.unserved and more.cost <= plan.cost + price


def test_windows_that_conflict_are_found_among_many_stops():
    """Three stops far apart, open at one moment, and two vehicles: exactly these three conflict."""
    urgent = {"early": 100, "late": 100}
    places = [50, -50, 100, 1, 2, 3, 4, 5]
    problem = line_problem(
        places, stops=[urgent, urgent, urgent, {}, {}, {}, {}, {}], vehicle=Vehicle("van", 2, (10,), late=1000)
    )
    plan = plan_routes(problem, seconds=4)
    (left,) = plan.unserved
    assert left.why.code == "route.together"
    assert sorted(thing.facts["stop"] for thing in left.conflict[:-1]) == ["1", "2", "3"]
    assert sorted(at for tour in plan.tours for at in tour.tour.stops) == sorted({*range(8)} - {left.stop})
    later = next(option for option in left.options if option.code == "route.option_later")
    stops = list(problem.stops)
    stops[left.stop] = replace(stops[left.stop], late=100 + int(float(later.facts["by"])))
    relaxed = plan_routes(replace(problem, stops=tuple(stops)), seconds=1)
    assert not relaxed.unserved and relaxed.cost <= plan.cost + later.facts["cost"]


def test_the_rest_is_served_when_one_stop_cannot():
    """One impossible stop takes none of the others with it, and the bound holds for what is served."""
    problem = line_problem([10, 20, 30], stops=[{}, {"late": 1}, {}])
    plan = plan_routes(problem, seconds=0.5)
    assert [one.stop for one in plan.unserved] == [1]
    assert sorted(at for tour in plan.tours for at in tour.tour.stops) == [0, 2]
    assert 0 < plan.bound <= plan.cost == 60
