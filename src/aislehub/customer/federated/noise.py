"""Gaussian noise that nobody can guess, made by each party for its own part of a sum."""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray

from aislehub.customer.federated.masks import KEY, expand

__all__ = ["gaussian"]

_UNIT = 2.0**-53


def gaussian(sigma: float, length: int) -> NDArray[np.float64]:
    """Normal numbers (n,) with this standard deviation, by Box and Muller from AES under a key that is thrown away.

    A seeded generator of statistics will not do: who knows a few of its numbers knows the others.
    """
    half = (length + 1) // 2
    uniform = expand(secrets.token_bytes(KEY), 2 * half) >> np.uint64(11)
    radius = np.sqrt(-2.0 * np.log((uniform[:half] + np.uint64(1)) * _UNIT))  # above 0, so that its logarithm is finite
    angle = 2.0 * np.pi * _UNIT * uniform[half:]
    return sigma * np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:length]
