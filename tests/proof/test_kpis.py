"""Key figures are right on a case counted by hand, and see only what was known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import aislehub.schema as schema
from aislehub.core.tables import Tables
from aislehub.core.text import sentences
from aislehub.proof.kpis import CHAIN, KPIS, UNITS, Policy, key_figures

DAY = date(2017, 3, 10)
KNOWN = datetime(2017, 1, 1, tzinfo=UTC)
CONTRACTS = {contract.name: contract for contract in (getattr(schema, name) for name in schema.__all__)}


def line(store: str, receipt: str, item: str, quantity: float, amount: float, **more: Any) -> dict[str, Any]:
    """A sales line of the day, or of `ago` days before."""
    day = DAY - timedelta(days=more.pop("ago", 0))
    sold_at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)
    row = {"store": store, "receipt": receipt, "line": item, "sold_at": sold_at, "day": day, "item": item}
    return row | {"quantity": quantity, "amount": amount} | more


LINES = [
    line("1", "r1", "milk", 2, 4.0, customer="ann", discount=1.0),
    line("1", "r1", "ham", 0.5, 6.0, customer="ann", discount=0.0),
    line("1", "r2", "milk", 1, 2.0),
    line("1", "r3", "milk", -1, -2.0, customer="ann"),
    line("1", "r4", "petrol", 40, 60.0, customer="ann"),
    line("1", "r0", "milk", 1, 2.0, customer="ann", ago=20),
    line("2", "r1", "milk", 3, 6.0, customer="bob"),
    line("2", "r0", "milk", 1, 2.0, customer="ann", ago=40),
    line("2", "day", "milk", 10, 20.0, source="daily total", ago=2),
]
ITEMS = [
    {"item": "milk", "cost": 1.0, "tax_rate": 0.25, "known_at": KNOWN},
    {"item": "ham", "unit": "kg", "known_at": KNOWN},
    {"item": "petrol", "cost": 1.0, "is_sellable": False, "known_at": KNOWN},
]
STOCK = [
    {"store": "1", "item": "milk", "day": DAY, "on_hand": 0.0},
    {"store": "1", "item": "ham", "day": DAY, "on_hand": 3.0},
    {"store": "2", "item": "milk", "day": DAY, "on_hand": -1.0},
    {"store": "2", "item": "milk", "day": DAY - timedelta(days=1), "on_hand": 5.0},
]
NOON = datetime(2017, 3, 10, 12, tzinfo=UTC)
FOOTFALL = [
    {"store": "1", "zone": "entrance", "at": NOON, "minutes": 60.0, "day": DAY, "visitors": 8.0},
    {"store": "1", "zone": "bakery", "at": NOON, "minutes": 60.0, "day": DAY, "visitors": 99.0},
]


@pytest.fixture
def tables() -> Tables:
    """Two stores, a few receipts."""
    house = Tables(None, CONTRACTS)
    for name, rows in (("sales_lines", LINES), ("items", ITEMS), ("stock", STOCK), ("footfall", FOOTFALL)):
        append(house, name, rows)
    return house


def append(house: Tables, name: str, rows: list[dict[str, Any]]) -> None:
    """Add facts."""
    names = {key: None for row in rows for key in row}
    table = pa.table({key: [row.get(key) for row in rows] for key in names})
    house.append(name, CONTRACTS[name].require(table))


def figures(house: Tables, day: date = DAY) -> dict[tuple[str, int], dict[str, float]]:
    """Figures by store and window."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for row in KPIS.require(key_figures.run(house, day=day, policy=Policy())).to_pylist():
        assert row["unit"] == UNITS[row["kpi"]]
        found.setdefault((row["store"], row["window_days"]), {})[row["kpi"]] = row["value"]
    return found


def test_a_store_on_one_day(tables: Tables) -> None:
    """Every figure of store 1, counted by hand: petrol is left out, ham counts as one unit and has no cost."""
    assert figures(tables)["1", 1] == pytest.approx(
        {
            "sales": 10.0,
            "baskets": 2,
            "average_order_value": 12.0 / 2,
            "units_per_basket": (2 + 1 + 1) / 2,
            "return_rate": 2.0 / 12.0,
            "discount_rate": 1.0 / 11.0,
            "margin": (4.0 + 2.0 - 2.0) / 1.25 - (2 + 1 - 1) * 1.0,
            "margin_rate": 1 - 2.0 / (4.0 / 1.25),
            "customers": 1,
            "member_share": 8.0 / 10.0,
            "stock_out_rate": 1 / 2,
            "visitors": 8,
            "conversion": 2 / 8,
        }
    )


def test_the_chain_counts_each_customer_once(tables: Tables) -> None:
    """Ann bought in both stores: two customers in the chain, not three; baskets of the same number are two."""
    chain = figures(tables)[CHAIN, 28]
    assert chain["customers"] == 2
    assert chain["baskets"] == 4
    assert chain["sales"] == pytest.approx(10.0 + 6.0 + 2.0 + 20.0)
    assert chain["stock_out_rate"] == pytest.approx(2 / 4)


def test_conversion_takes_counted_days_only(tables: Tables) -> None:
    """Store 2 counts no visitors, so its baskets are no part of the chain's conversion."""
    assert figures(tables)[CHAIN, 1]["conversion"] == pytest.approx(2 / 8)
    assert "conversion" not in figures(tables)["2", 1]


def test_repurchase(tables: Tables) -> None:
    """In 91 days Ann came back and Bob did not; in store 2 neither did."""
    found = figures(tables)
    assert found[CHAIN, 91] == {"repurchase_rate": 0.5}
    assert found["1", 91] == {"repurchase_rate": 1.0}
    assert found["2", 91] == {"repurchase_rate": 0.0}


def test_nothing_known_later_is_used(tables: Tables) -> None:
    """Later days, late returns and a cost that came later leave the figures of the day as they were."""
    before = figures(tables)
    late = DAY + timedelta(days=4)
    came = datetime.combine(late, datetime.min.time(), UTC)
    append(tables, "sales_lines", [line("1", "r9", "milk", 50, 100.0, ago=-1, customer="eve")])
    append(tables, "sales_lines", [line("1", "late", "milk", -1, -2.0, known_at=came)])
    append(tables, "items", [{"item": "milk", "cost": 1.5, "tax_rate": 0.25, "known_at": came}])
    append(tables, "stock", [{"store": "1", "item": "ham", "day": late, "on_hand": 0.0}])
    assert figures(tables) == before
    assert figures(tables, late)["1", 28] != before["1", 28]


def test_no_data_no_figures() -> None:
    """An empty house has no figures, and that is no error."""
    assert figures(Tables(None, CONTRACTS)) == {}


def test_every_figure_is_defined() -> None:
    """Each figure has its name and definition in both languages and on docs/kpis.md."""
    page = (Path(__file__).parents[2] / "docs" / "kpis.md").read_text(encoding="utf-8")
    for kpi in UNITS:
        for lang in ("en", "zh"):
            assert sentences(lang)[f"kpi.{kpi}"] in page
            assert sentences(lang)[f"kpi.{kpi}.help"] in page
