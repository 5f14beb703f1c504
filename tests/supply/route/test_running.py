"""Plans read back: exact times survive, and a plan of something else is refused with the value that shows it."""

import json

import pytest

from aislehub.core.errors import HubError
from aislehub.supply.route.plan import driven
from aislehub.supply.route.problem import Break
from aislehub.supply.route.replan import replan
from aislehub.supply.route.running import read_running
from aislehub.supply.route.solve import plan_routes
from aislehub.supply.route.written import write_plan
from tests.supply.route.problems import random_problem


@pytest.fixture
def planned(tmp_path):
    """A problem, its plan, and the file of it."""
    problem = random_problem(2, 7, max_trips=2, count=3)
    plan = plan_routes(problem, seconds=30, rounds=200)
    path = tmp_path / "plan.json"
    write_plan(plan, path)
    return problem, plan, path


def test_a_plan_is_read_as_it_was_written(planned):
    """Tours, times and costs are equal to those of the plan, exact times or not."""
    problem, plan, path = planned
    assert read_running(path, problem).tours == plan.tours
    told = json.loads(path.read_text())
    for tour in told["tours"]:
        del tour["exact"]
    path.write_text(json.dumps(told))
    assert read_running(path, problem).tours == plan.tours


@pytest.mark.parametrize("vehicle", [{"max_trips": 2, "count": 4}, {"breaks": (Break(60, 110, 20),)}])
def test_a_day_planned_anew_is_read_back_and_planned_anew(tmp_path, vehicle):
    """Held times, broken vehicles and what was driven survive a file, and the next plan goes on from there."""
    problem = random_problem(4, 8, **vehicle)
    tours = plan_routes(problem, seconds=30, rounds=200).tours
    now = sorted(visit.begin for one in tours for visit in one.times.visits)[2]
    made = replan(problem, tours, now=now, broken=[0], rounds=200, seconds=30, shift=5)
    write_plan(made.plan, tmp_path / "plan.json")
    read = read_running(tmp_path / "plan.json", problem)
    assert read.broken == {0}
    assert [(one.times, one.distance, one.cost) for one in read.tours] == [
        (_as_given(made, one.times), one.distance, pytest.approx(one.cost)) for one in made.plan.tours
    ]
    again = replan(problem, read.tours, now=now + 20, broken=read.broken, rounds=200, seconds=30, shift=5)
    assert all(driven(again.plan.problem, one.tour) == one for one in again.plan.tours)
    assert again.plan.tours[0].times.end == now


def _as_given(made, times):
    """Times with stops as the problem numbers them; the plan knows the same ones where nothing was cancelled."""
    assert made.stops == tuple(range(len(made.stops)))
    return times


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        (lambda told: told["tours"][0].update(vehicle="bicycle"), "route.other_plan_vehicle", "bicycle"),
        (lambda told: told["tours"][0]["trips"][0].append("99"), "route.other_plan_stop", "99"),
        (lambda told: told["tours"][0].update(distance=1.5), "route.other_plan_distance", "1.5"),
        (lambda told: told["tours"].extend(told["tours"]), "route.other_plan_count", "van"),
        (lambda told: told["tours"].append(told["tours"][0]), "route.other_plan_twice", "2"),
        (lambda told: told["tours"][0]["exact"]["visits"].pop(), "route.other_plan_rules", "1"),
        (lambda told: told.pop("tours"), "route.invalid", "tours"),
    ],
)
def test_a_plan_of_something_else_is_refused(planned, change, code, word):
    """The error names what the problem does not have, or what does not agree."""
    problem, plan, path = planned
    assert len(plan.tours) == 2, "the cases need a vehicle to spare"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))
    with pytest.raises(HubError) as refused:
        read_running(path, problem)
    assert refused.value.code == code and word in str(refused.value)


def test_what_is_no_plan_is_refused(tmp_path):
    """A missing file and broken JSON are said."""
    problem = random_problem(2, 3)
    with pytest.raises(HubError) as refused:
        read_running(tmp_path / "no.json", problem)
    assert refused.value.code == "file.missing"
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(HubError) as refused:
        read_running(tmp_path / "bad.json", problem)
    assert refused.value.code == "file.unreadable"
