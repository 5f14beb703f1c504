"""A small chain on disk whose demand is known: level, week, displays and a price elasticity, all planted."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.hub import Hub
from aislehub.core.registry import collect
from aislehub.core.settings import HubSettings

FIRST, DAY = date(2024, 1, 1), date(2024, 7, 28)
ITEMS = {"milk": "dairy", "cream": "dairy", "yoghurt": "dairy", "tea": "drinks", "cola": "drinks", "juice": "drinks"}
STORES = ("A", "B", "C")
ELASTICITY, DISPLAY = -2.0, 1.6
WEEK = (0.8, 0.8, 0.9, 1.0, 1.2, 1.3, 1.0)
MODULES = ("aislehub.schema", "aislehub.demand.daily", "aislehub.demand.explain")


def open_house(home: Path) -> Hub:
    """The house in a folder, with the modules of demand only."""
    return Hub(home, HubSettings(), collect(map(importlib.import_module, MODULES)), "test")


def fill_chain(hub: Hub, *, source: str, seed: int = 0) -> None:
    """Two hundred days of sales; prices as of a price list or as `observed` on receipts."""
    random = np.random.default_rng(seed)
    days = pd.date_range(FIRST, DAY)
    weeks = days[::7]
    prices = {
        item: np.where(random.random(len(weeks)) < 0.4, random.uniform(1.4, 1.9, len(weeks)), 2.0) for item in ITEMS
    }
    shown = {(store, item): random.random(len(weeks)) < 0.2 for store in STORES for item in ITEMS}
    sales, tags, promotions = [], [], []
    for store in STORES:
        for at, item in enumerate(ITEMS):
            here = {"store": store, "item": item}
            level = 3.0 + 2 * at
            for n, start in enumerate(weeks):
                price = round(float(prices[item][n]), 2)
                known = pd.Timestamp(start, tz="UTC") - pd.Timedelta(days=28)
                tags.append(here | {"kind": "regular", "valid_from": start.date(), "price": price, "source": source,
                                    "known_at": known})  # fmt: skip
                if shown[store, item][n]:
                    promotions.append(_display(here, start.date()) | {"known_at": known})
            for n, day in enumerate(days):
                price = round(float(prices[item][n // 7]), 2)
                lift = DISPLAY if shown[store, item][n // 7] else 1.0
                sold = int(random.poisson(level * WEEK[n % 7] * lift * (price / 2.0) ** ELASTICITY))
                if sold:
                    sales.append(_line(here, day.date(), sold, price))
    promotions.append(_display({"store": "A", "item": "tea"}, DAY + timedelta(days=1)) | {"known_at": _at(FIRST)})
    _append(hub, "stores", [{"store": store, "known_at": _at(FIRST)} for store in STORES])
    _append(hub, "items", [{"item": item, "category": category, "cost": 1.2, "name": f"fine {item}",
                            "known_at": _at(FIRST)} for item, category in ITEMS.items()])  # fmt: skip
    holiday = {"day": DAY + timedelta(days=3), "region": "all", "event": "Founders' Day", "kind": "holiday"}
    fair = holiday | {"day": FIRST + timedelta(days=100), "event": "Fair"}
    _append(hub, "calendar", [special | {"known_at": _at(FIRST)} for special in (holiday, fair)])
    for table, rows in (("sales_lines", sales), ("prices", tags), ("promotions", promotions)):
        _append(hub, table, rows)


def _display(here: dict[str, str], start: date) -> dict[str, object]:
    return here | {"promotion": f"{start:%j}", "starts": start, "ends": start + timedelta(days=6), "display": "rear"}


def _line(here: dict[str, str], day: date, sold: int, price: float) -> dict[str, object]:
    row = {"receipt": str(day), "line": here["item"], "sold_at": _at(day), "day": day}
    return here | row | {"quantity": float(sold), "amount": sold * price, "price": price, "known_at": _at(day)}


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _append(hub: Hub, table: str, rows: list[dict[str, object]]) -> None:
    checked = hub.tables.contract(table).check(pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))
    assert not checked.rejected.num_rows, checked.rejected.to_pylist()[:1]
    hub.tables.append(table, checked.good)


@pytest.fixture(scope="session")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Hub]]:
    """`price list` or `observed` → the chain with prices of that source, its day run."""
    made: dict[str, Hub] = {}

    def of(source: str) -> Hub:
        if source not in made:
            home = tmp_path_factory.mktemp("chain")
            (home / "hub.toml").write_text("[demand]\nhorizon_days = 14\n")
            hub = open_house(home)
            fill_chain(hub, source=source)
            report = hub.run_day(DAY)
            assert not report.failed, report.failed
            made[source] = hub
        return made[source]

    yield of
    for hub in made.values():
        hub.close()


@pytest.fixture
def chain(chains: Callable[[str], Hub]) -> Hub:
    """The chain whose prices are of a list, known ahead."""
    return chains("price list")


@pytest.fixture(scope="session")
def open_chain() -> Callable[[Path], Hub]:
    """Folder → the house in it, with the modules of demand only."""
    return open_house
