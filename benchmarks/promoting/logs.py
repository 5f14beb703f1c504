"""Logs of promotions with known truth: what each arm of a line would earn on average, and what chance made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aislehub.price.bandit import linucb, thompson
from aislehub.price.belief import FloatArray
from aislehub.price.offpolicy import Log
from benchmarks.promoting.twin import BUDGET, DEPTHS, Run, believe, lines_of, true_week

__all__ = ["WEEKS", "Logs", "policies"]

WEEKS = 12  # of one log
SHOCK = 0.10  # standard deviation of the logarithm of what a store's week does to all its lines
EXPLORE = 0.10


@dataclass(frozen=True)
class Logs:
    """A chain on a morning, seen as a bandit problem of n lines and A arms.

    Attributes:
        expected: units that each arm truly sells in a week, (n, A).
        asked: money that a unit brings under each arm, (n, A); leaflet: what a promotion costs.
        chances: of the policy that writes the log, (n, A).
        features: known before, (n, F); store: (n,).
    """

    expected: FloatArray
    asked: FloatArray
    leaflet: float
    chances: FloatArray
    features: FloatArray
    store: np.ndarray

    @classmethod
    def of(cls, run: Run, seed: int) -> Logs:
        """The lines of a chain, each on its own, logged by the hub's bandit."""
        world = run.chain.world
        belief = believe(run)
        lines = lines_of(world, belief.usual)
        truth = true_week(run)
        usual = 7 * truth.usual[:, :, None]
        lift = world.log_lifts[0][None, :, None] * (DEPTHS > 0)
        expected = usual * np.exp(truth.elasticity[:, :, None] * np.log1p(-DEPTHS) + lift)
        asked = world.regular_price[:, :, None] * (1 - DEPTHS) - world.cost[:, :, None]
        leaflet = 7 * world.family.promotion_cost
        chances = thompson(
            belief, lines, DEPTHS, leaflet=leaflet, budget=BUDGET, explore=EXPLORE, rng=np.random.default_rng(seed)
        )
        margin = lines.usual * (lines.price - lines.cost)
        features = np.column_stack([margin, lines.usual * lines.price, belief.mean[lines.item, :2] * margin[:, None]])
        arms = len(DEPTHS)
        return cls(expected.reshape(-1, arms), asked.reshape(-1, arms), leaflet, chances, features, lines.store)

    def value(self, policy: FloatArray) -> float:
        """True mean reward of a line and week under a policy."""
        return float((policy * (self.expected * self.asked - self.leaflet * (DEPTHS > 0))).sum(axis=1).mean())

    def draw(self, rng: np.random.Generator) -> Log:
        """Some weeks under the logging policy, with shocks that a store's lines share."""
        count, stores = len(self.store), int(self.store.max()) + 1
        arm = (rng.random((WEEKS, count, 1)) > self.chances.cumsum(axis=1)).sum(axis=2).clip(max=len(DEPTHS) - 1)
        shock = np.exp(SHOCK * rng.standard_normal((WEEKS, stores)) - SHOCK**2 / 2)[:, self.store]
        here = np.arange(count)
        mean = self.expected[here, arm] * shock
        units = rng.poisson(mean * rng.standard_gamma(20.0, mean.shape) / 20.0)
        reward = units * self.asked[here, arm] - self.leaflet * (arm > 0)
        cluster = np.arange(WEEKS)[:, None] * stores + self.store
        repeated = [np.tile(table, (WEEKS, 1)) for table in (self.chances, self.features)]
        return Log(arm.ravel(), repeated[0], reward.ravel(), repeated[1], cluster.ravel())


def policies(run: Run) -> dict[str, FloatArray]:
    """Policies to be judged, as probabilities of each line's arms."""
    world = run.chain.world
    belief = believe(run)
    lines = lines_of(world, belief.usual)
    greedy = linucb(
        belief, lines, DEPTHS, leaflet=7 * world.family.promotion_cost, budget=BUDGET, explore=0.0, width=0.0
    )
    turn = np.where((lines.item % 4 == 0) & lines.allowed[:, 1], 1, 0)
    return {"greedy": greedy, "a_quarter_at_10%": np.eye(len(DEPTHS))[turn], "none": np.eye(len(DEPTHS))[0 * turn]}
