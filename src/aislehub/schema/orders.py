"""Customer orders and the shipments that bring them."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["CUSTOMER_ORDERS", "SHIPMENTS"]

CUSTOMER_ORDERS = Contract(
    "customer_orders",
    "One line of a customer's order for delivery or collection",
    (
        Column("order", "text", "Order number"),
        Column("line", "text", "Line of the order"),
        Column("store", "text", "Store that fulfils it", ref="stores"),
        Column("ordered_at", "time", "Moment it was placed"),
        Column("item", "text", "Item"),
        Column("quantity", "float", "Units ordered", "item's unit", low=0),
        Column("amount", "float", "Money for the line after discounts, on the tax basis of the shelf price",
               "money", required=False, low=0),
        Column("customer", "text", "Random key of the member", required=False, person=True),
        Column("fulfilment", "text", "How it gets to the customer", required=False,
               values=("delivery", "collect")),
        Column("window_from", "time", "Start of the promised window", required=False),
        Column("window_to", "time", "End of the promised window", required=False),
        Column("latitude", "float", "WGS 84 latitude of the place of delivery, rounded to 3 decimals",
               "degrees", required=False, low=-90, high=90),
        Column("longitude", "float", "WGS 84 longitude of the place of delivery, rounded to 3 decimals",
               "degrees", required=False, low=-180, high=180),
        Column("service_minutes", "float", "Minutes at the door", "minutes", required=False, low=0),
        Column("status", "text", "State of the order", required=False,
               values=("placed", "picked", "shipped", "delivered", "cancelled", "returned")),
        SOURCE,
    ),
    key="order line",
    known_from="ordered_at",
)  # fmt: skip

SHIPMENTS = Contract(
    "shipments",
    "One stop of a tour that brings goods to stores or customers",
    (
        Column("shipment", "text", "Tour number"),
        Column("stop", "int", "Position in the tour, from 1", low=1),
        Column("day", "date", "Business day of the tour"),
        Column("depot", "text", "Store or warehouse it starts from"),
        Column("vehicle", "text", "Vehicle", required=False),
        Column("store", "text", "Store delivered to, empty for a customer's order", required=False),
        Column("order", "text", "Customer order delivered, empty for a store", required=False),
        Column("planned_at", "time", "Planned arrival", required=False),
        Column("arrived_at", "time", "Arrival, empty until it happened", required=False),
        Column("left_at", "time", "Departure from the stop", required=False),
        Column("distance_km", "float", "Distance from the stop before", "km", required=False, low=0),
        Column("load_kg", "float", "Weight dropped at the stop", "kg", required=False, low=0),
        Column("load_l", "float", "Volume dropped at the stop", "l", required=False, low=0),
        Column("cost", "float", "Cost of the leg to this stop", "money", required=False, low=0),
        Column("outcome", "text", "How it ended; cancelled = the tour was taken back before it was driven",
               required=False, values=("delivered", "partial", "failed", "refused", "cancelled")),
        Column("reason", "text", "Why it was not delivered in full", required=False,
               values=("closed", "nobody", "no_access", "damaged", "missing", "not_ordered", "vehicle", "other")),
        SOURCE,
    ),
    key="shipment stop",
    known_from="day",
)  # fmt: skip
