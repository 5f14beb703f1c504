"""A rule of law as code: a pure function of what is to happen and of what has been, with the article it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from aislehub.core.text import say

__all__ = ["CENT", "Article", "Breach", "NewPrice", "PriceHistory", "Rule", "frozen_day", "no_person", "too_high"]

CENT = 0.005
"""Prices closer than half a cent are one price."""


@dataclass(frozen=True)
class Article:
    """Where a rule is written.

    Attributes:
        name: law and article, in its own language.
        link: where it can be read.
    """

    name: str
    link: str


@dataclass(frozen=True)
class Breach:
    """A rule that would be broken, with the facts that fill its sentence."""

    code: str
    article: Article
    facts: dict[str, Any] = field(default_factory=dict)

    def sentence(self, lang: str | None = None) -> str:
        """What would be broken, and where it is written."""
        return say(self.code, lang, **self.facts) + say("law.see", lang, article=self.article.name)


@dataclass(frozen=True)
class NewPrice:
    """A price that is to hold for an item in a store.

    Attributes:
        price: of a unit, as the shelf label shows it.
        day: first business day on which it holds, from opening.
        was: former price shown beside it to announce a reduction; None = no reduction is announced.
        persons: columns naming a person that reach the decision, as `table.column`.
    """

    price: float
    day: date
    was: float | None = None
    persons: tuple[str, ...] = ()


@dataclass(frozen=True)
class PriceHistory:
    """What an item cost in a store until now.

    Attributes:
        shelf: (first day, last day or None while it holds, price) of every price that was asked, sales included.
        sold: (day, lowest price paid) of days with a sale of it, oldest first.
        today: last business day that is over or has begun; no price can begin on it any more.
    """

    shelf: Sequence[tuple[date, date | None, float]] = ()
    sold: Sequence[tuple[date, float]] = ()
    today: date | None = None

    def lowest(self, before: date, days: int) -> float:
        """Lowest price asked on the `days` days before `before`; NaN without any."""
        first, last = before - timedelta(days=days), before - timedelta(days=1)
        held = [price for start, end, price in self.shelf if start <= last and (end is None or end >= first)]
        return min(held, default=math.nan)

    def lowest_sold(self, before: date, days: int) -> float:
        """Lowest price paid on the `days` days before `before`, else the last one paid before; NaN without any."""
        first = before - timedelta(days=days)
        earlier = [(day, price) for day, price in self.sold if day < before]
        within = [price for day, price in earlier if day >= first]
        return min(within) if within else max(earlier)[1] if earlier else math.nan

    def daily(self, before: date, days: int) -> list[float]:
        """Lowest price asked on each of the `days` days before `before`, the latest first; NaN where none is known."""
        lowest = [math.nan] * days
        for start, end, price in self.shelf:
            latest = 0 if end is None else max((before - end).days - 1, 0)
            for ago in range(latest, min((before - start).days, days)):
                if not lowest[ago] <= price:
                    lowest[ago] = price
        return lowest


Rule = Callable[[NewPrice, PriceHistory], Breach | None]


def too_high(code: str, article: Article, price: NewPrice, prior: float, **facts: Any) -> Breach | None:
    """The breach of a former price shown above the highest allowed, or of a reduction that is none beside it."""
    if price.was is None:
        return None
    if math.isfinite(prior) and price.was <= prior + CENT and price.price < prior - CENT:
        return None
    return Breach(code, article, {"price": price.price, "was": price.was, "prior": _shown(prior), **facts})


def frozen_day(article: Article, price: NewPrice, history: PriceHistory) -> Breach | None:
    """The breach of a price that begins inside a business day, or is the second one to begin on its day.

    No statute names the business day; this is how the hub keeps what the article asks: the price on the shelf is the
    price at the till for every shopper who is in the store.
    """
    begun = history.today is not None and price.day <= history.today
    second = any(start == price.day and abs(cost - price.price) > CENT for start, _, cost in history.shelf)
    return Breach("law.freeze", article, {"day": price.day.isoformat()}) if begun or second else None


def no_person(article: Article, price: NewPrice) -> Breach | None:
    """The breach of a price that anything about a single person has reached."""
    return Breach("law.person", article, {"columns": ", ".join(price.persons)}) if price.persons else None


def _shown(price: float) -> float | str:
    return round(price, 2) if math.isfinite(price) else "–"
