"""Why an item is recommended: facts that can be counted again, each of which the score would miss.

The trees' TreeSHAP says which family of features speaks for an item and how loudly. A family becomes a reason only if
it has a fact in the log, and only if the score falls when what the fact is about is taken out of the log (the deletion
test of DeYoung et al. 2020, "ERASER", here for every single reason before it is stated).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislehub.core.reasons import Reason
from aislehub.customer.recommend.baskets import Baskets, FloatArray, IntArray
from aislehub.customer.recommend.facts import AHEAD, LATELY, offer_facts
from aislehub.customer.recommend.features import FEATURES, Asked, describe
from aislehub.customer.recommend.interest import VIEW_DAYS, Looks, interest, log_odds
from aislehub.customer.recommend.serving import Serving

__all__ = ["Case", "because", "beside", "popular_there"]

NOT_POPULAR = {"popularity": 0.0, "trend": 1.0, "store_share": 0.0}
NOT_OFFERED = dict.fromkeys(
    (
        "display", "mailer", "discount", "display_next", "mailer_next", "display_chain", "mailer_chain",
        "mailer_chain_next",
    ),
    0.0,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One member and the items chosen for them.

    Attributes:
        past: their purchases, of code 0; store: code, −1 = unknown.
        looks: at items in the last 30 days.
        item: codes, (k,); features: (k, F); score: log odds with the interest in it, (k,).
        contributions: family → share of the log odds, (k,); `interest` among them.
    """

    past: Baskets
    store: int
    looks: Looks
    item: IntArray
    features: NDArray[np.float32]
    score: FloatArray
    contributions: dict[str, FloatArray]


@dataclass(frozen=True)
class _Claim:
    """A reason that has yet to stand its test: the place of its item, and what is taken out of the log."""

    place: int
    reason: Reason
    lines: NDArray[np.bool_] | None = None
    features: dict[str, float] | None = None
    looks: bool = False


def because(serving: Serving, case: Case, most: int) -> list[list[Reason]]:
    """At most `most` reasons of each item, the weightiest first."""
    claims = [claim for place in range(len(case.item)) for claim in _claims(serving, case, place, most + 1)]
    stands = _score_without(serving, case, claims) < np.array([case.score[claim.place] for claim in claims])
    reasons: list[list[Reason]] = [[] for _ in case.item]
    for claim, holds in zip(claims, stands, strict=True):
        if holds and len(reasons[claim.place]) < most:
            reasons[claim.place].append(claim.reason)
    return reasons


def popular_there(serving: Serving, store: int, item: int) -> list[Reason]:
    """The one reason of a list that was made for nobody in particular; none where hardly a basket holds the item."""
    reason = _popular(serving, store, item, float(serving.recommender.known.backoff.scores(store, np.array([item]))[0]))
    return [] if reason is None else [reason]


def beside(serving: Serving, what: str, item: int, other: int) -> str:
    """The code of a sentence about an item and another one, which may go by the same name."""
    namesake = "_namesake" if serving.name[item] == serving.name[other] else ""
    return f"recommend.because.{what}{namesake}"


def _claims(serving: Serving, case: Case, place: int, most: int) -> list[_Claim]:
    """What speaks for an item and has a fact, the weightiest first."""
    weights = {family: float(values[place]) for family, values in case.contributions.items() if values[place] > 0}
    found: list[_Claim] = []
    for family in sorted(weights, key=lambda name: -weights[name]):
        claim = _claim(serving, case, place, family, weights[family])
        if claim is not None and len(found) < most:
            found.append(claim)
    return found


def _claim(serving: Serving, case: Case, place: int, family: str, weight: float) -> _Claim | None:
    item, past = int(case.item[place]), case.past
    own = past.item == item
    if family == "habit" and (count := _visits(serving, past, own)):
        return _Claim(place, Reason("recommend.because.habit", {"count": count, "days": LATELY}, weight), own)
    if family == "due" and own.sum() > 1:
        days = np.unique(past.visit_day[past.visit[own]])
        if len(days) > 1:
            gap, ago = round(float(days[-1] - days[0]) / (len(days) - 1)), int(serving.day - days[-1])
            if 2 * ago < gap:  # bought so lately speaks against it
                return None
            return _Claim(place, Reason("recommend.because.due", {"gap": gap, "ago": ago}, weight), own)
    if family == "category" and serving.kind[item] >= 0:
        others = (serving.kind[past.item] == serving.kind[item]) & ~own
        if count := _visits(serving, past, others):
            facts = {"kind": serving.kind_name[item], "count": count, "days": LATELY}
            return _Claim(place, Reason("recommend.because.kind", facts, weight), others)
    if family == "popular":
        popular = _popular(serving, case.store, item, weight)
        if popular is not None:
            return _Claim(place, popular, features=NOT_POPULAR)
    if family in ("together", "taste") and not own.any():
        other = _nearest(serving, past, item, family)
        if other is not None:
            facts = {"other": serving.name[other], "item": str(serving.items[other])}
            reason = Reason(beside(serving, family, item, other), facts, weight)
            return _Claim(place, reason, past.item == other)
    if family == "offer":
        offer = _offer(serving, case.store, item)
        if offer is not None:
            return _Claim(place, Reason("recommend.because.offer", offer, weight), features=NOT_OFFERED)
    if family == "interest":
        facts = {"count": case.looks.of_kind(serving.kind, item), "days": VIEW_DAYS}
        return _Claim(place, Reason("recommend.because.viewed", facts, weight), looks=True)
    return None


def _visits(serving: Serving, past: Baskets, lines: NDArray[np.bool_]) -> int:
    """Visits of the last days with any of these lines."""
    late = lines & (past.visit_day[past.visit] >= serving.day - LATELY)
    return len(np.unique(past.visit[late]))


def _popular(serving: Serving, store: int, item: int, weight: float) -> Reason | None:
    """The share of the store's baskets that hold an item, as counted; of all baskets where the store sold none."""
    backoff = serving.recommender.known.backoff
    there, everywhere = (round(100 * share, 1) for share in (backoff.counted(store, item), float(backoff.chain[item])))
    if there > 0:
        facts = {"share": there, "store": str(serving.stores[store])}
        return Reason("recommend.because.popular_store", facts, weight)
    return Reason("recommend.because.popular", {"share": everywhere}, weight) if everywhere > 0 else None


def _nearest(serving: Serving, past: Baskets, item: int, family: str) -> int | None:
    """The item they bought that speaks most for another: by EASE's weight, or by attributes."""
    held = np.unique(past.item)
    if family == "taste":
        vectors = serving.recommender.catalogue.content.vectors
        near = (vectors[held] @ vectors[item].T).toarray().ravel()
    else:
        ease = serving.recommender.known.ease
        at = np.searchsorted(ease.items, [item, *held])
        known = (at < len(ease.items)) & (ease.items[np.minimum(at, len(ease.items) - 1)] == [item, *held])
        if not known[0]:
            return None
        near = np.zeros(len(held))
        near[known[1:]] = -ease.inverse[at[1:][known[1:]], at[0]] / ease.inverse[at[0], at[0]]
    return int(held[near.argmax()]) if len(near) and near.max() > 0 else None


def _offer(serving: Serving, store: int, item: int) -> dict[str, Any] | None:
    """What is announced for the coming days, with its last day."""
    for ahead in AHEAD:
        at = int(serving.offers.at(np.array([store]), np.array([item]), serving.day + ahead)[0])
        if at >= 0:
            return offer_facts(serving.offers, at)
    return None


def _score_without(serving: Serving, case: Case, claims: Sequence[_Claim]) -> FloatArray:
    """Log odds of each claim's item had the log not held what it says, (claims,).

    Each claim has a customer of its own who did all the same but that, so that one look at all of them is enough.
    """
    if not claims:
        return np.zeros(0)
    recommender, past = serving.recommender, case.past
    count, visits = len(claims), len(past.visit_day)
    kept = np.concatenate([np.ones(len(past.item), bool) if c.lines is None else ~c.lines for c in claims])

    def often(values: NDArray[Any]) -> Any:
        return np.tile(values, count)

    who, lines = np.repeat(np.arange(count), len(past.item)), often(past.visit)
    without = Baskets(
        np.arange(count).astype(object), past.items, past.stores, who[kept], often(past.item)[kept],
        (lines + who * visits)[kept], often(past.quantity)[kept], often(past.amount)[kept], often(past.saving)[kept],
        np.repeat(np.arange(count), visits), often(past.visit_day), often(past.visit_store),
    )  # fmt: skip
    items = np.array([case.item[claim.place] for claim in claims])
    asked = Asked(np.arange(count), items, np.full(count, case.store))
    features = describe(recommender.known, recommender.catalogue, serving.offers, without, asked, recommender.tifu)
    for row, claim in enumerate(claims):
        for name, value in (claim.features or {}).items():
            features[row, FEATURES.index(name)] = value
    felt = interest(case.looks, serving.kind, items, serving.policy.interest)
    return log_odds(recommender.scores(features)) + np.where([claim.looks for claim in claims], 0.0, felt)
