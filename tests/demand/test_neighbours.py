"""Cannibalisation: the share of the shelf that is promoted, and what a model makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.demand.models.boosted import Boosted
from aislehub.demand.neighbours import NEIGHBOURS, promoted_neighbours, with_neighbours
from aislehub.demand.panel import Panel

PLANTED = 0.6  # of usual demand remains when all neighbours are promoted


def shelves(days: int = 500, horizon: int = 28, seed: int = 0) -> tuple[Panel, np.ndarray]:
    """Simulated shelves of two items in 30 stores: a promotion trebles its item and takes 40 % from its neighbour."""
    random = np.random.default_rng(seed)
    count, length = 60, days + horizon
    weeks = random.random((count, length // 7 + 1)) < 0.15
    promoted = np.repeat(weeks, 7, axis=1)[:, :length]
    other = promoted[np.arange(count) ^ 1]
    mean = random.gamma(4, 2, count)[:, None] * np.where(promoted, 3.0, 1.0) * np.where(other, PLANTED, 1.0)
    panel = Panel(
        pd.Index([f"{at:02}" for at in range(count)]),
        pd.date_range("2023-01-02", periods=length),
        random.poisson(mean)[:, :days].astype(np.float32),
        known={"promotion": promoted.astype(np.float32)},
        static={"store": (np.arange(count) // 2).astype(np.float32)},
        alike={"category": np.zeros(count)},
    )
    return panel, mean[:, days:]


def test_a_promoted_neighbour_takes_demand_away() -> None:
    """The forecast of the item beside a promotion falls by about what was planted, and unasked it would not."""
    panel, truth = shelves()
    told = with_neighbours(panel)
    promoted = panel.known["promotion"][:, -panel.horizon :] > 0
    beside = (told.known[NEIGHBOURS][:, -panel.horizon :] > 0) & ~promoted
    usual = ~beside & ~promoted
    ratio = {}
    for name, view in (("told", told), ("untold", panel)):
        model = Boosted(trees=150)
        model.fit(view, horizon=panel.horizon, seed=0)
        error = model.predict(view) / truth
        ratio[name] = PLANTED * np.median(error[beside]) / np.median(error[usual])
    assert ratio["told"] == pytest.approx(PLANTED, abs=0.1)
    assert ratio["untold"] > 0.85


def test_the_share_is_of_the_others_usual_sales() -> None:
    """Three on one shelf selling 1, 2 and 5: an item's own promotion does not count, nor that of another shelf."""
    promoted = np.array([[1.0, 0, 0], [0, 0, 1], [0, 0, 1], [1, 1, 1]])
    share = promoted_neighbours(promoted, np.array([1.0, 2, 5, 7]), np.array([0, 0, 0, 1]))
    expected = np.array([[0, 0, 1], [1 / 6, 0, 5 / 6], [1 / 3, 0, 2 / 3], [0, 0, 0]])
    np.testing.assert_allclose(share, expected, rtol=1e-6)


@given(st.integers(0, 10_000))
def test_the_share_is_that_of_a_plain_loop(seed: int) -> None:
    """Any grouping, promotions and sales give what counting one by one gives, within 0 and 1."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 9))
    promoted = (random.random((count, 3)) < 0.4).astype(float)
    usual = random.integers(0, 4, count).astype(float)
    groups = random.integers(-1, 3, count)
    share = promoted_neighbours(promoted, usual, groups)
    for at in range(count):
        others = [n for n in range(count) if n != at and groups[n] == groups[at] >= 0]
        total = sum(usual[n] for n in others)
        for day in range(3):
            on = sum(usual[n] * promoted[n, day] for n in others)
            assert share[at, day] == pytest.approx(on / total if total else 0.0, abs=1e-6)


def test_without_a_shelf_or_promotions_nothing_is_told() -> None:
    """A panel that does not know its shelves, or has no promotions, is left as it is."""
    panel, _ = shelves(days=60)
    assert with_neighbours(replace(panel, alike={})).known.keys() == {"promotion"}
    assert with_neighbours(replace(panel, known={})).known == {}
