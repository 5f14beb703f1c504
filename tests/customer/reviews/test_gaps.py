"""What a store lacks: planted gaps are found with the units that were hidden, and nothing else is called one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aislehub.customer.reviews.gaps import gaps

ITEMS, STORES = 60, 16
RULES = {"like": 5, "share": 0.5, "least_items": 10, "least_units": 20.0}


def chain(seed: int = 0) -> pd.DataFrame:
    """Two kinds of stores, eight each, of four sizes; either sells items of its own, and a tenth of items all sell."""
    random = np.random.default_rng(seed)
    rows = []
    for store in range(STORES):
        taste = np.where((np.arange(ITEMS) < 40) == (store < 8), 1.0, 0.0)
        taste[np.arange(ITEMS) % 10 == 0] = 1.0
        units = random.poisson(60 * (1 + store % 4) * taste)
        rows += [{"store": f"s{store:02}", "item": f"i{item:02}", "units": float(units[item]),
                  "money": 2.0 * units[item], "is_carried": True} for item in range(ITEMS) if units[item]]  # fmt: skip
    return pd.DataFrame(rows)


def without(sold: pd.DataFrame, store: str, item: str) -> pd.DataFrame:
    """As if the store had never carried the item."""
    return sold[(sold["store"] != store) | (sold["item"] != item)]


def test_what_is_hidden_is_found() -> None:
    """Of a store of four times the size an item is hidden: it is the one gap, and 240 units are expected of it."""
    found = gaps(without(chain(), "s03", "i07"), **RULES)
    (row,) = found.rows.to_dict("records")
    assert (row["store"], row["item"], row["alike"]) == ("s03", "i07", 5)
    assert set(row["carriers"]) < {f"s{store:02}" for store in range(8)} and "s03" not in row["carriers"]
    assert row["expected"] == pytest.approx(240, rel=0.15)


def test_what_only_other_kinds_of_stores_sell_is_no_gap() -> None:
    """Stores of either kind lack what the other kind sells, and nobody is told to copy it."""
    assert gaps(chain(), **RULES).rows.empty


def test_what_was_sold_at_all_is_there() -> None:
    """An item that a store sold too rarely to count as its range is carried all the same."""
    sold = chain()
    rare = (sold["store"] == "s03") & (sold["item"] == "i07")
    sold.loc[rare, ["units", "is_carried"]] = [1.0, False]
    assert gaps(sold, **RULES).rows.empty


def test_estimates_are_tried_on_what_is_carried() -> None:
    """The ratios of actual to expected units are of every item that the rule would look at, and are about 1."""
    tried = gaps(chain(), **RULES).tried
    assert len(tried) == len(chain()) and tried.mean() == pytest.approx(1, abs=0.02)
    assert (np.diff(tried) >= 0).all() and tried[0] > 0.6 and tried[-1] < 1.6


def test_small_chains_have_no_gaps() -> None:
    """Without stores to compare, or with nothing sold, the answer is empty and no error."""
    for sold in (chain().iloc[:0], chain().query("store == 's00'"), chain().assign(is_carried=False)):
        found = gaps(sold, **RULES)
        assert found.rows.empty and not len(found.tried)
