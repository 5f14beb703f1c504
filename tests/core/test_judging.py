"""What decisions turned out to be worth is measured once, when their time has passed, and moves nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from aislehub.core.book import Filter
from aislehub.core.decision import decision_id
from aislehub.core.judging import WAIT, Measured, judge_due
from aislehub.core.ledger import Ledger
from aislehub.core.state import open_state
from aislehub.core.tables import Tables

DAY = date(2017, 11, 5)
HORIZON = 7
TABLES = Tables(None, {})


@pytest.fixture
def ledger(state_url: str, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of four orders, on SQLite, then on PostgreSQL."""
    ledger = Ledger(open_state(state_url, tmp_path), run="run1")
    row = {
        "store": "s", "action": '{"quantity": 24}', "baseline": '{"name": "none", "quantity": 0}', "money": 5.0,
        "money_low": -1.0, "money_high": 9.0, "horizon_days": HORIZON, "outlay": 30.0, "reasons": "[]",
        "bound": "none", "source": "simulated",
    }  # fmt: skip
    ledger.propose("orders", DAY, pa.Table.from_pylist([row | {"subject": name} for name in "abcd"]), currency="EUR")
    yield ledger
    ledger.engine.dispose()


def half(tables: Tables, decisions: Sequence[Mapping[str, Any]], *, day: date, today: date) -> dict[str, Measured]:
    """A judge that finds 2.50 for all but `d`, which it cannot measure."""
    assert day == DAY
    return {d["id"]: Measured(2.5, 1.0, 4.0, None, "m", {}) for d in decisions if d["subject"] != "d"}


def judge(ledger: Ledger, today: date) -> int:
    """How many orders are measured at the close of `today`."""
    return judge_due(ledger, TABLES, {"orders": half}, today)["orders"]


def test_nothing_is_measured_before_its_horizon_has_passed(ledger: Ledger) -> None:
    """On the day before the horizon ends nothing is measured, on that day all that can be is."""
    assert judge(ledger, DAY + timedelta(days=HORIZON - 1)) == 0
    assert judge(ledger, DAY + timedelta(days=HORIZON)) == 3


def test_a_measurement_stands(ledger: Ledger) -> None:
    """A second run measures nothing again, and does not touch what stands."""
    judge(ledger, DAY + timedelta(days=HORIZON))
    before = ledger.find(Filter(kind="orders"))
    assert judge(ledger, DAY + timedelta(days=HORIZON + 1)) == 0
    assert ledger.find(Filter(kind="orders")) == before


def test_what_cannot_be_measured_is_given_up_in_the_end(ledger: Ledger) -> None:
    """A decision is looked at for two months after its horizon, then no more."""
    last = DAY + timedelta(days=HORIZON) + WAIT
    assert len(ledger.unmeasured("orders", since=last - WAIT, today=last)) == 4
    late = last + timedelta(days=1)
    assert ledger.unmeasured("orders", since=late - WAIT, today=late) == []


def test_only_what_was_carried_out_becomes_judged(ledger: Ledger) -> None:
    """Done becomes judged; rejected and expired keep their state and get their measurement all the same."""
    ids = {name: decision_id("orders", DAY, "s", name) for name in "abcd"}
    ledger.approve(Filter(ids=(ids["a"],)), who="ann")
    ledger.move([ids["a"]], "sent", who="outbox")
    ledger.move([ids["a"]], "done", who="outbox")
    ledger.reject(Filter(ids=(ids["b"],)), who="ann")
    ledger.expire(DAY + timedelta(days=1))
    judge(ledger, DAY + timedelta(days=HORIZON))
    states = {name: ledger.get(id)["state"] for name, id in ids.items()}
    assert states == {"a": "judged", "b": "rejected", "c": "expired", "d": "expired"}
    assert [ledger.get(ids[name])["measured"] is not None for name in "abcd"] == [True, True, True, False]
    assert ledger.get(ids["b"])["measured"]["money"] == 2.5


def test_what_was_superseded_is_not_measured(ledger: Ledger) -> None:
    """An order that a second run of the day no longer proposes was never in force."""
    ledger.propose("orders", DAY, pa.Table.from_pylist([], schema=pa.schema([])), currency="EUR")
    assert judge(ledger, DAY + timedelta(days=HORIZON)) == 0
