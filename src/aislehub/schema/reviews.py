"""Reviews: what customers write about items and stores."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["REVIEWS"]

REVIEWS = Contract(
    "reviews",
    "One review, complaint or chat message with an opinion",
    (
        Column("review", "text", "Number of the review"),
        Column("at", "time", "Moment it was written"),
        Column("text", "text", "Its words"),
        Column("rating", "float", "Stars, 1 worst to 5 best", "stars", required=False, low=1, high=5),
        Column("item", "text", "Item it is about", required=False),
        Column("store", "text", "Store it is about", required=False),
        Column("customer", "text", "Random key of the member", required=False, person=True),
        Column("language", "text", "Language, e.g. zh or en", required=False),
        Column("channel", "text", "Where it was written", required=False),
        SOURCE,
    ),
    key="review",
    known_from="at",
)  # fmt: skip
