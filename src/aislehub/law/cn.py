"""China: a reduction is counted from the lowest price actually paid in the seven days before it.

《规范促销行为暂行规定》 (State Administration for Market Regulation, order 32 of 2020), article 21: unless another
base is marked, a reduction is counted from the lowest transacted price of the same store in the seven days before it,
and where nothing sold in them, from the last transacted price. 《明码标价和禁止价格欺诈规定》 (order 56 of 2022),
articles 16 and 19(3): a compared price must be true and have a source; a false reduction is fraud.
"""

from __future__ import annotations

from datetime import date

from aislehub.law.rules import Article, Breach, NewPrice, PriceHistory, Rule, frozen_day, no_person, too_high

__all__ = ["PRICE_RULES", "prior_price"]

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
