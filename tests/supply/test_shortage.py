"""Shortages that no order can prevent are told with the money at risk; what is covered is not."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.text import LANGUAGES, say
from aislehub.schema import DEMAND_FORECAST
from aislehub.supply.shortage import SHORTAGE_ALERTS, Policy, shortage_alerts
from aislehub.supply.state import SUPPLY_STATE

DAY = date(2017, 12, 3)


def _found(policy: Policy | None = None, **line: Any) -> list[dict[str, Any]]:
    """Alerts of one item that sells 4 a day, costs 1, is sold at 3 and arrives 2 days after tomorrow's order."""
    state = {
        "day": DAY, "store": "1", "item": "milk", "on_hand": 100.0, "on_order": 0.0, "orderable": True,
        "lead_days": 2.0, "lead_days_sd": 0.0, "cover_days": 3.0, "case_pack": 1.0, "moq": 0.0,
        "presentation_stock": 0.0,
        "order_cost": 0.0, "price": 3.0, "cost": 1.0, "mean_sales": 4.0, "own_mean": 12.0, "variance_ratio": 1.0,
        "launch": False, "source": "facts",
    } | line  # fmt: skip
    coming = [
        {"day": DAY, "store": "1", "item": "milk", "ds": DAY + timedelta(days=n), "mean": 4.0, "low": 1.0, "high": 8.0,
         "total_mean": 4.0 * n, "total_sd": (4.0 * n) ** 0.5}
        for n in range(1, 8)
    ]  # fmt: skip
    inputs = []
    for contract, rows in ((DEMAND_FORECAST, coming), (SUPPLY_STATE, [state])):
        frame = pd.DataFrame([{column.name: row.get(column.name) for column in contract.columns} for row in rows])
        inputs.append(ibis.memtable(contract.require(pa.Table.from_pandas(frame, preserve_index=False))))
    made = shortage_alerts(*inputs, day=DAY, policy=policy or Policy())
    return SHORTAGE_ALERTS.require(pa.Table.from_pandas(made.assign(day=DAY), preserve_index=False)).to_pylist()


def test_an_empty_shelf_is_an_alert_with_the_margin_it_costs() -> None:
    """Nothing on hand for two days of 4 units at a margin of 2: 8 units missed, 16 at risk, for the planner."""
    (alert,) = _found(on_hand=0.0)
    assert (alert["cause"], alert["owner"]) == ("supply.alert_shortage", "planner")
    assert alert["money_at_risk"] == pytest.approx(16.0)
    assert json.loads(alert["facts"])["short"] == 8.0


def test_stock_or_goods_on_their_way_are_no_alert() -> None:
    """What covers the demand until the delivery raises no alert, wherever it is."""
    assert _found(on_hand=100.0) == []
    assert _found(on_hand=0.0, on_order=100.0) == []


def test_small_money_is_left_out() -> None:
    """Below the least money of the policy nobody is bothered."""
    assert _found(Policy(least_money=17.0), on_hand=0.0) == []


def test_a_negative_book_stock_goes_to_the_store() -> None:
    """A book stock below zero is the store's to count, however little money is at risk."""
    (alert,) = _found(on_hand=-3.0, on_order=100.0)
    assert (alert["cause"], alert["owner"]) == ("supply.alert_negative_stock", "store")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_alerts_read_as_sentences(lang: str) -> None:
    """Every alert fills its sentence in both languages."""
    for on_hand in (0.0, -2.0):
        (alert,) = _found(on_hand=on_hand)
        told = say(alert["cause"], lang, **json.loads(alert["facts"]))
        assert "milk" in told and "{" not in told
