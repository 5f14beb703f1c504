"""What was last paid for an item, by day, with nothing about who paid: the evidence that some law of prices asks for.

Only for stores where a pack of law counts from receipts (China's). The lines of sales name members; here only store,
item, day, quantity and amount are read, and a test proves that prices do not move with who bought.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ibis
import pandas as pd

from aislehub.core.contract import Column, Contract
from aislehub.core.step import step
from aislehub.law import cn, packs_of
from aislehub.price.pricing import Policy

__all__ = ["SOLD_PRICES", "sold_prices"]

_LOOK_BACK = 365  # days in which the last sale is looked for

SOLD_PRICES = Contract(
    "sold_prices",
    "Lowest price paid for a unit of an item in a store on one day, where the law counts from receipts: each of the "
    "last days with a sale, and the last one before them",
    (
        Column("store", "text", "Store"),
        Column("item", "text", "Item"),
        Column("sold_on", "date", "Business day of the sale"),
        Column("price", "float", "Lowest price paid for a unit on it, discounts off", "money per unit", low=0),
    ),
    key="day store item sold_on",
    derived=True,
)  # fmt: skip


@step(reads="sales_lines stores", writes=SOLD_PRICES)
def sold_prices(sales_lines: Any, stores: Any, *, day: date, policy: Policy) -> pd.DataFrame:
    """Lowest price paid on each of the last seven days with a sale, and on the last day with one."""
    places = stores.select("store", "country").to_pandas()
    asked = [row.store for row in places.itertuples() if "cn" in packs_of(row.country, policy.law)]
    columns = ["store", "item", "sold_on", "price"]
    if not asked:
        return pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
    lines = sales_lines.filter(
        sales_lines.store.isin(asked), sales_lines.quantity > 0, sales_lines.amount >= 0,
        sales_lines.day.between(ibis.literal(day - timedelta(days=_LOOK_BACK)), ibis.literal(day)),
    ).select("store", "item", "day", paid=sales_lines.amount / sales_lines.quantity)  # fmt: skip
    daily = lines.group_by(["store", "item", "day"]).aggregate(price=lines.paid.min())
    last = daily.group_by(["store", "item"]).mutate(last=daily.day.max())
    week = ibis.literal(day - timedelta(days=cn.DAYS - 1))
    kept = last.filter((last.day >= week) | (last.day == last.last)).rename(sold_on="day")
    return kept.select(*columns).order_by(["store", "item", "sold_on"]).to_pandas()
