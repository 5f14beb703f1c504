"""Nothing about a single person reaches a price: read from the wiring, and proved by taking the persons away."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.contract import Contract
from aislehub.core.day import run_day
from aislehub.core.registry import Registry, collect, registry
from aislehub.core.tables import Tables
from aislehub.demand.daily import Policy as DemandPolicy
from aislehub.price.elasticity import Policy as ElasticityPolicy
from aislehub.price.pricing import Policy

FIRST, DAY = date(2025, 6, 2), date(2026, 3, 1)
STORES = [f"s{number}" for number in range(4)]
ITEMS = ["milk", "cream", "tea"]


def upstream(house: Registry) -> Registry:
    """The part of a house that price decisions come from: every step whose result they read, at whatever remove."""
    producers, wanted, found = house.producers(), ["price_changes"], []
    while wanted:
        step = producers.get(wanted.pop())
        if step is not None and step not in found:
            found.append(step)
            wanted += house.inputs(step)
    models = {step.model for step in found}
    learns = {name: learn for name, learn in house.learns.items() if name in models}
    return replace(house, steps=[step for step in house.steps if step in found], learns=learns)


def without_persons(contract: Contract) -> Contract:
    """The same promise without the columns that stand for a person."""
    own = tuple(column for column in contract.columns if not column.person and column.name != "known_at")
    return replace(contract, columns=own)


def facts(buyer: Callable[[int], str]) -> dict[str, list[dict[str, Any]]]:
    """Nine months of a small chain whose prices move every other week; `buyer` says who bought a line."""
    rng = np.random.default_rng(3)
    known = datetime(2025, 1, 1, tzinfo=UTC)
    sales: list[dict[str, Any]] = []
    prices: list[dict[str, Any]] = []
    for store in STORES:
        for item in ITEMS:
            price = 2.0
            for number in range((DAY - FIRST).days + 1):
                day = FIRST + timedelta(days=number)
                if number % 14 == 0:
                    price = round(2.0 * float(np.exp(rng.uniform(-0.15, 0.15))), 2)
                    prices.append({"store": store, "item": item, "kind": "regular", "valid_from": day, "price": price,
                                   "source": "price list", "known_at": known})  # fmt: skip
                units = int(rng.poisson(9 * (price / 2.0) ** -3.5))
                if units:
                    sales.append({
                        "store": store, "receipt": f"{day}{item}", "line": "1", "item": item, "day": day,
                        "sold_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "quantity": float(units),
                        "amount": units * price, "price": price, "customer": buyer(len(sales)),
                    })  # fmt: skip
    items = [{"item": item, "category": "food", "department": "grocery", "cost": 1.0, "is_sellable": True,
              "known_at": known} for item in ITEMS]  # fmt: skip
    stores = [{"store": store, "country": "CN", "known_at": known} for store in STORES]
    return {"sales_lines": sales, "prices": prices, "items": items, "stores": stores}


def decided(
    house: Registry, contracts: dict[str, Contract], given: dict[str, list[dict[str, Any]]], folder: Path
) -> list[dict[str, Any]]:
    """Price changes of the day."""
    tables = Tables(None, contracts)
    for name, rows in given.items():
        checked = contracts[name].check(pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))
        assert not checked.rejected.num_rows
        tables.append(name, checked.good)
    policies = {
        "demand": DemandPolicy(model="seasonal_mean"), "elasticity": ElasticityPolicy(),
        "price": Policy(least_money=0.0, hold_days=1),
    }  # fmt: skip
    report = run_day(tables, DAY, house, folder=folder, policies=policies, currency="CNY")
    assert [step for step in report.steps if step.state != "ran"] == []
    return tables.fetch("price_changes").to_pylist()


def test_no_table_that_prices_are_made_of_names_a_person() -> None:
    """The tables that the decision itself reads have no person's column; of the steps before it, all write none."""
    house = upstream(registry())
    (decision,) = (step for step in house.steps if step.writes.name == "price_changes")
    assert [name for name in decision.reads if house.contracts[name].persons] == []
    assert [step.writes.name for step in house.steps if step.writes.persons] == []
    named = {name for step in house.steps for name in house.inputs(step) if house.contracts[name].persons}
    assert named <= {"sales_lines"}  # who bought stands beside what was bought; the next test takes it away


@pytest.fixture(scope="module")
def house() -> Registry:
    """The part of the house that prices come from."""
    modules = ("aislehub.schema", "aislehub.demand.daily", "aislehub.price.elasticity", "aislehub.price.pricing",
               "aislehub.price.sold", "aislehub.supply.state", "aislehub.supply.ages")  # fmt: skip
    return upstream(collect(map(importlib.import_module, modules)))


def test_prices_are_the_same_without_the_persons(house: Registry, tmp_path: Path) -> None:
    """With the members' columns taken out of every table, every step still runs and decides the very same prices.

    A step that so much as looked at such a column would fail here, and one whose result moved with it would differ.
    """
    given = facts(lambda line: f"member {line % 7}")
    whole = decided(house, house.contracts, given, tmp_path / "whole")
    assert len(whole) >= 2
    read = {name for step in house.steps for name in house.inputs(step)}
    bare = dict(house.contracts) | {name: without_persons(house.contracts[name]) for name in read}
    nobody = {
        name: [{column: value for column, value in row.items() if column != "customer"} for row in rows]
        for name, rows in given.items()
    }
    assert decided(house, bare, nobody, tmp_path / "bare") == whole


def test_prices_are_the_same_whoever_buys(house: Registry, tmp_path: Path) -> None:
    """The same receipts in other people's hands bring the same prices."""
    one = decided(house, house.contracts, facts(lambda line: "the only member"), tmp_path / "one")
    assert one and one == decided(house, house.contracts, facts(str), tmp_path / "each")
