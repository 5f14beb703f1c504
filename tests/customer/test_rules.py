"""The language of segments: what it finds, what it refuses, and that nothing in it is ever run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.errors import HubError
from aislehub.customer.rules import COLUMNS, WITH_CLUSTER, Limits, conditions, matches, parse, scores
from aislehub.schema import CUSTOMER_PROFILES

COUNT = 40


def members():
    """Forty members: spend 0 to 39, every second one online, the first five without a recency."""
    table = pd.DataFrame({column.name: [None] * COUNT for column in CUSTOMER_PROFILES.columns})
    number = np.arange(COUNT)
    return table.assign(
        customer=[f"m{n}" for n in number], spend_90=number.astype(float), visits_365=10, coupon_share=0.0,
        main_channel=np.where(number % 2, "web", "store"), stage=np.where(number < 10, "new", "active"),
        recency_days=np.where(number < 5, np.nan, number), first_bought=pd.Timestamp("2024-01-01").date(),
        discount_share=np.linspace(0, 0.39, COUNT),
    )  # fmt: skip


def found(text):
    """Numbers of the members whom a rule holds for."""
    table = members()
    limits = Limits.of(table, low=0.25, high=0.75, least_visits=4)
    return set(np.flatnonzero(matches(parse(text), table, limits)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spend_90 >= 38", {38, 39}),
        ("spend_90 > 36 and main_channel = web", {37, 39}),
        ("spend_90 < 1 or spend_90 = 5", {0, 5}),
        ("not (spend_90 > 0 or main_channel = 'web')", {0}),
        ("stage in (new) and main_channel != \"web\"", {0, 2, 4, 6, 8}),
        ("spend_90 <= 1 and first_bought < 2024-06-30", {0, 1}),
        ("spend_90 is high and spend_90 < 31", {30}),
        ("spend_90 is low and spend_90 >= 9", {9}),
        ("recency_days is empty", {0, 1, 2, 3, 4}),
        ("NOT recency_days is known", {0, 1, 2, 3, 4}),
    ],
)  # fmt: skip
def test_rules_find_whom_they_say(text, expected):
    """Numbers, words, days, several values, other members, emptiness; and binds tighter than or."""
    assert found(text) == expected


def test_an_empty_cell_is_neither_inside_nor_outside():
    """Of members whose recency is not known, neither a comparison nor its opposite holds."""
    assert found("recency_days < 20 or not recency_days < 20") == set(range(5, COUNT))


def test_where_all_are_alike_nobody_is_high_or_low():
    """Nobody uses coupons: the highest quarter is not everybody."""
    assert found("coupon_share is high") == found("coupon_share is low") == set()


def test_a_score_is_the_least_share_exceeded():
    """Of two conditions against others the weaker one counts; a fixed rule counts by how rare it is."""
    table = members()
    limits = Limits.of(table, low=0.25, high=0.75, least_visits=4)
    assert scores(parse("spend_90 is high"), table, limits)[39] == pytest.approx(39 / 40)
    assert scores(parse("spend_90 >= 36"), table, limits)[39] == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "segment.syntax"), ("spend_90", "segment.syntax"), ("spend_90 >", "segment.syntax"),
        ("spend_90 > 1 and", "segment.syntax"), ("(spend_90 > 1", "segment.syntax"),
        ("spend_90 > 1)", "segment.syntax"),
        ("spend_90 > 'a'", "segment.value"), ("stage = gone", "segment.value"), ("stage > new", "segment.value"),
        ("first_bought > 2024-13-01", "segment.value"), ("stage is high", "segment.value"),
        ("spnd_90 > 1", "segment.column"), ("customer = 'a'", "segment.column"), ("x" * 3000, "segment.too_long"),
        ("(" * 500 + "spend_90 > 1" + ")" * 500, "segment.syntax"), ("spend_90 > 1; drop table", "segment.syntax"),
        ("__import__('os').system('id')", "segment.column"), ("spend_90 > 1e", "segment.syntax"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_with_its_place(text, code):
    """Each refusal has its code; persons are no column to choose by."""
    with pytest.raises(HubError) as refused:
        parse(text)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("spend_90 > 'a'", ("`spend_90 > 'a'`", "spend_90 is a number", "`spend_90 > 0.5`")),
        ("visits_90 in (often)", ("`visits_90 = often`", "is a whole number", "`visits_90 = 5`")),
        ("first_bought > 2024-13-01", ("2024-13-01", "is a day", "`first_bought > 2024-06-30`")),
        ("main_store > 3", ("`main_store > 3`", "is a word", "`main_store = 'abc'`")),
        ("stage = gone", ("`stage = gone`", "one of the words", "`stage = ")),
        ("stage is high", ("`stage is high`", "one of the words", "`stage = ")),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_the_column_and_a_right_example(text, said):
    """What was written, what kind of column it is, and a comparison that would be read."""
    with pytest.raises(HubError) as refused:
        parse(text)
    for part in said:
        assert part in str(refused.value)
    parse(str(refused.value.facts["example"]))


def test_a_misspelt_column_gets_the_nearest_name():
    """`discount_shar` was meant as `discount_share`."""
    with pytest.raises(HubError, match="discount_share"):
        parse("discount_shar > 0.2")


def test_a_cluster_may_be_asked_for_only_where_it_is_said():
    """A rule that is kept knows no clusters; one that is tried takes a number, not high or low."""
    with pytest.raises(HubError) as refused:
        parse("cluster = 2")
    assert refused.value.code == "segment.column"
    table = members().assign(cluster=["1", "2", "3", None] * 10)
    limits = Limits.of(table, low=0.25, high=0.75, least_visits=4)
    assert matches(parse("cluster in (1, 2)", WITH_CLUSTER), table, limits).sum() == 20
    assert matches(parse("not cluster = 2", WITH_CLUSTER), table, limits).sum() == 20  # unknown is neither
    with pytest.raises(HubError) as refused:
        parse("cluster is high", WITH_CLUSTER)
    assert refused.value.code == "segment.value"


@given(st.text(max_size=60))
def test_any_text_is_a_rule_or_a_refusal(text):
    """Whatever somebody types, nothing else happens."""
    try:
        rule = parse(text)
    except HubError as refused:
        assert refused.code.startswith("segment.")
    else:
        assert all(condition.column in COLUMNS for condition in conditions(rule))


@given(st.lists(st.sampled_from(["spend_90 > 5", "not stage = new", "(main_channel = web)"]), min_size=1, max_size=6),
       st.lists(st.sampled_from(["and", "or"]), min_size=6, max_size=6))  # fmt: skip
def test_joined_rules_are_sets(parts, joints):
    """`and` is the intersection and `or` the union, `and` first, whatever is joined."""
    text, groups = parts[0], [found(parts[0])]
    for part, joint in zip(parts[1:], joints, strict=False):
        text += f" {joint} {part}"
        groups[-1:] = [groups[-1] & found(part)] if joint == "and" else [groups[-1], found(part)]
    assert found(text) == set().union(*groups)
