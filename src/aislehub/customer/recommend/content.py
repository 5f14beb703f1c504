"""Content: an item is wanted for what it is, its place in the hierarchy, its brand, its price level and its maker.

Every item is a short list of attributes with weights; a customer is the sum over what they bought. The score is the
cosine of both, each attribute weighted by how rare it is (TF-IDF; Salton and Buckley 1988). It knows items that nobody
has bought yet and the tail that is too thin to learn from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

__all__ = ["ATTRIBUTES", "Content"]

ATTRIBUTES: dict[str, float] = {"subcategory": 2.0, "category": 1.0, "department": 0.3, "brand": 1.0}
"""Columns of `items` and what each counts."""


@dataclass(frozen=True)
class Content:
    """Items by attributes.

    Attributes:
        vectors: items × attributes, rows of length 1, (I, A).
    """

    vectors: scipy.sparse.csr_matrix

    @classmethod
    def of(cls, items: pd.DataFrame) -> Content:
        """From the rows of `items`, one an item, in the order of the codes; an empty cell says nothing."""
        rows, columns, values = [], [], []
        width = 0
        for name, weight in ATTRIBUTES.items():
            codes, words = pd.factorize(items[name]) if name in items else (np.full(len(items), -1), np.zeros(0))
            known = np.flatnonzero(codes >= 0)
            rarity = np.log(len(items) / np.maximum(np.bincount(codes[known], minlength=len(words)), 1)) + 1
            rows.append(known)
            columns.append(codes[known] + width)
            values.append(weight * rarity[codes[known]])
            width += len(words)
        shape = (len(items), width)
        place = (np.concatenate(rows), np.concatenate(columns))
        return cls(_unit(scipy.sparse.csr_matrix((np.concatenate(values), place), shape=shape)))

    def profiles(self, bought: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
        """Attributes of what each customer bought, (customers, A), rows of length 1.

        Args:
            bought: weights, (customers, I); the square root is taken, for a hundredth litre of milk says little more.
        """
        weighted = bought.copy()
        weighted.data = np.sqrt(np.maximum(weighted.data, 0.0))
        return _unit(scipy.sparse.csr_matrix(weighted @ self.vectors))

    def cosines(
        self,
        profiles: scipy.sparse.csr_matrix,
        customer: NDArray[np.int64],
        item: NDArray[np.int64],
        batch: int = 200_000,
    ) -> NDArray[np.float64]:
        """Likeness of customers' profiles and items, pair by pair, (q,)."""
        found = np.empty(len(item))
        for first in range(0, len(item), batch):
            part = slice(first, first + batch)
            found[part] = np.asarray(profiles[customer[part]].multiply(self.vectors[item[part]]).sum(axis=1)).ravel()
        return found

    def similar(self, item: int, count: int) -> NDArray[np.int64]:
        """Codes of the items most like one, the nearest first, itself left out."""
        near = (self.vectors @ self.vectors[item].T).toarray().ravel()
        near[item] = -1.0
        order = np.argsort(-near, kind="stable")[:count]
        return order[near[order] > 0]


def _unit(rows: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return scipy.sparse.csr_matrix(scipy.sparse.diags(1.0 / np.maximum(length, 1e-12)) @ rows)
