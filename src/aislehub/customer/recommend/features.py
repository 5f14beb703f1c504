"""Candidates as numbers: what is known of a customer and an item at the opening of a day.

The same code describes past moments for learning, tonight's candidates of all customers, and one customer's while they
wait. Nothing after `knowledge.day` is looked at. Every feature belongs to a family; the families' summed contributions
are what a recommendation's reasons are made of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import Baskets, FloatArray, IntArray
from aislehub.customer.recommend.content import Content
from aislehub.customer.recommend.frequency import purchase_weights
from aislehub.customer.recommend.knowledge import Catalogue, Knowledge
from aislehub.customer.recommend.offers import Offers
from aislehub.customer.recommend.tifu import Tifu

__all__ = ["FAMILIES", "FEATURES", "Asked", "describe", "usual_quantity"]

FAMILIES: dict[str, tuple[str, ...]] = {
    "habit": (
        "bought", "share_of_visits", "share_since_first", "decay_14", "decay_45", "decay_120", "tifu", "quantity",
        "in_last_visit", "in_last_five",
    ),
    "due": ("days_since", "visits_since", "own_gap", "days_over_gap", "visits_over_gap", "again", "item_gap"),
    "category": (
        "category_decay", "category_days_since", "share_in_category", "kind_decay", "kind_days_since", "share_in_kind",
        "others_since",
    ),
    "popular": ("popularity", "trend", "store_share", "item_age"),
    "together": ("ease",),
    "taste": ("content",),
    "offer": (
        "display", "mailer", "discount", "display_next", "mailer_next", "was_offered", "bought_on_offer", "own_saving",
        "item_saving", "price_change", "display_chain", "mailer_chain", "mailer_chain_next", "mailer_chain_before",
        "item_on_offer",
    ),
    "price": ("price", "price_to_own"),
    "person": ("visits", "visit_gap", "days_since_visit", "visit_over_gap", "basket_size", "repeats", "person_saving"),
}  # fmt: skip
"""Family → its features; `person` is the same for all items of a customer and no reason for one of them."""

FEATURES = tuple(name for names in FAMILIES.values() for name in names)
NEVER = 9999.0


@dataclass(frozen=True)
class Asked:
    """Pairs to be described.

    Attributes:
        customer, item: codes, (q,).
        store: where each customer is expected to shop, by customer, (C,), −1 = unknown.
    """

    customer: IntArray
    item: IntArray
    store: IntArray

    def pair(self, past: Baskets) -> IntArray:
        """Where each is among the pairs of `past`, −1 = never bought, (q,)."""
        return _places(past.pairs.customer, past.pairs.item, self.customer, self.item, len(past.items))


def describe(
    known: Knowledge, catalogue: Catalogue, offers: Offers, past: Baskets, asked: Asked, tifu: Tifu
) -> NDArray[np.float32]:
    """Features of each asked pair, (q, F), in the order of `FEATURES`; NaN where there is nothing to say.

    Args:
        past: purchases before `known.day` of the customers asked about (others may be in it, and cost time).
    """
    pair = asked.pair(past)
    columns = (
        _habit(known, past, asked, pair, tifu)
        | _due(known, past, asked, pair)
        | _category(known, catalogue, past, asked, pair)
        | _popular(known, asked)
        | {"ease": _ease(known, past, asked, tifu), "content": _content(catalogue.content, known, past, asked, pair)}
        | _offer(known, offers, past, asked, pair)
        | _person(known, past, asked)
    )
    return np.column_stack([columns[name] for name in FEATURES]).astype(np.float32)


def usual_quantity(features: NDArray[np.float32]) -> FloatArray:
    """Units that the customer buys at a time on average, one of what they never bought, (q,).

    What a recommendation is expected to bring is its chance × these × the money of a unit.
    """
    bought, quantity = (features[:, FEATURES.index(name)].astype(float) for name in ("bought", "quantity"))
    return np.where(bought > 0, quantity, 1.0)


def _habit(known: Knowledge, past: Baskets, asked: Asked, pair: IntArray, tifu: Tifu) -> dict[str, FloatArray]:
    """How often, and how often lately."""
    pairs = past.pairs
    since = past.visits_since[past.visit]
    bought = _of(pair, pairs.sum(np.ones(len(past.item))), 0.0)
    visits = past.visits[asked.customer]
    first = _of(pair, since[pairs.start] if len(since) else np.zeros(0), 0.0)  # a pair's first line is its oldest
    decays = {
        f"decay_{days}": _of(pair, pairs.sum(purchase_weights(past, known.day, float(days))), 0.0)
        for days in (14, 45, 120)
    }
    return decays | {
        "bought": bought,
        "share_of_visits": bought / np.maximum(visits, 1),
        "share_since_first": bought / (first + 1),
        "tifu": _of(pair, pairs.sum(tifu.own(past)), 0.0),
        "quantity": _of(pair, pairs.sum(past.quantity), 0.0) / np.maximum(bought, 1),
        "in_last_visit": _of(pair, pairs.sum(since < 1), 0.0),
        "in_last_five": _of(pair, pairs.sum(since < 5), 0.0),
    }


def _due(known: Knowledge, past: Baskets, asked: Asked, pair: IntArray) -> dict[str, FloatArray]:
    """How long ago, against the customer's own interval; where they bought it once, against the item's."""
    start = past.pairs.start
    last = np.append(start[1:], len(past.item)) - 1 if len(start) else start
    day = past.visit_day[past.visit]
    since = past.visits_since[past.visit]
    times = last - start
    span = np.maximum(day[last] - day[start], 0) if len(start) else np.zeros(0)
    made = since[start] - since[last] if len(start) else np.zeros(0)
    gap = _of(pair, np.where(times > 0, span / np.maximum(times, 1), np.nan), np.nan)
    visit_gap = _of(pair, np.where(times > 0, made / np.maximum(times, 1), np.nan), np.nan)
    days_since = _of(pair, known.day - day[last] if len(start) else np.zeros(0), NEVER)
    visits_since = _of(pair, since[last] if len(start) else np.zeros(0), NEVER)
    usual = known.gap[asked.item]
    return {
        "days_since": days_since,
        "visits_since": visits_since,
        "own_gap": gap,
        "days_over_gap": days_since / np.maximum(np.where(np.isnan(gap), usual, gap), 1.0),
        "visits_over_gap": visits_since / np.maximum(visit_gap, 1.0),
        "again": known.again[asked.item],
        "item_gap": usual,
    }


def _category(
    known: Knowledge, catalogue: Catalogue, past: Baskets, asked: Asked, pair: IntArray
) -> dict[str, FloatArray]:
    """The same of all items of its category and of its kind (subcategory)."""
    weight = purchase_weights(past, known.day, 45.0)
    day = past.visit_day[past.visit]
    own = _of(pair, past.pairs.sum(weight), 0.0)
    last = _of(pair, np.maximum.reduceat(day, past.pairs.start) if len(day) else np.zeros(0), -NEVER)
    columns: dict[str, FloatArray] = {}
    for name, codes in (("category", catalogue.category), ("kind", catalogue.subcategory)):
        groups = int(codes.max(initial=-1)) + 2
        key = past.customer * groups + codes[past.item] + 1
        order = np.argsort(key, kind="stable")
        found, start = np.unique(key[order], return_index=True)
        decay = np.add.reduceat(weight[order], start) if len(start) else np.zeros(0)
        latest = np.maximum.reduceat(day[order], start) if len(start) else np.zeros(0, dtype=np.int64)
        wanted = asked.customer * groups + codes[asked.item] + 1
        at = _search(found, wanted)
        total = _of(at, decay, 0.0)
        columns[f"{name}_decay"] = total
        columns[f"{name}_days_since"] = _of(at, known.day - latest, NEVER)
        columns[f"share_in_{name}"] = own / np.maximum(total, 1e-9)
        if name == "kind":  # another one of its kind was bought after it
            columns["others_since"] = (_of(at, latest, -NEVER) > last).astype(float)
    return columns


def _popular(known: Knowledge, asked: Asked) -> dict[str, FloatArray]:
    """What others buy, in the chain and in the customer's store."""
    share = np.empty(len(asked.item))
    store = asked.store[asked.customer]
    order = np.argsort(store, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(store[order])) + 1):
        if len(part):
            share[part] = known.backoff.scores(store[part[0]], asked.item[part])
    return {
        "popularity": known.popularity[asked.item],
        "trend": known.trend[asked.item],
        "store_share": share,
        "item_age": (known.day - known.first_day[asked.item]).astype(float),
    }


def _ease(known: Knowledge, past: Baskets, asked: Asked, tifu: Tifu, batch: int = 1000) -> FloatArray:
    """EASE's score of what they buy lately; NaN for the tail."""
    score = np.full(len(asked.item), np.nan)
    place = _search(known.ease.items, asked.item)
    who = np.unique(asked.customer)
    habits = tifu.habits(past, known.ease.items)
    for first in range(0, len(who), batch):
        rows = who[first : first + batch]
        scores = known.ease.scores(habits[rows])
        mine = (asked.customer >= rows[0]) & (asked.customer <= rows[-1]) & (place >= 0)
        score[mine] = scores[np.searchsorted(rows, asked.customer[mine]), place[mine]]
    return score


def _content(content: Content, known: Knowledge, past: Baskets, asked: Asked, pair: IntArray) -> FloatArray:
    """Cosine of an item that is new to the customer and all that they bought."""
    cosine = np.full(len(pair), np.nan)
    new = np.flatnonzero(pair < 0)
    profile = content.profiles(past.matrix(purchase_weights(past, known.day, 120.0)))
    cosine[new] = content.cosines(profile, asked.customer[new], asked.item[new])
    return cosine


def _offer(known: Knowledge, offers: Offers, past: Baskets, asked: Asked, pair: IntArray) -> dict[str, FloatArray]:
    """What will be on offer in the customer's store, what was when they bought it, and what it costs now."""
    store = asked.store[asked.customer]
    soon, next_week, before = (offers.at(store, asked.item, known.day + ahead) for ahead in (2, 9, -5))
    then = offers.at(past.visit_store[past.visit], past.item, past.visit_day[past.visit]) >= 0
    pairs = past.pairs
    count = np.maximum(pairs.sum(np.ones(len(past.item))), 1)
    own_price = pairs.sum(past.amount) / np.maximum(pairs.sum(past.quantity), 1e-9)
    price = np.where(np.isnan(known.price), known.usual, known.price)
    stores = np.maximum(known.backoff.stores_selling[asked.item], 1)
    now, later, earlier = (
        [s[asked.item] / stores for s in offers.in_chain(known.day + a, len(past.items))] for a in (2, 9, -5)
    )
    return {
        "display": _of(soon, offers.display, 0.0),
        "mailer": _of(soon, offers.mailer, 0.0),
        "discount": _of(soon, offers.discount, 0.0),
        "display_next": _of(next_week, offers.display, 0.0),
        "mailer_next": _of(next_week, offers.mailer, 0.0),
        "was_offered": (before >= 0).astype(float),
        "bought_on_offer": _of(pair, pairs.sum(then) / count, np.nan),
        "own_saving": _of(pair, pairs.sum(past.saving) / count, np.nan),
        "item_saving": known.saving[asked.item],
        "display_chain": now[0],
        "mailer_chain": now[1],
        "mailer_chain_next": later[1],
        "mailer_chain_before": earlier[1],
        "item_on_offer": known.on_offer[asked.item],
        "price_change": (price / np.maximum(known.usual, 0.01))[asked.item],
        "price": price[asked.item],
        "price_to_own": price[asked.item] / np.maximum(_of(pair, own_price, np.nan), 0.01),
    }


def _person(known: Knowledge, past: Baskets, asked: Asked) -> dict[str, FloatArray]:
    """How the customer shops."""
    count = len(past.customers)
    visits = past.visits
    first = np.full(count, known.day)
    np.minimum.at(first, past.visit_customer, past.visit_day)
    gap = (past.last_day - first) / np.maximum(visits - 1, 1)
    since = np.where(visits > 0, known.day - past.last_day, NEVER)
    lines = np.bincount(past.customer, minlength=count)
    distinct = np.bincount(past.pairs.customer, minlength=count)
    columns = {
        "visits": visits.astype(float),
        "visit_gap": gap,
        "days_since_visit": since,
        "visit_over_gap": since / np.maximum(gap, 1.0),
        "basket_size": lines / np.maximum(visits, 1),
        "repeats": 1 - distinct / np.maximum(lines, 1),
        "person_saving": np.bincount(past.customer, past.saving, count) / np.maximum(lines, 1),
    }
    return {name: values[asked.customer] for name, values in columns.items()}


def _of(place: IntArray, values: NDArray[np.generic] | FloatArray, otherwise: float) -> FloatArray:
    """Values at places, `otherwise` where a place is −1."""
    if not len(values):
        return np.full(len(place), otherwise)
    return np.where(place >= 0, np.asarray(values, dtype=float)[np.maximum(place, 0)], otherwise)


def _search(sorted_: IntArray, wanted: IntArray) -> IntArray:
    """Places of numbers in a sorted array, −1 = absent."""
    if not len(sorted_):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(sorted_, wanted), len(sorted_) - 1)
    return np.where(sorted_[at] == wanted, at, -1)


def _places(customer: IntArray, item: IntArray, wanted: IntArray, wanted_item: IntArray, items: int) -> IntArray:
    return _search(customer * items + item, wanted * items + wanted_item)
