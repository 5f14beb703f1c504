"""European Union: a reduction is announced beside the lowest price of the 30 days before it.

Directive 98/6/EC, article 6a, as inserted by Directive (EU) 2019/2161, article 2. The percentage, too, is counted from
that price (Court of Justice, C-330/23, *Aldi Süd*). Member States may make milder rules for goods that perish quickly
(6a(3)), new goods (6a(4)) and reductions that grow step by step (6a(5)); the strict rule is kept here for all.
"""

from __future__ import annotations

from datetime import date

from aislehub.law.rules import Article, Breach, NewPrice, PriceHistory, Rule, frozen_day, no_person, too_high

__all__ = ["PRICE_RULES", "prior_price"]

DAYS = 30
REDUCTION = Article("Directive 98/6/EC, art. 6a", "https://eur-lex.europa.eu/eli/dir/1998/6/2022-05-28")
INDICATION = Article("Directive 98/6/EC, art. 4(1)", "https://eur-lex.europa.eu/eli/dir/1998/6/2022-05-28")
PERSONAL = Article("Directive 2011/83/EU, art. 6(1)(ea)", "https://eur-lex.europa.eu/eli/dir/2011/83/2022-05-28")


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
