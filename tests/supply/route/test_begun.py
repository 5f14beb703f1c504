"""What of a tour is frozen at a moment, by hand: stops on a line at 10, 20 and 30, reached at 10, 25 and 40."""

import pytest

from aislehub.supply.route.begun import begun_at, breaks_left
from aislehub.supply.route.plan import Tour, driven
from aislehub.supply.route.problem import Break, Depot, Vehicle
from tests.supply.route.problems import line_problem


def running(trips=((0, 1, 2),), rests=(), **vehicle):
    """A tour that is loaded from 0 to 3 and then serves the stops, 5 each."""
    van = Vehicle("van", 1, (10,), max_trips=3, breaks=rests, **vehicle)
    problem = line_problem(
        [10, 20, 30], stops=[{"service": 5}] * 3, vehicle=van, depots=(Depot("depot", 0, loading=3),)
    )
    return problem, driven(problem, Tour(0, trips))


@pytest.mark.parametrize(
    ("now", "stops", "free", "place", "distance", "on_board"),
    [
        (1, (), 3, 0, 0, {0, 1, 2}),  # being loaded: the goods are on board
        (3, (0,), 18, 1, 10, {1, 2}),  # sets out: the first stop is driven to
        (17, (0,), 18, 1, 10, {1, 2}),  # being served
        (18, (0, 1), 33, 2, 20, {2}),
        (47, (0, 1, 2), 48, 3, 30, set()),
    ],
)
def test_what_is_driven_or_driven_to_is_frozen(now, stops, free, place, distance, on_board):
    """A stop is frozen once the vehicle sets out for it; then the vehicle is free when it leaves there."""
    problem, one = running()
    begun = begun_at(problem, one, now)
    assert (begun.stops, begun.free, begun.place, begun.distance) == (stops, free, place, distance)
    assert begun.on_board == on_board and not begun.is_back and not begun.is_stranded
    assert begun.visits == one.times.visits[: len(stops)]


def test_before_its_loading_nothing_is_frozen():
    """A tour that starts later is free."""
    problem, one = running()
    assert begun_at(problem, one, -1) is None


def test_on_its_way_back_a_vehicle_can_load_once_more():
    """On the way home the vehicle is free at the depot, with the whole way counted."""
    problem, one = running()
    begun = begun_at(problem, one, 50)
    assert (begun.free, begun.place, begun.distance, begun.is_back) == (78, 0, 60, True) and not begun.is_stranded


def test_between_two_trips_the_next_is_not_loaded_yet():
    """On the way back from the first trip, the stops of the second are on board of nobody."""
    problem, one = running(trips=((0,), (1, 2)))
    begun = begun_at(problem, one, 20)
    assert begun.trips == ((0,),) and (begun.free, begun.is_back) == (28, True)
    assert begun.on_board == frozenset() and begun.loadings == one.times.loadings[:1]


def test_cancelled_goods_ride_along():
    """Goods that nobody wants any more stay on board until the depot."""
    problem, one = running()
    begun = begun_at(problem, one, 5, cancelled=frozenset({2}))
    assert begun.aboard == (1,) and begun.on_board == {1}


def test_a_broken_vehicle_has_done_what_it_began_to_serve():
    """A stop that it was driving to is not reached, one that it serves is."""
    problem, one = running()
    assert begun_at(problem, one, 12, is_broken=True).stops == ()
    begun = begun_at(problem, one, 14, is_broken=True)
    assert (begun.stops, begun.free, begun.distance, begun.is_stranded) == ((0,), 14, 10, True)


def test_a_break_is_taken_once():
    """A break begun before the moment is behind the driver; one planned later is still to come."""
    rest = Break(20, 30, 4)
    problem, one = running(rests=(rest,), late=85)
    assert [pause.begin for pause in one.times.pauses] == [20]
    van = problem.vehicles[0]
    assert breaks_left(van, begun_at(problem, one, 19)) == () == breaks_left(van, begun_at(problem, one, 40))
    assert breaks_left(van, begun_at(problem, one, 10)) == (rest,)
