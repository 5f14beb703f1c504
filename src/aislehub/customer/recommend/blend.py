"""The ranker and the base, averaged in log odds.

Trees that learned on the last weeks know what is on offer and what is due, but also how those weeks were: where a
season turns they are wrong together. The base knows one thing, and knows it in every season. What their mean costs in
an even season and saves at a turn is in `docs/benchmarks.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.customer.recommend.base import Base
from aislehub.customer.recommend.baskets import FloatArray
from aislehub.customer.recommend.ranker import Ranker

__all__ = ["Blend"]

LEAST = 1e-4
"""Share of visits below which the base's log odds do not fall: an item that nobody had yet may still be the next."""
START = 1e-2
"""Share from which the base's contributions are counted."""


@dataclass(frozen=True)
class Blend:
    """What serves once the ranker has passed its gate.

    Attributes:
        trust: weight of the ranker, 0 to 1.
    """

    ranker: Ranker
    base: Base
    trust: float = 0.6

    def scores(self, features: NDArray[np.float32]) -> FloatArray:
        """Chance of being in the next basket, (q,)."""
        mean = self.trust * _log_odds(self.ranker.scores(features), 0.0)
        mean = mean + (1 - self.trust) * _log_odds(self.base.scores(features), LEAST)
        return 1 / (1 + np.exp(-mean))

    def contributions(self, features: NDArray[np.float32]) -> dict[str, FloatArray]:
        """Family → its share of the log odds of each row, (q,); `base` is what every row starts from."""
        found = {name: self.trust * values for name, values in self.ranker.contributions(features).items()}
        own, others = self.base.parts(features)
        start = float(np.log(START / (1 - START)))
        moved = (1 - self.trust) * (_log_odds(own + others, LEAST) - start)
        habit = np.where(own + others > 0, own / np.maximum(own + others, 1e-12), 0.0)
        found["habit"] = found["habit"] + moved * habit
        found[self.base.family] = found[self.base.family] + moved * (1 - habit)
        return found | {"base": found["base"] + (1 - self.trust) * start}


def _log_odds(chance: FloatArray, least: float) -> FloatArray:
    bounded = np.clip(chance, max(least, 1e-9), 1 - 1e-9)
    odds: FloatArray = np.log(bounded / (1 - bounded))
    return odds
