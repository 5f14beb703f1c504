"""A training: the rounds that make a recommender and two forecasts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.customer.federated import forecast, recommender
from aislehub.customer.federated.budget import calibrated
from aislehub.customer.federated.hall import Hall
from aislehub.customer.federated.learned import Learned
from aislehub.customer.federated.plan import Plan, least_threshold, new_plan
from aislehub.customer.federated.record import record_of
from aislehub.customer.federated.rounds import Summed, secure_sum
from aislehub.customer.federated.tasks import TASKS, length_of

__all__ = ["COUNTS_NOISE", "Course", "train"]

_ATTEMPTS = 3
COUNTS_NOISE = 3.0  # of the counts, relative to the Gram matrix: which items are the head is soon clear
_NEWTON_STEPS = 8
_SMALL = 1e-9  # ridge of the forecasts: a feature that never varies does not stop them
UNIT = "one member's purchases at one party"


@dataclass(frozen=True)
class Course:
    """What is to be learned.

    Attributes:
        items: the catalogue that all parties share.
        until, history_days, ahead_days: what is learned from, and the days after it by which parties judge it.
        head: items that the recommender knows, the most bought.
        clip: length of a member's longest row; 5 = as of 25 items.
        ridge: λ of the recommender, in members.
        epsilon, delta: promise to members; 0 = secure sums without noise.
        colluders: parties that may tell the coordinator their noise.
        threshold: fewest parties of a sum; 0 = two thirds and one.
        seconds: that a party may take for an answer.
    """

    items: Sequence[str]
    until: date
    history_days: int = 364
    ahead_days: int = 0
    head: int = 1000
    clip: float = 1000.0
    ridge: float = 100.0
    epsilon: float = 0.0
    delta: float = 1e-5
    colluders: int = 0
    threshold: int = 0
    seconds: float = 120.0


async def train(
    hall: Hall, course: Course, progress: Callable[[Summed], None] = lambda done: None
) -> tuple[Learned, list[Summed]]:
    """Run all rounds with the parties that are there, and send everybody what was learned.

    Raises:
        HubError: `federated.too_few` when a round fails three times, `federated.sizes` and `federated.implausible` when
            a sum cannot be one of honest parts, `federated.no_solution` when no model comes of it,
            `federated.nothing_sold` where no item is left for a recommender.
    """
    period = {
        "until": course.until.isoformat(), "history_days": course.history_days, "ahead_days": course.ahead_days
    }  # fmt: skip
    noise: Sequence[float] = (0.0, 0.0)
    if course.epsilon:
        noise = calibrated(course.epsilon, course.delta, (COUNTS_NOISE, 1.0)).multipliers
    sums: list[Summed] = []

    async def add_up(task: str, facts: Mapping[str, Any], multiplier: float = 0.0) -> NDArray[np.float64]:
        done = await _add_up(hall, course, task, {**facts, **period}, multiplier)
        sums.append(done)
        progress(done)
        return done.values[1:]

    bought = await add_up("counts", {"items": [*course.items], "clip": course.clip}, noise[0])
    head = recommender.head(course.items, bought, course.head)
    if not head:
        raise HubError("federated.nothing_sold", items=len(course.items))
    half = await add_up("gram", {"items": head, "clip": course.clip}, noise[1])
    sigma, members = sums[-1].noise(), sums[-1].members
    ridge = _solved("ridge", await add_up("ridge", {}))
    newton: list[float] = []
    for _ in range(_NEWTON_STEPS):
        newton = _solved("poisson", await add_up("poisson", {"coefficients": newton})).tolist()
    coefficients = {"ridge": ridge, "poisson": np.array(newton)}
    card = _card(course, sums[:2], len(head), members, sigma)
    record = record_of(sums, hall.wire())
    learned = Learned(head, half, course.ridge, sigma, coefficients, card, record).usable()
    await hall.tell_all(learned.message(), course.seconds)
    return learned, sums


async def _add_up(hall: Hall, course: Course, task: str, facts: Mapping[str, Any], multiplier: float) -> Summed:
    """One sum; a round that fails is tried again with those who are there then."""
    for attempt in range(1, _ATTEMPTS + 1):
        plan = _plan(hall.identity.parties, course, task, facts, multiplier)
        try:
            done = await secure_sum(hall, plan, course.seconds)
        except HubError as error:
            if error.code != "federated.too_few" or attempt == _ATTEMPTS:
                raise
            hall.tell("federated.again", {"task": task, "why": str(error)})
            await hall.wait(plan.threshold, course.seconds)
        else:
            break
    _doubt(done)
    return done


def _plan(parties: Sequence[str], course: Course, task: str, facts: Mapping[str, Any], multiplier: float) -> Plan:
    kind = TASKS[task]
    return new_plan(
        task, facts, length_of(task, facts), kind.bound, parties,
        threshold=course.threshold or least_threshold(len(parties)), sigma=multiplier * kind.sensitivity(facts),
        colluders=course.colluders, epsilon=course.epsilon if multiplier else 0.0,
        delta=course.delta if multiplier else 0.0,
    )  # fmt: skip


def _doubt(done: Summed) -> None:
    """Refuse what a sum of honest parts cannot be; of a sum, nobody can say who is to blame.

    Raises:
        HubError: `federated.sizes`, `federated.implausible`.
    """
    if done.plan.sigma:  # noise may do the same
        return
    slack = len(done.parties) * 2.0**-done.plan.bits
    if abs(done.values[0] - done.members) > slack:
        raise HubError("federated.sizes", task=done.plan.task, said=done.members, summed=float(done.values[0]))
    numbers = done.values[1:]
    if TASKS[done.plan.task].about_members and not -slack <= numbers.min() <= numbers.max() <= done.members + slack:
        raise HubError("federated.implausible", task=done.plan.task, members=done.members)


def _solved(task: str, sums: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        return forecast.solve(sums, _SMALL)
    except np.linalg.LinAlgError as error:
        raise HubError("federated.no_solution", task=task) from error


def _card(course: Course, sums: Sequence[Summed], head: int, members: int, sigma: float) -> dict[str, Any]:
    parties = [*sums[-1].parties]
    promise = {"epsilon": course.epsilon, "delta": course.delta, "unit": UNIT, "sigma": sigma}
    return {
        "until": course.until.isoformat(), "history_days": course.history_days, "head": head, "clip": course.clip,
        "ridge": course.ridge, "parties": parties, "threshold": sums[-1].plan.threshold,
    } | (promise if course.epsilon else {"epsilon": None, "members": members})  # fmt: skip
