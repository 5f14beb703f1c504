"""A request for recommendations, checked: each field, its value and what it may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aislehub.core.errors import HubError, did_you_mean
from aislehub.customer.recommend.baskets import IntArray
from aislehub.customer.recommend.serving import Serving

__all__ = ["BESIDE", "MOST", "PLACES", "Asked"]

BESIDE = ("goes_with", "similar")
"""Places beside an item."""
PLACES = ("home", "replenish", "basket", *BESIDE)
MOST = 50
"""Items in one answer at most."""
LONGEST = 200
"""Items in a basket at most."""


@dataclass(frozen=True)
class Asked:
    """One request.

    Attributes:
        customer, session: empty = not said; store: code, −1 = not said.
        items: codes of the item beside which the list stands, or of the basket.
        personalised: whether anything is to be chosen for them; objected: whether they have just said no for good,
            which the house says itself where no snapshot holds it yet.
    """

    place: str
    customer: str
    session: str
    store: int
    items: IntArray
    count: int
    personalised: bool
    objected: bool
    reasons: bool

    @classmethod
    def of(cls, house: Serving, request: Mapping[str, Any]) -> Asked:
        """A request by the codes of the house.

        Raises:
            HubError: `recommend.request`, `recommend.store`, `recommend.item`, `answers.request`.
        """
        place = request.get("place") or "home"
        if place not in PLACES:
            raise HubError("recommend.request", field="place", value=place, wanted=", ".join(PLACES))
        count = request.get("count", 10)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST:
            raise HubError("recommend.request", field="count", value=count, wanted=f"1 … {MOST}")
        for name in ("personalised", "objected", "reasons"):
            if not isinstance(request.get(name, True), bool):
                raise HubError("recommend.request", field=name, value=request[name], wanted="true, false")
        if place in BESIDE and not request.get("item"):
            raise HubError("answers.request", field="item")
        for name in ("customer", "session", "store", "item"):
            value = request.get(name) or ""
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise HubError("recommend.request", field=name, value=request[name], wanted='"…"')
        named = [request["item"]] if place in BESIDE else request.get("basket") or []
        return cls(
            place, str(request.get("customer") or ""), str(request.get("session") or ""),
            _store(house, request.get("store")), _items(house, named), count, request.get("personalised", True),
            request.get("objected", False), request.get("reasons", True),
        )  # fmt: skip


def _store(house: Serving, name: Any) -> int:
    if not name:
        return -1
    if str(name) not in house.stores:
        raise HubError("recommend.store", store=name, suggestion=did_you_mean(str(name), house.stores))
    return int(house.stores.get_loc(str(name)))


def _items(house: Serving, names: Any) -> IntArray:
    if not isinstance(names, list):
        raise HubError("recommend.request", field="basket", value=names, wanted='["item", …]')
    if len(names) > LONGEST:
        raise HubError("recommend.request", field="basket", value=len(names), wanted=f"≤ {LONGEST}")
    codes = house.items.get_indexer([str(name) for name in names])
    if (codes < 0).any():
        unknown = str(names[int(np.argmin(codes))])
        raise HubError("recommend.item", item=unknown, suggestion=did_you_mean(unknown, house.items))
    return codes.astype(np.int64)
