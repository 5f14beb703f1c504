"""The bandit: what it may draw, with which probability, and that it earns what it should."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from aislehub.price.bandit import Lines, best_set, draw_arms, linucb, money, thompson
from aislehub.price.belief import Belief

DEPTHS = np.array([0.0, 0.1, 0.2, 0.3])
LEAFLET = 1.75


def lines(stores=2, items=6, **given):
    """Lines of every item in every store."""
    count = stores * items
    item = np.tile(np.arange(items), stores)
    standard = Lines(
        store=np.repeat(np.arange(stores), items), item=item, usual=np.full(count, 10.0),
        price=np.full(count, 3.0), cost=np.full(count, 2.0), keeps=np.ones(count, dtype=bool),
        stock=np.full(count, np.inf), allowed=np.ones((count, len(DEPTHS)), dtype=bool),
    )  # fmt: skip
    return replace(standard, **given)


def belief(items=6, slope=3.0, sd=0.3, lift=0.3, stocked=0.25, traffic=0.1, lines=12):
    """A belief that is the same of every item."""
    mean = np.tile([lift, slope, stocked, 0.4], (items, 1))
    covariance = np.tile(np.diag([0.1, sd, 0.05, 0.1]) ** 2, (items, 1, 1))
    neighbours = np.arange(items)[:, None] // 3 == np.arange(items) // 3
    taken = sparse.csr_array(np.where(neighbours & ~np.eye(items, dtype=bool), 0.1, 0.0))
    nothing = np.zeros(lines)
    return Belief(mean, covariance, taken, np.array([traffic, 0.05]), nothing, nothing, np.zeros(items), 0.05)


@given(st.integers(0, 10_000), st.integers(0, 8), st.floats(0.01, 0.5), st.booleans())
@settings(max_examples=40, deadline=None)
def test_probabilities_are_a_distribution_that_keeps_the_budget(seed, budget, explore, is_thompson):
    """Whatever is allowed: they are ≥ 0, sum to 1 per line, are above 0 for every allowed arm, 0 for others, and expect
    no more promoted lines in a store than its budget."""
    rng = np.random.default_rng(seed)
    allowed = rng.random((12, 4)) < 0.7
    allowed[:, 0] = True
    some = lines(allowed=allowed, usual=rng.uniform(0.1, 50, 12), cost=rng.uniform(0.5, 2.9, 12))
    common = {"leaflet": LEAFLET, "budget": budget, "explore": explore}
    if is_thompson:
        chance = thompson(belief(), some, DEPTHS, rng=rng, draws=7, **common)
    else:
        chance = linucb(belief(), some, DEPTHS, width=1.0, **common)
    assert (chance >= 0).all()
    assert np.allclose(chance.sum(axis=1), 1)
    assert (chance[~allowed] == 0).all()
    if budget:
        assert (chance[allowed] > 0).all()
    assert (np.bincount(some.store, chance[:, 1:].sum(axis=1)) <= budget + 1e-9).all()


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_a_draw_never_exceeds_the_budget(seed):
    """In each store the draw promotes the expected number of lines, rounded down or up, and never a forbidden arm."""
    rng = np.random.default_rng(seed)
    chance = rng.dirichlet(np.ones(4), 12)
    chance[rng.random((12, 4)) < 0.2] = 0
    chance[:, 0] += 1 - chance.sum(axis=1)
    store = np.repeat([0, 1], 6)
    arms = draw_arms(chance, store, rng)
    promoted = np.bincount(store, arms > 0)
    expected = np.bincount(store, chance[:, 1:].sum(axis=1))
    assert (promoted >= np.floor(expected - 1e-6)).all()
    assert (promoted <= np.ceil(expected)).all()
    assert (chance[np.arange(12), arms] > 0).all()


def test_arms_are_drawn_with_the_probability_that_is_logged():
    """Over many draws each arm comes as often as its probability says."""
    rng = np.random.default_rng(1)
    chance = rng.dirichlet(np.ones(4), 8)
    store = np.repeat([0, 1], 4)
    seen = np.mean([np.eye(4)[draw_arms(chance, store, rng)] for _ in range(20_000)], axis=0)
    assert np.abs(seen - chance).max() < 0.015


def test_money_of_a_discount_by_hand():
    """10 units a week at 3.00 (cost 2.00): at 10 % off, leaflet and price sell e^(0.3 + 3 × 0.105) times as many; what
    is stocked, what neighbours lose and what visitors bring is counted."""
    some = lines(stores=1, items=3)
    gain = money(belief(items=3), some, DEPTHS, LEAFLET)
    effect = 0.3 - 3 * np.log(0.9)
    units = 10 * np.exp(effect)
    by_hand = 0.7 * units - 10 - 0.25 * (units - 10) - 2 * 0.1 * effect * 10 + 0.1 * (10 / 30) * 30 - LEAFLET
    assert gain[0, 1] == pytest.approx(by_hand)
    assert (gain[:, 0] == 0).all()


def test_goods_that_spoil_are_not_stocked_and_stock_limits_what_sells():
    """Without stocking a promotion earns more; with no more units than usual it only costs."""
    sure = belief(traffic=0.0)
    keeping, spoiling = (money(sure, lines(keeps=np.full(12, k)), DEPTHS, LEAFLET)[0, 1] for k in (True, False))
    assert spoiling > keeping
    short = money(sure, lines(stock=np.full(12, 10.0)), DEPTHS, LEAFLET)
    assert (short[:, 1:] < 0).all()


def test_the_best_set_is_the_dearest_within_the_budget():
    """Of lines that gain, the budget goes to those that gain most; none is promoted at a loss."""
    gain = np.array([[0, 1, 2, 0], [0, 5, 1, 0], [0, -1, -2, -3], [0, 3, 9, 1]], dtype=float)
    four = lines(stores=1, items=4)
    assert best_set(gain, four, 2).argmax(axis=1).tolist() == [0, 1, 0, 2]
    assert best_set(gain, four, 9).argmax(axis=1).tolist() == [2, 1, 0, 2]


def test_what_is_uncertain_is_tried():
    """Of two kinds of items with the same mean, the less known is promoted more often by Thompson and by LinUCB."""
    known = belief(lift=0.05, slope=3.3)
    unsure = replace(known, covariance=known.covariance * np.array([1, 1, 1, 9, 9, 9])[:, None, None])
    some = lines()
    chances = [
        thompson(unsure, some, DEPTHS, leaflet=0.5, budget=3, explore=0.01, rng=np.random.default_rng(0), draws=400),
        linucb(unsure, some, DEPTHS, leaflet=0.5, budget=3, explore=0.01, width=1.0),
    ]
    for chance in chances:
        promoted = chance[:, 1:].sum(axis=1)
        assert promoted[some.item >= 3].mean() > promoted[some.item < 3].mean() + 0.1
