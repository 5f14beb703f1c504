"""Does measured money agree with the truth? `aislehub loop` on simulated chains of several seeds.

Each chain lives four weeks with a store-randomised experiment on the hub's orders, and twice more for the truth: all
stores treated, and none. Money is margin after shrink per store and day. Beside the experiment: `replay of the days`,
the treated stores' profit as the hub counts it after the fact, beside the true one; and, over the same days, `replay`,
the sum of what the orders brought each by itself, and `expected`, what they expected.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from aislehub.serve.commands.loop import Result, run_loop

__all__ = ["run"]

SEEDS, QUICK_SEEDS = 5, 1
SIZES: dict[str, Any] = {"stores": 24, "items": 40, "weeks": 4}
SMALL: dict[str, Any] = {"stores": 8, "items": 8, "weeks": 1}
Row = dict[str, Any]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 1) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: not used: the truth is known of simulated chains only.
        quick: one small chain, to see that it runs.
        seed: of the first chain.
    """
    sizes = SMALL if quick else SIZES
    seeds = range(seed, seed + (QUICK_SEEDS if quick else SEEDS))
    found, began = [], time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for each in seeds:
            found.append(run_loop(Path(folder) / str(each), kind="orders", family="heterogeneous", seed=each, **sizes))
    cpu = round(time.process_time() - began, 1)
    rows = [row for each, result in zip(seeds, found, strict=True) for row in _rows(result, each, cpu)]
    return [*rows, _agreed(found, cpu)]


def _rows(result: Result, seed: int, cpu: float) -> Iterator[Row]:
    treated_days = result.stores / 2 * result.days
    yield _row(f"seed {seed}", "truth", "margin_after_shrink", result.truth, cpu=cpu)
    yield _row(f"seed {seed}", "experiment", "margin_after_shrink", result.effect, result.low, result.high, cpu=cpu)
    yield _row(f"seed {seed}", "experiment", "days", result.days, cpu=cpu)
    for model, money in (("replay", result.measured), ("expected", result.expected)):
        if money is not None:
            yield _row(f"seed {seed}", model, "money_per_store_day", money / treated_days, cpu=cpu)
    yield _row(f"seed {seed}", "truth", "profit", result.profit_truth, cpu=cpu)
    if result.together is not None:
        ends = (result.together_low, result.together_high)
        yield _row(f"seed {seed}", "replay of the days", "profit", result.together, *ends, cpu=cpu)


def _agreed(found: list[Result], cpu: float) -> Row:
    share = float(np.mean([result.agrees for result in found]))
    return _row(f"{len(found)} chains", "aislehub", "truth_inside_interval", share, cpu=cpu)


def _row(
    data: str, model: str, metric: str, value: float, low: float | None = None, high: float | None = None, *, cpu: float
) -> Row:
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    ends = (None if end is None else round(end, 2) for end in (low, high))
    return {
        "bench": "loop", "data": data, "model": model, "metric": metric, "value": round(float(value), 2),
        **dict(zip(("low", "high"), ends, strict=True)), "cpu_s": cpu, "peak_mb": peak,
    }  # fmt: skip
