"""Recommendations, now: what to show a shopper, with what they did a moment ago in it, and why.

One answer for five places of a shop. `home` is the ranker's list; `replenish` holds what they buy again and is due;
`basket` completes what is in the cart; `goes_with` and `similar` stand beside an item. Whoever objected to
personalisation, asks for none, or is unknown gets what sells in the store. What is out of stock there is never shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aislehub.core.answers import Live, Snapshot, answer
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.reasons import Reason
from aislehub.customer.recommend.baskets import Baskets, FloatArray, IntArray
from aislehub.customer.recommend.because import Case, because, popular_there
from aislehub.customer.recommend.features import FEATURES
from aislehub.customer.recommend.interest import Looks, interest, log_odds
from aislehub.customer.recommend.one import bought_now, of_one
from aislehub.customer.recommend.recommender import Ranked
from aislehub.customer.recommend.rerank import chosen
from aislehub.customer.recommend.serving import COLUMNS, READS, Serving, day_of, serving

__all__ = ["PLACES", "recommend"]

PLACES = ("home", "replenish", "basket", "goes_with", "similar")
MOST = 50
DUE = 0.8  # share of their usual interval after which something is due
KINDS_LOOKED_AT = 5
OF_A_KIND = 5


@dataclass(frozen=True)
class _Asked:
    """A request, checked."""

    place: str
    customer: str
    store: int
    items: IntArray
    count: int
    personalised: bool
    reasons: bool


@dataclass(frozen=True)
class _List:
    """What is shown: item codes, what they are sorted by, whether that is their chance of being bought, and why."""

    items: IntArray
    score: FloatArray
    reasons: Sequence[Sequence[Reason]]
    is_chance: bool = False


@answer(reads=READS, prepare=serving, model="recommender", columns=COLUMNS)
def recommend(request: Mapping[str, Any], snapshot: Snapshot, live: Live) -> dict[str, Any]:
    """What to show now.

    Request, all optional: `place` (home, replenish, basket, goes_with, similar), `customer`, `session` (of somebody
    who is not logged in), `store`, `item` (goes_with, similar), `basket` (items; without it what events put in the
    cart), `count` (10), `personalised` (true), `reasons` (true). Response: `items`, each with `item`, `name`, `score`,
    `money` (expected margin; null where the score is no chance of buying) and `reasons` (code, facts, sentence);
    `personalised`, and `why` not; `store`, `day`, `source`.

    Raises:
        HubError: `recommend.not_learned`, `recommend.request`, `recommend.store`, `recommend.item`.
    """
    house: Serving | None = snapshot.index
    if house is None:
        raise HubError("recommend.not_learned")
    asked = _checked(house, request)
    events = _events(request, live)
    past = bought_now(_past(house, asked.customer), events, house.items, house.price, house.day)
    looks = house.views.looks(asked.customer, events, house.items)
    store = _store(house, asked, past)
    why = _why_not(house, asked, past, looks)
    cart = asked.items if len(asked.items) else _cart(house, events)
    if asked.place in ("goes_with", "similar"):
        found = _beside(house, asked, store, live)
    elif asked.place == "basket" and len(cart):
        found = _completing(house, asked, past, cart, store, live)
    elif why:
        found = _popular(house, asked, store, live)
    else:
        found = _personal(house, asked, past, looks, cart, store, live)
    return {
        "items": [_shown(house, found, place) for place in range(len(found.items))],
        "place": asked.place, "personalised": not why and asked.place in ("home", "replenish", "basket"), "why": why,
        "store": str(house.stores[store]) if store >= 0 else None, "day": day_of(house).isoformat(),
        "source": house.source,
    }  # fmt: skip


# -- who asks, and for what --------------------------------------------------------------------------


def _checked(house: Serving, request: Mapping[str, Any]) -> _Asked:
    place = request.get("place") or "home"
    if place not in PLACES:
        raise HubError("recommend.request", field="place", value=place, wanted=", ".join(PLACES))
    count = request.get("count", 10)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST:
        raise HubError("recommend.request", field="count", value=count, wanted=f"1 … {MOST}")
    for name in ("personalised", "reasons"):
        if not isinstance(request.get(name, True), bool):
            raise HubError("recommend.request", field=name, value=request[name], wanted="true, false")
    if place in ("goes_with", "similar"):
        if not request.get("item"):
            raise HubError("answers.request", field="item")
        items = _codes(house, [request["item"]])
    else:
        items = _codes(house, request.get("basket") or [])
    store = request.get("store")
    if store and str(store) not in house.stores:
        raise HubError("recommend.store", store=store, suggestion=did_you_mean(str(store), house.stores))
    return _Asked(
        place, str(request.get("customer") or ""), int(house.stores.get_loc(str(store))) if store else -1, items, count,
        request.get("personalised", True), request.get("reasons", True),
    )  # fmt: skip


def _codes(house: Serving, names: Any) -> IntArray:
    if not isinstance(names, list):
        raise HubError("recommend.request", field="basket", value=names, wanted='["item", …]')
    codes = house.items.get_indexer([str(name) for name in names])
    if (codes < 0).any():
        unknown = str(names[int(np.argmin(codes))])
        raise HubError("recommend.item", item=unknown, suggestion=did_you_mean(unknown, house.items))
    return codes.astype(np.int64)


def _events(request: Mapping[str, Any], live: Live) -> list[Mapping[str, Any]]:
    """What this member, or this visit, has done since the snapshot."""
    found = list(live.of("customer", request["customer"])) if request.get("customer") else []
    if request.get("session"):
        found += [event for event in live.of("session", request["session"]) if event not in found]
    return found


def _past(house: Serving, customer: str) -> Baskets:
    code = int(house.customers.get_indexer([customer])[0]) if customer else -1
    return of_one(house.baskets, code)


def _store(house: Serving, asked: _Asked, past: Baskets) -> int:
    """Where they are: as asked, else where they shop most, else the store they chose."""
    if asked.store >= 0:
        return asked.store
    if len(past.visit_day):
        return int(past.home_store[0])
    told = house.told_store.get(asked.customer)
    return int(house.stores.get_loc(told)) if told in house.stores else -1


def _why_not(house: Serving, asked: _Asked, past: Baskets, looks: Looks) -> str:
    """Why nothing is chosen for this person: asked, objected, unknown; empty where it is."""
    if not asked.personalised:
        return "asked"
    if asked.customer in house.objected:
        return "objected"
    return "" if len(past.item) or len(looks.item) else "unknown"


def _cart(house: Serving, events: Sequence[Mapping[str, Any]]) -> IntArray:
    """What lies in the cart: put in, not taken out, and not paid since."""
    held: dict[str, None] = {}
    for event in events:
        item = event.get("item")
        if event.get("kind") == "cart" and item in house.items:
            held[str(item)] = None
        elif event.get("kind") in ("uncart", "purchase"):
            held.pop(str(item), None)
    return house.items.get_indexer(list(held)).astype(np.int64)


# -- lists -------------------------------------------------------------------------------------------


def _personal(
    house: Serving, asked: _Asked, past: Baskets, looks: Looks, cart: IntArray, store: int, live: Live
) -> _List:
    """The ranker's candidates and what is like the things looked at, the best first; or of these what is due."""
    ranked, total = _ranked(house, past, looks, store)
    fit = ~np.isin(ranked.item, cart)
    if asked.place == "replenish":
        overdue = ranked.features[:, FEATURES.index("days_over_gap")]
        again = ranked.features[:, FEATURES.index("bought")] >= 2
        fit &= again & (overdue >= DUE)
    places = _fill(house, asked, ranked.item, 1 / (1 + np.exp(-total)), store, live, fit)
    items = ranked.item[places]
    chance = 1 / (1 + np.exp(-total[places]))
    if not asked.reasons:
        return _List(items, chance, [[] for _ in items], True)
    parts = house.recommender.contributions(ranked, places)
    parts["interest"] = interest(looks, house.kind, items, house.policy.interest)
    case = Case(past, store, -1, looks, items, ranked.features[places], total[places], parts)
    return _List(items, chance, because(house, case, house.policy.reasons), True)


def _ranked(house: Serving, past: Baskets, looks: Looks, store: int) -> tuple[Ranked, FloatArray]:
    """Candidates, and the log odds of each with what was looked at in them."""
    seen = _looked_at(house, looks, store)
    ranked = house.recommender.rank(
        past, np.zeros(1, np.int64), store=np.array([store]), offers=house.offers,
        more=(np.zeros(len(seen), np.int64), seen),
    )  # fmt: skip
    return ranked, log_odds(ranked.score) + interest(looks, house.kind, ranked.item, house.policy.interest)


def _looked_at(house: Serving, looks: Looks, store: int) -> IntArray:
    """Items looked at, and of their kinds what sells best in the store."""
    kinds = [kind for kind in dict.fromkeys(house.kind[looks.item[::-1]].tolist()) if kind >= 0][:KINDS_LOOKED_AT]
    found = [looks.item]
    for kind in kinds:
        alike = house.of_kind(kind)
        share = house.recommender.known.backoff.scores(store, alike)
        found.append(alike[np.argsort(-share, kind="stable")[:OF_A_KIND]])
    return np.unique(np.concatenate(found))


def _completing(house: Serving, asked: _Asked, past: Baskets, cart: IntArray, store: int, live: Live) -> _List:
    """What baskets that hold these items hold as well, the more the likelier this member buys it anyway."""
    items, weight = house.together(cart)
    fit = (weight > 0) & ~np.isin(items, cart)
    items, weight = items[fit], weight[fit]
    if asked.personalised and asked.customer not in house.objected and len(past.item):
        own = house.recommender.rank(past, np.zeros(1, np.int64), store=np.array([store]), offers=house.offers)
        at = np.minimum(np.searchsorted(own.item, items), max(len(own.item) - 1, 0))
        if len(own.item):
            weight = weight + np.where(own.item[at] == items, own.score[at], 0.0)
    places = _fill(house, asked, items, weight, store, live)
    reasons = [[_bought_with(house, int(items[place]), cart)] if asked.reasons else [] for place in places]
    return _List(items[places], weight[places], reasons)


def _beside(house: Serving, asked: _Asked, store: int, live: Live) -> _List:
    """What stands beside one item: others like it, or what the same members buy."""
    item = int(asked.items[0])
    if asked.place == "similar":
        items = house.recommender.catalogue.content.similar(item, 4 * MOST)
        content = house.recommender.catalogue.content.vectors
        alike = (content[items] @ content[item].T).toarray().ravel()
        weight = alike + 1e-3 * house.recommender.known.backoff.scores(store, items)  # of equals, what sells
    else:
        items, weight = house.together(asked.items)
        fit = (weight > 0) & (items != item) & ((house.kind[items] != house.kind[item]) | (house.kind[items] < 0))
        items, weight = items[fit], weight[fit]
    places = _fill(house, asked, items, weight, store, live, is_mixed=asked.place != "similar")
    why = _alike if asked.place == "similar" else _bought_with
    reasons = [[why(house, int(items[place]), asked.items)] if asked.reasons else [] for place in places]
    return _List(items[places], weight[places], reasons)


def _popular(house: Serving, asked: _Asked, store: int, live: Live) -> _List:
    """What sells where they are, whoever they are."""
    items, share = house.recommender.popular(store, 8 * MOST)
    places = _fill(house, asked, items, share, store, live)
    reasons = [[popular_there(house, store, int(items[place]))] if asked.reasons else [] for place in places]
    return _List(items[places], share[places], reasons, True)


def _fill(
    house: Serving, asked: _Asked, items: IntArray, value: FloatArray, store: int, live: Live,
    fit: Any = None, *, is_mixed: bool = True,
) -> IntArray:  # fmt: skip
    """Places of what is shown: re-ranked, without what is out of stock in the store."""
    among = np.flatnonzero(fit) if fit is not None else np.arange(len(items))
    places = chosen(
        value[among], house.margin[items[among]], house.kind[items[among]], asked.count,
        diversity=house.policy.diversity if is_mixed else 0.0, margin_weight=house.policy.margin_weight,
        allowed=lambda place: _in_stock(house, store, int(items[among[place]]), live),
    )  # fmt: skip
    return among[places] if len(places) else np.zeros(0, np.int64)


def _in_stock(house: Serving, store: int, item: int, live: Live) -> bool:
    """Whether a store has an item left, with the sales of the last minutes off; unknown stock is taken for some."""
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


def _alike(house: Serving, item: int, given: IntArray) -> Reason:
    """Two items of one kind, or of one brand."""
    kinds = house.kind[[item, int(given[0])]]
    facts = {"other": house.name[int(given[0])]}
    if kinds[0] == kinds[1] >= 0:
        return Reason("recommend.because.same_kind", facts | {"kind": house.kind_name[item]})
    return Reason("recommend.because.alike", facts)


def _bought_with(house: Serving, item: int, given: IntArray) -> Reason:
    """How many members who buy one of the given items buy this one, of the given one that says most."""
    both, all_ = house.buyers(given, item)
    at = int(np.argmax(both / np.maximum(all_, 1)))
    facts = {"other": house.name[int(given[at])], "both": int(both[at]), "of": int(all_[at])}
    return Reason("recommend.because.bought_with", facts)


def _shown(house: Serving, found: _List, place: int) -> dict[str, Any]:
    item, score = int(found.items[place]), float(found.score[place])
    money = score * house.margin[item] if found.is_chance else np.nan
    return {
        "item": str(house.items[item]), "name": str(house.name[item]), "score": round(score, 6),
        "money": round(float(money), 4) if np.isfinite(money) else None,
        "reasons": [
            {"code": reason.code, "facts": reason.facts, "weight": round(reason.weight, 4),
             "sentence": reason.sentence()}
            for reason in found.reasons[place]
        ],
    }  # fmt: skip
