"""Staffing by quarter of an hour and skill, on tables in memory."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.schema import DEMAND_TOTALS, FOOTFALL_FORECAST
from aislehub.store.queueing import share_within
from aislehub.store.staffing import STAFFING, Policy, in_quarters, laid_out, staffing

DAY = date(2026, 3, 2)


def forecast(
    store: str, ahead: int, hours: dict[int, float], counted: str = "visitors", **more: Any
) -> list[dict[str, Any]]:
    """Rows of one store and coming day."""
    total = sum(hours.values())
    return [
        {"store": store, "ds": DAY + timedelta(days=ahead), "hour": hour, "counted": counted, "mean": mean, "low": mean,
         "high": mean, "day_mean": total, "day_low": total, "day_high": total, "day": DAY, **more}
        for hour, mean in hours.items()
    ]  # fmt: skip


def counted(policy: Policy, footfall: list[dict[str, Any]], units: dict[str, float] | None = None) -> pd.DataFrame:
    """What the step writes, checked by its contract."""
    tables = Tables(None, {contract.name: contract for contract in (FOOTFALL_FORECAST, DEMAND_TOTALS, STAFFING)})
    totals = [
        {"level": "store", "key": f"store={store}", "store": store, "series": 1, "ds": DAY + timedelta(days=1),
         "mean": mean, "low": mean, "high": mean, "day": DAY}
        for store, mean in (units or {}).items()
    ]  # fmt: skip
    for contract, rows in ((FOOTFALL_FORECAST, footfall), (DEMAND_TOTALS, totals)):
        if rows:
            tables.write(contract.name, contract.check(pa.Table.from_pylist(rows)).good, DAY)
    made = staffing.run(tables, day=DAY, policy=policy)
    checked = STAFFING.check(made)
    assert checked.rejected.num_rows == 0
    return checked.good.to_pandas()


def test_quarters_add_up_to_their_hours() -> None:
    """Four quarters make their hour, none is negative, shut hours have nobody; a rise shows inside an hour."""
    hours = np.zeros((2, 24))
    hours[0, 8:20] = [4, 10, 30, 60, 80, 40, 20, 20, 50, 90, 60, 8]
    hours[1, 23] = 5
    quarters = in_quarters(hours)
    assert quarters.reshape(2, 24, 4).sum(axis=2) == pytest.approx(hours)
    assert quarters.min() == 0 and quarters[0, :32].sum() == 0
    assert (np.diff(quarters[0, 40:44]) > 0).all()


def test_tills_keep_the_promise_with_the_fewest_people() -> None:
    """In every quarter the promised share waits no longer than promised, and with one person fewer it would."""
    policy = Policy(till_seconds=90, till_wait=60, till_share=0.8)
    made = counted(policy, forecast("a", 1, {9: 40, 10: 120, 11: 300}, conversion=0.5))
    tills = made[made["skill"] == "till"]
    assert tills["arrivals"].sum() == pytest.approx(230)  # half of the visitors buy
    load = tills["load"].to_numpy()
    assert load == pytest.approx(tills["arrivals"].to_numpy() / 10)
    assert (tills["served"] >= 0.8).all()
    assert (share_within(load, tills["staff"].to_numpy() - 1, 90.0, 60.0) < 0.8).all()
    assert tills["quarter"].tolist() == list(range(36, 48))


def test_receipts_are_customers_where_no_door_is_counted() -> None:
    """Then everybody buys, and nobody is taken off by a conversion."""
    made = counted(Policy(ask_least=0), forecast("a", 1, {9: 40}, "receipts"))
    assert made.loc[made["skill"] == "till", "arrivals"].sum() == pytest.approx(40)
    assert made.loc[made["skill"] == "floor", "arrivals"].sum() == pytest.approx(4)


def test_a_little_advice_takes_nobody_of_its_own() -> None:
    """Below the least load whoever is there gives it; above, people are counted so that the promise is kept."""
    made = counted(Policy(), forecast("a", 1, {9: 12, 12: 12, 13: 200, 14: 12}))
    floor = made[made["skill"] == "floor"]
    assert (floor["load"] >= 0.1).all() and (floor["served"] >= 0.8).all() and floor["quarter"].min() >= 48
    assert made[made["skill"] == "till"].groupby("quarter").size().index.tolist() == [*range(36, 40), *range(48, 60)]


def test_a_sample_is_scaled_and_an_empty_hour_is_shut() -> None:
    """A tenth of the customers stands for ten times as many; an hour with almost nobody has no staff."""
    small, whole = forecast("a", 1, {9: 20, 22: 0.02}), forecast("a", 1, {9: 200})
    scaled = counted(Policy(data_share=0.1), small, {"a": 10.0})
    pd.testing.assert_frame_equal(scaled, counted(Policy(), whole, {"a": 100.0}))


def test_shelves_are_filled_from_opening_on() -> None:
    """The day's units take their time, in whole people, as even as can be, only while the store is open."""
    footfall = forecast("a", 1, {9: 10, 10: 10}, "receipts") + forecast("b", 1, {9: 10}, "receipts")
    made = counted(Policy(shelf_seconds=9.0), footfall, {"a": 950.0})
    shelf = made[made["skill"] == "shelf"]
    assert set(shelf["store"]) == {"a"}  # for the other one nothing is forecast
    assert shelf["staff"].tolist() == [2, 2, 1, 1, 1, 1, 1, 1]  # 9.5 quarters of work in 8 that are open
    assert shelf["load"].sum() == pytest.approx(9.5)
    assert shelf["served"].isna().all() and shelf["wait_seconds"].isna().all()


def test_work_finds_no_place_on_a_closed_day() -> None:
    """People are counted in open quarters only."""
    open_ = np.zeros((2, 96), dtype=bool)
    open_[0, [40, 41, 50]] = True
    assert laid_out(np.array([7.0, 3.0]), open_)[:, [40, 41, 50, 51]].tolist() == [[3, 2, 2, 0], [0, 0, 0, 0]]


def test_only_the_days_ahead_that_are_asked_for() -> None:
    """The horizon ends the table; without a forecast it is empty."""
    footfall = [row for ahead in (1, 2, 3) for row in forecast("a", ahead, {9: 10.0})]
    assert set(counted(Policy(horizon_days=2), footfall)["ds"]) == {DAY + timedelta(days=ahead) for ahead in (1, 2)}
    assert counted(Policy(), []).empty
