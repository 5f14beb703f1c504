"""The hub's own count of cost and breaches is the one that the format defines."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aislehub.store.roster.cost import breaches, cost_of, shortfalls
from aislehub.store.roster.nottingham import read_nottingham
from aislehub.store.roster.problem import Assignment
from tests.store.roster.checker import Grid, broken, cost
from tests.store.roster.drawn import drawn

WORDS = {"rest": "rest", "off": "days_off", "minutes": "minutes", "long": "max_run", "short": "min_run",
         "days": "min_off", "weekends": "max_weekends"}  # fmt: skip


def rules(said: list[str]) -> set[tuple[str, str]]:
    """Person and rule of the independent count's sentences."""
    found = set()
    for sentence in said:
        person, *words = sentence.split()
        names = {WORDS[word] for word in words if word in WORDS and not (word == "days" and "off" in words)}
        found.add((person, names.pop() if names else "max_shifts"))
    return found


@pytest.mark.parametrize("seed", range(40))
def test_cost_and_breaches_agree_with_an_independent_count(seed: int, tmp_path: Path) -> None:
    """Rosters by chance, most of them against the rules, are counted alike by both."""
    path = drawn(seed, tmp_path / "drawn.txt")
    problem = read_nottingham(path)
    chance = random.Random(seed)
    kinds = ["", "", *(shift.id for shift in problem.shifts)]
    grid: Grid = {person.id: [chance.choice(kinds) for _ in range(problem.days)] for person in problem.staff}
    given = [Assignment(person, day, shift) for person, line in grid.items() for day, shift in enumerate(line) if shift]
    assert cost_of(problem, given) == cost(path, grid)
    ours = {(one.person, "minutes" if "minutes" in one.rule else one.rule) for one in breaches(problem, given)}
    assert ours == rules(broken(path, grid))


def test_shifts_without_the_skill_or_twice_a_day_are_breaches(tmp_path: Path) -> None:
    """A skill that nobody taught them, and two shifts at once, break a roster."""
    problem = read_nottingham(drawn(3, tmp_path / "drawn.txt"))
    person, shift = problem.staff[0].id, problem.shifts[0].id
    given = [Assignment(person, 0, shift, "till"), Assignment(person, 0, shift)]
    assert {"skill", "twice"} <= {one.rule for one in breaches(problem, given)}


def test_an_empty_roster_is_short_of_everybody(tmp_path: Path) -> None:
    """Each head count above 0 is a shortfall when nobody works."""
    problem = read_nottingham(drawn(5, tmp_path / "drawn.txt"))
    short = shortfalls(problem, [])
    assert [one.cover for one in short] == [cover for cover in problem.covers if cover.required > 0]
    assert all(one.there == 0 for one in short)
