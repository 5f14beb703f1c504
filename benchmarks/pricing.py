"""Profit of the hub's prices in worlds of known truth, their guard-rails under fuzz, and their speed.

In each world a history is lived first, in which prices move at random within a few per cent; elasticities are estimated
from its sales. Then every contender lives the same days, with the same shoppers and the same rule of replenishment:

- `best_markup`: cost times one factor, the one that earns most in these very days (tuned in hindsight, in each world);
- `regular`: the prices that the world began with;
- `aislehub`: the shipped decision (`price.decide.propose`) every evening with the shipped guard-rails, from estimates;
- `clairvoyant`: the same decision from the true elasticities and demand, without guard-rails.

Everything here is simulated (`aislehub.twin`). The cost of each price change is taken off the contenders that change.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aislehub.core.desk import Desk
from aislehub.core.inbox import Inbox
from aislehub.core.tables import Tables
from aislehub.law import NewPrice, PriceHistory, check, prior_price
from aislehub.price.batches import Expiry
from aislehub.price.decide import Situation, propose
from aislehub.price.guardrails import Lines, within_budget
from aislehub.price.ladder import FloatArray, ladder
from aislehub.price.pricing import Policy
from aislehub.price.response import WEIGHTS, Response
from aislehub.price.steady import Outlook
from aislehub.price.till import till_price
from aislehub.schema import PRICES
from aislehub.twin.chain import Actions, Chain, Outcome
from aislehub.twin.demand import season
from aislehub.twin.world import FAMILIES, KEEPS, World

__all__ = ["run"]

STORES, ITEMS = 4, 40
HISTORY, LIVED = 182, 84  # days
HELD = 14  # days that a price holds in the history
MOVES = 0.12  # largest move of a price in the history, in logarithms
COVER = 3  # days that the rule of replenishment covers beyond the lead time
HORIZON = 7  # days over which a price of goods that keep is chosen
MARKUPS = np.arange(1.2, 2.4, 0.15)
RESAMPLES = 2000
FUZZED = 1_000_000
Row = dict[str, Any]
Pricing = Callable[["House"], FloatArray]
FREE = Policy(
    margin_floor=0.0, max_step=0.5, hold_days=1, changes_per_day=10**9, clearance_step=0.9, clearance_below_cost=0.95,
    change_cost=0.0, least_money=0.0, certainty=0.0, raise_when_short=True, beyond_seen=0.5,
)  # fmt: skip


def run(data: Path | None = None, *, quick: bool = False, seed: int = 1) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: unused: the truth has to be known.
        quick: one world of one family and 20,000 fuzzed prices, for the tests.
        seed: of the first world; the others follow.
    """
    families = FAMILIES[:1] if quick else FAMILIES
    seeds = range(seed, seed + (1 if quick else 20))
    rows = [row for family in families for row in _family(family, seeds)]
    rows += _fuzz(20_000 if quick else FUZZED, seed)
    return rows + _speed(seed) + _answers(quick)


# Worlds


@dataclass
class House:
    """What a contender knows on a morning: what it asked, sold and has, and what it estimated from the history.

    Attributes:
        price: asked yesterday, (S, I); regular: without clearances; held: days since that changed.
        until: day on which a clearance ends, (S, I); lowest, highest: regular prices asked in a year.
        level: units a day wanted at `base`, weekday and season apart, (S, I); it follows what is asked for.
        base: price at which `level` holds.
        response: elasticities of the cells, row-major.
        cross: sum of an item's elasticities to the prices of its category, (I,).
    """

    chain: Chain
    price: FloatArray
    regular: FloatArray
    held: FloatArray
    until: FloatArray
    level: FloatArray
    base: FloatArray
    response: Response
    cross: FloatArray
    lowest: FloatArray
    highest: FloatArray
    changes: int = 0

    def demand(self, price: FloatArray) -> FloatArray:
        """Units a day expected at a price, (S, I)."""
        elasticity = (self.response.elasticity @ WEIGHTS).reshape(self.level.shape)
        return self.level * (price / self.base) ** elasticity


def _family(family: str, seeds: range) -> list[Row]:
    """Profit of every contender over all worlds of a family."""
    found: dict[str, list[float]] = {}
    began = time.process_time()
    for seed in seeds:
        world = World.make(family, stores=STORES, items=ITEMS, seed=seed)
        start = _lived_history(world, seed)
        markups = {factor: _live(start, _markup(factor)) for factor in MARKUPS}
        best = max(markups, key=lambda factor: markups[factor])
        near = [_live(start, _markup(best + step)) for step in (-0.1, -0.05, 0.05, 0.1)]
        found.setdefault("best_markup", []).append(max([markups[best], *near]))
        found.setdefault("regular", []).append(_live(start, _fixed(lambda world: world.regular_price)))
        found.setdefault("aislehub", []).append(_live(start, _hub(Policy())))
        found.setdefault("clairvoyant", []).append(_live(_knowing(start), _hub(FREE, knows=True)))
    cpu = time.process_time() - began
    rows = [_row(family, model, "profit", np.array(values), cpu) for model, values in found.items()]
    mine = np.array(found["aislehub"])
    for against in ("best_markup", "regular", "clairvoyant"):
        rows.append(_row(family, "aislehub", f"profit_over_{against}", mine, cpu, over=np.array(found[against])))
    return rows


def _lived_history(world: World, seed: int) -> House:
    """The chain after the history, and what its sales tell."""
    chain, rng = Chain(world, seed=seed), np.random.default_rng([seed, 0x9816])
    level = world.rate.copy()
    days: list[Outcome] = []
    price = world.regular_price
    for day in range(HISTORY):
        if day % HELD == 0:
            together = rng.uniform(-MOVES / 2, MOVES / 2, (len(world.stores), len(world.categories)))
            alone = rng.uniform(-MOVES, MOVES, world.shape)
            price = world.regular_price * np.exp(together[:, world.category] + alone)
        days.append(chain.advance(Actions(price=price, order=_order(chain, level))))
        level += 0.05 * (days[-1].demand - level)
    response, cross = _estimates(world, days)
    held, never = np.full(world.shape, float(HELD)), np.full(world.shape, -1.0)
    asked = np.stack([day.price for day in days])
    house = House(
        chain, price, price, held, never, level, world.regular_price, response, cross, asked.min(axis=0),
        asked.max(axis=0),
    )  # fmt: skip
    elasticity = (response.elasticity @ WEIGHTS).reshape(world.shape)
    recent = [o.demand / (o.price / house.base) ** elasticity for o in days[-56:]]
    house.level = np.mean(recent, axis=0)
    return house


def _knowing(house: House) -> House:
    """The same morning for somebody who knows the truth."""
    world = house.chain.world
    exact = np.repeat(world.elasticity_on(house.chain.day).reshape(-1, 1), len(WEIGHTS), axis=1)
    return replace(house, response=Response(exact, WEIGHTS), cross=np.asarray(world.cross.sum(axis=1)).ravel())


def _live(start: House, pricing: Pricing) -> float:
    """Profit of the days after the history under one way of pricing."""
    copies = {name: getattr(start, name).copy() for name in ("level", "held", "until")}
    house = replace(start, chain=start.chain.fork(), **copies)
    profit = 0.0
    for _ in range(LIVED):
        price = pricing(house)
        house.changes += int((np.abs(price / house.price - 1) > 1e-9).sum())
        house.price = price
        outcome = house.chain.advance(Actions(price=price, order=_order(house.chain, house.demand(house.regular))))
        profit += float(outcome.profit.sum())
        elasticity = (house.response.elasticity @ WEIGHTS).reshape(price.shape)
        house.level += 0.03 * (outcome.demand / (price / house.base) ** elasticity - house.level)
        house.level = np.maximum(house.level, 0.01)
    return profit


def _order(chain: Chain, demand: FloatArray) -> FloatArray:
    """Everybody's rule: order up to what is wanted until the next order, and some; no more than lives so long."""
    world = chain.world
    days = np.minimum(world.lead_days + COVER, np.maximum(world.life, 2))
    wanted = demand * days
    position = chain.on_hand + chain.on_order
    return np.maximum(np.ceil(wanted + np.sqrt(wanted) - position), 0)


def _markup(factor: float) -> Pricing:
    return _fixed(lambda world: factor * world.cost)


def _fixed(price: Callable[[World], FloatArray]) -> Pricing:
    def pricing(house: House) -> FloatArray:
        house.regular = price(house.chain.world)
        return house.regular

    return pricing


def _hub(policy: Policy, *, knows: bool = False) -> Pricing:
    """The shipped decision, every evening."""
    steps = ladder("USD")

    def pricing(house: House) -> FloatArray:
        world, chain = house.chain.world, house.chain
        house.price = np.where(house.until >= chain.day, house.price, house.regular)
        lines = _lines(house, policy)
        daily = np.repeat(house.demand(house.price).reshape(-1, 1), HORIZON, axis=1)
        if knows:
            daily = np.column_stack([_true_demand(house, ahead) for ahead in range(HORIZON)])
        scatter = 1 + daily[:, 0] / np.tile(world.dispersion, len(world.stores)) if knows else 1 + daily[:, 0] / 4
        stock = (chain.on_hand + chain.on_order).ravel() * HORIZON / COVER
        outlook = Outlook(daily.sum(axis=1), np.full(len(stock), 1.5), stock, _beside(house) * HORIZON)
        found = Situation(lines, outlook, daily, scatter, house.response, _expiry(chain))
        chosen = propose(found, steps, policy, policy.terms, rungs=policy.rungs, seed=chain.day)
        stores = np.repeat(np.arange(len(world.stores)), len(world.items))
        rows = np.flatnonzero(chosen.changed)
        rows = rows[within_budget(stores[rows], chosen.money[rows], policy.changes_per_day)]
        house.held += 1
        price, regular = lines.price.copy(), house.regular.ravel().copy()
        until, held = house.until.ravel(), house.held.ravel()
        price[rows] = chosen.price[rows]
        cleared = rows[lines.short_dated[rows]]
        until[cleared] = chain.day + found.expiry.days[cleared] - 1  # then the regular price holds again
        kept = rows[~lines.short_dated[rows]]
        regular[kept], held[kept] = chosen.price[kept], 1.0
        house.regular = regular.reshape(world.shape)
        return price.reshape(world.shape)

    return pricing


def _lines(house: House, policy: Policy) -> Lines:
    """What the guard-rails ask of every store and item."""
    world, count = house.chain.world, house.price.size
    nothing = np.zeros(count, dtype=bool)
    expiry = _expiry(house.chain)
    short_dated = (expiry.days > 0) & (expiry.days <= policy.clearance_days)
    return Lines(
        house.price.ravel(), world.cost.ravel(), np.zeros(count), short_dated, np.full(count, np.nan),
        house.held.ravel(), nothing, nothing, house.lowest.ravel(), house.highest.ravel(), np.full(count, np.nan),
    )  # fmt: skip


def _expiry(chain: Chain) -> Expiry:
    """The units that expire first, as the dates on the deliveries tell."""
    world = chain.world
    spoiling = np.flatnonzero(world.life < KEEPS)
    ages = len(chain.fresh)
    first = chain.fresh[(chain.day + np.arange(ages)) % ages]  # (A, S, P), the earliest date first
    there = first > 0
    left = np.where(there.any(axis=0), there.argmax(axis=0) + 1, 0)
    units = np.take_along_axis(first, np.maximum(left - 1, 0)[None], axis=0)[0]
    days, expiring = np.zeros(world.shape, dtype=np.int64), np.zeros(world.shape)
    days[:, spoiling], expiring[:, spoiling] = left, units
    return Expiry(days.ravel(), expiring.ravel(), (chain.on_hand - expiring).ravel())


def _beside(house: House) -> FloatArray:
    """Money a day that the other items of the category gain from a price higher by one log unit, per cell."""
    world = house.chain.world
    earns = (house.price - world.cost) * house.demand(house.price) * house.cross / np.maximum(_members(world) - 1, 1)
    sums = np.stack([np.bincount(world.category, row) for row in earns])[:, world.category]
    return (sums - earns).ravel()


def _members(world: World) -> FloatArray:
    """Items in the category of each item, (I,)."""
    return np.bincount(world.category)[world.category].astype(float)


def _true_demand(house: House, ahead: int) -> FloatArray:
    """Expected units of a coming day at yesterday's prices, for somebody who knows the truth but not the chance."""
    world, day = house.chain.world, house.chain.day + ahead
    cut = np.log(house.price) - world.log_regular
    visits = world.family.week[(world.start + timedelta(day)).weekday()]
    log = world.log_rate_on(day) + season(world, day) + np.log(visits)
    log = log + world.elasticity_on(day) * cut + (world.cross @ cut.T).T
    return np.asarray(np.exp(log)).ravel()


# Estimates


def _estimates(world: World, days: list[Outcome]) -> tuple[Response, FloatArray]:
    """Own elasticities of the cells with 90 % intervals, and each item's cross elasticity, from a history.

    Poisson regression per item over stores and spans of one price, with an effect for each store and, as offset, the
    units of the whole store in the span; drawn to the category and the chain (empirical Bayes).
    """
    spans = len(days) // HELD
    units = np.stack([sum(o.demand for o in days[k * HELD : (k + 1) * HELD]) for k in range(spans)])  # (W, S, I)
    own = np.stack([np.log(days[k * HELD].price) for k in range(spans)]) - world.log_regular
    sums = np.stack([np.stack([np.bincount(world.category, row) for row in span]) for span in own])
    others = (sums[:, :, world.category] - own) / np.maximum(_members(world) - 1, 1)
    offset = np.log(units.sum(axis=2, keepdims=True))
    beta = np.zeros((len(world.items), 2))
    x = np.stack([own, others], axis=-1)  # (W, S, I, 2)
    for _ in range(12):
        expected = np.exp(offset + np.einsum("wsia,ia->wsi", x, beta))
        expected *= units.sum(axis=0) / np.maximum(expected.sum(axis=0), 1e-9)
        centred = x - (x * expected[..., None]).sum(axis=0) / np.maximum(expected.sum(axis=0), 1e-9)[..., None]
        information = np.einsum("wsia,wsib,wsi->iab", centred, centred, expected) + 1e-6 * np.eye(2)
        score = np.einsum("wsia,wsi->ia", centred, units - expected)
        beta = np.clip(beta + np.linalg.solve(information, score[..., None])[..., 0], -12, 12)
    free = spans * len(world.stores) - len(world.stores) - 2
    scatter = np.maximum(((units - expected) ** 2 / np.maximum(expected, 0.1)).sum(axis=(0, 1)) / free, 1)
    variance = np.linalg.inv(information)[:, [0, 1], [0, 1]] * scatter[:, None]
    mean, spread = _shrunk(beta[:, 0], variance[:, 0], world.category)
    cross, _ = _shrunk(beta[:, 1], variance[:, 1], np.zeros_like(world.category))
    cross = np.clip(cross, 0, -mean / 2)  # substitutes, and less to the item than its own price
    tiled, half = np.tile(mean, len(world.stores)), 1.645 * np.tile(spread, len(world.stores))
    return Response.within(tiled, tiled - half, tiled + half), cross


def _shrunk(value: FloatArray, variance: FloatArray, group: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """Estimates drawn to the mean of their group, and that to the mean of all: mean and standard deviation."""

    def drawn(v: FloatArray, s: FloatArray, to: FloatArray) -> tuple[FloatArray, FloatArray]:
        weight = 1 / (s + np.median(s))
        between = max(float((weight * ((v - to) ** 2 - s)).sum() / weight.sum()), 1e-4)
        share = between / (between + s)
        return to + share * (v - to), share * s

    weight = 1 / (variance + np.median(variance))
    sums = np.bincount(group, weight)
    means = np.bincount(group, weight * value) / sums
    overall = float((weight * value).sum() / weight.sum())
    between = max(float((weight * ((value - means[group]) ** 2 - variance)).sum() / weight.sum()), 1e-4)
    of_means = np.bincount(group, weight**2 * (variance + between)) / sums**2
    centre, centre_variance = drawn(means, of_means, np.full(len(means), overall))
    mean, own = drawn(value, variance, centre[group])
    share = own / variance
    return mean, np.sqrt(own + (1 - share) ** 2 * centre_variance[group])


# Fuzz, speed, answers


def _fuzz(count: int, seed: int) -> list[Row]:
    """Prices that leave the guard-rails or the law, of so many decisions on absurd and usual numbers."""
    rng, steps = np.random.default_rng(seed), ladder("USD")
    policy = Policy(change_cost=0.0, least_money=0.0, certainty=0.0)
    began, asked, rails_left, law_left = time.process_time(), 0, 0, 0
    for start in range(0, count, 50_000):
        found = _absurd(rng, min(50_000, count - start))
        with np.errstate(all="ignore"):
            chosen = propose(found, steps, policy, policy.terms, rungs=7, seed=start)
        rows = np.flatnonzero(chosen.changed)
        asked += len(rows)
        rails_left += int(_leaves(found.lines, chosen.price, rows, policy).sum())
        law_left += _unlawful(found.lines, chosen.price, rows, rng)
    cpu = time.process_time() - began
    rows_ = [("fuzzed_calls", count), ("prices_proposed", asked), ("guard_rail_breaches", rails_left)]
    return [_plain("fuzz", "aislehub", name, value, cpu) for name, value in [*rows_, ("law_breaches", law_left)]]


def _absurd(rng: np.random.Generator, count: int) -> Situation:
    """Lines of which most are usual and every tenth number of the others is missing, infinite, 0 or negative."""

    def numbers(low: float, high: float, size: Any = count) -> FloatArray:
        values = np.exp(rng.uniform(np.log(low), np.log(high), size))
        wrong = rng.choice([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e300, 1e-300], size)
        return np.where(rng.random(size) < 0.03, wrong, values)

    price = numbers(0.1, 200)
    days = np.where(rng.random(count) < 0.1, rng.integers(1, 4, count), 0)
    units = np.where(days > 0, rng.integers(0, 30, count), 0).astype(float)
    elasticity = -numbers(0.2, 6)
    with np.errstate(all="ignore"):
        lines = Lines(
            price, price * numbers(0.3, 1.3), np.where(rng.random(count) < 0.5, 0.0, numbers(0.05, 0.3)), days > 0,
            np.where(rng.random(count) < 0.7, np.nan, price * numbers(0.3, 3)), numbers(0.5, 60),
            rng.random(count) < 0.05, rng.random(count) < 0.05, price * numbers(0.5, 1), price * numbers(1, 2),
            np.full(count, np.nan),
        )  # fmt: skip
        spread = numbers(0.01, 3)
        response = Response.within(elasticity, elasticity - spread, elasticity + spread)
    outlook = Outlook(numbers(0.1, 500), numbers(1, 5), numbers(0.5, 1000), rng.normal(0, 1, count))
    daily = numbers(0.05, 20, (count, 3))
    return Situation(lines, outlook, daily, numbers(1, 4), response, Expiry(days, units, np.zeros(count)))


def _leaves(lines: Lines, prices: FloatArray, rows: np.ndarray, policy: Policy) -> np.ndarray:
    """Which prices break a guard-rail, by its definition, counted without the code that keeps them."""
    price, new = lines.price[rows], prices[rows]
    net, cost, short = new / (1 + lines.tax[rows]), lines.cost[rows], lines.short_dated[rows]
    floor = np.where(short, cost * (1 - policy.clearance_below_cost), cost / (1 - policy.margin_floor))
    step = np.where(short & (new <= price), policy.clearance_step, policy.max_step)
    rival = lines.competitor[rows] * (1 + policy.over_competitor)
    kept = np.isfinite(new) & (new > 0) & np.isfinite(price) & (price > 0) & np.isfinite(cost) & (cost >= 0)
    kept &= (net >= floor * (1 - 1e-6)) & (np.abs(new / price - 1) <= step + 1e-6)
    kept &= lines.held[rows] >= np.where(short, 1, policy.hold_days)
    kept &= ~lines.promoted[rows] & ~lines.taken[rows]
    return ~(kept & ~((new > price * (1 + 1e-6)) & (new > rival * (1 + 1e-6))))


def _unlawful(lines: Lines, prices: FloatArray, rows: np.ndarray, rng: np.random.Generator) -> int:
    """Prices that, with the former price the hub would show, break a law; each under one pack and a random history."""
    day = date(2026, 3, 2)
    packs = rng.choice(["cn", "eu", "us"], len(rows))
    begins = day - rng.integers(1, 90, (len(rows), 2)) * timedelta(days=1)
    factors = rng.uniform(0.7, 1.3, (len(rows), 2))
    broken = 0
    for place, row in enumerate(rows.tolist()):
        now, new = float(lines.price[row]), float(prices[row])
        older, newer = sorted(begins[place])
        shelf = [(date(2025, 1, 1), older, now * factors[place, 0]), (older, newer, now * factors[place, 1]),
                 (newer, None, now)]  # fmt: skip
        history = PriceHistory(shelf, [(newer, now)], today=day - timedelta(days=1))
        prior = prior_price(history, day, [packs[place]])
        was = prior if prior > new + 0.005 else None
        broken += bool(check("price", NewPrice(new, day, was), history, [packs[place]]))
    return broken


def _speed(seed: int) -> list[Row]:
    """Prices found a second of one core: usual lines, half of them short of stock, a tenth short-dated."""
    rng, policy, count = np.random.default_rng(seed), Policy(), 40_000
    price = np.exp(rng.uniform(0, 3, count))
    days = np.where(rng.random(count) < 0.1, rng.integers(1, 4, count), 0)
    units = np.where(days > 0, rng.integers(1, 30, count), 0).astype(float)
    held = np.full(count, 30.0)
    nothing, none = np.zeros(count, dtype=bool), np.full(count, np.nan)
    cost = price * rng.uniform(0.5, 0.8, count)
    lines = Lines(price, cost, np.zeros(count), days > 0, none, held, nothing, nothing, none, none, none)
    demand = rng.gamma(1.0, 10.0, count)
    elasticity = -rng.uniform(1.5, 4.5, count)
    outlook = Outlook(demand, np.full(count, 1.5), demand * rng.uniform(0.5, 3, count), np.zeros(count))
    response = Response.within(elasticity, elasticity - 0.6, elasticity + 0.6)
    daily = np.repeat(demand[:, None] / 7, 3, axis=1)
    found = Situation(lines, outlook, daily, np.full(count, 1.5), response, Expiry(days, units, np.zeros(count)))
    began = time.process_time()
    propose(found, ladder("USD"), policy, policy.terms, rungs=policy.rungs)
    cpu = time.process_time() - began
    return [_plain("speed", "aislehub", "prices_per_cpu_s", count / cpu, cpu)]


def _answers(quick: bool) -> list[Row]:
    """Milliseconds of an answer at the till, beside reading the table for each of them."""
    stores, items, asked = (20, 1000, 500) if quick else (100, 5000, 5000)
    with tempfile.TemporaryDirectory() as folder:
        tables = Tables(Path(folder), {PRICES.name: PRICES})
        rows = pd.DataFrame(
            {
                "store": np.repeat([str(number) for number in range(stores)], items), "kind": "regular",
                "item": np.tile([str(number) for number in range(items)], stores), "valid_from": date(2026, 1, 1),
                "price": 2.5,
            }
        )  # fmt: skip
        tables.append("prices", PRICES.require(pa.Table.from_pandas(rows, preserve_index=False)))
        desk = Desk(tables, {till_price.name: till_price}, Inbox(Path(folder) / "inbox.db"))
        rng = np.random.default_rng(1)
        requests = [{"store": str(rng.integers(stores)), "item": str(rng.integers(items))} for _ in range(asked)]
        desk.ask("till_price", requests[0])
        took = _timed(lambda request: desk.ask("till_price", request), requests)
        read = _timed(lambda request: _read(tables, request), requests[:50])
    found = []
    for model, times in (("aislehub", took), ("table read each time", read)):
        for name, column in (("ms", times[:, 0]), ("cpu_ms", times[:, 1])):
            found += [_plain("answer", model, f"p{level}_{name}", 1000 * float(np.quantile(column, level / 100)),
                             float(times[:, 1].sum())) for level in (50, 99)]  # fmt: skip
    return found


def _read(tables: Tables, request: dict[str, str]) -> Any:
    rows = tables.read("prices")
    return rows.filter((rows.store == request["store"]) & (rows.item == request["item"])).to_pyarrow()


def _timed(work: Callable[[Any], Any], requests: list[Any]) -> FloatArray:
    """Seconds of each request, by the clock and of this thread's CPU, (n, 2)."""
    took = []
    for request in requests:
        clock, cpu = time.perf_counter(), time.thread_time()
        work(request)
        took.append((time.perf_counter() - clock, time.thread_time() - cpu))
    return np.array(took)


def _row(data: str, model: str, metric: str, values: FloatArray, cpu: float, *, over: FloatArray | None = None) -> Row:
    """The mean over worlds (of a ratio: the ratio of sums), with a 95 % interval from a bootstrap over worlds."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(values), (RESAMPLES, len(values)))
    if over is None:
        value, resampled = values.mean(), values[drawn].mean(axis=1)
    else:
        value, resampled = values.sum() / over.sum() - 1, values[drawn].sum(axis=1) / over[drawn].sum(axis=1) - 1
    low, high = np.quantile(resampled, [0.025, 0.975])
    return _plain(data, model, metric, float(value), cpu) | {"low": float(low), "high": float(high)}


def _plain(data: str, model: str, metric: str, value: float, cpu: float) -> Row:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "bench": "pricing", "data": data, "model": model, "metric": metric, "value": float(value), "low": None,
        "high": None, "cpu_s": round(cpu, 2), "peak_mb": round(peak),
    }  # fmt: skip
