"""Sales lines: what was sold, when, where, for how much."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["SALES_LINES"]

SALES_LINES = Contract(
    "sales_lines",
    "One line of a till receipt or web order; a return is a line with a negative quantity and amount",
    (
        Column("store", "text", "Store that sold it", ref="stores"),
        Column("receipt", "text", "Receipt number, unique in the store; of a daily total: the day"),
        Column("line", "text",
               "Line of the receipt; where the till gives none, the item, with a count if it repeats"),
        Column("sold_at", "time", "Moment of sale; of a daily total: the close of the day"),
        Column("day", "date", "Business day in the store's time zone"),
        Column("item", "text", "Item sold"),
        Column("customer", "text", "Random key of the member who bought, empty when unknown", required=False,
               person=True),
        Column("quantity", "float", "Units sold, kg for goods sold by weight; negative = returned",
               "item's unit"),
        Column("amount", "float",
               "Money taken after all discounts, on the tax basis of the shelf price; negative = paid back",
               "money"),
        Column("discount", "float",
               "Money taken off the shelf price of the line: shelf value − discount = amount", "money",
               required=False),
        Column("coupon", "float",
               "Part of the amount paid with manufacturers' coupons, which their issuers refund to the chain",
               "money", required=False, low=0),
        Column("price", "float", "Shelf price of a unit at that moment, before discounts", "money per unit",
               required=False, low=0),
        Column("promotion", "text", "Promotion or coupon that was applied", required=False),
        Column("channel", "text", "How it was sold; empty = store", required=False,
               values=("store", "web", "app", "delivery", "wholesale")),
        SOURCE,
    ),
    key="store receipt line",
    known_from="sold_at",
)  # fmt: skip
