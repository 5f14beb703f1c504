"""From a blend to a roster: people are given one line each, those first about whom the blend is surest.

After some people are fixed, lines for the others are generated anew. Where the blend gets dearer, fewer people are
fixed at once, then another person or line is tried (Sadykov et al. 2019, "Primal heuristics for branch and price").
"""

from __future__ import annotations

import random
import time
from math import inf

from aislehub.store.roster.arrays import Lines
from aislehub.store.roster.generate import generate, whole
from aislehub.store.roster.lines import Planner
from aislehub.store.roster.master import Blend, Line, Master

__all__ = ["dive", "rounded"]

ROUNDS = 8  # of generation after people are fixed
AT_ONCE = 6  # a part of 1/6 of the people is tried first
SURE = 0.95
NOISE = 0.1  # of shares, so that each dive is another
TRIES = 3
RISE = 0.002  # of the cost, that is taken as it comes


def dive(
    master: Master, planner: Planner, lines: Lines, *, end: float, chance: random.Random, floor: float,
    below: float = inf,
) -> Lines | None:  # fmt: skip
    """`lines` with those of the master's people replaced; None where no roster cheaper than `below` is in sight.

    Args:
        floor: no roster costs less, so a blend that costs no more needs no better lines.
    """
    blend = generate(master, planner, end=end, rounds=ROUNDS, enough=floor).blend
    while master.free:
        if blend is None or whole(blend.cost) >= below:
            return None
        if time.monotonic() > end:
            return rounded(master, blend, lines)
        blend = _fix_some(master, planner, blend, end=end, chance=chance, floor=floor)
    return _with(lines, master.fixed())


def rounded(master: Master, blend: Blend, lines: Lines) -> Lines:
    """`lines` with the surest line of each of the master's people, at once."""
    return _with(lines, [*master.fixed(), *(master.columns[column] for _, column in master.best(blend))])


def _with(lines: Lines, changed: list[Line]) -> Lines:
    lines = lines.copy()
    for person, line in changed:
        lines[person] = line
    return lines


def _fix_some(
    master: Master, planner: Planner, blend: Blend, *, end: float, chance: random.Random, floor: float
) -> Blend | None:
    """Fix at least one person, as many as hardly make the blend dearer."""
    ranked = sorted(((share * (1 + NOISE * chance.random()), at) for share, at in master.best(blend)), reverse=True)
    columns = [at for _, at in ranked]
    count = max(1, len(columns) // AT_ONCE, sum(share > SURE for share, _ in ranked))
    level = max(whole(blend.cost * (1 + RISE)), floor)
    tried: list[tuple[float, int]] = []
    while True:
        for column in columns[:count]:
            master.fix(column)
        after = generate(master, planner, end=end, rounds=ROUNDS, enough=floor).blend
        if after is None or whole(after.cost) <= level or time.monotonic() > end:
            return after
        if count == 1:
            tried.append((after.cost, columns[0]))
        for column in columns[:count]:
            master.release(column)
        if count > 1:
            count = max(1, count // 3)
            continue
        columns = columns[1:]
        if len(tried) == TRIES or not columns:
            master.fix(min(tried)[1])
            return master.solve()
