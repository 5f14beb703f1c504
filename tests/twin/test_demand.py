"""Demand: exact counts, demand that falls as the price rises, chance that nobody's decision moves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aislehub.twin.chain import Actions, Chain
from aislehub.twin.demand import Draws, poisson_quantile
from aislehub.twin.world import World


@pytest.mark.parametrize(("low", "high", "most"), [(0.001, 12, 0), (12, 60, 2e-4), (60, 3000, 2e-4)])
def test_counts_are_those_of_the_distribution(low: float, high: float, most: float) -> None:
    """Counts are scipy's Poisson quantiles: exactly up to a mean of 12, above in all but 1 of 5,000 draws."""
    rng = np.random.default_rng(0)
    mean, uniform = rng.uniform(low, high, 100_000), rng.random(100_000)
    apart = np.abs(poisson_quantile(mean, uniform) - stats.poisson.ppf(uniform, mean))
    assert (apart > 0).mean() <= most and apart.max() <= 1


def test_a_day_scatters_as_its_dispersion_says() -> None:
    """Variance of a day's count = mean + mean² / dispersion: negative binomial."""
    world = World.make("none", stores=100, items=100, seed=1)
    draws = [Draws.of(world, 1, day) for day in range(20)]
    counts = np.concatenate([poisson_quantile(4.0 * draw.scatter, draw.buying).ravel() for draw in draws])
    assert counts.mean() == pytest.approx(4.0, rel=0.01)
    assert counts.var() == pytest.approx(4.0 + 16 / world.family.dispersion, rel=0.02)


@given(seed=st.integers(0, 1000), factor=st.floats(1.0, 2.0), warmed=st.integers(0, 10))
def test_demand_falls_as_the_price_rises(seed: int, factor: float, warmed: int) -> None:
    """Under the same draws a higher price of one item never brings it more demand, and never less to the others."""
    chain = Chain(World.make("heterogeneous", stores=3, items=20, seed=seed), seed)
    for _ in range(warmed):
        chain.advance()
    dearer = chain.world.regular_price.copy()
    dearer[:, 7] *= factor
    usual, raised = chain.fork().advance(), chain.advance(Actions(price=dearer))
    assert (raised.demand[:, 7] <= usual.demand[:, 7]).all()
    others = np.arange(20) != 7
    assert (raised.demand[:, others] >= usual.demand[:, others]).all()


def test_a_promotion_lifts_its_item_and_takes_from_its_substitutes() -> None:
    """Leaflet and display raise an item's demand and lower that of the items it competes with, over many stores."""
    world = World.make("heterogeneous", stores=400, items=20, seed=2)
    flags = np.zeros(world.shape, dtype=bool)
    flags[:, 3] = True
    usual = Chain(world, 5).advance()
    shown = Chain(world, 5).advance(Actions(promoted=flags, displayed=flags))
    rivals = np.flatnonzero(world.cross.toarray()[:, 3])
    assert shown.demand[:, 3].sum() > 1.2 * usual.demand[:, 3].sum()
    assert shown.demand[:, rivals].sum() < usual.demand[:, rivals].sum()
    assert shown.footfall.sum() >= usual.footfall.sum()


def test_what_is_stocked_up_is_missed_later() -> None:
    """After a deep promotion of a good that keeps, shoppers buy less of it than if there had been none."""
    world = World.make("heterogeneous", stores=200, items=30, seed=4)
    item = int(np.flatnonzero(world.stock_up > 0)[0])
    promoted, usual = Chain(world, 1), Chain(world, 1)
    price, flags = world.regular_price.copy(), np.zeros(world.shape, dtype=bool)
    price[:, item] *= 0.7
    flags[:, item] = True
    supply = np.full(world.shape, 200.0)
    during, after = [], []
    for day in range(28):
        offer = Actions(price=price, promoted=flags, order=supply) if 7 <= day < 14 else Actions(order=supply)
        pair = [chain.advance(action).demand[:, item].sum() for chain, action in
                ((promoted, offer), (usual, Actions(order=supply)))]  # fmt: skip
        (during if 7 <= day < 14 else after).append(pair)
    assert np.sum(during, axis=0)[0] > 1.5 * np.sum(during, axis=0)[1]
    assert np.sum(after, axis=0)[0] < 0.95 * np.sum(after, axis=0)[1]
