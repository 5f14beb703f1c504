"""Stock, goods received and the terms of supply: what replenishment starts from."""

from __future__ import annotations

from collections.abc import Sequence

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["LEAD_TIMES", "RECEIPTS", "STOCK", "STOCK_AGES", "are_weekdays"]


def are_weekdays(texts: Sequence[str]) -> list[bool]:
    """Which texts list ISO weekdays (1 = Monday) once each, in order (`135`); strings (n,) → bool (n,)."""
    return [bool(text) and set(text) <= set("1234567") and list(text) == sorted(set(text)) for text in texts]


STOCK = Contract(
    "stock",
    "Stock of an item in a store at the close of a business day",
    (
        Column("store", "text", "Store", ref="stores"),
        Column("item", "text", "Item"),
        Column("day", "date", "Business day at whose close it was counted or booked"),
        Column("on_hand", "float",
               "Units in the store that can be sold; a negative book stock is kept and reported",
               "item's unit"),
        Column("on_order", "float", "Units ordered and not yet received; empty = unknown", "item's unit",
               required=False, low=0),
        Column("counted", "bool", "True when people counted it, else it is the book stock", required=False),
        SOURCE,
    ),
    key="store item day",
    known_from="day",
)  # fmt: skip

RECEIPTS = Contract(
    "receipts",
    "One line of goods received by a store",
    (
        Column("store", "text", "Store that received it", ref="stores"),
        Column("delivery", "text", "Number of the delivery note (SSCC or the supplier's own)"),
        Column("line", "text", "Line of the delivery note"),
        Column("item", "text", "Item received"),
        Column("supplier", "text", "Supplier or warehouse it came from", required=False),
        Column("ordered", "date", "Business day it was ordered", required=False),
        Column("promised", "date", "Business day it was promised for", required=False),
        Column("received_at", "time", "Moment it could be sold"),
        Column("quantity_ordered", "float", "Units ordered", "item's unit", required=False, low=0),
        Column("quantity", "float", "Units received; negative = sent back", "item's unit"),
        Column("cost", "float", "Cost of a unit, without recoverable tax", "money per unit", required=False,
               low=0),
        Column("best_before", "date", "Last day it may be sold", required=False),
        SOURCE,
    ),
    key="store delivery line",
    known_from="received_at",
)  # fmt: skip

LEAD_TIMES = Contract(
    "lead_times",
    "Terms on which a store gets an item from the supplier that serves it now",
    (
        Column("store", "text", "Store", ref="stores"),
        Column("item", "text", "Item"),
        Column("supplier", "text", "Supplier or warehouse", required=False),
        Column("valid_from", "date", "First business day of these terms", required=False),
        Column("lead_days", "float", "Mean days from order to goods on the shelf", "days", low=0),
        Column("lead_days_sd", "float", "Standard deviation of those days; empty = 0", "days", required=False,
               low=0),
        Column("order_weekdays", "text",
               "ISO weekdays on which one may order, 1 = Monday: `135`; empty = every day", required=False,
               valid=are_weekdays),
        Column("delivery_weekdays", "text", "ISO weekdays on which goods arrive; empty = every day",
               required=False, valid=are_weekdays),
        Column("case_pack", "float", "Units in a case, orders are whole cases; empty = 1", "item's unit",
               required=False, low=0.001),
        Column("moq", "float", "Least quantity of one order line; empty = one case", "item's unit",
               required=False, low=0),
        Column("shelf_life_days", "float", "Days it can be sold after arrival; overrules items", "days",
               required=False, low=0),
        Column("shelf_capacity", "float", "Units that fit on shelf and in the back room of this store",
               "item's unit", required=False, low=0),
        Column("presentation_stock", "float", "Least units on the shelf so that it looks full; empty = 0",
               "item's unit", required=False, low=0),
        Column("order_cost", "float", "Fixed cost of one order line: picking, booking, shelving", "money",
               required=False, low=0),
        SOURCE,
    ),
    key="store item",
    known_from="valid_from",
)  # fmt: skip

STOCK_AGES = Contract(
    "stock_ages",
    "Units of an item in a store by the days they can still be sold, as deliveries and their dates tell it",
    (
        Column("store", "text", "Store"),
        Column("item", "text", "Item"),
        Column("days_left", "int", "Business days on which they can be sold, from tomorrow on", "days", low=1),
        Column("units", "float", "Units on hand at the close of the day that have so long", "item's unit", low=0),
    ),
    key="day store item days_left",
    derived=True,
)  # fmt: skip
