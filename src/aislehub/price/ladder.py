"""The ladder: the prices that a shelf label may show, so that a price looks like a price.

A currency has a rhythm: 1.99 and 2.49 in cents, 9.9 in yuan, 198 in yen. Rungs stand about 1 to 5 % apart, closer on
expensive goods. A chain with endings of its own names them in `[price] endings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["FloatArray", "Ladder", "ladder"]

FloatArray = NDArray[np.float64]
HIGHEST = 1e5
"""No rung is higher, in the currency's usual unit."""
# Up to a price: steps between rungs, and where in each step the rungs stand.
Band = tuple[float, float, tuple[float, ...]]
CENTS: tuple[Band, ...] = (
    (2, 0.10, (0.05, 0.09)),
    (5, 0.10, (0.09,)),
    (20, 0.25, (0.24,)),
    (100, 0.50, (0.49,)),
    (500, 1.0, (0.99,)),
    (2000, 5.0, (4.99,)),
    (HIGHEST, 50.0, (49.99,)),
)
YUAN: tuple[Band, ...] = (
    (3, 0.1, (0.0,)),
    (10, 1.0, (0.2, 0.5, 0.8, 0.9)),
    (50, 1.0, (0.5, 0.8, 0.9)),
    (200, 1.0, (0.9,)),
    (1000, 10.0, (5.0, 8.0, 9.0)),
    (HIGHEST, 100.0, (88.0, 99.0)),
)
TENS: tuple[Band, ...] = (
    (200, 10, (5.0, 8.0)),
    (1000, 10, (8.0,)),
    (5000, 100, (50.0, 80.0, 98.0)),
    (HIGHEST, 1000, (480.0, 800.0, 980.0)),
)
RHYTHMS: dict[str, tuple[float, tuple[Band, ...]]] = {"CNY": (1.0, YUAN), "JPY": (1.0, TENS), "KRW": (10.0, TENS)}


@dataclass(frozen=True)
class Ladder:
    """All rungs of a currency, (m,), lowest first."""

    rungs: FloatArray

    def around(self, price: FloatArray, low: FloatArray, high: FloatArray, count: int) -> FloatArray:
        """Candidates of each line, (n, count + 1): the price that holds, then up to `count` rungs from low to high.

        Args:
            price: that holds now, (n,), on the ladder or not.
            low, high: lowest and highest rung wanted, (n,).
            count: rungs a line; a line with more between its limits gets them evenly spread, the last ones repeat
                where it has fewer. A line without any, or whose price is no number, gets only its price.
        """
        first = np.searchsorted(self.rungs, np.nan_to_num(low, nan=np.inf, posinf=np.inf), side="left")
        last = np.searchsorted(self.rungs, np.nan_to_num(high, nan=-np.inf), side="right") - 1
        spread = np.linspace(0, 1, max(count, 1))
        places = first[:, None] + np.round(spread * np.maximum(last - first, 0)[:, None]).astype(np.int64)
        held = np.asarray(price, dtype=float)[:, None]
        found = np.where((last >= first)[:, None], self.rungs[np.minimum(places, len(self.rungs) - 1)], held)
        return np.hstack([held, found])


@cache
def ladder(currency: str, endings: Sequence[float] = ()) -> Ladder:
    """The ladder of a currency.

    Args:
        currency: ISO 4217.
        endings: of a chain's own: what follows the whole units, e.g. (0.49, 0.99).

    Example:
        >>> steps = ladder("USD").rungs
        >>> [float(rung) for rung in steps[(steps > 1.7) & (steps < 2.4)]]
        [1.75, 1.79, 1.85, 1.89, 1.95, 1.99, 2.09, 2.19, 2.29, 2.39]
        >>> [float(rung) for rung in ladder("EUR", (0.49, 0.99)).rungs[:3]]
        [0.49, 0.99, 1.49]
    """
    if endings:
        bands: tuple[Band, ...] = ((HIGHEST, 1.0, tuple(endings)),)
        unit = 1.0
    else:
        unit, bands = RHYTHMS.get(currency, (1.0, CENTS))
    below, found = 0.0, []
    for limit, step, places in bands:
        starts = np.arange(np.floor(below / step), np.ceil(limit / step)) * step
        rungs = np.round(np.add.outer(starts, places).ravel(), 2)
        found.append(rungs[(rungs > 0) & (rungs >= below) & (rungs < limit)])
        below = limit
    return Ladder(unit * np.unique(np.concatenate(found)))
