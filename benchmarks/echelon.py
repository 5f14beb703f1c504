"""A warehouse and its stores planned together, against the optimum of the textbook's systems and in a replay.

`serial`: on the serial systems of the textbook (as `stockpyl` holds and solves them) and on random ones of two stages,
how much more than the optimum the levels cost. Two stages get the hub's search, more get the middle of the newsvendor
bounds. Beside it stands `local`: each stage a newsvendor of its own, over its own lead time.

Replay: real demand of items in several stores, behind one warehouse. Terms are simulated from the seed: stores order
daily, every second day or weekly and wait one to three days, the warehouse orders weekly and waits one to two weeks.
Every rule sees the same forecasts, from each series' own past sales. Stores always order up to the quantile of their
demand at one service; what a warehouse orders, and how it shares out what is short, is what competes:

- `weeks_of_cover`: the warehouse keeps weeks of its stores' sales; a short one gives every order the same share.
- `local_base_stock`: the warehouse keeps the quantile of what its stores sell until its order after next; same shares.
- `echelon_fair`: the hub's level of the whole echelon, by what a unit costs in the warehouse; same shares.
- `aislehub`: the hub's level, and what is short goes where it earns most, with stores that order later in mind.

Service of the stores and the warehouse's knob (weeks, its service, its holding cost) are chosen on the weeks before the
scored ones, all combinations tried: for each fill rate the one that reached it with least stock. The scored weeks then
show what that brought: `tuned_fill_*`, `tuned_stock_*` (units at closing time in stores and warehouse, per item), and,
read at exactly that fill rate, `stock_at_fill_*`, with an interval from a bootstrap over items.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.core.output import read_table
from aislehub.supply.allocation import case_numbers, share_out
from aislehub.supply.base_stock import FloatArray, demand_quantile, expected_short
from aislehub.supply.echelon import Demand, echelon_levels, newsvendor_bounds, pool_in_stores, pool_in_warehouse
from aislehub.supply.interval_demand import interval_demand

__all__ = ["run"]

FILLS = (0.95, 0.97)
REACHED = np.arange(0.86, 0.996, 0.005)  # fill rates for which knobs are chosen on the tuned weeks
WINDOW = 84  # scored days, and as many tuned days before them
WARM_UP = 56  # days of replay before anything counts, to forget the starting stock
RESAMPLES = 400
SERVICES = (0.8, 0.9, 0.94, 0.97, 0.985, 0.993, 0.997)
HOLDINGS = (0.2, 0.5, 0.8)  # of a unit in the warehouse, as a share of one in a store
DEPOT_REVIEW = 7  # days between the warehouse's orders
TWO_STAGES = ("problem_6_1", "problem_6_16")
MORE_STAGES = ("example_6_1", "problem_6_2b", "shang_song_1", "shang_song_9", "shang_song_17", "shang_song_25")
FINE = 100  # a unit is cut into so many, so that counts can stand for normal demand
Row = dict[str, Any]


@dataclass(frozen=True)
class Chain:
    """n items in s stores behind one warehouse; a line is an item in a store, item by item.

    Attributes:
        name: of the data.
        demand: units a day of each line, (n · s, T).
        item: of each line, 0 … n − 1.
        lead, review, first: days a store waits, days between its orders and its first order day, (n · s,).
        case: units per case, (n · s,).
        depot_lead, depot_first: the warehouse's, which orders every `DEPOT_REVIEW` days, (n,).
    """

    name: str
    demand: FloatArray
    item: NDArray[np.int64]
    lead: NDArray[np.int64]
    review: NDArray[np.int64]
    first: NDArray[np.int64]
    case: FloatArray
    depot_lead: NDArray[np.int64]
    depot_first: NDArray[np.int64]

    @property
    def items(self) -> int:
        return len(self.depot_lead)

    def totals(self, values: FloatArray) -> FloatArray:
        """Sum of a value of each line over the stores, (n, …)."""
        return values.reshape(self.items, -1, *values.shape[1:]).sum(axis=1)


@dataclass(frozen=True)
class Outlook:
    """What is known at the opening of each day, (n · s, T + 1) each: demand until a store's order after next, and of
    the days that the warehouse waits before it; and what a store can sell in both at most."""

    mean: FloatArray
    variance: FloatArray
    later_mean: FloatArray
    later_variance: FloatArray
    sellable: FloatArray


@dataclass(frozen=True)
class Rule:
    """A contender at one setting.

    Attributes:
        service: with which stores order.
        levels: up to which the warehouse orders on each day, (n, T + 1).
        echelon: whether these count the stores' stock too.
        by_worth: whether what is short goes where it earns most; else all orders get the same share.
    """

    service: float
    levels: FloatArray
    echelon: bool
    by_worth: bool


def run(data: Path | None = None, *, quick: bool = False, seed: int = 7) -> list[Row]:
    """Rows of both parts, or of the replay of one long table `data`.

    Args:
        data: long table `unique_id, ds, y`, where `unique_id` is `store/item`; None = the serial systems and M5.
        quick: few systems and a coarse grid, for the tests.
        seed: of the simulated terms, the random systems and the bootstrap.

    Raises:
        HubError: `supply.bench_columns`, `supply.bench_short`, `supply.bench_none`.
    """
    rows = list(_serial_rows(quick, seed)) if data is None and util.find_spec("stockpyl") else []
    table = _long_table(data) if data else _m5_tiny()
    if table is not None:
        rows += replay_rows(_chain(*table, seed=seed), quick=quick, seed=seed)
    if not rows:
        raise HubError("supply.bench_none")
    return rows


# Serial systems


def _serial_rows(quick: bool, seed: int) -> Iterator[Row]:
    """Cost over the optimum of stockpyl, system by system, and the worst and mean of each kind."""
    for kind, systems in {
        "two stages": [*map(_textbook, TWO_STAGES), *_random_systems(2 if quick else 12, seed)],
        "more stages": list(map(_textbook, MORE_STAGES[2:3] if quick else MORE_STAGES)),
    }.items():
        began = time.process_time()
        excess: dict[str, list[float]] = {"aislehub": [], "local": []}
        for network, stages, holding, penalty, unit in systems:
            optimum, cost_of = _oracle(network, unit)
            for model, levels in (("aislehub", _levels), ("local", _local_levels)):
                excess[model].append(cost_of(levels(stages, holding, penalty)) / optimum - 1)
        for model, found in excess.items():
            for metric, value in (("cost_over_optimum_mean", np.mean(found)), ("cost_over_optimum_max", np.max(found))):
                yield _row(
                    f"serial, {kind}, {len(systems)} systems", model, metric, [value], time.process_time() - began
                )


def _levels(stages: list[Demand], holding: list[FloatArray], penalty: FloatArray) -> list[float]:
    if len(stages) == 2:
        return [float(level[0]) for level in echelon_levels(*stages, *holding, penalty)]
    return [float(np.round((low + high) / 2)[0]) for low, high in newsvendor_bounds(stages, holding, penalty)]


def _local_levels(stages: list[Demand], holding: list[FloatArray], penalty: FloatArray) -> list[float]:
    """Each stage a newsvendor over its own lead time, at what a unit costs there; added up from the store."""
    kept = np.cumsum(holding[::-1], axis=0)[::-1]  # a unit in a stage has come through all stages before it
    own = [
        demand_quantile(stage.mean, stage.variance, penalty / (penalty + local))[0]
        for stage, local in zip(stages, kept, strict=True)
    ]
    return [float(level) for level in np.cumsum(own)]


def _textbook(name: str) -> tuple[Any, list[Demand], list[FloatArray], FloatArray, int]:
    from stockpyl.instances import load_instance

    return _system(load_instance(name))


def _random_systems(count: int, seed: int) -> Iterator[tuple[Any, list[Demand], list[FloatArray], FloatArray, int]]:
    """Poisson demand, as a retailer's warehouse and one store might meet it."""
    from stockpyl.demand_source import DemandSource
    from stockpyl.supply_chain_network import serial_system

    rng = np.random.default_rng(seed)
    for _ in range(count):
        demand = DemandSource(type="P", mean=float(rng.uniform(0.3, 6)))
        network = serial_system(
            2, node_order_in_system=[2, 1], node_order_in_lists=[2, 1], demand_source=demand,
            echelon_holding_cost=rng.uniform(0.2, 1.0, 2).tolist(), stockout_cost=float(rng.uniform(4, 60)),
            shipment_lead_time=[int(rng.integers(3, 15)), int(rng.integers(1, 8))],
        )  # fmt: skip
        yield _system(network)


def _system(network: Any) -> tuple[Any, list[Demand], list[FloatArray], FloatArray, int]:
    """A network of stockpyl in our terms, the store first."""
    nodes = sorted(network.nodes, key=lambda node: node.index)
    source = nodes[0].demand_source
    unit = FINE if source.type == "N" else 1
    rate, variance = source.mean * unit, (source.mean if source.type == "P" else source.standard_deviation**2) * unit**2
    leads = [float(node.shipment_lead_time) for node in nodes]
    stages = [Demand(np.array([rate * lead]), np.array([variance * lead])) for lead in leads]
    holding = [np.array([float(node.echelon_holding_cost)]) for node in nodes]
    return network, stages, holding, np.array([float(nodes[0].stockout_cost)]), unit


def _oracle(network: Any, unit: int) -> tuple[float, Any]:
    """The optimal cost by Chen and Zheng's recursion in stockpyl, and the cost of given echelon levels by the same."""
    from stockpyl import ssm_serial

    # Its own look-up returns arrays of length 1 where numpy 2 wants numbers.
    ssm_serial.find_nearest = lambda grid, values, sorted=True, index=None: np.clip(
        np.rint((values - grid[0]) / (grid[1] - grid[0])).astype(int), 0, len(grid) - 1
    )
    grid = {"x_num": 300, "d_num": 50}
    names = sorted(node.index for node in network.nodes)
    _, optimum = ssm_serial.optimize_base_stock_levels(network=network, **grid)

    def cost_of(levels: list[float]) -> float:
        named = {name: level / unit for name, level in zip(names, levels, strict=True)}
        return float(ssm_serial.expected_cost(named, network=network, **grid))

    return float(optimum), cost_of


# Replay


def replay_rows(chain: Chain, *, quick: bool = False, seed: int = 7) -> list[Row]:
    """All contenders on one chain: knobs chosen on the tuned weeks, shown on the scored ones."""
    days = chain.demand.shape[1]
    score, tune = days - WINDOW, days - 2 * WINDOW
    start = tune - WARM_UP
    outlook = _outlook(chain, start)
    services = SERVICES[1::2] if quick else SERVICES
    sums, spent = {}, {}
    for name in ("weeks_of_cover", "local_base_stock", "echelon_fair", "aislehub"):
        began = time.process_time()
        rules = _rules(name, chain, outlook, services, start)
        found = [_replay(chain, outlook, rule, start, (tune, score)) for rule in rules]
        sums[name] = np.array(found)  # (settings, 2 windows, 3 sums, items)
        spent[name] = time.process_time() - began
    return list(_compare(chain.name, sums, spent, seed))


def _rules(name: str, chain: Chain, outlook: Outlook, services: tuple[float, ...], start: int) -> Iterator[Rule]:
    """A contender at each of its settings, with its levels from day `start` on."""
    for service in services:
        if name in ("echelon_fair", "aislehub"):
            for share in HOLDINGS:
                levels = _echelon_level(chain, outlook, service, share, start)
                yield Rule(service, levels, True, name == "aislehub")
        elif name == "weeks_of_cover":
            rate = chain.totals(_moving(chain.demand, 28))
            for weeks in (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0)[:: 7 // len(services)]:
                yield Rule(service, np.ceil(7 * weeks * rate), False, False)
        else:
            mean, variance = chain.totals(outlook.later_mean), chain.totals(outlook.later_variance)
            for own in services:
                yield Rule(
                    service, demand_quantile(mean.ravel(), variance.ravel(), own).reshape(mean.shape), False, False
                )


def _echelon_level(chain: Chain, outlook: Outlook, service: float, share: float, start: int) -> FloatArray:
    """The hub's level of each item's echelon at the opening of each day from `start` on, (n, T + 1)."""
    mean, variance, later_mean, later_variance = (
        values[:, start:].ravel()
        for values in (outlook.mean, outlook.variance, outlook.later_mean, outlook.later_variance)
    )
    days = outlook.mean.shape[1] - start
    systems = chain.items * days
    system = (chain.item[:, None] * days + np.arange(days)).ravel()
    soon, later = (
        pool_in_stores(mean, variance, system, systems),
        pool_in_warehouse(later_mean, later_variance, system, systems),
    )
    kept = np.ones(systems)
    _, level = echelon_levels(soon, later, (1 - share) * kept, share * kept, service / (1 - service) * kept)
    return np.column_stack([np.zeros((chain.items, start)), level.reshape(chain.items, days)])


def _outlook(chain: Chain, start: int) -> Outlook:
    """Demand forecasts from each line's own past, what is pooled learnt before `start`."""
    soon = interval_demand(chain.demand, chain.lead + chain.review, fit_until=start)
    days = (chain.depot_lead + DEPOT_REVIEW)[chain.item]
    later = interval_demand(chain.demand, days, fit_until=start)
    mean, variance = soon.mean + later.mean, soon.variance + later.variance
    sellable = demand_quantile(mean.ravel(), variance.ravel(), SERVICES[-1]).reshape(mean.shape)
    return Outlook(soon.mean, soon.variance, later.mean, later.variance, sellable)


def _replay(chain: Chain, outlook: Outlook, rule: Rule, start: int, windows: tuple[int, int]) -> FloatArray:
    """Days `start` … T − 1: sums of demand and lost sales and mean stock of each item in both windows, (2, 3, n)."""
    n, (tune, score) = chain.items, windows
    wanted_level = demand_quantile(
        outlook.mean.ravel(), outlook.variance.ravel(), rule.service
    ).reshape(outlook.mean.shape)  # fmt: skip
    shelf = _cases_up(wanted_level[:, start], chain.case)
    depot = np.maximum(rule.levels[:, start] - (chain.totals(shelf) if rule.echelon else 0), 0)
    coming = np.zeros((len(shelf), int(chain.lead.max()) + 1))
    ordered = np.zeros((n, int(chain.depot_lead.max()) + 1))
    sums = np.zeros((2, 3, n))
    for day in range(start, chain.demand.shape[1]):
        slot, depot_slot = day % coming.shape[1], day % ordered.shape[1]
        shelf, coming[:, slot] = shelf + coming[:, slot], 0
        depot, ordered[:, depot_slot] = depot + ordered[:, depot_slot], 0
        position = shelf + coming.sum(axis=1)

        due = np.flatnonzero((day - chain.depot_first) % DEPOT_REVIEW == 0)
        in_stores = chain.totals(np.minimum(position, outlook.sellable[:, day])) if rule.echelon else 0
        held = depot + ordered.sum(axis=1) + in_stores
        ordered[due, (day + chain.depot_lead[due]) % ordered.shape[1]] += np.maximum(
            rule.levels[due, day] - held[due], 0
        )

        today = (day - chain.first) % chain.review == 0
        sent = _share(chain, outlook, rule, wanted_level[:, day], position, depot, today, day)
        depot = depot - chain.totals(sent)
        coming[np.arange(len(shelf)), (day + chain.lead) % coming.shape[1]] += sent

        sold = np.minimum(shelf, chain.demand[:, day])
        shelf = shelf - sold
        if day >= tune:
            lost = chain.demand[:, day] - sold
            kept = (chain.totals(shelf) + depot) / WINDOW
            sums[int(day >= score)] += np.stack([chain.totals(chain.demand[:, day]), chain.totals(lost), kept])
    return sums


def _share(
    chain: Chain, outlook: Outlook, rule: Rule, level: FloatArray, position: FloatArray, depot: FloatArray,
    today: NDArray[np.bool_], day: int,
) -> FloatArray:  # fmt: skip
    """Units sent to each line that orders today; where the warehouse is short, by worth or in equal shares."""
    want = _cases_up(level - position, chain.case)
    asked = want if rule.by_worth else np.where(today, want, 0.0)
    short = (chain.totals(asked) > depot)[chain.item]
    sent = np.where(short, 0.0, asked)
    lines = np.flatnonzero(short & (asked > 0))
    if len(lines):
        cases, case = np.round(asked[lines] / chain.case[lines]).astype(np.int64), chain.case[lines]
        worth = np.zeros(int(cases.sum()))
        if rule.by_worth:
            upto, number = case_numbers(cases)
            at = lines[upto]
            missed = expected_short(
                outlook.mean[at, day], outlook.variance[at, day], position[at] + number * chain.case[at]
            )
            worth = -np.diff(missed)[number[1:] > 0]
        sent[lines] = share_out(worth, cases, case, chain.item[lines], depot)
    return np.where(today, sent, 0.0)


def _compare(data: str, sums: dict[str, FloatArray], spent: dict[str, float], seed: int) -> Iterator[Row]:
    n = next(iter(sums.values())).shape[-1]
    rng = np.random.default_rng(seed)
    resamples = np.concatenate([np.ones((1, n)), rng.multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(float)])
    for target in FILLS:
        percent = round(100 * target)
        equal = {}
        for model, found in sums.items():
            chosen = _chosen(found)
            fill, stock = _fill_and_stock(found[chosen, 1], resamples)
            equal[model] = np.array([_read(f, s, target) for f, s in zip(fill.T, stock.T, strict=True)])
            yield _row(data, model, f"stock_at_fill_{percent}", equal[model], spent[model])
            tuned_fill, _ = _fill_and_stock(found[chosen, 0], resamples[:1])
            at = int(np.argmax(tuned_fill[:, 0] >= target)) if (tuned_fill >= target).any() else len(chosen) - 1
            yield _row(data, model, f"tuned_fill_{percent}", fill[at], spent[model])
            yield _row(data, model, f"tuned_stock_{percent}", stock[at], spent[model])
        for rival in sums:
            if rival != "aislehub":
                ratio = equal["aislehub"] / equal[rival] - 1
                yield _row(data, "aislehub", f"stock_vs_{rival}_{percent}", ratio, spent["aislehub"])


def _chosen(found: FloatArray) -> list[int]:
    """Settings that, on the tuned weeks, reached some fill rate with the least stock, in order of it."""
    fill, stock = (values[:, 0] for values in _fill_and_stock(found[:, 0], np.ones((1, found.shape[-1]))))
    best = (np.where(fill >= reached, stock, np.inf).argmin() for reached in REACHED if (fill >= reached).any())
    return list(dict.fromkeys(int(setting) for setting in best))


def _fill_and_stock(sums: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fill rate and mean stock per item of each setting, items counted `weights` times: (settings, resamples) each."""
    asked, lost, stock = (sums[:, place] @ weights.T for place in range(3))
    return 1 - lost / np.maximum(asked, 1e-9), stock / weights.sum(axis=1)


def _read(fill: FloatArray, stock: FloatArray, target: float) -> float:
    """Stock at one fill rate: its logarithm is taken to be linear in that of the share lost; NaN outside."""
    order = np.argsort(fill)
    missed = -np.log(np.maximum(1 - fill[order], 1e-6))
    return float(np.exp(np.interp(-np.log(1 - target), missed, np.log(stock[order]), left=np.nan, right=np.nan)))


def _row(data: str, model: str, metric: str, values: Any, cpu: float) -> Row:
    """The first value, and the 5 % and 95 % quantiles of the others."""
    values = np.asarray(values, dtype=float)
    others = values[1:][np.isfinite(values[1:])]
    low, high = np.quantile(others, [0.05, 0.95]) if len(others) else (np.nan, np.nan)
    figures = {
        name: round(float(value), 5) if np.isfinite(value) else None
        for name, value in (("value", values[0]), ("low", low), ("high", high))
    }
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return {
        "bench": "echelon",
        "data": data,
        "model": model,
        "metric": metric,
        **figures,
        "cpu_s": round(cpu, 2),
        "peak_mb": peak,
    }


def _cases_up(units: FloatArray, case: FloatArray) -> FloatArray:
    return np.maximum(np.ceil(units / case - 1e-9), 0) * case


def _moving(values: FloatArray, periods: int) -> FloatArray:
    """Mean of up to `periods` days before each column, (n, T + 1)."""
    total = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    column = np.arange(total.shape[1])
    since = np.maximum(column - periods, 0)
    return (total - total[:, since]) / np.maximum(column - since, 1)


# Data


def _chain(name: str, cube: FloatArray, seed: int) -> Chain:
    """Simulated terms of supply for the demand of n items in s stores, (n, s, T)."""
    n, s, days = cube.shape
    least = 2 * WINDOW + WARM_UP + 56
    if days < least:
        raise HubError("supply.bench_short", periods=days, limit=least)
    rng = np.random.default_rng(seed)
    lead, review = rng.integers(1, 4, s), rng.choice([1, 2, 7], s, p=[0.3, 0.3, 0.4])
    first, depot_lead, depot_first = rng.integers(0, 7, s), rng.integers(7, 15, n), rng.integers(0, 7, n)
    demand = cube.reshape(n * s, days)
    a_week = 7 * cube[:, :, : days - 2 * WINDOW].mean(axis=(1, 2))
    packs = np.array([1, 2, 3, 4, 6, 8, 12, 24])
    case = packs[np.maximum(np.searchsorted(packs, a_week, side="right") - 1, 0)].astype(float)
    return Chain(
        name, demand, np.repeat(np.arange(n), s), np.tile(lead, n), np.tile(review, n), np.tile(first, n),
        np.repeat(case, s), depot_lead, depot_first,
    )  # fmt: skip


def _m5_tiny() -> tuple[str, FloatArray] | None:
    """28 items of M5 in its ten stores, the last two years."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    file = Path(os.environ.get("AISLEHUB_TEST_DATA") or beside) / "m5_tiny" / "m5_tiny.parquet"
    if not file.is_file():
        return None
    tiny = pd.read_parquet(file, columns=["item_id", "store_id", "date", "value"])
    tiny = tiny.set_axis(["item", "store", "ds", "y"], axis=1)
    return "m5_tiny", _cube(tiny[tiny["ds"] > tiny["ds"].max() - pd.Timedelta(days=730)])


def _long_table(path: Path) -> tuple[str, FloatArray]:
    table = read_table(path)
    missing = [name for name in ("unique_id", "ds", "y") if name not in table.columns]
    if missing:
        raise HubError("supply.bench_columns", file=path, missing=", ".join(missing), found=", ".join(map(str, table)))
    parts = table["unique_id"].astype(str).str.partition("/")
    long = pd.DataFrame({"store": parts[0], "item": parts[2], "ds": pd.to_datetime(table["ds"]), "y": table["y"]})
    return path.stem, _cube(long)


def _cube(long: pd.DataFrame) -> FloatArray:
    """Units of each item in each store on each day, (items, stores, days); a day without a row sold nothing."""
    day = (long["ds"] - long["ds"].min()).dt.days
    item, store = (pd.factorize(long[name], sort=True)[0] for name in ("item", "store"))
    cube = np.zeros((item.max() + 1, store.max() + 1, day.max() + 1))
    np.add.at(cube, (item, store, day), long["y"].fillna(0.0))
    return np.maximum(cube, 0)
