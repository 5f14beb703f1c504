"""Moments: what the engine counts is what the units say, and arms and blocks add up."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.proof.moments import PARTS, Moments, moments_by, pooled, within_blocks


def values(seed: int, count: int) -> np.ndarray:
    """Units far from 0, whose squares would cancel."""
    return 1e6 + np.random.default_rng(seed).normal(0, 3, (count, len(PARTS))).cumsum(axis=1)


def test_the_engine_counts_what_the_units_say() -> None:
    """Means and covariances by group are those of the rows, to the ninth digit even far from 0."""
    table = pd.DataFrame(values(1, 90), columns=list(PARTS)).assign(arm=["a", "b", "b"] * 30)
    found = moments_by(ibis.memtable(table), ["arm"])
    for (arm,), moments in found.items():
        rows = table.loc[table["arm"] == arm, list(PARTS)].to_numpy()
        assert moments.count == len(rows) and moments.freedom == len(rows) - 1
        assert moments.mean == pytest.approx(rows.mean(axis=0), rel=1e-12)
        assert moments.cov == pytest.approx(np.cov(rows, rowvar=False), rel=1e-8)


def test_nothing_to_count_gives_no_group() -> None:
    """A table without rows has no moments."""
    table = pd.DataFrame({**{part: pd.Series(dtype=float) for part in PARTS}, "arm": pd.Series(dtype=str)})
    assert moments_by(ibis.memtable(table), ["arm"]) == {}


@given(seed=st.integers(0, 1000), first=st.integers(2, 30), second=st.integers(2, 30))
def test_two_arms_add_up(seed: int, first: int, second: int) -> None:
    """Moments of two arms together are those of all their units."""
    rows = values(seed, first + second)
    both, whole = Moments.of(rows[:first]) + Moments.of(rows[first:]), Moments.of(rows)
    assert both.count == whole.count and both.freedom == whole.freedom
    assert both.mean == pytest.approx(whole.mean, rel=1e-12)
    assert both.cov == pytest.approx(whole.cov, rel=1e-6, abs=1e-6)


def test_levels_of_blocks_drop_out() -> None:
    """Weeks may differ as they like: arms are compared inside each block only."""
    random = np.random.default_rng(3)

    def units(level: float, effect: float, count: int) -> Moments:
        top = level + effect + random.normal(0, 1, count)
        return Moments.of(np.column_stack([top, np.ones(count), np.zeros(count), np.ones(count)]))

    pairs = [
        (units(level, 0, 30 + 5 * block), units(level, 2, 60 - 5 * block)) for block, level in enumerate([0, 500, -90])
    ]
    control, treatment = within_blocks(pairs)
    assert treatment.mean[0] - control.mean[0] == pytest.approx(2.0, abs=0.5)
    assert np.sqrt(control.cov[0, 0]) == pytest.approx(1.0, abs=0.2)
    assert control.freedom == sum(pair[0].count - 1 for pair in pairs)


def test_a_block_with_one_arm_says_nothing() -> None:
    """Without both arms in a block, or with one unit in each, there is nothing to compare."""
    one = Moments.of([[1.0, 1, 0, 1]])
    none = Moments(0, np.zeros(4), np.zeros((4, 4)), -1)
    with pytest.raises(ValueError, match="no block"):
        within_blocks([(one, none)])
    with pytest.raises(ValueError, match="one unit"):
        pooled([one, one], np.array([0.5, 0.5]))
