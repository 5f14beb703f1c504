"""Policies in the twin's environment `aislehub/Promotions-v0`: one category is in turn each week.

An episode is 26 weeks under a policy and 4 in which nothing is promoted, so that what shoppers have stocked is paid
for. The oracle tries every discount on copies of the chain that will meet the same weather and luck, three more weeks
without promotions included, and takes the best: it knows more than anyone could.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

import aislehub.twin.environment  # noqa: F401 - registers the environment

__all__ = ["ENVIRONMENT", "best_ahead", "episode"]

ENVIRONMENT: dict[str, Any] = {"family": "heterogeneous", "stores": 3, "items": 40, "world_seed": 1}
WEEKS, RUN_OUT, AHEAD = 26, 4, 3
Policy = Callable[[Any, Any], int]
"""(environment, observation) → action."""


def episode(policy: Policy, seed: int) -> float:
    """Profit of an episode, money."""
    env = gymnasium.make("aislehub/Promotions-v0", weeks=WEEKS + RUN_OUT, **ENVIRONMENT)
    seen, _ = env.reset(seed=seed)
    earned = 0.0
    for week in range(WEEKS + RUN_OUT):
        action = policy(env.unwrapped, seen) if week < WEEKS else 0
        seen, reward, _, _, _ = env.step(np.int64(action))
        earned += float(reward)
    return earned


def best_ahead(env: Any, seen: Any) -> int:
    """The discount that brings most by the end of three further weeks, luck known."""
    earned = []
    for action in range(env.action_space.n):
        other = copy.copy(env)
        other.twin, other._last = env.twin.fork(), env._last.copy()
        other._depth, other._gain = env._depth.copy(), env._gain.copy()
        earned.append(sum(other.step(np.int64(one))[1] for one in (action, *[0] * AHEAD)))
    return int(np.argmax(earned))
