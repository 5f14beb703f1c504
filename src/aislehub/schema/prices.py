"""Prices, promotions and what competitors ask: known when announced, valid later."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["COMPETITOR_PRICES", "PRICES", "PROMOTIONS"]

PRICES = Contract(
    "prices",
    "One shelf price of an item in a store from a day on; `known_at` is its announcement",
    (
        Column("store", "text", "Store where it holds", ref="stores"),
        Column("item", "text", "Item"),
        Column("kind", "text", "Which price", values=("regular", "sale", "member", "clearance")),
        Column("valid_from", "date", "First business day on which it holds"),
        Column("valid_to", "date", "Last business day; empty = until the next price of that kind",
               required=False),
        Column("price", "float", "Price of a unit, tax included where shelf labels include it",
               "money per unit", low=0),
        Column("source", "text", "Where the row came from: `price list`, `observed` on receipts, `simulated`",
               required=False),
    ),
    key="store item kind valid_from",
    known_from="valid_from",
)  # fmt: skip

PROMOTIONS = Contract(
    "promotions",
    "One item in one promotion of a store; `known_at` is its announcement",
    (
        Column("store", "text", "Store", ref="stores"),
        Column("item", "text", "Item promoted"),
        Column("promotion", "text", "The chain's number of the promotion"),
        Column("starts", "date", "First business day"),
        Column("ends", "date", "Last business day"),
        Column("mechanic", "text", "What the customer gets: price cut, 2 for 1, coupon, none (shown only) …",
               required=False),
        Column("discount", "float", "Share taken off the regular price, 0.2 = 20 %", "fraction",
               required=False, low=0, high=1),
        Column("display", "text", "Second placement in the store, empty = none", required=False),
        Column("mailer", "text", "Place in the leaflet or app, empty = none", required=False),
        SOURCE,
    ),
    key="store item promotion starts",
    known_from="starts",
)  # fmt: skip

COMPETITOR_PRICES = Contract(
    "competitor_prices",
    "One price of a competitor as it was seen",
    (
        Column("competitor", "text", "Competitor"),
        Column("item", "text", "The chain's own item that it is compared with"),
        Column("seen_at", "time", "Moment it was seen"),
        Column("price", "float", "Price of the chain's own unit, after converting sizes", "money per unit",
               low=0),
        Column("kind", "text", "Which price", required=False,
               values=("regular", "sale", "member", "clearance")),
        Column("region", "text", "Region where it holds, empty = everywhere", required=False),
        Column("url", "text", "Page it was read from", required=False),
        SOURCE,
    ),
    key="competitor item seen_at",
    known_from="seen_at",
)  # fmt: skip
