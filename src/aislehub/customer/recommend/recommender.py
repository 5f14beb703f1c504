"""A recommender: what was learned by a day, asked for any customers at any later moment.

    recommender = Recommender.load(folder)
    ranked = recommender.rank(past, who, offers=offers)       # all candidates, scored
    best = ranked.best(10)                                    # places in it, ten a customer
    recommender.contributions(ranked, best)                   # why, by family of features

`past` holds purchases of the customers asked about, with the codes of this recommender's catalogue
(`recommender.baskets(lines)`); what was bought a minute ago is in it like what was bought last year. A customer of whom
nothing may be known gets `popular`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import scipy
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.customer.recommend.backoff import BackOff, Level
from aislehub.customer.recommend.base import Base
from aislehub.customer.recommend.baskets import Baskets, FloatArray, IntArray
from aislehub.customer.recommend.blend import Blend
from aislehub.customer.recommend.candidates import Sizes, candidates, rank_within
from aislehub.customer.recommend.content import Content
from aislehub.customer.recommend.features import FAMILIES, FEATURES, Asked, describe
from aislehub.customer.recommend.forgetting import load_ease, save_ease
from aislehub.customer.recommend.knowledge import Catalogue, Knowledge
from aislehub.customer.recommend.offers import NO_OFFERS, Offers
from aislehub.customer.recommend.ranker import Ranker
from aislehub.customer.recommend.tifu import Tifu

__all__ = ["Ranked", "Recommender"]

FORMAT = 2
"""Of the files of a learned recommender; another one cannot be read, and the next business day learns it anew."""


@dataclass(frozen=True)
class Ranked:
    """Candidates with their scores, sorted by customer and item.

    Attributes:
        customer, item: codes, (q,).
        score: chance of being in the customer's next basket, (q,).
        features: (q, F), in the order of `FEATURES`.
        bought: whether the customer ever bought it, (q,); the others are new to them.
    """

    customer: IntArray
    item: IntArray
    score: FloatArray
    features: NDArray[np.float32]
    bought: NDArray[np.bool_]

    def best(self, count: int, allowed: NDArray[np.bool_] | None = None) -> IntArray:
        """Places of the `count` best allowed candidates of each customer, by customer, the best first."""
        if allowed is None:
            return best_places(self.customer, self.item, self.score, count)
        places = np.flatnonzero(allowed)
        return places[best_places(self.customer[places], self.item[places], self.score[places], count)]


@dataclass(frozen=True)
class Recommender:
    """Everything learned.

    Attributes:
        stores: names by code; items are in the catalogue.
        base: what ranks while there is no ranker, and beside it; ranker: None while it has not proved better.
    """

    stores: NDArray[np.object_]
    catalogue: Catalogue
    known: Knowledge
    tifu: Tifu = field(default_factory=Tifu)
    sizes: Sizes = field(default_factory=Sizes)
    ranker: Ranker | None = None
    base: Base = field(default_factory=Base)

    def baskets(self, lines: pa.Table, customers: NDArray[np.object_] | None = None) -> Baskets:
        """Purchases with this recommender's codes; lines of items that it does not know are left out."""
        return Baskets.of(lines, customers=customers, items=self.catalogue.items, stores=self.stores)

    def rank(
        self, past: Baskets, who: IntArray, *, day: int | None = None, store: IntArray | None = None,
        offers: Offers = NO_OFFERS, more: tuple[IntArray, IntArray] | None = None,
    ) -> Ranked:  # fmt: skip
        """Score the candidates of some customers.

        Args:
            past: their purchases so far.
            who: customers, sorted codes of `past`.
            day: when they are asked about, in days since 1970; None = the day of the knowledge.
            store: where each is, by customer, (C,), −1 = unknown; None = where they shop most.
            offers: what is announced.
            more: further candidates, customers and items.
        """
        known = self.known if day is None else replace(self.known, day=day)
        store = past.home_store if store is None else store
        customer, item = candidates(known, self.catalogue, past, who, store, self.tifu, self.sizes)
        if more is not None:
            pairs = np.union1d(customer * len(past.items) + item, more[0] * len(past.items) + more[1])
            customer, item = pairs // len(past.items), pairs % len(past.items)
        asked = Asked(customer, item, store)
        features = describe(known, self.catalogue, offers, past, asked, self.tifu)
        return Ranked(customer, item, self.scores(features), features, asked.pair(past) >= 0)

    def scores(self, features: NDArray[np.float32]) -> FloatArray:
        """Chance of being in the next basket, by the base or, where there is a ranker, by both, (q,)."""
        return self._scorer.scores(features)

    @property
    def _scorer(self) -> Base | Blend:
        return self.base if self.ranker is None else Blend(self.ranker, self.base)

    def on(self, day: int) -> Recommender:
        """The same, asked about on another day than that of learning."""
        return replace(self, known=replace(self.known, day=day))

    def popular(self, store: int, count: int) -> tuple[IntArray, FloatArray]:
        """What sells in a store, whoever asks: codes and the share of visits with each, the largest first."""
        items = self.known.backoff.best(store, count)
        return items, self.known.backoff.scores(store, items)

    def contributions(self, ranked: Ranked, places: IntArray) -> dict[str, FloatArray]:
        """Family of features → its share of the score of some candidates: log odds, or of the base, probability."""
        return self.shares(ranked.features[places])

    def shares(self, features: NDArray[np.float32]) -> dict[str, FloatArray]:
        """The same of described candidates, (q, F)."""
        if self.ranker is not None:
            return Blend(self.ranker, self.base).contributions(features)
        own, others = self.base.parts(features)
        return {name: np.zeros(len(features)) for name in (*FAMILIES, "base")} | {
            "habit": own,
            self.base.family: others,
        }

    def without(self, row: FloatArray) -> Recommender:
        """The recommender whose EASE never saw a customer, given which head items they held, (H,)."""
        return replace(self, known=self.known.with_ease(self.known.ease.without(row)))

    def save(self, folder: Path, baskets: Baskets | None = None) -> None:
        """Into the folder of a learned model.

        Args:
            baskets: what EASE was learned from, so that it can forget each of them (`forgetting`).
        """
        known, backoff = self.known, self.known.backoff
        names, rows = np.zeros(0, object), scipy.sparse.csr_matrix((0, len(known.ease.items)))
        if baskets is not None:
            held = baskets.matrix(items=known.ease.items)
            who = np.flatnonzero(np.diff(held.indptr) > 0)
            names, rows = baskets.customers[who], held[who]
        save_ease(folder, known.ease, names, rows)
        values = {part.name: getattr(known, part.name) for part in fields(known)}
        arrays: dict[str, Any] = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        np.savez(folder / "known.npz", **arrays, chain=backoff.chain)
        for name, level in (("store", backoff.store), ("segment", backoff.segment)):
            scipy.sparse.save_npz(folder / f"{name}_shares.npz", level.shares, compressed=False)
            np.save(folder / f"{name}_missing.npy", level.missing)
        content = self.catalogue.content.vectors
        scipy.sparse.save_npz(folder / "content.npz", content, compressed=False)
        np.savez(folder / "groups.npz", category=self.catalogue.category, subcategory=self.catalogue.subcategory)
        about = {
            "format": FORMAT, "day": known.day, "segments": backoff.segments, "tifu": asdict(self.tifu),
            "sizes": asdict(self.sizes), "base": asdict(self.base),
            "items": list(self.catalogue.items), "stores": list(self.stores), "features": list(FEATURES),
        }  # fmt: skip
        (folder / "about.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
        if self.ranker is not None:
            self.ranker.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Recommender:
        """From the folder that `save` wrote.

        Raises:
            HubError: `recommend.other_version` where another version of the house wrote it.
        """
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        if about.get("format") != FORMAT:
            raise HubError("recommend.other_version", day=str(np.datetime64(about["day"] - 1, "D")))
        levels = [
            Level(scipy.sparse.load_npz(folder / f"{name}_shares.npz"), np.load(folder / f"{name}_missing.npy"))
            for name in ("store", "segment")
        ]
        arrays: dict[str, Any] = dict(np.load(folder / "known.npz"))
        backoff = BackOff(arrays["chain"], levels[0], levels[1], about["segments"])
        ease = load_ease(folder)
        given = {name: value for name, value in arrays.items() if name != "chain"}
        known = Knowledge(day=about["day"], backoff=backoff, ease=ease, **given)
        groups = np.load(folder / "groups.npz")
        items = np.array(about["items"], dtype=object)
        content = Content(scipy.sparse.load_npz(folder / "content.npz"))
        catalogue = Catalogue(items, groups["category"], groups["subcategory"], content)
        ranker = Ranker.load(folder)
        return cls(
            np.array(about["stores"], dtype=object), catalogue, known, Tifu(**about["tifu"]), Sizes(**about["sizes"]),
            ranker if ranker.models else None, Base(**about["base"]),
        )  # fmt: skip


def best_places(customer: IntArray, item: IntArray, score: FloatArray, count: int) -> IntArray:
    """Places of the `count` best items of each customer, by customer, the best first."""
    order = np.lexsort((item, -score, customer))
    return order[rank_within(customer[order]) < count]
