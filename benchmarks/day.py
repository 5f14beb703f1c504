"""Cost of the demo's business day: everything after loading, and the same day once more.

Baseline in the same run: what a planner's spreadsheet would do, last four weeks' mean sales per item and
store by one query, without forecast, limits, reasons or ledger. It shows what the day's machinery costs.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from aislehub.core.book import Filter
from aislehub.core.hub import Hub, open_hub
from aislehub.serve.commands.demo import DEMO_DAY, load_demo, prepare_home

__all__ = ["last_day", "run"]

Row = dict[str, Any]


def run(data: Path | None, *, quick: bool = False) -> list[Row]:
    """Rows for the first run of a day, a second run, and the baseline.

    Args:
        data: a home folder with data of your own; None = the demo's data in a temporary home.
        quick: the same; a day has no smaller part.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = data or Path(folder)
        if data is None:
            prepare_home(home)
        os.environ["AISLEHUB_HOME"] = str(home)
        with open_hub(home) as hub:
            load_s = _timed(lambda: load_demo(hub))[1:] if data is None else (0.0, 0.0)
            day = DEMO_DAY.date() if data is None else last_day(hub)
            base_rows, *base = _timed(lambda: _mean_sales(hub, day))
            first, *cost = _timed(lambda: hub.run_day(day))
            before = hub.ledger.summary(Filter(day=day))
            second, *again = _timed(lambda: hub.run_day(day))
            changed = sum(step.state != "unchanged" for step in second.steps) + (
                before != hub.ledger.summary(Filter(day=day))
            )
            decisions = sum(group["count"] for group in before)
        name = "complete_journey" if data is None else data.name
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

        def row(model: str, metric: str, value: float, cpu: float) -> Row:
            return {"bench": "day", "data": name, "model": model, "metric": metric, "value": round(value, 2),
                    "low": None, "high": None, "cpu_s": round(cpu, 2), "peak_mb": round(peak)}  # fmt: skip

        failed = len(first.failed)
        return [
            row("aislehub", "load_s", load_s[0], load_s[1]),
            row("aislehub", "day_s", cost[0], cost[1]),
            row("aislehub", "second_run_s", again[0], again[1]),
            row("aislehub", "second_run_changes", changed, again[1]),
            row("aislehub", "failed_steps", failed, cost[1]),
            row("aislehub", "decisions", decisions, cost[1]),
            row("mean_sales_query", "day_s", base[0], base[1]),
            row("mean_sales_query", "rows", base_rows, base[1]),
        ]


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result, seconds on the clock and CPU-seconds of this process and its children."""
    clock, cpu = time.perf_counter(), _cpu()
    result = work()
    return result, time.perf_counter() - clock, _cpu() - cpu


def _cpu() -> float:
    return sum(os.times()[:4])


def _mean_sales(hub: Hub, day: date) -> int:
    sales = hub.tables.read("sales_lines", as_of=day)
    recent = sales.filter(sales.day > day.fromordinal(day.toordinal() - 28))
    means = recent.group_by("store", "item").aggregate(mean=recent.quantity.sum() / 28)
    return int(hub.tables.run(lambda _: means).num_rows)


def last_day(hub: Hub) -> date:
    """The last business day with sales."""
    sales = hub.tables.read("sales_lines")
    return hub.tables.run(lambda _: sales.aggregate(last=sales.day.max()))["last"][0].as_py()
