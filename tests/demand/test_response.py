"""How demand answers to price and promotion: found where it was planted, with intervals that hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aislehub.demand.response import respond


def chain(seed: int, *, shock: float, items: int = 40, stores: int = 6, weeks: int = 52) -> dict[str, Any]:
    """Weekly sales with known elasticities and lifts in five categories; a quarter of the prices never move.

    Args:
        shock: standard deviation of what happens to an item in all stores of a week.
    """
    random = np.random.default_rng(seed)
    category = np.concatenate([np.arange(5), random.integers(0, 5, items - 5)])
    elasticity = random.normal(-2, 0.4, 5)[category] + random.normal(0, 0.5, items)
    lift = random.normal(0.4, 0.2, items)
    moves = random.random(items) < 0.75
    cheap = (random.random((items, weeks)) < 0.25) & moves[:, None]
    price = np.where(cheap, random.uniform(0.7, 0.95, (items, weeks)), 1.0)
    item = np.repeat(np.arange(items), stores)
    display = (random.random((items * stores, weeks)) < 0.15 * (1 + 2 * cheap[item])).astype(float)
    level = np.exp(random.uniform(np.log(0.3), np.log(8), items * stores))[:, None]
    season = np.exp(0.2 * np.sin(np.arange(weeks) / weeks * 2 * np.pi))
    together = np.exp(random.normal(0, shock, (items, weeks)))[item]
    effect = np.exp(elasticity[item, None] * np.log(price[item]) + lift[item, None] * display)
    units = random.poisson(level * season * together * effect).astype(float)
    drivers = {"price": np.log(price[item]), "display": display}
    return {
        "given": (units, drivers, item, category), "elasticity": elasticity, "lift": lift, "moves": moves,
    }  # fmt: skip


@pytest.mark.parametrize("shock", [0.0, 0.3])
def test_intervals_cover_what_was_planted(shock: float) -> None:
    """About 90 % of the planted elasticities and lifts lie in their 90 % intervals, also of items without a price
    change, and also where all stores of a week swing together; estimates are hardly biased."""
    inside, of_promotions, errors = [], [], []
    for seed in range(8):
        planted = chain(seed, shock=shock)
        response = respond(*planted["given"])
        for item, (elasticity, lift) in enumerate(zip(planted["elasticity"], planted["lift"], strict=True)):
            mean, low, high = response.interval(item, "price")
            inside.append(low <= elasticity <= high)
            errors.append(mean - elasticity)
            _, low, high = response.interval(item, "display")
            of_promotions.append(low <= lift <= high)
    assert 0.84 <= np.mean(inside) <= 0.97
    assert 0.84 <= np.mean(of_promotions) <= 0.97
    assert abs(np.mean(errors)) < 0.12


def test_an_item_whose_price_never_moved_follows_its_category() -> None:
    """Without a price change of its own an item has its siblings' elasticity, a wider interval, and says so."""
    planted = chain(0, shock=0.0)
    response = respond(*planted["given"])
    still, moved = ~planted["moves"], planted["moves"]
    at = response.drivers.index("price")
    assert response.own[still, at].max() < 0.05 < response.own[moved, at].mean()
    assert response.sd[still, at].min() > response.sd[moved, at].mean()


def test_without_any_price_change_nothing_is_claimed() -> None:
    """Where no price of the chain ever moved, the standard deviation says that anything is possible."""
    units, drivers, item, category = chain(1, shock=0.0)["given"]
    response = respond(units, drivers | {"price": np.zeros_like(units)}, item, category)
    assert response.sd[:, response.drivers.index("price")].min() > 5


@pytest.mark.data
def test_orange_juice(data_folder: Path) -> None:
    """Dominick's orange juice (83 stores, 11 brands): own elasticities around −3, as a log-log regression with fixed
    effects gives on the same rows (−3.1); less, when deals and features are told apart from the price (−2.5)."""
    sales = pd.read_parquet(data_folder / "orange_juice" / "orange_juice.parquet")
    prices = sales[[f"price{brand}" for brand in range(1, 12)]].to_numpy()
    brand = sales["brand"].astype(int) - 1
    table = sales.assign(brand=brand, price=prices[np.arange(len(sales)), brand], units=np.exp(sales["logmove"]) / 64)

    def matrix(column: str) -> pd.DataFrame:
        return table.pivot_table(index=["store", "brand"], columns="week", values=column)

    units, item = matrix("units"), matrix("units").index.get_level_values("brand").to_numpy()
    price = np.log(matrix("price").to_numpy())
    alone = respond(units.to_numpy(), {"price": price}, item, np.zeros(11, dtype=int))
    assert -3.6 < alone.mean.mean() < -2.8
    assert (alone.mean + 2 * alone.sd < 0).all()
    shown = {"deal": matrix("deal").to_numpy(), "feat": matrix("feat").to_numpy()}
    apart = respond(units.to_numpy(), {"price": price, **shown}, item, np.zeros(11, dtype=int))
    assert -3.0 < apart.mean[:, 0].mean() < -2.1
    assert apart.mean[:, 2].mean() > 0.5
