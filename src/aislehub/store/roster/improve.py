"""Large-neighbourhood search: most people keep their lines, the others' are planned anew, again and again.

Shaw 1998, "Using constraint programming and local search methods to solve vehicle routing problems". What is planned
anew are all days of some people, by column generation and a dive; its bound says at once where nothing can be gained.
The number of people grows while nothing can be gained, and shrinks where the dive misses what the blend promised.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from math import inf

from aislehub.store.roster.arrays import Arrays, Lines
from aislehub.store.roster.dive import dive
from aislehub.store.roster.lines import Planner
from aislehub.store.roster.master import Master
from aislehub.store.roster.pool import Pool

__all__ = ["PATIENCE", "Exchange", "alone", "improve"]

SHARE = 0.7  # of all people, at first
LEAST = 2
SPREAD = 0.2
GROW, SHRINK = 1.3, 0.95
PATIENCE = 8

Exchange = Callable[[Lines, float], tuple[Lines, float]]
"""Tells a roster and its cost to whoever else searches, and returns theirs if it is cheaper."""


def improve(
    arrays: Arrays, planner: Planner, pool: Pool, lines: Lines, *, floor: float, end: float, chance: random.Random,
    exchange: Exchange, patience: float = inf,
) -> Lines:  # fmt: skip
    """A cheaper roster if one is found by `end`; stops at `floor`.

    Args:
        patience: stop after so many rounds of all people without gain.
    """
    cost = arrays.cost(lines)
    everybody = len(lines)
    size, vain = max(LEAST, SHARE * everybody), 0
    while cost > floor and time.monotonic() < end and vain < patience:
        count = min(everybody, max(LEAST, round(chance.gauss(size, SPREAD * size))))
        people = sorted(chance.sample(range(everybody), count))
        master = Master(arrays, people, lines)
        master.add(pool.lines(people))
        master.add((person, lines[person]) for person in people)
        found = dive(master, planner, lines, end=end, chance=chance, floor=floor, below=cost)
        pool.add(master.columns)
        if found is not None and arrays.cost(found) <= cost:
            vain = vain if arrays.cost(found) == cost else 0
            lines, cost = found, arrays.cost(found)
        elif found is None:
            size = min(size * GROW, everybody)
        else:
            size = max(size * SHRINK, LEAST)
        vain += count == everybody
        lines, cost = exchange(lines, cost)
    return lines


def alone(lines: Lines, cost: float) -> tuple[Lines, float]:
    """The exchange of a search that has no other beside it."""
    return lines, cost
