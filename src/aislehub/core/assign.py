"""Which arm a unit belongs to: a salted hash, so that nothing need be stored and nobody can choose."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

__all__ = ["arm"]


def arm(unit: str, arms: Mapping[str, float], *, salt: str) -> str:
    """The arm of one unit (store, customer, time × store block).

    The same unit and salt always give the same arm, in whatever order the arms are written; another salt gives an
    independent assignment.

    Args:
        unit: what is assigned.
        arms: arm → share; shares are normalised to 1.
        salt: the experiment's name and start, kept in its definition.

    Raises:
        ValueError: when there is no arm or a share is negative.

    Example:
        >>> arm("store-7", {"control": 0.5, "treatment": 0.5}, salt="shelf-2026-11")
        'treatment'
    """
    total = sum(arms.values())
    if not arms or min(arms.values()) < 0 or total <= 0:
        raise ValueError(f"arms need shares above 0, got {dict(arms)}")
    digest = hashlib.sha256(f"{salt}\x1f{unit}".encode()).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64 * total
    reached = 0.0
    for name, share in sorted(arms.items()):
        reached += share
        if point < reached:
            return name
    return name
