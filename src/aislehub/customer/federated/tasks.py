"""What may be summed: a task's numbers, the most that one may be, and how a party makes its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislehub.core.errors import HubError, did_you_mean
from aislehub.customer.federated import forecast, recommender
from aislehub.customer.federated.house import House
from aislehub.customer.federated.party import Contribution
from aislehub.customer.federated.plan import MOST_NUMBERS, Plan
from aislehub.customer.federated.triangle import triangle_length

__all__ = ["TASKS", "Task", "Workshop", "length_of"]

MOST_CLIP = 1000.0
_MEMBERS = 1e7  # of one party, for which the sums' range has room
_UNITS = 1e11  # likewise, squares and products of a party's weekly units and their logarithms
_FACTS = frozenset({"until", "history_days", "ahead_days"})


@dataclass(frozen=True)
class Task:
    """One kind of sum.

    Attributes:
        about_members: its rows are persons, so that terms and promises of privacy hold for it.
        facts: what it needs to be told beside days.
        numbers: how many it sums, from the facts.
        bound: the largest number of a party.
        sensitivity: the most, as a length, that one member can move a sum, from the facts; 0 where no person is in it.
        part: a party's part of it.
    """

    about_members: bool
    facts: frozenset[str]
    numbers: Callable[[Mapping[str, Any]], int]
    bound: float
    sensitivity: Callable[[Mapping[str, Any]], float]
    part: Callable[[House, Mapping[str, Any]], NDArray[np.float64]]


TASKS: Mapping[str, Task] = {
    "counts": Task(
        True, frozenset({"items", "clip"}), lambda facts: len(facts["items"]), _MEMBERS,
        lambda facts: float(facts["clip"]),
        lambda house, facts: recommender.counts(house, facts["items"], facts["clip"]),
    ),
    "gram": Task(
        True, frozenset({"items", "clip"}), lambda facts: triangle_length(len(facts["items"])), _MEMBERS,
        lambda facts: float(facts["clip"]) ** 2,
        lambda house, facts: recommender.gram(house, facts["items"], facts["clip"]),
    ),
    "ridge": Task(
        False, frozenset(), lambda facts: forecast.SUMS, _UNITS, lambda facts: 0.0,
        lambda house, facts: forecast.ridge_sums(house),
    ),
    "poisson": Task(
        False, frozenset({"coefficients"}), lambda facts: forecast.SUMS, _UNITS, lambda facts: 0.0,
        lambda house, facts: forecast.newton_sums(house, np.array(facts["coefficients"], dtype=float)),
    ),
}  # fmt: skip
"""By name."""


def length_of(task: str, facts: Mapping[str, Any]) -> int:
    """Numbers in a task's vector: its own, and before them the members of whom they are (0 under a promise)."""
    return 1 + _known(task).numbers(facts)


@dataclass
class Workshop:
    """A party's work: reads its rows once for each period, and makes its part of whatever is asked for.

    Attributes:
        turn: held while it works, where several parties share a machine.
    """

    read: Callable[[date, int, int], House]
    turn: AbstractContextManager[Any] = field(default_factory=nullcontext)
    houses: dict[tuple[date, int, int], House] = field(default_factory=dict)

    def about_members(self, task: str) -> bool:
        return _known(task).about_members

    def sensitivity(self, plan: Plan) -> float:
        return _known(plan.task).sensitivity(_checked(plan))

    def contribute(self, plan: Plan) -> Contribution:
        """The party's part of a plan.

        Raises:
            HubError: `federated.task`, `federated.bad_plan` for facts that do not fit the task.
        """
        with self.turn:
            task, facts = _known(plan.task), _checked(plan)
            house = self.house(facts)
            made = task.part(house, facts)
        members = house.members if task.about_members else len(house.weekly)
        told = 0 if plan.epsilon else members
        return Contribution(np.concatenate([[float(told)], made]), members)

    def house(self, facts: Mapping[str, Any]) -> House:
        """The rows of the period that the facts name."""
        period = date.fromisoformat(facts["until"]), int(facts["history_days"]), int(facts["ahead_days"])
        if period not in self.houses:
            self.houses[period] = self.read(*period)
        return self.houses[period]


def _known(task: str) -> Task:
    if task not in TASKS:
        raise HubError("federated.task", task=task, suggestion=did_you_mean(task, TASKS))
    return TASKS[task]


def _checked(plan: Plan) -> Mapping[str, Any]:
    """The facts of a plan, as far as a stranger's facts may be used."""
    facts = plan.facts
    wanted = _known(plan.task).facts | _FACTS
    try:
        items = facts.get("items", [])
        sound = (
            facts.keys() == wanted
            and 28 * 4 <= int(facts["history_days"]) <= 3660
            and 0 <= int(facts["ahead_days"]) <= 366
            and len(items) <= MOST_NUMBERS
            and all(isinstance(item, str) for item in items)
            and len({*items}) == len(items)
            and 0 < float(facts.get("clip", 1.0)) <= MOST_CLIP
            and _are_coefficients(facts.get("coefficients", []))
            and length_of(plan.task, facts) == plan.length
            and plan.bound >= _known(plan.task).bound
        )
        date.fromisoformat(facts["until"])
    except (TypeError, ValueError, AttributeError) as error:
        raise HubError("federated.bad_plan", why=f"{plan.task}: {error}") from error
    if not sound:
        raise HubError("federated.bad_plan", why=f"{plan.task}: {', '.join(sorted(facts))}")
    return facts


def _are_coefficients(told: Sequence[Any]) -> bool:
    return not told or (len(told) == forecast.FEATURES and all(math.isfinite(number) for number in told))
