"""What decisions turned out to be worth: measured by the house that made them, once their time has passed.

A capability declares `judges = {kind: function}`. The function is handed decisions whose horizon has passed and says,
for each that it can measure, what the proposed action brought over its baseline. Nobody need have carried it out: the
measurement says what it would have brought, the decision's state whether it was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from aislehub.core.ledger import Ledger
from aislehub.core.step import policy_of
from aislehub.core.tables import Tables

__all__ = ["WAIT", "Judge", "Measured", "Together", "TogetherJudge", "judge_due"]

WAIT = timedelta(days=60)
"""How long after its horizon a decision that could not be measured is looked at again: late files, long shelf lives."""


@dataclass(frozen=True)
class Measured:
    """Money of an action minus that of its baseline, over the decision's horizon, as it turned out.

    Attributes:
        money, low, high: of the proposed action; low and high hold what is not known, such as demand of a sold-out day.
        chosen: of the action that a person put in its place; None where nobody did.
        method: code of the sentence that says how it was measured.
        facts: what the sentence states.
        chance: standard error within low and high that is nobody else's: it evens out over decisions on other subjects.
            What all decisions have in common, such as a wrong belief, is not in it.
    """

    money: float
    low: float
    high: float
    chosen: float | None
    method: str
    facts: Mapping[str, Any]
    chance: float = 0.0


Judge = Callable[..., Mapping[str, Measured]]
"""(tables, decisions, *, day, today, policy) → id → Measured. `day` is that of the decisions; ids that cannot be
measured yet are left out."""


@dataclass(frozen=True)
class Together:
    """Money of one store's decisions of several days over what would have been without them, as it turned out.

    Attributes:
        days: that were lived with them.
        money, low, high: of all these days; low and high hold what is not known.
    """

    store: str
    days: int
    money: float
    low: float
    high: float


TogetherJudge = Callable[..., Sequence[Together]]
"""(tables, decisions, *, today, policy) → one a store: what decisions brought as a whole, for kinds whose single money
does not add up over days. A capability declares `together = {kind: function}`."""


def judge_due(
    ledger: Ledger, tables: Tables, judges: Mapping[str, Judge], today: date, *, home: Path | None = None
) -> dict[str, int]:
    """Measure every decision that is due and not measured yet; returns how many of each kind.

    Decisions that were carried out become `judged`.
    """
    count = {}
    for kind, judge in judges.items():
        wanted = policy_of(judge)
        policy = {} if wanted is None else {"policy": wanted.load(home)}
        waiting = ledger.unmeasured(kind, since=today - WAIT, today=today)
        measured: dict[str, Measured] = {}
        for day, decisions in groupby(waiting, key=itemgetter("day")):
            measured |= judge(tables, list(decisions), day=day, today=today, **policy)
        count[kind] = ledger.measure({id: asdict(found) for id, found in measured.items()})
    return count
