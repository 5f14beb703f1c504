"""The app's log of a day: what members viewed, put in the cart and bought, and what others only looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from aislehub.twin.chain import Outcome
from aislehub.twin.demand import stream
from aislehub.twin.receipts import OPENS, Lines, members_of
from aislehub.twin.world import FloatArray, IntArray, World

__all__ = ["KINDS", "Events", "browsing"]

KINDS = ("view", "cart", "purchase")
LOOKERS = 3  # visits that end without a purchase, per one that ends with one
LOOKS = 4  # items viewed on such a visit
CARTED = 0.15  # share of them that are put in a cart and left there
LEAD_SECONDS = {"view": 600, "cart": 300, "purchase": 0}  # before the till's second


@dataclass(frozen=True)
class Events:
    """What was done, (n,) each: kind is an index into KINDS, session a number within the day."""

    kind: IntArray
    session: IntArray
    cell: IntArray
    customer: IntArray
    second: IntArray
    units: FloatArray


def browsing(world: World, seed: int, outcome: Outcome, lines: Lines) -> Events:
    """Every line bought by app was viewed and put in the cart before; other members look and leave.

    Those who look choose among what the day's shoppers came for, whether it was there or not.
    """
    rng = stream(world, seed, (outcome.day - world.start).days, 2)
    bought = np.flatnonzero(lines.online)
    sessions, session = np.unique(lines.receipt[bought], return_inverse=True)
    parts: list[tuple[Any, ...]] = [
        (kind, session, lines.cell[bought], lines.customer[bought], lines.second[bought] - LEAD_SECONDS[name],
         lines.units[bought])
        for kind, name in enumerate(KINDS)
    ]  # fmt: skip

    lookers = LOOKERS * len(sessions)
    wanted = outcome.demand.ravel()
    if lookers and wanted.any():
        club = members_of(world)
        member = rng.integers(0, club.sum(), lookers)
        store = np.searchsorted(np.cumsum(club), member, side="right")
        upto = np.cumsum(wanted)
        below = np.concatenate([[0.0], upto[len(world.items) - 1 :: len(world.items)]])
        visit = np.repeat(np.arange(lookers), LOOKS)
        aim = below[store[visit]] + rng.random(len(visit)) * np.diff(below)[store[visit]]
        cell = np.minimum(np.searchsorted(upto, aim, side="right"), len(wanted) - 1)
        second = np.floor(3600 * (OPENS + 14 * rng.random(lookers))).astype(np.int64)[visit]
        second = second + 40 * (np.arange(len(visit)) % LOOKS)
        looked = (len(sessions) + visit, cell, member[visit], second, np.ones(len(visit)))
        carted = rng.random(len(visit)) < CARTED
        parts += [(0, *looked), (1, *(values[carted] for values in looked))]
    kind = np.concatenate([np.full(len(part[1]), part[0]) for part in parts])
    columns = [np.concatenate([part[place] for part in parts]) for place in range(1, 6)]
    order = np.lexsort((kind, columns[3]))
    return Events(kind[order], *(values[order] for values in columns))
