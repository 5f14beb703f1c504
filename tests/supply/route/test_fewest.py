"""Fewest vehicles first: one less while a plan is found, never fewer than the loads need."""

from aislehub.supply.route.problem import Vehicle
from aislehub.supply.route.solve import plan_routes
from tests.supply.route.problems import line_problem


def test_fewer_vehicles_come_before_a_shorter_way():
    """Two sides of the depot cost 80 with two vans; one van costs as much, and more if it must wait, yet it is one."""
    stops = [{"late": 20}, {"early": 100}]
    problem = line_problem([20, -20], stops=stops, vehicle=Vehicle("van", 2, (10,), per_time=1.0))
    assert len(plan_routes(problem, seconds=30, rounds=300).tours) == 2
    fewest = plan_routes(problem, seconds=30, rounds=300, fewest=True)
    assert len(fewest.tours) == 1 and fewest.is_repeatable and fewest.unserved == ()


def test_loads_keep_the_fleet_from_shrinking():
    """Two loads of 8 need two vans of 10, however many there are; a van and a truck are cut to the truck."""
    stops = [{"delivery": (8,)}, {"delivery": (8,)}]
    small = line_problem([10, 20], stops=stops, vehicle=Vehicle("van", 3, (10,)))
    assert len(plan_routes(small, seconds=30, rounds=300, fewest=True).tours) == 2
    fleet = (Vehicle("van", 1, (10,)), Vehicle("truck", 1, (20,), per_distance=5.0))
    mixed = line_problem([10, 20], stops=stops, vehicles=fleet)
    assert len(plan_routes(mixed, seconds=30, rounds=300).tours) == 2
    (one,) = plan_routes(mixed, seconds=30, rounds=300, fewest=True).tours
    assert mixed.vehicles[one.tour.vehicle].name == "truck"


def test_a_fleet_that_is_too_small_is_explained_as_ever():
    """Where not even all vehicles serve everyone, the stop left out still says why."""
    stops = [{"delivery": (8,)}, {"delivery": (8,)}]
    plan = plan_routes(
        line_problem([10, 20], stops=stops, vehicle=Vehicle("van", 1, (10,))), seconds=30, rounds=300, fewest=True
    )
    assert [one.why.code for one in plan.unserved] == ["route.too_much_load"]
