"""One person's cheapest line is the cheapest of all that their rules allow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ortools.sat.python import cp_model

from aislehub.core.errors import HubError
from aislehub.store.roster.arrays import FREE, arrays_of
from aislehub.store.roster.cost import breaches
from aislehub.store.roster.lines import Planner
from aislehub.store.roster.model import add_person, searcher
from aislehub.store.roster.nottingham import read_nottingham
from aislehub.store.roster.problem import Cover, Person, Problem, Shift
from aislehub.store.roster.settle import nearest, settle
from tests.store.roster.drawn import drawn


def problem_of(seed: int, folder: Path) -> Problem:
    """A drawn problem of up to two weeks, for every third one with weekends of three days."""
    problem = read_nottingham(drawn(seed, folder / "drawn.txt", most_days=14))
    if seed % 3 == 0:
        weekends = tuple(tuple(range(day, min(day + 3, problem.days))) for day in range(4, problem.days, 7))
        problem = replace(problem, weekends=weekends)
    return problem


@pytest.mark.parametrize("seed", range(30))
def test_the_line_is_the_cheapest_that_the_rules_allow(seed: int, tmp_path: Path) -> None:
    """Its price is that of CP-SAT on the same rules, and its own; where there is no line both say so."""
    problem = problem_of(seed, tmp_path)
    arrays, chance = arrays_of(problem), np.random.default_rng(seed)
    planner = Planner(arrays)
    people = range(len(problem.staff))
    for _ in range(3):
        prices = np.where(arrays.allowed, chance.integers(-30, 20, arrays.allowed.shape), np.inf)
        values, lines = planner.best(prices, people)
        for person in people:
            model = cp_model.CpModel()
            given = add_person(model, problem, problem.staff[person])
            at = {key: prices[person, key[0], arrays.options.index(key[1:])] for key in given}
            model.minimize(sum(int(at[key]) * variable for key, variable in given.items()))
            solver = searcher(seconds=30, seed=0, workers=1)
            if solver.solve(model) == cp_model.INFEASIBLE:
                assert values[person] == np.inf
                continue
            days = np.flatnonzero(lines[person] != FREE)
            assert values[person] == solver.objective_value
            assert prices[person, days, lines[person, days]].sum() == values[person]
            told = breaches(problem, arrays.assignments(lines))
            assert [breach for breach in told if breach.person == problem.staff[person].id] == []


@pytest.mark.parametrize("seed", range(10))
def test_a_roster_within_the_rules_is_kept_and_never_made_dearer(seed: int, tmp_path: Path) -> None:
    """The nearest lines to a roster that keeps the rules are itself; settling it costs no more and breaks nothing."""
    problem = problem_of(seed, tmp_path)
    arrays = arrays_of(problem)
    planner = Planner(arrays)
    lines = nearest(arrays, planner, np.full((len(problem.staff), problem.days), FREE))
    if lines is None:
        pytest.skip("nobody's rules allow a line")
    assert (nearest(arrays, planner, lines) == lines).all()
    settled = settle(arrays, planner, lines, end=np.inf)
    assert arrays.cost(settled) <= arrays.cost(lines)
    assert breaches(problem, arrays.assignments(settled)) == []
    assert (settle(arrays, planner, settled, end=np.inf) == settled).all()


def test_the_days_of_a_weekend_follow_one_another() -> None:
    """Whether a weekend counts already is read off the present run, so its days must be in a row."""
    with pytest.raises(HubError) as caught:
        Problem(7, (Shift("E", 480),), (Person("P", 0, 2400, 5),), (Cover(0, ("E",), 1, 100, 1),), weekends=((0, 6),))
    assert caught.value.code == "roster.weekend"
