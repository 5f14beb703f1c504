"""What a party says of a training, to its own people: what it holds, and what the common models gain over its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from aislehub.customer.federated import forecast, recommender
from aislehub.customer.federated.house import House
from aislehub.customer.federated.learned import Learned

__all__ = ["held", "judged"]

_SMALL = 1e-9


def held(house: House) -> dict[str, Any]:
    """Counts of a party's rows."""
    return {
        "stores": house.stores, "lines": house.lines, "members": house.members, "objected": house.objected,
        "items": int((house.baskets.matrix().getnnz(axis=0) > 0).sum()), "series": len(house.weekly),
    }  # fmt: skip


def judged(house: House, learned: Learned) -> dict[str, Any]:
    """Recall of new items and WAPE of weeks on a party's own later days, federated and from its rows alone.

    The party's own recommender has as many items, the same clip and ridge; its head is its own. Empty where the house
    has no later days.
    """
    if not len(house.later.item):
        return {}
    clip, names = float(learned.card["clip"]), [str(item) for item in house.baskets.items]
    own = recommender.head(names, recommender.counts(house, names, clip), len(learned.head))
    alone = recommender.fit(recommender.gram(house, own, clip), learned.ridge)
    coming = house.weekly[:, house.weeks :]
    mean = np.repeat(house.weekly[:, house.weeks - 4 : house.weeks].mean(axis=1)[:, None], coming.shape[1], axis=1)
    found = {
        "recall_federated": float(recommender.recall(house, learned.head, learned.ease).mean()),
        "recall_alone": float(recommender.recall(house, own, alone).mean()),
        "wape_mean4": forecast.wape(coming, mean),
        "wape_ridge_alone": forecast.wape(
            coming, forecast.forecast(house, forecast.solve(forecast.ridge_sums(house), _SMALL), "ridge")
        ),
    }
    for kind, coefficients in learned.coefficients.items():
        found[f"wape_{kind}"] = forecast.wape(coming, forecast.forecast(house, coefficients, kind))
    return {name: round(value, 5) for name, value in found.items()}
