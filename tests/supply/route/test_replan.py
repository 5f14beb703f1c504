"""A running day planned anew: what is driven stays, rules hold, few stops move, and tiny days reach the optimum."""

from dataclasses import replace

import numpy as np
import pytest

from aislehub.core.errors import HubError
from aislehub.supply.route.plan import Tour, cost_of, driven
from aislehub.supply.route.problem import Break, Depot, Vehicle
from aislehub.supply.route.replan import replan
from aislehub.supply.route.solve import plan_routes
from tests.supply.route.problems import bench, line_problem, random_problem

KINDS = (
    {},
    {"count": 3, "max_trips": 3},
    {"max_duration": 220, "max_distance": 200},
    {"breaks": (Break(60, 110, 20),)},
)


def random_day(seed):
    """A problem with every feature that its solver takes, the tours of some of its stops, and what happens then."""
    rng, kind = np.random.default_rng(seed), seed % len(KINDS)
    problem = random_problem(seed, int(rng.integers(4, 12)), **KINDS[kind])
    stops = [replace(stop, late=stop.late + 60) for stop in problem.stops]
    if kind != 3:
        stops = [replace(one, pickup=(int(rng.integers(1, 5)),)) if rng.random() < 0.3 else one for one in stops]
        stops = [replace(one, prize=float(rng.integers(5, 60))) if rng.random() < 0.2 else one for one in stops]
    problem = replace(problem, stops=tuple(stops))
    known = [at for at in range(len(stops)) if at == 0 or rng.random() > 0.15]
    plan = plan_routes(problem.only(known), seconds=30, seed=seed, rounds=100)
    tours = [
        driven(problem, Tour(one.tour.vehicle, tuple(tuple(known[at] for at in trip) for trip in one.tour.trips)))
        for one in plan.tours
    ]
    first, last = min(one.times.start for one in tours), max(one.times.end for one in tours)
    happens = {
        "now": int(rng.integers(first - 5, last)),
        "without": [at for one in tours for at in one.tour.stops if rng.random() < 0.15],
        "broken": [number for number in range(len(tours)) if rng.random() < 0.15],
        "move_weight": float(rng.choice([0, 5, 1000])),
    }
    return problem, tours, happens


@pytest.mark.parametrize("seed", range(16))
def test_what_is_driven_stays_and_no_rule_is_broken(seed):
    """Frozen visits are identical, cancelled stops absent, all others served once or unserved with a reason, nothing is
    driven to before now, and cost and rules are counted by the problem itself."""
    problem, tours, happens = random_day(seed)
    made = replan(problem, tours, **happens, shift=10, seconds=30, rounds=100, seed=seed)
    plan, day = made.plan, made.plan.problem
    assert all(driven(day, one.tour) == one for one in plan.tours) and plan.cost == cost_of(day, plan.tours)
    after = {one.tour.vehicle: one for one in plan.tours}
    for vehicle, number in enumerate(made.numbers):
        begun = day.vehicles[vehicle].begun
        count = len(begun.visits) if begun else 0
        if begun:
            visits = after[vehicle].times.visits
            told = [(made.stops[one.stop], one.arrive, one.begin, one.leave) for one in visits[:count]]
            was = [(one.stop, one.arrive, one.begin, one.leave) for one in tours[number].times.visits[:count]]
            assert told == was
            assert number not in happens["broken"] or len(visits) == count
        if vehicle in after:
            assert all(visit.arrive >= happens["now"] for visit in after[vehicle].times.visits[count:])
    served = [made.stops[at] for one in plan.tours for at in one.tour.stops]
    unserved = [made.stops[one.stop] for one in plan.unserved]
    assert sorted([*served, *unserved, *made.cancelled]) == list(range(len(problem.stops)))
    assert all(one.why.sentence() for one in plan.unserved) and plan.bound <= plan.cost
    assert len(made.too_late) == len(set(happens["without"]) - made.cancelled)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("weight", [0.0, 8.0])
def test_tiny_days_reach_the_optimum(seed, weight):
    """Cost and promises broken together are those of the best of all ways to go on."""
    problem = random_problem(seed, 6, count=3, max_trips=1 + seed % 2)
    plan = plan_routes(problem, seconds=30, rounds=1000, seed=seed)
    begins = sorted((visit.begin, visit.stop) for one in plan.tours for visit in one.times.visits)
    made = replan(
        problem, plan.tours, now=begins[1][0], without=[begins[-1][1]], move_weight=weight, shift=5, rounds=1000,
        seconds=30, seed=seed,
    )  # fmt: skip
    assert made.plan.unserved == () and made.plan.is_repeatable
    reached = made.plan.cost + weight * len(made.moved)
    assert reached == pytest.approx(bench.cheapest_rest(made.plan.problem))


@pytest.mark.data
def test_few_of_fifty_stops_move_after_a_cancellation(data_folder):
    """At most a tenth of the open stops moves, by the weight that is taken where none is given."""
    problem = bench.read_problem(data_folder / "vrp" / "solomon" / "RC105.txt").only(range(50))
    problem = replace(problem, vehicles=(replace(problem.vehicles[0], per_time=0.05),))
    plan = plan_routes(problem, seconds=60, rounds=1000)
    now = sorted(visit.begin for one in plan.tours for visit in one.times.visits)[12]
    later = [visit.stop for one in plan.tours for visit in one.times.visits if visit.begin > now + 1000]
    made = replan(problem, plan.tours, now=now, without=later[:1], rounds=300, seconds=30)
    assert made.cancelled == set(later[:1]) and made.plan.cost < plan.cost
    assert len(made.moved) <= 0.1 * len(made.promised)


def on_a_line(**changes):
    """A van that serves 10, 20 and 30 in turn, and another that stands by."""
    problem = line_problem([10, 20, 30], vehicle=Vehicle("van", 2, (10,), per_time=1.0), **changes)
    return problem, [driven(problem, Tour(0, ((0, 1, 2),)))]


def test_the_weight_decides_between_waiting_and_moving():
    """A cancelled stop on a detour of 40 saves 40; keeping the times of the others costs waiting for them."""
    stops = [{}, {"early": 50}, {}]
    problem = line_problem([10, -20, 30], stops=stops, vehicle=Vehicle("van", 1, (10,), per_time=1.0))
    tours = [driven(problem, Tour(0, ((0, 1, 2),)))]
    now = tours[0].times.start + 1
    for weight, moved in ((1.0, {2}), (1000.0, set())):
        made = replan(problem, tours, now=now, without=[1], move_weight=weight, shift=5, rounds=300, seconds=30)
        assert made.moved == moved
        (one,) = made.plan.tours
        kept = tours[0].times.visits[2].begin - 5
        assert one.times.visits[-1].begin == (kept if not moved else now - 1 + 30)


def test_goods_on_board_stay_with_their_vehicle():
    """Once loaded, a stop is served by the vehicle with its goods, even where one that stands by would be cheaper."""
    problem, tours = on_a_line()
    made = replan(problem, tours, now=5, move_weight=0.0, rounds=200, seconds=30)
    assert [one.tour.stops for one in made.plan.tours] == [(0, 1, 2)]


def test_a_new_stop_is_loaded_first():
    """A van under way has no goods for a new customer and no second trip, so another one starts, not before now."""
    problem = line_problem([10, 20, 30, 15], vehicle=Vehicle("van", 2, (10,)))
    tours = [driven(problem, Tour(0, ((0, 1, 2),)))]
    made = replan(problem, tours, now=5, rounds=200, seconds=30)
    assert [one.tour.stops for one in made.plan.tours] == [(0, 1, 2), (3,)]
    assert made.plan.tours[1].times.start >= 5 and made.moved == frozenset()
    again = replace(problem, vehicles=(replace(problem.vehicles[0], max_trips=2, fixed=1000.0),))
    made = replan(again, tours, now=5, rounds=200, seconds=30)
    assert [one.tour.trips for one in made.plan.tours] == [((0, 1, 2), (3,))]


def test_what_is_fetched_may_come_on_the_running_trip():
    """A pickup needs no goods: the van under way fetches it on its way."""
    stops = [{}, {}, {}, {"delivery": (0,), "pickup": (1,)}]
    problem = line_problem([10, 20, 30, 15], stops=stops, vehicle=Vehicle("van", 2, (10,)))
    made = replan(problem, [driven(problem, Tour(0, ((0, 1, 2),)))], now=5, rounds=200, seconds=30)
    assert len(made.plan.tours) == 1 and made.plan.cost == 60


def test_a_broken_vehicle_hands_over_its_rest():
    """What it has not served starts anew from the depot with another one; without another one that is said."""
    problem, tours = on_a_line()
    made = replan(problem, tours, now=12, broken=[0], rounds=200, seconds=30)
    assert [one.tour.stops for one in made.plan.tours] == [(0,), (1, 2)] and made.moved == {1, 2}
    assert made.plan.tours[0].distance == 10 and made.plan.tours[1].times.start >= 12
    alone = replace(problem, vehicles=(replace(problem.vehicles[0], count=1),))
    made = replan(alone, tours, now=12, broken=[0], rounds=200, seconds=30)
    assert [one.why.code for one in made.plan.unserved] == ["route.nobody_free"] * 2 and made.moved == {1, 2}


def test_what_is_cancelled_too_late_stays_and_is_said():
    """A stop that was served, or is being driven to, stays in the plan, with the reason."""
    problem, tours = on_a_line()
    made = replan(problem, tours, now=15, without=[0, 1, 2], rounds=200, seconds=30)
    assert [one.code for one in made.too_late] == ["route.been_there", "route.on_the_way"]
    assert made.cancelled == {2} and [one.tour.stops for one in made.plan.tours] == [(0, 1)]


def test_a_day_that_is_over_is_refused():
    """After the last return there is nothing to plan, and the error says when that was."""
    problem, tours = on_a_line()
    with pytest.raises(HubError) as refused:
        replan(problem, tours, now=61)
    assert refused.value.code == "route.day_over" and "60" in str(refused.value)


def test_before_the_day_everything_may_change():
    """Before the first loading nothing is frozen, and weight 0 finds the plan that a fresh search finds."""
    problem = random_problem(3, 8)
    far = [driven(problem, Tour(0, ((at,),))) for at in range(8)]
    made = replan(problem, far, now=-10, move_weight=0.0, rounds=2000, seconds=30)
    assert not made.plan.problem.frozen
    assert made.plan.cost == pytest.approx(plan_routes(problem, seconds=30, rounds=2000).cost)


def test_a_vehicle_that_ends_elsewhere_goes_there():
    """A van under way still ends its day at its last depot, and the way is counted."""
    depots = (Depot("left", 0), Depot("right", 2))
    problem = line_problem([10, 20], vehicle=Vehicle("van", 1, (10,), end=1), depots=depots)
    made = replan(problem, [driven(problem, Tour(0, ((0, 1),)))], now=5, without=[1], rounds=200, seconds=30)
    assert made.plan.cost == 20 and made.plan.tours[0].times.end == 20
