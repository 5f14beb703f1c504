"""A small chain whose answer to prices is known, for all tests of the room."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aislehub.price.price_history import History

FIRST = date(2016, 1, 4)


@pytest.fixture(scope="session")
def chain() -> Any:
    """A maker of weeks: `chain(seed, …) -> (rows, items, truth)`, 24 items of two categories in six stores.

    Prices are cut when the category's season is high (`confounded`), and wander by 5 % apart from that (`wander`).
    """

    def make(
        seed: int = 0, *, weeks: int = 60, confounded: float = 0.0, wander: float = 0.05, units: float = 12.0
    ) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
        draw = np.random.default_rng(seed)
        stores, items = 6, 24
        category = np.arange(items) % 2
        truth = np.array([-1.5, -2.5])[category] + draw.normal(0, 0.4, items)
        season = 0.5 * np.cos(2 * np.pi * np.arange(weeks) / 26 + category[:, None]) + draw.normal(0, 0.1, (items, 1))
        price = (
            -confounded * season + wander * np.repeat(draw.normal(size=(items, weeks // 3 + 1)), 3, axis=1)[:, :weeks]
        )
        mean = units * np.exp(draw.normal(0, 0.3, (stores, items, 1)) + season + truth[:, None] * price)
        sold = draw.poisson(mean)
        store, item, week = np.indices(sold.shape)
        names = np.array([f"i{number:02d}" for number in range(items)], dtype=object)
        rows = pd.DataFrame(
            {
                "store": np.array([f"s{number}" for number in range(stores)], dtype=object)[store.ravel()],
                "item": names[item.ravel()],
                "week": week.ravel(),
                "units": sold.ravel().astype(float),
                "price": 4 * np.exp(np.broadcast_to(price, sold.shape).ravel()),
            }
        )
        goods = pd.DataFrame({"item": names, "category": np.array(["tea", "jam"])[category], "department": "food"})
        return rows, goods, truth

    return make


@pytest.fixture(scope="session")
def history(chain: Any) -> History:
    """That chain with confounded prices, laid out."""
    rows, goods, _ = chain(confounded=0.3)
    return History.from_table(rows, goods, FIRST)
