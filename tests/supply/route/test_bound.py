"""The bound is one: never above the optimum, tight where the relaxation is."""

import pytest

from aislehub.supply.route.bound import lower_bound
from aislehub.supply.route.problem import Vehicle
from aislehub.supply.route.solomon import read_solomon
from aislehub.supply.route.vrplib import read_vrplib
from tests.supply.route.problems import cheapest, line_problem, random_problem


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("trips", [1, 3])
def test_no_plan_is_cheaper(seed, trips):
    """On small problems the bound is at most the cost of the best of all plans, and not trivial."""
    problem = random_problem(seed, size=4, max_trips=trips)
    best = cheapest(problem)
    assert 0.3 * best < lower_bound(problem, seconds=5) <= best + 1e-6


def test_capacity_cuts_count_vehicles():
    """Six full loads at one place 10 away need six tours of 20: the cuts leave no gap."""
    problem = line_problem([10] * 6, vehicle=Vehicle("van", 6, (1,)))
    assert lower_bound(problem, seconds=5) == pytest.approx(120)


def test_a_stopped_search_still_bounds():
    """With no time at all what is returned is a bound as well."""
    problem = random_problem(3, size=4)
    assert lower_bound(problem, seconds=0) <= lower_bound(problem, seconds=5) + 1e-9


@pytest.mark.data
def test_published_optima_are_not_passed(data_folder):
    """On instances with published optimal or best-known cost, the bound stays below and comes near."""
    for file, read, best, near in (
        ("solomon/C101.txt", read_solomon, 827.3, 1.0), ("solomon/R101.txt", read_solomon, 1637.7, 0.97),
        ("X/X-n106-k14.vrp", read_vrplib, 26362, 0.7),
    ):  # fmt: skip
        found = lower_bound(read(data_folder / "vrp" / file), seconds=2)
        assert near * best - 1e-6 <= found <= best + 1e-6
