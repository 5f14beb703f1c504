"""Goods that may not be recommended: those that no one may advertise, and those for adults who asked for them.

A recommendation is advertising. **Tobacco**, **infant formula** and **prescription medicines** are left out for
everybody. **Alcohol** is left to those who bought that item before: the till has seen their age, and the hub does not
ask for it. Where the law of a country is milder, as that of the United States on tobacco, the stricter reading stays.

What a thing is, its category says, in English or Chinese; where the category is empty, its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.law.rules import Article

__all__ = ["ARTICLES", "COLUMNS", "KINDS", "barred", "of_age"]

COLUMNS = ("name", "department", "category", "subcategory")
"""Of an item, what its kind is read from."""

KINDS: dict[str, str] = {
    "tobacco": r"\b(?:cigarettes?|cigars?|tobacco|snuff|vap(?:es?|ing)|e-?cig\w*)\b|卷烟|香烟|雪茄|烟草|烟丝|电子烟",
    "infant_formula": r"\b(?:infant|baby) formula|\bfollow-on formula|婴儿配方|婴幼儿配方|婴儿奶粉|婴幼儿奶粉",
    "prescription": r"(?<!non-)(?<!non )\bprescriptions?\b|(?<!非)处方药",
    "alcohol": r"\b(?:beers?|ales?|lagers?|wines?|liquors?|spirits|whisk(?:e?y|ies)|scotch|bourbon|vodka|rum|gin|"
    r"tequila|brandy|cognac|champagne|vermouth)\b|白酒|啤酒|葡萄酒|红酒|黄酒|洋酒|果酒|烈酒|酒类|威士忌|白兰地|伏特加",
}
"""Kind → how its categories are called."""

_NOT_MEANT = re.compile(
    r"\b(?:root|ginger|gngr) (?:beer|ale)s?\b|\bcooking wines?\b|\bvinegar[^|]*|\bwine (?:vinegar|glass\w*|racks?)\b|"
    r"\bgingerale\b|\brum raisin\b|料酒|酒精"
)

ARTICLES: dict[tuple[str, str], Article] = {
    ("tobacco", "cn"): Article("《中华人民共和国广告法》第二十二条", "https://flk.npc.gov.cn"),
    ("tobacco", "eu"): Article("Directive 2003/33/EC, art. 3", "https://eur-lex.europa.eu/eli/dir/2003/33/oj"),
    ("infant_formula", "cn"): Article("《中华人民共和国广告法》第二十条", "https://flk.npc.gov.cn"),
    ("infant_formula", "eu"): Article(
        "Delegated Regulation (EU) 2016/127, art. 10", "https://eur-lex.europa.eu/eli/reg_del/2016/127/oj"
    ),
    ("prescription", "cn"): Article("《中华人民共和国广告法》第十五条", "https://flk.npc.gov.cn"),
    ("prescription", "eu"): Article("Directive 2001/83/EC, art. 88", "https://eur-lex.europa.eu/eli/dir/2001/83/oj"),
    ("alcohol", "cn"): Article("《中华人民共和国广告法》第二十三条、第四十条", "https://flk.npc.gov.cn"),
    ("alcohol", "eu"): Article("Directive 2010/13/EU, art. 22", "https://eur-lex.europa.eu/eli/dir/2010/13/oj"),
}
"""Where it is written, by kind and pack."""


def barred(items: pd.DataFrame) -> NDArray[np.bool_]:
    """Which items are recommended to nobody.

    Args:
        items: rows of the table `items`, with `COLUMNS` where known.

    Returns:
        bool (n,).

    Example:
        >>> barred(pd.DataFrame({"name": ["A", "B", None], "category": ["CIGARS", "SMOKED HAM", "婴幼儿配方奶粉"]}))
        array([ True, False,  True])
    """
    return _is_of(items, ("tobacco", "infant_formula", "prescription"))


def of_age(items: pd.DataFrame) -> NDArray[np.bool_]:
    """Which items are recommended only to those who bought them before, (n,).

    Example:
        >>> of_age(pd.DataFrame({"name": ["root beer", "Pilsner beer", "米醋"], "category": [None, None, "调味品"]}))
        array([False,  True, False])
    """
    return _is_of(items, ("alcohol",))


def _is_of(items: pd.DataFrame, kinds: Sequence[str]) -> NDArray[np.bool_]:
    """Whether an item's words name one of these kinds; every distinct text is read once."""
    told = items.reindex(columns=COLUMNS).astype("string").fillna("")
    shelves = told["department"] + "|" + told["category"] + "|" + told["subcategory"]
    texts = shelves.where(told["category"].ne("") | told["subcategory"].ne(""), told["name"])
    codes, distinct = pd.factorize(texts)
    meant = re.compile("|".join(KINDS[kind] for kind in kinds))
    found = [bool(meant.search(_NOT_MEANT.sub(" ", str(text).lower()))) for text in distinct]
    return np.array(found, dtype=bool)[codes]
