"""Times of a tour by hand: waiting, loading, breaks, hours, loads."""

import pytest

from aislehub.supply.route.plan import Tour, driven
from aislehub.supply.route.problem import Break, Depot, Vehicle
from aislehub.supply.route.schedule import distance_of, overload, timetable
from tests.supply.route.problems import line_problem


def test_a_day_starts_as_late_as_its_end_allows():
    """A stop that opens at 100, 10 away, is not waited for: the vehicle leaves at 90 and is back at 115."""
    problem = line_problem([10], stops=[{"early": 100, "service": 5}])
    day = timetable(problem, problem.vehicles[0], ((0,),))
    assert (day.start, day.end, day.duration) == (90, 115, 25)
    assert (day.visits[0].arrive, day.visits[0].begin, day.visits[0].leave) == (100, 100, 105)


def test_a_vehicle_waits_between_windows():
    """Between a stop that closes early and one that opens late nothing can be saved."""
    problem = line_problem([10, 20], stops=[{"late": 15}, {"early": 80}])
    day = timetable(problem, problem.vehicles[0], ((0, 1),))
    assert (day.start, day.visits[1].arrive, day.visits[1].begin, day.end) == (5, 25, 80, 100)


@pytest.mark.parametrize(
    ("stop", "vehicle", "depot"),
    [
        ({"late": 9}, {}, {}),  # the window closes before anyone can be there
        ({}, {"late": 19}, {}),  # the driver's day ends before the return
        ({}, {"max_duration": 19}, {}),
        ({}, {}, {"late": 19}),
        ({"late": 12}, {}, {"loading": 3}),  # loading comes first
    ],
)
def test_what_comes_too_late_is_no_day(stop, vehicle, depot):
    """A window, a shift, hours or a depot that cannot be met make the tour impossible."""
    problem = line_problem(
        [10], stops=[stop], vehicle=Vehicle("van", 1, (10,), **vehicle), depots=(Depot("depot", 0, **depot),)
    )
    assert timetable(problem, problem.vehicles[0], ((0,),)) is None
    free = line_problem([10])
    assert timetable(free, free.vehicles[0], ((0,),)) is not None


def test_each_trip_is_loaded():
    """Two trips of 20 and 40 with loading of 3 each take 66, all distance is counted."""
    problem = line_problem([10, 20], vehicle=Vehicle("van", 1, (1,), max_trips=2), depots=(Depot("d", 0, loading=3),))
    day = timetable(problem, problem.vehicles[0], ((0,), (1,)))
    assert (day.start, day.end, day.loadings) == (0, 66, (0, 23))
    assert distance_of(problem, problem.vehicles[0], ((0,), (1,))) == 60


@pytest.mark.parametrize(
    ("rest", "end", "taken"),
    [
        (Break(15, 25, 7), 67, [15]),  # interrupts the drive of 30 to the stop
        (Break(100, 200, 7), 60, []),  # the day is over before the break must begin
        (Break(40, 50, 7), 67, [40]),  # on the way back
    ],
)
def test_a_break_interrupts_driving(rest, end, taken):
    """A break inside the day makes it longer by its length; one that may wait until the day is over does not."""
    problem = line_problem([30], stops=[{"late": 37}], vehicle=Vehicle("van", 1, (10,), breaks=(rest,)))
    day = timetable(problem, problem.vehicles[0], ((0,),))
    assert [pause.begin for pause in day.pauses] == taken
    assert day.end == end


def test_load_counts_what_is_brought_and_taken_back():
    """Deliveries leave room for pickups: 6 out and 6 back fit into 8 one after the other, not at once."""
    stops = [{"delivery": (6,), "pickup": (0,)}, {"delivery": (0,), "pickup": (6,)}]
    problem = line_problem([10, 20], stops=stops, vehicle=Vehicle("van", 1, (8,)))
    assert overload(problem, problem.vehicles[0], (0, 1)) == (0,)
    assert overload(problem, problem.vehicles[0], (1, 0)) == (4,)
    assert driven(problem, Tour(0, ((0, 1),))) and driven(problem, Tour(0, ((1, 0),))) is None
