"""Totals of the day: what the store-items' forecasts add up to, on tables in memory."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.demand.daily import Policy, demand_forecast, learn_demand
from aislehub.demand.totals import demand_totals
from aislehub.schema import (
    CALENDAR,
    DEMAND_FORECAST,
    DEMAND_TOTALS,
    ITEMS,
    PRICES,
    PROMOTIONS,
    SALES_LINES,
    STOCK,
    STORES,
)

FIRST, DAY = date(2024, 1, 1), date(2024, 6, 28)
RANGE = {"milk": "dairy", "cheese": "dairy", "tea": "dry"}


@pytest.fixture(scope="module", params=[False, True], ids=["bottom up", "asked to reconcile"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecasts of the store-items and of their sums, of three stores in two regions."""
    random = np.random.default_rng(0)
    contracts = (STORES, ITEMS, SALES_LINES, PROMOTIONS, PRICES, CALENDAR, STOCK, DEMAND_FORECAST, DEMAND_TOTALS)
    tables = Tables(None, {contract.name: contract for contract in contracts})
    stores = [{"store": store, "region": region} for store, region in (("A", "north"), ("B", "north"), ("C", "south"))]
    items = [{"item": item, "department": group, "category": f"{group} 1"} for item, group in RANGE.items()]
    sales = [
        {"store": store, "receipt": f"{day:%j}", "line": item, "sold_at": day.tz_localize("UTC"), "day": day.date(),
         "item": item, "quantity": float(1 + random.poisson(5 + day.dayofweek)), "amount": 1.0}
        for day in pd.date_range(FIRST, DAY) for store in "ABC" for item in RANGE
    ]  # fmt: skip
    for contract, rows in ((STORES, stores), (ITEMS, items), (SALES_LINES, sales)):
        checked = contract.check(pa.Table.from_pylist(rows))
        assert checked.rejected.num_rows == 0
        tables.append(contract.name, checked.good)
    folder = tmp_path_factory.mktemp("model")
    policy = Policy(horizon_days=14, reconcile=request.param)
    learn_demand.run(tables, day=DAY, policy=policy, folder=folder)
    parts = demand_forecast.run(tables, day=DAY, policy=policy, model=folder)
    tables.write("demand_forecast", parts, DAY)
    sums = demand_totals.run(tables, day=DAY, policy=None, model=folder)
    assert DEMAND_TOTALS.check(sums).rejected.num_rows == 0
    return parts.to_pandas(), sums.to_pandas()


def test_every_level_is_the_sum_of_its_parts(made: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Items of a store, stores of a region, regions of the chain: each total is its parts', day by day."""
    parts, sums = made
    total = parts.groupby("ds")["mean"].sum()
    for level in ("total", "region", "store", "department", "category", "store/department", "item"):
        found = sums[sums["level"] == level].groupby("ds")["mean"].sum()
        np.testing.assert_allclose(found, total, rtol=1e-9)
    one = sums[sums["key"] == "store=B"].set_index("ds")["mean"]
    np.testing.assert_allclose(one, parts[parts["store"] == "B"].groupby("ds")["mean"].sum(), rtol=1e-9)


def test_rows_say_what_they_sum(made: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """A row names its level, its labels and how many store-items it sums; what it runs over is empty."""
    _parts, sums = made
    row = sums[(sums["key"] == "store/department=C/dairy") & (sums["ds"] == DAY + timedelta(days=1))].iloc[0]
    assert (row["level"], row["store"], row["department"], row["series"]) == ("store/department", "C", "dairy", 2)
    assert row["item"] is None and row["region"] is None
    assert row["low"] < row["mean"] < row["high"]


def test_bands_of_sums_are_narrower_than_sums_of_bands(made: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Errors of items partly cancel: the chain's band is not the sum of its items' bands."""
    parts, sums = made
    chain = sums[sums["level"] == "total"]
    width = (chain["high"] - chain["low"]).mean()
    assert width < 0.8 * (parts["high"] - parts["low"]).groupby(parts["ds"]).sum().mean()


def test_a_model_folder_carries_both(tmp_path: Path) -> None:
    """An empty folder is no model: the step fails rather than invent bands."""
    with pytest.raises(FileNotFoundError):
        demand_totals.run(Tables(None, {c.name: c for c in (DEMAND_FORECAST, ITEMS, STORES, DEMAND_TOTALS)}), day=DAY,
                          policy=None, model=tmp_path)  # fmt: skip
