"""Re-ranking: from scores to a list that a shopper likes to read and the chain likes to sell.

Greedy, one place after another: the best of chance × worth, where another item of a kind that is on the list already
counts less (a simple form of maximal marginal relevance; Carbonell and Goldstein 1998). Both weights are policy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from aislehub.customer.recommend.baskets import FloatArray, IntArray

__all__ = ["chosen"]


def chosen(
    chance: FloatArray, earned: FloatArray, kind: IntArray, count: int, *, diversity: float, margin_weight: float,
    allowed: Callable[[int], bool] = lambda place: True,
) -> list[int]:  # fmt: skip
    """Places of the items on the list, the first place first.

    Args:
        chance: of being bought, (q,); earned: money when it is, (q,), NaN = unknown, taken as the mean.
        kind: subcategory of each, (q,), −1 = not said.
        diversity: share of its value that an item loses for each one of its kind before it, 0 to 1.
        margin_weight: 0 = by chance alone, 1 = by chance × what is earned relative to the mean.
        allowed: whether an item may be shown at all, asked only of those that would be.
    """
    known = earned[np.isfinite(earned)]
    usual = float(known.mean()) if len(known) else 0.0
    relative = np.where(np.isfinite(earned), earned / usual, 1.0) if usual > 0 else np.ones(len(chance))
    value = chance * np.maximum(1 - margin_weight + margin_weight * relative, 0.0)
    waiting = list(np.argsort(-value, kind="stable"))
    taken: dict[int, int] = {}
    places: list[int] = []
    while waiting and len(places) < count:
        best, best_value = -1, -1.0
        for rank, place in enumerate(waiting):
            if value[place] <= best_value:
                break
            worth = value[place] * (1 - diversity) ** taken.get(int(kind[place]), 0)
            if worth > best_value:
                best, best_value = rank, worth
        place = int(waiting.pop(best))
        if allowed(place):
            places.append(place)
            if kind[place] >= 0:
                taken[int(kind[place])] = taken.get(int(kind[place]), 0) + 1
    return places
