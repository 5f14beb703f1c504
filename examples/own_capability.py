"""A capability of your own: tables in, decisions out. Send back what would lie for months.

In the source tree it would be `src/aislehub/supply/send_back.py` and one line in `capabilities.py`; from then on
its decisions are in the plan, the console and the API. Here it runs a day in memory:

>>> import sys
>>> from datetime import date
>>> from pathlib import Path
>>> import pyarrow as pa
>>> from aislehub import schema
>>> from aislehub.core.day import run_day
>>> from aislehub.core.registry import collect
>>> from aislehub.core.tables import Tables
>>> house = collect([schema, sys.modules[__name__]])
>>> tables = Tables(None, house.contracts)  # None: in memory
>>> facts = {
...     "items": {"item": ["soup", "tea"], "name": ["Soup", "Tea"], "cost": [1, 2]},
...     "stock": {"store": ["S1", "S1"], "item": ["soup", "tea"], "day": ["2026-03-01"] * 2, "on_hand": [300, 20]},
...     "sales_lines": {
...         "store": ["S1", "S1"],
...         "receipt": ["1", "2"],
...         "line": ["1", "1"],
...         "item": ["soup", "tea"],
...         "day": ["2026-02-20"] * 2,
...         "sold_at": ["2026-02-20T10:00:00Z"] * 2,
...         "quantity": [8, 40],
...         "amount": [16, 160],
...     },
... }
>>> for name, columns in facts.items():
...     rows = house.contracts[name].check(pa.table(columns)).good
...     print(name, tables.append(name, rows).new)
items 2
stock 2
sales_lines 2
>>> report = run_day(tables, date(2026, 3, 1), house, folder=Path("models"))
>>> [(step.step, step.state, step.rows) for step in report.steps]
[('send_back', 'ran', 1)]
>>> tables.fetch("send_back", columns=["subject", "action", "money", "money_low", "money_high"]).to_pylist()
[{'subject': 'soup', 'action': '{"quantity": 276.0}', 'money': 107.48, 'money_low': 61.7, 'money_high': 199.04}]
"""

import json
from datetime import timedelta

import numpy as np

from aislehub.core.contract import Column, Contract
from aislehub.core.settings import Settings, field
from aislehub.core.step import step

__all__ = ["SEND_BACK", "Policy", "send_back"]

SEND_BACK = Contract(
    "send_back",
    "Units of an item that a store sends back to the supplier",
    (Column("quantity", "float", "Units to send back", "item's unit", low=0),),
    key="day store subject",
    decision=True,
)


class Policy(Settings, section="send_back"):
    """How much stock is too much."""

    weeks: float = field(12.0, "Weeks of sales above which stock is sent back", gt=0)
    holding_rate: float = field(0.25, "Yearly cost of keeping a unit, as a share of its purchase cost", ge=0)


@step(reads="stock sales_lines items", writes=SEND_BACK)
def send_back(stock, sales_lines, items, *, day, policy: Policy):
    """Stock beyond `weeks` of recent sales; its money is the holding cost until it would have sold."""
    recent = sales_lines.filter(sales_lines.day > day - timedelta(days=28))
    sold = recent.group_by("store", "item").aggregate(weekly=recent.quantity.sum() / 4)
    costs = items.select("item", "cost")
    lines = stock.filter(stock.day == day).join(sold, ["store", "item"]).join(costs, "item").to_pandas()
    lines = lines.assign(quantity=np.floor(lines["on_hand"] - policy.weeks * lines["weekly"]))
    lines = lines[lines["quantity"] > 0]

    def money(pace):
        """Holding cost saved if the item sold at `pace` times its recent rate."""
        years = (policy.weeks + lines["quantity"] / 2 / (lines["weekly"] * pace)) / 52
        return (lines["quantity"] * lines["cost"] * policy.holding_rate * years).round(2)

    return lines[["store", "quantity"]].assign(
        subject=lines["item"],
        action=[json.dumps({"quantity": quantity}) for quantity in lines["quantity"]],
        baseline=json.dumps({"name": "keep"}),
        money=money(1.0),
        money_low=money(2.0),
        money_high=money(0.5),
        horizon_days=365,
        bound="none",
    )
