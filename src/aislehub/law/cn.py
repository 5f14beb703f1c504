"""China: a reduction is counted from the lowest price paid in seven days; what exceeds 8 and 40 hours is overtime.

**Prices.** 《规范促销行为暂行规定》 (State Administration for Market Regulation, order 32 of 2020), article 21: unless
another base is marked, a reduction is counted from the lowest transacted price of the same store in the seven days
before it, and where nothing sold in them, from the last transacted price. 《明码标价和禁止价格欺诈规定》 (order 56 of
2022), articles 16 and 19(3): a compared price must be true and have a source; a false reduction is fraud.

**Hours.** 《劳动法》 articles 15, 36, 38, 41, 58, 61 and 63, and 《国务院关于职工工作时间的规定》 (decree 174 of 1995),
article 3, for the standard system of hours; not for the comprehensive or the flexible system, which need a permit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from aislehub.law.hours import HoursRule, age_limit, by_day, hours_of, night_ban, rest_of_week
from aislehub.law.rules import Article, Breach, NewPrice, PriceHistory, Rule, frozen_day, no_person, too_high
from aislehub.law.shifts import PlannedWork, Spell, WorkHistory, spells

__all__ = ["HOURS_RULES", "PRICE_RULES", "prior_price"]

DAYS = 7
REDUCTION = Article(
    "《规范促销行为暂行规定》第二十一条、《明码标价和禁止价格欺诈规定》第十六条、第十九条",
    "https://www.samr.gov.cn/zw/zfxxgk/fdzdgknr/fgs/art/2023/art_cae53a080be2401e8f91c6d6291539f8.html",
)
INDICATION = Article("《中华人民共和国价格法》第十三条", "http://fsou.com/html/text/chl/191/19158_1.html")
PERSONAL = Article(
    "《中华人民共和国个人信息保护法》第二十四条",
    "http://www.npc.gov.cn/npc/c30834/202108/a8c4e3672c74491a80b53a172bb753fe.shtml",
)

LABOUR = "https://www.gov.cn/banshi/2005-05/25/content_905.htm"
STANDARD = Article("《中华人民共和国劳动法》第三十六条、第四十一条、《国务院关于职工工作时间的规定》第三条", LABOUR)
OVERTIME = Article("《中华人民共和国劳动法》第四十一条", LABOUR)
REST_DAY = Article("《中华人民共和国劳动法》第三十八条", LABOUR)
CHILD = Article("《中华人民共和国劳动法》第十五条、《禁止使用童工规定》第二条", LABOUR)
JUVENILE = Article("《中华人民共和国劳动法》第五十八条、《中华人民共和国未成年人保护法》第六十一条", LABOUR)
EXPECTING = Article("《中华人民共和国劳动法》第六十一条、第六十三条", LABOUR)
LEAST_AGE, ADULT = 16, 18
DAY_HOURS, WEEK_HOURS, FREE_HOURS = 8, 40, 24
OVERTIME_DAY, OVERTIME_SPECIAL, OVERTIME_MONTH = 1, 3, 36
NIGHT_BEGINS, NIGHT_ENDS = 22, 6


def prior_price(history: PriceHistory, day: date) -> float:
    """Highest former price that may be shown beside a reduction beginning on `day`; NaN = none may."""
    return history.lowest_sold(day, DAYS)


def _reduction(price: NewPrice, history: PriceHistory) -> Breach | None:
    return too_high("law.cn_prior", REDUCTION, price, prior_price(history, price.day), days=DAYS)


def _freeze(price: NewPrice, history: PriceHistory) -> Breach | None:
    return frozen_day(INDICATION, price, history)


def _person(price: NewPrice, history: PriceHistory) -> Breach | None:
    return no_person(PERSONAL, price)


PRICE_RULES: tuple[Rule, ...] = (_reduction, _freeze, _person)


def overtime(work: Sequence[Spell]) -> dict[date, float]:
    """Hours of overtime of each day that has work: those above 8 of the day, and the others above 40 of its week."""
    days: dict[date, list[Spell]] = {}
    for spell in work:
        days.setdefault(spell.day, []).append(spell)
    usual: dict[date, float] = {}
    over = {}
    for day, some in days.items():
        hours, monday = hours_of(some), some[0].monday
        left = WEEK_HOURS - usual.get(monday, 0.0)
        counted = min(hours, DAY_HOURS, left)
        usual[monday] = usual.get(monday, 0.0) + counted
        over[day] = hours - counted
    return over


def _agreed(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    """Overtime needs the worker's agreement, and is not asked of whom the law spares."""
    work = spells(plan, history)
    over = overtime(work)
    young = plan.worker.younger(ADULT)
    for day, some in by_day(work).items():
        facts = {"day": str(day), "hours": round(over[day], 2)}
        if over[day] > 0 and (young or plan.worker.spared):
            yield Breach("law.overtime_spared", JUVENILE if young else EXPECTING, facts)
        elif over[day] > 0 and not any(spell.shift.agreed for spell in some):
            yield Breach("law.overtime_agreed", STANDARD, facts)


def _day(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    """Eight hours and one of overtime, three where a special reason is on record."""
    for day, some in by_day(spells(plan, history)).items():
        special = any(spell.shift.special for spell in some)
        limit = DAY_HOURS + (OVERTIME_SPECIAL if special else OVERTIME_DAY)
        if hours_of(some) > limit:
            facts = {"day": str(day), "hours": round(hours_of(some), 2), "limit": limit}
            yield Breach("law.hours_day", OVERTIME, facts)


def _month(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    work = spells(plan, history)
    months: dict[str, float] = {}
    for day, hours in overtime(work).items():
        months[f"{day:%Y-%m}"] = months.get(f"{day:%Y-%m}", 0.0) + hours
    for month in sorted({f"{spell.day:%Y-%m}" for spell in work if spell.planned}):
        if months[month] > OVERTIME_MONTH:
            facts = {"month": month, "hours": round(months[month], 2), "limit": OVERTIME_MONTH}
            yield Breach("law.overtime_month", OVERTIME, facts)


def _rest(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    yield from rest_of_week(REST_DAY, spells(plan, history), FREE_HOURS, FREE_HOURS)


def _child(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    yield from age_limit(CHILD, plan, LEAST_AGE)


def _night(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    """No nights for juveniles and for those whom the law spares."""
    young = plan.worker.younger(ADULT)
    if young or plan.worker.spared:
        article = JUVENILE if young else EXPECTING
        yield from night_ban(article, spells(plan, history), lambda _: NIGHT_BEGINS, NIGHT_ENDS)


HOURS_RULES: tuple[HoursRule, ...] = (_agreed, _day, _month, _rest, _child, _night)
