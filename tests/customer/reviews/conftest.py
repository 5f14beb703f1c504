"""A small house with simulated reviews, read."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.customer.reviews.daily import Policy, review_aspects
from aislehub.data.sources.simulated.reviews import SimulatedReviews

DAY = date(2017, 12, 3)
ITEMS = [f"i{nth:02}" for nth in range(24)]


def table(tables: Tables, name: str, rows: list[dict[str, object]]) -> None:
    """Append rows that keep the contract."""
    checked = tables.contract(name).check(pa.Table.from_pylist(rows))
    assert checked.rejected.num_rows == 0
    tables.append(name, checked.good)


@pytest.fixture(scope="session")
def house() -> Tables:
    """24 items, the first sold most; the first 3 have planted faults, the third of them earns next to nothing."""
    tables = Tables(None, registry().contracts, "UTC")
    at = datetime(2017, 11, 20, 12, tzinfo=UTC)
    table(tables, "stores", [{"store": "s"}])
    table(tables, "items", [{"item": item} for item in ITEMS])
    table(tables, "sales_lines", [
        {"store": "s", "receipt": str(n), "line": item, "sold_at": at, "day": at.date(), "item": item, "quantity": 1.0,
         "amount": 1.0} for nth, item in enumerate(ITEMS) for n in range(40 - nth)
    ])  # fmt: skip
    state = {"store": "s", "on_hand": 1.0, "on_order": 0.0, "orderable": True, "lead_days": 1.0,
             "lead_days_sd": 0.0, "cover_days": 2.0, "case_pack": 1.0, "moq": 0.0, "presentation_stock": 0.0,
             "order_cost": 0.0, "price": 2.0, "cost": 1.0, "own_mean": 1.0, "variance_ratio": 1.0, "source": "facts",
             "day": DAY}  # fmt: skip
    rows = [{**state, "item": item, "mean_sales": 0.01 if item == "i02" else 5.0} for item in ITEMS]
    contract = tables.contract("supply_state")
    tables.write("supply_state", contract.require(contract.check(pa.Table.from_pylist(rows)).good), DAY)
    for name, rows_of in SimulatedReviews(tables).rows():
        tables.append(name, rows_of)
    read = review_aspects.run(tables, day=DAY, policy=Policy())
    tables.write("review_aspects", tables.contract("review_aspects").require(read), DAY)
    return tables
