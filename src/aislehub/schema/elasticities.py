"""Elasticities: how demand answers to an item's own price and to the prices beside it."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract

__all__ = ["CROSS_ELASTICITIES", "PRICE_ELASTICITIES"]

PRICE_ELASTICITIES = Contract(
    "price_elasticities",
    "How demand for one item answers to its own price in the whole chain, as learned by the close of business day "
    "`day`: −2 = 1 % dearer sells 2 % less",
    (
        Column("item", "text", "Item"),
        Column("category", "text", "Its category", required=False),
        Column("department", "text", "Its department", required=False),
        Column("elasticity", "float", "Own-price elasticity, drawn to its category's as far as its own data are thin",
               "% units per % price"),
        Column("low", "float", "5 % quantile of it", "% units per % price"),
        Column("high", "float", "95 % quantile of it", "% units per % price"),
        Column("identified", "bool", "Whether the item's own data can tell it; otherwise the value is that of `level`"),
        Column(
            "level",
            "text",
            "Whose data carry the value: the item's own, those of its category, department or the chain, or, where no "
            "price of the chain can tell, what has been published for shops elsewhere",
            values=("item", "category", "department", "chain", "published"),
        ),
        Column(
            "reason",
            "text",
            "Why the item's own data cannot tell; empty where they can",
            required=False,
            values=("one_price", "few_changes", "only_promoted", "few_rows", "few_units"),
        ),
        Column("own", "float", "What the item's own data say alone; empty where they cannot tell",
               "% units per % price", required=False),
        Column("own_sd", "float", "Standard error of that, robust to what a store and a week share",
               "% units per % price", required=False, low=0),
        Column("weight", "float", "Share of the value that the item's own data have decided", "fraction", low=0,
               high=1),
        Column("rows", "int", "Weeks of stores that it was learned from", "store-weeks", low=0),
        Column("price_changes", "int", "Weeks in which its price changed somewhere without a promotion beginning or "
               "ending", "weeks", low=0),
        Column("price_source", "text", "Where its prices came from: lists known ahead, or what receipts of other "
               "stores show; empty where none was read", required=False, values=("list", "observed")),
        Column("method", "text", "How it was estimated"),
        Column("source", "text", "Where the facts came from; says `simulated` when any of them was", required=False),
    ),
    key="day item",
    derived=True,
)  # fmt: skip

CROSS_ELASTICITIES = Contract(
    "cross_elasticities",
    "How demand for `item` answers to the price of `other`, a neighbour in its category, as learned by the close of "
    "business day `day`: 0.3 = `other` 1 % dearer sells 0.3 % more of `item`",
    (
        Column("item", "text", "Item whose demand moves"),
        Column("other", "text", "Item of the same category whose price moves"),
        Column("category", "text", "The category of both", required=False),
        Column("elasticity", "float", "Cross-price elasticity, drawn to the category's mean; above 0 = substitutes",
               "% units per % price"),
        Column("low", "float", "5 % quantile of it", "% units per % price"),
        Column("high", "float", "95 % quantile of it", "% units per % price"),
        Column("identified", "bool", "Whether the two prices moved apart often enough to tell; otherwise the value is "
               "the category's"),
        Column("weight", "float", "Share of the value that the pair's own data have decided", "fraction", low=0,
               high=1),
        Column("rows", "int", "Weeks of stores in which both were on sale", "store-weeks", low=0),
        Column("source", "text", "Where the facts came from; says `simulated` when any of them was", required=False),
    ),
    key="day item other",
    derived=True,
)  # fmt: skip
