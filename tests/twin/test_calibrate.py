"""A world fitted to tables: what is known of a simulated chain is found again in what it told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from aislehub.core.errors import HubError
from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.twin.calibrate import fitted, slopes
from aislehub.twin.chain import Actions, Chain
from aislehub.twin.emit import Offer, announced, master, of_day
from aislehub.twin.fidelity import curves, distance, figures, replays, resemblance
from aislehub.twin.observed import Observed, observe
from aislehub.twin.world import KEEPS, World

DAYS = 182


@pytest.fixture(scope="module")
def truth() -> World:
    """A simulated chain stands for the user's."""
    return World.make("heterogeneous", stores=5, items=40, seed=11)


@pytest.fixture(scope="module")
def tables(truth: World) -> Tables:
    """Half a year of its tables, with prices and offers drawn by lot each week and shelves that are full."""
    tables, chain, rng = Tables(None, registry().contracts), Chain(truth, 11), np.random.default_rng(0)
    told = [master(truth, 400)]
    for day in range(DAYS):
        if day % 7 == 0:
            price = np.round(truth.regular_price * rng.choice([0.8, 0.9, 1.0, 1.0, 1.1], truth.shape[1]), 2)
            drawn = rng.random((2, truth.shape[1])) < [[0.15], [0.1]]
            promoted, displayed = (np.broadcast_to(kind, truth.shape) for kind in drawn)
            nothing = np.zeros(truth.shape)
            told.append(announced(truth, Offer(chain.today, chain.today + timedelta(6), promoted, displayed, nothing)))
        missing = np.maximum(30 * truth.rate + 10 - chain.on_hand - chain.on_order, 0)
        outcome = chain.advance(Actions(price, promoted, displayed, missing))
        told.append(of_day(truth, 11, outcome, None, {"sales_lines"}))
    for name in ("stores", "items", "promotions", "sales_lines"):
        tables.append(name, pa.concat_tables([rows[name] for rows in told if name in rows]))
    return tables


@pytest.fixture(scope="module")
def seen(tables: Tables) -> Observed:
    """These tables as arrays."""
    return observe(tables, stores=5, items=40, days=DAYS)


def test_arrays_say_what_the_tables_say(tables: Tables, seen: Observed, truth: World) -> None:
    """Units, list prices, costs, lives, categories and promotions are those of the tables."""
    lines = tables.fetch("sales_lines").to_pandas()
    assert seen.units.sum() == lines["quantity"].sum()
    assert (seen.stores, seen.items) == (truth.stores, truth.items)
    assert np.median(np.abs(seen.regular / truth.regular_price - 1)) < 0.03
    assert np.allclose(seen.cost, truth.cost.mean(axis=0))
    assert np.array_equal(np.where(np.isnan(seen.life), KEEPS, seen.life), truth.life)
    assert seen.promoted.mean() == pytest.approx(0.15, abs=0.03)
    assert seen.displayed.mean() == pytest.approx(0.10, abs=0.03)


def test_the_truth_is_found_again(seen: Observed, truth: World) -> None:
    """Mean elasticity, lifts and rates come close to the truth; items are told apart better than by chance."""
    world = fitted(seen, seed=1)
    assert world.elasticity.mean() == pytest.approx(truth.elasticity.mean(), abs=0.4)
    assert np.log(world.promotion_lift).mean() == pytest.approx(np.log(truth.promotion_lift).mean(), abs=0.1)
    rates = np.corrcoef(np.log(world.rate).ravel(), np.log(truth.rate).ravel())[0, 1]
    assert rates > 0.8
    assert np.corrcoef(world.item_elasticity, truth.item_elasticity)[0, 1] > 0.5


def test_a_fitted_twin_resembles_its_chain(seen: Observed) -> None:
    """Measured as the chain was, the twin sells as much, as scattered, and answers alike to price."""
    found = {one.figure: one for one in resemblance(seen, replays(seen, seeds=[1, 2]))}
    assert found["mean"].simulated == pytest.approx(found["mean"].real, rel=0.1)
    assert found["zero_share"].simulated == pytest.approx(found["zero_share"].real, abs=0.05)
    assert found["elasticity"].simulated == pytest.approx(found["elasticity"].real, abs=0.4)
    assert found["ks"].real < 3 * found["ks"].simulated


def test_curves_of_both(seen: Observed) -> None:
    """Shares sum to 1, the week is the chain's own, and the means of lags 1 and 7 are those of the figures."""
    made = replays(seen, seeds=[1, 2])
    points = {(point.curve, point.at): point for point in curves(seen, made)}
    for curve in ("units", "week"):
        values = [(point.real, point.simulated) for (name, _), point in points.items() if name == curve]
        assert np.sum(values, axis=0) == pytest.approx([1, 1])
    assert all(point.low <= point.simulated <= point.high for point in points.values())
    assert points["units", "0"].real == figures(seen)["zero_share"]
    assert points["memory", "7"].real == figures(seen)["store_memory_7"]
    weekend = points["week", "6"].real + points["week", "7"].real
    assert weekend == pytest.approx(figures(seen)["weekend_share"])
    sold = [point for (name, _), point in points.items() if name == "elasticity"]
    assert sold and all(point.real < 0 for point in sold)


def test_resemblance_finds_what_is_off(seen: Observed) -> None:
    """Figures part two chains that differ: twice the units, and the same units without their scatter."""
    doubled = replace(seen, units=2 * seen.units)
    assert figures(doubled)["mean"] == pytest.approx(2 * figures(seen)["mean"])
    even = replace(seen, units=np.broadcast_to(seen.units.mean(axis=0), seen.units.shape))
    assert distance(seen, even) > 0.3 > distance(seen, seen) == 0
    assert slopes(seen).chain[0] < -1 < slopes(even).chain[0] < 0


def test_the_same_tables_give_the_same_world(tables: Tables) -> None:
    """Fitting has no chance in it but the seed's, which draws the pattern of substitutes."""
    first, again, other = (World.calibrated(tables, stores=3, items=12, seed=seed, days=84) for seed in (1, 1, 2))
    assert np.array_equal(first.rate, again.rate) and (first.cross != again.cross).nnz == 0
    assert (first.cross != other.cross).nnz > 0


def test_without_sales_there_is_no_twin(tables: Tables) -> None:
    """Empty tables are told so, and a few weeks are too few."""
    with pytest.raises(HubError, match="at least 56 days; there are 40"):
        observe(tables, stores=1, items=1, days=40)
    with pytest.raises(HubError, match="no sales lines"):
        observe(Tables(None, registry().contracts), stores=1, items=1)
