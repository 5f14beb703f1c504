"""What is learned of promotions from weeks whose truth is planted."""

from dataclasses import replace

import numpy as np
import pytest

from aislehub.price.belief import Belief, Prior, Weeks, features, learn

STORES, ITEMS, WEEKS = 20, 8, 52


def prior(items=ITEMS):
    """A prior that knows little."""
    return Prior(
        item=np.tile([0.2, 2.5, 0.3, 0.4], (items, 1)), item_sd=np.array([0.15, 0.6, 0.12, 0.3]),
        category_sd=np.array([0.05, 0.4, 0.03, 0.1]), chain_sd=np.array([0.15, 1.0, 0.15, 0.3]), taken=(0.2, 0.1),
        traffic=(0.1, 0.1),
    )  # fmt: skip


def planted(seed=0, stocked=0.4, taken=0.0, rival=0.0, changes_at=None):
    """Weeks of a chain in which item 0 answers least to price and the last one most; returns them and the slopes."""
    rng = np.random.default_rng(seed)
    item, store = np.tile(np.arange(ITEMS), STORES), np.repeat(np.arange(STORES), ITEMS)
    category = np.repeat([0, 1], ITEMS // 2)
    usual = rng.lognormal(3.0, 0.4, len(item))
    slope = np.linspace(1.5, 4.5, ITEMS)
    depth = rng.choice([0.0, 0.1, 0.2, 0.3], (len(item), WEEKS), p=[0.7, 0.1, 0.1, 0.1])
    told = np.repeat(slope[:, None], WEEKS, axis=1)
    if changes_at is not None:
        told[:, changes_at:] = slope[::-1, None]
    phi = features(depth)
    price = rng.normal(0, 0.1, (ITEMS, WEEKS))[item]
    pushed = 0.3 * phi[..., 0] + told[item] * phi[..., 1]
    left, units = np.zeros(len(item)), np.zeros((len(item), WEEKS))
    for week in range(WEEKS):
        around = np.zeros(len(item))
        for one in range(STORES):
            mine = store == one
            for group in (0, 1):
                them = mine & (category[item] == group)
                around[them] = (pushed[them, week].sum() - pushed[them, week]) / (ITEMS // 2 - 1)
        mean = usual * np.exp(pushed[:, week] + rival * price[:, week] - stocked * 0.3 * left - taken * around)
        units[:, week] = rng.poisson(mean)
        left = 0.7 * left + np.expm1(np.maximum(pushed[:, week], 0))
    uncounted = np.full((STORES, WEEKS), np.nan)
    return Weeks(units, depth, price, store, item, category, np.ones(ITEMS, dtype=bool), uncounted), slope


def test_each_items_answer_is_found_within_what_is_said_of_it():
    """Slopes are found, and nine of ten truths lie within 1.64 standard deviations (here: at least three quarters)."""
    weeks, slope = planted()
    found = learn(weeks, prior(), half_life=200)
    assert np.corrcoef(found.mean[:, 1], slope)[0, 1] > 0.95
    apart = np.abs(found.mean[:, 1] - slope) / np.sqrt(found.covariance[:, 1, 1])
    assert (apart < 1.64).mean() >= 0.75
    assert (found.learned > 0.3).all()


def test_what_shoppers_stock_up_is_found():
    """With 40 % of the additional units missed later, the belief says so; without stocking it says less."""
    some, none = (learn(planted(stocked=share)[0], prior(), half_life=200).mean[:, 2].mean() for share in (0.4, 0.0))
    assert some == pytest.approx(0.4, abs=0.1)
    assert none < 0.15


def test_what_neighbours_lose_is_found():
    """Where a promotion takes from its neighbours, the belief says so; where not, it says less than the prior."""
    much, none = (learn(planted(taken=share)[0], prior(), half_life=200).taken.sum() / ITEMS for share in (0.5, 0.0))
    assert much > 0.3
    assert none < 0.12


def test_what_the_competitor_moves_is_found():
    """Demand that follows the competitor's price with an elasticity of 0.8 is found to, and that of none is not."""
    much, none = (learn(planted(rival=one)[0], prior(), half_life=200).mean[:, 3].mean() for one in (0.8, 0.0))
    assert much == pytest.approx(0.8, abs=0.15)
    assert abs(none) < 0.15


def test_visitors_are_read_at_the_doors():
    """Where doors are counted, traffic is what the counts say, rain and holidays of all stores' weeks notwithstanding;
    a store without a door, and weeks that were not counted, say nothing."""
    weeks, _ = planted()
    rng = np.random.default_rng(3)
    size = weeks.units.mean(axis=1)
    here = np.array([size[weeks.store == one] @ (weeks.depth[weeks.store == one] > 0) for one in range(STORES)])
    share = here / np.array([size[weeks.store == one].sum() for one in range(STORES)])[:, None]
    for truth in (0.0, 0.4):
        noise = 0.05 * rng.standard_normal(WEEKS) + 0.03 * rng.standard_normal(share.shape)
        visitors = 5_000 * np.exp(truth * share + noise)
        visitors[0] = np.nan
        visitors[3, 5:9] = np.nan
        found = learn(replace(weeks, visitors=visitors), prior(), half_life=200).traffic
        assert abs(found[0] - truth) < 3 * found[1] and found[1] < 0.03


def test_old_weeks_fade():
    """After shoppers have changed, a short memory is nearer to what holds now than a long one."""
    weeks, slope = planted(changes_at=36)
    short, long = (learn(weeks, prior(), half_life=h).mean[:, 1] for h in (6, 500))
    assert np.abs(short - slope[::-1]).mean() < np.abs(long - slope[::-1]).mean()


def test_without_promotions_the_prior_stays():
    """Nothing was ever promoted: the belief is the prior, and says that nothing was learned."""
    weeks, _ = planted()
    nothing = replace(weeks, depth=np.zeros_like(weeks.depth), rival=np.zeros_like(weeks.rival))
    found = learn(nothing, prior(), half_life=26)
    assert found.mean == pytest.approx(prior().item)
    assert found.learned == pytest.approx(0, abs=1e-9)


def test_missing_weeks_say_nothing():
    """Weeks that are not known change nothing but what they would have told: no NaN gets through."""
    weeks, _ = planted()
    weeks.units[::3, 10:20] = np.nan
    found = learn(weeks, prior(), half_life=26)
    assert all(np.isfinite(value).all() for value in (found.mean, found.covariance, found.usual, found.stocked))


def test_a_belief_is_read_as_it_was_written(tmp_path):
    """Saved and loaded, a belief draws the same coefficients."""
    found = learn(planted()[0], prior(), half_life=26)
    found.save(tmp_path)
    again = Belief.load(tmp_path)
    first, second = (one.draw(np.random.default_rng(1), 3) for one in (found, again))
    assert (first[0] == second[0]).all() and (first[1] == second[1]).all()
    assert (found.taken != again.taken).nnz == 0
