"""Orders keep every limit, and the limit that decided is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aislehub.supply.limits import BOUNDS, Limited, Limits, days_to_weekday, limit_orders, within_budget


def one(need, position=0.0, orderable=True, case=1.0, least=0.0, sellable=np.inf, capacity=np.inf, gone=0.0):
    """Quantity and bound of a single line."""
    columns = [np.array([float(value)]) for value in (case, least, sellable, capacity, gone)]
    limited = limit_orders(
        np.array([float(need)]), np.array([float(position)]), Limits(np.array([orderable]), *columns)
    )
    return float(limited.quantity[0]), str(limited.bound[0])


@pytest.mark.parametrize(
    ("terms", "wanted"),
    [
        ({"need": 7}, (7, "none")),
        ({"need": -3}, (0, "none")),
        ({"need": 7, "orderable": False}, (0, "calendar")),
        ({"need": 0, "orderable": False}, (0, "none")),
        ({"need": 7, "case": 6}, (12, "case_pack")),
        ({"need": 12, "case": 6}, (12, "none")),
        ({"need": 7, "least": 10}, (10, "moq")),
        ({"need": 7, "case": 6, "least": 20}, (24, "moq")),
        ({"need": 30, "sellable": 20, "position": 4}, (16, "shelf_life")),
        ({"need": 30, "sellable": 20, "position": 4, "case": 6}, (12, "shelf_life")),
        ({"need": 30, "sellable": 20, "position": 4, "case": 24}, (0, "shelf_life")),
        ({"need": 30, "capacity": 25, "position": 10, "gone": 4}, (19, "shelf")),
        ({"need": 30, "capacity": 25, "position": 10, "gone": 4, "least": 20}, (0, "shelf")),
        ({"need": 30, "capacity": 8, "position": 10, "gone": 1}, (0, "shelf")),
        ({"need": 30, "sellable": 20, "capacity": 10}, (10, "shelf")),
        ({"need": 0.1 + 0.2, "case": 0.1}, (0.30000000000000004, "none")),
    ],
)
def test_the_limit_that_decides_is_named(terms, wanted):
    """calendar → case pack → minimum order → shelf life → shelf, and `bound` is the last that changed it."""
    assert one(**terms) == pytest.approx(wanted)


POSITIVE = hnp.arrays(float, 30, elements=st.integers(1, 60).map(float))
ANY = hnp.arrays(float, 30, elements=st.integers(-20, 200).map(float))


@given(ANY, POSITIVE, POSITIVE, POSITIVE, POSITIVE, POSITIVE, hnp.arrays(bool, 30))
def test_no_order_breaks_a_limit(need, position, case, least, sellable, capacity, orderable):
    """Whatever comes in: whole cases, at least the minimum, within life and shelf, none on closed days."""
    limits = Limits(orderable, case, least, sellable, capacity, np.zeros(30))
    limited = limit_orders(need, position, limits)
    placed = limited.quantity > 0
    assert (limited.quantity >= 0).all() and set(limited.bound) <= set(BOUNDS)
    np.testing.assert_allclose(limited.quantity % case, 0, atol=1e-6)
    assert (limited.quantity[placed] >= least[placed]).all()
    assert (limited.quantity[placed] + position[placed] <= np.minimum(sellable, capacity)[placed]).all()
    assert not (placed & ~orderable).any() and not (placed & (need <= 0)).any()
    free = (limited.bound == "none") & (need > 0)
    np.testing.assert_allclose(limited.quantity[free], need[free])


def lines(quantity, cost, money, store, case=None, least=None):
    """Arguments of `within_budget`."""
    quantity = np.array(quantity, float)
    ones = np.ones(len(quantity))
    limited = Limited(quantity, np.full(len(quantity), "none", dtype="<U10"))
    return (
        limited, ones if case is None else np.array(case, float), ones * 0 if least is None else np.array(least, float),
        np.array(cost, float), np.array(money, float), np.array(store),
    )  # fmt: skip


def test_budget_goes_where_money_earns_most():
    """The best line is kept whole, the next is cut to the whole cases that fit, the other store is untouched."""
    spent = within_budget(
        *lines([10, 10, 10, 50], [1, 1, 1, 1], [1, 5, 9, 1], [0, 0, 0, 1], case=[4, 4, 4, 5]), np.array([15.0, 99.0])
    )
    assert spent.quantity.tolist() == [0, 4, 10, 50]
    assert spent.bound.tolist() == ["budget", "budget", "none", "none"]


def test_what_is_left_buys_a_smaller_line():
    """A line too dear for the rest of the budget leaves it to the next one that fits."""
    spent = within_budget(*lines([1, 1, 1], [8, 7, 2], [80, 35, 4], [0, 0, 0]), np.array([10.0]))
    assert spent.quantity.tolist() == [1, 0, 1]


@given(
    hnp.arrays(float, 40, elements=st.integers(0, 50).map(float)),
    hnp.arrays(float, 40, elements=st.floats(0.05, 20)),
    hnp.arrays(float, 40, elements=st.floats(-5, 50)),
    hnp.arrays(np.int64, 40, elements=st.integers(0, 2)),
    hnp.arrays(float, 3, elements=st.floats(0, 500)),
)
def test_no_store_spends_more_than_its_budget(quantity, cost, money, store, budget):
    """Per store the outlay stays within the budget, and no line grows."""
    spent = within_budget(*lines(quantity, cost, money, store), budget)
    assert (np.bincount(store, spent.quantity * cost, 3) <= budget * (1 + 1e-9) + 1e-6).all()
    assert (spent.quantity <= quantity).all()
    assert ((spent.bound == "budget") == (spent.quantity < quantity)).all()


def test_days_to_weekday():
    """From Saturday to Monday or Thursday it is two days; an allowed weekday itself is no wait."""
    allowed = np.zeros((2, 7), bool)
    allowed[0, [0, 3]] = True
    allowed[1, 5] = True
    assert days_to_weekday(allowed, 5).tolist() == [2, 0]
    assert days_to_weekday(allowed, np.array([1, 6])).tolist() == [2, 6]
