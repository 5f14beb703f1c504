"""The chain's daily forecast against what then sold: the demo's tables, as known at a close, and the 28 days after it.

Contenders on the same goods: rules that anyone can compute; the product (`aislehub`, with the model that the home's
settings name); the same learnt on `today's goods only`, whose past knows no item that stopped selling; and the same
with `neighbours told`, which share of the shelf beside an item is promoted. Weekly WAPE and bias of store-items, which
sell once in weeks, and WAPE of the chain; beside it the bias that the rehearsal found. Intervals are 90 % bootstraps
over series.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd

from aislehub.core.hub import Hub, open_hub
from aislehub.demand.corrections import BETWEEN
from aislehub.demand.daily import Policy, demand_panel, forecast_rows, learn_demand
from aislehub.demand.forecast import Forecaster
from aislehub.demand.models import make_model
from aislehub.demand.panel import FloatArray, Panel
from aislehub.serve.commands.demo import load_demo, prepare_home
from benchmarks.day import last_day

__all__ = ["run"]

DAYS = (date(2017, 10, 15), date(2017, 12, 3))
RULES = ("seasonal_naive", "mean28", "seasonal_mean")
HORIZON = 28
RESAMPLES = 400
Row = dict[str, Any]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: a home with a chain's tables instead of the demo's; scored are the last 28 days with sales.
        quick: one close, and a light model in the product's place, to see that it runs.
        seed: of the models and the bootstrap.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = data or Path(folder)
        if data is None:
            prepare_home(home)
        with open_hub(home) as hub:
            if data is None:
                load_demo(hub)
            days = DAYS if data is None else (last_day(hub) - timedelta(days=HORIZON),)
            name = "complete_journey" if data is None else data.name
            return [row for day in days[: 1 if quick else None] for row in _compare(hub, name, day, quick, seed)]


def _compare(hub: Hub, name: str, day: date, quick: bool, seed: int) -> Iterator[Row]:
    """All contenders from the close of one day, on the goods that are forecast there."""
    policy = Policy.load(hub.home).model_copy(update={"horizon_days": HORIZON} | ({"model": "light"} if quick else {}))
    tables = [hub.tables.read(table, as_of=day) for table in learn_demand.reads]
    panel = demand_panel(*tables, day=day, policy=policy)
    rows = forecast_rows(panel)
    truth = _sold(hub, day, panel.ids[rows])
    today = replace(panel.only(rows), among=None, eligible=None)
    told = demand_panel(*tables, day=day, policy=policy.model_copy(update={"neighbours": True}))
    scores = {rule: _by_rule(today, rule) for rule in RULES}
    scores["today's goods only"] = _learnt(today, np.arange(len(rows)), policy, seed)
    scores["neighbours told"] = _learnt(told, forecast_rows(told), policy, seed)
    scores["aislehub"] = _learnt(panel, rows, policy, seed)
    for model, (mean, expected_bias, cpu) in scores.items():
        yield from _rows(f"{name} from {day}", model, _weekly(mean), _weekly(truth), expected_bias, cpu, seed)


def _by_rule(panel: Panel, rule: str) -> tuple[FloatArray, float | None, float]:
    """Means, no expectation of their bias, CPU-seconds."""
    began = time.process_time()
    mean = make_model(rule).predict(panel)
    return np.where(panel.closed[:, -HORIZON:], 0.0, mean), None, time.process_time() - began


def _learnt(panel: Panel, rows: Any, policy: Policy, seed: int) -> tuple[FloatArray, float | None, float]:
    """Means, the bias that the rehearsal found, CPU-seconds without laying out the panel."""
    began = time.process_time()
    forecaster = Forecaster.learn(panel, model=policy.model, seed=seed)
    mean = forecaster.means(panel.only(rows))
    cpu = time.process_time() - began
    rehearsal = forecaster.rehearsal
    if rehearsal is None:
        return mean, None, cpu
    known = ~np.isnan(rehearsal.actual)
    return mean, float(rehearsal.mean[known].sum() / rehearsal.actual[known].sum() - 1), cpu


def _sold(hub: Hub, day: date, ids: pd.Index) -> FloatArray:
    """Units sold of each series on each of the days after `day`, as recorded, (series, horizon)."""
    sales = hub.tables.read("sales_lines")
    later = sales.filter(
        sales.day > ibis.literal(day),
        sales.day <= ibis.literal(day + timedelta(days=HORIZON)),
        sales.quantity > 0,
    )
    sold = later.group_by("store", "item", "day").agg(units=later.quantity.sum()).to_pandas()
    place = ids.get_indexer(pd.Index(sold["store"] + BETWEEN + sold["item"]))
    after = (pd.to_datetime(sold["day"]) - pd.Timestamp(day)).dt.days.to_numpy() - 1
    truth = np.zeros((len(ids), HORIZON))
    truth[place[place >= 0], after[place >= 0]] = sold["units"].to_numpy()[place >= 0]
    return truth


def _weekly(values: FloatArray) -> FloatArray:
    return values.reshape(len(values), -1, 7).sum(axis=2)


def _rows(
    data: str, model: str, mean: FloatArray, truth: FloatArray, expected_bias: float | None, cpu: float, seed: int
) -> Iterator[Row]:
    """Weekly WAPE of the series and of the chain, the bias, and the bias that the rehearsal promised."""
    count = len(truth)
    random = np.random.default_rng(seed)
    weights = np.vstack([np.ones(count), random.multinomial(count, np.full(count, 1 / count), RESAMPLES)])
    sold = np.maximum(weights @ truth.sum(axis=1), 1e-9)
    error = mean - truth
    figures = {
        "wape_weekly": weights @ np.abs(error).sum(axis=1) / sold,
        "wape_weekly_chain": np.abs(weights @ error).sum(axis=1) / sold,
        "bias": weights @ error.sum(axis=1) / sold,
    }
    if expected_bias is not None:
        figures["bias_rehearsed"] = np.array([expected_bias])
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    for metric, values in figures.items():
        low, high = np.quantile(values[1:], [0.05, 0.95]) if len(values) > 1 else (None, None)
        yield {
            "bench": "demand_day", "data": data, "model": model, "metric": metric, "value": round(float(values[0]), 5),
            "low": None if low is None else round(float(low), 5),
            "high": None if high is None else round(float(high), 5), "cpu_s": round(cpu, 2), "peak_mb": peak,
        }  # fmt: skip
