"""The chain: nothing is lost or made from nothing, and chance is shared between policies."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.errors import HubError
from aislehub.twin.chain import Actions, Chain, Outcome
from aislehub.twin.world import World


def random_actions(world: World, rng: np.random.Generator) -> Actions:
    """Any prices, promotions and orders."""
    return Actions(
        price=world.regular_price * rng.uniform(0.6, 1.4, world.shape),
        promoted=rng.random(world.shape) < 0.2,
        displayed=rng.random(world.shape) < 0.1,
        order=np.floor(rng.exponential(2, world.shape)),
    )


def same(first: Outcome, second: Outcome) -> bool:
    """Whether two outcomes agree in everything."""

    def values(outcome: Outcome) -> list[Any]:
        return [getattr(outcome, field.name) for field in fields(Outcome) if field.name != "deliveries"]

    return all(np.array_equal(a, b) for a, b in zip(values(first), values(second), strict=True))


@given(seed=st.integers(0, 10_000), family=st.sampled_from(["heterogeneous", "none", "drift"]))
def test_stock_is_conserved(seed: int, family: str) -> None:
    """Opening + received − sold − spoiled = closing, no stock is negative, and every order arrives or is under way."""
    world = World.make(family, stores=3, items=25, seed=seed)
    chain, rng = Chain(world, seed), np.random.default_rng(seed)
    ordered = arrived = np.zeros(world.shape)
    for _ in range(25):
        opening = chain.on_hand
        outcome = chain.advance(random_actions(world, rng))
        assert np.allclose(opening + outcome.received - outcome.sold - outcome.spoiled, outcome.stock)
        assert np.array_equal(outcome.sold, outcome.demand - outcome.lost + outcome.moved)
        assert (outcome.stock >= 0).all() and (outcome.lost >= 0).all() and (outcome.moved >= 0).all()
        assert outcome.moved.sum() <= outcome.lost.sum() + outcome.moved.size
        ordered, arrived = ordered + outcome.ordered, arrived + outcome.received
        assert np.allclose(ordered - arrived, outcome.on_order)
        assert np.array_equal(outcome.ordered % world.case, np.zeros(world.shape))


def test_goods_spoil_after_their_life_and_the_oldest_go_first() -> None:
    """A unit may be sold on `life` days from its arrival; what then is left is thrown away at close."""
    world = World.make("heterogeneous", stores=2, items=60, seed=1)
    chain = Chain(world, 1)
    first = chain.on_hand
    dear = Actions(price=world.regular_price * 1e5)  # nobody buys
    spoiled = [chain.advance(dear).spoiled for _ in range(20)]
    assert {3, 4, 5} <= set(world.life)
    for day, thrown in enumerate(spoiled):
        assert np.array_equal(thrown, np.where(world.life == day + 1, first, 0))


def test_the_same_actions_bring_the_same_outcome() -> None:
    """Two chains of one world and seed that act alike live alike; another seed lives otherwise."""
    world = World.make("heterogeneous", stores=3, items=25, seed=1)
    one, two, other = Chain(world, 7), Chain(world, 7), Chain(world, 8)
    rng, again, third = (np.random.default_rng(0) for _ in range(3))
    for _ in range(20):
        outcome = one.advance(random_actions(world, rng))
        assert same(outcome, two.advance(random_actions(world, again)))
        assert not same(outcome, other.advance(random_actions(world, third)))


def test_a_fork_lives_on_from_the_same_morning() -> None:
    """A forked chain shares the past and nothing else: what one then does leaves the other alone."""
    world = World.make("heterogeneous", stores=3, items=25, seed=1)
    chain, rng = Chain(world, 7), np.random.default_rng(0)
    for _ in range(10):
        chain.advance(random_actions(world, rng))
    fork, untouched = chain.fork(), chain.fork()
    for _ in range(5):
        chain.advance(random_actions(world, rng))
    assert all(same(fork.advance(), untouched.advance()) for _ in range(10))


def test_two_policies_share_the_weather_and_the_competitor() -> None:
    """What nobody decides is the same under every policy; only a drifting competitor answers to our price."""
    for family, answers in (("heterogeneous", False), ("drift", True)):
        world = World.make(family, stores=3, items=25, seed=1)
        one, two = Chain(world, 7), Chain(world, 7)
        cheap = Actions(price=world.regular_price * 0.8)
        pairs = [(one.advance(), two.advance(cheap)) for _ in range(150)]
        assert all(np.array_equal(a.temperature, b.temperature) for a, b in pairs)
        assert all(np.array_equal(a.rain_mm, b.rain_mm) for a, b in pairs)
        assert np.array_equal(pairs[-1][0].competitor, pairs[-1][1].competitor) != answers


def test_the_money_of_a_day_adds_up() -> None:
    """Profit = revenue − goods sold and spoiled − holding − order lines − leaflet − display."""
    world = World.make("heterogeneous", stores=3, items=25, seed=1)
    chain, rng = Chain(world, 1), np.random.default_rng(1)
    for _ in range(12):
        day = chain.advance(random_actions(world, rng))
        holding = world.family.holding_rate / 365 * day.stock
        expected = day.price * day.sold - world.cost * (day.sold + day.spoiled + holding)
        expected = expected - 0.20 * (day.ordered > 0) - 0.25 * day.promoted - 0.40 * day.displayed
        assert np.allclose(day.profit, expected.sum(axis=1))


def test_deliveries_scatter_around_their_lead_time() -> None:
    """Most deliveries take the agreed days, some one or three more."""
    world = World.make("heterogeneous", stores=5, items=40, seed=1)
    chain, days = Chain(world, 1), []
    for _ in range(60):
        outcome = chain.advance(Actions(order=np.ones(world.shape)))
        for goods in outcome.deliveries:
            days += ((outcome.day - goods.ordered).days - world.lead_days.flat[goods.cells]).tolist()
    late = np.array(days[2000:])
    assert set(late) == {0, 1, 3}
    assert (late > 0).mean() == pytest.approx(world.family.late, abs=0.02)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ({"price": np.ones((2, 2))}, "shape"),
        ({"price": np.zeros((3, 25))}, "at least 0.01"),
        ({"price": np.full((3, 25), np.nan)}, "finite"),
        ({"order": np.full((3, 25), -1.0)}, "at least 0"),
    ],
)
def test_an_impossible_action_is_refused(action: dict[str, Any], told: str) -> None:
    """A wrong shape, a price of nothing, a price that is no number or a negative order say so, and no day passes."""
    chain = Chain(World.make("heterogeneous", stores=3, items=25, seed=1), 1)
    with pytest.raises(HubError, match=told):
        chain.advance(Actions(**action))
    assert chain.day == 0
