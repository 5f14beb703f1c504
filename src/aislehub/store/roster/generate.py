"""Column generation: lines that make the blend cheaper, until there are none, and a bound on every roster.

The bound is Lagrange's: at any prices, each person's cheapest line and what the head counts are worth; no blend costs
less, so no roster does. Prices are smoothed towards those of the best bound so far, which keeps them from swinging
(Wentges 1997, "Weighted Dantzig–Wolfe decomposition").
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import ceil, inf

from aislehub.store.roster.arrays import Numbers
from aislehub.store.roster.lines import Planner
from aislehub.store.roster.master import Blend, Master

__all__ = ["Generated", "generate", "whole"]

SMOOTHING = 0.6
CLOSE = 1e-6


@dataclass(frozen=True)
class Generated:
    """The last blend, and the best bound for the people fixed as they are, with the prices of one or the other."""

    blend: Blend | None
    bound: float
    prices: Numbers


def generate(
    master: Master, planner: Planner, *, end: float, rounds: float = inf, enough: float = -inf
) -> Generated:  # fmt: skip
    """Add lines to `master` until the blend is the best there is.

    Args:
        rounds: stop after so many.
        enough: stop at a blend that costs no more.
    """
    bound, done = -inf, 0
    centre: Numbers | None = None
    while True:
        blend = master.solve()
        if blend is None:
            return Generated(None, bound, centre if centre is not None else master.arrays.under / 2)
        people = master.free
        if not people or done >= rounds or blend.cost <= enough + CLOSE or time.monotonic() > end:
            return Generated(blend, bound, blend.prices)
        done += 1
        required, constant = master.rest()
        smoothed = [] if centre is None else [SMOOTHING * centre + (1 - SMOOTHING) * blend.prices]
        for prices in [*smoothed, blend.prices]:  # where smoothed prices find nothing, the true ones decide
            values, lines = planner.at(prices, people)
            found = float(values.sum() + prices @ required) + constant
            if found > bound:
                bound, centre = found, prices
            new = master.add(zip(people, lines, strict=True))
            if new or blend.cost - bound <= CLOSE:
                break
        if not new or whole(bound) >= blend.cost - CLOSE:
            return Generated(blend, bound, blend.prices)


def whole(bound: float) -> int:
    """The least whole cost that is no less than a bound."""
    return ceil(bound - CLOSE)
