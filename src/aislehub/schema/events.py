"""Behaviour events: what shoppers do before they buy, in the shop, on the web and in the app."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["EVENTS"]

EVENTS = Contract(
    "events",
    "One thing a shopper did",
    (
        Column("event_id", "text", "Number that the sender gives it, so that sending twice counts once"),
        Column("at", "time", "Moment it happened"),
        Column("kind", "text", "What happened",
               values=("impression", "view", "search", "click", "cart", "uncart", "purchase", "favourite",
                       "share", "scan", "enter", "leave", "coupon", "feedback")),
        Column("session", "text", "Visit it belongs to", required=False),
        Column("customer", "text", "Random key of the member, empty when not logged in", required=False,
               person=True),
        Column("store", "text", "Store or web shop", required=False),
        Column("item", "text", "Item it is about", required=False),
        Column("quantity", "float", "Units put in the cart or bought", "item's unit", required=False),
        Column("query", "text", "Words searched for", required=False),
        Column("channel", "text", "Where", required=False, values=("store", "web", "app", "message")),
        Column("decision", "text", "Decision (ledger id) that was shown, so that its effect can be measured",
               required=False),
        Column("payload", "text", "Anything more, a JSON object; no names, phone numbers or addresses",
               required=False),
        SOURCE,
    ),
    key="event_id",
    known_from="at",
)  # fmt: skip
