"""No price leaves the guard-rails, whatever comes in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aislehub.price.guardrails import GUARDS, OK, GuardRails, Lines, guarded, within_budget


def line(**given: Any) -> Lines:
    """One line: 2.00 without tax, cost 1.50, nothing in the way."""
    usual = {
        "price": 2.0, "cost": 1.5, "tax": 0.0, "short_dated": False, "competitor": np.nan, "held": 30.0,
        "promoted": False, "taken": False, "lowest": np.nan, "highest": np.nan, "unhurried": np.nan,
    }  # fmt: skip
    return Lines(**{name: np.array([value]) for name, value in (usual | given).items()})


def guard(asked: float, rails: GuardRails | None = None, **given: Any) -> str:
    """Name of the guard-rail that a price leaves."""
    found = int(guarded(np.array([[asked]]), line(**given), rails or GuardRails())[0, 0])
    return "ok" if found == OK else GUARDS[found]


@pytest.mark.parametrize(
    ("asked", "given", "named"),
    [
        (1.9, {}, "ok"),
        (2.2, {}, "ok"),
        (1.9, {"promoted": True}, "promotion"),
        (1.9, {"taken": True}, "freeze"),
        (1.9, {"held": 6.0}, "hold"),
        (1.49, {}, "below_cost"),
        (1.55, {}, "margin_floor"),
        (1.69, {}, "max_step"),
        (2.31, {}, "max_step"),
        (2.25, {"competitor": 2.0}, "competitor_cap"),
        (2.19, {"competitor": 2.0}, "ok"),
        (1.9, {"competitor": 1.0}, "ok"),  # dearer than the competitor already: cheaper is always possible
        (2.2, {"unhurried": 2.1}, "shortage"),
        (2.18, {"lowest": 1.5, "highest": 1.9}, "ok"),  # within 15 % of the highest, 1.90
        (2.19, {"lowest": 1.5, "highest": 1.9}, "seen"),  # beyond it, though the price that holds is higher already
        (2.25, {"price": 1.99, "highest": 1.9}, "seen"),
        (1.71, {"lowest": 2.05, "highest": 2.2}, "seen"),
        (1.9, {"tax": 0.25}, "margin_floor"),  # 1.52 without tax
        (1.85, {"tax": 0.25}, "below_cost"),
        (1.2, {"short_dated": True, "held": 1.0}, "ok"),
        (0.99, {"short_dated": True, "held": 1.0}, "max_step"),
        (0.74, {"short_dated": True, "held": 1.0}, "below_cost"),
        (2.4, {"short_dated": True, "held": 1.0}, "max_step"),
        (1.2, {"short_dated": True, "held": 0.0}, "hold"),
        (np.nan, {}, "data"),
        (np.inf, {}, "data"),
        (-1.0, {}, "data"),
        (0.0, {}, "data"),
        (1.9, {"cost": np.nan}, "data"),
        (1.9, {"cost": -1.0}, "data"),
        (1.9, {"price": np.nan}, "data"),
        (1.9, {"price": 0.0}, "data"),
        (1.9, {"tax": np.nan}, "data"),
        (1.9, {"competitor": 0.0}, "data"),
        (1.9, {"held": np.nan}, "hold"),
    ],
)
def test_the_guard_rail_that_is_left_is_named(asked: float, given: dict[str, Any], named: str) -> None:
    """Each guard-rail stops what it is for, and says its name."""
    assert guard(asked, **given) == named


def test_nothing_is_cleared_below_the_stated_share_of_its_cost() -> None:
    """With `clearance_below_cost` 0 not even short-dated goods go below cost."""
    rails = GuardRails(clearance_below_cost=0.0)
    assert guard(1.49, rails, short_dated=True) == "below_cost" and guard(1.51, rails, short_dated=True) == "ok"


NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.floats(0.01, 20)


def columns(count: int) -> Any:
    """Any numbers for every column of lines, with the prices asked."""
    numbers, flags = hnp.arrays(float, count, elements=NUMBERS), hnp.arrays(bool, count)
    return st.tuples(hnp.arrays(float, (count, 4), elements=NUMBERS), *[numbers] * 8, *[flags] * 3)


@settings(max_examples=200)
@given(columns(20), st.floats(0, 0.9), st.floats(0.01, 1))
def test_no_price_leaves_the_guard_rails(found: Any, floor: float, step: float) -> None:
    """Whatever the numbers, a price that passes is a number, keeps its margin or its clearance floor, and its step."""
    asked, price, cost, tax, competitor, held, lowest, highest, unhurried, short_dated, promoted, taken = found
    lines = Lines(price, cost, tax, short_dated, competitor, held, promoted, taken, lowest, highest, unhurried)
    rails = GuardRails(margin_floor=floor, max_step=step)
    for row, column in np.argwhere(guarded(asked, lines, rails) == OK):
        new, old, unit = float(asked[row, column]), float(price[row]), float(cost[row])
        net = new / (1 + float(tax[row]))
        assert np.isfinite([new, old, unit, net]).all() and new > 0 and old > 0 and unit >= 0
        assert not promoted[row] and not taken[row]
        clears = short_dated[row]
        least = unit * (1 - rails.clearance_below_cost) if clears else unit / (1 - floor)
        assert net >= least * (1 - 1e-6)
        assert abs(new / old - 1) <= (rails.clearance_step if clears and new <= old else step) + 1e-6
        assert held[row] >= (1 if clears else rails.hold_days)
        assert not (new > old * (1 + 1e-6) and new > float(competitor[row]) * (1 + rails.over_competitor) * (1 + 1e-6))


def test_the_budget_goes_to_the_changes_that_earn_most() -> None:
    """In each store so many changes as the budget has, the most money first; another store's are not touched."""
    stores, money = np.array([0, 0, 0, 1]), np.array([1.0, 3.0, 2.0, 0.5])
    assert within_budget(stores, money, 2).tolist() == [False, True, True, True]
    assert within_budget(stores, money, 0).tolist() == [False] * 4
