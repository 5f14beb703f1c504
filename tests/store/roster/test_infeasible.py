"""Where there is no roster, the smallest conflict is named, and the least change of each rule makes one possible."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aislehub.store.roster.infeasible import conflicts
from aislehub.store.roster.nottingham import read_nottingham
from aislehub.store.roster.problem import Cover, Person, Problem, Shift
from aislehub.store.roster.solve import solve
from tests.store.roster.drawn import drawn


def week(person: Person) -> Problem:
    """A week of early shifts for one person."""
    return Problem(
        days=7, shifts=(Shift("E", 480),), staff=(person,), weekends=((5, 6),),
        covers=tuple(Cover(day, ("E",), 1, 100, 1) for day in range(7)),
    )  # fmt: skip


ABLE = Person("P", min_minutes=0, max_minutes=2400, max_run=5, max_weekends=1)


@pytest.mark.parametrize(
    ("change", "relaxed"),
    [
        ({"min_minutes": 2880}, {"min_minutes": 2400, "max_minutes": 2880}),
        ({"min_minutes": 960, "max_shifts": {"E": 1}}, {"min_minutes": 480, "max_shifts": 1}),
        ({"min_minutes": 2400, "days_off": frozenset({0, 2, 4})}, {"min_minutes": 1920, "days_off": 1}),
        ({"min_minutes": 480, "max_weekends": 0, "days_off": frozenset(range(5))},
         {"min_minutes": 0, "max_weekends": 1, "days_off": 1}),
    ],
)  # fmt: skip
def test_the_smallest_conflict_and_its_ways_out(change: dict[str, object], relaxed: dict[str, int]) -> None:
    """Exactly the rules that conflict are named, and for each the least value that would do."""
    problem = week(replace(ABLE, **change))  # type: ignore[arg-type]
    assert solve(problem, seconds=5, workers=1).status == "infeasible"
    (conflict,) = conflicts(problem)
    assert set(conflict.rules) == set(relaxed)
    assert {one.rule: one.value for one in conflict.relaxations} == relaxed


def test_a_rest_that_cannot_be_kept_is_counted() -> None:
    """Late then early every day: one rest too short allows the second shift."""
    problem = Problem(
        days=2, shifts=(Shift("E", 480, frozenset({"E"})),), covers=(Cover(0, ("E",), 1, 100, 1),),
        staff=(Person("P", min_minutes=960, max_minutes=960, max_run=5),),
    )  # fmt: skip
    (conflict,) = conflicts(problem)
    assert set(conflict.rules) == {"min_minutes", "rest"}
    assert {one.rule: one.value for one in conflict.relaxations} == {"min_minutes": 480, "rest": 1}


@pytest.mark.parametrize("seed", range(15))
def test_conflicts_are_found_exactly_where_there_is_no_roster(seed: int, tmp_path: Path) -> None:
    """A drawn problem has a conflict if and only if it is infeasible."""
    problem = read_nottingham(drawn(seed, tmp_path / "drawn.txt"))
    assert bool(conflicts(problem)) == (solve(problem, seconds=5, workers=1).status == "infeasible")
