"""Forecasts close after close: learnt at the first, never from what was not known yet."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.errors import HubError
from aislehub.core.tables import Tables
from aislehub.demand.daily import Policy
from aislehub.demand.rolling import rolling
from aislehub.schema import CALENDAR, DEMAND_FORECAST, ITEMS, PRICES, PROMOTIONS, SALES_LINES, STOCK, STORES

FIRST, CLOSE = date(2024, 1, 1), date(2024, 4, 28)
WEEK = timedelta(days=7)


def house(last: date) -> Tables:
    """A store with two items that sell 3 a day, and 9 a day from the Monday after the close on."""
    tables = Tables(
        None, {c.name: c for c in (STORES, ITEMS, SALES_LINES, PROMOTIONS, PRICES, CALENDAR, STOCK, DEMAND_FORECAST)}
    )
    days = [day.date() for day in pd.date_range(FIRST, last)]
    rows = pd.DataFrame(
        [
            {"store": "A", "receipt": str(day), "line": item, "item": item, "day": day, "amount": 1.0,
             "sold_at": pd.Timestamp(day, tz="UTC"), "quantity": 3.0 if day <= CLOSE else 9.0}
            for day in days for item in ("milk", "tea")
        ]
    )  # fmt: skip
    tables.append("sales_lines", SALES_LINES.check(pa.Table.from_pandas(rows, preserve_index=False)).good)
    return tables


def test_each_close_knows_what_was_known_then() -> None:
    """The jump after the first close is in no forecast of it, and is in that of the third week after."""
    closes = [CLOSE, CLOSE + 3 * WEEK]
    first, later = rolling(house(CLOSE + 3 * WEEK), closes, ["mean28"], Policy(horizon_days=14))
    assert list(first.series) == [("A", "milk"), ("A", "tea")]
    assert first.means["mean28"] == pytest.approx(np.full((2, 14), 3.0))
    assert later.means["mean28"] == pytest.approx(np.full((2, 14), (7 * 3 + 21 * 9) / 28))


def test_what_happens_later_changes_nothing() -> None:
    """The same closes on tables that go on for longer: the same forecasts, of all models."""
    models, policy = ["mean28", "seasonal_mean"], Policy(horizon_days=14)
    (short,) = rolling(house(CLOSE), [CLOSE], models, policy)
    (long,) = rolling(house(CLOSE + 3 * WEEK), [CLOSE], models, policy)
    for model in models:
        assert short.means[model].tolist() == long.means[model].tolist()


def test_an_unknown_model_is_refused_before_anything_is_learnt() -> None:
    """A misspelt candidate is told at once, without a look at the tables, though it comes last."""
    with pytest.raises(HubError) as refused:
        next(rolling(Tables(None, {}), [CLOSE], ["mean28", "bosted"], Policy()))
    assert refused.value.code == "demand.model"
