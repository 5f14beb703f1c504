"""A small shop whose members' habits are known: three stores, forty items of seven kinds, and a desk to ask at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aislehub.core.desk import Desk
from aislehub.core.inbox import Inbox
from aislehub.core.models import save_learned
from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.customer.recommend.answer import recommend
from aislehub.customer.recommend.baskets import EPOCH, Baskets
from aislehub.customer.recommend.knowledge import Catalogue, Knowledge
from aislehub.customer.recommend.ranker import Ranker, Shape
from aislehub.customer.recommend.recommender import Recommender
from aislehub.customer.recommend.serving import COLUMNS, READS

__all__ = ["LAST", "NOW", "Shop"]

LAST = date(2024, 6, 30)
NOW = datetime(2024, 7, 1, 9, tzinfo=UTC)
DAY = (LAST - EPOCH).days + 1


class Shop:
    """Its tables, its learned recommender and its desk."""

    def __init__(self, folder: Path, *, seed: int = 0, tables: Tables | None = None) -> None:
        self.tables = tables or Tables(None, registry().contracts)
        self.sales = _sales(seed)
        self.append("stores", [{"store": f"s{n}", "timezone": "UTC"} for n in range(3)])
        self.append("items", _items())
        self.append("sales_lines", self.sales)
        self.stock({(f"s{s}", f"i{i:02}"): 50.0 for s in range(3) for i in range(40)})
        self.learn(folder)
        inbox = Inbox(folder / "inbox.db")
        self.desk = Desk(
            self.tables, {"recommend": recommend}, inbox, models=folder / "models", home=folder, check_seconds=0,
            patience_seconds=60,
        )  # fmt: skip

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Facts, by rows."""
        checked = self.tables.contract(table).check(pa.Table.from_pylist(list(rows)))
        assert not checked.rejected.num_rows, checked.rejected.to_pylist()[:1]
        self.tables.append(table, checked.good)

    def stock(self, units: Mapping[tuple[str, str], float]) -> None:
        """Units on hand at the close, by store and item."""
        contract = self.tables.contract("supply_state")
        usual = {column.name: {"text": "x", "int": 1, "float": 1.0, "bool": True}.get(column.type)
                 for column in contract.columns}  # fmt: skip
        rows = [
            usual | {"day": LAST, "store": store, "item": item, "on_hand": held, "price": 2.0, "cost": 1.0}
            for (store, item), held in units.items()
        ]
        self.tables.write("supply_state", pa.Table.from_pylist(rows, schema=contract.schema), LAST)

    def learn(self, folder: Path) -> None:
        """A recommender of this shop's purchases, with a ranker that has learned what came next."""
        lines = pa.Table.from_pylist([row | {"amount": 2.0} for row in self.sales])
        baskets = Baskets.of(lines.set_column(lines.column_names.index("day"), "day", lines["day"].cast(pa.date32())))
        items = self.tables.fetch("items").to_pandas()
        catalogue = Catalogue.of(items, baskets.items)
        early = Recommender(baskets.stores, catalogue, Knowledge.of(baskets, DAY - 14, head=30, ridge=5.0))
        ranked = early.rank(baskets.before(DAY - 14), np.arange(len(baskets.customers)))
        came = baskets.next_visit(DAY - 14, 14)
        bought = np.isin(ranked.customer * 1000 + ranked.item, came.customer * 1000 + came.item)
        shape = Shape(trees=40, leaves=7, least=5)
        ranker = Ranker.fit(ranked.features, bought, np.ones(len(bought)), shape)
        known = Knowledge.of(baskets, DAY, head=30, ridge=5.0)
        (made := folder / "made-recommender").mkdir()
        Recommender(baskets.stores, catalogue, known, ranker=ranker).save(made)
        save_learned(folder / "models", "recommender", made, day=LAST.isoformat(), metrics={}, versions={}, code="",
                     policy="")  # fmt: skip

    def ask(self, **request: Any) -> dict[str, Any]:
        return self.desk.ask("recommend", request)

    def shown(self, **request: Any) -> list[str]:
        """Items of an answer, the first place first."""
        return [row["item"] for row in self.ask(**request)["items"]]

    def happens(self, *events: Mapping[str, Any]) -> None:
        """Events of this minute."""
        number = len(self.desk.inbox.since())
        self.desk.inbox.add(
            {"event_id": f"e{number + n}", "at": NOW.isoformat()} | dict(e) for n, e in enumerate(events)
        )


def _sales(seed: int, customers: int = 30, days: int = 120) -> list[dict[str, Any]]:
    """Members who come back for a few items of their own every few days; item 0 is everybody's."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        own = random.choice(np.arange(1, 40), 5, replace=False)
        for ago in range(days - int(random.integers(5)), 0, -int(random.integers(3, 7))):
            day = LAST - timedelta(days=ago - 1)
            at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            for item in {0, *own[random.random(5) < 0.5].tolist()}:
                rows.append({"customer": f"c{number:02}", "item": f"i{item:02}", "store": f"s{number % 3}", "day": day,
                             "sold_at": at, "receipt": f"{number}-{ago}", "line": f"i{item:02}", "quantity": 1.0,
                             "amount": 2.0})  # fmt: skip
    return rows


def _items() -> list[dict[str, Any]]:
    return [
        {
            "item": f"i{n:02}",
            "name": f"Item {n}",
            "category": "all",
            "subcategory": f"kind {n % 7}",
            "brand": f"b{n % 3}",
        }
        for n in range(40)
    ]


assert set(COLUMNS) <= set(READS.split())
