"""Segments of the back-off: thirds of the members by how much of the shelf value of what they bought was taken off.

Of the indices that name segments it is the one that foretells best (docs/benchmarks.md, `segments`), and purchases
before any day tell it as of that day, so that learning looks back at what was known then.
"""

from __future__ import annotations

import numpy as np

from aislehub.customer.recommend.baskets import Baskets, FloatArray, IntArray

__all__ = ["bounds", "thirds"]

LEAST = 10
"""Lines below which nothing is said of a member."""


def bounds(baskets: Baskets) -> FloatArray:
    """Savings between the thirds of the members, shares of the shelf value, (2,); NaN where they do not differ."""
    saving = _saving(baskets)
    known = saving[~np.isnan(saving)]
    low, high = np.quantile(known, (1 / 3, 2 / 3)) if len(known) else (0.0, 0.0)
    return np.array([low, high]) if low < high else np.full(2, np.nan)


def thirds(baskets: Baskets, between: FloatArray) -> IntArray:
    """Third of each customer, (C,): 0 saves least, 2 most, −1 = not known."""
    saving = _saving(baskets)
    known = ~np.isnan(saving) & ~np.isnan(between).any()
    return np.where(known, np.searchsorted(between, saving, side="right"), -1)


def _saving(baskets: Baskets) -> FloatArray:
    """Mean share that was taken off a customer's lines, (C,)."""
    count = len(baskets.customers)
    lines = np.bincount(baskets.customer, minlength=count)
    mean = np.bincount(baskets.customer, baskets.saving, count) / np.maximum(lines, 1)
    return np.where(lines >= LEAST, mean, np.nan)
