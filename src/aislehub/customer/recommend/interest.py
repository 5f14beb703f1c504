"""Interest: what a member looked at lately, and which items that speaks for.

Looking at an item speaks for it and for those of its kind (subcategory). Each look counts 1 on its day and fades by a
tenth a day; the sum moves the log odds of the item by `weight` × log(1 + sum). The weight is a policy: chains without a
log of what was shown have nothing to learn it from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aislehub.customer.recommend.baskets import EPOCH, FloatArray, IntArray
from aislehub.customer.recommend.recommender import Recommender

__all__ = ["LOOKS", "VIEW_DAYS", "Looks", "ViewLog", "interest", "log_odds", "looked_at"]

LOOKS = frozenset({"view", "click", "favourite"})
"""Kinds of events in which somebody looked at an item."""
VIEW_DAYS = 30
FADING = 0.9
KINDS, OF_A_KIND = 5, 5
"""Kinds that looks bring in, and items of each."""


@dataclass(frozen=True)
class Looks:
    """What one member looked at in the last `VIEW_DAYS` days: item codes and how many days ago, (n,) each."""

    item: IntArray
    ago: IntArray

    def of_kind(self, kind: IntArray, item: int) -> int:
        """How many were at items of the same kind as `item`, itself included."""
        return int(np.sum(_same(kind, self.item, item)))


@dataclass(frozen=True)
class ViewLog:
    """The log of all members: looks sorted by member.

    Attributes:
        span: member → first and last place.
        item: codes, (n,); ago: days before `day`, (n,).
    """

    span: Mapping[str, tuple[int, int]]
    item: IntArray
    ago: IntArray

    @classmethod
    def of(cls, events: pa.Table, items: pd.Index, day: date) -> ViewLog:
        """From rows of the table `events` (customer, kind, item, at) of the days before `day`."""
        rows = events.to_pandas()
        rows = rows[rows["kind"].isin(LOOKS) & rows["customer"].notna()]
        code = items.get_indexer(rows["item"]).astype(np.int64)
        at = rows["at"].dt.tz_localize(None).to_numpy("datetime64[D]").astype(np.int64)
        ago = (day - EPOCH).days - at
        kept = (code >= 0) & (ago > 0) & (ago <= VIEW_DAYS)
        customer = rows["customer"].to_numpy(object)[kept].astype(str)
        order = np.argsort(customer, kind="stable")
        names, first, count = np.unique(customer[order], return_index=True, return_counts=True)
        spans = zip(first.tolist(), (first + count).tolist(), strict=True)
        return cls(dict(zip(names.tolist(), spans, strict=True)), code[kept][order], ago[kept][order])

    def looks(self, customer: str, live: Iterable[Mapping[str, Any]], items: pd.Index) -> Looks:
        """Of one member, those of the last minutes included."""
        first, end = self.span.get(customer, (0, 0))
        seen = [event.get("item") for event in live if event.get("kind") in LOOKS]
        now = items.get_indexer(pd.Index(seen, dtype=object)) if seen else np.zeros(0, np.int64)
        now = now[now >= 0].astype(np.int64)
        item = np.concatenate([self.item[first:end], now])
        return Looks(item, np.concatenate([self.ago[first:end], np.zeros(len(now), np.int64)]))


def interest(looks: Looks, kind: IntArray, items: IntArray, weight: float) -> FloatArray:
    """What looks add to the log odds of some items, (q,).

    Args:
        kind: subcategory of every item of the catalogue, (I,), −1 = not said.
    """
    if not len(looks.item) or not weight:
        return np.zeros(len(items))
    fresh = FADING**looks.ago
    alike = (kind[items][:, None] == kind[looks.item][None, :]) & (kind[items][:, None] >= 0)
    alike |= items[:, None] == looks.item[None, :]
    return weight * np.log1p(alike @ fresh)


def looked_at(looks: Looks, recommender: Recommender, store: int) -> IntArray:
    """Items looked at, and of the kinds looked at last what sells best in a store; codes, each once."""
    kind = recommender.catalogue.subcategory
    found = [looks.item]
    for code in [code for code in dict.fromkeys(kind[looks.item[::-1]].tolist()) if code >= 0][:KINDS]:
        alike = np.flatnonzero(kind == code)
        share = recommender.known.backoff.scores(store, alike)
        found.append(alike[np.argsort(-share, kind="stable")[:OF_A_KIND]])
    return np.unique(np.concatenate(found))


def log_odds(chance: FloatArray) -> FloatArray:
    """Log odds of chances; certainty is as near to it as a float of 32 bits comes."""
    inside = np.clip(chance, 1e-7, 1 - 1e-7)
    return np.log(inside / (1 - inside))


def _same(kind: IntArray, looked: IntArray, item: int) -> Any:
    return (looked == item) | ((kind[looked] == kind[item]) & (kind[item] >= 0))
