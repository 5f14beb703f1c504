"""EASE: items that are bought by the same customers, as one linear model with an exact solution, and exact forgetting.

    B = I − P diag(1/diag(P)),  P = (XᵀX + λI)⁻¹

X says which customer bought which of the head items; the score of what x bought is x B (Steck 2019, "Embarrassingly
Shallow Autoencoders for Sparse Data", WWW). x need not be a row of X: the recommender learns from who ever bought what
and asks with what a member buys lately, which foretells better (`docs/benchmarks.md`). Only P is kept. Leaving a
customer out changes XᵀX by −xxᵀ, so P changes by one rank (Sherman and Morrison 1950):

    P' = P + (P x)(P x)ᵀ / (1 − xᵀ P x)

which is the P of a model that never saw them, for a hundredth of the cost. With baskets as rows of X instead of
customers the same model says what goes with what.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import IntArray

__all__ = ["Ease", "head_items"]


@dataclass(frozen=True)
class Ease:
    """A fitted model.

    Attributes:
        items: codes of the head items, (H,).
        inverse: P, (H, H).
    """

    items: IntArray
    inverse: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: scipy.sparse.csr_matrix, items: IntArray, ridge: float) -> Ease:
        """Learn from what each customer (or basket) holds.

        Args:
            rows: 1 where it does, (n, H), columns in the order of `items`.
            ridge: λ, in customers.
        """
        return cls.of_gram((rows.T @ rows).toarray().astype(float), items, ridge)

    @classmethod
    def of_gram(cls, gram: NDArray[np.float64], items: IntArray, ridge: float) -> Ease:
        """Learn from XᵀX, (H, H), which may be a sum over several houses. It is used up."""
        if not len(items):
            return cls(items, np.zeros((0, 0)))
        gram[np.diag_indices_from(gram)] += ridge
        factor = scipy.linalg.cholesky(gram, overwrite_a=True, check_finite=False)
        inverse, failed = scipy.linalg.lapack.dpotri(factor)
        if failed:
            raise np.linalg.LinAlgError(f"dpotri returned {failed}")
        upper = np.triu(inverse)
        return cls(items, upper + np.triu(upper, 1).T)

    def scores(self, rows: scipy.sparse.csr_matrix) -> NDArray[np.float64]:
        """How much what each row holds speaks for each head item, (n, H)."""
        own = np.diag(self.inverse)
        return np.asarray(-(rows @ self.inverse) / own[None, :] + rows.toarray())

    def without(self, row: NDArray[np.float64]) -> Ease:
        """The model that never saw this row, (H,); exact while the head items stay the same."""
        held = np.flatnonzero(row)
        moved = row[held] @ self.inverse[held]
        inverse = self.inverse.copy()
        # In place: the copy is the dearest part. Its transpose is what BLAS takes for a matrix of its own order.
        scipy.linalg.blas.dger(1.0 / (1.0 - row @ moved), moved, moved, a=inverse.T, overwrite_a=True)
        return Ease(self.items, inverse)


def head_items(rows: scipy.sparse.csr_matrix, most: int, least: int = 3) -> IntArray:
    """Codes of the at most `most` items that most rows hold, each in at least `least`."""
    held = np.bincount(rows.indices, minlength=rows.shape[1])
    order = np.argsort(-held, kind="stable")[:most]
    return np.sort(order[held[order] >= least])
