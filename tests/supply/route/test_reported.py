"""A tour as it is really driven: reports first, then the rest from where the vehicle is."""

from aislehub.supply.route.plan import Tour, driven
from aislehub.supply.route.problem import Break, Pause, Vehicle, Visit
from aislehub.supply.route.reported import Report, as_driven
from tests.supply.route.problems import line_problem


def tour_of(problem, *trips):
    """A tour as planned."""
    return driven(problem, Tour(0, trips))


def visits(one):
    """Stop, begin and departure of each visit."""
    return [(visit.stop, visit.begin, visit.leave) for visit in one.times.visits]


def test_without_news_the_plan_is_believed():
    """Nothing reported and no delay: the very same tour."""
    problem = line_problem([10, 20])
    one = tour_of(problem, (0, 1))
    assert as_driven(problem, one, [None, None], now=15) is one


def test_the_rest_goes_on_from_the_last_report():
    """Reported times count, the next stop follows by its distance and not before now, and so does the return."""
    problem = line_problem([10, 20, 30])
    one = tour_of(problem, (0, 1, 2))
    late = as_driven(problem, one, [Report(25, 28), None, None], now=30)
    assert visits(late) == [(0, 25, 28), (1, 38, 38), (2, 48, 48)] and late.times.end == 78
    silent = as_driven(problem, one, [Report(25, 28), None, None], now=60)
    assert visits(silent)[1:] == [(1, 60, 60), (2, 70, 70)]


def test_another_order_is_taken_as_reported():
    """A stop visited out of turn comes first, and the distance is that of the way really driven."""
    problem = line_problem([10, 20, 30])
    other = as_driven(problem, tour_of(problem, (0, 1, 2)), [None, Report(20, 21), None], now=22)
    assert other.tour.trips == ((1, 0, 2),) and visits(other) == [(1, 20, 21), (0, 31, 31), (2, 51, 51)]
    assert other.distance == 20 + 10 + 20 + 30


def test_trips_before_a_reported_one_are_over():
    """Who has reported a stop of the second trip has done the first one, reported or not."""
    problem = line_problem([10, 20], vehicle=Vehicle("van", 1, (10,), max_trips=2))
    one = as_driven(problem, tour_of(problem, (0,), (1,)), [None, Report(15)], now=16)
    assert one.times.visits[0].leave <= 16 and one.times.loadings[1] <= 15
    assert one.times.visits[1] == Visit(1, 15, 15, 16)


def test_a_report_of_another_time_says_only_that_it_is_done():
    """A phone whose clock is days off cannot move a visit beyond now."""
    problem = line_problem([10, 20])
    one = as_driven(problem, tour_of(problem, (0, 1)), [Report(10**8, 10**8), None], now=12)
    assert visits(one)[0] == (0, 10, 10)


def test_a_delay_is_that_of_now():
    """A delay said at noon counts for the stop that is driven to, though a wait in the morning would have made up for
    it, and breaks still to come are kept."""
    problem = line_problem([10, 20, 30], stops=[{"late": 10}, {"early": 50, "late": 55}, {}],
                           vehicle=Vehicle("van", 1, (10,), early=0, breaks=(Break(70, 75, 5),)))  # fmt: skip
    one = tour_of(problem, (0, 1, 2))
    planned = {stop: begin for stop, begin, _ in visits(one)}
    late = as_driven(problem, one, [None] * 3, now=planned[1] + 1, late=20)
    assert visits(late)[2][1] == planned[2] + 20
    assert [rest.end - rest.begin for rest in late.times.pauses] == [5] and isinstance(late.times.pauses[0], Pause)
