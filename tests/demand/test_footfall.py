"""Footfall: visitors or receipts by store, day and hour, on tables in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.errors import HubError
from aislehub.core.tables import Tables
from aislehub.demand.footfall import footfall_forecast, hour_shares, learn_footfall
from aislehub.demand.footfall_counts import Counts, Policy, read_counts
from aislehub.schema import (
    CALENDAR,
    FOOTFALL,
    FOOTFALL_FORECAST,
    ITEMS,
    PROMOTIONS,
    SALES_LINES,
    STORES,
    WEATHER,
)

FIRST, DAY = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-03-25")  # Berlin's clocks change on 31 March
BROKEN = DAY - pd.Timedelta(days=5)
ZONE = "Europe/Berlin"
POLICY = Policy(horizon_days=14)
BUSY = {"door": (9, 20), "till": (9, 20), "small": (9, 20), "night": (0, 24)}  # opens, shuts
READS = ("sales_lines", "items", "footfall", "stores", "promotions", "calendar", "weather")


def moments(random: np.random.Generator, day: pd.Timestamp, store: str, people: int) -> pd.DatetimeIndex:
    """Arrivals on a day: twice as many after noon as before, by the clock of the store."""
    opens, shuts = BUSY[store]
    hours = np.arange(opens, shuts)
    weight = np.where(hours >= 12, 2.0, 1.0)
    hour = random.choice(hours, people, p=weight / weight.sum())
    local = day + pd.to_timedelta(hour * 3600 + random.integers(0, 3600, people), unit="s")
    return pd.DatetimeIndex(local).tz_localize(ZONE, nonexistent="shift_forward", ambiguous=True).tz_convert("UTC")


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Four stores in Berlin time: one with counted doors, one with tills only, a small one, one open all night."""
    random = np.random.default_rng(0)
    contracts = (STORES, ITEMS, SALES_LINES, FOOTFALL, PROMOTIONS, CALENDAR, WEATHER, FOOTFALL_FORECAST)
    tables = Tables(None, {contract.name: contract for contract in contracts}, ZONE)
    sales, visits = [], []
    for day in pd.date_range(FIRST, DAY):
        weekend = 2 if day.dayofweek >= 5 else 1
        for store, mean in (("door", 40), ("till", 60), ("small", 1.5), ("night", 96)):
            bought = moments(random, day, store, random.poisson(mean * weekend))
            sales += [
                {"store": store, "receipt": f"{day:%j}-{at}", "line": "milk", "sold_at": moment, "day": day.date(),
                 "item": "milk", "quantity": 1.0, "amount": 8.0} for at, moment in enumerate(bought)
            ]  # fmt: skip
            if store == "door":
                came = moments(random, day, store, 0 if day == BROKEN else random.poisson(160 * weekend))
                slots = pd.Series(1.0, index=came).resample("30min").sum()
                visits += [
                    {"store": store, "zone": "entrance", "at": at, "minutes": 30.0, "day": day.date(), "visitors": n}
                    for at, n in (slots if len(slots) else pd.Series({bought[0].floor("h"): 0.0})).items()
                ]
    stores = [{"store": store, "timezone": ZONE} for store in BUSY]
    for contract, rows in ((STORES, stores), (SALES_LINES, sales), (FOOTFALL, visits)):
        checked = contract.check(pa.Table.from_pylist(rows))
        assert checked.rejected.num_rows == 0
        tables.append(contract.name, checked.good)
    return tables


@pytest.fixture(scope="module")
def counts(tables: Tables) -> Counts:
    """What is read at the close of the day."""
    read = [tables.read(name, as_of=DAY.date()) for name in READS]
    return read_counts(*read, day=DAY.date(), policy=POLICY, timezone=ZONE)


@pytest.fixture(scope="module")
def rows(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The forecast of the coming two weeks, within its contract."""
    folder = tmp_path_factory.mktemp("footfall")
    learn_footfall.run(tables, day=DAY.date(), policy=POLICY, folder=folder)
    made = footfall_forecast.run(tables, day=DAY.date(), policy=POLICY, model=folder)
    checked = FOOTFALL_FORECAST.check(made)
    assert checked.rejected.num_rows == 0
    return made.to_pandas()


def test_hours_add_up_to_the_day(rows: pd.DataFrame) -> None:
    """Every store has every coming day, and its hours sum to the day's total."""
    days = rows.groupby(["store", "ds"]).agg(hours=("mean", "sum"), day=("day_mean", "first"))
    assert len(days) == len(BUSY) * POLICY.horizon_days
    np.testing.assert_allclose(days["hours"], days["day"], rtol=1e-9)
    assert (rows["low"] <= rows["high"]).all()
    assert rows["ds"].min() == DAY.date() + timedelta(days=1)


def test_visitors_where_counted_and_receipts_elsewhere(rows: pd.DataFrame) -> None:
    """A counted door gives visitors and a conversion; a store without one gives receipts, says so, has none."""
    door, others = rows[rows["store"] == "door"], rows[rows["store"] != "door"]
    assert set(door["counted"]) == {"visitors"}
    assert set(others["counted"]) == {"receipts"}
    assert door["conversion"].between(0.22, 0.28).all()
    assert others["conversion"].isna().all()
    np.testing.assert_allclose(rows["basket"], 8.0)
    weekday = door[door["ds"].map(lambda day: day.weekday() < 5)]
    assert 130 < weekday.groupby("ds")["mean"].sum().mean() < 190


def test_a_broken_counter_is_not_an_empty_store(counts: Counts) -> None:
    """A day with fewer visitors than half its receipts is unknown."""
    at = counts.panel.periods.get_loc(BROKEN)
    assert np.isnan(counts.panel.y[counts.panel.ids.get_loc("door"), at])


def test_shut_hours_have_no_row(rows: pd.DataFrame) -> None:
    """Nobody is expected while a store is shut; the one open all night is expected to be."""
    open_ = rows.groupby("store")["hour"].agg(["min", "max"])
    assert tuple(open_.loc["door"]) == (9, 19)
    assert tuple(open_.loc["till"]) == (9, 19)
    assert tuple(open_.loc["night"]) == (0, 23)


def test_hours_are_those_of_the_stores_clock(rows: pd.DataFrame) -> None:
    """Afternoon hours are twice as busy as morning hours, also in summer time; a spring night lacks the hour."""
    till = rows[(rows["store"] == "till") & (rows["ds"] > date(2024, 4, 1))]
    by_hour = till.groupby("hour")["mean"].mean()
    assert 1.6 < by_hour.loc[13:].mean() / by_hour.loc[:11].mean() < 2.4
    night = rows[(rows["store"] == "night") & (rows["ds"] == date(2024, 3, 31))]
    assert 2 not in set(night["hour"])
    assert len(night) == 23


def test_an_autumn_night_has_the_hour_twice(counts: Counts) -> None:
    """Where the clock repeats an hour, that hour of the clock holds two, and twice the people."""
    clock = counts.clock.copy()
    night, at = counts.panel.ids.get_loc("night"), -3
    usual = hour_shares(counts, counts.panel.y.shape[1])[night, at]
    clock[night, at, 2] = 2
    longer = hour_shares(replace(counts, clock=clock), counts.panel.y.shape[1])[night, at]
    np.testing.assert_allclose(longer[2] / longer[3], 2 * usual[2] / usual[3])
    assert longer.sum() == pytest.approx(1)


def test_small_stores_lean_on_all_stores(counts: Counts) -> None:
    """Of forty stores alike with few receipts, each one's hours are nearer to the truth than its own receipts are."""
    random = np.random.default_rng(3)
    planted = np.where(np.arange(24) >= 12, 2.0, 1.0) * ((np.arange(24) >= 9) & (np.arange(24) < 20))
    planted /= planted.sum()
    hourly = random.poisson(planted, (40, counts.panel.y.shape[1], 24)).astype(float)
    alike = replace(
        counts, hourly=hourly, clock=np.repeat(counts.clock[:1], 40, axis=0), special=np.zeros((40, 99), dtype=bool)
    )
    share = hour_shares(alike, hourly.shape[1])[:, -1]
    own = hourly.sum(axis=1) / hourly.sum(axis=(1, 2))[:, None]
    assert np.abs(share - planted).sum() < 0.6 * np.abs(own - planted).sum()


def test_days_and_hours_fall_within_their_bands(rows: pd.DataFrame) -> None:
    """Outcomes drawn from what made the history lie in the 80 % bands of days and hours about as often as said."""
    random = np.random.default_rng(1)
    till = rows[rows["store"] == "till"]
    inside_day, inside_hour = [], []
    for _repeat in range(50):
        for ds, hours in till.groupby("ds"):
            came = random.poisson(60 * (2 if ds.weekday() >= 5 else 1))
            weight = np.where(hours["hour"] >= 12, 2.0, 1.0)
            by_hour = random.multinomial(came, weight / weight.sum())
            inside_day.append(hours["day_low"].iloc[0] <= came <= hours["day_high"].iloc[0])
            inside_hour += ((by_hour >= hours["low"]) & (by_hour <= hours["high"])).tolist()
    assert 0.68 < np.mean(inside_day) < 0.92
    assert 0.74 < np.mean(inside_hour) < 0.92


def test_nothing_counted_says_so(tables: Tables) -> None:
    """Before the first receipt there is nothing to forecast, and the day is named."""
    early = FIRST.date() - timedelta(days=1)
    with pytest.raises(HubError) as refused:
        learn_footfall.run(tables, day=early, policy=POLICY, folder=Path())
    assert refused.value.code == "footfall.nothing"
