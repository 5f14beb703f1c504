"""Does a chain's day stay linear in its stores? Forecasts, orders, staffing, rosters and routes of one business day.

Simulated chains of several sizes, every store with people of its own and goods from the chain's warehouse, run the same
day in a process each.
The baseline in the same run is the same day without its `rosters` and `routes`: what the rest costs.
`per_store_s` of the largest chain beside that of the smallest says how linear the day is.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from aislehub.core.book import Filter
from aislehub.core.hub import open_hub
from aislehub.twin.live import told, warmed
from aislehub.twin.world import World

__all__ = ["run"]

STORES, QUICK_STORES = (12, 25, 50), (2, 4)
ITEMS, QUICK_ITEMS = 60, 10
DAYS = 200
STEPS = ("own_rosters", "loans", "rosters", "routes")
WAREHOUSE = "w001"
# A simulated store sells 60 items to some 60 visitors a day; a real one has 30 times the visitors, and staff for them.
SETTINGS = """
[staffing]
data_share = 0.03
[routes]
data_share = 0.03
[roster]
simulate_stores = {stores}
"""
Row = dict[str, Any]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 1) -> list[Row]:
    """Rows of seconds, processor time and decisions by the size of the chain.

    Args:
        data: not used: the size is what is varied.
        quick: two very small chains.
        seed: of the simulated chains.
    """
    rows = []
    for stores in QUICK_STORES if quick else STORES:
        with multiprocessing.get_context("spawn").Pool(1) as alone:  # a peak of memory of its own
            rows += alone.apply(_day, (stores, QUICK_ITEMS if quick else ITEMS, seed))
    return rows


def _day(stores: int, items: int, seed: int) -> list[Row]:
    """One chain's business day, measured."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "hub.toml").write_text(SETTINGS.format(stores=stores), encoding="utf-8")
        day = _load(home, stores, items, seed)
        clock, cpu = time.perf_counter(), _cpu()
        with open_hub(home) as hub:
            report = hub.run_day(day)
            made = {group["kind"]: group["count"] for group in hub.ledger.summary(Filter(day=day))}
        clock, cpu = time.perf_counter() - clock, _cpu() - cpu
    spent = {name: sum(step.seconds for step in report.steps if step.step == name) for name in STEPS}
    figures = {
        "day_s": clock,
        **{f"{name}_s": seconds for name, seconds in spent.items()},
        "per_store_s": clock / stores,
        "failed_steps": len(report.failed),
        **{name: made.get(name, 0) for name in ("orders", "rosters", "routes")},
    }
    rows = [_row(stores, "aislehub", metric, value, cpu) for metric, value in figures.items()]
    return [*rows, _row(stores, "without rosters and routes", "day_s", clock - sum(spent.values()), cpu)]


def _load(home: Path, stores: int, items: int, seed: int) -> date:
    """Take in a simulated chain's past; its last day."""
    parts: dict[str, list[pa.Table]] = {}
    for piece in told(warmed(World.make("heterogeneous", stores=stores, items=items, seed=seed), seed, DAYS)):
        for name, rows in piece.items():
            parts.setdefault(name, []).append(rows)
    whole = {name: pa.concat_tables(tables) for name, tables in parts.items()}
    with open_hub(home) as hub:
        for name, table in (whole | _supplied_from_a_warehouse(whole["stores"], whole["lead_times"])).items():
            hub.tables.append(name, table)
    return max(part["day"][-1].as_py() for part in parts["sales_lines"])


def _supplied_from_a_warehouse(stores: pa.Table, lead_times: pa.Table) -> dict[str, pa.Table]:
    """The chain's places and terms with a warehouse of its own, from which all goods come."""
    warehouse = stores.slice(0, 1).to_pylist()[0] | {"store": WAREHOUSE, "kind": "warehouse"}
    supplier = pa.repeat(WAREHOUSE, len(lead_times))
    at = lead_times.column_names.index("supplier")
    return {
        "stores": pa.concat_tables([stores, pa.Table.from_pylist([warehouse], stores.schema)]),
        "lead_times": lead_times.set_column(at, "supplier", supplier),
    }


def _cpu() -> float:
    return sum(os.times()[:4])


def _row(stores: int, model: str, metric: str, value: float, cpu: float) -> Row:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024
    return {
        "bench": "chain", "data": f"{stores} stores", "model": model, "metric": metric, "value": round(value, 2),
        "low": None, "high": None, "cpu_s": round(cpu, 1), "peak_mb": round(peak),
    }  # fmt: skip
