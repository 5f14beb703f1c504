"""Demand forecasts: what replenishment, rosters and prices start from."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract

__all__ = ["DEMAND_FORECAST", "DEMAND_TOTALS", "FORECAST_ACCURACY"]

DEMAND_FORECAST = Contract(
    "demand_forecast",
    "Demand expected for one item in one store on one coming day, as seen at the close of business day `day`",
    (
        Column("store", "text", "Store"),
        Column("item", "text", "Item"),
        Column("ds", "date", "The coming business day, after `day`"),
        Column("mean", "float", "Expected units of that day", "item's unit", low=0),
        Column("low", "float", "10 % quantile of that day's units", "item's unit", low=0),
        Column("high", "float", "90 % quantile of that day's units", "item's unit", low=0),
        Column(
            "total_mean", "float", "Expected units from the day after `day` up to and with `ds`", "item's unit", low=0
        ),
        Column(
            "total_sd",
            "float",
            "Standard deviation of that total, measured on the errors of past totals (daily errors partly cancel)",
            "item's unit",
            low=0,
        ),
        Column("sold_28d", "float", "Units sold in the 28 days up to `day`", "item's unit", required=False),
        Column(
            "reasons", "text", "JSON list of reasons: what the forecast of the first day is made of", required=False
        ),
    ),
    key="day store item ds",
    derived=True,
)

FORECAST_ACCURACY = Contract(
    "forecast_accuracy",
    "How the forecasts of one part of the chain compare with what was sold, as seen at the close of `day`",
    (
        Column(
            "level",
            "text",
            "What is added up: the chain, a region, department, category, store, a store's department or category; "
            "`item_store` = single items of single stores, by class of demand",
            values=(
                "chain", "region", "department", "category", "store", "store_department", "store_category",
                "item_store",
            ),
        ),
        Column("store", "text", "Store; empty = all", required=False),
        Column("subject", "text", "Region, department or category; of `item_store` the class of demand; empty = all",
               required=False),
        Column("week", "date", "Sunday that ends the last complete week"),
        Column("weeks", "int", "Weeks with a forecast and an outcome", "weeks", low=0),
        Column("series", "int", "Store-items in it", "store-items", low=0),
        Column("units", "float", "Units sold in the last week", "item's unit", required=False),
        Column("forecast", "float", "Units forecast for it before it began", "item's unit", required=False, low=0),
        Column("low", "float", "5 % quantile of the week's sales, from past errors and what the rest did",
               "item's unit", required=False, low=0),
        Column("high", "float", "95 % quantile of the week's sales", "item's unit", required=False, low=0),
        Column("sold", "float", "Units sold in all these weeks", "item's unit", required=False, low=0),
        Column("wape", "float", "Absolute weekly errors over units sold, all weeks", "fraction", required=False,
               low=0),
        Column("rmsse", "float", "Root mean squared weekly error over that of repeating last week", "ratio",
               required=False, low=0),
        Column("bias", "float", "Sum of weekly errors over units sold; above 0 = forecast too high", "fraction",
               required=False),
        Column("coverage", "float", "Share of weeks whose sales lay between the 5 % and 95 % quantiles", "fraction",
               required=False, low=0, high=1),
        Column("beyond_rule", "float", "Share of the earlier weeks off by more than the plain rule's percentage",
               "fraction", required=False, low=0, high=1),
        Column("bias_4w", "float", "Units sold over forecast in the last 4 weeks, less 1", "fraction",
               required=False),
        Column("bias_beyond_rule", "float", "Share of the earlier spans of 4 weeks that were off by more than that",
               "fraction", required=False, low=0, high=1),
        Column("signal", "float", "Tracking signal: deviation over its limit; beyond 1 or −1 is beyond chance",
               "ratio", required=False),
        Column("span", "int", "Weeks over which the signal is strongest", "weeks", required=False, low=1),
        Column("span_units", "float", "Units sold in them", "item's unit", required=False),
        Column("span_forecast", "float", "Units forecast for them before they began", "item's unit",
               required=False, low=0),
        Column("span_limit", "float", "Deviation that is still chance over them, as a share of what was expected",
               "fraction", required=False, low=0),
        Column("rest", "float", "Deviation that past errors and the rest of the chain lead one to expect", "fraction",
               required=False),
        Column("unit_margin", "float", "Contribution of a unit; where costs are unknown the policy's share of sales",
               "money per unit", required=False, low=0),
        Column(
            "state",
            "text",
            "quiet; `cause` = beyond its limit, and no other part explains it; `explained` = beyond, but a part above "
            "or below it says why; `unknown` = too little history or too few units",
            values=("quiet", "cause", "explained", "unknown"),
        ),
    ),
    key="day level store subject",
    derived=True,
)  # fmt: skip

DEMAND_TOTALS = Contract(
    "demand_totals",
    "Demand expected for a department, category, store, region, item or the chain on one coming day: exactly what the "
    "rows of `demand_forecast` of that day add up to",
    (
        Column("level", "text", "What is summed: total, region, store, department, category, store/department or item"),
        Column("key", "text", "Which sum of that level, e.g. `store=367`"),
        Column("region", "text", "Region, empty when the sum runs over regions", required=False),
        Column("store", "text", "Store, empty when the sum runs over stores", required=False),
        Column("department", "text", "Department, empty when the sum runs over departments", required=False),
        Column("category", "text", "Category, empty when the sum runs over categories", required=False),
        Column("item", "text", "Item, empty when the sum runs over items", required=False),
        Column("series", "int", "Store-items in the sum", "store-items", low=1),
        Column("ds", "date", "The coming business day, after `day`"),
        Column("mean", "float", "Expected units of that day", "items' units", low=0),
        Column("low", "float", "10 % quantile of that day's units, measured on the errors of past sums",
               "items' units", low=0),
        Column("high", "float", "90 % quantile of that day's units, measured on the errors of past sums",
               "items' units", low=0),
    ),
    key="day key ds",
    derived=True,
)  # fmt: skip
