"""Plans against an exhaustive search: the features that solvers differ in reach the known optimum."""

from dataclasses import replace

import pytest

from aislehub.core.errors import HubError
from aislehub.supply.route.plan import driven
from aislehub.supply.route.problem import Break, Depot, Vehicle
from aislehub.supply.route.solve import plan_routes, solver_for
from aislehub.supply.route.written import document
from tests.supply.route.problems import FEATURES, cheapest, line_problem, random_problem


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("feature", FEATURES)
def test_small_problems_are_solved_to_the_optimum(feature, seed):
    """The plan costs what the best of all plans costs, no less than the bound, and serves everyone once."""
    problem = random_problem(seed, size=4, **FEATURES[feature])
    plan = plan_routes(problem, seconds=1, seed=seed)
    assert plan.cost == pytest.approx(cheapest(problem))
    assert plan.bound <= plan.cost
    assert sorted(at for tour in plan.tours for at in tour.tour.stops) == list(range(4))
    assert plan.solver == ("OR-tools" if feature == "breaks" else "PyVRP")


def test_each_feature_has_a_solver_or_is_refused():
    """Breaks go to OR-tools; breaks with several trips have no solver, and that is said."""
    plain = line_problem([10, 20])
    with_breaks = replace(plain.vehicles[0], breaks=(Break(0, 10, 5),))
    assert solver_for(plain).name == "PyVRP"
    assert solver_for(replace(plain, vehicles=(with_breaks,))).name == "OR-tools"
    with pytest.raises(HubError) as refused:
        solver_for(replace(plain, vehicles=(replace(with_breaks, max_trips=2),)))
    assert refused.value.code == "route.no_solver"


def test_a_mixed_fleet_of_two_depots_serves_each_side_from_its_own():
    """Stops left and right are served from the depot beside them, the heavy one by the vehicle that carries it."""
    problem = line_problem(
        [100, 5, 95, 105],
        stops=[{"delivery": (0,)}, {}, {}, {"delivery": (30,)}],
        vehicles=(Vehicle("small", 2, (10,)), Vehicle("large", 1, (40,), start=1, end=1)),
    )
    depots = (Depot("left", 0), Depot("right", problem.stops[0].place))
    problem = replace(problem, depots=depots, stops=problem.stops[1:])
    plan = plan_routes(problem, seconds=0.5)
    by_vehicle = {problem.vehicles[one.tour.vehicle].name: sorted(one.tour.stops) for one in plan.tours}
    assert by_vehicle == {"small": [0], "large": [1, 2]}
    assert plan.cost == 10 + 20


def test_an_optional_stop_is_visited_if_its_prize_pays():
    """A detour of 20 is made for a prize of 25 and not for one of 15, which then is lost and said."""
    for prize, visited in ((25.0, True), (15.0, False)):
        problem = line_problem([10, 20], stops=[{}, {"prize": prize}])
        plan = plan_routes(problem, seconds=0.5)
        assert plan.cost == (40 if visited else 20 + prize)
        assert [one.why.code for one in plan.unserved] == ([] if visited else ["route.not_worth"])
        assert plan.bound <= plan.cost


def test_pickups_share_the_vehicle():
    """Goods taken back ride with what is still to be brought: the order that fits is found."""
    stops = [{"delivery": (0,), "pickup": (6,)}, {"delivery": (6,), "pickup": (0,)}]
    problem = line_problem([10, 20], stops=stops, vehicle=Vehicle("van", 1, (8,)))
    plan = plan_routes(problem, seconds=0.5)
    assert [one.tour.stops for one in plan.tours] == [(1, 0)]
    assert driven(problem, plan.tours[0].tour) == plan.tours[0]


def test_several_dimensions_of_load_all_hold():
    """Two stops fit by weight but not by volume, so each gets its own tour."""
    problem = line_problem([10, 20])
    stops = tuple(replace(stop, delivery=(1, 6), pickup=(0, 0)) for stop in problem.stops)
    vehicle = Vehicle("van", 2, (10, 10))
    plan = plan_routes(replace(problem, loads=("kg", "l"), stops=stops, vehicles=(vehicle,)), seconds=0.5)
    assert len(plan.tours) == 2 and plan.cost == 60


@pytest.mark.parametrize("feature", FEATURES)
def test_the_same_seed_and_rounds_give_the_same_plan(feature):
    """Where rounds end the search, two plans of one seed are equal in all that they say, and say that they are."""
    problem = random_problem(5, size=12, **FEATURES[feature])
    first, second = (plan_routes(problem, seconds=60, seed=3, rounds=300) for _ in range(2))
    assert first.tours and document(first) == document(second)
    assert first.is_repeatable


def test_what_cannot_be_served_is_told_alike_by_the_same_rounds():
    """The search for conflicts counts rounds, too."""
    stops = [{"early": 50, "late": 51}] * 4
    problem = line_problem([20, -20, 40, -40], stops=stops, vehicle=Vehicle("van", 2, (10,)))
    first, second = (plan_routes(problem, seconds=60, rounds=200) for _ in range(2))
    assert first.unserved and first == second and first.is_repeatable


def test_a_plan_that_time_ended_is_not_called_repeatable():
    """Seconds that run out before the rounds are said."""
    problem = random_problem(5, size=12)
    assert not plan_routes(problem, seconds=0.2, rounds=10**9).is_repeatable
    assert not plan_routes(problem, seconds=0.2).is_repeatable
