"""A recommender from two sums: how many members bought each item, and the Gram matrix of the head items.

EASE needs of its data only XᵀX (Steck 2019), and XᵀX of all members is the sum of the parties' XᵀX: what comes out is
the central model, up to the resolution of the sum. A member's row x of ones is shortened to the length `clip` where it
is longer, before anything is summed. So one member moves the counts by at most `clip`, and XᵀX, whose upper half is
what is summed, by at most `clip`² (‖xxᵀ‖ = ‖x‖²).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.customer.federated.house import House
from aislehub.customer.federated.triangle import square, triangle
from aislehub.customer.recommend.baskets import Baskets
from aislehub.customer.recommend.ease import Ease

__all__ = ["counts", "fit", "gram", "head", "recall", "rows_of"]


def counts(house: House, items: Sequence[str], clip: float) -> NDArray[np.float64]:
    """A party's clipped number of members who bought each of these items, (I,)."""
    return np.asarray(rows_of(house.baskets, items, clip).sum(axis=0)).ravel()


def gram(house: House, items: Sequence[str], clip: float) -> NDArray[np.float64]:
    """The upper half of a party's clipped XᵀX over these items, (H · (H + 1) / 2,)."""
    rows = rows_of(house.baskets, items, clip)
    return triangle((rows.T @ rows).toarray())


def rows_of(baskets: Baskets, items: Sequence[str], clip: float) -> scipy.sparse.csr_matrix:
    """Members × items, (C, I): 1 for what was bought, a row no longer than `clip`."""
    place = {item: column for column, item in enumerate(baskets.items)}
    columns = np.array([place.get(item, -1) for item in items])
    held = baskets.matrix()
    # An item that this party never sold is a column of zeros.
    padded = scipy.sparse.hstack([held, scipy.sparse.csr_matrix((held.shape[0], 1))], format="csr")
    rows = padded[:, columns]
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return scipy.sparse.csr_matrix(scipy.sparse.diags(np.minimum(1.0, clip / np.maximum(length, 1.0))) @ rows)


def head(items: Sequence[str], counts: NDArray[np.float64], most: int) -> list[str]:
    """The items that most members bought, in the order of the catalogue."""
    order = np.sort(np.argsort(-counts, kind="stable")[:most])
    return [items[place] for place in order if counts[place] > 0]


def fit(half: NDArray[np.float64], ridge: float, sigma: float = 0.0) -> Ease:
    """The model from a sum of upper halves.

    Args:
        half: (H · (H + 1) / 2,).
        ridge: λ, in members.
        sigma: noise of each number. A symmetric matrix of such noise has eigenvalues up to 2σ√H (Wigner's semicircle).
            The ridge grows by three times that: once keeps what is inverted positive, three times ranked best.

    Raises:
        HubError: `federated.no_solution` for a sum that is none of honest parts.
    """
    matrix = square(half)
    try:
        return Ease.of_gram(matrix, np.arange(len(matrix)), ridge + 6.0 * sigma * np.sqrt(len(matrix)))
    except np.linalg.LinAlgError as error:
        raise HubError("federated.no_solution", task="gram") from error


def recall(house: House, items: Sequence[str], model: Ease, count: int = 10) -> NDArray[np.float64]:
    """Of the items new to a member that they bought in the days after, the share among `count` suggestions.

    Args:
        house: a party, with days after those that were learned from.
        items: those that the model knows, (H,).
        model: the recommender.
        count: suggestions a member, none of them bought before. A member's new items count up to `count`, also those
            that the model does not know.

    Returns:
        (m,), one for each member who bought a new item, in the order of the house's members.
    """
    had, later = rows_of(house.baskets, items, np.inf), rows_of(house.later, items, np.inf)
    new = house.later.matrix()
    new = np.asarray((new - new.multiply(house.baskets.matrix())).sum(axis=1)).ravel()
    chosen = np.flatnonzero(new > 0)
    had, later = had[chosen], later[chosen].toarray()
    scores = np.where(had.toarray() > 0, -np.inf, model.scores(had))
    count = min(count, len(items))
    best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    hits = np.take_along_axis(later * np.isfinite(scores), best, axis=1).sum(axis=1)
    return np.asarray(hits / np.minimum(new[chosen], count))
