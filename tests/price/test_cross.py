"""Cross-elasticities are told only of prices that move apart, and drawn to the category where little tells them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from aislehub.price.cross import cross_elasticities_of
from aislehub.price.orthogonal import estimate
from aislehub.price.price_history import History

from .conftest import FIRST


def with_substitute(rows: pd.DataFrame, item: str, other: str, gain: float, seed: int = 0) -> pd.DataFrame:
    """The same weeks, `item` sold `gain` % more for each % on `other`'s price."""
    price = rows[rows["item"] == other].set_index(["store", "week"])["price"]
    at = rows["item"] == item
    moved = price.loc[pd.MultiIndex.from_frame(rows.loc[at, ["store", "week"]])].to_numpy() / 4
    drawn = np.random.default_rng(seed).poisson(rows.loc[at, "units"].to_numpy() * moved**gain)
    return rows.assign(units=rows["units"].where(~at, pd.Series(drawn, index=rows.index[at]).reindex(rows.index)))


def pairs(rows: pd.DataFrame, goods: pd.DataFrame) -> pd.DataFrame:
    """All pairs by name."""
    history = History.from_table(rows, goods, FIRST)
    usable = np.ones(len(history.items), dtype=bool)
    found = cross_elasticities_of(history, estimate(history), usable, most=11, min_rows=30)
    names = history.items
    return found.assign(item=names[found["item"].to_numpy(int)], other=names[found["other"].to_numpy(int)])


def test_a_strong_substitute_is_found(chain: Any) -> None:
    """Of the 11 neighbours of an item, the one that it replaces has the largest value, and an interval above 0."""
    rows, goods, _ = chain(5, weeks=104, wander=0.1, units=30)
    found = pairs(with_substitute(rows, "i00", "i02", 1.2), goods)
    of = found[found["item"] == "i00"].set_index("other")
    assert of["elasticity"].idxmax() == "i02"
    assert of.loc["i02", "elasticity"] - 1.645 * of.loc["i02", "sd"] > 0


def test_pairs_stay_within_the_category(chain: Any) -> None:
    """A neighbour is of the same category, and nobody is its own."""
    rows, goods, _ = chain()
    found = pairs(rows, goods)
    category = goods.set_index("item")["category"]
    assert (category[found["item"]].to_numpy() == category[found["other"]].to_numpy()).all()
    assert (found["item"] != found["other"]).all()
    assert len(found) == 2 * 12 * 11


def test_prices_that_move_together_are_flagged(chain: Any) -> None:
    """Two items whose prices always move alike cannot be told apart: such pairs carry the category's mean."""
    rows, goods, _ = chain(1, weeks=104)
    price = rows[rows["item"] == "i04"].set_index(["store", "week"])["price"]
    at = rows["item"] == "i06"
    rows.loc[at, "price"] = 2 * price.loc[pd.MultiIndex.from_frame(rows.loc[at, ["store", "week"]])].to_numpy()
    found = pairs(rows, goods)
    twins = found[found["other"].isin(["i04", "i06"])]
    assert not twins["identified"].any()
    assert (twins["weight"] == 0).all()
    assert twins["elasticity"].nunique() == 1
    assert found.loc[~found["other"].isin(["i04", "i06"]), "identified"].mean() > 0.7


def test_without_neighbours_there_are_no_pairs(chain: Any) -> None:
    """A policy of no neighbours gives an empty table with its columns."""
    rows, goods, _ = chain()
    history = History.from_table(rows, goods, FIRST)
    found = cross_elasticities_of(history, estimate(history), np.zeros(24, dtype=bool), most=8, min_rows=30)
    assert found.empty and {"item", "other", "elasticity", "sd"} <= set(found.columns)


@pytest.mark.parametrize("seed", [0, 1])
def test_where_nothing_substitutes_the_values_are_small(chain: Any, seed: int) -> None:
    """Independent items get cross-elasticities near 0: nine tenths of the intervals hold it."""
    rows, goods, _ = chain(seed)
    found = pairs(rows, goods)
    assert np.mean(np.abs(found["elasticity"]) < 1.645 * found["sd"]) >= 0.85
    assert np.abs(found["elasticity"]).mean() < 0.15
