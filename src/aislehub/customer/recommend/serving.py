"""What an answer looks things up in: the recommender and the chain's facts at one version, by code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import scipy
from numpy.typing import NDArray

from aislehub.core.settings import Settings, field
from aislehub.customer.recommend.baskets import EPOCH, Baskets, FloatArray, IntArray
from aislehub.customer.recommend.interest import ViewLog, looked_at
from aislehub.customer.recommend.offers import Offers, offers_of
from aislehub.customer.recommend.pool import Pool, pools
from aislehub.customer.recommend.recommender import Recommender
from aislehub.customer.recommend.shelf import may_be_shown, unit_money
from aislehub.law.advertising import of_age
from aislehub.law.consent import may_use

__all__ = ["COLUMNS", "READS", "Policy", "Serving", "serving"]

READS = "sales_lines items promotions supply_state customers consents events"
COLUMNS = {
    "sales_lines": "customer item store receipt day sold_at quantity amount discount",
    "items": "item name department category subcategory is_sellable listed_from delisted_from",
    "promotions": "store item starts ends display mailer discount known_at",
    "supply_state": "day store item on_hand price cost source",
    "customers": "customer home_store",
    "consents": "customer purpose granted at",
    "events": "event_id customer kind item at",
}


class Policy(Settings, section="recommend_now"):
    """What is weighed when a list is made up for somebody who waits."""

    interest: float = field(
        0.5, "How much looks of the last 30 days at an item or its kind move the log odds of buying it", ge=0, le=5
    )
    diversity: float = field(0.15, "Share of its value that an item loses for each of its kind above it", ge=0, le=1)
    margin_weight: float = field(
        0.0, "0 = by the chance of buying alone, 1 = by expected money; the order of a list, never a price", ge=0, le=1
    )
    ready: int = field(
        5000, "Members whose candidates are made ahead in each serving process, those who shopped last; the others' "
        "are made when they come", ge=0, le=1_000_000
    )  # fmt: skip
    reasons: int = field(2, "Reasons of each item at most", ge=1, le=5)


@dataclass(frozen=True)
class Serving:
    """Looked-up facts; items, customers and stores have the codes of the recommender and its baskets.

    Attributes:
        day: asked about, in days since 1970: the one after the newest close.
        baskets: of all members, before `day`; `home`: store of each, (C,), as their visits say.
        ready: pools of the members who shopped last, by code.
        told_store: member → the store they chose themselves, for those without visits.
        shown: which items can be bought on `day` and may be recommended, (I,); of_age: only to those who bought them.
        stock: store × items + item → units on hand at the close.
        price, margin: money of a unit, (I,), NaN = unknown.
        name: of each item for people, (I,); `kind_name`: of its subcategory.
        objected: members who want nothing chosen for them.
        source: where the facts came from.
    """

    recommender: Recommender
    policy: Policy
    day: int
    baskets: Baskets
    home: IntArray
    ready: Mapping[int, Pool]
    items: pd.Index
    customers: pd.Index
    stores: pd.Index
    told_store: Mapping[str, str]
    offers: Offers
    views: ViewLog
    shown: NDArray[np.bool_]
    of_age: NDArray[np.bool_]
    stock: Mapping[int, float]
    price: FloatArray
    margin: FloatArray
    name: NDArray[np.object_]
    kind_name: NDArray[np.object_]
    objected: frozenset[str]
    source: str

    @property
    def kind(self) -> IntArray:
        """Subcategory of each item, (I,), −1 = not said."""
        return self.recommender.catalogue.subcategory

    @cached_property
    def holders(self) -> scipy.sparse.csc_matrix:
        """Which members bought each item, (C, I)."""
        return self.baskets.matrix().tocsc()

    def together(self, items: IntArray) -> tuple[IntArray, FloatArray]:
        """Head items, (H,), and how much holding these items speaks for each, by EASE's weights, (H,)."""
        ease = self.recommender.known.ease
        rows = np.flatnonzero(np.isin(ease.items, items))
        return ease.items, -ease.inverse[rows].sum(axis=0) / np.diag(ease.inverse)

    def buyers(self, given: IntArray, item: int) -> tuple[IntArray, IntArray]:
        """Members who bought each given item and also another one, (g,), and who bought each given one, (g,)."""
        own, held = _column(self.holders, item), [_column(self.holders, int(code)) for code in given]
        both = [len(np.intersect1d(members, own, assume_unique=True)) for members in held]
        return np.array(both, dtype=np.int64), np.array([len(members) for members in held], dtype=np.int64)

    def on_hand(self, store: int, item: int) -> float | None:
        """Units in a store at the close; None = not known."""
        return self.stock.get(store * len(self.items) + item)


def serving(tables: Mapping[str, pa.Table], *, policy: Policy, model: Path | None) -> Serving | None:
    """Facts by code; None before the first business day has learned a recommender."""
    if model is None:
        return None
    learned = Recommender.load(model)
    items, stores = pd.Index(learned.catalogue.items), pd.Index(learned.stores)
    state = tables["supply_state"].to_pandas()
    day = (max(state["day"]) - EPOCH).days + 1 if len(state) else learned.known.day
    recommender = learned.on(day)
    baskets = recommender.baskets(_goods(tables["sales_lines"], tables["items"], day))
    offers = offers_of(tables["promotions"], baskets).known_before(day)
    views = ViewLog.of(tables["events"], items, EPOCH + timedelta(days=day))
    goods = tables["items"].to_pandas().drop_duplicates("item", keep="last").set_index("item").reindex(items)
    at = (stores.get_indexer(state["store"]), items.get_indexer(state["item"]))
    known = (at[0] >= 0) & (at[1] >= 0)
    place = (at[0].astype(np.int64) * len(items) + at[1])[known]
    chosen = tables["customers"].to_pandas().dropna(subset=["home_store"])
    return Serving(
        recommender, policy, day, baskets, baskets.home_store, _ready(recommender, baskets, views, offers, policy),
        items, pd.Index(baskets.customers), stores,
        dict(zip(chosen["customer"], chosen["home_store"], strict=True)), offers, views,
        may_be_shown(goods, EPOCH + timedelta(days=day)), of_age(goods),
        dict(zip(place.tolist(), state["on_hand"].to_numpy(float)[known].tolist(), strict=True)),
        *unit_money(state, items), goods["name"].fillna(pd.Series(items, items)).to_numpy(object),
        goods["subcategory"].to_numpy(object), _objected(tables["consents"], day), _sources(state),
    )  # fmt: skip


def _column(matrix: scipy.sparse.csc_matrix, item: int) -> IntArray:
    return matrix.indices[matrix.indptr[item] : matrix.indptr[item + 1]]


def _ready(
    recommender: Recommender, baskets: Baskets, views: ViewLog, offers: Offers, policy: Policy
) -> Mapping[int, Pool]:
    """Pools of those who shopped last, with what they looked at in them."""
    latest = np.argsort(-baskets.last_day, kind="stable")[: policy.ready]
    who = np.sort(latest[baskets.last_day[latest] >= 0])
    names = pd.Index(recommender.catalogue.items)
    looked = {
        code: looked_at(views.looks(name, (), names), recommender, int(baskets.home_store[code]))
        for code in who.tolist()
        if (name := str(baskets.customers[code])) in views.span
    }
    return pools(recommender, baskets, who, baskets.home_store, offers, looked)


def _goods(lines: pa.Table, items: pa.Table, day: int) -> pa.Table:
    """Members' purchases of goods before a day."""
    unsold = items.filter(pc.equal(items["is_sellable"], False))["item"]
    before = pc.less(lines["day"], pa.scalar(EPOCH + timedelta(days=day)))
    kept = pc.and_(before, pc.invert(pc.is_in(lines["item"], value_set=unsold.combine_chunks())))
    return lines.filter(kept).rename_columns({"sold_at": "time"})


def _objected(consents: pa.Table, day: int) -> frozenset[str]:
    rows = consents.to_pandas()
    said = rows["customer"].drop_duplicates().to_numpy(object)
    now = max(datetime.now(UTC), datetime.combine(EPOCH + timedelta(days=day), time.min, UTC))
    return frozenset(said[~may_use(said, "personalisation", rows, now)])


def _sources(state: pd.DataFrame) -> str:
    return "; ".join(sorted(set(state["source"].dropna())))


def day_of(serving: Serving) -> date:
    """The business day asked about."""
    return EPOCH + timedelta(days=serving.day)
