"""What a roster saves beside another when days turn out other than forecast, in money.

A plan that is made for the forecast looks best on the forecast itself. So both rosters meet the same drawn days, and
the expected money is the mean over them. Pay is what it is; what differs is the hours for which somebody is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.store.roster.breaks import people_there
from aislehub.store.roster.duty import Duty
from aislehub.store.roster.need import Need

__all__ = ["FloatArray", "Saving", "rate_variance", "saving", "spread_of"]

FloatArray = NDArray[np.float64]
DRAWS = 400
COMMON = 0.5  # of a day's variance that all days of the week share
EIGHTY = 2.563  # standard deviations between the 10 % and the 90 % quantile of a normal distribution


@dataclass(frozen=True)
class Saving:
    """Money, expected and its 5 % and 95 % quantiles."""

    money: float
    low: float
    high: float


def rate_variance(mean: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Variance of the rate behind counts of visitors, from their forecast and its 10 % and 90 % quantiles.

    The chance of counting is taken out of it, variance = mean: how many are needed at a rate of visitors already allows
    for those who come by chance (Erlang C), and what is counted may be a sample, which scatters more than the whole.
    """
    return np.asarray(np.maximum(((high - low) / EIGHTY) ** 2 - mean, 0.0))


def spread_of(mean: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Standard deviation of the logarithm of each day's rate, (days,), from its forecast and its quantiles."""
    mean = np.maximum(mean, 1e-9)
    return np.asarray(np.sqrt(np.log1p(rate_variance(mean, low, high) / mean**2)))


def saving(
    need: Need, plan: Sequence[Duty], usual: Sequence[Duty], *, paid: float, hour: float, spread: FloatArray, seed: int
) -> Saving:
    """Cost of the usual roster minus that of the plan.

    Args:
        paid: pay of the usual roster minus pay of the plan, money.
        hour: cost of an hour in which somebody is missing, money.
        spread: of the logarithm of each day's need, (days,).
    """
    rng = np.random.default_rng(seed)
    chance = np.sqrt(COMMON) * rng.standard_normal((DRAWS, 1)) + np.sqrt(1 - COMMON) * rng.standard_normal(
        (DRAWS, len(need.days))
    )
    busier = np.exp(spread * chance - spread**2 / 2)
    # an open till needs somebody however slow the day
    wanted = np.where(need.people > 0, np.maximum(np.rint(need.people * busier[:, None, :, None]), 1), 0)
    missing = [
        np.maximum(wanted - people_there(duties, need.days, need.skills), 0).sum(axis=(1, 2, 3)) / 4
        for duties in (usual, plan)
    ]
    money = paid + hour * (missing[0] - missing[1])
    low, high = np.quantile(money, [0.05, 0.95])
    mean = float(money.mean())
    return Saving(mean, min(float(low), mean), max(float(high), mean))
