"""Shamir's secret sharing: any `threshold` shares give the secret back, fewer say nothing about it.

A polynomial of degree threshold − 1 over the integers modulo the Mersenne prime 2^521 − 1, with the secret as its value
at 0 (Shamir 1979, "How to share a secret").
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

__all__ = ["SECRET", "SHARE", "combine", "share"]

PRIME = 2**521 - 1
SECRET = 32  # bytes of a secret
SHARE = 66  # bytes of a share


def share(secret: bytes, threshold: int, points: Sequence[int]) -> dict[int, bytes]:
    """One share a point. Points are different numbers of 1 or more; the threshold is 1 to len(points)."""
    if not 1 <= threshold <= len(set(points)) or min(points) < 1 or len(secret) != SECRET:
        raise ValueError("a secret of 32 bytes, different points from 1 on, and no more of them needed than there are")
    polynomial = [int.from_bytes(secret), *(secrets.randbelow(PRIME) for _ in range(threshold - 1))]
    return {point: _at(polynomial, point).to_bytes(SHARE) for point in points}


def combine(shares: Mapping[int, bytes]) -> bytes | None:
    """The secret from at least `threshold` shares, by Lagrange's formula at 0.

    None where they are too few or do not belong together, which shows but for a chance of 2^-265.
    """
    total = 0
    for point, given in shares.items():
        above = below = 1
        for other in shares:
            if other != point:
                above = above * other % PRIME
                below = below * (other - point) % PRIME
        total += int.from_bytes(given) * above * pow(below, -1, PRIME)
    value = total % PRIME
    return value.to_bytes(SECRET) if value < 256**SECRET else None


def _at(polynomial: Sequence[int], point: int) -> int:
    value = 0
    for coefficient in reversed(polynomial):
        value = (value * point + coefficient) % PRIME
    return value
