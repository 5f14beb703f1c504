"""Recommendations of every day: what each member will want next, learned weekly, written at every close.

    purchases of those who may be analysed → knowledge, EASE, ranker behind its gate
    purchases of those who may be recommended to → candidates → what is not out of stock → the best ten, with money

Who objected to analysis is not learned from. Who objected to personalisation has their purchases left unread and gets
what sells in the store that they chose, or in the chain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import scipy

from aislehub.core.contract import Column, Contract
from aislehub.core.reasons import to_json
from aislehub.core.settings import Settings, field
from aislehub.core.step import learn, step
from aislehub.core.tables import end_of_day
from aislehub.customer.recommend.baskets import Baskets, FloatArray, purchases, read_baskets
from aislehub.customer.recommend.candidates import Sizes, rank_within
from aislehub.customer.recommend.facts import popular, stated
from aislehub.customer.recommend.features import usual_quantity
from aislehub.customer.recommend.forgetting import forget
from aislehub.customer.recommend.gate import NO_EVIDENCE, best_base, evidence
from aislehub.customer.recommend.knowledge import Catalogue
from aislehub.customer.recommend.offers import Offers, day_number, read_offers
from aislehub.customer.recommend.ranker import Ranker, Shape
from aislehub.customer.recommend.recommender import Ranked, Recommender
from aislehub.customer.recommend.shelf import Shelf, Terms
from aislehub.customer.recommend.tifu import Tifu
from aislehub.customer.recommend.training import WITHIN, Examples, Past, examples, joined, thinned
from aislehub.law.consent import may_use

__all__ = ["RECOMMENDATIONS", "Policy", "erase", "learn_recommend", "recommendations"]

MODEL = "recommender"
JUDGES = 3
"""Latest weeks that judge the ranker."""
FEW = 500
"""Members up to which nothing is thinned out."""
LEAST_ORIGINS = 2
"""Weeks before them that it has to be learned on at least."""

RECOMMENDATIONS = Contract(
    "recommendations",
    "One item recommended to a member at the close of business day `day`, in stock in their store as far as is known",
    (
        Column("customer", "text", "Random key of the member", person=True),
        Column("rank", "int", "Place in the list, 1 = first", low=1),
        Column("item", "text", "Item"),
        Column("store", "text", "Store where they shop; empty = unknown", required=False),
        Column("kind", "text", "Again = they bought it before; new = they never did; popular = what sells in the "
               "store, chosen without their data", values=("again", "new", "popular")),
        Column("score", "float", "Chance that it is in the next basket; of kind popular, share of the visits with it",
               "fraction", low=0, high=1),
        Column("money", "float", "Chance × usual quantity × what a unit brings", unit="money"),
        Column("counted", "text", "What a unit brings: contribution = margin by `supply_state`; amount = price "
               "without tax, where that says nothing", values=("contribution", "amount")),
        Column("reasons", "text", "JSON list: facts that can be counted again in the log, each with the code of its "
               "sentence"),
        Column("shares", "text", "JSON object: family of features → its share of the score in log odds (TreeSHAP); "
               "of the first ranks", required=False),
        Column("source", "text", "Where the facts came from; says `simulated` when any of them was", required=False),
    ),
    key="day customer rank",
    derived=True,
)  # fmt: skip


class Policy(Settings, section="recommend"):
    """How recommendations are learned and written."""

    history_days: int = field(400, "Days of purchases that are read", ge=56, le=3650)
    active_days: int = field(84, "Days within which a member bought something to get recommendations", ge=1, le=730)
    count: int = field(10, "Recommendations for each member", ge=1, le=100)
    weighed: int = field(1, "Of these, the first ones whose score is shared out among the families of features",
                         ge=0, le=100)  # fmt: skip
    head: int = field(2000, "Items that EASE knows, those of most buyers", ge=10, le=20_000)
    ridge: float = field(300.0, "Ridge of EASE, in customers", gt=0)
    origins: int = field(5, "Past weeks on which the ranker is learned, one origin each", ge=3, le=52)
    customers: int = field(800, "Members at each of them, drawn by lot where there are more", ge=100)
    unbought: float = field(0.15, "Share of the candidates that were not bought that the ranker sees", gt=0, le=1)
    batch: int = field(20_000, "Members that are ranked at once", ge=100)


@learn(reads="sales_lines items promotions consents", model=MODEL, every_days=7)
def learn_recommend(
    sales_lines: ir.Table, items: ir.Table, promotions: ir.Table, consents: ir.Table, *, day: date, policy: Policy,
    folder: Path, timezone: str = "UTC", seed: int = 0,
) -> Mapping[str, Any]:  # fmt: skip
    """Learn the recommender from those who may be analysed; metrics are what its gate saw."""
    lines = read_baskets(sales_lines, items, day=day, history_days=policy.history_days)
    baskets = allowed(lines, "analysis", consents, day, timezone)
    past = Past(
        baskets, Catalogue.of(items.to_pandas(), baskets.items), read_offers(promotions, baskets),
        Tifu(), Sizes(), policy.head, policy.ridge,
    )  # fmt: skip
    today = day_number(day) + 1
    recommender, found = learned(past, today, policy, seed=seed)
    recommender.save(folder, baskets)
    return {"customers": len(baskets.customers), "items": len(baskets.items), "lines": len(baskets.item)} | found


def learned(past: Past, today: int, policy: Policy, *, seed: int = 0) -> tuple[Recommender, dict[str, Any]]:
    """The recommender as of the opening of a day, with its ranker if that passes its gate; and what the gate saw.

    The latest origins judge a ranker of the ones before; the one that serves is learned on the latest.
    """
    base = Recommender(past.baskets.stores, past.catalogue, past.knowledge(today), past.tifu, past.sizes)
    first_day = int(past.baskets.visit_day.min(initial=today))
    origins = min(policy.origins, (today - first_day - WITHIN) // 7 - JUDGES)
    if origins < LEAST_ORIGINS:  # too young a house to have a past
        return base, NO_EVIDENCE.metrics()
    weeks = JUDGES + origins
    ease = past.knowledge(today - 7 * weeks).ease
    share = min(1.0, policy.customers / max(len(past.baskets.customers), 1))

    def at(week: int, end: int, unbought: float) -> Examples:
        """An origin, in weeks ago; what came after another week is not looked at."""
        within = min(7 * (week - end), WITHIN)
        return examples(
            past, today - 7 * week, within=within, ease=ease, share=share, unbought=unbought, seed=seed
        )  # fmt: skip

    few = len(past.baskets.customers) <= FEW  # a small house cannot spare a candidate, nor a week to choose its base by
    unbought = 1.0 if few else policy.unbought
    latest = [at(week, 0, 1.0) for week in range(1, JUDGES + 1)]
    older = [at(week, JUDGES, unbought) for week in range(JUDGES + 1, weeks + 1)]

    def came(week: int, end: int) -> scipy.sparse.csr_matrix:
        return past.baskets.next_visit(today - 7 * week, min(7 * (week - end), WITHIN)).matrix()

    judged = [(part, came(week, 0)) for week, part in enumerate(latest, 1)]
    more = [(part, came(week, JUDGES)) for week, part in enumerate(older, JUDGES + 1)] if few else []
    base = replace(base, base=best_base([*judged, *more]))
    if not sum(part.bought.sum() for part in older):  # nobody came back to learn from
        return base, NO_EVIDENCE.metrics()
    found = evidence(fitted(older, seed), base.base, judged, seed=seed)
    if not found.passed:
        return base, found.metrics()
    recent = [thinned(part, unbought, seed) for part in latest]
    return replace(base, ranker=fitted([*recent, *older[: max(origins - JUDGES, 0)]], seed)), found.metrics()


def fitted(parts: list[Examples], seed: int) -> Ranker:
    """A ranker of several origins."""
    every = joined(parts)
    return Ranker.fit(every.features, every.bought, every.weight, Shape(), seed=seed)


@step(
    reads="sales_lines items promotions stock supply_state customers consents", writes=RECOMMENDATIONS, model=MODEL
)  # fmt: skip
def recommendations(
    sales_lines: ir.Table, items: ir.Table, promotions: ir.Table, stock: ir.Table, supply_state: ir.Table,
    customers: ir.Table, consents: ir.Table, *, day: date, policy: Policy, model: Path, timezone: str = "UTC",
) -> pd.DataFrame:  # fmt: skip
    """The best candidates of every member who bought something lately."""
    today = day_number(day) + 1
    recommender = Recommender.load(model).on(today)
    lines = purchases(sales_lines, items, day=day, history_days=policy.history_days)
    baskets = allowed(recommender.baskets(lines), "personalisation", consents, day, timezone)
    offers, shelf = read_offers(promotions, baskets), Shelf.of(stock, supply_state, recommender, day)
    terms = Terms.of(items, supply_state, recommender, day)
    active = np.flatnonzero(baskets.last_day >= today - policy.active_days)
    found = []
    for first in range(0, len(active), policy.batch):
        who = active[first : first + policy.batch]
        mine = baskets.of_customers(np.isin(np.arange(len(baskets.customers)), who))
        ranked = recommender.rank(mine, who, offers=offers)
        found.append(_rows(recommender, mine, ranked, offers, shelf, terms, policy))
    found.append(_popular(recommender, consents, customers, shelf, terms, policy, end_of_day(day, timezone)))
    return stacked(found).assign(source=shelf.source)


def allowed(baskets: Baskets, purpose: str, consents: ir.Table, day: date, timezone: str) -> Baskets:
    """Without the purchases of those who may not be used for a purpose."""
    words = consents.select("customer", "purpose", "granted", "at").to_pandas()
    may = may_use(list(baskets.customers), purpose, words, end_of_day(day, timezone))
    return baskets if may.all() else baskets.of_customers(may)


def _rows(
    recommender: Recommender, baskets: Baskets, ranked: Ranked, offers: Offers, shelf: Shelf, terms: Terms,
    policy: Policy,
) -> pd.DataFrame:  # fmt: skip
    store = baskets.home_store[ranked.customer]
    can = terms.listed[ranked.item] & (ranked.bought | ~terms.of_age[ranked.item]) & shelf.has(store, ranked.item)
    best = ranked.best(policy.count, can)
    customer, item, score = ranked.customer[best], ranked.item[best], ranked.score[best]
    rank = rank_within(customer) + 1
    weighed = rank <= policy.weighed
    shares = np.full(len(best), None, dtype=object)
    shares[weighed] = _as_json(recommender.contributions(ranked, best[weighed]))
    known = recommender.known
    reasons = stated(baskets, offers, known.backoff.chain, customer, item, store[best], known.day)
    names = np.array([*recommender.stores, None], dtype=object)
    return pd.DataFrame(
        {
            "customer": baskets.customers[customer],
            "rank": rank,
            "item": recommender.catalogue.items[item],
            "store": names[store[best]],
            "kind": np.where(ranked.bought[best], "again", "new"),
            "score": score,
            "money": score * usual_quantity(ranked.features[best]) * terms.brings[item],
            "counted": terms.counted[item],
            "reasons": [to_json(facts) for facts in reasons],
            "shares": shares,
        }
    )


def _popular(
    recommender: Recommender, consents: ir.Table, customers: ir.Table, shelf: Shelf, terms: Terms, policy: Policy,
    at: datetime,
) -> pd.DataFrame:  # fmt: skip
    """For those who objected to personalisation: what sells in the store that they chose, else in the chain."""
    words = consents.select("customer", "purpose", "granted", "at").to_pandas()
    names = np.unique(words["customer"].to_numpy(dtype=object))
    objected = names[~may_use(list(names), "personalisation", words, at)]
    chosen = customers.select("customer", "home_store").to_pandas().set_index("customer")["home_store"]
    place = pd.Index(recommender.stores).get_indexer(pd.Index(objected).map(chosen)) if len(objected) else []
    everywhere, rows = recommender.known.backoff.chain, []
    for store in np.unique(place):
        items, share = recommender.popular(int(store), 4 * policy.count)
        can = terms.listed[items] & ~terms.of_age[items] & shelf.has(np.full(len(items), store), items)
        items, share = items[can][: policy.count], share[can][: policy.count]
        mine = objected[np.asarray(place) == store]
        rows.append(pd.DataFrame({
            "customer": np.repeat(mine, len(items)), "rank": np.tile(np.arange(1, len(items) + 1), len(mine)),
            "item": np.tile(recommender.catalogue.items[items], len(mine)),
            "store": recommender.stores[store] if store >= 0 else None, "kind": "popular",
            "score": np.tile(share, len(mine)), "money": np.tile(share * terms.brings[items], len(mine)),
            "counted": np.tile(terms.counted[items], len(mine)),
            "reasons": np.tile([to_json([popular(float(everywhere[item]))]) for item in items], len(mine)),
            "shares": None,
        }))  # fmt: skip
    return stacked(rows)


def stacked(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of all parts; a table of nobody's recommendations where there are none."""
    filled = [part for part in parts if len(part)]
    if filled:
        return pd.concat(filled, ignore_index=True)
    return pd.DataFrame({column.name: [] for column in RECOMMENDATIONS.columns if column.name != "day"})


def _as_json(contributions: Mapping[str, FloatArray]) -> list[str]:
    """One object a row; `base`, what everybody starts from, is left out."""
    names = [name for name in contributions if name != "base"]
    rows = np.column_stack([contributions[name] for name in names])
    return [json.dumps({n: round(float(v), 4) for n, v in zip(names, row, strict=True)}) for row in rows]


def erase(person: str, tables: Any, home: Path) -> dict[str, Any]:
    """Take a person out of every learned recommender: exactly out of EASE, and the ranker is learned anew tomorrow."""
    return forget(home / "models", MODEL, person)
