"""What the twin tells: whole tables that keep their contracts, marked, and without the truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import fields

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.registry import registry
from aislehub.twin.chain import Outcome
from aislehub.twin.emit import DAILY, of_day
from aislehub.twin.live import Twin, warmed
from aislehub.twin.live import told as all_told
from aislehub.twin.world import World

STORES, ITEMS, DAYS = 4, 40, 30


@pytest.fixture(scope="module")
def lived() -> Twin:
    """A chain after a month of today's rules."""
    return warmed(World.make("heterogeneous", stores=STORES, items=ITEMS, seed=5), 5, DAYS)


@pytest.fixture(scope="module")
def told(lived: Twin) -> dict[str, pa.Table]:
    """Everything that this chain has told."""
    parts = defaultdict(list)
    for piece in all_told(lived):
        for name, rows in piece.items():
            parts[name].append(rows)
    return {name: pa.concat_tables(tables) for name, tables in parts.items()}


def test_every_row_keeps_its_contract_and_says_that_it_is_simulated(told: dict[str, pa.Table]) -> None:
    """No row is rejected, no key comes twice, references lead somewhere, and each row is marked."""
    keys = {name: set(told[name][name.removesuffix("s")].to_pylist()) for name in ("stores", "items")}
    for name, rows in told.items():
        contract = registry().contracts[name]
        checked = contract.check(rows, known=keys)
        assert checked.rejected.num_rows == 0, checked.rejected.slice(0, 1).to_pylist()
        assert set(checked.good["source"].to_pylist()) == {"simulated"}
        counted = checked.good.group_by(list(contract.keys)).aggregate([([], "count_all")])
        assert counted.num_rows == checked.good.num_rows > 0, name
        assert checked.good["known_at"].null_count == 0


def test_every_table_of_a_chain_is_told(told: dict[str, pa.Table]) -> None:
    """Sales, stock, deliveries, prices, offers, weather, doors and the app's log: all that a real chain has."""
    wanted = {"stores", "items", "calendar", "lead_times", "customers", "promotions", *DAILY}
    assert set(told) == wanted
    assert {
        "sales_lines",
        "receipts",
        "stock",
        "prices",
        "competitor_prices",
        "weather",
        "footfall",
        "events",
    } <= wanted


def test_no_column_tells_the_truth(told: dict[str, pa.Table]) -> None:
    """Parameters of the world, and demand that was not served, are in no table."""
    secret = {one.name for one in fields(World)} | {"demand", "lost", "moved", "pantry", "profit"}
    own = {"category", "department", "region", "cost", "lead_days", "competitor", "visitors"}  # a chain knows these
    assert {column for rows in told.values() for column in rows.column_names} & (secret - own) == set()


def test_tables_add_up_to_what_happened(lived: Twin, told: dict[str, pa.Table]) -> None:
    """Units on receipts are the units sold, money the money taken, stock and deliveries those of the chain."""
    lines = told["sales_lines"].to_pandas()
    sold = sum(outcome.sold.sum() for outcome in lived.past)
    assert lines["quantity"].sum() == sold
    assert lines["amount"].sum() == pytest.approx(sum(outcome.revenue.sum() for outcome in lived.past), rel=1e-3)
    assert (lines["price"] * lines["quantity"] - lines["discount"] - lines["amount"]).abs().max() < 0.011
    stock = told["stock"].to_pandas()
    assert stock.loc[stock["day"] == lived.past[-1].day, "on_hand"].sum() == lived.past[-1].stock.sum()
    assert told["receipts"].to_pandas()["quantity"].sum() == sum(outcome.received.sum() for outcome in lived.past)
    visitors = told["footfall"].to_pandas().groupby("day")["visitors"].sum()
    assert np.array_equal(visitors, [outcome.footfall.sum() for outcome in lived.past])


def test_receipts_are_those_of_visitors(told: dict[str, pa.Table]) -> None:
    """A receipt has one moment and one buyer, and no store has more receipts than visitors."""
    lines = told["sales_lines"].to_pandas()
    receipts = lines.groupby(["store", "receipt"])
    assert receipts["sold_at"].nunique().max() == 1 and receipts["customer"].nunique().max() <= 1
    visitors = told["footfall"].to_pandas().groupby(["store", "day"])["visitors"].sum()
    count = lines.groupby(["store", "day"])["receipt"].nunique()
    assert (count <= visitors.reindex(count.index)).mean() > 0.99
    assert 2 < len(lines) / receipts.ngroups < 8


def test_the_shelf_price_can_be_read_from_the_tables(lived: Twin, told: dict[str, pa.Table]) -> None:
    """The last regular price, or the sale price that holds, is what was asked on any day."""
    prices = told["prices"].to_pandas()
    regular = prices[prices["kind"] == "regular"].sort_values("valid_from")
    sale = prices[prices["kind"] == "sale"]
    for outcome in lived.past[::7]:
        day = outcome.day
        asked = regular[regular["valid_from"] <= day].groupby(["store", "item"])["price"].last()
        held = sale[(sale["valid_from"] <= day) & (sale["valid_to"] >= day)].set_index(["store", "item"])["price"]
        asked.update(held.clip(upper=asked.reindex(held.index)))
        assert np.allclose(asked.sort_index().to_numpy(), outcome.price.ravel())


def test_the_app_log_leads_to_purchases(told: dict[str, pa.Table]) -> None:
    """What was bought by app was viewed and put in the cart before; most visits end without a purchase."""
    events = told["events"].to_pandas()
    kinds = Counter(events["kind"])
    assert kinds["view"] > kinds["cart"] > kinds["purchase"] > 0
    first = events.pivot_table(index=["session", "item"], columns="kind", values="at", aggfunc="min")
    bought = first[first["purchase"].notna()]
    assert (bought["view"] < bought["cart"]).all() and (bought["cart"] < bought["purchase"]).all()
    app = told["sales_lines"].to_pandas().query("channel == 'app'")
    assert app["quantity"].sum() == events.loc[events["kind"] == "purchase", "quantity"].sum()
    sessions = events.groupby("session")["kind"].agg(set)
    assert sessions.map(lambda kinds: "purchase" in kinds).mean() < 0.5


def test_telling_changes_nothing(lived: Twin) -> None:
    """The same day told twice is the same, and what is told does not move what happens next."""
    world, last = lived.chain.world, lived.past[-1]
    first, again = (of_day(world, 5, last, lived.past[-2]) for _ in range(2))
    assert all(first[name].equals(again[name]) for name in first)
    only = of_day(world, 5, last, lived.past[-2], {"stock"})
    assert list(only) == ["stock"] and only["stock"].equals(first["stock"])


def test_weather_forecasts_lean_on_today() -> None:
    """The forecast of tomorrow's warmth errs less than the usual temperature of the season does."""
    past: list[Outcome] = warmed(World.make("heterogeneous", stores=2, items=5, seed=1), 1, 200).past
    told = pd.DataFrame([(one.temperature_tomorrow[0], one.temperature[0]) for one in past], columns=["told", "was"])
    usual = told["was"].rolling(21, center=True).mean()
    missed = (told["told"].shift(1) - told["was"]).abs().mean()
    assert missed < (usual - told["was"]).abs().mean()
