"""A small house with members in every place where a person can stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from aislehub.core.hub import Hub, open_hub
from aislehub.core.log import logger

DAY = date(2026, 10, 5)
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
ANN, BEN = "ann-key-7f3a91", "ben-key-0c22d4"
DECISION = {
    "store": "367", "baseline": '{"name": "none"}', "money": 1.0, "money_low": 0.0, "money_high": 2.0,
    "horizon_days": 7, "bound": "none", "source": "till",
}  # fmt: skip


def append(hub: Hub, table: str, rows: list[dict[str, Any]]) -> None:
    """Good rows into a table of facts."""
    checked = hub.tables.contract(table).check(pa.Table.from_pylist(rows))
    assert not checked.rejected.num_rows, checked.rejected.to_pylist()[:1]
    hub.tables.append(table, checked.good)


def sale(customer: str | None, receipt: str, day: date = DAY, amount: float = 4.0) -> dict[str, Any]:
    """One line of a receipt."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return {
        "store": "367", "receipt": receipt, "line": "1", "sold_at": at, "day": day, "item": "1001",
        "customer": customer, "quantity": 1.0, "amount": amount,
    }  # fmt: skip


def fill(hub: Hub, *persons: str) -> None:
    """Each person in sales (one of them corrected), consents, events, a rejected row, a reason, the log and a file."""
    append(hub, "stores", [{"store": "367", "name": "Main St", "opened": date(2010, 1, 1)}])
    append(hub, "customers", [{"customer": person, "home_store": "367"} for person in persons])
    lines = [sale(p, f"{p[:3]}{n}", DAY - timedelta(days=n)) for p in persons for n in range(3)]
    append(hub, "sales_lines", [*lines, sale(None, "nobody")])
    append(hub, "sales_lines", [sale(p, f"{p[:3]}0", amount=9.0) for p in persons])
    for n, person in enumerate(persons):
        said = {"customer": person, "purpose": "messages", "granted": True, "at": NOON, "how": "till"}
        append(hub, "consents", [said])
        event = {"event_id": f"e{n}", "at": NOON.isoformat(), "kind": "view", "item": "1001", "customer": person}
        hub.inbox.add([event])
        raw = json.dumps({"Kunde": person, "Preis": "-3"})
        fault = json.dumps([{"code": "reject.low", "column": "price", "value": "-3", "limit": "0"}])
        append(
            hub, "rejected", [{"table": "sales_lines", "source": "a.csv", "row": n + 1, "raw": raw, "reasons": fault}]
        )
    reasons = [{"code": "core.known_are", "facts": {"names": list(persons)}, "weight": 1.0}]
    row = DECISION | {"subject": "1001", "action": json.dumps({"quantity": 6}), "reasons": json.dumps(reasons)}
    hub.ledger.propose("orders", DAY, pa.Table.from_pylist([row]), currency="USD", versions={"sales_lines": 1})
    logger.info("seen", extra={"customers": list(persons)})
    (hub.home / "outbox").mkdir(exist_ok=True)
    (hub.home / "outbox" / "messages.csv").write_text("customer,offer\n" + "".join(f"{p},10 %\n" for p in persons))


@pytest.fixture
def hub(home: Path) -> Iterator[Hub]:
    """A house with two members."""
    for handler in list(logger.handlers):
        logger.removeHandler(handler)  # so that this home gets its log
    with open_hub(home) as opened:
        fill(opened, ANN, BEN)
        yield opened
    for handler in list(logger.handlers):
        handler.close()
        logger.removeHandler(handler)


def holding(home: Path, word: str) -> list[str]:
    """Files of the home in whose bytes a word stands."""
    return [
        str(file.relative_to(home)) for file in sorted(home.rglob("*"))
        if file.is_file() and word.encode() in file.read_bytes()
    ]  # fmt: skip
