"""Orders of a warehouse rest on the whole echelon: its own stock, its stores' and what is on the way."""

import json
from datetime import date, timedelta
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pytest

from aislehub import schema
from aislehub.core.book import Filter
from aislehub.core.day import run_day
from aislehub.core.ledger import Ledger
from aislehub.core.reasons import sentence, wrong_facts
from aislehub.core.registry import collect
from aislehub.core.state import open_state
from aislehub.core.step import step
from aislehub.core.tables import Tables
from aislehub.schema import DEMAND_FORECAST
from aislehub.supply import ages, allocation, first_delivery, replenish, state, warehouse
from aislehub.supply.replenish import Policy

DAY = date(2017, 12, 3)  # a Sunday
STORES = [{"store": "1"}, {"store": "2"}, {"store": "W", "kind": "warehouse"}]


def chain(on_hand=20.0, on_order=0.0, in_stores=(12.0, 12.0), terms=None, **changed):
    """Two stores that get milk from the warehouse `W`, which gets it from `DAIRY` in five days."""
    held = {"1": in_stores[0], "2": in_stores[1], "W": on_hand}
    stock = [
        {"store": store, "item": "milk", "day": DAY, "on_hand": units, "on_order": on_order if store == "W" else 0.0}
        for store, units in held.items()
    ]
    leads = [{"store": store, "item": "milk", "supplier": "W", "lead_days": 2.0} for store in ("1", "2")]
    leads.append({"store": "W", "item": "milk", "supplier": "DAIRY", "lead_days": 5.0} | (terms or {}))
    return {"stock": stock, "lead_times": leads, "stores": STORES} | changed


@pytest.fixture
def order(supply_day, forecast):
    """Makes the one warehouse order of a chain."""

    def make(policy=None, **facts):
        made = supply_day(policy, forecast(stores=("1", "2")), **chain(**facts))["warehouse_orders"]
        return made.iloc[0]

    return make


def test_the_order_fills_the_echelon(order):
    """The order brings warehouse, stores and goods on the way up to the level; it arrives in five days."""
    row = order()
    assert (row["on_hand"], row["in_stores"], row["stores"], row["supplier"]) == (20, 24, 2, "DAIRY")
    assert row["quantity"] == row["order_up_to"] - 44
    assert row["demand"] == pytest.approx(2 * 4 * 9)  # 4 a day for 6 days until the warehouse and 3 until the store
    assert (row["arrives"], row["cover_days"], row["bound"]) == (DAY + timedelta(days=6), 9, "none")


@pytest.mark.parametrize("more", [{"on_hand": 30.0}, {"on_order": 10.0}, {"in_stores": (22.0, 12.0)}])
def test_a_unit_counts_wherever_it_is(more, order):
    """Ten units more, in the warehouse, on the way to it or in a store, are ten units less to order."""
    assert order()["quantity"] - order(**more)["quantity"] == 10


def test_what_a_store_cannot_sell_does_not_count(order):
    """Stock that lies in one store beyond what it can sell in time serves no other store."""
    assert order(in_stores=(4000.0, 12.0))["quantity"] > 0


def test_dear_stores_keep_stock_back(order):
    """The cheaper the warehouse is beside the stores, the more stock the echelon holds."""
    cheap, dear = (order(Policy(warehouse_holding=share))["order_up_to"] for share in (0.1, 0.95))
    assert cheap > dear


@pytest.mark.parametrize(
    ("terms", "bound"),
    [({"case_pack": 48.0}, "case_pack"), ({"moq": 300.0}, "moq"), ({"shelf_life_days": 1.0}, "shelf_life")],
)
def test_limits_bind_by_name(terms, bound, order):
    """The supplier's terms of the warehouse reach the limit of their name."""
    row = order(terms=terms)
    assert row["bound"] == bound
    assert row["quantity"] % terms.get("case_pack", 1) == 0


def test_money_is_beside_todays_rule(order):
    """The baseline is weeks of the stores' sales in the warehouse; the interval of the money encloses it."""
    row = order()
    baseline = json.loads(row["baseline"])
    assert baseline["name"] == "weeks_of_cover"
    assert baseline["quantity"] == pytest.approx(28 * 8 - 20, abs=25)
    assert row["money_low"] <= row["money"] <= row["money_high"]
    assert json.loads(order(Policy(baseline="nothing"))["baseline"]) == {"name": "nothing", "quantity": 0}


def test_reasons_read_in_both_languages(order):
    """The reasons name stores, demand and stock, in English and Chinese."""
    reasons = json.loads(order()["reasons"])
    told = {lang: " ".join(sentence(reason, lang) for reason in reasons) for lang in ("en", "zh")}
    assert "2 stores are expected to sell 72 units in the 9 days" in told["en"]
    assert "20 in the warehouse, 0 on order, 24 in the stores" in told["en"]
    assert "2 家门店预计售出 72 件" in told["zh"]


def test_a_chain_without_warehouses_has_nothing_to_order(supply_day, forecast):
    """Where no place is a warehouse, state, allotments and orders of warehouses are empty."""
    made = supply_day(
        demand=forecast(stores=("1", "2")), **chain(stores=[{"store": "1"}, {"store": "2"}, {"store": "W"}])
    )
    assert made["warehouse_state"].empty and made["allotments"].empty and made["warehouse_orders"].empty
    assert not made["orders"].empty


@pytest.mark.parametrize(
    "facts",
    [
        {"stock": [row for row in chain()["stock"] if row["store"] != "W"]},
        {
            "stock": [
                row | ({"day": DAY - timedelta(days=30)} if row["store"] == "W" else {}) for row in chain()["stock"]
            ]
        },
        {"stores": [*STORES[:2], STORES[2] | {"closed": DAY - timedelta(days=1)}]},
        {"lead_times": [row | ({} if row["store"] == "W" else {"supplier": "D"}) for row in chain()["lead_times"]]},
    ],
)
def test_a_warehouse_of_no_use_is_left_out(facts, supply_day, forecast):
    """A warehouse of unknown or old stock, closed or serving nobody, neither orders nor cuts orders."""
    made = supply_day(demand=forecast(stores=("1", "2")), **chain(**facts))
    assert made["warehouse_orders"].empty and made["allotments"].empty
    assert len(made["orders"]) == 2


def test_without_terms_it_shares_out_but_does_not_order(supply_day, forecast):
    """A warehouse whose own terms of supply are unknown still cuts its stores' orders to what it has."""
    facts = chain(on_hand=3.0, in_stores=(0.0, 0.0))
    facts["lead_times"] = facts["lead_times"][:2]
    made = supply_day(demand=forecast(stores=("1", "2")), **facts)
    assert made["warehouse_orders"].empty
    assert made["orders"]["quantity"].sum() == 3


def test_a_business_day_plans_warehouse_and_stores(sales, tmp_path):
    """From facts to the ledger: warehouses order, short orders are cut, new items start; every stated fact is true."""

    @step(reads="stores", writes=DEMAND_FORECAST)
    def forecast(stores, *, day):
        ahead = range(1, 29)
        return pd.DataFrame(
            {"store": store, "item": "milk", "ds": day + timedelta(days=n), "mean": 4.0, "low": 0.0, "high": 8.0,
             "total_mean": 4.0 * n, "total_sd": 2.0 * n**0.5}
            for store in ("1", "2") for n in ahead
        )  # fmt: skip

    facts = chain(on_hand=3.0, in_stores=(0.0, 0.0))
    facts["stock"].append({"store": "W", "item": "oat milk", "day": DAY, "on_hand": 60.0, "on_order": 0.0})
    facts["lead_times"] += [{"store": s, "item": "oat milk", "supplier": "W", "lead_days": 2.0} for s in ("1", "2")]
    facts["sales_lines"] = sales(items=("milk",))
    facts["items"] = [{"item": item, "category": "MILK"} for item in ("milk", "oat milk")]
    found = collect(
        [schema, state, ages, warehouse, allocation, first_delivery, replenish, SimpleNamespace(forecast=forecast)]
    )
    tables = Tables(None, found.contracts)
    for name, rows in facts.items():
        checked = found.contracts[name].check(pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))
        assert not checked.rejected.num_rows
        tables.append(name, checked.good)
    ledger = Ledger(open_state("", tmp_path))
    report = run_day(tables, DAY, found, folder=tmp_path, ledger=ledger, home=tmp_path)
    assert not report.failed
    decisions = ledger.find(Filter(day=DAY))
    assert {decision["kind"] for decision in decisions} == {"orders", "warehouse_orders", "first_deliveries"}
    orders = [decision for decision in decisions if decision["kind"] == "orders"]
    assert sum(order["action"]["quantity"] for order in orders) == 3
    assert {order["bound"] for order in orders} == {"warehouse"}
    assert [fact for decision in decisions for fact in wrong_facts(tables, decision, found.checks)] == []
