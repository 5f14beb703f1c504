"""Cannibalisation: when an item's neighbours on the shelf are promoted and it is not, its demand falls.

The neighbours of a store's item are the other items of its subcategory (of its category, where that is all that is
known) in the same store. What a model is told of them is one covariate, known as far ahead as promotions are: the share
of their usual sales that stands on promotion on a day. It grows with how many are promoted and how well those sell.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislehub.demand.panel import FloatArray, Panel

__all__ = ["NEIGHBOURS", "promoted_neighbours", "with_neighbours"]

NEIGHBOURS = "neighbours on promotion"
SHELVES = ("subcategory", "category")
"""Traits that put items on one shelf, the nearest first."""


def with_neighbours(panel: Panel) -> Panel:
    """The panel with the covariate `neighbours on promotion`; as it is where promotions or shelves are not known."""
    shelf = next((trait for name in SHELVES if (trait := panel.trait(name)) is not None), None)
    store = panel.trait("store")
    if shelf is None or store is None or "promotion" not in panel.known:
        return panel
    groups = np.unique(np.stack([store, shelf]), axis=1, return_inverse=True)[1]
    groups = np.where(np.isnan(shelf), -1, groups)
    usual = np.nan_to_num(panel.sold).mean(axis=1)
    share = promoted_neighbours(panel.known["promotion"], usual, groups)
    return replace(panel, known={**panel.known, NEIGHBOURS: share}) if share.any() else panel


def promoted_neighbours(promoted: FloatArray, usual: FloatArray, groups: NDArray[Any]) -> FloatArray:
    """Share of the other series of a group, by usual sales, that are promoted on each day.

    Args:
        promoted: (N, days), above 0 on promotion.
        usual: (N,), mean sales of each series, ≥ 0.
        groups: (N,), shelf of each series; −1 = unknown.

    Returns:
        (N, days), 0 to 1; 0 for a series without neighbours.
    """
    share = np.zeros(promoted.shape, dtype=np.float32)
    order = np.argsort(groups, kind="stable")
    ends = np.flatnonzero(np.diff(groups[order], append=groups.max(initial=-1) + 1)) + 1
    for start, end in zip(np.concatenate([[0], ends[:-1]]), ends, strict=True):
        member = order[start:end]
        total = usual[member].sum()
        if len(member) < 2 or groups[member[0]] < 0 or total <= 0:
            continue
        mine = usual[member, None] * (promoted[member] > 0)
        others = total - usual[member, None]
        share[member] = np.where(others > 0, (mine.sum(axis=0) - mine) / np.where(others > 0, others, 1.0), 0.0)
    return np.clip(share, 0, 1)
