"""Does expected money come true? The demo's orders of several days, and the same measured on the sales that followed.

Each day is run as a user would run it, on what was known at its close; four weeks later its orders are measured. The
money is that of our orders over today's rule (weeks of cover), which is the baseline: it brings 0. Beside the sums: how
often the measured money of an order that differs from the rule's lies in its 90 % interval, and both sums by quarters
of these orders, from those that expect the least.

Changes of price and promotions cannot be checked so: nobody knows what the demo's shoppers would have done. They are
decided and measured in the twin (`judging/twin.py`), whose truth is known: in chains with and without heterogeneity,
and in chains whose shoppers have just stopped minding prices, so that every expectation is wrong.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from aislehub.core.book import Filter
from aislehub.core.hub import Hub, open_hub
from aislehub.core.judging import judge_due
from aislehub.proof.judge import worth
from aislehub.serve.commands.demo import load_demo, prepare_home
from benchmarks.day import last_day
from benchmarks.judging.twin import Trial, tried

__all__ = ["run"]

DAYS = (date(2017, 10, 15), date(2017, 11, 12), date(2017, 12, 3))
LATER = timedelta(days=28)
QUARTERS = 4
WORLDS = {"heterogeneous": ("heterogeneous", False), "none": ("none", False), "deaf": ("heterogeneous", True)}
CHAINS: dict[str, Any] = {"stores": 24, "items": 40}
SMALL: dict[str, Any] = {"stores": 8, "items": 20}
SEEDS = 4
FIRST_SEED = 201  # of the chains; others were looked at while the judges were written
Row = dict[str, Any]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: a home with a chain's tables instead of the demo's; its day is 28 days before its last sales.
        quick: one day, and one small chain of either kind.
        seed: of the intervals, and of the first chain.
    """
    return [*_orders(data, quick, seed), *_of_twin(quick, seed)]


def _orders(data: Path | None, quick: bool, seed: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        home = data or Path(folder)
        if data is None:
            prepare_home(home)
        os.environ["AISLEHUB_HOME"] = str(home)
        with open_hub(home) as hub:
            if data is None:
                load_demo(hub)
            days = DAYS if data is None else (last_day(hub) - LATER,)
            name = "complete_journey" if data is None else data.name
            return [row for day in days[: 1 if quick else None] for row in _measure(hub, name, day, seed)]


def _measure(hub: Hub, name: str, day: date, seed: int) -> Iterator[Row]:
    began = time.process_time()
    hub.run_day(day)
    judge_due(hub.ledger, hub.tables, hub.registry.judges, day + LATER, home=hub.home)
    cpu = round(time.process_time() - began, 1)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    found = [row for row in hub.ledger.find(Filter(day=day, kind="orders")) if row["measured"]]
    total = worth(found, seed=seed)[0]
    expected = np.array([row["money"] for row in found])
    measured = np.array([row["measured"]["money"] for row in found])
    low, high = (np.array([row[part] for row in found]) for part in ("money_low", "money_high"))
    differs = np.array([row["action"]["quantity"] != row["baseline"]["quantity"] for row in found])
    inside = (measured >= low - 0.005) & (measured <= high + 0.005)

    def row(model: str, metric: str, value: float, low: float | None = None, high: float | None = None) -> Row:
        return {
            "bench": "judge", "data": f"{name} {day}", "model": model, "metric": metric,
            "value": round(float(value), 4),
            "low": None if low is None else round(low, 2), "high": None if high is None else round(high, 2),
            "cpu_s": cpu, "peak_mb": peak,
        }  # fmt: skip

    yield row("aislehub", "orders_measured", len(found))
    yield row("aislehub", "money_expected", total.expected)
    yield row("aislehub", "money_measured", total.measured, total.low, total.high)
    yield row("aislehub", "orders_that_differ", differs.sum())
    yield row("aislehub", "inside_their_interval", inside[differs].mean())
    order = np.flatnonzero(differs)[np.argsort(expected[differs], kind="stable")]
    for number, member in enumerate(np.array_split(order, QUARTERS), start=1):
        yield row("aislehub", f"quarter_{number}_expected", expected[member].sum())
        yield row("aislehub", f"quarter_{number}_measured", measured[member].sum())


def _of_twin(quick: bool, seed: int) -> Iterator[Row]:
    for kind in ("price_changes", "promotion_plan"):
        for name in list(WORLDS)[: 1 if quick else None]:
            yield from _in_world(kind, name, quick, seed)


def _in_world(kind: str, name: str, quick: bool, seed: int) -> Iterator[Row]:
    """Decisions of one kind in chains of one sort."""
    began = time.process_time()
    family, deaf = WORLDS[name]
    seeds = range(FIRST_SEED + seed, FIRST_SEED + seed + (1 if quick else SEEDS))
    trials = [tried(kind, family, one, deaf=deaf, **(SMALL if quick else CHAINS)) for one in seeds]
    yield from _compared(f"twin {name}", kind, trials, seed, began)


def _compared(data: str, kind: str, trials: list[Trial], seed: int, began: float) -> Iterator[Row]:
    """Expected, measured and true money over all chains, and how often intervals hold the truth."""
    cpu = round(time.process_time() - began, 1)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

    def row(metric: str, value: float, low: float | None = None, high: float | None = None) -> Row:
        return {
            "bench": "judge", "data": f"{data}, {len(trials)} seeds", "model": kind, "metric": metric,
            "value": round(float(value), 4),
            "low": None if low is None else round(low, 2), "high": None if high is None else round(high, 2),
            "cpu_s": cpu, "peak_mb": peak,
        }  # fmt: skip

    trials = [trial for trial in trials if trial.rows]
    yield row("decisions_measured", sum(len(trial.rows) for trial in trials))
    if not trials:
        return
    sums = [worth(trial.rows, seed=seed)[0] for trial in trials]
    truth = np.array([trial.truth.sum() for trial in trials])
    measured, expected = (np.array([getattr(one, name) for one in sums]) for name in ("measured", "expected"))
    inside = [
        one["measured"]["low"] <= true <= one["measured"]["high"]
        for trial in trials
        for one, true in zip(trial.rows, trial.truth, strict=True)
    ]
    sums_inside = [one.low <= true <= one.high for one, true in zip(sums, truth, strict=True)]
    yield row("money_expected", expected.sum())
    yield row("money_measured", measured.sum())
    yield row("money_truth", truth.sum())
    for name, money in (("expected", expected), ("measured", measured)):
        yield row(f"{name}_less_truth_by_chain", (money - truth).mean(), *_by_chain(money - truth))
    yield row("inside_their_interval", np.mean(inside))
    yield row("sums_inside_their_interval", np.mean(sums_inside))
    yield row("waste_besides", sum(trial.waste for trial in trials))


def _by_chain(values: np.ndarray) -> tuple[float | None, float | None]:
    """90 % interval of the mean over chains; None of one chain."""
    if len(values) < 2:
        return None, None
    half = stats.t.ppf(0.95, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)
