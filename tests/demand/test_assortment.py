"""New items and stores in the daily step: who gets a forecast before its sales can speak."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.demand.daily import Policy, demand_forecast, demand_panel, learn_demand
from aislehub.demand.neighbours import NEIGHBOURS
from aislehub.schema import CALENDAR, ITEMS, PRICES, PROMOTIONS, SALES_LINES, STOCK, STORES

FIRST, DAY = date(2024, 1, 1), date(2024, 6, 30)
READS = ("sales_lines", "items", "promotions", "prices", "calendar", "stock", "stores")
CONTRACTS = (SALES_LINES, ITEMS, PROMOTIONS, PRICES, CALENDAR, STOCK, STORES)
KNOWN = pd.Timestamp(FIRST, tz="UTC")
POLICY = Policy(horizon_days=14, model="mean28")


@pytest.fixture(scope="module")
def chain() -> Tables:
    """Simulated: stores A to D sell four teas at 4 a day, D twice that; E opens in a week.

    `chai` is listed since a week and priced in A and B alone; `mate` is listed next week, no store named; `old` was
    listed a year ago and never sold. `black` is promoted in A for the coming week.
    """
    random = np.random.default_rng(0)
    days = pd.date_range(FIRST, DAY)
    sales = [
        {"store": store, "receipt": f"{day:%j}{at}", "line": f"{item}{at}", "sold_at": day.tz_localize("UTC"),
         "day": day.date(), "item": item, "quantity": 1.0, "amount": 2.0}
        for store in "ABCD" for item in ("black", "green", "white", "herbal") for day in days
        for at in range(random.poisson(8 if store == "D" else 4))
    ]  # fmt: skip
    listed = {"chai": DAY - timedelta(days=7), "mate": DAY + timedelta(days=7), "old": FIRST - timedelta(days=365)}
    items = [
        {"item": item, "category": "tea", "listed_from": listed.get(item), "known_at": KNOWN}
        for item in ("black", "green", "white", "herbal", *listed)
    ]
    prices = [
        {"store": store, "item": "chai", "kind": "regular", "valid_from": listed["chai"], "price": 2.0}
        for store in "AB"
    ]
    promotion = {"store": "A", "item": "black", "promotion": "1", "starts": DAY + timedelta(days=1),
                 "ends": DAY + timedelta(days=7), "known_at": KNOWN}  # fmt: skip
    stores = [
        {"store": store, "opened": DAY + timedelta(days=7) if store == "E" else None, "known_at": KNOWN}
        for store in "ABCDE"
    ]
    tables = Tables(None, {contract.name: contract for contract in CONTRACTS})
    facts = {"sales_lines": sales, "items": items, "prices": prices, "promotions": [promotion], "stores": stores}
    for name, rows in facts.items():
        checked = tables.contract(name).check(pa.Table.from_pylist(rows))
        assert checked.rejected.num_rows == 0
        tables.append(name, checked.good)
    return tables


def read(tables: Tables) -> list[Any]:
    """What the step reads."""
    return [tables.read(name, as_of=DAY) for name in READS]


def test_new_items_and_stores_are_in_the_panel(chain: Tables) -> None:
    """A new item is in the stores that a price names, or in all; a new store has what most stores sell; nothing old."""
    panel = demand_panel(*read(chain), day=DAY, policy=POLICY)
    series = panel.ids.str.split("\x1f")
    found = {item: "".join(sorted(store for store, name in series if name == item)) for _, item in series}
    teas = dict.fromkeys(("black", "green", "white", "herbal"), "ABCDE")
    assert found == {**teas, "chai": "AB", "mate": "ABCD"}
    unseen = np.isnan(panel.y).all(axis=1)
    assert {tuple(pair) for pair in series[unseen]} == {
        ("E", "black"), ("E", "green"), ("E", "white"), ("E", "herbal"),
        ("A", "chai"), ("B", "chai"), ("A", "mate"), ("B", "mate"), ("C", "mate"), ("D", "mate"),
    }  # fmt: skip


def test_what_never_sold_is_forecast_as_its_look_alikes(chain: Tables, tmp_path: Path) -> None:
    """New items sell as the category in a store of that size, a new store from its first day on as a usual store."""
    learn_demand(*read(chain), day=DAY, policy=POLICY, folder=tmp_path)
    rows = demand_forecast(*read(chain), day=DAY, policy=POLICY, model=tmp_path)
    mean = rows.groupby(["item", "store"])["mean"].mean()
    assert mean["chai", "A"] == pytest.approx(4, rel=0.25)
    assert mean["mate", "D"] == pytest.approx(8, rel=0.25)
    opening = rows[(rows["store"] == "E") & (rows["item"] == "black")].sort_values("ds")["mean"].to_numpy()
    assert (opening[:6] == 0).all()
    assert opening[6:].mean() == pytest.approx(mean["black"][["A", "B", "C", "D"]].mean(), rel=0.25)
    assert (rows["low"] <= rows["mean"]).all()
    assert (rows.loc[rows["item"] == "mate", "sold_28d"] == 0).all()


def test_look_alikes_are_among_the_reasons(chain: Tables, tmp_path: Path) -> None:
    """The forecast of a new item says that its look-alikes speak for it; that of an established one does not."""
    policy = POLICY.model_copy(update={"model": "boosted"})
    learn_demand(*read(chain), day=DAY, policy=policy, folder=tmp_path)
    rows = demand_forecast(*read(chain), day=DAY, policy=policy, model=tmp_path).set_index(["store", "item"])
    codes = {key: [reason["code"] for reason in json.loads(rows.loc[key, "reasons"].iloc[0])] for key in rows.index}
    assert codes["A", "mate"][0] == "demand.because.lookalikes"
    assert "demand.because.lookalikes" not in codes["A", "black"]


def test_no_more_series_than_allowed(chain: Tables) -> None:
    """The established store-items come first, those of most sales before others."""
    panel = demand_panel(*read(chain), day=DAY, policy=POLICY.model_copy(update={"max_series": 16}))
    assert len(panel.ids) == 16
    assert not np.isnan(panel.y).all(axis=1).any()


def test_promoted_neighbours_are_told_when_asked_for(chain: Tables) -> None:
    """With `neighbours` on, the teas beside the promoted one know its share of the shelf ahead, in that store alone."""
    assert NEIGHBOURS not in demand_panel(*read(chain), day=DAY, policy=POLICY).known
    panel = demand_panel(*read(chain), day=DAY, policy=POLICY.model_copy(update={"neighbours": True}))
    share = pd.DataFrame(panel.known[NEIGHBOURS][:, -14:], index=panel.ids)
    np.testing.assert_allclose(share.loc["A\x1fgreen", :6], 1 / 3, atol=0.03)
    assert (share.loc["A\x1fgreen", 7:] == 0).all()
    assert (share.loc[["A\x1fblack", "B\x1fgreen"]] == 0).all(axis=None)
