"""What a training spends of each member's privacy: the noise that a given ε needs, by `dp-accounting`.

Two data sets are neighbours when one member's whole history at one party is in the one and not in the other. A member's
part of each sum is clipped, so that a sum with Gaussian noise is a Gaussian mechanism; its ε and δ are exact (Balle and
Wang 2018, "Improving the Gaussian Mechanism for Differential Privacy"). Several of them on the same member are one with
the multiplier 1/√(Σ 1/z²) (Dong, Roth and Su 2022, "Gaussian Differential Privacy", corollary 2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from aislehub.core.errors import HubError

__all__ = ["Budget", "calibrated", "spent"]


@dataclass(frozen=True)
class Budget:
    """A promise: ε, δ, and the noise of each sum in multiples of the most that one member can move it."""

    epsilon: float
    delta: float
    multipliers: tuple[float, ...]


def calibrated(epsilon: float, delta: float, weights: Sequence[float]) -> Budget:
    """The least noise that keeps a promise over several sums.

    Args:
        epsilon, delta: of all sums together.
        weights: a sum's noise relative to the others': with 2, it has twice as much.

    Raises:
        HubError: `federated.epsilon`.
    """
    if not (0 < epsilon <= 100 and 0 < delta < 1):
        raise HubError("federated.epsilon", epsilon=epsilon, delta=delta)
    from dp_accounting import get_sigma_gaussian  # seconds to import, and few commands need it

    scale = float(get_sigma_gaussian(epsilon, delta)) / _together(weights)
    return Budget(epsilon, delta, tuple(scale * weight for weight in weights))


def spent(multipliers: Sequence[float], delta: float) -> float:
    """The ε of sums with these multiples of noise, all together."""
    from dp_accounting import get_epsilon_gaussian

    return float(get_epsilon_gaussian(_together(multipliers), delta))


def _together(multipliers: Sequence[float]) -> float:
    return 1.0 / math.sqrt(sum(multiplier**-2 for multiplier in multipliers))
