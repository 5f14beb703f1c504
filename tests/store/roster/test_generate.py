"""The best blend of lines bounds every roster, and tightly."""

from __future__ import annotations

from math import inf
from pathlib import Path

import numpy as np
import pytest

from aislehub.store.roster.arrays import FREE, Arrays, arrays_of
from aislehub.store.roster.cost import cost_of
from aislehub.store.roster.generate import Generated, generate, whole
from aislehub.store.roster.lines import Planner
from aislehub.store.roster.master import Master
from aislehub.store.roster.nottingham import read_nottingham
from aislehub.store.roster.settle import nearest
from aislehub.store.roster.solve import solve
from tests.store.roster.drawn import drawn


def blended(arrays: Arrays) -> Generated | None:
    """The best blend, None where somebody has no line."""
    planner = Planner(arrays)
    lines = nearest(arrays, planner, np.full(arrays.allowed.shape[:2], FREE))
    if lines is None:
        return None
    master = Master(arrays, range(len(lines)))
    master.add(enumerate(lines))
    return generate(master, planner, end=inf)


@pytest.mark.parametrize("seed", range(20))
def test_no_roster_costs_less_than_the_bound(seed: int, tmp_path: Path) -> None:
    """Neither the bound nor the blend costs more than the best roster, and the blend no less than the bound."""
    problem = read_nottingham(drawn(seed, tmp_path / "drawn.txt", most_days=6))
    roster = solve(problem, seconds=10)
    found = blended(arrays_of(problem))
    if found is None:
        assert roster.status == "infeasible"
        return
    assert found.blend is not None
    assert roster.cost is not None
    assert whole(found.bound) <= roster.cost
    assert found.bound <= found.blend.cost + 1e-6
    assert found.blend.cost <= roster.cost + 1e-6


@pytest.mark.data
@pytest.mark.parametrize(("number", "best"), [(2, 828), (3, 1001), (4, 1716)])
def test_it_proves_published_optima(number: int, best: int, data_folder: Path) -> None:
    """Of Instances 2 to 4 the bound is the best known cost itself."""
    arrays = arrays_of(read_nottingham(data_folder / "rostering" / f"Instance{number}.txt"))
    found = blended(arrays)
    assert found is not None
    assert whole(found.bound) == best


@pytest.mark.parametrize("seed", range(5))
def test_arrays_cost_what_the_count_says(seed: int, tmp_path: Path) -> None:
    """A roster costs the same in numbers as in the words of the problem, and comes back from them as it went."""
    problem = read_nottingham(drawn(seed, tmp_path / "drawn.txt"))
    arrays, chance = arrays_of(problem), np.random.default_rng(seed)
    option = chance.integers(0, len(arrays.options), arrays.allowed.shape[:2])
    people, days = np.indices(option.shape)
    lines = np.where(arrays.allowed[people, days, option], option, FREE)
    assert arrays.cost(lines) == cost_of(problem, arrays.assignments(lines))
    assert (arrays.lines(arrays.assignments(lines)) == lines).all()
