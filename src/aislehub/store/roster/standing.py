"""What stands beside a roster: shifts of its people in other stores and weeks, told, approved or proposed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from aislehub.core.book import Filter
from aislehub.core.decision import carried_out
from aislehub.store.roster.duty import Duty, duties_of

__all__ = ["KIND", "STANDS", "beside"]

KIND = "rosters"
STANDS = ("proposed", "approved", "overridden", "sent", "failed", "done", "judged")
"""States of a roster that nobody has refused or let pass."""
WEEK = timedelta(days=6)


def beside(
    told: Iterable[tuple[str, Duty]], find: Callable[[Filter], list[dict[str, Any]]], store: str, monday: date
) -> list[tuple[str, Duty]]:
    """Store and shift, as they will be when all that stands is told, without those of the roster's own store and week.

    The newest roster of a store and week replaces what was told for its days. Of rosters that are only proposed those
    of the same week count: two that contradict each other are not to be approved together.

    Args:
        told: store and shift.
        find: filter → decisions of the ledger.
    """
    week = (monday, monday + WEEK)
    found = [(where, duty) for where, duty in told if where != store or not week[0] <= duty.day <= week[1]]
    for apart in (-7, 0, 7):
        subject = (monday + timedelta(days=apart)).isoformat()
        for head in _newest(find(Filter(kind=KIND, states=STANDS, subject=subject))):
            action = carried_out(head)
            own = head["store"] == store and apart == 0
            if own or action.get("cancel") or (head["state"] == "proposed" and apart):
                continue
            since = max(date.fromisoformat(subject), head["day"] + timedelta(days=1))
            until = date.fromisoformat(subject) + WEEK
            found = [pair for pair in found if pair[0] != head["store"] or not since <= pair[1].day <= until]
            found += [(head["store"], duty) for duty in duties_of(action)]
    return found


def _newest(decisions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The newest decision of each store among those of one week."""
    named = list(decisions)
    replaced = {decision["compensates"] for decision in named}
    heads: dict[str, Mapping[str, Any]] = {}
    for decision in sorted(named, key=lambda one: (one["day"], bool(one["compensates"]))):
        if decision["id"] not in replaced:
            heads[decision["store"]] = decision
    return list(heads.values())
