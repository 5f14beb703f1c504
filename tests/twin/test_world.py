"""Worlds: frozen families, one seed one truth, a drift that moves it."""

from __future__ import annotations

import hashlib
from importlib import resources

import numpy as np
import pytest

from aislehub.core.errors import HubError
from aislehub.twin.world import FAMILIES, Family, World

FROZEN = {
    "heterogeneous": "a72a05c036f03753",
    "none": "d6fa7aa1059213e0",
    "drift": "153ae55bcba7735a",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_frozen(family: str) -> None:
    """The numbers of a family are those that were set before any policy was tuned on them."""
    text = (resources.files("aislehub.twin") / "worlds" / f"{family}.toml").read_bytes()
    assert hashlib.sha256(text).hexdigest()[:16] == FROZEN[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_world_is_plausible(family: str) -> None:
    """Every family gives positive demand, prices above cost, demand that falls with the price, sparse substitutes."""
    world = World.make(family, stores=6, items=80, seed=3)
    assert world.rate.shape == world.regular_price.shape == world.elasticity.shape == (6, 80)
    assert (world.rate > 0).all() and (world.cost > 0).all() and (world.regular_price > world.cost).all()
    assert (world.elasticity < -1).all()
    assert (world.cross.data > 0).all() and world.cross.nnz <= 3 * 80
    rows, columns = world.cross.nonzero()
    assert (world.category[rows] == world.category[columns]).all() and (rows != columns).all()
    assert (np.asarray(world.switch.sum(axis=1)) <= 1).all()


def test_the_same_seed_gives_the_same_world() -> None:
    """A seed decides every parameter; another seed decides otherwise."""
    first, again, other = (World.make("heterogeneous", stores=3, items=30, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.elasticity, again.elasticity) and np.array_equal(first.rate, again.rate)
    assert (first.cross != again.cross).nnz == 0
    assert not np.array_equal(first.elasticity, other.elasticity)


def test_without_heterogeneity_all_shoppers_answer_alike() -> None:
    """In the family `none` elasticities, lifts and mark-ups are the same everywhere; in `heterogeneous` they differ."""
    none, other = (World.make(family, stores=4, items=60, seed=1) for family in ("none", "heterogeneous"))
    for name in ("elasticity", "promotion_lift", "display_lift", "competitor", "dispersion"):
        assert np.ptp(getattr(none, name)) == pytest.approx(0)
        assert np.ptp(getattr(other, name)) > 0.1
    assert np.ptp(none.cost / none.regular_price) < 0.01


def test_drift_changes_the_truth_and_only_in_its_family() -> None:
    """In `drift` the least price-sensitive items of a category become the most sensitive; elsewhere nothing moves."""
    drift, still = (World.make(family, stores=2, items=20, seed=1) for family in ("drift", "heterogeneous"))
    end = drift.family.drift_from + drift.family.drift_days
    assert np.array_equal(drift.elasticity_on(0), still.elasticity_on(0))
    assert np.array_equal(still.elasticity_on(end), still.elasticity)
    first = drift.category == 0
    before, after = drift.elasticity[0, first], drift.elasticity_on(end)[0, first]
    assert np.argmax(before) == np.argmin(after)
    assert after.mean() == pytest.approx(before.mean())
    assert not np.allclose(drift.log_rate_on(end), drift.log_rate)


def test_an_unknown_family_or_an_empty_chain_is_refused() -> None:
    """A misspelt family names the nearest one; a chain needs a store and an item."""
    with pytest.raises(HubError, match="heterogeneous"):
        Family.load("heterogenous")
    with pytest.raises(HubError, match="at least 1"):
        World.make("none", stores=0, items=3, seed=1)
