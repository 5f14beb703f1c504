"""The dynamic programme finds the best way to sell what expires."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.price.markdown import Clearance, by_stock, lasting, plan, rehearse
from aislehub.price.response import probabilities


def goods(
    prices: tuple[float, ...] = (3.0, 2.0, 1.5), base: float = 1.0, elasticity: float = -2.0, days: int = 2,
    units: int = 3, later: float = 0.0, worth: float = 1.0, change_cost: float = 0.1, ratio: float = 1.0,
    weight: tuple[float, ...] = (1.0,), follows: Any = None, first: Any = None,
) -> Clearance:  # fmt: skip
    """One line; demand moves with price by a constant elasticity, one point of it for each weight."""
    count = len(prices)
    net = np.array([prices])
    points = elasticity + np.arange(len(weight)) - (len(weight) - 1) / 2
    mean = base * (net[:, :, None] / net[0, 0]) ** points
    return Clearance(
        net, np.repeat(mean[:, None], days, axis=1), np.array(weight), np.array([ratio]), np.array([units]),
        np.array([later]), np.array([worth]),
        np.ones((1, count, count), bool) if follows is None else np.array([follows]),
        np.ones((1, count), bool) if first is None else np.array([first]), change_cost,
    )  # fmt: skip


def brute_force(line: Clearance) -> float:
    """The best of all policies, each one written out: a price for every day, stock and price before."""
    days, rungs = line.mean.shape[1:3]
    units = int(line.units[0])
    chance = [np.einsum("kps,p->ks", probabilities(line.mean[0, day], line.ratio[0], units), line.weight)
              for day in range(days)]  # fmt: skip
    states = [(day, stock, held) for day in range(days) for stock in range(units + 1) for held in range(rungs)]
    states = [state for state in states if state[0] > 0 or state[1:] == (units, 0)]

    def worth(policy: dict[tuple[int, int, int], int], day: int, stock: int, held: int) -> float:
        if day == days:
            return float(line.worth[0] * min(stock, line.later[0]))
        asked = policy[day, stock, held]
        money = -line.change_cost * (asked != held)
        odds = chance[day][asked]
        for sold in range(stock + 1):
            odd = odds[sold] if sold < stock else 1 - odds[:stock].sum()
            money += odd * (line.net[0, asked] * sold + worth(policy, day + 1, stock - sold, asked))
        return money

    best = -np.inf
    for choice in itertools.product(range(rungs), repeat=len(states)):
        policy = dict(zip(states, choice, strict=True))
        may = all(
            asked == held or (line.follows[0, held, asked] and (day > 0 or line.first[0, asked]))
            for (day, _, held), asked in policy.items()
        )
        best = max(best, worth(policy, 0, units, 0)) if may else best
    return best


@pytest.mark.parametrize(
    "line",
    [
        goods(prices=(3.0, 1.5), units=3),
        goods(prices=(3.0, 1.5), units=3, change_cost=0.0, base=0.4),
        goods(prices=(3.0, 1.5), units=2, later=1.0, worth=1.2),
        goods(prices=(3.0, 2.0), units=3, ratio=1.8),
        goods(prices=(3.0, 1.5), units=3, weight=(0.3, 0.7), base=0.5),
        goods(prices=(3.0, 2.0, 1.5), units=1, base=0.3),
        goods(prices=(3.0, 1.5), units=3, base=0.3, first=[True, False]),
        goods(prices=(2.0, 3.0), units=2, base=2.0, follows=[[True, False], [True, True]]),
        goods(prices=(3.0, 1.5), units=2, days=1),
    ],
)
def test_equals_the_best_of_all_policies(line: Clearance) -> None:
    """On small instances the plan is worth exactly what the best of all policies, tried one by one, is worth."""
    assert plan(line).value[0] == pytest.approx(brute_force(line), rel=1e-12)


@settings(max_examples=30)
@given(st.integers(0, 9), st.integers(1, 4), st.floats(0.1, 5), st.floats(-4, -0.5), st.floats(1, 3))
def test_value_falls_with_less_stock_or_time(
    units: int, days: int, base: float, elasticity: float, ratio: float
) -> None:
    """A unit more or a day more is never worth less, and a plan is never worth less than leaving the price alone."""
    made = {"base": base, "elasticity": elasticity, "ratio": ratio}
    here = plan(goods(units=units, days=days, **made))
    for more in (goods(units=units + 1, days=days, **made), goods(units=units, days=days + 1, **made)):
        assert plan(more).value[0] >= here.value[0] - 1e-9
    planned, stay = lasting(goods(units=units, days=days, **made), here)
    assert planned[0, 0] == pytest.approx(here.value[0]) and planned[0, 0] >= stay[0, 0] - 1e-9


def test_more_stock_never_asks_a_higher_price() -> None:
    """With time and demand alike, the price of the first day falls with the stock."""
    asked = [goods().net[0, plan(goods(units=units, change_cost=0.0)).first[0]] for units in range(1, 12)]
    assert asked == sorted(asked, reverse=True) and asked[0] > asked[-1]


def test_lines_together_are_lines_alone() -> None:
    """Solving several lines at once gives each what it would get alone."""
    alone = [goods(units=2), goods(units=5, base=0.3), goods(units=9, elasticity=-1.2)]
    names = ("net", "mean", "ratio", "units", "later", "worth", "follows", "first")
    joined = Clearance(
        **{name: np.concatenate([getattr(line, name) for line in alone]) for name in names},
        weight=np.array([1.0]), change_cost=0.1,
    )  # fmt: skip
    np.testing.assert_allclose(plan(joined).value, [plan(line).value[0] for line in alone], rtol=1e-12)
    assert plan(joined).first.tolist() == [plan(line).first[0] for line in alone]


def test_a_price_may_only_go_where_it_may() -> None:
    """What a guard-rail bars on the first day is not asked on it, and named by what would have been."""
    free, barred = goods(base=0.2, units=4), goods(base=0.2, units=4, first=[True, True, False])
    assert plan(free).first[0] == plan(barred).wish[0] == 2
    assert plan(barred).first[0] in (0, 1) and plan(barred).value[0] <= plan(free).value[0]


@pytest.mark.parametrize("weight", [(1.0,), (0.2, 0.6, 0.2)])
def test_rehearsal_agrees_with_the_plan(weight: tuple[float, ...]) -> None:
    """Mean money of many played clearances is the plan's expected money with an elasticity that lasts."""
    line = goods(units=8, days=3, base=1.2, weight=weight, ratio=1.4)
    found = plan(line)
    planned, stay = lasting(line, found)
    money, sold, unmoved = rehearse(line, found, paths=20_000, seed=3)
    assert money.mean() == pytest.approx(float((planned - stay)[0] @ line.weight), abs=0.06)
    assert (sold <= 8).all() and (unmoved <= 8).all() and sold.mean() > unmoved.mean()


def test_lines_of_like_stock_are_solved_together() -> None:
    """Every line is in exactly one group, with lines of the same days and of stock within a factor of four."""
    units, days = np.array([1, 3, 4, 5, 8, 100, 3]), np.array([1, 1, 1, 1, 1, 1, 2])
    groups = by_stock(units, days)
    assert sorted(np.concatenate(groups).tolist()) == list(range(7))
    for lines in groups:
        assert len(set(days[lines])) == 1 and units[lines].max() <= 4 * units[lines].min()
