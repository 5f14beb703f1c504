"""Staff: who can work where, what they can do and for how long, when they cannot, and what they were told to work."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["AVAILABILITY", "ROSTERED", "STAFF", "is_clock"]

CLOCK = re.compile(r"([01]\d|2\d|3[0-5]):[0-5]\d")


def is_clock(times: Sequence[str]) -> list[bool]:
    """Which texts are times of a day such as 08:30, strings (n,) → bool (n,); the night after may be 25:30."""
    return [CLOCK.fullmatch(time) is not None for time in times]


STAFF = Contract(
    "staff",
    "One employee under a random key",
    (
        Column("staff", "text", "Random key of the employee", person=True),
        Column("store", "text", "Store of the contract", ref="stores"),
        Column("other_stores", "text", "Further stores where they may work, separated by blanks", required=False),
        Column("skills", "text", "What they may do, separated by blanks: till bakery forklift",
               required=False),
        Column("weekly_hours", "float", "Contracted hours a week", "hours", required=False, low=0, high=168),
        Column("hourly_cost", "float", "Cost of an hour, charges included", "money per hour", required=False,
               low=0),
        Column("employed_from", "date", "First day of the contract", required=False),
        Column("employed_to", "date", "Last day of the contract, empty while it runs", required=False),
        Column("minor", "bool", "Under the age of full working time, so stricter limits hold",
               required=False),
        Column("age", "int", "Full years, told only of minors", "years", required=False, low=0, high=120),
        SOURCE,
    ),
    key="staff",
    known_from="employed_from",
)  # fmt: skip

AVAILABILITY = Contract(
    "availability",
    "A time in which an employee cannot work, or would rather work or not: of one day, or of every week",
    (
        Column("notice", "text", "Number of the notice; the same number again corrects it"),
        Column("staff", "text", "Random key of the employee", person=True),
        Column("day", "date", "The day it is about; empty = every week on `weekday`", required=False),
        Column("weekday", "int", "Monday 1 to Sunday 7; empty = on `day`, or every day", "ISO weekday",
               required=False, low=1, high=7),
        Column("begins", "text", "From this time of the day, e.g. 08:30; empty = from its start", required=False,
               valid=is_clock),
        Column("ends", "text", "Until this time of the day; empty = to its end", required=False, valid=is_clock),
        Column("kind", "text",
               "cannot: may not be given work; sick: the same, told at short notice; wanted, unwanted: a wish; "
               "void: the notice is withdrawn", values=("cannot", "sick", "wanted", "unwanted", "void")),
        Column("told_at", "time", "When it was told"),
        SOURCE,
    ),
    key="notice",
    known_from="told_at",
)  # fmt: skip

ROSTERED = Contract(
    "rostered",
    "A shift that an employee was told to work; a later row for the same person and day replaces it",
    (
        Column("staff", "text", "Random key of the employee", person=True),
        Column("day", "date", "Business day on which the shift begins"),
        Column("store", "text", "Store where it is worked", ref="stores"),
        Column("begins", "text", "Start by the store's clock, e.g. 08:30; empty = taken off the roster again",
               required=False, valid=is_clock),
        Column("ends", "text", "End by the store's clock; past midnight 24:00 and more, e.g. 25:30", required=False,
               valid=is_clock),
        Column("breaks", "text", "Unpaid breaks within it, separated by blanks, e.g. 12:00-12:30", required=False),
        Column("skill", "text", "What they are there for, one of their skills", required=False),
        Column("decision", "text", "Decision that told it", required=False),
        Column("told_at", "time", "When it was told"),
        SOURCE,
    ),
    key="staff day",
    known_from="told_at",
)  # fmt: skip
