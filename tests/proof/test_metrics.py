"""Metrics of experiments: what is counted by store and day from several tables."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest

from aislehub.proof.metrics import METRICS, Sources, daily_figures
from aislehub.schema import EVENTS, FOOTFALL, ITEMS, RECEIPTS, SALES_LINES, STOCK

DAY = date(2024, 5, 7)


def table(contract: Any, rows: list[dict[str, Any]]) -> Any:
    """Rows as a step gets them."""
    if not rows:
        return ibis.memtable(contract.empty())
    checked = contract.check(pa.Table.from_pylist(rows))
    assert not checked.rejected.num_rows, checked.rejected.to_pylist()
    return ibis.memtable(checked.good)


def sources(closes: dict[int, float]) -> Sources:
    """A store that sells 3 a day at 5.00, cost 2.00, and gets 4 on DAY; `closes` are stocks by days after DAY."""
    noon = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
    lines = [
        {"store": "1", "receipt": str(n), "line": "1", "item": "milk", "day": DAY + timedelta(days=n),
         "sold_at": noon + timedelta(days=n), "quantity": 3.0, "amount": 15.0}
        for n in range(2)
    ]  # fmt: skip
    stock = [
        {"store": "1", "item": "milk", "day": DAY + timedelta(days=n), "on_hand": units} for n, units in closes.items()
    ]
    came = {"store": "1", "delivery": "d", "line": "1", "item": "milk", "received_at": noon, "quantity": 4.0}
    return Sources(
        table(SALES_LINES, lines), table(ITEMS, [{"item": "milk", "cost": 2.0}]), table(FOOTFALL, []),
        table(EVENTS, []), table(STOCK, stock), table(RECEIPTS, [came]),
    )  # fmt: skip


def kept(closes: dict[int, float]) -> list[float]:
    """Margin after shrink of DAY and the day after."""
    found = daily_figures(sources(closes), "store", [METRICS["margin_after_shrink"]], DAY, DAY + timedelta(days=1))
    rows = found.order_by("day").to_pyarrow().to_pylist()
    return [row["kept"] for row in rows]


def test_shrink_is_what_stock_and_deliveries_do_not_explain() -> None:
    """10 + 4 − 3 sold should leave 11; 9 are there, so 2 at cost are lost. The next day all is there."""
    assert kept({-1: 10.0, 0: 9.0, 1: 6.0}) == pytest.approx([9.0 - 2 * 2.0, 9.0])


def test_units_that_turn_up_again_are_given_back() -> None:
    """A correction of a wrong count takes the loss back, so that errors of counting do not add up."""
    assert sum(kept({-1: 10.0, 0: 9.0, 1: 8.0})) == pytest.approx(18.0)


def test_without_a_close_before_no_shrink_is_told() -> None:
    """A day whose stock, or whose day before, is unknown counts its margin only."""
    assert kept({0: 9.0}) == pytest.approx([9.0, 9.0])
