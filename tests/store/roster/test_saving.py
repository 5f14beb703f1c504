"""What a roster saves beside another."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.store.roster.duty import Duty
from aislehub.store.roster.need import Need
from aislehub.store.roster.saving import saving, spread_of

DAYS = tuple(date(2026, 3, 2) + timedelta(days=ahead) for ahead in range(2))


def need(people: int) -> Need:
    """So many people at the till from 8 to 12 on both days."""
    wanted = np.zeros((1, len(DAYS), 96), dtype=np.int64)
    wanted[:, :, 32:48] = people
    return Need(DAYS, ("till",), wanted)


def there(people: int) -> list[Duty]:
    """So many people at the till all that time."""
    return [Duty(day, 480, 720, f"p{at}", "till") for day in DAYS for at in range(people)]


def test_without_doubt_the_saving_is_plain_arithmetic() -> None:
    """Where no day differs from its forecast, money = pay saved + hours less missing × their cost, as low as high."""
    found = saving(need(3), there(3), there(2), paid=-80.0, hour=30.0, spread=np.zeros(2), seed=0)
    assert found.money == pytest.approx(-80 + 8 * 30)
    assert found.low == found.high == found.money


def test_doubt_makes_the_plan_that_fits_the_forecast_worth_less() -> None:
    """The more days differ from the forecast, the less is won by fitting it exactly, and the wider the interval."""
    sure, unsure = (
        saving(need(4), there(4), there(3), paid=0.0, hour=10.0, spread=np.full(2, doubt), seed=0)
        for doubt in (0.0, 0.5)
    )
    assert unsure.money < sure.money
    assert unsure.high - unsure.low > sure.high - sure.low


@given(people=st.integers(1, 5), more=st.integers(0, 3), doubt=st.floats(0, 1), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_who_is_there_is_never_missed_more(people: int, more: int, doubt: float, seed: int) -> None:
    """More people at the same pay never cost money, and low ≤ expected ≤ high."""
    found = saving(
        need(people), there(people + more), there(people), paid=0.0, hour=10.0, spread=np.full(2, doubt), seed=seed
    )
    assert 0 <= found.low <= found.money <= found.high


def test_the_chance_of_counting_is_no_doubt_about_the_day() -> None:
    """An interval as wide as chance counts make it says nothing of the rate; one twice as wide does."""
    mean = np.array([100.0])
    chance = 1.2816 * np.sqrt(mean)  # half the width between a normal distribution's 10 % and 90 % quantiles
    assert spread_of(mean, mean - chance, mean + chance)[0] == pytest.approx(0, abs=1e-2)
    assert spread_of(mean, mean - 2 * chance, mean + 2 * chance)[0] == pytest.approx(np.sqrt(np.log1p(0.03)), rel=1e-2)


def test_the_doubt_is_that_of_the_forecast_of_footfall() -> None:
    """Counts drawn at rates with a known spread: from their 10 % and 90 % quantiles that spread is found again."""
    rng = np.random.default_rng(0)
    rates = 1000 * np.exp(0.2 * rng.standard_normal(200_000) - 0.02)
    low, high = np.quantile(rng.poisson(rates), [0.1, 0.9])[:, None]
    assert spread_of(np.array([1000.0]), low, high)[0] == pytest.approx(0.2, rel=0.05)
