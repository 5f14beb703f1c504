"""Prices stand on rungs that look like prices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.price.ladder import ladder


@pytest.mark.parametrize("currency", ["USD", "EUR", "GBP", "CNY", "JPY", "KRW", "XYZ"])
def test_rungs_rise_and_are_close(currency: str) -> None:
    """Rungs rise strictly, are above 0, and from the price of everyday goods on none is 10 % above the one below."""
    rungs = ladder(currency).rungs
    steps = np.diff(rungs) / rungs[:-1]
    everyday = rungs[:-1] >= {"JPY": 100, "KRW": 1000, "CNY": 2}.get(currency, 1)
    assert rungs[0] > 0 and (steps > 0).all() and steps[everyday].max() < 0.12


def test_endings_are_those_of_the_currency() -> None:
    """Cents end in 5 and 9, yuan in what is usual there, yen are whole."""
    assert {round(rung * 100) % 10 for rung in ladder("USD").rungs if rung < 5} == {5, 9}
    assert all(rung == round(rung, 1) for rung in ladder("CNY").rungs)
    assert all(rung == round(rung) for rung in ladder("JPY").rungs)


def test_a_chain_has_endings_of_its_own() -> None:
    """With `endings`, every rung ends in one of them, whatever the currency."""
    rungs = ladder("CNY", (0.49, 0.99)).rungs
    assert {round(float(rung) % 1, 2) for rung in rungs[:1000]} == {0.49, 0.99}


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(0, 1), st.integers(1, 20))
def test_candidates_lie_on_the_ladder(price: float, reach: float, count: int) -> None:
    """The price that holds comes first; the others are rungs between the limits, or that price again."""
    steps = ladder("USD")
    with np.errstate(invalid="ignore"):
        low, high = np.array([price * (1 - reach)]), np.array([price * (1 + reach)])
    (found,) = steps.around(np.array([price]), low, high, count)
    assert len(found) == count + 1 and (found[0] == price or np.isnan(price))
    for rung in found[1:]:
        on_ladder = rung in steps.rungs and low[0] <= rung <= high[0]
        assert on_ladder or rung == price or np.isnan(price)


def test_a_ladder_of_one_rung() -> None:
    """Where only one rung lies between the limits, it is the only candidate beside the price that holds."""
    found = ladder("USD").around(np.array([2.0]), np.array([1.96]), np.array([2.04]), 5)
    assert set(found[0].tolist()) == {2.0, 1.99}
