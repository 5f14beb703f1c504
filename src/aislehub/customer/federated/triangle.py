"""A symmetric matrix as the vector of its upper half, so that nothing is sent twice."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["square", "triangle", "triangle_length"]


def triangle_length(side: int) -> int:
    """Numbers in the upper half of a matrix (side, side), diagonal included."""
    return side * (side + 1) // 2


def triangle(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The upper half, row by row, (side · (side + 1) / 2,)."""
    return matrix[np.triu_indices(len(matrix))]


def square(half: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix that an upper half stands for, (side, side)."""
    side = (math.isqrt(8 * len(half) + 1) - 1) // 2
    matrix = np.zeros((side, side))
    matrix[np.triu_indices(side)] = half
    return matrix + np.triu(matrix, 1).T
