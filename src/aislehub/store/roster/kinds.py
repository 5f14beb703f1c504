"""Which kinds of shift a store's week is planned with: the few that its head counts ask for.

All lengths at all starting times are dozens of kinds, and a roster of people among dozens is slow to find. So each day
and skill is first covered by shifts of nobody in particular, which is a small programme (Dantzig 1954, "A comment on
Edie's traffic delays at toll booths"); the kinds that it uses are the day's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

__all__ = ["DAY_MINUTES", "QUARTER_MINUTES", "Kind", "all_kinds", "useful_kinds"]

QUARTER_MINUTES = 15
DAY_MINUTES = 24 * 60
QUARTERS = DAY_MINUTES // QUARTER_MINUTES
GAP = 0.01
NODES = 200


@dataclass(frozen=True, order=True)
class Kind:
    """A shift of nobody in particular: minutes from midnight, the last ones past it."""

    begins: int
    ends: int

    @property
    def id(self) -> str:
        """A name that reads as its times."""
        return f"{self.begins // 60:02d}{self.begins % 60:02d}-{self.ends // 60:02d}{self.ends % 60:02d}"

    @property
    def quarters(self) -> slice:
        """Quarters of an hour that it covers."""
        return slice(self.begins // QUARTER_MINUTES, -(-self.ends // QUARTER_MINUTES))


def all_kinds(open_: NDArray[np.bool_], hours: Sequence[float], step: int) -> list[Kind]:
    """Shifts of all lengths within the time from the first quarter with work to the last one.

    Args:
        open_: quarters of an hour in which somebody is needed on any day, (96,).
        hours: lengths.
        step: minutes between starts. One shift of each length ends with the last quarter.
    """
    wanted = np.flatnonzero(open_)
    if not len(wanted):
        return []
    first, last = int(wanted[0]) * QUARTER_MINUTES, (int(wanted[-1]) + 1) * QUARTER_MINUTES
    kinds = set()
    for length in (round(hour * 60) for hour in hours):
        if length >= last - first:
            kinds.add(Kind(first, last))
            continue
        kinds |= {Kind(begins, begins + length) for begins in range(first, last - length + 1, step)}
        kinds.add(Kind(last - length, last))
    return sorted(kinds)


def useful_kinds(need: NDArray[np.int64], kinds: Sequence[Kind], missing: float) -> list[list[Kind]]:
    """The kinds that cover each day best, (days) lists.

    Args:
        need: people by skill, day and quarter of an hour, (skills, days, 96).
        missing: cost of a person missing, in pay of the same time.
    """
    covers = np.zeros((QUARTERS, len(kinds)))
    for at, kind in enumerate(kinds):
        covers[kind.quarters, at] = 1
    used = [
        sorted({at for skill in range(len(need)) for at in _cover(need[skill, day], covers, missing)})
        for day in range(need.shape[1])
    ]
    return [[kinds[at] for at in day] for day in used]


def _cover(need: NDArray[np.int64], covers: NDArray[np.float64], missing: float) -> list[int]:
    """The kinds, by index, with which one day's need in one skill costs least."""
    if not need.any():
        return []
    kinds = covers.shape[1]
    pay = covers.sum(axis=0)
    result = scipy.optimize.milp(
        np.concatenate([pay, np.full(QUARTERS, missing)]),
        constraints=scipy.optimize.LinearConstraint(np.hstack([covers, np.eye(QUARTERS)]), need, np.inf),
        bounds=scipy.optimize.Bounds(0, np.inf),
        integrality=np.concatenate([np.ones(kinds), np.zeros(QUARTERS)]),
        options={"mip_rel_gap": GAP, "node_limit": NODES},
    )
    return [] if result.x is None else np.flatnonzero(result.x[:kinds] > 0.5).tolist()
