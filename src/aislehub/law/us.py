"""United States: a former price is one that was openly asked for a reasonably substantial time.

16 CFR 233.1 (Guides Against Deceptive Pricing) gives no number of days. Read here as: on at least 28 of the 90 days
before; California's statute (Business and Professions Code 17501) looks at the three months before.
"""

from __future__ import annotations

import math
from datetime import date

from aislehub.law.rules import CENT, Article, Breach, NewPrice, PriceHistory, Rule, frozen_day, no_person, too_high

__all__ = ["PRICE_RULES", "prior_price"]

DAYS, LEAST_DAYS = 90, 28
REDUCTION = Article("16 CFR 233.1", "https://www.ecfr.gov/current/title-16/chapter-I/subchapter-B/part-233")
INDICATION = Article("15 U.S.C. 45(a)", "https://www.law.cornell.edu/uscode/text/15/45")
PERSONAL = Article("N.Y. General Business Law 349-a", "https://www.nysenate.gov/legislation/laws/GBS/349-A")


def prior_price(history: PriceHistory, day: date) -> float:
    """Highest former price that may be shown beside a reduction beginning on `day`; NaN = none may."""
    asked = sorted({price for _, _, price in history.shelf}, reverse=True)
    daily = history.daily(day, DAYS)
    return next((price for price in asked if sum(cost >= price - CENT for cost in daily) >= LEAST_DAYS), math.nan)


def _reduction(price: NewPrice, history: PriceHistory) -> Breach | None:
    prior = prior_price(history, price.day)
    return too_high("law.us_prior", REDUCTION, price, prior, days=DAYS, least=LEAST_DAYS)


def _freeze(price: NewPrice, history: PriceHistory) -> Breach | None:
    return frozen_day(INDICATION, price, history)


def _person(price: NewPrice, history: PriceHistory) -> Breach | None:
    return no_person(PERSONAL, price)


PRICE_RULES: tuple[Rule, ...] = (_reduction, _freeze, _person)
