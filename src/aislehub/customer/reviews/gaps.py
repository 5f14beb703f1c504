"""Gaps: what a store does not carry and stores like it sell, with how much it would sell there.

Stores are alike by what they sell: the cosine between the square roots of their units by item. Where at least half of
the most similar stores carry an item, a store's expected units are theirs by turnover (the ratio estimate of sampling).
The same is done for what each store does carry, as if it did not: actual over expected units say how far such estimates
are off, and the interval is theirs. A store that left an item out may have known why; no data of sales can tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["LEAST_TRIED", "Gaps", "gaps"]

FloatArray = NDArray[np.float64]
LEAST_TRIED = 30
"""Estimates of items that stores do carry, without which nothing is said of those that they do not."""


@dataclass(frozen=True)
class Gaps:
    """What stores lack.

    Attributes:
        rows: a row each of store and item: expected (units of the period), sold (units in the stores alike that carry
            it), carriers (those stores, sorted), alike (number of stores alike).
        tried: actual over expected units where a store does carry an item, ascending, (n,).
    """

    rows: pd.DataFrame
    tried: FloatArray


def gaps(sold: pd.DataFrame, *, like: int, share: float, least_items: int, least_units: float) -> Gaps:
    """Find what each store lacks.

    Args:
        sold: a row each of store and item with positive sales of the period: units, money, is_carried (sold often
            enough to be in the store's range).
        like: most similar stores that a store is compared with.
        share: of them that must carry an item.
        least_items: carried items without which a store is neither compared nor advised.
        least_units: expected units below which none sold may be chance.
    """
    counts = sold[sold["is_carried"]].groupby("store").size()
    stores = np.sort(counts.index[counts >= least_items].to_numpy(dtype=object))
    sold = sold[sold["store"].isin(stores)]
    items = np.sort(sold.loc[sold["is_carried"], "item"].unique())
    turnover = sold.groupby("store")["money"].sum().reindex(stores).to_numpy(dtype=float)
    known = sold[sold["item"].isin(items)]
    at = np.searchsorted(stores, known["store"]), np.searchsorted(items, known["item"])
    units, carried = np.zeros((len(stores), len(items))), np.zeros((len(stores), len(items)), bool)
    units[at], carried[at] = known["units"], known["is_carried"]
    rows, tried = [], [np.zeros(0)]
    for store, others in enumerate(_most_alike(units, like)):
        has = carried[others]
        theirs, size = (has * units[others]).sum(axis=0), has.T @ turnover[others]
        expected = turnover[store] * np.divide(theirs, size, out=np.zeros(len(items)), where=size > 0)
        is_sure = (has.sum(axis=0) >= share * max(len(others), 1)) & (expected >= least_units)
        is_tried = is_sure & carried[store]
        tried.append(units[store, is_tried] / expected[is_tried])
        rows += [
            {"store": stores[store], "item": items[item], "expected": expected[item], "sold": theirs[item],
             "carriers": sorted(stores[others[has[:, item]]]), "alike": len(others)}
            for item in np.flatnonzero(is_sure & (units[store] == 0))
        ]  # fmt: skip
    columns = ["store", "item", "expected", "sold", "carriers", "alike"]
    return Gaps(pd.DataFrame(rows, columns=columns), np.sort(np.concatenate(tried)))


def _most_alike(units: FloatArray, like: int) -> NDArray[np.int64]:
    """Of each store the others most like it, (stores, like)."""
    roots = np.sqrt(units)
    roots /= np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), 1e-12)
    alike = roots @ roots.T
    np.fill_diagonal(alike, -np.inf)
    return np.argsort(-alike, axis=1, kind="stable")[:, : max(min(like, len(units) - 1), 0)]
