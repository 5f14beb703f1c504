"""One person after another gets the line that is best beside all others, until nobody's can be better.

With everybody else's days as they are, what one more person at a time costs is known exactly, so each step is the best
there is for that person.
"""

from __future__ import annotations

import time

import numpy as np

from aislehub.store.roster.arrays import FREE, Arrays, Lines
from aislehub.store.roster.lines import Planner

__all__ = ["nearest", "settle"]


def nearest(arrays: Arrays, planner: Planner, lines: Lines) -> Lines | None:
    """Lines that keep every rule and as much of `lines` as rules allow; None where somebody has no line at all."""
    change = np.where(arrays.allowed, 1.0, np.inf)
    people, days = np.nonzero(lines != FREE)
    change[people, days, lines[people, days]] -= 2.0
    values, found = planner.best(change, range(len(lines)))
    return found if np.isfinite(values).all() else None


def settle(arrays: Arrays, planner: Planner, lines: Lines, *, end: float) -> Lines:
    """`lines` made cheaper by changing one person at a time."""
    lines = lines.copy()
    cost = arrays.cost(lines)
    while True:
        before = cost
        for person in range(len(lines)):
            if time.monotonic() > end:
                return lines
            own = lines[person].copy()
            lines[person] = FREE
            worth = np.where(arrays.heads(lines) < arrays.required, arrays.under, -arrays.over)
            _, (lines[person],) = planner.at(worth, [person])
            new = arrays.cost(lines)
            if new < cost:
                cost = new
            else:
                lines[person] = own
        if cost >= before:
            return lines
