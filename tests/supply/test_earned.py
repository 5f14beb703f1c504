"""Money of orders that would have been made from a forecast, counted by hand on sales that are given."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.supply.base_stock import FloatArray
from aislehub.supply.earned import earned, sold_after
from aislehub.supply.replenish import Policy

DAY = date(2017, 12, 3)
LINE = {
    "store": "1", "item": "milk", "on_hand": 0.0, "on_order": 0.0, "orderable": True, "lead_days": 1.0,
    "lead_days_sd": 0.0, "cover_days": 2.0, "case_pack": 1.0, "moq": 0.0, "presentation_stock": 0.0, "order_cost": 0.0,
    "price": 3.0, "cost": 2.0, "mean_sales": 4.0, "own_mean": 8.0, "variance_ratio": 0.001, "source": "facts",
    "shelf_life_days": np.nan, "shelf_capacity": np.nan,
}  # fmt: skip
FREE = Policy(holding_rate=0.0, least_service=0.5, most_service=0.9)


def line(**more: Any) -> pd.DataFrame:
    """One line of the state of supply."""
    return pd.DataFrame([LINE | more])


def money(forecast: float, sold: FloatArray, policy: Policy = FREE, **more: Any) -> float:
    """Money over the days with the same forecast for each."""
    forecasts = [np.full((1, 28), forecast)] * (len(sold) // 7)
    return float(earned(line(**more), forecasts, sold[None, :], policy).sum())


def test_a_right_forecast_earns_the_margin_of_all_that_was_wanted() -> None:
    """4 a day are forecast and 4 a day are wanted: nothing is lost, each unit earns 1."""
    assert money(4.0, np.full(14, 4.0)) == pytest.approx(14 * 4 * 1.0)


def test_a_forecast_too_low_loses_sales() -> None:
    """With 1 a day forecast the shelf is filled up to 2, so that 2 of the 4 a day are sold."""
    assert money(1.0, np.full(14, 4.0)) == pytest.approx(14 * 2 * 1.0)


def test_a_forecast_too_high_costs_holding() -> None:
    """What lies on the shelf costs its holding; where holding is free it costs nothing."""
    sold, holding = np.full(14, 4.0), Policy(holding_rate=3.65, least_service=0.5, most_service=0.9)
    assert money(8.0, sold, holding) < money(4.0, sold, holding)
    assert money(8.0, sold) == pytest.approx(money(4.0, sold))


def test_a_forecast_too_high_wastes_what_expires() -> None:
    """Of goods that last 2 days, twice as many as are wanted end in the bin."""
    sold = np.full(14, 4.0)
    assert money(8.0, sold, shelf_life_days=2.0) < money(4.0, sold, shelf_life_days=2.0)


def test_lines_without_a_forecast_are_ordered_from_their_own_sales() -> None:
    """NaN stands for no forecast: 8 in 2 days by their own sales is 4 a day."""
    assert money(np.nan, np.full(14, 4.0)) == pytest.approx(money(4.0, np.full(14, 4.0)))


def test_a_new_forecast_counts_from_its_close_on() -> None:
    """The second week is ordered by the second forecast."""
    sold = np.concatenate([np.full(7, 4.0), np.full(7, 9.0)])[None, :]
    old, new = np.full((1, 28), 4.0), np.full((1, 28), 9.0)
    daily = earned(line(), [old, new], sold, FREE)
    assert daily[0, :7].tolist() == earned(line(), [old, old], sold, FREE)[0, :7].tolist()
    assert daily[0, 9:].tolist() == [9.0] * 5


def test_sales_are_counted_by_day_without_returns() -> None:
    """Units of the days after, of the series that are asked for; returns and other items have no part in it."""
    tables = Tables(None, registry().contracts)
    rows = [
        {"store": "1", "receipt": f"{ahead}{item}{units}", "line": "1", "item": item, "quantity": units, "amount": 1.0,
         "day": DAY + timedelta(days=ahead), "sold_at": pd.Timestamp(DAY + timedelta(days=ahead), tz="UTC")}
        for item, ahead, units in (("milk", 0, 9.0), ("milk", 1, 2.0), ("milk", 1, 3.0), ("milk", 2, -4.0),
                                   ("soap", 2, 7.0), ("milk", 4, 8.0))
    ]  # fmt: skip
    tables.append("sales_lines", tables.contract("sales_lines").check(pa.Table.from_pylist(rows)).good)
    series = pd.MultiIndex.from_tuples([("1", "tea"), ("1", "milk")], names=["store", "item"])
    assert sold_after(tables, series, DAY, 3).tolist() == [[0, 0, 0], [5, 0, 0]]
