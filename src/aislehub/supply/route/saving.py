"""What a plan saves over fixed tours, with an interval: the difference of two counted costs, in traffic that varies.

Both sets of tours are driven in the same simulated days: the length of each way and the time it takes vary around
what was planned, partly all together (a map's factor that is wrong, snow), partly each for itself. A day that goes
slower lasts longer; waiting is not counted against it. What the own fleet cannot bring, a hired vehicle brings, with
both.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.supply.route.deliveries import Policy
from aislehub.supply.route.plan import Driven, missed
from aislehub.supply.route.problem import Problem
from aislehub.supply.route.schedule import legs_of

__all__ = ["Saving", "Spread", "saving", "spread_of"]

FloatArray = NDArray[np.float64]
DRAWS = 400  # simulated days


@dataclass(frozen=True)
class Spread:
    """Standard deviations of the logarithm of distances and times of driving; half of each variance is common."""

    distance: float
    time: float
    seed: int


@dataclass(frozen=True)
class Saving:
    """Cost of fixed tours minus that of the plan, hired vehicles included; low and high are 5 % and 95 % quantiles."""

    money: float
    low: float
    high: float


def spread_of(problem: Problem, policy: Policy) -> Spread:
    """How ways vary on a day: the length of estimated ones, and the time of all."""
    is_estimated = problem.origin.code not in ("route.distances_table", "route.distances_roads")
    return Spread(policy.distance_spread if is_estimated else 0.0, policy.time_spread, policy.seed)


def saving(
    problem: Problem,
    fixed: Sequence[Driven],
    plan: Sequence[Driven],
    *,
    factor: float,
    spread: Spread,
    lost: tuple[Collection[int], Collection[int]] | None = None,
) -> Saving:
    """Money saved, expected and in varying traffic.

    Args:
        factor: cost of a hired vehicle over an own one.
        lost: stops that a hired vehicle has to bring, with either; by default those on no tour.
    """
    without, left = lost or [missed(problem, [one.tour for one in tours]) for tours in (fixed, plan)]
    money = _cost(problem, fixed, without, factor) - _cost(problem, plan, left, factor)
    by_distance, by_time = _ways(problem, fixed) - _ways(problem, plan)
    used = (by_distance != 0) | (by_time != 0)
    rng = np.random.default_rng(spread.seed)
    longer = _factors(rng, int(used.sum()), spread.distance) - 1
    slower = _factors(rng, int(used.sum()), spread.time) - 1
    drawn = money + longer @ by_distance[used] + slower @ by_time[used]
    low, high = np.quantile(drawn, [0.05, 0.95])
    return Saving(money, min(float(low), money), max(float(high), money))


# -- helpers -----------------------------------------------------------------------------------------


def _cost(problem: Problem, tours: Sequence[Driven], lost: Collection[int], factor: float) -> float:
    """Of the tours, and of a hired vehicle's tour to each stop that is lost."""
    return sum(one.cost for one in tours) + sum(factor * _alone(problem, at) for at in sorted(lost))


def _alone(problem: Problem, at: int) -> float:
    """Cost of a tour to one stop by the vehicle that makes it cheapest, its limits aside."""
    stop, costs = problem.stops[at], []
    for one in problem.vehicles:
        there, back = (problem.depots[one.start].place, stop.place), (stop.place, problem.depots[one.end].place)
        metres = problem.distance[there] + problem.distance[back]
        seconds = problem.duration[there] + problem.duration[back] + stop.service + problem.depots[one.start].loading
        costs.append(one.fixed + one.per_distance * float(metres) + one.per_time * float(seconds))
    return min(costs)


def _ways(problem: Problem, tours: Sequence[Driven]) -> FloatArray:
    """What tours pay for the distance and for the time of each way between two places, (2, places, places)."""
    paid = np.zeros((2, *problem.distance.shape))
    for one in tours:
        vehicle = problem.vehicles[one.tour.vehicle]
        start, end = np.array(list(legs_of(problem, vehicle, one.tour.trips)), dtype=np.int64).reshape(-1, 2).T
        np.add.at(paid[0], (start, end), vehicle.per_distance * problem.distance[start, end])
        np.add.at(paid[1], (start, end), vehicle.per_time * problem.duration[start, end])
    return paid


def _factors(rng: np.random.Generator, ways: int, spread: float) -> FloatArray:
    """Real over planned of each way on each simulated day, mean 1, (DRAWS, ways)."""
    common, own = rng.standard_normal((DRAWS, 1)), rng.standard_normal((DRAWS, ways))
    return np.asarray(np.exp(spread * (common + own) / np.sqrt(2) - spread**2 / 2), dtype=np.float64)
