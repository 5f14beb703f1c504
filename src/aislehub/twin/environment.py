"""`aislehub/Promotions-v0`: how deep to discount this week's group of items, as a Gymnasium environment.

One step is a week. Each week another category is in turn; the action says at which discount it goes into the leaflet
(0 = it does not). Orders and other prices follow today's rules. The reward is the chain's profit of the week in money,
so that what a promotion takes from later weeks and from other items counts. Observed is what the chain's own books
say; the truth behind it is not. Importing this module registers the environment:

    import gymnasium
    import aislehub.twin.environment
    env = gymnasium.make("aislehub/Promotions-v0", family="heterogeneous", stores=3, items=40)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from aislehub.twin.chain import Chain, Outcome
from aislehub.twin.emit import Offer
from aislehub.twin.live import Twin, live
from aislehub.twin.policy import Policy
from aislehub.twin.world import BoolArray, World

__all__ = ["DISCOUNTS", "Promotions"]

DISCOUNTS = (0.0, 0.1, 0.2, 0.3)
RULES = Policy("environment", promotion="none")
PAST_WEEKS = 4  # lived before the first step
NEVER = 26  # weeks; as if last promoted so long ago
MOST = 10.0  # bound of every observed ratio


class Promotions(gymnasium.Env[NDArray[np.float32], np.int64]):
    """Observation: the group in turn (one of C), then what `_observed` lists; action: index into DISCOUNTS.

    Args:
        family, stores, items, world_seed: of the world, which stays the same; `reset(seed=…)` draws its chance.
        weeks: of an episode.
    """

    def __init__(
        self, family: str = "heterogeneous", stores: int = 3, items: int = 40, world_seed: int = 1, weeks: int = 52
    ) -> None:
        self.world = World.make(family, stores=stores, items=items, seed=world_seed)
        self.weeks = weeks
        self.groups = len(self.world.categories)
        self.action_space = gymnasium.spaces.Discrete(len(DISCOUNTS))
        low = np.concatenate([np.zeros(self.groups), [-1, -1, 0, 0, 0, 0, 0, 0, 0]]).astype(np.float32)
        high = np.concatenate([np.ones(self.groups), [1, 1, 1, MOST, MOST, MOST, 1, 1, MOST]]).astype(np.float32)
        self.observation_space = gymnasium.spaces.Box(low, high, dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """A new chain of the same world after four weeks without promotions."""
        super().reset(seed=seed)
        chain = Chain(self.world, int(self.np_random.integers(2**31)))
        self.twin = Twin(chain, self.world.regular_price)
        live(self.twin, RULES, 7 * PAST_WEEKS)
        self.week = 0
        self._last = np.full(self.groups, -NEVER)
        self._depth = np.zeros(self.groups)
        self._gain = np.ones(self.groups)
        return self._observed(), {}

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Live the week; `info` has the group and the discount."""
        group, discount = self.week % self.groups, DISCOUNTS[int(action)]
        mine = self._members(group)
        if discount:
            self.twin.offers.append(self._offer(mine, discount))
        before = self._units(mine)
        week = live(self.twin, RULES, 7)
        if discount:
            self._last[group], self._depth[group] = self.week, discount
            self._gain[group] = _sold(week, mine) / max(before, 1.0)
        self.week += 1
        profit = float(sum(outcome.profit.sum() for outcome in week))
        told = {"group": self.world.categories[group], "discount": discount}
        return self._observed(), profit, False, self.week >= self.weeks, told

    def _observed(self) -> NDArray[np.float32]:
        """The group in turn; season (2), its gross margin, its weekly units over a week before's, its weeks of stock,
        its weekly units over the range's share, weeks since it was promoted, at which discount, and the units that it
        then sold over those of the weeks before."""
        group = self.week % self.groups
        mine, world, today = self._members(group), self.world, self.twin.chain.today
        angle = 2 * np.pi * today.timetuple().tm_yday / 365.25
        units, last = self._units(mine), self.twin.past[-1]
        facts = [
            np.sin(angle),
            np.cos(angle),
            float(1 - world.cost[:, mine].sum() / world.regular_price[:, mine].sum()),
            _sold(self.twin.past[-7:], mine) / max(units, 1.0),
            last.stock[:, mine].sum() / max(units, 1.0),
            units / max(self._units(np.ones_like(mine)) / self.groups, 1.0),
            min(self.week - self._last[group], NEVER) / NEVER,
            self._depth[group],
            self._gain[group],
        ]
        shown = np.concatenate([np.arange(self.groups) == group, facts]).astype(np.float32)
        return np.clip(shown, self.observation_space.low, self.observation_space.high)  # type: ignore[attr-defined]

    def _members(self, group: int) -> BoolArray:
        return np.asarray(self.world.category == group)

    def _units(self, mine: BoolArray) -> float:
        """Mean weekly units of these items in the last four weeks."""
        return _sold(self.twin.past[-7 * PAST_WEEKS :], mine) / PAST_WEEKS

    def _offer(self, mine: BoolArray, discount: float) -> Offer:
        """All items of the group in the leaflet of all stores, every third one on display."""
        starts, shape = self.twin.chain.today, self.world.shape
        promoted = np.broadcast_to(mine, shape)
        displayed = np.broadcast_to(mine & (np.cumsum(mine) % 3 == 1), shape)
        return Offer(starts, starts + timedelta(days=6), promoted, displayed, np.where(promoted, discount, 0.0))


def _sold(days: Sequence[Outcome], mine: BoolArray) -> float:
    return float(sum(outcome.sold[:, mine].sum() for outcome in days))


gymnasium.register("aislehub/Promotions-v0", entry_point="aislehub.twin.environment:Promotions")
