"""Sums and parts: the algebra of coherence, against the textbook's dense formula."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.core.errors import HubError
from aislehub.demand.hierarchy import Hierarchy, labels_of
from aislehub.demand.panel import FloatArray, Panel

LEVELS = ("total", "store", "department", "store/department", "item")


def labels(stores: int = 3, items: int = 4) -> pd.DataFrame:
    """Every item in every store, two departments."""
    rows = [(f"s{store}", f"i{item}", f"d{item % 2}") for store in range(stores) for item in range(items)]
    return pd.DataFrame(rows, columns=["store", "item", "department"])


def dense(hierarchy: Hierarchy, bottom: FloatArray, sums: FloatArray, v: FloatArray, w: FloatArray) -> FloatArray:
    """ỹ_b of ỹ = S (S′ W⁻¹ S)⁻¹ S′ W⁻¹ ŷ, as the paper writes it."""
    all_sums = np.vstack([hierarchy.sums.toarray(), np.eye(len(bottom))])
    weight = np.diag(1 / np.concatenate([w, v]))
    moment = all_sums.T @ weight @ np.concatenate([sums, bottom])
    return np.linalg.solve(all_sums.T @ weight @ all_sums, moment)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 5))
def test_the_small_system_gives_the_textbooks_answer(seed: int, stores: int, items: int) -> None:
    """Solved on the side of the sums, MinT is what the dense formula over all series says, for crossed levels too."""
    random = np.random.default_rng(seed)
    hierarchy = Hierarchy.of(labels(stores, items), LEVELS)
    count = stores * items
    bottom, sums = random.gamma(2, 3, (count, 1)), random.gamma(2, 9, (len(hierarchy.ids), 1))
    v, w = random.uniform(0.1, 5, (count, 1)), random.uniform(0.1, 20, (len(hierarchy.ids), 1))
    found = hierarchy.reconcile(bottom, sums, v, w, nonnegative=False)
    np.testing.assert_allclose(found[:, 0], dense(hierarchy, bottom[:, 0], sums[:, 0], v[:, 0], w[:, 0]), rtol=1e-6)


def test_forecasts_that_add_up_stay_as_they_are() -> None:
    """Where parts and sums agree already there is nothing to move."""
    hierarchy = Hierarchy.of(labels(), LEVELS)
    bottom = np.random.default_rng(0).gamma(2, 3, (12, 5))
    ones = np.ones_like(bottom)
    found = hierarchy.reconcile(bottom, hierarchy.aggregate(bottom), ones, np.ones((len(hierarchy.ids), 1)))
    np.testing.assert_allclose(found, bottom, rtol=1e-9)


def test_nothing_goes_below_zero_and_all_adds_up() -> None:
    """Sums far below their parts push no part below 0, and the sum of a level is met by those that are left."""
    hierarchy = Hierarchy.of(labels(2, 2), ("total",))
    bottom = np.array([[10.0], [1.0], [1.0], [0.0]])
    found = hierarchy.reconcile(bottom, np.array([[6.0]]), np.ones((4, 1)), np.zeros((1, 1)))
    assert (found >= 0).all()
    np.testing.assert_allclose(hierarchy.aggregate(found), 6.0, rtol=1e-9)
    np.testing.assert_allclose(found[:, 0], [6.0, 0.0, 0.0, 0.0], atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_parts_are_never_negative_whatever_the_sums_say(seed: int) -> None:
    """Random disagreement, random variances, some of them 0: finite, not negative, every level the sum of its parts."""
    random = np.random.default_rng(seed)
    hierarchy = Hierarchy.of(labels(), LEVELS)
    bottom = random.gamma(0.5, 3, (12, 4))
    sums = hierarchy.aggregate(bottom) * random.uniform(0, 2, (len(hierarchy.ids), 1))
    v, w = (random.uniform(-1, 3, (size, 1)).clip(min=0) for size in (12, len(hierarchy.ids)))
    found = hierarchy.reconcile(bottom, sums, v, w)
    assert np.isfinite(found).all() and (found >= 0).all()
    total = hierarchy.aggregate(found)
    at = {name: hierarchy.level == place for place, name in enumerate(LEVELS)}
    for name in LEVELS[1:]:
        np.testing.assert_allclose(total[at[name]].sum(axis=0), total[at["total"]][0], rtol=1e-9)


def test_a_certain_part_stays_and_a_certain_sum_is_met() -> None:
    """Variance 0 means: this one is right. Closed parts, whose variance is 0, stay at 0."""
    hierarchy = Hierarchy.of(labels(2, 2), ("total", "store"))
    bottom = np.array([[4.0], [0.0], [3.0], [3.0]])
    variance = np.array([[1.0], [0.0], [1.0], [1.0]])
    found = hierarchy.reconcile(bottom, np.array([[12.0], [np.nan], [np.nan]]), variance, np.zeros((3, 1)))
    assert found[1, 0] == 0
    np.testing.assert_allclose(hierarchy.aggregate(found)[0], 12.0, rtol=1e-9)
    np.testing.assert_allclose(found[[0, 2, 3], 0], np.array([4, 3, 3]) + 2 / 3, rtol=1e-9)


def test_levels_group_and_cross() -> None:
    """Sums run over what a level leaves open; a series without a label is in no sum that asks for it."""
    table = labels(2, 3)
    table.loc[0, "department"] = None
    hierarchy = Hierarchy.of(table, LEVELS)
    values = np.arange(6.0)[:, None]
    found = dict(zip(hierarchy.ids, hierarchy.aggregate(values)[:, 0], strict=True))
    assert found["total"] == 15
    assert (found["store=s0"], found["item=i1"]) == (0 + 1 + 2, 1 + 4)
    assert found["department=d0"] == 2 + 3 + 5
    assert found["store/department=s0/d0"] == 2
    assert hierarchy.labels.loc[hierarchy.ids.get_loc("item=i1"), "store"] is None


def test_a_level_of_no_column_is_refused() -> None:
    """A misspelt level is named with the nearest column."""
    with pytest.raises(HubError) as refused:
        Hierarchy.of(labels(), ("total", "departmen"))
    assert refused.value.code == "demand.level_unknown"
    assert "department" in str(refused.value)


def test_the_panel_of_sums_shares_out_what_is_known_ahead() -> None:
    """Demand is summed, a promotion is the promoted share of it, an event of all stays, shut is shut for all."""
    days = pd.date_range("2024-01-01", periods=240)
    rows = []
    for name, level, shut in (("a", 3.0, 7), ("b", 1.0, 14)):
        table = pd.DataFrame({"unique_id": name, "ds": days, "y": level, "store": "s", "number": 5})
        table["promo"] = float(name == "a")
        table.loc[0, "promo"] = 1.0 - table.loc[0, "promo"]
        table["event"] = np.where(days.day == 1, "first", np.where(days.day == 9, "ninth", None))
        table["open"] = (np.arange(240) % shut != 3).astype(float)
        rows.append(table.assign(y=table["y"] * table["open"]))
    table = pd.concat(rows)
    plan = table[table["ds"] >= days[-7]].drop(columns=["y", "store", "number"])
    panel = Panel.from_table(table[table["ds"] < days[-7]], 7, freq="D", known=plan)
    assert labels_of(panel).loc[0].to_dict() == {"store": "s", "number": "5"}
    made = Hierarchy.of(panel, ("total", "store")).panel(panel)
    assert made.y[0, 1] == 4 and made.known["promo"][0, 1] == pytest.approx(0.75, abs=0.01)
    assert made.labels["event"] == ["first", "ninth"] and len(made.known["event"]) == 1
    assert panel.closed[0, 10] and not panel.closed[1, 10]
    assert made.closed[0, 3] and not made.closed[0, 10] and made.y[0, 10] == 1
