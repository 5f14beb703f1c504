"""Promotions on the simulated chain: who chooses, how a week is lived, and what the true best would choose.

A run is a year under today's rule (in the family `drift` 8 weeks, for its truth moves from the fourth to the
sixteenth), then 26 weeks under a policy, then 6 weeks in which nobody promotes, so that what shoppers have stocked is
paid for. All policies of a seed live the same weather, visitors and luck, are supplied by somebody who knows what will
be wanted, plan a week ahead, and promote at most `BUDGET` items a store and week, chosen among the same discounts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from aislehub.price.bandit import Lines, Terms, chances, draw_arms
from aislehub.price.belief import (
    HALF_LIFE,
    STOCKED_DAYS,
    Belief,
    BoolArray,
    FloatArray,
    Weeks,
    learn,
    prior_of,
)
from aislehub.twin.chain import Actions, Chain
from aislehub.twin.demand import season
from aislehub.twin.world import World

__all__ = [
    "BUDGET", "DEPTHS", "Policy", "Run", "bandit", "believe", "best_sellers", "by_chance", "earned", "fixed",
    "lines_of", "live", "nothing", "oracle", "rotating", "true_week", "warmed",
]  # fmt: skip

DEPTHS = np.array([0.0, 0.1, 0.2, 0.3])
STORES, ITEMS = 20, 30
BUDGET = 9
SCORED, RUN_OUT = 26, 6
WARM_UP = {"heterogeneous": 52, "none": 52, "drift": 8}
SAFETY = 2.0
HISTORY = 52  # weeks from which the hub learns


@dataclass
class Run:
    """A chain on a Monday morning, with its past weeks as its tills and doors told them: units and depth, (S, I) each,
    and visitors, (S,).

    `planned` are the discounts of the week that begins, which were announced a week ago.
    """

    chain: Chain
    planned: FloatArray
    units: list[FloatArray] = field(default_factory=list)
    depth: list[FloatArray] = field(default_factory=list)
    profit: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    rival: list[FloatArray] = field(default_factory=list)
    visitors: list[FloatArray] = field(default_factory=list)

    def fork(self) -> Run:
        """The same morning once more."""
        past = {name: list(getattr(self, name)) for name in ("units", "depth", "rival", "visitors")}
        return Run(self.chain.fork(), self.planned, **past)


Policy = Callable[[Run], FloatArray]


def live(run: Run, policy: Policy, weeks: int) -> Run:
    """Live some weeks; at the beginning of each the policy names the discounts of the one after it."""
    world = run.chain.world
    for _ in range(weeks):
        depth, coming = run.planned, policy(run)
        price = np.round(world.regular_price * (1 - depth), 2)
        assert (price >= world.cost)[depth > 0].all()
        now = _Truth.of(run)
        units, _, left = now.week(depth)
        ahead = np.concatenate(
            [_by_day(world, units), _by_day(world, _Truth.of(run, first=7, home=left).week(coming)[0])]
        )
        days = []
        for day in range(7):
            order = _orders(run, ahead[day:])
            days.append(run.chain.advance(Actions(price=price, promoted=depth > 0, order=order)))
        sold, short = sum(day.sold for day in days), sum(day.lost for day in days)
        run.units.append(np.where(short > 0.2 * (sold + short), np.nan, sold))
        run.depth.append(depth)
        run.rival.append(np.log(days[0].competitor))
        run.visitors.append(sum(day.footfall for day in days))
        run.profit.append(float(sum(day.profit.sum() for day in days)))
        run.lost.append(float(short.sum() / (sold + short).sum()))
        run.planned = coming
    return run


def _by_day(world: World, units: FloatArray) -> FloatArray:
    """Units of a week by its days, (7, S, I)."""
    share = np.array(world.family.week)
    return (share / share.sum())[:, None, None] * units


def _orders(run: Run, ahead: FloatArray) -> FloatArray:
    """Order up to what will be wanted until the order after this one arrives, and some more: by somebody who knows."""
    world = run.chain.world
    until = np.minimum(world.lead_days + 1, np.maximum(world.life, 1))
    wanted = (ahead * (np.arange(len(ahead))[:, None, None] <= until)).sum(axis=0)
    level = wanted + SAFETY * np.sqrt(wanted + wanted**2 / (2 * (1 + until)))
    return np.maximum(level - run.chain.on_hand - run.chain.on_order, 0)


def nothing(run: Run) -> FloatArray:
    """Promote nothing."""
    return np.zeros(run.chain.world.shape)


def rotating(run: Run) -> FloatArray:
    """Today's rule: a tenth of the items, another tenth each week, at the three discounts in turn."""
    world, week = run.chain.world, len(run.units)
    turn = (np.arange(len(world.items)) + week) % 10 == 0
    arm = 1 + (week + week // 10) % (len(DEPTHS) - 1)
    return np.where(turn & _affordable(world)[:, :, arm], DEPTHS[arm], 0.0)


def fixed(depth: float) -> Policy:
    """As many items as the budget allows at one discount, in turn."""
    arm = int(np.flatnonzero(depth == DEPTHS)[0])

    def choose(run: Run) -> FloatArray:
        world = run.chain.world
        items = len(world.items)
        first = len(run.units) * BUDGET % items
        turn = (np.arange(items) - first) % items < BUDGET
        return np.where(turn & _affordable(world)[:, :, arm], depth, 0.0)

    return choose


def best_sellers(depth: float) -> Policy:
    """The items of most revenue of each store at one discount, every week."""
    arm = int(np.flatnonzero(depth == DEPTHS)[0])

    def choose(run: Run) -> FloatArray:
        world = run.chain.world
        worth = np.where(_affordable(world)[:, :, arm], _recent(run) * world.regular_price, -1.0)
        rank = np.argsort(np.argsort(-worth, axis=1), axis=1)
        return np.where((rank < BUDGET) & (worth > 0), depth, 0.0)

    return choose


def by_chance(seed: int) -> Policy:
    """As many items as the budget allows, at any discount, by lot."""
    rng = np.random.default_rng([seed, 5])

    def choose(run: Run) -> FloatArray:
        lines = lines_of(run.chain.world, np.ones(run.chain.world.rate.size))
        options = lines.allowed[:, 1:]
        even = np.concatenate([np.zeros((len(options), 1)), options / np.maximum(options.sum(1), 1)[:, None]], axis=1)
        even *= BUDGET / len(run.chain.world.items)
        return DEPTHS[draw_arms(even, lines.store, rng)].reshape(run.chain.world.shape)

    return choose


def _affordable(world: World) -> BoolArray:
    """Discounts that leave the price above cost, (S, I, A)."""
    return np.round(world.regular_price[..., None] * (1 - DEPTHS), 2) >= world.cost[..., None]


def lines_of(world: World, usual: FloatArray) -> Lines:
    """All lines of the chain, row-major in (S, I)."""
    stores, items = world.shape
    item = np.tile(np.arange(items), stores)
    return Lines(
        store=np.repeat(np.arange(stores), items), item=item, usual=usual,
        price=world.regular_price.ravel(), cost=world.cost.ravel(), keeps=world.life[item] >= STOCKED_DAYS,
        stock=np.full(len(item), np.inf), allowed=_affordable(world).reshape(-1, len(DEPTHS)),
    )  # fmt: skip


def believe(run: Run, half_life: float = HALF_LIFE) -> Belief:
    """What the hub has learned from what the chain has seen, with no elasticities known before."""
    world = run.chain.world
    stores, items = world.shape
    rival = np.stack(run.rival[-HISTORY:])
    weeks = Weeks(
        units=np.stack(run.units[-HISTORY:], axis=-1).reshape(stores * items, -1),
        depth=np.stack(run.depth[-HISTORY:], axis=-1).reshape(stores * items, -1),
        rival=np.tile((rival - rival.mean(axis=0)).T, (stores, 1)), store=np.repeat(np.arange(stores), items),
        item=np.tile(np.arange(items), stores), category=world.category, keeps=world.life >= STOCKED_DAYS,
        visitors=np.stack(run.visitors[-HISTORY:], axis=-1),
    )  # fmt: skip
    return learn(weeks, prior_of(np.full(items, np.nan)), half_life=half_life)


def _recent(run: Run) -> FloatArray:
    """Units a day that a line sells without promotions."""
    past = np.stack(run.units[-8:])
    plain = (np.stack(run.depth[-8:]) == 0) & ~np.isnan(past)
    return (np.where(plain, past, 0).sum(axis=0) + 1) / (7 * plain.sum(axis=0) + 1)


def bandit(seed: int, half_life: float = HALF_LIFE, **boldness: Any) -> Policy:
    """The hub's bandit, as delivered unless `boldness` (fields of `Terms`) says otherwise, learning every week."""
    rng = np.random.default_rng([seed, 7])

    def choose(run: Run) -> FloatArray:
        world = run.chain.world
        belief = believe(run, half_life)
        lines = lines_of(world, belief.usual)
        dip = np.exp(-belief.mean[lines.item, 2] * belief.stocked)
        terms = Terms(BUDGET, 7 * world.family.promotion_cost, **boldness)
        chance = chances(belief, replace(lines, usual=lines.usual * dip), DEPTHS, terms, rng)
        return DEPTHS[draw_arms(chance, lines.store, rng)].reshape(world.shape)

    return choose


@dataclass(frozen=True)
class _Truth:
    """What is truly expected of seven days, from the world's own parameters; (S, I) unless said otherwise.

    Attributes:
        usual: units a day without promotions, with nothing at home.
        elasticity, home: the latter what shoppers have at home at the beginning, in days of usual units.
        cross: (I, I), of the column's price on the row.
    """

    world: World
    usual: FloatArray
    elasticity: FloatArray
    home: FloatArray
    cross: FloatArray

    @classmethod
    def of(cls, run: Run, *, first: int = 0, home: FloatArray | None = None) -> _Truth:
        """Of the seven days from `first` on."""
        chain, world = run.chain, run.chain.world
        day = chain.day + first
        seasons = [season(world, day + ahead) + np.log(world.family.week[ahead]) for ahead in range(7)]
        rival = np.log(world.competitor_level) + chain.competitor_move
        usual = np.exp(world.log_rate_on(day + 3) + np.mean(seasons, axis=0) + world.competitor * rival)
        now = chain.pantry / usual if home is None else home
        return cls(world, usual, world.elasticity_on(day + 3), now, world.cross.toarray())

    def week(self, depth: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Units of the week, units a day without any promotion but with its visitors, and days of usual units left at
        home at its end, (…, S, I) each, under these discounts.

        What is at home, q days of usual units, grows by what is bought beyond the usual and is eaten within a constant
        of `pantry_days`: dq/dt = κ (m (1 − q / P) − 1) − q / P, solved exactly.
        """
        world, family = self.world, self.world.family
        promoted = depth > 0
        visitors = np.exp(family.traffic * (world.usual_share * promoted).sum(axis=-1, keepdims=True))
        cut, lift = np.log1p(-depth), promoted * world.log_lifts[0]
        factor = np.exp(self.elasticity * cut + lift + (cut + lift / world.item_elasticity) @ self.cross.T)
        stocking = np.where(factor > 1, world.stock_up, 0.0)
        rate = (stocking * factor + 1) / family.pantry_days
        level = stocking * np.maximum(factor - 1, 0) / rate
        faded = np.exp(-7 * rate)
        mean_home = level + (self.home - level) * (1 - faded) / (7 * rate)
        left = level + (self.home - level) * faded
        daily = self.usual * visitors
        return 7 * daily * factor * (1 - np.minimum(mean_home / family.pantry_days, 0.6)), daily, left

    def profit(self, depth: FloatArray) -> FloatArray:
        """Expected contribution of the week, less what is left at home, which later weeks will not sell, (…, S)."""
        world = self.world
        units, daily, left = self.week(depth)
        asked = np.round(world.regular_price * (1 - depth), 2) - world.cost
        earned = asked * units - (world.regular_price - world.cost) * daily * left
        return (earned - 7 * world.family.promotion_cost * (depth > 0)).sum(axis=-1)


def true_week(run: Run) -> _Truth:
    """The truth of the week that is being planned: the one after the week that begins."""
    _, _, left = _Truth.of(run).week(run.planned)
    return _Truth.of(run, first=7, home=left)


def oracle(run: Run) -> FloatArray:
    """The discounts of most true expected profit: coordinate ascent over the items, then the least worthy are dropped
    until the budget holds, then ascent once more within it."""
    truth, able = true_week(run), _affordable(run.chain.world)
    stores, items = run.chain.world.shape
    depth = np.zeros((stores, items))
    every = np.arange(stores)
    for budget in (items, BUDGET):
        while (excess := np.flatnonzero((depth > 0).sum(axis=1) > budget)).size:
            value = np.full((stores, items), -np.inf)
            for item in range(items):
                without = depth.copy()
                without[:, item] = 0
                value[:, item] = np.where(depth[:, item] > 0, truth.profit(without), -np.inf)
            depth[excess, value[excess].argmax(axis=1)] = 0
        for _ in range(2):
            for item in range(items):
                options = np.repeat(depth[None], len(DEPTHS), axis=0)
                options[:, :, item] = DEPTHS[:, None]
                full = ((options > 0).sum(axis=-1) > budget) | ~able[:, item].T
                best = np.where(full, -np.inf, truth.profit(options)).argmax(axis=0)
                depth[every, item] = DEPTHS[best]
    return depth


def warmed(family: str, seed: int) -> Run:
    """A chain after 12 weeks of today's rule."""
    world = World.make(family, stores=STORES, items=ITEMS, seed=seed)
    return live(Run(Chain(world, seed), np.zeros(world.shape)), rotating, WARM_UP[family])


def earned(start: Run, policy: Policy) -> float:
    """Money of all weeks under a policy and of the run-out after it."""
    return float(np.sum(live(live(start.fork(), policy, SCORED), nothing, RUN_OUT).profit))
