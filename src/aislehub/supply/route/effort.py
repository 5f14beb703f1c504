"""What a plan may cost to make: seconds of one core, or rounds of search.

Time ends a search sooner on a slow or busy machine, and another plan comes out. Rounds are counted alike everywhere:
whoever needs the same plan twice gives rounds, and seconds enough for them.
"""

from __future__ import annotations

import time
from typing import TypedDict

__all__ = ["Effort", "Limits"]

WAIT = 1.5  # seconds by the clock per second of a core after which a busy machine is waited for no longer
TRIAL = 0.2  # seconds of a search that only asks whether a few stops can be served together
TRIAL_ROUNDS = 500  # its rounds where rounds end the search


class Limits(TypedDict):
    """What ends one search: seconds of one core, and rounds, if any."""

    seconds: float
    rounds: int | None


class Effort:
    """The effort of one plan, counted from now on."""

    def __init__(self, seconds: float, rounds: int | None = None) -> None:
        """Args:
        seconds: of one core; by the clock at most `WAIT` times as many.
        rounds: of the main search; other parts take shares of them.
        """
        self._seconds, self._rounds = seconds, rounds
        self._core, self._clock = time.process_time(), time.perf_counter()

    @property
    def spent(self) -> float:
        """Seconds spent so far."""
        return max(time.process_time() - self._core, (time.perf_counter() - self._clock) / WAIT)

    @property
    def is_repeatable(self) -> bool:
        """Whether rounds ended all that was done so far, and time nothing."""
        return self._rounds is not None and self.spent < self._seconds

    def part(self, share: float) -> Limits:
        """Limits of a part of the work: its share of the time, or of the rounds and all the time that is left."""
        if self._rounds is None:
            return {"seconds": share * self._seconds, "rounds": None}
        return {"seconds": self._left, "rounds": max(1, round(share * self._rounds))}

    def trial(self) -> Limits:
        """Limits of a short search."""
        if self._rounds is None:
            return {"seconds": TRIAL, "rounds": None}
        return {"seconds": self._left, "rounds": TRIAL_ROUNDS}

    def rest(self) -> Effort:
        """What is left of it, as an effort of its own."""
        return self if self._rounds is not None else Effort(self._left)

    @property
    def _left(self) -> float:
        return max(self._seconds - self.spent, 0.01)
