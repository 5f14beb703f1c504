"""A roster repaired with few changes."""

from __future__ import annotations

import pytest

from aislehub.core.errors import HubError
from aislehub.store.roster.keep import Change, changes, keeping
from aislehub.store.roster.problem import Assignment, Cover, Person, Problem, Shift
from aislehub.store.roster.solve import solve

PEOPLE = ("Ana", "Bo", "Cem")
KEPT = tuple(Assignment(PEOPLE[day % 2], day, "early") for day in range(4))


def problem(under: int = 100, **off: frozenset[int]) -> Problem:
    """Four days with one person early; each may work three days, Cem is told to work none."""
    staff = tuple(Person(name, 0, 3 * 480, 4, days_off=off.get(name, frozenset())) for name in PEOPLE)
    covers = tuple(Cover(day, ("early",), 1, under, 1) for day in range(4))
    return Problem(4, (Shift("early", 480), Shift("late", 480)), staff, covers)


def repaired(one: Problem, change: int = 10) -> tuple[int | None, list[Change]]:
    """Its cost, and what is other than in KEPT."""
    roster = solve(keeping(one, KEPT, dict.fromkeys(PEOPLE, change)), seconds=5, start=KEPT)
    assert roster.cost == roster.bound
    return roster.cost, changes(KEPT, roster.assignments)


def test_what_can_be_worked_stays() -> None:
    """Nobody is away: no change, although other rosters cost as little."""
    assert repaired(problem()) == (0, [])


def test_one_stands_in_and_nobody_else_changes() -> None:
    """Ana is ill on day 2: what she cannot work costs nothing, whoever takes it is one change."""
    cost, found = repaired(problem(Ana=frozenset({2})))
    gone, taken = sorted(found, key=lambda change: change.person != "Ana")
    assert cost == 10 and gone == Change("Ana", 2, "early", "")
    assert (taken.day, taken.before, taken.after) == (2, "", "early")


def test_a_change_has_to_be_worth_it() -> None:
    """A missing person who costs less than a change stays missing."""
    assert repaired(problem(under=5, Ana=frozenset({2}))) == (5, [Change("Ana", 2, "early", "")])


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (Assignment("Anna", 0, "early"), "roster.unknown"),
        (Assignment("Ana", 0, "erly"), "roster.unknown"),
        (Assignment("Ana", 4, "early"), "roster.day"),
    ],
)
def test_a_roster_of_another_problem_is_refused(wrong: Assignment, code: str) -> None:
    """A person, shift or day that the problem does not have is an error, not a silent change."""
    with pytest.raises(HubError) as error:
        keeping(problem(), [wrong], dict.fromkeys(PEOPLE, 1))
    assert error.value.code == code
