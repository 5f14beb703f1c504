"""A plan: what one round sums, to which everybody's signature is bound."""

from __future__ import annotations

import hashlib
import json
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Self

from aislehub.core.errors import HubError
from aislehub.customer.federated.fixed import fractional_bits

__all__ = ["MOST_NUMBERS", "Plan", "least_threshold", "new_plan"]

MOST_NUMBERS = 50_000_000  # of one vector: 400 MB


@dataclass(frozen=True)
class Plan:
    """One sum that is asked for.

    Attributes:
        round: drawn anew for each round, so that no message of one counts in another.
        task: what is summed, a name of `TASKS`.
        facts: what the task needs to know, as JSON: items, days, clip.
        length: numbers in the vector.
        bound: largest magnitude of a party's number.
        bits: bits behind the point.
        parties: who is invited, in the order of their points in Shamir's scheme (1, 2 …).
        threshold: fewest parties in a sum; below it nothing is unmasked.
        sigma: standard deviation of the noise in the sum; 0 = none.
        colluders: parties that may know their own noise and yet leave `sigma` in the sum.
        epsilon, delta: what the whole training spends of each member's privacy; 0 = no such promise.
    """

    round: str
    task: str
    facts: Mapping[str, Any]
    length: int
    bound: float
    bits: int
    parties: tuple[str, ...]
    threshold: int
    sigma: float = 0.0
    colluders: int = 0
    epsilon: float = 0.0
    delta: float = 0.0

    def digest(self) -> bytes:
        """SHA-256 of all of it."""
        return self._digest

    def subject(self) -> str:
        """What is asked for, whoever takes part and however often it is tried."""
        asked = json.dumps([self.task, self.facts], sort_keys=True)
        return hashlib.sha256(asked.encode()).hexdigest()

    @cached_property
    def _digest(self) -> bytes:
        # Made once: a round asks for it four times for each other party, and hashing a catalogue takes 0.16 s.
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).digest()

    def noise_share(self) -> float:
        """Standard deviation of one party's noise: `threshold` parties without `colluders` leave `sigma` in the sum."""
        return self.sigma / math.sqrt(self.threshold - self.colluders)

    def point(self, party: str) -> int:
        return self.parties.index(party) + 1

    def told(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """A plan that came over the wire.

        Raises:
            HubError: `federated.bad_plan`.
        """
        try:
            plan = cls(**{field.name: told[field.name] for field in fields(cls)} | {"parties": tuple(told["parties"])})
            sound = (
                len(set(plan.parties)) == len(plan.parties)
                and least_threshold(len(plan.parties)) <= plan.threshold <= len(plan.parties)
                and 0 < plan.length <= MOST_NUMBERS
                and math.isfinite(plan.bound)
                and 0 <= plan.bits <= fractional_bits(plan.bound, len(plan.parties))
                and math.isfinite(plan.sigma)
                and plan.sigma >= 0
                and 0 <= plan.colluders < plan.threshold
            )
        except (KeyError, TypeError, ValueError) as error:
            raise HubError("federated.bad_plan", why=f"{type(error).__name__}: {error}") from error
        if not sound:
            raise HubError("federated.bad_plan", why=f"{plan.task}: {plan.threshold}/{len(plan.parties)}")
        return plan


def new_plan(
    task: str, facts: Mapping[str, Any], length: int, bound: float, parties: Sequence[str], *, threshold: int,
    sigma: float = 0.0, colluders: int = 0, epsilon: float = 0.0, delta: float = 0.0,
) -> Plan:  # fmt: skip
    """A plan for a new round, with as fine a resolution as its bound and its noise leave room for."""
    # Noise beyond 16 standard deviations has no chance worth a bit.
    room = bound + 16 * sigma
    return Plan(
        secrets.token_hex(16), task, facts, length, room, fractional_bits(room, len(parties)), tuple(parties),
        threshold, sigma, colluders, epsilon, delta,
    )  # fmt: skip


def least_threshold(parties: int) -> int:
    """Two thirds and one: then a coordinator in league with fewer than a third of the parties cannot show two halves
    of them two different rounds (Bonawitz et al. 2017, table 2)."""
    return 2 * parties // 3 + 1
