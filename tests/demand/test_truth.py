"""Demand behind sales: planted stock-outs, bulk purchases and closures, with the truth known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from aislehub.demand.truth import cap_bulk, closed_days, credible, uncensor

Array = NDArray[np.float64]
WEEK = np.array([0.8, 0.8, 0.9, 1.0, 1.2, 1.4, 0.9])


def shelf(demand: Array, seed: int) -> tuple[Array, NDArray[np.bool_]]:
    """Sales and empty shelves of stores that fill up every 2 to 6 days, on average to less than they sell till then."""
    random = np.random.default_rng(seed)
    every = random.integers(2, 7, len(demand))
    full = np.ceil(demand.mean(axis=1) * every * random.uniform(0.6, 1.2, len(demand)))
    stock = np.zeros(len(demand))
    sales, empty = np.zeros_like(demand), np.zeros(demand.shape, dtype=bool)
    for day in range(demand.shape[1]):
        stock = np.where(day % every == 0, full, stock)
        sales[:, day] = np.minimum(demand[:, day], stock)
        stock = stock - sales[:, day]
        empty[:, day] = stock <= 0
    return sales, empty


def simulated(dispersion: float, series: int = 150, days: int = 365) -> Array:
    """Simulated demand with a season and a week, variance = dispersion × mean."""
    random = np.random.default_rng(0)
    day = np.arange(days)
    mean = random.lognormal(1, 1, series)[:, None] * (1 + 0.3 * np.sin(day / 58)) * WEEK[day % 7]
    return random.negative_binomial(mean / (dispersion - 1), 1 / dispersion).astype(float)


def bias(of: Array, truth: Array) -> float:
    """Mean demand taken from sales over the true one, − 1; unknown days count in no mean."""
    return float(np.nanmean(of, axis=1).sum() / truth.mean(axis=1).sum() - 1)


@pytest.mark.parametrize("dispersion", [1.02, 2.0, 4.0])
def test_most_of_the_bias_of_stockouts_goes(dispersion: float) -> None:
    """With a quarter of the days sold out, at least 85 % of the bias of the mean is removed, from Poisson to wild."""
    demand = simulated(dispersion)
    sales, empty = shelf(demand, seed=1)
    assert empty.mean() > 0.2
    naive = bias(sales, demand)
    assert naive < -0.15
    assert abs(bias(uncensor(sales, empty), demand)) < 0.15 * abs(naive)


def test_most_of_the_bias_goes_on_real_demand(data_folder: Path) -> None:
    """Real M5 series behind a simulated shelf: at least 70 % of the bias goes, more than by leaving days out."""
    table = pd.read_parquet(data_folder / "m5_tiny" / "m5_tiny.parquet")
    wide = table.pivot(index=["item_id", "store_id"], columns="date", values="value").to_numpy(float)[:, -730:]
    demand = wide[wide.mean(axis=1) > 0.3]
    sales, empty = shelf(demand, seed=1)
    naive, found = bias(sales, demand), bias(uncensor(sales, empty), demand)
    assert naive < -0.2
    assert abs(found) < 0.3 * abs(naive)
    assert abs(found) < 0.4 * abs(bias(np.where(empty, np.nan, sales), demand))


def test_a_promotion_that_sold_out_keeps_its_lift() -> None:
    """Days of threefold demand that all sold out early are told apart from usual days, and do not raise those."""
    random = np.random.default_rng(0)
    promoted = np.tile(np.arange(280) % 28 < 7, (40, 1))
    demand = random.poisson(6.0 * np.where(promoted, 3.0, 1.0)).astype(float)
    sold_out = promoted & (random.random(demand.shape) < 0.5)
    sales = np.where(sold_out, np.minimum(demand, 10), demand)
    sold_out &= demand >= 10
    found = uncensor(sales, sold_out, promoted)
    assert sales[promoted].mean() < 0.8 * demand[promoted].mean()
    assert found[promoted].mean() == pytest.approx(demand[promoted].mean(), rel=0.03)
    np.testing.assert_array_equal(found[~promoted], demand[~promoted])


def test_a_day_that_sold_nothing_from_an_empty_shelf_is_unknown() -> None:
    """It is NaN, and so part of no mean; a series that never ran out is bit for bit what it was."""
    sales = np.array([[3, 0, 0, 2], [0.1, 0.2, 0.0, 0.7]], dtype=np.float32)
    empty = np.array([[False, True, False, False], [False] * 4])
    found = uncensor(sales, empty)
    np.testing.assert_array_equal(found, np.array([[3, np.nan, 0, 2], sales[1]], dtype=np.float32))
    assert found.dtype == sales.dtype


def test_every_day_sold_out_stays_finite() -> None:
    """A series that sells out daily has no upper bound in its data; its estimate stays near what it sold."""
    sales = np.full((1, 200), 5.0)
    found = uncensor(sales, np.ones((1, 200), dtype=bool))
    assert (found >= 5).all()
    assert found.mean() < 15


@st.composite
def shelves(draw: st.DrawFn) -> tuple[Array, NDArray[np.bool_]]:
    """A few series of anything from nothing to much, whole or not, some days unknown, some sold out."""
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 90)))
    y = random.poisson(random.lognormal(0, 2, (shape[0], 1)), shape) * draw(st.sampled_from([1.0, 0.37]))
    y[random.random(shape) < 0.1] = np.nan
    return y, random.random(shape) < draw(st.sampled_from([0.0, 0.2, 0.9]))


@given(shelves())
def test_demand_is_never_below_sales(case: tuple[Array, NDArray[np.bool_]]) -> None:
    """Never lower, never infinite, only days that sold out change, whole stays whole."""
    y, empty = case
    found = uncensor(y, empty)
    other = ~empty
    np.testing.assert_array_equal(found[other], y[other])
    known = ~np.isnan(found)
    assert np.isfinite(found[known]).all()
    assert (found[known] >= y[known]).all()
    np.testing.assert_array_equal(known, ~np.isnan(y) & ~(empty & (y == 0)))
    whole = (np.nan_to_num(y) % 1 == 0).all(axis=1)
    assert (np.nan_to_num(found[whole]) % 1 == 0).all()


def test_a_book_stock_that_nobody_keeps_is_not_believed() -> None:
    """A store-item that is empty on most days that it sells has a wrong book, not a stock-out every day."""
    y = np.array([[1.0, 2, 0, 3], [1, 2, 0, 3], [0, 0, 0, 0]])
    empty = np.array([[True, True, True, False], [True, False, True, False], [True] * 4])
    assert credible(y, empty).tolist() == [False, True, True]


def usual(seed: int = 0, series: int = 5, days: int = 200) -> Array:
    """Simulated units of slow items, 1 a day."""
    return np.random.default_rng(seed).poisson(1.0, (series, days)).astype(float)


def test_a_bulk_purchase_is_capped() -> None:
    """One day of 120 where 1 a day is usual becomes a plausible good day; nothing else changes."""
    y = usual()
    y[2, 150] = 120
    found = cap_bulk(y)
    assert 3 <= found[2, 150] <= 8
    found[2, 150] = 120
    np.testing.assert_array_equal(found, y)


@pytest.mark.parametrize(
    ("days", "why"),
    [
        ([150, 157], "it came back a week later"),
        ([20, 150], "it came back after months"),
        ([150, 151, 153], "the level rose"),
    ],
)
def test_what_returns_is_demand(days: list[int], why: str) -> None:
    """A high day that another day of the series confirms is left alone."""
    y = usual()
    y[2, days] = [120, 90, 100][: len(days)]
    np.testing.assert_array_equal(cap_bulk(y), y)


def test_the_same_season_last_year_confirms_a_peak() -> None:
    """A peak of one day a year is left alone once its year has been seen twice."""
    y = usual(days=600)
    y[1, [100, 464]] = [80, 100]
    np.testing.assert_array_equal(cap_bulk(y), y)


def test_promotions_are_never_capped() -> None:
    """The same peak stands when the item was promoted or the day is an event."""
    y = usual()
    y[2, 150] = 120
    protected = np.zeros(y.shape, dtype=bool)
    protected[2, 150] = True
    np.testing.assert_array_equal(cap_bulk(y, protected), y)


def test_a_day_of_many_buyers_is_no_bulk_purchase() -> None:
    """120 units in 100 receipts are demand; 120 units on one line are not."""
    y = usual()
    y[2, 150] = 120
    largest = np.minimum(y, 2)
    np.testing.assert_array_equal(cap_bulk(y, largest=largest), y)
    assert cap_bulk(y, largest=y)[2, 150] < 120


def test_a_day_on_which_the_whole_store_sold_more_is_no_bulk_purchase() -> None:
    """Before the storm everything sells twelvefold, in that store; one of its items alone would be capped."""
    y = usual(series=40)
    y[:20, 150] = 12
    store = np.repeat(["A", "B"], 20)
    np.testing.assert_array_equal(cap_bulk(y, groups=store), y)
    y[1:20, 150] = 1
    assert cap_bulk(y, groups=store)[0, 150] < 12


@st.composite
def sales(draw: st.DrawFn) -> Array:
    """Series of any dispersion with spikes of any size and unknown days."""
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 120)))
    y = random.poisson(random.gamma(0.3, 4.0, shape)) * draw(st.sampled_from([1.0, 0.37]))
    spikes = random.random(shape) < draw(st.sampled_from([0.0, 0.02, 0.1]))
    y = y + spikes * np.round(random.lognormal(3, 2, shape))
    y[random.random(shape) < 0.05] = np.nan
    return y


@given(sales())
def test_a_cap_only_lowers_and_only_once(y: Array) -> None:
    """Never higher, never below 0, the second highest day of a series is a floor, and the result stays as it is."""
    found = cap_bulk(y)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(y))
    changed = ~np.isnan(y) & (found != y)
    assert (found[changed] < y[changed]).all()
    assert (found[changed] >= 0).all()
    np.testing.assert_array_equal(cap_bulk(found), found)
    assert (changed.sum(axis=1) <= (y > 0).sum(axis=1)).all()


def test_a_busy_store_without_a_sale_was_closed() -> None:
    """A holiday and three weeks of renovation of a store of 200 receipts a day; its weekday lull is no closure."""
    random = np.random.default_rng(0)
    traffic = random.poisson(200 * WEEK[np.arange(365) % 7], (3, 365)).astype(float)
    traffic[0, 100] = 0
    traffic[1, 200:221] = 0
    traffic[2, np.arange(365) % 7 == 6] = 0
    found = closed_days(traffic)
    assert np.flatnonzero(found[0]).tolist() == [100]
    assert np.flatnonzero(found[1]).tolist() == list(range(200, 221))
    assert not found[2].any()


def test_a_small_store_has_true_zeros() -> None:
    """A store of 3 receipts a day sells nothing on one day in 20; none of that is a closure."""
    traffic = np.random.default_rng(0).poisson(3.0, (20, 365)).astype(float)
    assert (traffic == 0).mean() > 0.03
    assert not closed_days(traffic).any()


def test_a_chain_wide_holiday_holds_for_small_stores() -> None:
    """Where all stores together never sell nothing, a day without a sale closes each of them, but not one to come."""
    traffic = np.random.default_rng(0).poisson(3.0, (20, 365)).astype(float)
    traffic[:, 358] = 0
    traffic[0, :360] = 0
    found = closed_days(traffic)
    assert found[1:, 358].all()
    assert not found[0].any()
    assert found.sum() == 19
