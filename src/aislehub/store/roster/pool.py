"""Lines that were useful before, for new searches to begin with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from aislehub.store.roster.arrays import FREE, Arrays, Numbers
from aislehub.store.roster.master import Line

__all__ = ["Pool"]

KEPT = 60  # lines of a person


class Pool:
    """The lines of each person that are cheapest at the prices of the whole problem."""

    def __init__(self, arrays: Arrays, prices: Numbers) -> None:
        """`prices`: what one more person is worth, for each cover."""
        worth = (arrays.counts @ prices).reshape(arrays.problem.days, -1)
        self._prices = arrays.wishes - worth
        self._of: list[dict[bytes, tuple[float, NDArray[np.intp]]]] = [{} for _ in arrays.problem.staff]

    def add(self, lines: Iterable[Line]) -> None:
        """Keep these, as far as they are among the cheapest."""
        for person, line in lines:
            days = np.flatnonzero(line != FREE)
            self._of[person][line.tobytes()] = float(self._prices[person, days, line[days]].sum()), line

    def lines(self, people: Sequence[int]) -> list[Line]:
        """The lines kept of these people."""
        for person in people:
            cheapest = sorted(self._of[person].items(), key=lambda item: item[1][0])[:KEPT]
            self._of[person] = dict(cheapest)
        return [(person, line) for person in people for _, line in self._of[person].values()]
