"""Effects are found where sales tell them, kept within beliefs where they do not, and as sure as they say."""

from __future__ import annotations

import numpy as np
import pytest

from aislehub.price.changed import Effects, Seen, answered

AFTER = np.arange(42) >= 28


def sold(effect: np.ndarray, dose: float, *, units: float, each: int = 4, seed: int = 0, shock: float = 0.0) -> Seen:
    """Lines of as many items as there are effects, `each` a number of stores, at `units` a day; `shock` meets all."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(effect)), each)
    level = np.broadcast_to(np.exp(shock * AFTER) * (1 + 0.2 * np.sin(np.arange(42))), (len(group), 42))
    given = dose * np.broadcast_to(AFTER.astype(float), level.shape)
    demand = rng.poisson(units * level * np.exp(effect[group][:, None] * given)).astype(float)
    return Seen(demand, given, level, AFTER, group, np.full(len(effect), 1e-4))


def found(seen: Seen, believed: np.ndarray, sd: float = 0.5, shift_sd: float = 2.0) -> Effects:
    """Effects of items of one kind."""
    count = len(believed)
    return answered(seen, believed, np.full(count, sd), np.zeros(count, dtype=np.int64), shift_sd=shift_sd)


def test_much_sold_tells_the_effect_whatever_was_believed() -> None:
    """With thousands of units the effect is the true −3, though −1 was believed."""
    effects = found(sold(np.full(3, -3.0), 0.2, units=300.0), np.full(3, -1.0))
    assert effects.mean == pytest.approx(np.full(3, -3.0), abs=0.2)
    assert (effects.sd < 0.2).all()


def test_what_all_lines_meet_is_no_effect() -> None:
    """A week that is twice as strong for the controls, too, is not the price's doing."""
    effects = found(sold(np.full(3, -2.0), 0.2, units=300.0, shock=0.7), np.full(3, -2.0))
    assert effects.mean == pytest.approx(np.full(3, -2.0), abs=0.2)


def test_a_wrong_belief_is_found_out_by_many_together() -> None:
    """One item sells too little to be sure; sixty of them show together that nobody minds the price."""
    truth, believed = np.zeros(60), np.full(60, -2.5)
    alone = found(sold(truth[:1], 0.15, units=2.0, each=2), believed[:1])
    together = found(sold(truth, 0.15, units=2.0, each=2), believed)
    assert alone.sd[0] > 1.5 * together.sd.mean()
    assert together.mean.mean() == pytest.approx(0.0, abs=0.6)


def test_without_sales_the_belief_stands() -> None:
    """Nothing sold tells nothing: the mean is what was believed, and the interval holds belief and shift."""
    seen = sold(np.array([-3.0]), 0.1, units=0.0)
    effects = found(seen, np.array([-2.0]), sd=0.5, shift_sd=1.0)
    assert effects.mean[0] == pytest.approx(-2.0, abs=0.01)
    assert effects.sd[0] == pytest.approx(np.hypot(0.5, 1.0), abs=0.03)
    assert 0 < effects.shared[0] < 1


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Over draws from the belief itself, 90 % intervals hold 90 % of the effects."""
    held = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        truth = -2.5 + rng.normal(0, 1.0) + rng.normal(0, 0.5, 25)
        effects = found(sold(truth, -0.15, units=4.0, seed=seed), np.full(25, -2.5), shift_sd=1.0)
        held.append(np.abs(effects.mean - truth) <= 1.645 * effects.sd)
    assert 0.86 <= np.mean(held) <= 0.95


def test_days_that_do_not_count_are_left_out() -> None:
    """A promotion's sales, NaN in the level, change nothing."""
    seen = sold(np.full(2, -2.0), 0.2, units=50.0)
    blind = np.where(np.arange(42) % 7 == 0, np.nan, seen.level)
    noisy = np.where(np.isnan(blind), 10_000.0, seen.units)
    one, other = (
        found(Seen(units, seen.dose, blind, AFTER, seen.group, seen.unsure), np.full(2, -2.0))
        for units in (seen.units, noisy)
    )
    assert one.mean == pytest.approx(other.mean)
