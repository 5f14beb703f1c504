"""Rows of a chain of two stores and three items with known elasticities, and the step of pricing on them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from aislehub.core.contract import Contract
from aislehub.price import pricing
from aislehub.price.sold import SOLD_PRICES
from aislehub.schema import COMPETITOR_PRICES, DEMAND_FORECAST, ITEMS, PRICES, PROMOTIONS, RECEIPTS, STOCK_AGES, STORES
from aislehub.schema.elasticities import CROSS_ELASTICITIES, PRICE_ELASTICITIES
from aislehub.supply.ages import stock_ages
from aislehub.supply.state import SUPPLY_STATE

DAY = date(2026, 3, 1)
CONTRACTS = {
    contract.name: contract
    for contract in (
        SUPPLY_STATE, DEMAND_FORECAST, PRICE_ELASTICITIES, CROSS_ELASTICITIES, PRICES, PROMOTIONS, COMPETITOR_PRICES,
        ITEMS, STORES, RECEIPTS, STOCK_AGES, SOLD_PRICES,
    )
}  # fmt: skip
ITEM_NAMES = ("bread", "milk", "soap")


def ago(days: int) -> date:
    """The day so many days before `DAY`."""
    return DAY - timedelta(days=days)


def state(store: str = "1", item: str = "milk", **given: Any) -> dict[str, Any]:
    """A row of `supply_state`: 200 on hand, 10 a day, cost 1.00."""
    return {
        "day": DAY, "store": store, "item": item, "on_hand": 200.0, "on_order": 0.0, "orderable": True,
        "lead_days": 2.0, "lead_days_sd": 0.0, "cover_days": 7.0, "case_pack": 1.0, "moq": 0.0,
        "presentation_stock": 0.0, "order_cost": 0.0, "price": 2.0, "cost": 1.0, "mean_sales": 10.0, "own_mean": 70.0,
        "variance_ratio": 1.2, "source": "facts",
    } | given  # fmt: skip


def learned(item: str = "milk", elasticity: float = -3.0, width: float = 0.5, **given: Any) -> dict[str, Any]:
    """A row of `price_elasticities`."""
    return {
        "day": DAY, "item": item, "elasticity": elasticity, "low": elasticity - width, "high": elasticity + width,
        "identified": True, "level": "item", "weight": 0.9, "rows": 500, "price_changes": 40, "price_source": "list",
        "method": "test",
    } | given  # fmt: skip


def asked(store: str = "1", item: str = "milk", price: float = 2.0, **given: Any) -> dict[str, Any]:
    """A row of `prices`: regular for a year."""
    row = {"store": store, "item": item, "kind": "regular", "valid_from": ago(365), "price": price}
    return row | given


def delivered(quantity: float, best_before: date | None, store: str = "1", item: str = "milk", **given: Any) -> Any:
    """A row of `receipts`."""
    arrived = given.pop("arrived", ago(2))
    return {
        "store": store, "delivery": str(arrived), "line": f"{item}-{best_before}", "item": item, "quantity": quantity,
        "received_at": datetime.combine(arrived, time(6), UTC), "best_before": best_before,
    } | given  # fmt: skip


def table(contract: Contract, rows: list[dict[str, Any]]) -> Any:
    """Rows as a step gets them: every promised column, lazily."""
    if not rows:
        return ibis.memtable(contract.empty())
    checked = contract.check(pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))
    assert not checked.rejected.num_rows, checked.rejected.to_pylist()
    return ibis.memtable(checked.good)


def priced(policy: pricing.Policy | None = None, currency: str = "USD", **given: list[dict[str, Any]]) -> pd.DataFrame:
    """The step `price_changes` on given rows; what is not given is one store of milk in the United States."""
    facts: dict[str, list[dict[str, Any]]] = {
        "supply_state": [state()], "price_elasticities": [learned()], "prices": [asked()],
        "items": [{"item": name} for name in ITEM_NAMES], "stores": [{"store": s, "country": "US"} for s in ("1", "2")],
    } | given  # fmt: skip
    delivered_goods = [table(CONTRACTS[name], facts.get(name, [])) for name in stock_ages.reads]
    facts["stock_ages"] = stock_ages(*delivered_goods, day=DAY).assign(day=DAY).to_dict("records")
    inputs = [table(CONTRACTS[name], facts.get(name, [])) for name in pricing.price_changes.reads]
    frame = pricing.price_changes(*inputs, day=DAY, policy=policy or pricing.Policy(), currency=currency)
    rows = pa.Table.from_pandas(frame.assign(day=DAY), preserve_index=False) if len(frame) else None
    if rows is not None:
        pricing.PRICE_CHANGES.require(rows)
    return frame
