"""The Gymnasium environment: it keeps Gymnasium's rules, and its weeks are those of the twin."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from aislehub.twin.environment import DISCOUNTS, Promotions

SMALL: dict[str, Any] = {"stores": 2, "items": 30, "weeks": 6}


def episode(env: Any, actions: list[int], seed: int) -> tuple[np.ndarray, list[float]]:
    """Observations and rewards of one episode."""
    first, _ = env.reset(seed=seed)
    steps = [env.step(action) for action in actions]
    return np.array([first, *(step[0] for step in steps)]), [step[1] for step in steps]


def test_it_keeps_gymnasiums_rules() -> None:
    """Gymnasium's own checker finds nothing to warn of."""
    env = gymnasium.make("aislehub/Promotions-v0", **SMALL).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env)


def test_an_episode_has_its_weeks() -> None:
    """It ends after `weeks` steps by truncation, and the groups take turns."""
    env = Promotions(**SMALL)
    env.reset(seed=1)
    steps = [env.step(np.int64(1)) for _ in range(6)]
    assert [step[3] for step in steps] == [False] * 5 + [True] and not any(step[2] for step in steps)
    assert [step[4]["group"] for step in steps] == list(env.world.categories) * 2


def test_the_same_seed_and_actions_give_the_same_episode() -> None:
    """A seed decides all chance; another one, or another action, changes the rewards."""
    env = Promotions(**SMALL)
    observed, rewards = episode(env, [0, 1, 2, 3, 0, 1], seed=4)
    again, same = episode(env, [0, 1, 2, 3, 0, 1], seed=4)
    assert np.array_equal(observed, again) and rewards == same
    assert episode(env, [0, 1, 2, 3, 0, 1], seed=5)[1] != rewards
    assert episode(env, [0, 1, 2, 0, 0, 1], seed=4)[1][:3] == rewards[:3]
    assert episode(env, [0, 1, 2, 0, 0, 1], seed=4)[1][3:] != rewards[3:]


def test_a_discount_is_asked_of_its_group_only() -> None:
    """The group in turn goes into the leaflet at the action's discount for one week; with discount 0 nothing does."""
    env = Promotions(**SMALL)
    env.reset(seed=2)
    env.step(np.int64(0))
    assert not any(outcome.promoted.any() for outcome in env.twin.past)
    env.step(np.int64(3))
    mine = env.world.category == 1
    for outcome in env.twin.past[-7:]:
        assert np.array_equal(outcome.promoted, np.broadcast_to(mine, outcome.promoted.shape))
        assert (outcome.price[:, mine] <= (1 - DISCOUNTS[3]) * env.world.regular_price[:, mine] + 0.006).all()


def test_rewards_are_profit() -> None:
    """The reward of a week is the money of its seven days."""
    env = Promotions(**SMALL)
    env.reset(seed=3)
    for action in (2, 0, 1):
        reward = env.step(np.int64(action))[1]
        assert reward == pytest.approx(sum(outcome.profit.sum() for outcome in env.twin.past[-7:]))
