"""Items: what the chain sells, with its standard number, hierarchy, cost and shelf life."""

from __future__ import annotations

from collections.abc import Sequence

from stdnum import ean

from aislehub.core.contract import Column, Contract

__all__ = ["ITEMS", "is_gtin"]


def is_gtin(codes: Sequence[str]) -> list[bool]:
    """Which codes are GTIN-8, -12, -13 or -14 with a right check digit, strings (n,) → bool (n,).

    The GS1 check digit also guards a GLN. Digits only: a spreadsheet that dropped a leading zero is found.
    """
    return [code.isascii() and code.isdigit() and ean.is_valid(code) for code in codes]


ITEMS = Contract(
    "items",
    "One article (stock keeping unit) that the chain sells or sold",
    (
        Column("item", "text", "The chain's own article number, the same in every table"),
        Column("gtin", "text", "GS1 GTIN (barcode) of 8, 12, 13 or 14 digits, check digit included",
               required=False, valid=is_gtin),
        Column("name", "text", "Name on the shelf label", required=False),
        Column("department", "text", "First level of the hierarchy", required=False),
        Column("category", "text", "Second level of the hierarchy", required=False),
        Column("subcategory", "text", "Third level of the hierarchy", required=False),
        Column("brand", "text", "Brand", required=False),
        Column("private_label", "bool", "The chain's own brand", required=False),
        Column("size", "text", "Content as printed, e.g. 330 ml", required=False),
        Column("unit", "text", "What a quantity of 1 means in every table; empty = each", required=False,
               values=("each", "kg", "l", "m")),
        Column("price", "float",
               "Regular price per unit where the chain has one list; table `prices` overrules it",
               "money per unit", required=False, low=0),
        Column("cost", "float", "Purchase cost per unit, without recoverable tax", "money per unit",
               required=False, low=0),
        Column("tax_rate", "float",
               "Tax contained in price and amount, 0.13 = 13 %; 0 or empty where they are without tax",
               "fraction", required=False, low=0, high=1),
        Column("shelf_life_days", "float", "Days from delivery to the store until it may no longer be sold",
               "days", required=False, low=0),
        Column("temperature", "text", "How it must be kept", required=False,
               values=("ambient", "chilled", "frozen")),
        Column("weight_kg", "float", "Gross weight of a unit", "kg", required=False, low=0),
        Column("volume_l", "float", "Volume of a unit", "l", required=False, low=0),
        Column("is_sellable", "bool",
               "False for fuel, coupons, deposits and services: no stock, forecast or order", required=False),
        Column("listed_from", "date", "First day in the range", required=False),
        Column("delisted_from", "date", "First day out of the range", required=False),
        Column("source", "text", "Where the row came from; `simulated` where price, cost or life was made up",
               required=False),
    ),
    key="item",
    known_from="listed_from",
)  # fmt: skip
