"""Stock cover answers from the last close and what was sold since."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.contract import Contract
from aislehub.core.desk import Desk
from aislehub.core.errors import HubError
from aislehub.core.inbox import Inbox
from aislehub.core.tables import Tables
from aislehub.schema import DEMAND_FORECAST
from aislehub.supply.cover import stock_cover
from aislehub.supply.state import SUPPLY_STATE

DAY = date(2017, 12, 3)


def _write(tables: Tables, contract: Contract, rows: list[dict[str, object]]) -> None:
    full = pd.DataFrame([{column.name: row.get(column.name) for column in contract.columns} for row in rows])
    tables.write(contract.name, pa.Table.from_pandas(full, preserve_index=False), DAY)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk over one item: 10 on hand, 4 sold a day."""
    tables = Tables(None, {contract.name: contract for contract in (DEMAND_FORECAST, SUPPLY_STATE)})
    state = {
        "day": DAY, "store": "1", "item": "milk", "on_hand": 10.0, "on_order": 6.0, "orderable": True, "lead_days": 2.0,
        "lead_days_sd": 0.0, "cover_days": 3.0, "case_pack": 1.0, "moq": 0.0, "presentation_stock": 0.0,
        "order_cost": 0.0, "price": 3.0, "cost": 1.0, "mean_sales": 4.0, "own_mean": 12.0, "variance_ratio": 1.0,
        "source": "facts",
    }  # fmt: skip
    _write(tables, SUPPLY_STATE, [state])
    days = [{"day": DAY, "store": "1", "item": "milk", "ds": DAY + timedelta(days=n), "mean": 4.0, "low": 1.0,
             "high": 8.0, "total_mean": 4.0 * n, "total_sd": 2.0} for n in range(1, 8)]  # fmt: skip
    _write(tables, DEMAND_FORECAST, list(days))
    return Desk(tables, {stock_cover.name: stock_cover}, Inbox(tmp_path / "inbox.db"))


def _event(number: int, **more: object) -> dict[str, object]:
    sale = {"at": "2017-12-04T09:00:00Z", "kind": "purchase", "store": "1", "item": "milk"}
    return {"event_id": str(number), **sale, **more}


def test_cover_is_the_days_of_forecast_that_the_stock_serves(desk: Desk) -> None:
    """10 on hand serve two whole days of 4."""
    found = desk.ask("stock_cover", {"store": "1", "item": "milk"})
    assert (found["on_hand"], found["days"], found["on_order"]) == (10.0, 2, 6.0)


def test_a_sale_posted_now_changes_the_next_answer(desk: Desk) -> None:
    """A purchase event lowers stock and cover at once; an event of another item or kind does not."""
    desk.ask("stock_cover", {"store": "1", "item": "milk"})
    desk.inbox.add([_event(1, quantity=7.0), _event(2, item="soap"), _event(3, kind="view")])
    found = desk.ask("stock_cover", {"store": "1", "item": "milk"})
    assert (found["on_hand"], found["sold_live"], found["days"]) == (3.0, 7.0, 0)


def test_an_item_outside_the_range_is_refused(desk: Desk) -> None:
    """An unknown store or item is an error that names both."""
    with pytest.raises(HubError) as error:
        desk.ask("stock_cover", {"store": "9", "item": "milk"})
    assert error.value.code == "supply.not_in_range"
    assert "9" in str(error.value)
