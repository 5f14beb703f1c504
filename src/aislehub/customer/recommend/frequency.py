"""Personal frequency: a customer buys again what they bought often and lately.

Each purchase counts 1 on its day and half of that `half_life` days later. The plain count (`half_life` = infinity) is
the baseline that most published next-basket models fail to beat (Li et al. 2023, "A Next Basket Recommendation Reality
Check", ACM TOIS 41(4)).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import Baskets

__all__ = ["purchase_weights"]


def purchase_weights(baskets: Baskets, day: int, half_life: float) -> NDArray[np.float64]:
    """What each line counts on the morning of a day, (n,)."""
    age = day - 1 - baskets.visit_day
    return (0.5 ** (age / half_life))[baskets.visit]
