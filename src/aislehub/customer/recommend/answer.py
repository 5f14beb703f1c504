"""Recommendations, now: what to show a shopper, with what they did a moment ago in it, and why.

One answer for five places of a shop. `home` is the ranker's list; `replenish` holds what they buy again and is due;
`basket` completes what is in the cart; `goes_with` and `similar` stand beside an item. Whoever objected to
personalisation, asks for none, or is unknown gets what sells in the store. What is out of stock there is never shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislehub.core.answers import Live, Snapshot, answer
from aislehub.core.errors import HubError
from aislehub.core.reasons import Reason
from aislehub.customer.recommend.asked import BESIDE, MOST, Asked
from aislehub.customer.recommend.baskets import FloatArray, IntArray
from aislehub.customer.recommend.because import Case, because, beside, popular_there
from aislehub.customer.recommend.interest import interest, looked_at
from aislehub.customer.recommend.member import Member
from aislehub.customer.recommend.pool import Pool, described, pools
from aislehub.customer.recommend.rerank import chosen
from aislehub.customer.recommend.serving import COLUMNS, READS, Serving, day_of, serving

__all__ = ["recommend"]

DUE = 0.8  # share of their usual interval after which something is due


@dataclass(frozen=True)
class _List:
    """What is shown: item codes, what they are sorted by, why, and how many units are bought at a time.

    There are no units where the score is no chance of being bought.
    """

    items: IntArray
    score: FloatArray
    reasons: Sequence[Sequence[Reason]]
    units: FloatArray | None = None


@answer(reads=READS, prepare=serving, model="recommender", columns=COLUMNS, persons="customer")
def recommend(request: Mapping[str, Any], snapshot: Snapshot, live: Live) -> dict[str, Any]:
    """What to show now.

    Request, all optional: `place` (home, replenish, basket, goes_with, similar), `customer`, `session` (of somebody
    who is not logged in), `store`, `item` (goes_with, similar), `basket` (items; without it what events put in the
    cart), `count` (10), `personalised` (true), `objected` (false), `reasons` (true).

    Response: `items`, each with `item`, `name`, `score`, `money` (expected margin; null where the score is no chance
    of buying) and `reasons` (code, facts, sentence); `personalised`, and `why` not; `store`, `day`, `source`.

    Raises:
        HubError: `recommend.not_learned`, `recommend.request`, `recommend.store`, `recommend.item`.
    """
    house: Serving | None = snapshot.index
    if house is None:
        raise HubError("recommend.not_learned")
    asked = Asked.of(house, request)
    member = Member.of(house, asked, live)
    why, cart = member.why_not, member.cart
    if asked.place in BESIDE:
        found = _beside(member, live)
    elif asked.place == "basket" and len(cart):
        found = _completing(member, cart, live)
    elif why:
        found = _popular(member, live)
    else:
        found = _personal(member, cart, live)
    return {
        "items": [_shown(house, found, place) for place in range(len(found.items))],
        "place": asked.place, "personalised": not why and asked.place not in BESIDE, "why": why,
        "store": str(house.stores[member.store]) if member.store >= 0 else None, "day": day_of(house).isoformat(),
        "source": house.source,
    }  # fmt: skip


# -- lists -------------------------------------------------------------------------------------------


def _personal(member: Member, cart: IntArray, live: Live) -> _List:
    """The member's candidates, the best first; or of these what is due."""
    house, pool = member.house, _pool(member)
    total = pool.score + interest(member.looks, house.kind, pool.item, house.policy.interest)
    fit = ~np.isin(pool.item, cart)
    if member.asked.place == "replenish":
        fit &= (pool.times >= 2) & (pool.overdue >= DUE)
    chance = 1 / (1 + np.exp(-total))
    places = _fill(member, pool.item, chance, live, fit=fit, units=pool.units)
    reasons: Sequence[Sequence[Reason]] = [[] for _ in places]
    if member.asked.reasons:
        reasons = _because(member, pool.item[places], total[places])
    return _List(pool.item[places], chance[places], reasons, pool.units[places])


def _pool(member: Member) -> Pool:
    """The pool made ahead, with what was looked at since; or a new one for who has none or bought something since."""
    house, seen = member.house, looked_at(member.looks, member.house.recommender, member.store)
    ready = house.ready.get(member.code)
    if ready is None or member.has_bought or member.store != house.home[member.code]:
        return pools(
            house.recommender, member.past, np.zeros(1, np.int64), np.array([member.store]), house.offers, {0: seen}
        ).get(0, Pool.none())  # fmt: skip
    more = np.setdiff1d(seen, ready.item)
    if not len(more):
        return ready
    features, chance = described(house.recommender, member.past, member.store, more, house.offers)
    return ready.joined(Pool.of(more, chance, features))


def _because(member: Member, items: IntArray, total: FloatArray) -> list[list[Reason]]:
    house = member.house
    features, _ = described(house.recommender, member.past, member.store, items, house.offers)
    parts = house.recommender.shares(features)
    parts["interest"] = interest(member.looks, house.kind, items, house.policy.interest)
    case = Case(member.past, member.store, member.looks, items, features, total, parts)
    return because(house, case, house.policy.reasons)


def _completing(member: Member, cart: IntArray, live: Live) -> _List:
    """What baskets that hold these items hold as well, the more the likelier this member buys it anyway."""
    house = member.house
    items, weight = house.together(cart)
    fit = (weight > 0) & ~np.isin(items, cart)
    items, weight = items[fit], weight[fit]
    if not member.why_not:
        pool = _pool(member)
        _, at, own = np.intersect1d(items, pool.item, assume_unique=True, return_indices=True)
        weight[at] += 1 / (1 + np.exp(-pool.score[own]))
    places = _fill(member, items, weight, live)
    return _List(items[places], weight[places], [_words(member, _bought_with, item, cart) for item in items[places]])


def _beside(member: Member, live: Live) -> _List:
    """What stands beside one item: others like it, or what the same members buy."""
    house, item = member.house, int(member.asked.items[0])
    if member.asked.place == "similar":
        items = house.recommender.catalogue.content.similar(item, 4 * MOST)
        content = house.recommender.catalogue.content.vectors
        alike = (content[items] @ content[item].T).toarray().ravel()
        share = house.recommender.known.backoff.scores(member.store, items)
        weight, why = alike + 1e-3 * share, _alike  # of equals, what sells
        places = _fill(member, items, weight, live, diversity=0.0)
    else:
        items, weight = house.together(member.asked.items)
        fit = (weight > 0) & (items != item) & ((house.kind[items] != house.kind[item]) | (house.kind[items] < 0))
        items, weight, why = items[fit], weight[fit], _bought_with
        places = _fill(member, items, weight, live)
    given = member.asked.items
    return _List(items[places], weight[places], [_words(member, why, item, given) for item in items[places]])


def _popular(member: Member, live: Live) -> _List:
    """What sells where they are, whoever they are."""
    house, store = member.house, member.store
    items, share = house.recommender.popular(store, 8 * MOST)
    places = _fill(member, items, share, live)
    said = member.asked.reasons
    reasons = [popular_there(house, store, int(item)) if said else [] for item in items[places]]
    return _List(items[places], share[places], reasons, np.ones(len(places)))


def _fill(
    member: Member, items: IntArray, value: FloatArray, live: Live, *, fit: NDArray[np.bool_] | None = None,
    units: FloatArray | float = 1.0, diversity: float | None = None,
) -> IntArray:  # fmt: skip
    """Places of what is shown: re-ranked, without what may not be, has left the range or is out of stock there."""
    house, policy = member.house, member.house.policy
    may, for_adults = house.shown[items], house.of_age[items]
    if for_adults.any():  # only then is it worth knowing what they bought
        may = may & (~for_adults | np.isin(items, member.bought))
    among = np.flatnonzero(may if fit is None else may & fit)
    places = chosen(
        value[among], (units * house.margin[items])[among], house.kind[items[among]], member.asked.count,
        diversity=policy.diversity if diversity is None else diversity, margin_weight=policy.margin_weight,
        allowed=lambda place: _is_there(house, member.store, int(items[among[place]]), live),
    )  # fmt: skip
    return among[np.array(places, dtype=np.int64)]


def _is_there(house: Serving, store: int, item: int, live: Live) -> bool:
    """Whether a store has some left of an item, sales of the last minutes off; unknown stock counts as some."""
    left = house.on_hand(store, item)
    if left is None:
        return True
    name, shop = house.items[item], house.stores[store]
    sold = sum(
        float(event.get("quantity") or 1.0)
        for event in live.of("item", name)
        if event.get("kind") == "purchase" and event.get("store") == shop
    )
    return left - sold > 0


# -- words -------------------------------------------------------------------------------------------


def _words(member: Member, why: Callable[[Serving, int, IntArray], Reason], item: int, given: IntArray) -> list[Reason]:
    return [why(member.house, int(item), given)] if member.asked.reasons else []


def _alike(house: Serving, item: int, given: IntArray) -> Reason:
    """Two items of one kind, or of one brand."""
    other = int(given[0])
    facts = {"other": house.name[other]}
    kind, is_namesake = house.kind_name[item], house.name[item] == house.name[other]
    if house.kind[item] == house.kind[other] >= 0 and not is_namesake:
        if kind == house.name[other]:
            return Reason("recommend.because.of_kind", {"kind": kind})
        return Reason("recommend.because.same_kind", facts | {"kind": kind})
    return Reason(beside(house, "alike", item, other), facts)


def _bought_with(house: Serving, item: int, given: IntArray) -> Reason:
    """How many members who buy one of the given items buy this one, of the given one that says most."""
    both, all_ = house.buyers(given, item)
    at = int(np.argmax(both / np.maximum(all_, 1)))
    facts = {"other": house.name[int(given[at])], "both": int(both[at]), "of": int(all_[at])}
    return Reason(beside(house, "bought_with", item, int(given[at])), facts)


def _shown(house: Serving, found: _List, place: int) -> dict[str, Any]:
    item, score = int(found.items[place]), float(found.score[place])
    money = np.nan if found.units is None else score * found.units[place] * house.margin[item]
    return {
        "item": str(house.items[item]), "name": str(house.name[item]), "score": round(score, 6),
        "money": round(float(money), 4) if np.isfinite(money) else None,
        "reasons": [
            {"code": reason.code, "facts": reason.facts, "weight": round(reason.weight, 4),
             "sentence": reason.sentence()}
            for reason in found.reasons[place]
        ],
    }  # fmt: skip
