"""Demand forecasts: what replenishment, rosters and prices start from."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract

__all__ = ["DEMAND_FORECAST"]

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
