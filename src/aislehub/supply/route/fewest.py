"""The fewest vehicles that can do it, before cost: what Solomon's benchmark asks, and whoever hires by the day.

One vehicle at a time is taken away while a plan is still found. That no plan was found for fewer is no proof that
there is none, except where their loads would not fit. Of a mixed fleet only the vehicles of the first plan found are
tried, so another mix with fewer may exist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from aislehub.supply.route.plan import Tour
from aislehub.supply.route.problem import Problem

__all__ = ["fewest_vehicles"]

First = Callable[[Problem], list[Tour] | None]


def fewest_vehicles(problem: Problem, first: First) -> tuple[Problem, list[Tour]]:
    """The problem with the smallest fleet for which a plan was found, and that plan; unchanged if there is none at all.

    Args:
        first: any plan that serves all required stops, or None if none was found.
    """
    tours = first(problem)
    if tours is None:
        return problem, []
    best = _used(problem, tours), tours
    while found := next(
        ((fewer, tours) for fewer in _one_less(best[0]) if _carries(fewer) and (tours := first(fewer)) is not None),
        None,
    ):
        best = _used(*found), found[1]
    return best


# -- helpers -----------------------------------------------------------------------------------------


def _used(problem: Problem, tours: list[Tour]) -> Problem:
    """The problem with no more vehicles than the tours use."""
    count = Counter(one.vehicle for one in tours)
    vehicles = (replace(one, count=count[number]) for number, one in enumerate(problem.vehicles))
    return replace(problem, vehicles=tuple(vehicles))


def _one_less(problem: Problem) -> list[Problem]:
    """The problem without one vehicle of each type in turn, the smallest first."""
    kinds = [number for number, one in enumerate(problem.vehicles) if one.count]
    kinds.sort(key=lambda number: problem.vehicles[number].capacity)
    return [
        replace(problem, vehicles=tuple(
            replace(one, count=one.count - (number == kind)) for number, one in enumerate(problem.vehicles)
        ))
        for kind in kinds
    ]  # fmt: skip


def _carries(problem: Problem) -> bool:
    """Whether the required loads fit into the fleet."""
    for dimension in range(len(problem.loads)):
        room = sum(one.count * one.capacity[dimension] * one.max_trips for one in problem.vehicles)
        stops = [problem.stops[at] for at in problem.required]
        if max(sum(stop.delivery[dimension] for stop in stops), sum(stop.pickup[dimension] for stop in stops)) > room:
            return False
    return any(one.count for one in problem.vehicles)
