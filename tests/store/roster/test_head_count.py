"""The head-count programme bounds every roster, and tightly where head counts decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from aislehub.store.roster.head_count import head_count
from aislehub.store.roster.nottingham import read_nottingham
from aislehub.store.roster.solve import solve
from tests.store.roster.drawn import drawn


@pytest.mark.parametrize("seed", range(10))
def test_no_roster_costs_less_than_the_bound(seed: int, tmp_path: Path) -> None:
    """The bound is never above the cost of a roster that keeps the rules."""
    problem = read_nottingham(drawn(seed, tmp_path / "drawn.txt", most_days=6))
    roster = solve(problem, seconds=5, workers=1)
    if roster.cost is not None:
        assert 0 <= head_count(problem, seconds=5).bound <= roster.cost


@pytest.mark.data
def test_it_proves_nearly_all_of_a_published_optimum(data_folder: Path) -> None:
    """Of Instance 3, whose optimum is 1001, head counts alone prove 1000 in under 20 seconds."""
    counted = head_count(read_nottingham(data_folder / "rostering" / "Instance3.txt"), seconds=20)
    assert 990 <= counted.bound <= 1001


def test_shares_are_shares_of_people(tmp_path: Path) -> None:
    """Each person's shares of a day add up to 1 at most."""
    problem = read_nottingham(drawn(2, tmp_path / "drawn.txt"))
    counted = head_count(problem, seconds=5)
    assert counted.shares
    for person in problem.staff:
        for day in range(problem.days):
            total = sum(share for (who, when, *_), share in counted.shares.items() if (who, when) == (person.id, day))
            assert -1e-6 <= total <= 1 + 1e-6
