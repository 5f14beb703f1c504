"""Staff: who can work where, what they can do and for how long."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["STAFF"]

STAFF = Contract(
    "staff",
    "One employee under a random key",
    (
        Column("staff", "text", "Random key of the employee", person=True),
        Column("store", "text", "Store of the contract", ref="stores"),
        Column("skills", "text", "What they may do, separated by blanks: till bakery forklift",
               required=False),
        Column("weekly_hours", "float", "Contracted hours a week", "hours", required=False, low=0, high=168),
        Column("hourly_cost", "float", "Cost of an hour, charges included", "money per hour", required=False,
               low=0),
        Column("employed_from", "date", "First day of the contract", required=False),
        Column("employed_to", "date", "Last day of the contract, empty while it runs", required=False),
        Column("minor", "bool", "Under the age of full working time, so stricter limits hold",
               required=False),
        SOURCE,
    ),
    key="staff",
    known_from="employed_from",
)  # fmt: skip
