"""Next-basket recommendation: NDCG@10 of the customer's next basket at rolling global cuts, the full catalogue ranked.

At each cut everything before it is known and nothing after it; a customer counts who bought before and comes within 28
days. Baselines run beside: popularity, personal frequency (plain, and decayed with the half-life that was best before
the first cut), EASE, and TIFU-KNN with the parameters that were best there. Ratios have 95 % intervals from a bootstrap
over customers. With `--events FILE` the same runs on any table of customer, item and time.

Parameters were chosen on cuts 2017-08-14 and 2017-09-11, whose next baskets end before the first cut that is scored.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from aislehub.core.errors import HubError
from aislehub.core.tables import Tables
from aislehub.customer.recommend.baskets import Baskets, FloatArray, IntArray, read_baskets
from aislehub.customer.recommend.candidates import Sizes
from aislehub.customer.recommend.daily import Policy, learned
from aislehub.customer.recommend.ease import Ease, head_items
from aislehub.customer.recommend.frequency import purchase_weights
from aislehub.customer.recommend.judged import DEPTH, ndcg, ratio
from aislehub.customer.recommend.knowledge import Catalogue
from aislehub.customer.recommend.offers import NO_OFFERS, Offers, day_number, read_offers
from aislehub.customer.recommend.recommender import Recommender, best_places
from aislehub.customer.recommend.tifu import Tifu, nearest_mean
from aislehub.customer.recommend.training import WITHIN, Past
from aislehub.data.purchases import read_purchases
from aislehub.data.sources.complete_journey import TIMEZONE, CompleteJourney
from aislehub.schema import ITEMS, PROMOTIONS, SALES_LINES, STORES

__all__ = ["run"]

CUTS = (date(2017, 10, 9), date(2017, 11, 6), date(2017, 12, 4))
HALF_LIFE = 120.0
KNN = Tifu(alpha=0.4, neighbours=300)
POLICY = Policy(customers=2500, origins=10)
"""All customers and ten weeks; as delivered, the house learns on fewer of both, to stay cheap."""
COLD = 5
"""A customer of at most so many visits is cold, and an item of at most so many buyers."""
LEAST, LEAST_DAYS = 20, 42
"""Customers and days below which nothing can be said."""
OURS, PLANNED = "aislehub", "aislehub with the promotion plan"
BASES = ("popularity", "EASE", "personal frequency", "personal frequency, decayed", "TIFU-KNN")
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One data set and its cuts, in days since 1970; `within`: days that a customer is given to come after one."""

    name: str
    baskets: Baskets
    catalogue: Catalogue
    offers: Offers
    cuts: tuple[int, ...]
    within: int = WITHIN
    left_out: int = 0


@dataclass(frozen=True)
class Asked:
    """One cut: what was known, who came after it, and what they bought then, (C, I)."""

    case: Case
    cut: int
    past: Baskets
    basket: sparse.csr_matrix
    who: IntArray

    @classmethod
    def of(cls, case: Case, cut: int) -> Asked:
        past, basket = case.baskets.before(cut), case.baskets.next_visit(cut, case.within).matrix()
        return cls(case, cut, past, basket, np.flatnonzero((np.diff(basket.indptr) > 0) & (past.visits > 0)))


@dataclass(frozen=True)
class Found:
    """One method at one cut: its lists (pairs, the best first), those of new items only, NDCG by customer, cost."""

    customer: IntArray
    item: IntArray
    new_customer: IntArray
    new_item: IntArray
    gain: FloatArray
    cpu: float
    passed: float | None = None


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0, events: Path | None = None) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: not used; the data come from their package.
        quick: the last cut only, and no cost by size.
        events: a CSV or Parquet file with columns customer, item and time, instead of Complete Journey.

    Raises:
        HubError: those of `read_purchases`, `recommend.bench_customers`, `recommend.bench_short`.
    """
    case = _complete_journey() if events is None else of_events(events)
    cuts = case.cuts[-1:] if quick else case.cuts
    rows: list[Row] = []
    every: list[tuple[Asked, dict[str, Found]]] = []
    for cut in cuts:
        asked = Asked.of(case, cut)
        found = dict(_methods(asked, seed))
        every.append((asked, found))
        rows += _at_cut(asked, found, seed)
    rows += _over_cuts(case, every, seed)
    if events is None and not quick:
        rows += _cost(case, seed)
    return rows


# -- data --------------------------------------------------------------------------------------------


def _complete_journey() -> Case:
    tables = Tables(None, {c.name: c for c in (STORES, ITEMS, SALES_LINES, PROMOTIONS)}, TIMEZONE)
    for name, rows in CompleteJourney().rows():
        if name in tables.contracts:
            tables.append(name, tables.contracts[name].check(rows).good)
    items = tables.read("items")
    baskets = read_baskets(tables.read("sales_lines"), items, day=date(2017, 12, 31), history_days=400)
    catalogue = Catalogue.of(items.to_pandas(), baskets.items)
    cuts = tuple(day_number(cut) for cut in CUTS)
    return Case("complete_journey", baskets, catalogue, read_offers(tables.read("promotions"), baskets), cuts)


def of_events(file: Path) -> Case:
    """A file's purchases, with three cuts that lie as far apart as a customer is given to come, at most four weeks."""
    found = read_purchases(file, now=datetime.now(UTC))
    baskets = Baskets.of(found.lines)
    if len(baskets.customers) < LEAST:
        raise HubError("recommend.bench_customers", count=len(baskets.customers), limit=LEAST)
    first, last = int(baskets.visit_day.min()), int(baskets.visit_day.max()) + 1
    if last - first < LEAST_DAYS:
        raise HubError("recommend.bench_short", days=last - first, limit=LEAST_DAYS)
    within = min(WITHIN, (last - first) // 6)
    cuts = tuple(last - within * back for back in (3, 2, 1))
    return Case(file.name, baskets, Catalogue.of(found.items, baskets.items), NO_OFFERS, cuts, within, found.left_out)


# -- methods -----------------------------------------------------------------------------------------


def _methods(asked: Asked, seed: int) -> Iterator[tuple[str, Found]]:
    """Every method's lists for the same customers."""
    past, who = asked.past, asked.who
    items = len(past.items)
    mine = np.isin(past.pairs.customer, who)
    customer, item = past.pairs.customer[mine], past.pairs.item[mine]
    popular = np.bincount(past.item, minlength=items) / max(len(past.visit_day), 1)
    first = np.argsort(-popular, kind="stable")[: 4 * DEPTH]
    filler = np.repeat(who, len(first)), np.tile(first, len(who))

    def with_popular(score: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Own items by a score, ties and the rest of the list by popularity."""
        own = score + 1e-9 * popular[item]
        return (np.append(customer, filler[0]), np.append(item, filler[1]),
                np.append(own, 1e-9 * popular[filler[1]] - 1e-6))  # fmt: skip

    began = time.process_time()
    yield "popularity", _found(asked, *filler, popular[filler[1]], began)
    began = time.process_time()
    count = past.pairs.sum(np.ones(len(past.item)))[mine]
    yield "personal frequency", _found(asked, *with_popular(count), began)
    began = time.process_time()
    decayed = past.pairs.sum(purchase_weights(past, asked.cut, HALF_LIFE))[mine]
    yield "personal frequency, decayed", _found(asked, *with_popular(decayed), began)
    began = time.process_time()
    held = past.matrix()
    head = head_items(held, POLICY.head)
    scores = Ease.fit(held[:, head], head, POLICY.ridge).scores(held[who][:, head])
    best = _largest(scores, 10 * DEPTH)
    ease = np.take_along_axis(scores, best, axis=1)
    yield "EASE", _found(asked, np.repeat(who, best.shape[1]), head[best.ravel()], ease.ravel(), began)
    began = time.process_time()
    yield "TIFU-KNN", _found(asked, *_tifu(past, who, head), began)
    yield OURS, _ours(asked, NO_OFFERS, seed)
    if len(asked.case.offers.place):
        yield PLANNED, _ours(asked, asked.case.offers, seed)


def _tifu(past: Baskets, who: IntArray, head: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Own and neighbours' parts of each customer's own items and of the head items that neighbours buy most."""
    own = past.matrix(KNN.own(past))
    mean = nearest_mean(own[:, head], who, KNN)
    best = _largest(mean, 5 * DEPTH)
    mine = np.isin(past.pairs.customer, who)
    items = len(past.items)
    keys = np.unique(np.concatenate([past.pairs.customer[mine] * items + past.pairs.item[mine],
                                     np.repeat(who, best.shape[1]) * items + head[best.ravel()]]))  # fmt: skip
    customer, item = keys // items, keys % items
    others = np.zeros(len(item))
    if len(head):
        place = np.minimum(np.searchsorted(head, item), len(head) - 1)
        others = np.where(head[place] == item, mean[np.searchsorted(who, customer), place], 0.0)
    return customer, item, KNN.alpha * np.asarray(own[customer, item]).ravel() + (1 - KNN.alpha) * others


def _largest(scores: np.ndarray, count: int) -> np.ndarray:
    """Columns of each row's largest values, in any order, at most `count`."""
    count = min(count, scores.shape[1])
    if count == scores.shape[1]:
        return np.tile(np.arange(count), (len(scores), 1))
    return np.argpartition(-scores, count, axis=1)[:, :count]


def _ours(asked: Asked, offers: Offers, seed: int) -> Found:
    """Learned as the house learns it, gate and all."""
    began = time.process_time()
    past = asked.past
    known = Past(past, asked.case.catalogue, offers, Tifu(), Sizes(), POLICY.head, POLICY.ridge)
    recommender, metrics = learned(known, asked.cut, POLICY, seed=seed)
    ranked = recommender.rank(past, asked.who, day=asked.cut, offers=offers.known_before(asked.cut))
    found = _found(asked, ranked.customer, ranked.item, ranked.score, began)
    return replace(found, passed=float(metrics["passed"]))


def _found(asked: Asked, customer: IntArray, item: IntArray, score: FloatArray, began: float) -> Found:
    best = best_places(customer, item, score, 2 * DEPTH)  # twice as many: an item may stand there twice
    customer_, item_ = _once(customer[best], item[best], len(asked.past.items))
    bought = _bought(asked, customer, item)
    new = best_places(customer[~bought], item[~bought], score[~bought], DEPTH)
    gain = ndcg(customer_, item_, asked.basket, asked.who)
    return Found(customer_, item_, customer[~bought][new], item[~bought][new], gain, time.process_time() - began)


def _once(customer: IntArray, item: IntArray, items: int) -> tuple[IntArray, IntArray]:
    """Lists without repetitions, ten long."""
    kept = ~pd.Series(customer * items + item).duplicated().to_numpy()
    customer, item = customer[kept], item[kept]
    rank = np.arange(len(customer)) - np.searchsorted(customer, customer)
    return customer[rank < DEPTH], item[rank < DEPTH]


def _bought(asked: Asked, customer: IntArray, item: IntArray) -> np.ndarray:
    pairs, items = asked.past.pairs, len(asked.past.items)
    return np.isin(customer * items + item, pairs.customer * items + pairs.item)


# -- figures -----------------------------------------------------------------------------------------


def _row(case: Case, where: str, model: str, metric: str, value: float, low: float | None = None,
         high: float | None = None, cpu: float | None = None) -> Row:  # fmt: skip
    return {
        "bench": "recommend", "data": f"{case.name} {where}".strip(), "model": model, "metric": metric,
        "value": round(float(value), 4), "low": None if low is None else round(low, 4),
        "high": None if high is None else round(high, 4), "cpu_s": None if cpu is None else round(cpu, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip


def _at_cut(asked: Asked, found: dict[str, Found], seed: int) -> Iterator[Row]:
    case, day = asked.case, str(np.datetime64(asked.cut, "D"))
    new = _new_part(asked)
    cold_item = np.bincount(asked.past.pairs.item, minlength=len(asked.past.items)) <= COLD
    cold = asked.past.visits[asked.who] <= COLD
    for name, one in found.items():
        yield _row(case, day, name, "ndcg10", one.gain.mean(), cpu=one.cpu)
        if cold.any():
            yield _row(case, day, name, f"ndcg10_customers_to_{COLD}_visits", one.gain[cold].mean())
        yield _row(case, day, name, "new_recall10", _recall(one.new_customer, one.new_item, new, asked.who))
        rare = sparse.csr_matrix(asked.basket.multiply(cold_item[None, :]))
        recall = _recall(one.customer, one.item, rare, asked.who)
        yield _row(case, day, name, f"recall10_items_to_{COLD}_buyers", recall)
        yield _row(case, day, name, "coverage", len(np.unique(one.item)) / max((~cold_item).sum(), 1))
        if one.passed is not None:
            yield _row(case, day, name, "gate_passed", one.passed)
    yield _row(case, day, "", "customers", len(asked.who))
    yield _row(case, day, "", "lines", len(asked.past.item))
    yield _row(case, day, "", "left_out", case.left_out)
    yield from _ratios(case, day, [(asked, found)], seed)


def _over_cuts(case: Case, every: list[tuple[Asked, dict[str, Found]]], seed: int) -> Iterator[Row]:
    if len(every) > 1:
        yield from _ratios(case, "all cuts", every, seed)


def _ratios(case: Case, where: str, every: list[tuple[Asked, dict[str, Found]]], seed: int) -> Iterator[Row]:
    who = [asked.who for asked, _ in every]
    mean = {name: np.concatenate([found[name].gain for _, found in every]).mean() for name in BASES}
    yield _row(case, where, max(mean, key=lambda name: float(mean[name])), "best_base", 1.0)
    for ours in (OURS, PLANNED):
        for base in BASES:
            if ours in every[0][1]:
                gains = ([found[name].gain for _, found in every] for name in (ours, base))
                one = ratio(*gains, who, share=0.95, seed=seed)
                yield _row(case, where, ours, f"ratio to {base}", one.value, one.low, one.high)


def _new_part(asked: Asked) -> sparse.csr_matrix:
    """Of the next baskets, what the customer never bought before."""
    rows = asked.basket.tocoo()
    new = ~_bought(asked, rows.row.astype(np.int64), rows.col.astype(np.int64))
    return sparse.csr_matrix((np.ones(new.sum()), (rows.row[new], rows.col[new])), shape=rows.shape)


def _recall(customer: IntArray, item: IntArray, wanted: sparse.csr_matrix, who: IntArray) -> float:
    """Mean share of what was wanted that stands in the list, over customers who wanted something."""
    hits = np.bincount(customer, np.asarray(wanted[customer, item]).ravel() > 0, wanted.shape[0])[who]
    size = np.diff(wanted.indptr)[who]
    return float((hits[size > 0] / size[size > 0]).mean()) if (size > 0).any() else float("nan")


# -- cost --------------------------------------------------------------------------------------------


def _cost(case: Case, seed: int) -> Iterator[Row]:
    """Learning and ranking everybody as delivered, once and ten times the customers and items (copies of the chain)."""
    policy = Policy()
    for times in (1, 10):
        baskets = _copies(case.baskets.before(case.cuts[-1]), times)
        frame = pd.DataFrame({"item": baskets.items})
        past = Past(baskets, Catalogue.of(frame, baskets.items), NO_OFFERS, Tifu(),
                    Sizes(), policy.head, policy.ridge)  # fmt: skip
        began = time.process_time()
        recommender, _ = learned(past, case.cuts[-1], policy, seed=seed)
        yield _row(case, f"× {times}", OURS, "learning_cpu_s", time.process_time() - began)
        began = time.process_time()
        _rank_all(recommender, baskets)
        yield _row(case, f"× {times}", OURS, "ranking_cpu_s", time.process_time() - began)
        yield _row(case, f"× {times}", "", "customers", len(baskets.customers))
        yield _row(case, f"× {times}", "", "items", len(baskets.items))
        yield _row(case, f"× {times}", "", "lines", len(baskets.item))


def _rank_all(recommender: Recommender, baskets: Baskets) -> None:
    for first in range(0, len(baskets.customers), POLICY.batch):
        who = np.arange(first, min(first + POLICY.batch, len(baskets.customers)))
        mine = np.isin(np.arange(len(baskets.customers)), who)
        recommender.rank(baskets.of_customers(mine), who).best(DEPTH)


def _copies(one: Baskets, times: int) -> Baskets:
    """The chain several times over, every copy with customers and items of its own."""

    def repeated(values: np.ndarray, step: int = 0) -> np.ndarray:
        return np.concatenate([values + step * copy for copy in range(times)])

    customers, items, visits = len(one.customers), len(one.items), len(one.visit_day)
    return Baskets(
        np.array([f"{name} {copy}" for copy in range(times) for name in one.customers], dtype=object),
        np.array([f"{name} {copy}" for copy in range(times) for name in one.items], dtype=object), one.stores,
        repeated(one.customer, customers), repeated(one.item, items), repeated(one.visit, visits),
        repeated(one.quantity), repeated(one.amount), repeated(one.saving), repeated(one.visit_customer, customers),
        repeated(one.visit_day), repeated(one.visit_store),
    )  # fmt: skip
