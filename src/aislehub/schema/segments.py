"""Which segments each member is in, as other capabilities read it."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["CUSTOMER_SEGMENTS"]

CUSTOMER_SEGMENTS = Contract(
    "customer_segments",
    "One member in one segment at the close of business day `day`; a member may be in several and leads in one. Who "
    "objected to personalisation by then is not listed",
    (
        Column("customer", "text", "Random key of the member", person=True),
        Column("segment", "text", "Name of the segment: built in, or of `segments.own` in hub.toml"),
        Column("score", "float", "How clearly they belong: of the rule's `is high` and `is low`, the least share of "
               "members that they exceed; without any, the share of members whom the rule leaves out", "fraction",
               low=0, high=1),
        Column("leading", "bool", "Whether it is the one segment that describes them best"),
        SOURCE,
    ),
    key="day customer segment",
    derived=True,
)  # fmt: skip
