"""Elasticities beside the truth, and beside what a regression of logarithms would say, in one run.

Prices in both simulated chains follow what sales are about to do, so that comparing cheap weeks with dear ones counts
the season as an answer to the price. `confounded` is drawn here; `twin` is the frozen family `heterogeneous` of the
digital twin under a price policy that does the same. Dominick's orange juice is real, and its truth is not known. The
estimators see weeks, units, prices, promotions and competitors; the truth is only used to score them.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from aislehub.core.output import read_table
from aislehub.price.elasticity import Policy, elasticities_of
from aislehub.price.price_history import History
from aislehub.twin.chain import Actions, Chain
from aislehub.twin.demand import season
from aislehub.twin.world import World

__all__ = ["run"]

FloatArray = NDArray[Any]
Row = dict[str, Any]
FIRST = date(2024, 1, 1)
SEEDS, QUICK_SEEDS = 20, 1
STORES, ITEMS, CATEGORIES, DEPARTMENTS, WEEKS = 12, 120, 12, 3, 104
STOCK_DAYS = 100  # of usual demand, whatever spoils: empty shelves are another question
Z = float(stats.norm.ppf(0.95))


@dataclass(frozen=True)
class Case:
    """One simulated chain: weeks of stores' items, items, and the true elasticity of each, by name."""

    rows: pd.DataFrame
    goods: pd.DataFrame
    truth: pd.Series


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: weeks of your own: store, item, week (number), units, price; and if known category, department, promoted,
            displayed, competitor (its price). Without a truth only the means are told.
        quick: one seed of each chain: to see that it runs.
        seed: the first of the seeds.
    """
    if data:
        rows = read_table(data, codes=("store", "item"))
        columns = [name for name in ("item", "category", "department") if name in rows]
        goods = rows[columns].drop_duplicates("item").reindex(columns=["item", "category", "department"])
        return list(_means(data.stem, rows, goods, FIRST))
    seeds = range(seed, seed + (QUICK_SEEDS if quick else SEEDS))
    chains = {"confounded": confounded, "twin, no stocking up": twin_without_stocking_up, "twin": twin}
    made = [row for name, make in chains.items() for row in _scored(name, make, seeds)]
    juice = Path(os.environ.get("AISLEHUB_TEST_DATA", "../shared/data")) / "orange_juice" / "orange_juice.parquet"
    if juice.is_file():
        made += _means("orange_juice", *_orange_juice(juice))
    return made


# Chains whose truth is known


def confounded(seed: int) -> Case:
    """Log-linear demand with season, peaks, shocks of categories and stores, substitutes, competitors, buying ahead,
    and negative binomial scatter; list prices that fall when season and category run high (in three categories of
    four; they rise in the fourth) and after slow weeks, wander with costs and zones, follow competitors; promotions
    that crowd the peaks."""
    draw = np.random.default_rng(seed)
    category = np.arange(ITEMS) % CATEGORIES
    department = np.arange(CATEGORIES) % DEPARTMENTS
    of_department = draw.normal(-2, 0.3, DEPARTMENTS)
    of_category = of_department[department] + draw.normal(0, 0.4, CATEGORIES)
    of_item = np.minimum(of_category[category] + draw.normal(0, 0.6, ITEMS), -0.3)
    answer = of_item * np.exp(draw.normal(0, 0.1, (STORES, 1)) + draw.normal(0, 0.08, (STORES, ITEMS)))
    size = draw.normal(0, 0.4, (STORES, 1))
    level = draw.normal(1.6, 1.0, ITEMS) + size + draw.normal(0, 0.3, (STORES, ITEMS))

    angle = 2 * np.pi * np.arange(WEEKS) / 52.18
    wave = draw.uniform(0.2, 0.5, CATEGORIES)[category, None] * draw.uniform(0.6, 1.4, (ITEMS, 1))
    high = wave * np.cos(angle - draw.uniform(0, 2 * np.pi, CATEGORIES)[category, None])
    high += 0.15 * np.cos(2 * angle - draw.uniform(0, 2 * np.pi, (ITEMS, 1)))
    peak = draw.integers(52, size=CATEGORIES)[category, None]
    high += 0.6 * (np.arange(WEEKS) % 52 == peak)
    fashion = draw.normal(0, 0.12, (CATEGORIES, WEEKS))[category]
    foreseen = high + 0.7 * fashion
    mood = draw.normal(0, 0.08, (STORES, WEEKS))

    promoted, displayed, depth = _promotions(draw, foreseen)
    costs = np.cumsum(draw.normal(0, 0.03, foreseen.shape) * (draw.random(foreseen.shape) < 0.08), axis=1)
    zones = np.repeat(draw.normal(0, 0.025, (4, ITEMS, WEEKS // 4)), 4, axis=2)[draw.integers(0, 4, STORES)]
    rival = np.cumsum(draw.normal(0, 0.04, foreseen.shape) * (draw.random(foreseen.shape) < 0.1), axis=1)
    rival -= rival.mean(axis=1, keepdims=True)
    habit = draw.choice([-0.35, 0.35], CATEGORIES, p=[0.75, 0.25]) * draw.uniform(0.6, 1.4, CATEGORIES)
    planned = np.round(habit[category, None] * foreseen / 0.03) * 0.03 + costs + 0.3 * rival + np.log1p(-depth)

    lifts = draw.uniform(0.2, 0.7, ITEMS), draw.uniform(0.1, 0.4, ITEMS)
    from_rival = draw.uniform(0.1, 0.5, ITEMS)
    substitutes = _substitutes(draw, category)
    units, prices = np.empty((STORES, ITEMS, WEEKS)), np.empty((STORES, ITEMS, WEEKS))
    surprise, before = np.zeros((STORES, ITEMS)), np.zeros((STORES, ITEMS))
    for week in range(WEEKS):
        price = planned[:, week] + zones[:, :, week] - 0.06 * np.clip(surprise, -1, 1) - 0.05 * size
        log_mean = level + high[:, week] + fashion[:, week] + mood[:, week, None]
        usual = np.exp(level + high[:, week])
        log_mean = log_mean + answer * price + price @ substitutes.T + from_rival * rival[:, week]
        log_mean += lifts[0] * displayed[:, week] + lifts[1] * promoted[:, week] + 0.25 * before
        sold = draw.poisson(np.exp(log_mean) * draw.gamma(6.0, 1 / 6.0, log_mean.shape))
        surprise = 0.6 * surprise + 0.4 * np.log((sold + 1) / (usual + 1))
        before = np.minimum(price, 0) * (depth[:, week] > 0)
        units[:, :, week], prices[:, :, week] = sold, price
    prices = np.exp(prices + draw.normal(1.2, 0.5, (ITEMS, 1)))
    weight = np.exp(level)
    extra = {"promoted": promoted, "displayed": displayed, "competitor": np.exp(rival)}
    return _case(units, prices, extra, category, department[category], (answer * weight).sum(0) / weight.sum(0))


def _promotions(draw: np.random.Generator, foreseen: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Whether an item is promoted, displayed, and how much cheaper it is, (I, W) each: of one or two weeks, more in
    high ones."""
    promoted, displayed, depth = (np.zeros(foreseen.shape) for _ in range(3))
    for item, chances in enumerate(np.minimum(0.05 * np.exp(2 * foreseen), 0.5)):
        until = -1
        for week, chance in enumerate(chances):
            if week > until and draw.random() < chance:
                until = week + draw.integers(0, 2)
                cut, shown = draw.choice([0.0, 0.1, 0.2, 0.3], p=[0.15, 0.35, 0.35, 0.15]), draw.random() < 0.6
            if week <= until:
                promoted[item, week], displayed[item, week], depth[item, week] = 1, shown, cut
    return promoted, displayed, depth


def _substitutes(draw: np.random.Generator, category: FloatArray) -> FloatArray:
    """Cross-elasticities, (I, I): three neighbours of each item in its category."""
    cross = np.zeros((len(category), len(category)))
    for item in range(len(category)):
        neighbours = np.flatnonzero((category == category[item]) & (np.arange(len(category)) != item))
        cross[item, draw.permutation(neighbours)[:3]] = draw.uniform(0.05, 0.35, 3)
    return cross


def twin_without_stocking_up(seed: int) -> Case:
    """The same, where nobody buys ahead: then the answer of a week's sales is that of its demand."""
    return twin(seed, stock_up=False)


def twin(seed: int, *, stock_up: bool = True) -> Case:
    """Two years of the twin, shelves kept full, under prices that fall in high season and after good months, wander
    with costs and zones, and are cut in promotions that are likelier in high season."""
    world = World.make("heterogeneous", stores=8, items=80, seed=seed)
    if not stock_up:
        world = replace(world, stock_up=np.zeros_like(world.stock_up))
    chain, draw = Chain(world, seed=seed), np.random.default_rng(seed)
    stores, items = len(world.stores), len(world.items)
    zone = draw.integers(0, 3, stores)
    habit = draw.choice([-0.8, 0.8], len(world.warmth), p=[0.75, 0.25])[world.category]
    costs, recent, usual = np.zeros(items), world.rate.sum(axis=0), world.rate.sum(axis=0)
    zones, coming = np.zeros((3, items)), np.zeros((stores, items))
    weeks: list[list[FloatArray]] = []
    for week in range(WEEKS):
        ahead = np.mean([season(world, 7 * week + day) for day in range(7)], axis=0)
        costs = costs + draw.normal(0, 0.03, items) * (draw.random(items) < 0.1)
        logs = costs + habit * ahead - 0.1 * np.log(np.maximum(recent, 1e-9) / usual)
        offered = draw.random(items) < np.minimum(0.06 * np.exp(3 * ahead), 0.5)
        shown = offered & (draw.random(items) < 0.5)
        logs = logs + np.log1p(-np.where(offered, draw.choice([0.0, 0.1, 0.2, 0.3], items), 0.0))
        if week % 4 == 0:
            zones = draw.normal(0, 0.025, (3, items))
        price = world.regular_price * np.exp(logs + zones[zone])
        flags = [np.broadcast_to(one, price.shape) for one in (offered, shown)]
        days = []
        for _ in range(7):
            order = np.maximum(STOCK_DAYS * world.rate - coming, 0)
            days.append(chain.advance(Actions(price=price, promoted=flags[0], displayed=flags[1], order=order)))
            coming = days[-1].stock + days[-1].on_order
        sold = np.sum([day.sold for day in days], axis=0)
        recent = 0.75 * recent + 0.25 * sold.sum(axis=0) / 7
        rival = np.exp(np.mean([np.log(day.competitor) for day in days], axis=0))
        open_ = 1 - np.mean([day.lost > 0 for day in days], axis=0)
        weeks.append([sold, price, *flags, np.broadcast_to(rival, price.shape), open_])
    units, prices, promoted, displayed, competitor, on_sale = (
        np.stack(part, axis=2) for part in zip(*weeks, strict=True)
    )
    truth = (world.elasticity * world.rate).sum(axis=0) / world.rate.sum(axis=0)
    extra = {"promoted": promoted, "displayed": displayed, "competitor": competitor, "on_sale": on_sale}
    return _case(
        units,
        prices,
        extra,
        world.category,
        np.unique(world.departments, return_inverse=True)[1][world.category],
        truth,
    )


def _case(
    units: FloatArray, prices: FloatArray, extra: dict[str, FloatArray], category: FloatArray, department: FloatArray,
    truth: FloatArray,
) -> Case:  # fmt: skip
    """As weeks of stores' items; arrays are (S, I, W), or (I, W) where all stores have the same."""
    store, item, week = (part.ravel() for part in np.indices(units.shape))
    names = np.array([f"i{number:03d}" for number in range(units.shape[1])], dtype=object)
    rows = pd.DataFrame({"store": store, "item": names[item], "week": week, "units": units.ravel()})
    rows["price"] = prices.ravel()
    for name, values in extra.items():
        rows[name] = np.broadcast_to(values, units.shape).astype(float).ravel()
    if "on_sale" in rows:
        rows = rows[rows["on_sale"] >= 0.5]
    goods = pd.DataFrame(
        {
            "item": names,
            "category": [f"c{code}" for code in category],
            "department": [f"d{code}" for code in department],
        }
    )
    return Case(rows, goods, pd.Series(truth, index=names))


# Contenders and scores


def _naive(case: Case) -> tuple[FloatArray, FloatArray]:
    """Each item's regression of log(1 + units) on the logarithm of its price: slope and its standard error, (I,)."""
    item = case.truth.index.get_indexer(case.rows["item"])
    return _slopes(item, np.log1p(case.rows["units"].to_numpy()), np.log(case.rows["price"].to_numpy()), 1)


def _fixed_effects(case: Case) -> tuple[FloatArray, FloatArray]:
    """The same after an effect of every store's item and of every week."""
    rows = case.rows
    groups = [rows.groupby(["store", "item"]).ngroup().to_numpy(), rows["week"].to_numpy()]
    units, price = np.log1p(rows["units"].to_numpy()), np.log(rows["price"].to_numpy())
    for _ in range(10):
        for group in groups:
            count = np.maximum(np.bincount(group), 1)
            units = units - (np.bincount(group, units) / count)[group]
            price = price - (np.bincount(group, price) / count)[group]
    return _slopes(case.truth.index.get_indexer(rows["item"]), units, price, rows["store"].nunique())


def _slopes(item: FloatArray, units: FloatArray, price: FloatArray, fitted: int) -> tuple[FloatArray, FloatArray]:
    """Slope of each item and its standard error, where `fitted` means have been estimated, (I,)."""
    count = np.bincount(item)
    units = units - (np.bincount(item, units) / count)[item]
    price = price - (np.bincount(item, price) / count)[item]
    square = np.bincount(item, price**2)
    slope = np.bincount(item, price * units) / square
    left = np.bincount(item, (units - slope[item] * price) ** 2) / (count - 1 - fitted)
    return slope, np.sqrt(left / square)


def _scored(name: str, make: Callable[[int], Case], seeds: range) -> Iterator[Row]:
    """All contenders on the chains of all seeds: a row per metric, the mean over seeds with a normal 90 % interval."""
    found: dict[tuple[str, str], list[float]] = {}
    cpu: dict[str, float] = {}
    for seed in seeds:
        case = make(seed)
        truth = case.truth.to_numpy()
        for model, contender in (("naive", _naive), ("fixed_effects", _fixed_effects)):
            began = time.process_time()
            mean, sd = contender(case)
            cpu[model] = cpu.get(model, 0.0) + time.process_time() - began
            _score(found, model, mean - truth, Z * sd)
        began = time.process_time()
        own = elasticities_of(History.from_table(case.rows, case.goods, FIRST), Policy(), seed=seed).own
        cpu["aislehub"] = cpu.get("aislehub", 0.0) + time.process_time() - began
        own = own.set_index("item").loc[case.truth.index]
        _score(found, "aislehub", (own["elasticity"] - truth).to_numpy(), ((own["high"] - own["low"]) / 2).to_numpy())
        told = own["identified"].to_numpy(bool)
        cpu["aislehub, unshrunk"] = cpu["aislehub"]
        _score(found, "aislehub, unshrunk", (own["own"] - truth)[told].to_numpy(), Z * own["own_sd"][told].to_numpy())
        found.setdefault(("aislehub", "identified"), []).append(float(told.mean()))
        ratio = found["aislehub", "rmse"][-1] / found["naive", "rmse"][-1]
        found.setdefault(("aislehub", "rmse_over_naive"), []).append(ratio)
    for (model, metric), values in found.items():
        margin = Z * float(np.std(values, ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else 0.0
        yield _row(name, model, metric, float(np.mean(values)), margin, cpu[model] / len(values))


def _score(found: dict[tuple[str, str], list[float]], model: str, error: FloatArray, half: FloatArray) -> None:
    for metric, value in (
        ("rmse", np.sqrt(np.mean(error**2))), ("bias", np.mean(error)), ("coverage_90", np.mean(np.abs(error) < half)),
    ):  # fmt: skip
        found.setdefault((model, metric), []).append(float(value))


def _row(data: str, model: str, metric: str, value: float, margin: float, cpu: float) -> Row:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {
        "bench": "elasticity", "data": data, "model": model, "metric": metric, "value": round(value, 4),
        "low": round(value - margin, 4), "high": round(value + margin, 4), "cpu_s": round(cpu, 2), "peak_mb": peak,
    }  # fmt: skip


# Real sales, whose truth nobody knows


def _orange_juice(path: Path) -> tuple[pd.DataFrame, pd.DataFrame, date]:
    """Dominick's: ounces of 11 brands by store and week, list prices per ounce, deals and advertisements."""
    table = pd.read_parquet(path)
    asked = table[[f"price{brand}" for brand in range(1, 12)]].to_numpy()
    rows = pd.DataFrame(
        {
            "store": table["store"].astype(str), "item": table["brand"].astype(str).str.zfill(2),
            "week": table["week"] - table["week"].min(), "units": np.exp(table["logmove"]),
            "price": asked[np.arange(len(table)), table["brand"] - 1], "displayed": table["feat"],
            "promoted": ((table["deal"] > 0) | (table["feat"] > 0)).astype(float),
        }
    )  # fmt: skip
    goods = pd.DataFrame({"item": sorted(rows["item"].unique()), "category": "orange juice", "department": "chilled"})
    return rows, goods, date(1990, 6, 14)


def _means(name: str, rows: pd.DataFrame, goods: pd.DataFrame, first: date) -> Iterator[Row]:
    """Mean elasticity over items of real weeks, with the mean interval; the plain regressions beside."""
    case = Case(rows, goods, pd.Series(0.0, index=pd.Index(sorted(goods["item"]))))
    for model, contender in (("naive", _naive), ("fixed_effects", _fixed_effects)):
        began = time.process_time()
        mean, sd = contender(case)
        yield _row(
            name, model, "mean_elasticity", float(mean.mean()), Z * float(sd.mean()), time.process_time() - began
        )
    yield _row(name, "one_slope", "mean_elasticity", _one_slope(rows), 0.0, 0.0)
    began = time.process_time()
    own = elasticities_of(History.from_table(rows, goods, first), Policy()).own
    half = float((own["high"] - own["low"]).mean()) / 2
    yield _row(name, "aislehub", "mean_elasticity", float(own["elasticity"].mean()), half, time.process_time() - began)


def _one_slope(rows: pd.DataFrame) -> float:
    """One log-log slope of all items with an effect of every store's item: what is published for these data."""
    logs = pd.DataFrame({"units": np.log1p(rows["units"]), "price": np.log(rows["price"])})
    apart = logs - logs.groupby([rows["store"], rows["item"]]).transform("mean")
    return float((apart["units"] * apart["price"]).sum() / (apart["price"] ** 2).sum())
