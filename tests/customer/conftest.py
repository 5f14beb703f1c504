"""Members with habits, as tables in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.customer.profile import FACTS
from aislehub.schema import CONSENTS, CUSTOMERS, EVENTS, ITEMS, PROMOTIONS, SALES_LINES, STORES

DAY = date(2024, 6, 30)  # a Sunday
CONTRACTS = (SALES_LINES, ITEMS, CUSTOMERS, STORES, PROMOTIONS, EVENTS, CONSENTS)
ZONE = "Asia/Shanghai"
GOODS = [
    {"item": "milk", "category": "dairy", "private_label": True, "cost": 6.0},
    {"item": "cheese", "category": "dairy", "private_label": False, "cost": 20.0},
    {"item": "rice", "category": "grain", "private_label": False},
    {"item": "fuel", "category": "fuel", "is_sellable": False},
]
PRICES = {"milk": 10.0, "cheese": 40.0, "rice": 5.0, "fuel": 7.0, "unlisted": 3.0}


def line(customer: str | None, ago: int, item: str = "milk", **more: Any) -> dict[str, Any]:
    """A line of a receipt `ago` days before the day, at ten in the morning in Shanghai, at the shelf price."""
    day = DAY - timedelta(days=ago)
    row = {
        "store": "1", "receipt": f"{customer}-{ago}", "line": item, "day": day, "item": item, "customer": customer,
        "sold_at": datetime(day.year, day.month, day.day, 2, tzinfo=UTC), "quantity": 1.0, "amount": PRICES[item],
        "discount": 0.0, "price": PRICES[item],
    }  # fmt: skip
    return row | more


def house(**rows: Iterable[Mapping[str, Any]]) -> Tables:
    """Tables with these facts beside four items and one store."""
    tables = Tables(None, {contract.name: contract for contract in CONTRACTS}, ZONE)
    for name, some in {"items": GOODS, "stores": [{"store": "1"}], **rows}.items():
        add(tables, name, some)
    return tables


def add(tables: Tables, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append rows that keep their contract."""
    given = list(rows)
    names = dict.fromkeys(column for row in given for column in row)
    checked = tables.contract(name).check(pa.Table.from_pylist([{n: row.get(n) for n in names} for row in given]))
    assert checked.rejected.num_rows == 0, checked.rejected
    tables.append(name, checked.good)


def facts(tables: Tables, day: date = DAY) -> list[Any]:
    """What a profile is made of, as of a day."""
    return [tables.read(name, as_of=day) for name in FACTS.split()]


def regulars(members: int, days: int, seed: int) -> list[dict[str, Any]]:
    """Members who shop at their own pace, some of whom stop one day."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(members):
        gap = random.gamma(2.0, 4.0) + 1
        ago, end = float(days - random.integers(0, 20)), random.choice([0, random.integers(1, days)], p=[0.7, 0.3])
        while ago >= end:
            item = str(random.choice(["milk", "cheese", "rice"]))
            off = float(random.random() < 0.3) * 0.2 * PRICES[item]
            rows.append(line(f"m{number:04d}", int(ago), item, amount=PRICES[item] - off, discount=off))
            ago -= max(random.exponential(gap), 1.0)
    return rows


@pytest.fixture(scope="session")
def busy() -> Tables:
    """400 members, 300 days."""
    tables = house()
    add(tables, "sales_lines", regulars(400, 300, seed=1))
    return tables
