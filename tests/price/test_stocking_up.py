"""What shoppers have at home is missed by the weeks after, and is used up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aislehub.price.price_history import History
from aislehub.price.stocking_up import LARGEST_LIFT, at_home

from .conftest import FIRST


@pytest.fixture
def one(chain: Any) -> History:
    """Twelve weeks of one item in one store."""
    rows, goods, _ = chain(weeks=12)
    history = History.from_table(rows, goods, FIRST)
    mine = history.series == 0
    names = ("item", "store", "series", "week", "units", "price", "promoted", "displayed", "competitor", "on_sale")
    return replace(history, **{name: getattr(history, name)[mine] for name in names})


def missed(history: History, cut: int, lift: float, share: float, days: float = 10.0) -> np.ndarray:
    """What is missed week by week where one week sells `lift` times the usual."""
    lifts = np.ones(len(history.week))
    lifts[cut] = lift
    return at_home(history, lifts, np.full(len(history.items), share), days)


def test_after_a_cut_sales_are_missed_less_and_less(one: History) -> None:
    """Nothing before the cut; most in the week after it, then less each week; none where nobody stocks up."""
    found = missed(one, 3, 3.0, 0.3)
    assert (found[:3] == 0).all() and found[3] > 0
    assert (np.diff(found[4:]) < 0).all() and found[4] > 0
    assert not missed(one, 3, 1.0, 0.3).any()


def test_what_is_bought_ahead_is_missed_once(one: History) -> None:
    """Over all later weeks, what is missed is what was bought ahead, less what is still at home at the end."""
    days, lift = 3.0, 2.0
    found = missed(one, 2, lift, 1e-9, days)
    assert found.sum() == pytest.approx(lift - 1, rel=0.02)


def test_a_lift_beyond_belief_counts_as_the_largest_believed(one: History) -> None:
    """A week that expects fifty times the usual fills homes no more than one that expects eight times."""
    assert np.array_equal(missed(one, 2, 50.0, 0.3), missed(one, 2, LARGEST_LIFT, 0.3))
