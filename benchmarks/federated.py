"""Learning together beside learning alone and beside all rows in one place, and what a promise of privacy costs.

Complete Journey's stores are dealt out to 4, 10, 20 and 40 franchisees, since what a house gains depends on how little
it has. Each contender chooses its ridge by the recall of eight earlier weeks. `pooled` has all rows in one place, and a
member of several franchisees once. The protocol's figures come from the real one, over TCP with TLS, in this process.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aislehub.core.tables import Tables
from aislehub.customer.federated import forecast, recommender
from aislehub.customer.federated.budget import calibrated
from aislehub.customer.federated.certificates import COORDINATOR, found, load_identity
from aislehub.customer.federated.hall import open_hall
from aislehub.customer.federated.house import House, read_house
from aislehub.customer.federated.learned import Learned
from aislehub.customer.federated.noise import gaussian
from aislehub.customer.federated.party import Session, take_part
from aislehub.customer.federated.split import deal, party_names
from aislehub.customer.federated.tasks import Workshop
from aislehub.customer.federated.terms import Answered, Terms
from aislehub.customer.federated.train import COUNTS_NOISE, Course, train
from aislehub.data.sources.complete_journey import CompleteJourney
from aislehub.schema import CONSENTS, ITEMS, SALES_LINES

__all__ = ["run"]

FloatArray = NDArray[np.float64]
Row = dict[str, Any]
CHOSEN_ON = (date(2017, 9, 2), date(2017, 9, 30))  # their four weeks after end before the first scored ones
ORIGINS = (date(2017, 11, 5), date(2017, 12, 3))
AHEAD = 28
PARTIES = (4, 10, 20, 40)
MOST_IN_FULL = 10
"""Franchisees up to which promises, forecasts and the protocol are measured, too."""
HEAD, CLIP, RIDGES = 500, 5.0, (50.0, 150.0, 450.0, 1350.0)
PROMISED_HEAD, PROMISED_CLIP, PROMISED_RIDGE = 100, 1.0, 1.0
EPSILONS, DELTA = (8.0, 2.0, 1.0), 1e-5
DRAWS, RESAMPLES = 3, 1000


@dataclass(frozen=True)
class Scored:
    """Recall of one contender: of each member at each party and origin, with the member's name."""

    recall: FloatArray
    member: NDArray[np.object_]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: not used: it is about this chain, whose stores are dealt out.
        quick: four franchisees, one origin, one draw of noise.
        seed: of the bootstrap; noise of a promise has none.
    """
    tables, items = _chain()
    origins, counts = (ORIGINS[:1], PARTIES[:1]) if quick else (ORIGINS, PARTIES)
    chosen_on = CHOSEN_ON[-1:] if quick else CHOSEN_ON
    return measured(tables, items, chosen_on, origins, counts, draws=1 if quick else DRAWS, seed=seed)


def measured(
    tables: Tables, items: list[str], chosen_on: Sequence[date], origins: Sequence[date], counts: Sequence[int], *,
    draws: int, seed: int,
) -> list[Row]:  # fmt: skip
    """Rows of any chain, for each number of parties: contenders choose on the first days, and the second score them."""
    whole = {until: read_house(tables, until, ahead_days=AHEAD) for until in (*chosen_on, *origins)}
    rows: list[Row] = []
    for parties in counts:
        stores, data = deal(tables, parties), f"{parties} franchisees"
        early, late = (
            [_Ground.of([_part(whole[until], each) for each in stores], items) for until in days]
            for days in (chosen_on, origins)
        )
        members = np.mean([house.members for house in late[-1].houses])
        rows.append(_row(data, "parties", "members each", members, cpu=0.0))
        rows.append(_row(data, "parties", "stores each", np.mean([len(each) for each in stores]), cpu=0.0))
        full = parties <= MOST_IN_FULL
        rows += _recalls(early, late, items, data, draws if full else 0, seed)
        if full:
            read = [_houses(tables, stores, origin) for origin in origins]
            rows += _forecasts(read, data)
            rows += _protocol(tables, stores, origins[-1], items, read[-1])
    return rows


@dataclass(frozen=True)
class _Ground:
    """What contenders learn from at one day: of all houses together and of each, heads and upper halves of XᵀX."""

    houses: list[House]
    counts: FloatArray
    head: list[str]
    halves: list[FloatArray]
    own_heads: list[list[str]]
    own_halves: list[FloatArray]

    @classmethod
    def of(cls, houses: list[House], items: list[str]) -> _Ground:
        counts = [recommender.counts(house, items, CLIP) for house in houses]
        total = np.sum(counts, axis=0)
        head, own = recommender.head(items, total, HEAD), [recommender.head(items, one, HEAD) for one in counts]
        return cls(
            houses, total, head, [recommender.gram(house, head, CLIP) for house in houses], own,
            [recommender.gram(house, its, CLIP) for house, its in zip(houses, own, strict=True)],
        )  # fmt: skip


def _recalls(
    early: list[_Ground], late: list[_Ground], items: list[str], data: str, draws: int, seed: int
) -> Iterator[Row]:
    began = time.process_time()
    ridges = {
        arm: max(RIDGES, key=lambda ridge, arm=arm: np.mean([_arm(arm, one, items, ridge).mean() for one in early]))
        for arm in _ARMS
    }
    names = np.concatenate([_names(house) for ground in late for house in ground.houses])
    found = {
        arm: Scored(np.concatenate([_arm(arm, ground, items, ridges[arm]) for ground in late]), names) for arm in _ARMS
    }
    for epsilon in EPSILONS if draws else ():
        drawn = [np.concatenate([_promised(one.houses, items, epsilon) for one in late]) for _ in range(draws)]
        found[f"federated, ε = {epsilon:g}"] = Scored(np.mean(drawn, axis=0), names)
    cpu = time.process_time() - began
    for arm, scored in found.items():
        yield _row(data, arm, "recall@10", scored.recall.mean(), cpu=cpu)
    promised = [arm for arm in found if "ε" in arm]
    pairs = [("federated", base) for base in ("alone", "pooled", "popular")]
    pairs += [("federated and own", "federated"), ("pooled", "alone")]
    pairs += [(arm, base) for arm in promised for base in ("federated", "alone", "popular")]
    for arm, base in pairs:
        yield _row(data, arm, f"recall@10 over {base}", *_ratio(found[arm], found[base], seed), cpu=cpu)


def _arm(arm: str, ground: _Ground, items: list[str], ridge: float) -> FloatArray:
    """Recall of one contender at every party, one party after the other."""
    total = np.sum(ground.halves, axis=0)
    parts = zip(ground.houses, ground.halves, ground.own_heads, ground.own_halves, strict=True)
    if arm == "alone":
        return np.concatenate([_recall(house, head, half, ridge) for house, _, head, half in parts])
    if arm == "federated and own":  # each counts its own rows twice
        return np.concatenate([_recall(house, ground.head, total + half, ridge) for house, half, _, _ in parts])
    if arm == "popular":
        model: Any = _Popular(ground.counts[np.searchsorted(items, ground.head)])
    elif arm == "federated":
        model = recommender.fit(total, ridge)
    else:
        model = recommender.fit(_pooled(ground.houses, ground.head), ridge)
    return np.concatenate([recommender.recall(house, ground.head, model) for house in ground.houses])


_ARMS = ("alone", "popular", "federated", "federated and own", "pooled")


def _recall(house: House, head: list[str], half: FloatArray, ridge: float) -> FloatArray:
    return recommender.recall(house, head, recommender.fit(half, ridge))


def _part(whole: House, stores: Sequence[str]) -> House:
    """A party's members and purchases, from those of the chain."""
    mine = np.isin(whole.baskets.stores, list(stores))
    baskets, later = whole.baskets.of_stores(mine), whole.later.of_stores(mine)
    return replace(whole, baskets=baskets, later=later, stores=len(stores), lines=len(baskets.item))


def _pooled(houses: list[House], head: list[str]) -> FloatArray:
    """Upper half of XᵀX where a member's purchases at all parties are one row."""
    rows = sum(recommender.rows_of(house.baskets, head, np.inf) for house in houses).toarray()
    held = (rows > 0).astype(float)
    held *= np.minimum(1.0, CLIP / np.maximum(np.linalg.norm(held, axis=1), 1.0))[:, None]
    return recommender.triangle(held.T @ held)


@dataclass(frozen=True)
class _Popular:
    """The items that most members bought, for everybody."""

    counts: FloatArray

    def scores(self, rows: Any) -> FloatArray:
        return np.tile(self.counts, (rows.shape[0], 1))


def _promised(houses: list[House], items: list[str], epsilon: float) -> FloatArray:
    """Recall under a promise, with the noise that all parties together leave in the sums."""
    for_counts, for_gram = calibrated(epsilon, DELTA, (COUNTS_NOISE, 1.0)).multipliers
    more = np.sqrt(len(houses) / (2 * len(houses) // 3 + 1))  # than promised, since nobody fell out
    counts = np.sum([recommender.counts(house, items, PROMISED_CLIP) for house in houses], axis=0)
    head = recommender.head(items, counts + gaussian(more * for_counts * PROMISED_CLIP, len(counts)), PROMISED_HEAD)
    half = np.sum([recommender.gram(house, head, PROMISED_CLIP) for house in houses], axis=0)
    sigma = more * for_gram * PROMISED_CLIP**2
    model = recommender.fit(half + gaussian(sigma, len(half)), PROMISED_RIDGE, sigma)
    return np.concatenate([recommender.recall(house, head, model) for house in houses])


def _names(house: House) -> NDArray[np.object_]:
    """Members in the order of `recall`."""
    new = house.later.matrix()
    new = np.asarray((new - new.multiply(house.baskets.matrix())).sum(axis=1)).ravel()
    return house.baskets.customers[new > 0]


def _ratio(one: Scored, base: Scored, seed: int) -> tuple[float, float, float]:
    """Ratio of mean recalls with a 95 % interval by bootstrap over members, at whatever party and origin they are."""
    _, code = np.unique(one.member, return_inverse=True)
    sums = np.array([np.bincount(code, weights=scored.recall) for scored in (one, base)])
    drawn = np.random.default_rng(seed).multinomial(sums.shape[1], np.full(sums.shape[1], 1 / sums.shape[1]), RESAMPLES)
    above, below = drawn @ sums[0], drawn @ sums[1]
    low, high = np.quantile(above / below, [0.025, 0.975])
    return float(sums[0].sum() / sums[1].sum()), float(low), float(high)


def _forecasts(late: list[list[House]], data: str) -> Iterator[Row]:
    began, errors = time.process_time(), dict[str, list[float]]()
    for houses in late:
        ridge = forecast.solve(np.sum([forecast.ridge_sums(house) for house in houses], axis=0), 1e-9)
        newton = np.zeros(0)
        for _ in range(8):
            newton = forecast.solve(np.sum([forecast.newton_sums(house, newton) for house in houses], axis=0), 1e-9)
        for house in houses:
            coming, last = house.weekly[:, house.weeks :], house.weekly[:, house.weeks - 4 : house.weeks]
            own = forecast.solve(forecast.ridge_sums(house), 1e-9)
            for name, predicted in (
                ("mean of 4 weeks", np.repeat(last.mean(axis=1)[:, None], coming.shape[1], axis=1)),
                ("ridge alone", forecast.forecast(house, own, "ridge")),
                ("ridge federated", forecast.forecast(house, ridge, "ridge")),
                ("poisson federated", forecast.forecast(house, newton, "poisson")),
            ):
                errors.setdefault(name, []).append(forecast.wape(coming, predicted))
    for name, of_parties in errors.items():
        yield _row(data, name, "weekly WAPE, mean of parties", np.mean(of_parties), cpu=time.process_time() - began)


def _protocol(
    tables: Tables, stores: Sequence[Sequence[str]], until: date, items: list[str], houses: list[House]
) -> Iterator[Row]:
    """The real thing: how far its sums are off, bytes, and seconds of all parties and the coordinator together."""
    data, names = f"{len(stores)} franchisees", party_names(len(stores))
    held = dict(zip(sorted(names), houses, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        found(Path(folder) / "members", names)
        identities = {name: load_identity(Path(folder) / "members" / name) for name in (COORDINATOR, *names)}
        course = Course(items, until, ahead_days=AHEAD, head=HEAD, clip=CLIP, ridge=150.0)

        async def party(name: str, port: int) -> Session:
            work = Workshop(lambda *period: held[name])
            answered = Answered(Path(folder) / f"{name}.json")
            return await take_part(identities[name], "127.0.0.1", port, work, terms=Terms(), answered=answered)

        async def all_of_them() -> tuple[Learned, list[Session]]:
            async with open_hall(identities[COORDINATOR], "127.0.0.1") as hall:
                tasks = [asyncio.create_task(party(name, hall.port)) for name in names]
                await hall.wait(len(names), 60)
                learned, _ = await train(hall, course)
                await hall.end(60)
                return learned, [await task for task in tasks]

        began, at = time.process_time(), time.perf_counter()
        learned, sessions = asyncio.run(all_of_them())
        cpu, wall = time.process_time() - began, time.perf_counter() - at
    half = np.sum([recommender.gram(house, learned.head, CLIP) for house in houses], axis=0)
    yield _row(data, "federated", "largest difference to the plain sum", np.abs(half - learned.half).max(), cpu=cpu)
    for metric, value in (
        ("bytes sent by a party", np.mean([session.sent for session in sessions])),
        ("bytes received by a party", np.mean([session.received for session in sessions])),
        ("CPU-s of all together", cpu), ("seconds", wall),
    ):  # fmt: skip
        yield _row(data, "federated", metric, value, cpu=cpu)


def _houses(tables: Tables, stores: Sequence[Sequence[str]], until: date) -> list[House]:
    return [read_house(tables, until, stores=each, ahead_days=AHEAD) for each in stores]


def _chain() -> tuple[Tables, list[str]]:
    """Complete Journey's sales and items in memory, and the items' names."""
    contracts = {contract.name: contract for contract in (SALES_LINES, ITEMS, CONSENTS)}
    tables = Tables(None, contracts)
    parts: dict[str, list[pa.Table]] = {}
    for name, rows in CompleteJourney().rows(None):
        if name in contracts:
            parts.setdefault(name, []).append(contracts[name].check(rows).good)
    for name, tables_of in parts.items():
        tables.append(name, pa.concat_tables(tables_of))
    goods = tables.read("items")
    names = goods.filter(goods.is_sellable.fill_null(True)).select("item").order_by("item").to_pandas()["item"]
    return tables, names.tolist()


def _row(
    data: str, model: str, metric: str, value: float, low: float | None = None, high: float | None = None, *, cpu: float
) -> Row:
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return {
        "bench": "federated", "data": data, "model": model, "metric": metric, "value": float(value),
        "low": low, "high": high, "cpu_s": round(cpu, 1), "peak_mb": peak,
    }  # fmt: skip
