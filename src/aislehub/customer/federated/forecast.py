"""A forecast of weekly sales from sums: a ridge regression in one round, a Poisson regression in several.

Both learn, over all stores and categories of all parties, how the coming week follows from the last two, from the
means of the last 4 and 12, and from the time of the year. A least-squares fit needs of the rows only XᵀX and Xᵀy; each
Newton step of a Poisson regression (McCullagh and Nelder 1989, chapter 2.5) only the weighted sums XᵀWX and XᵀWz at the
last coefficients. So both are the central model, up to the resolution of the sums.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.customer.federated.house import House
from aislehub.customer.federated.triangle import square, triangle, triangle_length

__all__ = ["FEATURES", "SUMS", "forecast", "newton_sums", "ridge_sums", "solve", "wape"]

FEATURES = 7
SUMS = triangle_length(FEATURES) + FEATURES
"""Numbers in a sum: the upper half of XᵀX, and Xᵀy."""
_BACK = 12  # weeks that a row looks back
_YEAR = 52.18  # weeks
_STEEPEST = 30.0  # of a Newton step's log mean, so that a wild start overflows nothing


def ridge_sums(house: House) -> NDArray[np.float64]:
    """A party's sums of the least-squares fit of √units, (SUMS,); the root makes large and small series comparable."""
    rows, target = _rows(house, range(_BACK, house.weeks))
    root = np.sqrt(target)
    return np.concatenate([triangle(rows.T @ rows), rows.T @ root])


def newton_sums(house: House, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """A party's sums of one Newton step of the Poisson regression from these coefficients, (SUMS,).

    The first step has no coefficients and begins at the units themselves.
    """
    rows, target = _rows(house, range(_BACK, house.weeks))
    linear = np.log(target + 0.5) if not len(coefficients) else _linear(rows, coefficients)
    mean = np.exp(linear)
    return np.concatenate([triangle(rows.T @ (rows * mean[:, None])), rows.T @ (mean * linear + target - mean)])


def solve(sums: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """Coefficients from sums, (FEATURES,).

    Raises:
        LinAlgError: the sums are none of honest parts.
    """
    matrix = square(sums[: triangle_length(FEATURES)])
    matrix[np.diag_indices(FEATURES)] += ridge
    return np.asarray(scipy.linalg.solve(matrix, sums[triangle_length(FEATURES) :], assume_a="pos"))


def forecast(house: House, coefficients: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Units of each series in each week after the known ones, each a week ahead, (s, weeks ahead)."""
    ahead = range(house.weeks, house.weekly.shape[1])
    rows, _ = _rows(house, ahead)
    linear = _linear(rows, coefficients)
    units = np.exp(linear) if kind == "poisson" else np.maximum(linear, 0.0) ** 2
    return np.asarray(units).reshape(len(ahead), -1).T


def wape(units: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Sum of absolute errors over the sum of units."""
    return float(np.abs(units - predicted).sum() / units.sum())


def _linear(rows: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(rows @ coefficients, -_STEEPEST, _STEEPEST)


def _rows(house: House, weeks: range) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features and units of every series in these weeks, week by week: (r, FEATURES) and (r,)."""
    sold = house.weekly
    logs = np.log1p(sold)
    found = []
    for week in weeks:
        season = 2 * np.pi * (week - house.weeks) / _YEAR
        means = [np.log1p(sold[:, week - back : week].mean(axis=1)) for back in (4, _BACK)]
        common = np.ones((len(sold), 3)) * [1.0, np.sin(season), np.cos(season)]
        found.append(np.column_stack([common, logs[:, week - 1], logs[:, week - 2], *means]))
    return np.concatenate(found), sold[:, weeks.start : weeks.stop].T.ravel()
