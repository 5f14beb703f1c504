"""What policies brought over several chains: totals of each, and their difference chain by chain with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
from scipy import stats

from aislehub.core.registry import Registry
from aislehub.twin.chain import Outcome
from aislehub.twin.live import WARM_UP, live, warmed
from aislehub.twin.policy import Policy
from aislehub.twin.world import World

__all__ = ["FIGURES", "Line", "compare", "figures"]

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


def compare(
    worlds: Sequence[World], policies: Sequence[Policy], days: int, registry: Registry | None = None, *,
    warm_up: int = WARM_UP, progress: Callable[[str, World, date], None] = lambda policy, world, day: None,
) -> list[Line]:  # fmt: skip
    """Live every policy in every world, from the same past and with the same chance.

    Args:
        worlds: one chain each; the world's seed is that of its chance.
        policies: the first is what the others are compared with.
        days: that count, after the common past of `warm_up` days.
        progress: told each day of each policy.
    """
    totals: dict[str, list[dict[str, float]]] = {policy.name: [] for policy in policies}
    for world in worlds:
        past = warmed(world, world.seed, warm_up)
        for policy in policies:
            lived = live(past.fork(), policy, days, registry, partial(progress, policy.name, world))
            totals[policy.name].append(figures(world, lived))
    return [
        _line(policy.name, figure, totals[policy.name], None if policy is policies[0] else totals[policies[0].name])
        for policy in policies
        for figure in FIGURES
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


def _line(policy: str, figure: str, mine: list[dict[str, float]], other: list[dict[str, float]] | None) -> Line:
    values = np.array([totals[figure] for totals in mine])
    if other is None:
        return Line(policy, figure, FIGURES[figure], float(values.mean()), None, None, None)
    apart = values - np.array([totals[figure] for totals in other])
    low = high = None
    if len(apart) > 1:
        half = stats.t.ppf((1 + CONFIDENCE) / 2, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart))
        low, high = float(apart.mean() - half), float(apart.mean() + half)
    return Line(policy, figure, FIGURES[figure], float(values.mean()), float(apart.mean()), low, high)
