"""European Union: a reduction is announced beside the lowest price of 30 days; eleven hours lie between days of work.

**Prices.** Directive 98/6/EC, article 6a, as inserted by Directive (EU) 2019/2161, article 2. The percentage, too, is
counted from that price (Court of Justice, C-330/23, *Aldi Süd*). Member States may make milder rules for goods that
perish quickly (6a(3)), new goods (6a(4)) and reductions that grow step by step (6a(5)); the strict rule is kept here
for all.

**Hours.** Directive 2003/88/EC, articles 3 to 6 and 8, and Directive 94/33/EC for those under 18. Where the directive
leaves a figure to the Member State, the one read here is named beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from aislehub.law.hours import (
    HoursRule,
    age_limit,
    average_limit,
    break_limit,
    day_limit,
    days_limit,
    hours_of,
    night_ban,
    rest_of_day,
    rest_of_week,
    stretches,
    week_limit,
    within,
)
from aislehub.law.rules import Article, Breach, NewPrice, PriceHistory, Rule, frozen_day, no_person, too_high
from aislehub.law.shifts import PlannedWork, WorkHistory, shown, spells

__all__ = ["HOURS_RULES", "PRICE_RULES", "prior_price"]

DAYS = 30
REDUCTION = Article("Directive 98/6/EC, art. 6a", "https://eur-lex.europa.eu/eli/dir/1998/6/2022-05-28")
INDICATION = Article("Directive 98/6/EC, art. 4(1)", "https://eur-lex.europa.eu/eli/dir/1998/6/2022-05-28")
PERSONAL = Article("Directive 2011/83/EU, art. 6(1)(ea)", "https://eur-lex.europa.eu/eli/dir/2011/83/2022-05-28")

ADULT, CHILD = 18, 15
REST, FREE_HOURS = 11, 24
"""Article 5 asks for 24 hours a week beside the eleven: read as a rest of 35 of which 24 lie in the week."""
BREAK_AFTER, BREAK_MINUTES = 6, 15
"""The directive gives no length of the break; a quarter of an hour is the shortest that Germany counts (ArbZG § 4)."""
WEEK_HOURS, WEEKS = 48, 17
"""The mean of at most four months, art. 16(b): 17 weeks."""
NIGHT_BEGINS, NIGHT_ENDS, NIGHT_LEAST, NIGHT_MOST = 23, 6, 3, 8
"""Night time is the Member State's, at least seven hours from before midnight to after five, art. 2(3); the mean of
article 8(a) is kept for each night."""
YOUNG_DAY, YOUNG_WEEK, YOUNG_REST, YOUNG_DAYS = 8, 40, 12, 5
YOUNG_BREAK_AFTER, YOUNG_BREAK_MINUTES = 4.5, 30
YOUNG_NIGHT_BEGINS, YOUNG_NIGHT_ENDS = 22, 6


def _hours(article: str) -> Article:
    return Article(f"Directive 2003/88/EC, art. {article}", "https://eur-lex.europa.eu/eli/dir/2003/88/oj")


def _youth(article: str) -> Article:
    return Article(f"Directive 94/33/EC, art. {article}", "https://eur-lex.europa.eu/eli/dir/1994/33")


EXPECTING = Article("Directive 92/85/EEC, art. 7", "https://eur-lex.europa.eu/eli/dir/1992/85/oj")


def prior_price(history: PriceHistory, day: date) -> float:
    """Highest former price that may be shown beside a reduction beginning on `day`; NaN = none may."""
    return history.lowest(day, DAYS)


def _reduction(price: NewPrice, history: PriceHistory) -> Breach | None:
    return too_high("law.eu_prior", REDUCTION, price, prior_price(history, price.day), days=DAYS)


def _freeze(price: NewPrice, history: PriceHistory) -> Breach | None:
    return frozen_day(INDICATION, price, history)


def _person(price: NewPrice, history: PriceHistory) -> Breach | None:
    return no_person(PERSONAL, price)


PRICE_RULES: tuple[Rule, ...] = (_reduction, _freeze, _person)


def _rest(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    yield from rest_of_day(_hours("3"), spells(plan, history), REST)


def _break(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    yield from break_limit(_hours("4"), spells(plan, history), BREAK_AFTER, BREAK_MINUTES)


def _weekly_rest(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    yield from rest_of_week(_hours("5"), spells(plan, history), REST + FREE_HOURS, FREE_HOURS)


def _weekly_hours(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    if not plan.worker.opted_out:
        yield from average_limit(_hours("6, 16"), spells(plan, history), history.leave, WEEK_HOURS, WEEKS)


def _night_work(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    """Work of which three hours lie in the night is at most eight hours long."""
    for stretch in stretches(spells(plan, history), REST):
        night = sum(within(spell, NIGHT_BEGINS, NIGHT_ENDS) for spell in stretch)
        if night >= NIGHT_LEAST and hours_of(stretch) > NIGHT_MOST and any(spell.planned for spell in stretch):
            facts = {
                "begin": shown(stretch[0].shift.starts),
                "night": round(night, 2),
                "hours": round(hours_of(stretch), 2),
                "limit": NIGHT_MOST,
            }
            yield Breach("law.night_length", _hours("2, 8"), facts)


def _spared(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    if plan.worker.spared:
        yield from night_ban(EXPECTING, spells(plan, history), lambda _: NIGHT_BEGINS, NIGHT_ENDS)


def _child(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    yield from age_limit(_youth("1, 4"), plan, CHILD)


def _young(plan: PlannedWork, history: WorkHistory) -> Iterator[Breach]:
    """Articles 8, 9, 10 and 12, as they hold for those from 15 to 17."""
    if not plan.worker.younger(ADULT):
        return
    work = spells(plan, history)
    yield from day_limit(_youth("8(2)"), work, lambda _: YOUNG_DAY)
    yield from week_limit(_youth("8(2)"), work, lambda _: YOUNG_WEEK)
    yield from night_ban(_youth("9(1)(b)"), work, lambda _: YOUNG_NIGHT_BEGINS, YOUNG_NIGHT_ENDS)
    yield from rest_of_day(_youth("10(1)(b)"), work, YOUNG_REST)
    yield from days_limit(_youth("10(2)"), work, YOUNG_DAYS)
    yield from break_limit(_youth("12"), work, YOUNG_BREAK_AFTER, YOUNG_BREAK_MINUTES)


HOURS_RULES: tuple[HoursRule, ...] = (
    _rest,
    _break,
    _weekly_rest,
    _weekly_hours,
    _night_work,
    _spared,
    _child,
    _young,
)
