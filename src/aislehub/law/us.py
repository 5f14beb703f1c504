"""United States: a former price is one that was openly asked for a reasonably substantial time; hours of the young.

**Prices.** 16 CFR 233.1 (Guides Against Deceptive Pricing) gives no number of days. Read here as: on at least 28
of the 90 days before; California's statute (Business and Professions Code 17501) looks at the three months before.

**Hours.** Federal law limits the hours of those under 16 (29 CFR 570.35) and makes overtime of others dear, not
forbidden. What states and cities add is theirs: `nyc` has New York City's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta

from aislehub.law.hours import HoursRule, age_limit, day_limit, night_ban, week_limit
from aislehub.law.rules import CENT, Article, Breach, NewPrice, PriceHistory, Rule, frozen_day, no_person, too_high
from aislehub.law.shifts import PlannedWork, WorkHistory, spells

__all__ = ["HOURS_RULES", "PRICE_RULES", "labor_day", "prior_price"]

DAYS, LEAST_DAYS = 90, 28
REDUCTION = Article("16 CFR 233.1", "https://www.ecfr.gov/current/title-16/chapter-I/subchapter-B/part-233")
INDICATION = Article("15 U.S.C. 45(a)", "https://www.law.cornell.edu/uscode/text/15/45")
PERSONAL = Article("N.Y. General Business Law 349-a", "https://www.nysenate.gov/legislation/laws/GBS/349-A")

YOUTH = Article("29 CFR 570.35(a)", "https://www.ecfr.gov/current/title-29/subtitle-B/chapter-V/subchapter-B/part-570")
CHILD = Article("29 CFR 570.2, 570.119", YOUTH.link)
LEAST_AGE, TEEN = 14, 16
SCHOOL_DAY, FREE_DAY, SCHOOL_WEEK, FREE_WEEK = 3, 8, 18, 40
MORNING, EVENING, SUMMER_EVENING = 7, 19, 21


def prior_price(history: PriceHistory, day: date) -> float:
    """Highest former price that may be shown beside a reduction beginning on `day`; NaN = none may."""
    daily = sorted((cost for cost in history.daily(day, DAYS) if not math.isnan(cost)), reverse=True)
    if len(daily) < LEAST_DAYS:
        return math.nan
    held = daily[LEAST_DAYS - 1]  # on so many days it cost as much or more
    return max((price for _, _, price in history.shelf if held >= price - CENT), default=math.nan)


def _reduction(price: NewPrice, history: PriceHistory) -> Breach | None:
    prior = prior_price(history, price.day)
    return too_high("law.us_prior", REDUCTION, price, prior, days=DAYS, least=LEAST_DAYS)


def _freeze(price: NewPrice, history: PriceHistory) -> Breach | None:
    return frozen_day(INDICATION, price, history)


def _person(price: NewPrice, history: PriceHistory) -> Breach | None:
    return no_person(PERSONAL, price)


PRICE_RULES: tuple[Rule, ...] = (_reduction, _freeze, _person)


def labor_day(year: int) -> date:
    """The first Monday of September."""
    first = date(year, 9, 1)
    return first + timedelta(days=-first.weekday() % 7)


def _child(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    yield from age_limit(CHILD, plan, LEAST_AGE)


def _teen(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    """Hours of those under 16. When school is out on a school day is not known here."""
    if not plan.worker.younger(TEEN):
        return
    work = spells(plan, history)
    yield from day_limit(YOUTH, work, lambda day: SCHOOL_DAY if history.is_school_day(day) else FREE_DAY)
    yield from week_limit(YOUTH, work, lambda monday: SCHOOL_WEEK if history.in_session(monday) else FREE_WEEK)
    yield from night_ban(YOUTH, work, _evening, MORNING)


def _evening(day: date) -> int:
    return SUMMER_EVENING if date(day.year, 6, 1) <= day <= labor_day(day.year) else EVENING


HOURS_RULES: tuple[HoursRule, ...] = (_child, _teen)
