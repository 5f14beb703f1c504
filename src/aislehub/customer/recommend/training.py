"""Past moments to learn from: what was known then of each candidate, and whether it was in the next basket.

Origins are a week apart and end a week before today. A customer's example at an origin is their first visit after it,
as far as it has been seen: of the last origins those who come often are known, of older ones nearly all. Fresh origins
are worth it: a ranker learned on weeks that are ten weeks old is 1 % worse (see `benchmarks/recommend.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import Baskets, FloatArray, IntArray
from aislehub.customer.recommend.candidates import Sizes, candidates
from aislehub.customer.recommend.ease import Ease
from aislehub.customer.recommend.features import Asked, describe
from aislehub.customer.recommend.knowledge import Catalogue, Knowledge
from aislehub.customer.recommend.offers import Offers
from aislehub.customer.recommend.tifu import Tifu

__all__ = ["Examples", "Past", "examples", "joined", "thinned"]

WITHIN = 28
"""Days in which the next visit has to be."""


@dataclass(frozen=True)
class Past:
    """What examples are made of.

    Attributes:
        baskets: purchases of those who may be analysed.
        head, ridge: of EASE.
    """

    baskets: Baskets
    catalogue: Catalogue
    offers: Offers
    tifu: Tifu
    sizes: Sizes
    head: int
    ridge: float

    def knowledge(self, day: int, ease: Ease | None = None) -> Knowledge:
        """What was known of items and stores at the opening of a day."""
        return Knowledge.of(
            self.baskets, day, head=self.head, ridge=self.ridge, ease=ease,
            offers=self.offers.known_before(day),
        )  # fmt: skip


@dataclass(frozen=True)
class Examples:
    """Described candidates, (q,): codes, features, (q, F), whether they were bought next, and what each counts."""

    customer: IntArray
    item: IntArray
    features: NDArray[np.float32]
    bought: NDArray[np.bool_]
    weight: FloatArray


def examples(
    past: Past, day: int, *, within: int = WITHIN, ease: Ease | None = None, share: float = 1.0, unbought: float = 1.0,
    seed: int = 0,
) -> Examples:  # fmt: skip
    """Candidates as they would have been at the opening of a day, of customers who came in the `within` days after.

    Args:
        ease: learned before the day; None = learned as of the day.
        share: of the customers who are drawn.
        unbought: share of the candidates that were not bought next that are kept, with a weight that makes up for it.
    """
    random = np.random.default_rng([seed, day])
    every = past.baskets
    basket = every.next_visit(day, within).matrix()
    came_before = np.bincount(every.visit_customer[every.visit_day < day], minlength=len(every.customers)) > 0
    who = np.flatnonzero((np.diff(basket.indptr) > 0) & came_before)
    if share < 1:
        who = who[random.random(len(who)) < share]
    before = every.of_customers(np.isin(np.arange(len(every.customers)), who)).before(day)
    known = past.knowledge(day, ease)
    store = before.home_store
    customer, item = candidates(
        known, past.catalogue, before, who, store, past.tifu, past.sizes
    )  # fmt: skip
    bought = np.asarray(basket[customer, item]).ravel() > 0 if len(item) else np.zeros(0, dtype=bool)
    kept = bought | (random.random(len(bought)) < unbought)
    customer, item, bought = customer[kept], item[kept], bought[kept]
    asked = Asked(customer, item, store)
    features = describe(known, past.catalogue, past.offers.known_before(day), before, asked, past.tifu)
    return Examples(customer, item, features, bought, np.where(bought, 1.0, 1.0 / unbought))


def joined(parts: list[Examples]) -> Examples:
    """Several origins as one."""
    fields = ("customer", "item", "features", "bought", "weight")
    return Examples(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def thinned(part: Examples, unbought: float, seed: int) -> Examples:
    """The same with a share of what was not bought, with a weight that makes up for it."""
    kept = part.bought | (np.random.default_rng(seed).random(len(part.bought)) < unbought)
    weight = np.where(part.bought, part.weight, part.weight / unbought)
    return Examples(part.customer[kept], part.item[kept], part.features[kept], part.bought[kept], weight[kept])
