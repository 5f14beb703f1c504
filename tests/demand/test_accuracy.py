"""Forecasts beside what happened: the right forecast for the right week, at every level, with or without slices."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.demand.accuracy import Policy, forecast_accuracy
from aislehub.demand.backtest import Rehearsal
from aislehub.demand.corrections import BETWEEN
from aislehub.demand.outcomes import item_weeks, keep_rehearsal, last_sunday, rehearsed_weeks
from aislehub.demand.panel import Panel
from aislehub.schema import DEMAND_FORECAST, FORECAST_ACCURACY, ITEMS, SALES_LINES, STORES

SUNDAY = date(2024, 6, 30)
FIRST = SUNDAY - timedelta(days=7 * 20 - 1)
KINDS = {"milk": ("fresh", "dairy"), "ham": ("fresh", "meat"), "tea": ("dry", "drinks")}


def house(daily: float = 5.0, forecast: float = 4.0, weeks: int = 16) -> Tables:
    """Two stores that sell `daily` of three items every day; each Sunday forecast `forecast` a day for 28 days."""
    tables = Tables(None, {c.name: c for c in (STORES, ITEMS, SALES_LINES, DEMAND_FORECAST, FORECAST_ACCURACY)})
    days = pd.date_range(FIRST, SUNDAY)
    sales = [
        {"store": store, "receipt": f"{day:%j}", "line": item, "sold_at": day.tz_localize("UTC"), "day": day.date(),
         "item": item, "quantity": daily, "amount": 2 * daily}
        for day in days for store in "AB" for item in KINDS
    ]  # fmt: skip
    always = pd.Timestamp(FIRST, tz="UTC")
    items = [
        {"item": item, "department": top, "category": sub, "cost": 0.5, "known_at": always}
        for item, (top, sub) in KINDS.items()
    ]
    stores = [{"store": store, "region": "north", "known_at": always} for store in "AB"]
    for contract, rows in ((SALES_LINES, sales), (ITEMS, items), (STORES, stores)):
        checked = contract.check(pa.Table.from_pylist(rows))
        assert checked.rejected.num_rows == 0
        tables.append(contract.name, checked.good)
    for back in range(1, weeks + 1):
        origin = SUNDAY - timedelta(days=7 * back)
        coming = [
            {"day": origin, "store": store, "item": item, "ds": origin + timedelta(days=ahead), "mean": forecast,
             "low": 0.0, "high": 9.0, "total_mean": forecast * ahead, "total_sd": 1.0, "sold_28d": 0.0, "reasons": "[]"}
            for store in "AB" for item in KINDS for ahead in range(1, 29)
        ]  # fmt: skip
        tables.write("demand_forecast", pa.Table.from_pylist(coming, schema=DEMAND_FORECAST.schema), origin)
    return tables


def rows_of(tables: Tables, model: Path, day: date = SUNDAY) -> pd.DataFrame:
    """The step's rows, after its contract."""
    made = forecast_accuracy.run(tables, day=day, policy=Policy(weeks=20), model=model)
    return FORECAST_ACCURACY.require(made).to_pandas().set_index(["level", "store", "subject"])


def test_every_level_has_the_figures_of_its_weeks(tmp_path: Path) -> None:
    """5 sold where 4 were forecast: WAPE and bias are 20 % of sales, on every level, over the 16 weeks forecast."""
    rows = rows_of(house(), tmp_path)
    assert set(rows.index.get_level_values("level")) == {
        "chain", "department", "category", "store", "store_department", "store_category", "item_store",
    }  # fmt: skip
    np.testing.assert_allclose(rows["wape"], 0.2)
    np.testing.assert_allclose(rows["bias"], -0.2)
    assert (rows["weeks"] == 16).all()
    assert rows.loc[("chain", "", ""), ["units", "forecast"]].tolist() == [210.0, 168.0]
    assert rows.loc[("store_category", "B", "meat"), "units"] == 35.0
    assert rows.loc[("chain", "", ""), "bias_4w"] == pytest.approx(0.25)
    assert rows.loc[("chain", "", ""), "beyond_rule"] == 1.0
    assert rows.loc[("chain", "", ""), "unit_margin"] == pytest.approx(1.5)


def test_items_are_told_by_class_of_demand(tmp_path: Path) -> None:
    """Items have the class that the model found when it learnt; those it does not know are new."""
    ids = pd.Index([f"A{BETWEEN}milk", f"A{BETWEEN}tea"])
    panel = Panel(ids, pd.date_range(FIRST, SUNDAY + timedelta(days=28)), np.full((2, 140), 5.0))
    keep_rehearsal(tmp_path, panel, None)
    rows = rows_of(house(), tmp_path).loc["item_store"]
    assert rows["series"].droplevel("store").to_dict() == {"smooth": 2, "new": 4}


def test_a_week_is_compared_when_it_is_complete(tmp_path: Path) -> None:
    """On Saturday the last week told is the one that ended the Sunday before."""
    assert rows_of(house(), tmp_path, SUNDAY - timedelta(days=1))["week"].unique().tolist() == [date(2024, 6, 23)]
    assert [last_sunday(SUNDAY + timedelta(days=ahead)) for ahead in (0, 1, 6, 7)] == [
        SUNDAY, SUNDAY, SUNDAY, SUNDAY + timedelta(days=7),
    ]  # fmt: skip


def test_without_limits_no_part_is_judged(tmp_path: Path) -> None:
    """Two forecasts are no history: every state is unknown, no signal is given."""
    rows = rows_of(house(weeks=2), tmp_path)
    assert (rows["state"] == "unknown").all()
    assert rows["signal"].isna().all()


def test_before_the_first_forecast_there_is_nothing_to_compare(tmp_path: Path) -> None:
    """A house without slices and rehearsal gets an empty table, not an error."""
    assert rows_of(house(weeks=0), tmp_path).empty


def test_the_rehearsal_stands_in_where_no_forecast_was_made(tmp_path: Path) -> None:
    """On the first day the weeks are those that the model rehearsed; forecasts that were made count before them."""
    ids = pd.Index([f"A{BETWEEN}milk", f"A{BETWEEN}tea"])
    panel = Panel(ids, pd.date_range(FIRST, SUNDAY + timedelta(days=28)), np.full((2, 140), 5.0))
    keep_rehearsal(tmp_path, panel, Rehearsal(np.full((3, 2, 28), 6.0), np.full((3, 2, 28), 5.0)))
    rows = rows_of(house(weeks=0), tmp_path)
    assert rows.loc[("chain", "", ""), "weeks"] == 12
    assert rows.loc[("chain", "", ""), "bias"] == pytest.approx(0.2)
    assert rows.loc[("chain", "", ""), "sold"] == 12 * 7 * 2 * 5.0

    tables = house(weeks=1)
    sales = tables.read("sales_lines")
    sales = sales.group_by("store", "item", "day").agg(y=sales.quantity.sum())
    weeks = item_weeks(tables.read("demand_forecast"), sales, day=SUNDAY, weeks=20, model=tmp_path)
    at = weeks.series.index[(weeks.series["store"] == "A") & (weeks.series["item"] == "milk")][0]
    assert weeks.expected[at, -1, 0] == 28.0  # made on the last Sunday but one
    assert weeks.expected[at, -1, 3] == 42.0  # rehearsed four weeks before
    assert np.isnan(weeks.expected[at, -2, 0])


def test_rehearsed_weeks_of_a_part_add_up_its_items(tmp_path: Path) -> None:
    """By store and by item, the last weeks asked for; a part without items, and a model without rehearsal, has none."""
    ids = pd.Index([f"A{BETWEEN}milk", f"A{BETWEEN}tea", f"B{BETWEEN}tea"])
    panel = Panel(ids, pd.date_range(FIRST, SUNDAY + timedelta(days=28)), np.full((3, 140), 5.0))
    assert rehearsed_weeks(tmp_path, day=SUNDAY, weeks=20) == {}
    keep_rehearsal(tmp_path, panel, Rehearsal(np.full((3, 3, 28), 6.0), np.full((3, 3, 28), 5.0)))
    whole = rehearsed_weeks(tmp_path, day=SUNDAY, weeks=20)
    assert len(whole) == 12 and max(whole) == SUNDAY and set(whole.values()) == {(105.0, 126.0)}
    assert set(rehearsed_weeks(tmp_path, day=SUNDAY, weeks=4, stores=["A"]).values()) == {(70.0, 84.0)}
    one = rehearsed_weeks(tmp_path, day=SUNDAY, weeks=4, stores=["A"], items=["tea"])
    assert list(one) == [SUNDAY - timedelta(days=7 * back) for back in (3, 2, 1, 0)]
    assert set(one.values()) == {(35.0, 42.0)}
    assert rehearsed_weeks(tmp_path, day=SUNDAY, weeks=4, items=[]) == {}


def test_a_rehearsal_begun_on_any_weekday_gives_whole_weeks_only(tmp_path: Path) -> None:
    """From a Wednesday, 28 days hold three whole weeks, the first of them 11 days away."""
    last = SUNDAY - timedelta(days=4)
    panel = Panel(
        pd.Index([f"A{BETWEEN}milk"]), pd.date_range(FIRST, last + timedelta(days=28)), np.full((1, 136), 5.0)
    )
    keep_rehearsal(tmp_path, panel, Rehearsal(np.full((1, 1, 28), 6.0), np.full((1, 1, 28), 5.0)))
    tables = house(weeks=0)
    sales = tables.read("sales_lines")
    sales = sales.group_by("store", "item", "day").agg(y=sales.quantity.sum())
    weeks = item_weeks(tables.read("demand_forecast"), sales, day=SUNDAY, weeks=20, model=tmp_path)
    week, lead = np.nonzero(np.isfinite(weeks.expected[0]))
    assert [weeks.weeks[at] for at in week] == [SUNDAY - timedelta(days=7 * back) for back in (3, 2, 1)]
    assert lead.tolist() == [1, 2, 3]
