"""Consents: what each member agreed or objected to, purpose by purpose, as a history that is never overwritten."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["CONSENTS", "PURPOSES"]

PURPOSES = ("personalisation", "messages", "analysis")
"""What data of a member may be used for: choosing what they are shown, writing to them, learning from many members."""

CONSENTS = Contract(
    "consents",
    "A member's word on one purpose; the latest one holds",
    (
        Column("customer", "text", "Random key of the member", person=True),
        Column("purpose", "text",
               "What for: personalisation = choose what this member is shown; messages = write to them; "
               "analysis = learn from them together with others", values=PURPOSES),
        Column("granted", "bool", "Agreed, or false: objected or withdrawn"),
        Column("at", "time", "When they said so"),
        Column("how", "text", "Where they said so, e.g. app, till, letter", required=False),
        Column("notice", "text", "Version of the notice that they were shown", required=False),
        SOURCE,
    ),
    key="customer purpose at",
    known_from="at",
)  # fmt: skip
