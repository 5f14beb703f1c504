"""Who asks: one member, or one visit that is not logged in, with what they did since the snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np

from aislehub.core.answers import Live
from aislehub.customer.recommend.asked import Asked
from aislehub.customer.recommend.baskets import Baskets, IntArray
from aislehub.customer.recommend.interest import VIEW_DAYS, Looks
from aislehub.customer.recommend.one import bought_now, of_one
from aislehub.customer.recommend.serving import Serving, day_of

__all__ = ["Member"]


@dataclass(frozen=True)
class Member:
    """One who asks.

    Attributes:
        code: among the members with purchases, −1 = none of them.
        store: where they are: as asked, else where they shop most, else the store they chose; −1 = unknown.
        events: of this member and this visit that came in since the snapshot, oldest first, none of months ago.
    """

    house: Serving
    asked: Asked
    code: int
    events: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, house: Serving, asked: Asked, live: Live) -> Member:
        """Found by the request's member and visit."""
        found = list(live.of("customer", asked.customer)) if asked.customer else []
        if asked.session:
            found += [event for event in live.of("session", asked.session) if event.get("customer") != asked.customer]
        code = int(house.customers.get_indexer([asked.customer])[0]) if asked.customer else -1
        since = (day_of(house) - timedelta(days=VIEW_DAYS)).isoformat()  # what came in late tells nothing of now
        return cls(house, asked, code, [event for event in found if str(event["at"]) >= since])

    @property
    def has_bought(self) -> bool:
        """Whether they bought something since the snapshot."""
        return any(event.get("kind") == "purchase" for event in self.events)

    @cached_property
    def past(self) -> Baskets:
        """Their purchases, those of the last minutes too; their code there is 0."""
        house = self.house
        return bought_now(of_one(house.baskets, self.code), self.events, house.items, house.price, house.day)

    @property
    def bought(self) -> IntArray:
        """Items that they ever bought, as far as what they bought may be looked at."""
        return np.empty(0, np.int64) if self.why_not else np.unique(self.past.item)

    @cached_property
    def looks(self) -> Looks:
        """What they looked at in the last 30 days and since."""
        return self.house.views.looks(self.asked.customer, self.events, self.house.items)

    @property
    def store(self) -> int:
        if self.asked.store >= 0:
            return self.asked.store
        if self.code >= 0:
            return int(self.house.home[self.code])
        told = self.house.told_store.get(self.asked.customer)
        return int(self.house.stores.get_loc(told)) if told in self.house.stores else -1

    @property
    def why_not(self) -> str:
        """Why nothing is chosen for them: asked, objected, unknown; empty where it is."""
        if self.asked.objected or self.asked.customer in self.house.objected:
            return "objected"
        if not self.asked.personalised:
            return "asked"
        return "" if self.code >= 0 or self.has_bought or len(self.looks.item) else "unknown"

    @property
    def cart(self) -> IntArray:
        """What lies in the cart: as asked, else what was put in, not taken out and not paid since."""
        if len(self.asked.items):
            return self.asked.items
        held: dict[str, None] = {}
        for event in self.events:
            item = event.get("item")
            if event.get("kind") == "cart" and item in self.house.items:
                held[str(item)] = None
            elif event.get("kind") in ("uncart", "purchase"):
                held.pop(str(item), None)
        return self.house.items.get_indexer(list(held)).astype(np.int64)
