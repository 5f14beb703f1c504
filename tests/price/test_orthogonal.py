"""The orthogonal estimate finds the elasticity that the data were made with, and says how sure it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aislehub.price.orthogonal import estimate
from aislehub.price.price_history import History

from .conftest import FIRST


def log_log(history: History) -> np.ndarray:
    """What a naive regression of log units on log price gives, (I,)."""
    found = []
    for item in range(len(history.items)):
        rows = history.item == item
        found.append(np.polyfit(history.price[rows], np.log1p(history.units[rows]), 1)[0])
    return np.array(found)


def test_a_season_behind_prices_and_sales_is_not_taken_for_an_answer_to_prices(chain: Any) -> None:
    """Prices are cut in the high season: a plain regression is off by more than 1, the orthogonal one by less than
    0.25 on average, and its 90 % intervals hold the truth for 80 % of the items or more."""
    rows, goods, truth = chain(confounded=0.3)
    history = History.from_table(rows, goods, FIRST)
    found = estimate(history)
    assert np.mean(log_log(history) - truth) < -1
    assert abs(np.mean(found.mean - truth)) < 0.25
    assert np.mean(np.abs(found.mean - truth) < 1.645 * found.sd) >= 0.8


def test_small_counts_do_not_bias(chain: Any) -> None:
    """At one unit a week the mean elasticity is still within 0.3 of the truth, where log(1 + y) halves it."""
    rows, goods, truth = chain(3, units=1.0, wander=0.1)
    history = History.from_table(rows, goods, FIRST)
    found = estimate(history)
    assert abs(np.average(found.mean - truth, weights=found.sd**-2.0)) < 0.3
    assert np.mean(log_log(history)) > 0.6 * np.mean(truth)


def test_more_weeks_tell_more(chain: Any) -> None:
    """Four times the weeks shrink the median standard error by a third at least."""
    short, long = (estimate(History.from_table(*chain(1, weeks=weeks)[:2], FIRST)).sd for weeks in (40, 160))
    assert np.median(long) < 0.67 * np.median(short)


def test_prices_that_never_move_say_nothing(chain: Any) -> None:
    """Without any movement the unexplained part of the price is 0 and nothing overflows."""
    rows, goods, _ = chain(wander=0.0)
    found = estimate(History.from_table(rows, goods, FIRST))
    assert found.moved == pytest.approx(np.zeros(24), abs=1e-9)
    assert np.isfinite(found.mean).all() and np.isfinite(found.sd).all()


def test_the_scale_of_prices_and_the_order_of_rows_do_not_matter(chain: Any) -> None:
    """Prices in cents and shuffled rows give the same elasticities."""
    rows, goods, _ = chain(2)
    one = estimate(History.from_table(rows, goods, FIRST)).mean
    shuffled = rows.assign(price=rows["price"] * 100).sample(frac=1, random_state=0)
    assert estimate(History.from_table(shuffled, goods, FIRST)).mean == pytest.approx(one, abs=1e-6)


def test_the_same_seed_gives_the_same_numbers(history: History) -> None:
    """Estimates are reproducible to the last digit."""
    assert np.array_equal(estimate(history, seed=4).mean, estimate(history, seed=4).mean)
