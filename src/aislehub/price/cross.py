"""Cross: how demand for an item answers to the prices of its neighbours in the category.

On what the item's own equation leaves of its units, the unexplained price movements of its neighbours are regressed,
all at once and with the weights of a Poisson regression. There are many pairs and little to tell them by, so each is
drawn to the category's mean, that to the chain's (a ridge whose strength is estimated from how far pairs are apart;
EM, Dempster, Laird & Rubin 1977, https://doi.org/10.1111/j.2517-6161.1977.tb01600.x). A neighbour whose price mostly
moves with the others' cannot be told from them: the pair then carries the category's mean and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.price.orthogonal import Estimates
from aislehub.price.price_history import History

__all__ = ["cross_elasticities_of"]

FloatArray = NDArray[Any]
IntArray = NDArray[np.intp]

MIN_TOLERANCE = 0.3  # share of a price's movement that no other price of the category explains
USUAL_APART, USUAL_PAIRS = 0.15, 10.0  # standard deviation between pairs to start from, worth so many pairs
OWN_PRECISION = 1.0  # of the item's own price beside them, already answered to
ITERATIONS = 15


@dataclass(frozen=True)
class _Neighbours:
    """One item's equation: items of its columns (K,), itself first; information (K, K) and score (K,), over its
    scatter."""

    columns: IntArray
    information: FloatArray
    score: FloatArray
    told: NDArray[np.bool_]
    rows: IntArray


def cross_elasticities_of(
    history: History, found: Estimates, usable: NDArray[np.bool_], *, most: int, min_rows: int
) -> pd.DataFrame:
    """Cross-elasticities of pairs of a category: item and other (numbers), elasticity, sd, identified, weight, rows.

    Args:
        usable: whether an item's price moved enough to look at, (I,).
        most: neighbours of an item, those with the most units.
        min_rows: weeks of stores in which both were on sale, to look at a pair.
    """
    units = np.bincount(history.item, history.units, len(history.items))
    equations: list[_Neighbours] = []
    for category in np.unique(history.category[usable]):
        members = np.flatnonzero(usable & (history.category == category))
        members = members[np.argsort(-units[members], kind="stable")][: most + 1]
        if len(members) > 1:
            equations += _equations(history, found, members, min_rows)
    if not equations:
        return pd.DataFrame(columns=["item", "other", "elasticity", "sd", "identified", "weight", "rows"])
    return _drawn(equations, history.category)


def _equations(history: History, found: Estimates, members: IntArray, min_rows: int) -> list[_Neighbours]:
    """The equation of each member in the movements of all members' prices in the same store and week."""
    weeks = int(history.week.max()) + 1
    inside = np.flatnonzero(np.isin(history.item, members))
    cells, cell = np.unique(history.store[inside] * weeks + history.week[inside], return_inverse=True)
    column = np.searchsorted(np.sort(members), history.item[inside])
    order = np.sort(members)
    moves = np.full((len(cells), len(order)), np.nan)
    moves[cell, column] = found.rest[inside]
    made = []
    for at, item in enumerate(order):
        rows, where = inside[column == at], cell[column == at]
        columns = np.r_[at, np.delete(np.arange(len(order)), at)]
        seen = np.isfinite(moves[where][:, columns])
        values = _centred(np.where(seen, moves[where][:, columns], 0.0), found.expected[rows], history.series[rows])
        expected = found.expected[rows]
        left = history.units[rows] - expected + expected * found.shared[rows]
        information = (values * expected[:, None]).T @ values / found.scatter[item]
        counted = seen.sum(axis=0)
        told = (counted >= min_rows) & (_tolerance(information) >= MIN_TOLERANCE)
        made.append(_Neighbours(order[columns], information, values.T @ left / found.scatter[item], told, counted))
    return made


def _centred(values: FloatArray, weight: FloatArray, series: IntArray) -> FloatArray:
    """Less their weighted mean in each store, (rows, K)."""
    code = np.unique(series, return_inverse=True)[1]
    total = np.maximum(np.bincount(code, weight), 1e-300)
    means = np.stack([np.bincount(code, weight * one) / total for one in values.T], axis=1)
    return values - means[code]


def _tolerance(information: FloatArray) -> FloatArray:
    """Share of each column's information that the others do not have, (K,)."""
    diagonal = np.diag(information)
    ridge = np.diag(np.maximum(diagonal, 1.0) * 1e-9)
    inverse = np.diag(np.linalg.inv(information + ridge))
    return np.where(diagonal > 1e-6, 1 / np.maximum(inverse * np.maximum(diagonal, 1e-12), 1.0), 0.0)


def _drawn(equations: list[_Neighbours], category: IntArray) -> pd.DataFrame:
    """Posteriors of all pairs under one normal distribution in each category."""
    of = np.array([category[one.columns[0]] for one in equations])
    pairs = np.concatenate([np.full(len(one.columns) - 1, label) for one, label in zip(equations, of, strict=True)])
    told = np.concatenate([one.told[1:] for one in equations])
    apart, chain, middle = USUAL_APART, 0.0, np.zeros(int(category.max()) + 1)
    for _ in range(ITERATIONS):
        solved = [_posterior(one, middle[label], apart) for one, label in zip(equations, of, strict=True)]
        mean, variance = (np.concatenate(part) for part in zip(*solved, strict=True))
        if told.any():
            chain = mean[told].sum() / (told.sum() + USUAL_PAIRS)
        count = np.bincount(pairs[told], minlength=len(middle))
        middle = (np.bincount(pairs[told], mean[told], len(middle)) + USUAL_PAIRS * chain) / (count + USUAL_PAIRS)
        spread = (variance + (mean - middle[pairs]) ** 2)[told].sum()
        apart = float(np.sqrt((spread + USUAL_PAIRS * USUAL_APART**2) / (told.sum() + USUAL_PAIRS)))
    return pd.DataFrame(
        {
            "item": np.concatenate([np.full(len(one.columns) - 1, one.columns[0]) for one in equations]),
            "other": np.concatenate([one.columns[1:] for one in equations]),
            "elasticity": np.where(told, mean, middle[pairs]),
            "sd": np.where(told, np.sqrt(variance), apart),
            "identified": told,
            "weight": np.where(told, np.clip(1 - variance / apart**2, 0, 1), 0.0),
            "rows": np.concatenate([one.rows[1:] for one in equations]),
        }
    )


def _posterior(one: _Neighbours, middle: float, apart: float) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of each neighbour's coefficient, (K − 1,)."""
    precision = np.full(len(one.columns), apart**-2.0)
    precision[0] = OWN_PRECISION
    aim = np.full(len(one.columns), middle)
    aim[0] = 0.0
    covariance = np.linalg.inv(one.information + np.diag(precision))
    mean = covariance @ (one.score + precision * aim)
    return mean[1:], np.diag(covariance)[1:]
