"""Outliers: what a closed store does to an estimate, and that nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.proof.effect import Effect, compare
from aislehub.proof.moments import FloatArray, Moments
from aislehub.proof.outliers import without_outliers


def stores(seed: int, count: int = 60) -> FloatArray:
    """Units whose sales are their own level with 10 % noise, the same before."""
    random = np.random.default_rng(seed)
    level, ones = random.gamma(4.0, 25.0, count), np.ones(count)
    return np.column_stack([level * random.normal(1, 0.1, count), ones, level * random.normal(1, 0.05, count), ones])


def read(units: FloatArray, arms: FloatArray, limit: float = 3.5) -> tuple[Effect, int]:
    """The comparison of arms 1 and 0."""
    found, cut = without_outliers(units, arms, limit)
    return compare(Moments.of(found[arms == 0]), Moments.of(found[arms == 1])), cut


@given(seed=st.integers(0, 10_000), limit=st.sampled_from([0.0, 100.0]))
def test_what_is_within_the_limit_stays_as_it_is(seed: int, limit: float) -> None:
    """Without a limit, or with all units inside, every number is the same."""
    units = stores(seed)
    found, cut = without_outliers(units, np.arange(60) % 2, limit)
    assert cut == 0 and np.array_equal(found, units)


def test_a_closed_store_no_longer_decides() -> None:
    """The largest store closes in the treated arm: uncut it is an effect of many errors, cut it is hardly any."""
    units, arms = stores(1), np.arange(60) % 2
    clean, _ = read(units, arms)
    largest = np.flatnonzero(arms == 1)[units[arms == 1, 0].argmax()]
    units[largest, 0] = 0
    plain, _ = read(units, arms, 0)
    ours, cut = read(units, arms)
    assert cut >= 1 and ours.se < 0.7 * plain.se
    assert abs(ours.difference - clean.difference) < 0.5 * abs(plain.difference - clean.difference)


def test_an_effect_is_no_outlier() -> None:
    """Each arm is measured from its own level: a fifth treated with three times the sales keep all of their effect."""
    units = stores(2)
    arms = (np.arange(60) < 12).astype(float)
    units[arms == 1, 0] += 2 * units[:, 0].mean()
    effect, _ = read(units, arms)
    plain, _ = read(units, arms, 0)
    assert effect.difference == pytest.approx(plain.difference, rel=0.02)


def test_false_alarms_stay_at_their_level() -> None:
    """Where one store in thirty closes, one look without any effect is wrong in 5 % of draws, and scatters less."""
    random = np.random.default_rng(3)
    wrong, differences, plain = [], [], []
    for seed in range(600):
        units = stores(seed, 40)
        units[random.random(40) < 1 / 30, 0] = 0
        arms = (random.permutation(40) < 20).astype(float)
        effect, _ = read(units, arms)
        low, high = effect.interval(0.05)
        wrong.append(not low <= 0 <= high)
        differences.append(effect.difference)
        plain.append(read(units, arms, 0)[0].difference)
    assert 0.02 < np.mean(wrong) < 0.08
    assert np.std(differences) < 0.8 * np.std(plain)


def test_where_many_deviate_nothing_is_cut() -> None:
    """A figure that only two stores of ten have at all is spread like that: it keeps its means and its doubt."""
    units = np.ones((10, 4))
    units[:2, 0] = [5.0, -3.0]
    found, cut = without_outliers(units, ["a"] * 10, 3.5)
    assert cut == 0 and np.array_equal(found, units)
