"""Reasons: facts that can be counted again, weights that add up, sentences in either language."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.reasons import Reason, from_contributions, sentence, to_json, wrong_facts

FAMILIES = {"lag_7": "level", "lag_14": "level", "week": "season", "price": "price", "rain": "weather"}
SAID = Reason("core.did_you_mean", {"near": 3.0}, 2.0)


@given(st.dictionaries(st.sampled_from([*FAMILIES, "noise"]), st.floats(-100, 100)), st.integers(1, 5))
def test_contributions_are_summed_by_family(contributions: dict[str, float], top: int) -> None:
    """A family's weight is the sum of its features' contributions; the largest come first; noise is no reason."""
    sums: dict[str, float] = {}
    for feature, value in contributions.items():
        if feature in FAMILIES:
            sums[FAMILIES[feature]] = sums.get(FAMILIES[feature], 0.0) + value
    found = from_contributions(contributions, FAMILIES, {"item": "milk"}, top=top)
    sizes = sorted((abs(value) for value in sums.values() if value), reverse=True)
    assert [abs(reason.weight) for reason in found] == sizes[:top]
    for reason in found:
        assert reason.weight == sums[reason.code]
        assert reason.facts == {"item": "milk", "effect": round(reason.weight, 2)}


@given(st.lists(st.floats(-10, 10)))
def test_stored_reasons_start_with_the_largest_weight(weights: list[float]) -> None:
    """The column holds plain JSON, sorted by the size of the weight, and nothing is lost on the way."""
    stored = json.loads(to_json(Reason(f"code{place}", {"店": place}, weight) for place, weight in enumerate(weights)))
    assert [abs(reason["weight"]) for reason in stored] == sorted(map(abs, weights), reverse=True)
    assert {reason["code"]: reason["weight"] for reason in stored} == {f"code{p}": w for p, w in enumerate(weights)}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(3.0, "3"), (3.14159, "3.14"), (0.5, "0.5"), (-2.10, "-2.1"), (7, "7"), ("x", "x"), ([1.0, 2.55], "1, 2.55")],
)
def test_numbers_read_as_people_write_them(value: Any, shown: str) -> None:
    """Whole numbers whole, others with two digits at most; lists with commas."""
    assert Reason("core.did_you_mean", {"near": value}).sentence("en") == f"Did you mean {shown}?"


def test_a_stored_reason_speaks_both_languages() -> None:
    """The same stored reason is a sentence in English and in Chinese."""
    (stored,) = json.loads(to_json([SAID]))
    assert (sentence(stored, "en"), sentence(stored, "zh")) == ("Did you mean 3?", "您是不是要找 3？")


def test_facts_are_counted_again() -> None:
    """A fact that the tables do not bear out is told with what was stated and what was counted."""
    tables = {"milk": {"sold": 12, "price": 1.999, "open": True}}
    facts = {"sold": 12.0, "price": 2.0, "open": True, "note": "not checked"}
    decision = {"subject": "milk", "reasons": [vars(Reason("demand.level", facts)), vars(Reason("other", {"x": 1}))]}
    checks = {"demand.level": lambda counted, row: counted[row["subject"]]}
    assert wrong_facts(tables, decision, checks) == []
    tables["milk"] |= {"sold": 11, "open": False}
    assert wrong_facts(tables, decision, checks) == ["demand.level.sold: 12.0 ≠ 11", "demand.level.open: True ≠ False"]
    tables["milk"] = {"missing": 1}
    assert wrong_facts(tables, decision, checks) == ["demand.level.missing: None ≠ 1"]


def test_a_named_fact_is_said_in_the_reader_s_word() -> None:
    """A fact that the texts have a word for reads in it, in a list too; any other text stays as it is."""
    facts = {"named": "Milk (1001)", "aspect": "packaging", "bad": 6, "count": 10, "bad_before": 0, "count_before": 4}
    told = {"code": "reviews.alert_worse", "facts": facts}
    assert "提到“包装”" in sentence(told, "zh") and "Milk (1001)" in sentence(told, "zh")
    assert "mentions of its packaging" in sentence(told, "en")
    assert "包装, colour" in sentence({**told, "facts": {**facts, "aspect": ["packaging", "colour"]}}, "zh")
