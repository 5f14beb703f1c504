"""What policies brought over several chains: totals of each, and their difference chain by chain with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import scipy

from aislehub.core.registry import Registry
from aislehub.twin.chain import Outcome
from aislehub.twin.live import WARM_UP, live, warmed
from aislehub.twin.policy import Policy
from aislehub.twin.world import FloatArray, World

__all__ = ["FIGURES", "Day", "Life", "Line", "by_day", "compare", "figures", "lines", "lived"]

CONFIDENCE = 0.95

FIGURES: Mapping[str, str] = {
    "profit": "money", "sales": "money", "fill": "fraction", "waste": "money", "stock": "money", "order_lines": "lines",
}  # fmt: skip
"""Figure → unit, in the order of reading; each has its name under `twin.figure_NAME` in text/."""


@dataclass(frozen=True)
class Line:
    """One figure of one policy: its mean over the chains, and by how much it differs from the policy compared with.

    `low` and `high` bound the difference with 95 % confidence (t, paired over chains); None with a single chain.
    """

    policy: str
    figure: str
    unit: str
    value: float
    difference: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Life:
    """What one policy brought in one chain: its `figures`, and the profit of each day, (days,)."""

    totals: Mapping[str, float]
    profit: FloatArray


@dataclass(frozen=True)
class Day:
    """A day of one policy, mean over the chains: its profit, and what it is ahead of the policy compared with so far.

    `low` and `high` bound `ahead` as those of a `Line` bound its difference.
    """

    policy: str
    day: int
    profit: float
    ahead: float | None
    low: float | None
    high: float | None


def compare(
    worlds: Sequence[World], policies: Sequence[Policy], days: int, registry: Registry | None = None, *,
    warm_up: int = WARM_UP, progress: Callable[[str, World, date], None] = lambda policy, world, day: None,
) -> list[Line]:  # fmt: skip
    """The figures of every policy over the worlds, and their differences: `lines` of what `lived` tells."""
    return lines(lived(worlds, policies, days, registry, warm_up=warm_up, progress=progress))


def lived(
    worlds: Sequence[World], policies: Sequence[Policy], days: int, registry: Registry | None = None, *,
    warm_up: int = WARM_UP, progress: Callable[[str, World, date], None] = lambda policy, world, day: None,
) -> dict[str, list[Life]]:  # fmt: skip
    """Live every policy in every world, from the same past and with the same chance; by policy, a life a world.

    Args:
        worlds: one chain each; the world's seed is that of its chance.
        policies: the first is what the others are compared with.
        days: that count, after the common past of `warm_up` days.
        progress: told each day of each policy.
    """
    lives: dict[str, list[Life]] = {policy.name: [] for policy in policies}
    for world in worlds:
        past = warmed(world, world.seed, warm_up)
        for policy in policies:
            outcomes = live(past.fork(), policy, days, registry, partial(progress, policy.name, world))
            profit = np.array([outcome.profit.sum() for outcome in outcomes])
            lives[policy.name].append(Life(figures(world, outcomes), profit))
    return lives


def lines(lives: Mapping[str, Sequence[Life]]) -> list[Line]:
    """Every figure of every policy; the first policy is what the others are compared with."""
    totals = {
        (policy, figure): np.array([life.totals[figure] for life in of_policy])
        for policy, of_policy in lives.items()
        for figure in FIGURES
    }
    first = next(iter(lives))
    return [
        Line(
            policy, figure, FIGURES[figure], float(values.mean()), *_apart(policy, first, values, totals[first, figure])
        )
        for (policy, figure), values in totals.items()
    ]


def by_day(lives: Mapping[str, Sequence[Life]]) -> list[Day]:
    """Every day of every policy, in the order of `lines`."""
    profits = {policy: np.array([life.profit for life in of_policy]) for policy, of_policy in lives.items()}
    first = next(iter(lives))
    base = profits[first].cumsum(axis=1)
    return [
        Day(policy, day + 1, float(profit[:, day].mean()), *_apart(policy, first, so_far[:, day], base[:, day]))
        for policy, profit in profits.items()
        for so_far in [profit.cumsum(axis=1)]
        for day in range(profit.shape[1])
    ]


def figures(world: World, lived: Sequence[Outcome]) -> dict[str, float]:
    """Totals over some days; stock is the mean of the closing days, at cost."""
    demand = sum(outcome.demand.sum() for outcome in lived)
    return {
        "profit": float(sum(outcome.profit.sum() for outcome in lived)),
        "sales": float(sum(outcome.revenue.sum() for outcome in lived)),
        "fill": float(1 - sum(outcome.lost.sum() for outcome in lived) / max(demand, 1)),
        "waste": float(sum(outcome.waste.sum() for outcome in lived)),
        "stock": float(np.mean([(world.cost * outcome.stock).sum() for outcome in lived])),
        "order_lines": float(sum((outcome.ordered > 0).sum() for outcome in lived)),
    }


def _apart(
    policy: str, first: str, mine: FloatArray, other: FloatArray
) -> tuple[float | None, float | None, float | None]:
    """Mean difference chain by chain, and its bounds; nothing of the policy that the others are compared with."""
    if policy == first:
        return None, None, None
    apart = mine - other
    if len(apart) == 1:
        return float(apart.mean()), None, None
    half = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart))
    return float(apart.mean()), float(apart.mean() - half), float(apart.mean() + half)
