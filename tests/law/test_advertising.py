"""What may not be recommended is known by how its category is called, and harmless namesakes are not touched."""

from __future__ import annotations

import pandas as pd
import pytest

from aislehub.law.advertising import ARTICLES, KINDS, barred, of_age


def goods(**told: str | None) -> pd.DataFrame:
    """One item."""
    return pd.DataFrame([told])


@pytest.mark.parametrize(
    ("category", "is_barred", "is_of_age"),
    [
        ("CIGARETTES", True, False), ("Cigars & pipe tobacco", True, False), ("电子烟", True, False),
        ("INFANT FORMULA", True, False), ("婴幼儿配方奶粉", True, False), ("Prescription medicines", True, False),
        ("处方药", True, False), ("BEERS/ALES", False, True), ("DOMESTIC WINE", False, True), ("白酒", False, True),
        ("SPIRITS", False, True), ("SMOKED HAM", False, False), ("烟熏火腿", False, False), ("Baby food", False, False),
        ("Non-prescription medicines", False, False), ("非处方药", False, False), ("ROOT BEER", False, False),
        ("Ginger ale", False, False), ("VINEGAR WINE/RICE", False, False), ("Cooking wines", False, False),
        ("Wine glasses", False, False), ("料酒", False, False), ("Sales", False, False), ("GINGER", False, False),
    ],
)  # fmt: skip
def test_a_category_says_what_a_thing_is(category: str, is_barred: bool, is_of_age: bool) -> None:
    """In English and Chinese, whole words only."""
    assert barred(goods(name="x", category=category))[0] == is_barred
    assert of_age(goods(name="x", category=category))[0] == is_of_age


def test_a_name_counts_where_nothing_else_is_said() -> None:
    """An item without a category is known by its name; with one, its name may say what it likes."""
    assert of_age(goods(name="Pale ale 0.5 l", category=None))[0]
    assert not of_age(goods(name="Beer mustard", category="Condiments"))[0]


def test_every_kind_has_an_article() -> None:
    """Each kind is written somewhere in the law of China and of the Union."""
    assert {(kind, pack) for kind in KINDS for pack in ("cn", "eu")} == set(ARTICLES)
