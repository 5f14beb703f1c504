"""Policies live in the twin by the hub's own day, from tables alone."""

from __future__ import annotations

import ast
import gc
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import aislehub.twin.office
from aislehub import schema
from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError
from aislehub.core.registry import collect, registry
from aislehub.core.step import step
from aislehub.twin.chain import Chain, Outcome
from aislehub.twin.live import ORDER_WEEKDAYS, Twin, live, warmed
from aislehub.twin.office import Office, needed
from aislehub.twin.policy import TODAY, Policy
from aislehub.twin.rules import Books
from aislehub.twin.world import Family, World

HUB = Policy("hub", replenish="hub", settings={"demand": {"model": "seasonal_mean"}})
WARM = 63


@pytest.fixture(scope="module")
def warm() -> Twin:
    """A small chain after nine weeks under today's rules."""
    return warmed(World.make("heterogeneous", stores=2, items=24, seed=3), 3, WARM)


@pytest.fixture(scope="module")
def offices() -> list[Office]:
    """Every office that was opened in this module, in order."""
    return []


@pytest.fixture(scope="module")
def by_hub(warm: Twin, offices: list[Office]) -> list[Outcome]:
    """Nine days on which the hub orders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aislehub.twin.live.Office", lambda *given: offices.append(Office(*given)) or offices[-1])
        return live(warm.fork(), HUB, 9, registry())


def test_the_hub_orders_in_the_twin(by_hub: list[Outcome]) -> None:
    """The hub's orders are placed on the mornings on which the stores order, and only then."""
    ordered = [outcome.ordered.sum() > 0 for outcome in by_hub]
    assert ordered == [str(outcome.day.isoweekday()) in ORDER_WEEKDAYS for outcome in by_hub]


def test_orders_are_those_that_the_hub_decided(by_hub: list[Outcome], offices: list[Office]) -> None:
    """Each morning's orders are the rows of the decision table of the evening before, cell by cell."""
    orders = offices[0].tables.fetch("orders").to_pandas()
    last = next(outcome for outcome in reversed(by_hub) if outcome.ordered.any())
    mine = orders[orders["day"] == orders["day"].max()]
    assert (last.day - orders["day"].max()).days == 1
    assert mine["quantity"].sum() == last.ordered.sum()


def reachable(start: Any) -> set[type]:
    """Types of everything that an object leads to, without modules, classes and functions."""
    skipped = (type, type(gc), type(reachable))
    seen: dict[int, Any] = {}
    waiting = [start]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and not isinstance(one, skipped):
            seen[id(one)] = one
            waiting += gc.get_referents(one)
    return {type(one) for one in seen.values()}


def test_nothing_that_decides_can_reach_the_truth(by_hub: list[Outcome], offices: list[Office]) -> None:
    """From the tables that `run_day` is given no reference leads to the world, the chain or an outcome."""
    found = reachable(offices[0].tables)
    assert len(found) > 20
    assert found & {World, Family, Chain, Outcome, Twin} == set()
    assert reachable({"twin": by_hub}) >= {Outcome}  # the search finds what there is


def test_the_office_does_not_know_the_twin() -> None:
    """The module that runs the hub's day imports nothing of the twin."""
    source = Path(aislehub.twin.office.__file__).read_text(encoding="utf-8")
    imported = [node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    assert imported and not any(module.startswith("aislehub.twin") for module in imported)


def test_the_tables_of_the_hub_hold_only_what_a_chain_knows(by_hub: list[Outcome], offices: list[Office]) -> None:
    """Facts in the office's tables are those of contracts; no column is called by a name of the truth."""
    tables = offices[0].tables
    filled = {name: tables.fetch(name) for name in tables.contracts if tables.version(name) >= 0}
    assert {"sales_lines", "stock", "items", "lead_times", "orders"} <= set(filled)
    columns = {column for rows in filled.values() for column in rows.column_names}
    assert not columns & {"elasticity", "cross", "lost", "moved", "pantry", "rate", "promotion_lift"}


def test_rules_see_books_and_no_truth() -> None:
    """Today's rules are given `Books`: what was sold and is in stock, not what was wanted."""
    assert {"demand", "lost", "elasticity", "rate"} & set(Books.__annotations__) == set()


def test_policies_that_act_alike_live_alike(warm: Twin) -> None:
    """Today's rules under another name bring exactly the same days: chance is shared."""
    first = live(warm.fork(), TODAY, 15)
    again = live(warm.fork(), Policy("the same"), 15)
    assert all(np.array_equal(a.profit, b.profit) and np.array_equal(a.stock, b.stock)
               for a, b in zip(first, again, strict=True))  # fmt: skip


def test_a_policy_changes_only_what_it_decides(warm: Twin) -> None:
    """Without promotions nothing is in a leaflet; with regular prices nothing else is asked."""
    plain = live(warm.fork(), Policy("plain", price="regular", promotion="none", weeks_of_cover=3), 28)
    # The offer of the first week had been announced before.
    assert not any(outcome.promoted.any() for outcome in plain[7:])
    assert all(np.array_equal(outcome.price, warm.chain.world.regular_price) for outcome in plain[7:])
    usual = live(warm.fork(), TODAY, 28)
    assert any(outcome.promoted.any() for outcome in usual[7:])
    assert sum(o.stock.sum() for o in plain) > sum(o.stock.sum() for o in usual)


NO_MONEY = {
    "action": "{}", "baseline": "{}", "reasons": "[]", "bound": "none", "money": 0.0, "money_low": 0.0,
    "money_high": 0.0, "horizon_days": 1,
}  # fmt: skip

LISTED = Contract(
    "price_changes", "Prices of a small hub of our own", (Column("price", "float", "Price", "money", low=0),),
    key="day store subject", decision=True,
)  # fmt: skip


@step(reads="prices", writes=LISTED)
def ten_percent_up(prices: Any, *, day: date) -> pd.DataFrame:
    """The first item of every store at a tenth above its last regular price."""
    rows = prices.filter(prices.kind == "regular", prices.item == "i00001").to_pandas().sort_values("valid_from")
    last = rows.groupby("store", as_index=False)["price"].first()
    return last.assign(subject="i00001", price=1.1 * last["price"], **NO_MONEY)


def test_prices_are_asked_as_the_hub_decides(warm: Twin) -> None:
    """Where the hub decides prices, the rows of its decision table are the next morning's; other items keep theirs."""
    own = collect([schema, ModuleType("own")])
    own = replace(own, steps=[ten_percent_up], contracts=own.contracts | {"price_changes": LISTED})
    lived = live(warm.fork(), Policy("own", price="hub", promotion="none"), 14, own)
    regular, last = warm.chain.world.regular_price, lived[-1].price
    assert np.allclose(last[:, 0], 1.1 * regular[:, 0])
    assert np.array_equal(last[:, 1:], warm.prices[:, 1:])


class ClearsOnce:
    """Decides once: the first item of every store at 0.20 until three days from then."""

    reads: frozenset[str] = frozenset()

    def __init__(self, stores: tuple[str, ...]) -> None:
        self.stores = stores
        self.last: date | None = None

    def tell(self, rows: Any) -> None:
        """Nothing that it is told matters to it."""

    def decide(self, day: date) -> dict[str, pa.Table]:
        """The clearance on the first evening, nothing after it."""
        if self.last is not None:
            return {}
        self.last = day + timedelta(days=3)
        rows = [{"store": name, "subject": "i00001", "price": 0.2, "expires": self.last} for name in self.stores]
        return {"price_changes": pa.Table.from_pylist(rows)}


def test_a_clearance_price_goes_with_its_goods(warm: Twin) -> None:
    """Asked from the next morning until the goods expire; the day after, the shelf has its price from before."""
    office = ClearsOnce(tuple(warm.chain.world.stores))
    lived = live(warm.fork(), Policy("own", price="hub", promotion="none"), 14, office=office)
    assert office.last is not None
    for outcome in lived:
        cleared = office.last - timedelta(days=3) < outcome.day <= office.last
        assert np.array_equal(outcome.price[:, 0] == 0.2, np.full(2, cleared)), outcome.day
    assert np.array_equal(lived[-1].price[:, 0], warm.prices[:, 0])


PLANNED = Contract(
    "promotion_plan", "Offers of a small hub of our own",
    (Column("depth", "float", "Discount", "fraction", low=0), Column("starts", "date", "First day"),
     Column("ends", "date", "Last day")),
    key="day store subject", decision=True,
)  # fmt: skip


@step(reads="stores", writes=PLANNED)
def third_off(stores: Any, *, day: date) -> pd.DataFrame:
    """The second item of every store at 30 % off in the week that begins eight to fourteen days from now."""
    starts = day + timedelta(days=8 + (6 - day.weekday()) % 7)
    rows = stores.select("store").to_pandas()
    return rows.assign(subject="i00002", depth=0.3, starts=starts, ends=starts + timedelta(days=6), **NO_MONEY)


def test_offers_are_made_as_the_hub_plans_them(warm: Twin) -> None:
    """A planned week is announced once, then lived: in the leaflet, at the discount, from its first day to its last."""
    own = collect([schema, ModuleType("own")])
    own = replace(own, steps=[third_off], contracts=own.contracts | {"promotion_plan": PLANNED})
    twin = warm.fork()
    lived = live(twin, Policy("own", price="regular", promotion="hub"), 28, own)
    starts = [offer.starts for offer in twin.offers if offer.starts > warm.chain.today + timedelta(days=7)]
    assert starts and len(starts) == len(set(starts)) and {day.weekday() for day in starts} == {0}
    cheap = 0.7 * warm.chain.world.regular_price[:, 1]
    for outcome in lived:
        if any(0 <= (outcome.day - day).days <= 6 for day in starts):
            assert outcome.promoted[:, 1].all() and not outcome.promoted[:, 2:].any()
            assert np.allclose(outcome.price[:, 1], cheap, atol=0.006)


def test_only_the_steps_that_matter_are_run() -> None:
    """For orders the hub needs its forecast and its supply state, not its key figures."""
    steps = {step.name for step in needed(registry(), ["orders"]).steps}
    assert {"demand_forecast", "supply_state", "replenish"} <= steps
    assert "key_figures" not in steps


def test_a_decision_that_no_step_writes_is_refused(warm: Twin) -> None:
    """A policy that leaves to the hub what it cannot decide says so."""
    with pytest.raises(HubError, match="No step of this hub writes nothing_known"):
        needed(registry(), ["nothing_known"])


def test_a_wrong_setting_stops_the_run(warm: Twin) -> None:
    """A setting that the hub's step does not know is told, with the step and the day."""
    wrong = Policy("wrong", replenish="hub", settings={"replenish": {"service_levl": 0.9}})
    with pytest.raises(HubError, match="service_level"):
        live(warm.fork(), wrong, 3, registry())
