"""Approval by rule: which proposed decisions need no human, and how far the rule may go."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from aislehub.core.book import Filter
from aislehub.core.ledger import Ledger
from aislehub.core.settings import Settings, field
from aislehub.core.state import decisions, writing

__all__ = ["Approval", "approve_by_rule"]


class Approval(Settings, section="approval"):
    """What may be approved without a human. As delivered: nothing."""

    kinds: list[str] = field([], 'Kinds of decisions that the rule may approve, e.g. ["orders"]')
    max_outlay: float = field(200.0, "Largest outlay of one decision that the rule may approve, in money", ge=0)
    max_outlay_day: float = field(
        5000.0, "Largest outlay of all decisions approved by rule for one day, in money", ge=0
    )
    min_money_low: float = field(0.0, "The 5 % quantile of expected money must reach this, in money")


def approve_by_rule(ledger: Ledger, day: date, rule: Approval) -> int:
    """Approve proposed decisions of `day` within the rule's limits, the most money first; returns how many.

    What the rule approved earlier that day counts towards `max_outlay_day`, so that running a day twice
    does not spend twice. What a guard refuses stays proposed.
    """
    if not rule.kinds:
        return 0
    may = Filter(day=day, states=("proposed",), outlay_at_most=rule.max_outlay, money_low_at_least=rule.min_money_low)
    c = decisions.c
    wanted = select(c.id, c.kind, c.outlay).where(may.where(), c.kind.in_(rule.kinds)).order_by(c.money.desc(), c.id)
    why = f"outlay ≤ {rule.max_outlay:g}, money_low ≥ {rule.min_money_low:g}"
    left = rule.max_outlay_day - ledger.outlay_moved_by("rule", day)
    ids = []
    with writing(ledger.engine) as connection:
        for row in connection.execute(wanted):
            outlay = row.outlay or 0.0
            if outlay <= left and (
                row.kind not in ledger.guards or ledger.objection(ledger.get(row.id, connection)) is None
            ):
                ids.append(row.id)
                left -= outlay
        return ledger.move_within(connection, ids, ("proposed",), "approved", "rule", why)
