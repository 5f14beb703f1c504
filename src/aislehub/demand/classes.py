"""Classes of demand: how regular a series is decides which forecasts can be good at it.

Syntetos, Boylan & Croston (2005, https://doi.org/10.1057/palgrave.jors.2601841): the mean interval between sales
(ADI, cut at 1.32) and the squared coefficient of variation of what sells when something sells (CV², cut at 0.49). A
series too young to tell is `new`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aislehub.demand.panel import Panel

__all__ = ["CLASSES", "demand_classes"]

CLASSES = ("smooth", "erratic", "intermittent", "lumpy", "new")
MAX_INTERVAL = 1.32
MAX_VARIATION = 0.49
NEW_CYCLES = 8
"""Weeks of a daily series (cycles of any other) below which it is new."""


def demand_classes(panel: Panel) -> NDArray[np.intp]:
    """Place in `CLASSES` of each series, shape (N,), from its last year."""
    sold = panel.sold[:, -panel.year :].astype(np.float64)
    known = ~np.isnan(sold)
    sales = known & (np.nan_to_num(sold) != 0)
    count = sales.sum(axis=1)
    interval = known.sum(axis=1) / np.maximum(count, 1)
    size = np.where(sales, np.abs(np.nan_to_num(sold)), 0.0)
    mean = size.sum(axis=1) / np.maximum(count, 1)
    variance = (size**2).sum(axis=1) / np.maximum(count, 1) - mean**2
    variation = np.divide(variance, mean**2, out=np.zeros_like(mean), where=mean > 0)
    rare, varied = interval > MAX_INTERVAL, variation > MAX_VARIATION
    started = np.where(known.any(axis=1), known.argmax(axis=1), known.shape[1])
    young = known.shape[1] - started < NEW_CYCLES * panel.cycle
    return np.where(young, CLASSES.index("new"), 2 * rare + varied).astype(np.intp)
