"""Numbers as integers modulo 2^64: sums are exact, masks hide perfectly, and nothing wraps unnoticed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aislehub.core.errors import HubError

__all__ = ["Vector", "decode", "encode", "fractional_bits"]

Vector = NDArray[np.uint64]
"""Integers modulo 2^64, (n,)."""

_MOST_BITS = 40
_ROOM = 62  # of 63 bits for a sum's magnitude, so that rounding up cannot wrap it


def fractional_bits(bound: float, parties: int) -> int:
    """Bits behind the point, as many as leave room for a sum of `parties` numbers of magnitude up to `bound`.

    Raises:
        HubError: `federated.no_room` where not even whole numbers have it.
    """
    bits = min(_MOST_BITS, _ROOM - math.ceil(math.log2(max(bound, 1.0) * parties)))
    if bits < 0:
        raise HubError("federated.no_room", bound=bound, parties=parties)
    return bits


def encode(values: NDArray[np.float64], bound: float, bits: int) -> Vector:
    """Numbers (n,) as integers modulo 2^64, rounded to 2^-bits.

    Raises:
        HubError: `federated.not_finite`, `federated.out_of_bound`: such a number would spoil everybody's sum.
    """
    if not np.isfinite(values).all():
        raise HubError("federated.not_finite", count=int((~np.isfinite(values)).sum()))
    largest = float(np.abs(values).max(initial=0.0))
    if largest > bound:
        raise HubError("federated.out_of_bound", largest=largest, bound=bound)
    return np.rint(np.ldexp(values, bits)).astype(np.int64).view(np.uint64)


def decode(total: Vector, bits: int) -> NDArray[np.float64]:
    """A sum as numbers again, (n,)."""
    return np.ldexp(total.view(np.int64).astype(np.float64), -bits)
