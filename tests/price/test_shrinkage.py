"""A shrunk estimate lies between what the item says and what its parents say, and its interval keeps its word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.price.shrinkage import shrink

ROOT = (-2.6, 2.2)
CHAIN = np.zeros(1, dtype=np.intp)


def tree(items: int, categories: int) -> tuple[np.ndarray, ...]:
    """Items dealt to categories of one department."""
    return np.arange(items) % categories, np.zeros(categories, dtype=np.intp), CHAIN


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(-6, 2), st.floats(0.05, 3)), min_size=1, max_size=12), st.integers(1, 4))
def test_a_shrunk_value_lies_between_the_item_and_its_parent(told: list[tuple[float, float]], categories: int) -> None:
    """Whatever the estimates, the posterior mean is between the item's own value and its parent's."""
    mean, sd = (np.array(part) for part in zip(*told, strict=True))
    found = shrink(mean, sd, tree(len(mean), min(categories, len(mean))), ROOT)
    # averaged over the grid, parent and value move together: allow what the average blurs
    low, high = np.minimum(mean, found.parent), np.maximum(mean, found.parent)
    blur = 0.05 * (high - low) + 0.1 * found.sd
    assert ((found.mean >= low - blur) & (found.mean <= high + blur)).all()
    assert ((found.weight >= 0) & (found.weight <= 1)).all()


@settings(max_examples=20)
@given(st.floats(-4, 0), st.floats(0.1, 1.0), st.floats(1.1, 4.0))
def test_a_surer_estimate_moves_less(mean: float, sd: float, factor: float) -> None:
    """Of two equal estimates the one with the smaller standard error keeps more of itself."""
    others = np.array([-2.0, -2.2, -1.8, -2.1])
    parents = tree(6, 1)
    found = shrink(np.r_[mean, mean, others], np.r_[sd, factor * sd, np.full(4, 0.2)], parents, ROOT)
    assert found.weight[0] > found.weight[1]


def test_an_item_that_cannot_tell_carries_its_parent() -> None:
    """NaN becomes the category's mean, with an interval that has the spread between items in it."""
    mean = np.array([-1.0, -1.2, -0.8, np.nan, -3.0, -3.1, -2.9, np.nan])
    category = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = shrink(mean, np.full(8, 0.1), (category, np.zeros(2, dtype=np.intp), CHAIN), ROOT)
    assert found.mean[3] == pytest.approx(-1.0, abs=0.15)
    assert found.mean[7] == pytest.approx(-3.0, abs=0.15)
    assert found.mean[[3, 7]] == pytest.approx(found.parent[[3, 7]])
    assert (found.weight[[3, 7]] == 0).all()
    assert (found.sd[[3, 7]] > found.sd[[0, 4]]).all()


def test_where_nobody_can_tell_the_published_value_stands() -> None:
    """Without a single estimate all carry the root's mean, and at least its spread."""
    found = shrink(np.full(3, np.nan), np.full(3, np.nan), tree(3, 1), ROOT)
    assert found.mean == pytest.approx(np.full(3, ROOT[0]))
    assert (found.sd >= ROOT[1]).all()


@pytest.mark.parametrize("between", [0.1, 0.6])
def test_intervals_cover_what_they_say(between: float) -> None:
    """Over 25 simulated chains 90 % intervals hold the truth 85 to 97 % of the time, of items with and without data."""
    draw = np.random.default_rng(0)
    parents = (np.arange(40) % 8, np.arange(8) % 2, np.zeros(2, dtype=np.intp))
    inside, without = [], []
    for _ in range(25):
        department = -2 + 0.3 * draw.normal(size=2)
        category = department[parents[1]] + 0.3 * draw.normal(size=8)
        truth = category[parents[0]] + between * draw.normal(size=40)
        sd = draw.uniform(0.1, 1.0, 40)
        mean = truth + sd * draw.normal(size=40)
        silent = draw.random(40) < 0.2
        found = shrink(np.where(silent, np.nan, mean), sd, parents, ROOT)
        hit = np.abs(found.mean - truth) < 1.645 * found.sd
        inside.append(hit[~silent].mean())
        without.append(hit[silent].mean())
    assert 0.85 <= np.mean(inside) <= 0.97
    assert 0.85 <= np.mean(without) <= 0.97
