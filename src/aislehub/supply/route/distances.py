"""How far it is: rounded Euclidean distances of benchmark files, and the great circle × a factor for real places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aislehub.supply.route.problem import IntArray

__all__ = ["EARTH_M", "euclidean", "great_circle"]

EARTH_M = 6_371_008.8  # mean radius, metres


def euclidean(points: NDArray[np.float64], scale: int, rounding: str) -> IntArray:
    """Distances × `scale` between points (n, 2), as whole numbers by `rounding`: nearest, floor or ceil; (n, n)."""
    exact = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1)) * scale
    if rounding == "nearest":
        return np.floor(exact + 0.5).astype(np.int64)  # TSPLIB's nint, not the bankers' rounding of np.round
    # The tiny shift: 0.1 has no exact double, and a distance that is whole must stay whole.
    return (np.floor(exact + 1e-9) if rounding == "floor" else np.ceil(exact - 1e-9)).astype(np.int64)


def great_circle(degrees: NDArray[np.float64], factor: float) -> IntArray:
    """Great-circle distances × `factor` in whole metres between places (n, 2) of latitude and longitude; (n, n).

    Source: the haversine formula.
    """
    latitude, longitude = np.radians(degrees).T
    half = (
        np.sin((latitude[:, None] - latitude) / 2) ** 2
        + np.cos(latitude[:, None]) * np.cos(latitude) * np.sin((longitude[:, None] - longitude) / 2) ** 2
    )
    return np.rint(2 * EARTH_M * np.arcsin(np.sqrt(np.clip(half, 0, 1))) * factor).astype(np.int64)
