"""Alerts: what a person should look at today, one row per cause; each capability that finds some has its own table."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract

__all__ = ["OWNERS", "alert_table"]

OWNERS = ("planner", "store", "it", "marketer")
"""Roles that alerts are for."""


def alert_table(name: str, help: str) -> Contract:
    """The contract of one capability's alerts: cause, store, subject, owner, money_at_risk, facts, source.

    The step that writes it gives each day the causes that hold at its close, one row a cause, store and subject.

    Args:
        name: the table's name; one step writes it.
        help: what a row is, one English sentence.
    """
    owner = Column("owner", "text", "Role that can mend it", values=OWNERS)
    return Contract(name, help, (owner,), key="day cause store subject", alert=True)
