"""Money a year: what an experiment or measured decisions amount to, no day counted twice."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from aislehub.core.experiments import Trial
from aislehub.proof.yearly import by_decisions, by_experiment

DAY = date(2024, 3, 4)


def decided(
    number: int, *, money: float = 6.0, horizon: int = 3, subject: str = "milk", store: str = "1"
) -> dict[str, Any]:
    """An order of some day that was measured."""
    return {
        "kind": "orders", "day": DAY + timedelta(days=number), "store": store, "subject": subject, "money": money,
        "currency": "USD", "horizon_days": horizon, "state": "judged", "source": "",
        "measured": {"money": money, "low": money, "high": money, "chosen": None},
    }  # fmt: skip


def test_decisions_one_after_the_other_add_up() -> None:
    """Every third day an order that brings 6 in 3 days: 2 a day, 728 a year."""
    rows = [decided(number) for number in range(0, 27, 3)]
    found = by_decisions(rows, least_days=1)
    assert found is not None
    # The window ends with the day after the last decision, of which one of three days falls into it.
    assert found.money == pytest.approx(364 * 2.0)
    assert found.facts == {"count": 9, "days": 25}


def test_a_day_of_an_item_counts_once_however_often_it_is_decided() -> None:
    """The same order every day, each counted over the same three days: still 2 a day."""
    rows = [decided(number) for number in range(60)]
    found = by_decisions(rows, least_days=1)
    assert found is not None
    assert found.money == pytest.approx(364 * 2.0)


def test_lines_add_up() -> None:
    """Two items bring twice as much as one, two stores too."""
    one = by_decisions([decided(number) for number in range(30)], least_days=1)
    more = [{"subject": "milk"}, {"subject": "bread"}, {"store": "2"}, {"store": "2", "subject": "bread"}]
    four = by_decisions([decided(number, **line) for number in range(30) for line in more], least_days=1)
    assert one is not None
    assert four is not None
    assert four.money == pytest.approx(4 * one.money)


def test_chance_of_single_decisions_evens_out_over_the_year() -> None:
    """What is each decision's own chance widens the year's interval by the root of their number only."""
    rows = [decided(number, subject=str(number)) for number in range(100)]
    wide = {"money": 6.0, "low": 6.0 - 5.0, "high": 6.0 + 5.0, "chosen": None}
    common, own = (
        by_decisions([row | {"measured": wide | more} for row in rows], least_days=1)
        for more in ({}, {"chance": 5.0 / 1.645})
    )
    assert common is not None
    assert own is not None
    assert own.money == pytest.approx(common.money)
    assert own.high - own.low < 0.4 * (common.high - common.low)


def test_too_few_days_say_nothing() -> None:
    """Below the least number of days with decisions there is no value."""
    assert by_decisions([decided(number) for number in range(5)], least_days=6) is None
    assert by_decisions([], least_days=1) is None


def look(experiment: str, day: int, estimate: float | None, **more: Any) -> dict[str, Any]:
    """A row of `experiment_results`."""
    return {
        "experiment": experiment, "day": DAY + timedelta(days=day), "unit": "store", "metric": "margin", "days": day,
        "n_control": 10, "n_treatment": 10, "estimate": estimate, "low": 1.0, "high": 3.0, "verdict": "running",
    } | more  # fmt: skip


def trial(name: str, **more: Any) -> Trial:
    """An experiment on orders, by stores."""
    fields = {"kind": "orders", "unit": "store", "block_days": 0, "share": 0.5, "salt": "s", "days": 28} | more
    return Trial(name, **fields)


def test_the_newest_look_counts_for_the_stores_in_it() -> None:
    """2 a store and day in 20 stores is 14,560 a year; margin after shrink is preferred to margin."""
    rows = [look("a", 7, 9.0), look("a", 14, 2.0, metric="margin_after_shrink"), look("a", 14, 5.0)]
    found = by_experiment([trial("a")], rows, "orders")
    assert found is not None
    assert (found.money, found.low, found.high) == (20 * 364 * 2.0, 20 * 364 * 1.0, 20 * 364 * 3.0)
    assert found.facts == {"name": "a", "stores": 20, "days": 14}


@pytest.mark.parametrize(
    ("trials", "rows"),
    [
        ([trial("a", kind="price_changes")], [look("a", 7, 2.0)]),
        ([trial("a", unit="subject")], [look("a", 7, 2.0, unit="customer")]),
        ([trial("a")], [look("a", 7, None)]),
        ([trial("a")], [look("a", 7, 2.0, verdict="withheld")]),
        ([trial("a")], [look("a", 7, 2.0, metric="baskets")]),
        ([], []),
    ],
)
def test_what_tells_no_money_of_the_kind_is_passed_over(trials: list[Trial], rows: list[dict[str, Any]]) -> None:
    """Another kind, other units than stores, no estimate yet, a withheld split, no money: no value."""
    assert by_experiment(trials, rows, "orders") is None
