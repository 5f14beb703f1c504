"""A party's own terms: what it takes part in, and what it has answered already."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aislehub.core.errors import HubError
from aislehub.customer.federated.plan import Plan

__all__ = ["Answered", "Terms"]


@dataclass(frozen=True)
class Terms:
    """What a party insists on.

    Attributes:
        least_members: it does not add a sum over fewer members of its own.
        most_epsilon: it takes part in learning from members only under a promise at most as wide; None = secure sums
            are enough for it.
    """

    least_members: int = 20
    most_epsilon: float | None = None

    def check(self, plan: Plan, about_members: bool) -> None:
        """That a plan is within the terms.

        Raises:
            HubError: `federated.terms_epsilon`.
        """
        limit = self.most_epsilon
        if about_members and limit is not None and not 0 < plan.epsilon <= limit:
            raise HubError("federated.terms_epsilon", epsilon=plan.epsilon or "—", most=limit)

    def check_members(self, members: int) -> None:
        """That there are enough members to hide among.

        Raises:
            HubError: `federated.terms_members`.
        """
        if members < self.least_members:
            raise HubError("federated.terms_members", members=members, least=self.least_members)


@dataclass
class Answered:
    """The sums that a party has been part of, in a file.

    Two sums of the same thing, one with a party and one without it, differ by that party's own numbers. So each is
    answered once, unless the party says otherwise.
    """

    file: Path
    again: bool = False

    def check(self, plan: Plan) -> None:
        """That the sum was not answered before.

        Raises:
            HubError: `federated.answered`, `federated.answered_broken`.
        """
        if not self.again and plan.subject() in self._read():
            raise HubError("federated.answered", task=plan.task, file=self.file)

    def note(self, plan: Plan) -> None:
        """Before a signature makes it possible that the sum is unmasked."""
        kept: Mapping[str, Any] = self._read() | {plan.subject(): {"round": plan.round, "task": plan.task}}
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(kept, indent=2), encoding="utf-8")
        os.replace(fresh, self.file)

    def _read(self) -> dict[str, Any]:
        if not self.file.exists():
            return {}
        try:
            return {**json.loads(self.file.read_text(encoding="utf-8"))}
        except (ValueError, TypeError) as error:  # nobody can say any more what was answered
            raise HubError("federated.answered_broken", file=self.file) from error
