"""Approval by rule stays within its limits."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.core.approval import Approval, approve_by_rule
from aislehub.core.book import Filter
from aislehub.core.ledger import Ledger
from aislehub.core.state import open_state

DAY = date(2017, 11, 5)
amounts = st.floats(0, 500, allow_nan=False)


def _ledger(folder: Path, rows: list[tuple[float, float | None]]) -> Ledger:
    ledger = Ledger(open_state("", folder))
    count = len(rows)
    table = {
        "store": ["S1"] * count, "subject": [f"item{n}" for n in range(count)],
        "action": [json.dumps({"quantity": 1})] * count, "baseline": ['{"name": "none"}'] * count,
        "money": [low + 1 for low, _ in rows], "money_low": [low for low, _ in rows],
        "money_high": [low + 2 for low, _ in rows], "horizon_days": [7] * count, "outlay": [o for _, o in rows],
        "reasons": ["[]"] * count, "bound": ["none"] * count, "source": [""] * count,
    }  # fmt: skip
    ledger.propose("orders", DAY, pa.table(table), currency="EUR")
    return ledger


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(st.floats(-50, 50, allow_nan=False), amounts), max_size=20), limit=amounts, day=amounts)
def test_the_rule_never_exceeds_its_limits(
    tmp_path_factory: object, rows: list[tuple[float, float]], limit: float, day: float
) -> None:
    """No approved decision is above the single limit or below the low money; together they keep the day's limit."""
    ledger = _ledger(tmp_path_factory.mktemp("home"), rows)  # type: ignore[attr-defined]
    rule = Approval(kinds=["orders"], max_outlay=limit, max_outlay_day=day, min_money_low=0.0)
    approve_by_rule(ledger, DAY, rule)
    approve_by_rule(ledger, DAY, rule)
    approved = ledger.find(Filter(day=DAY, states=("approved",)))
    assert all(d["outlay"] <= limit and d["money_low"] >= 0 for d in approved)
    assert sum(d["outlay"] for d in approved) <= day + 1e-6


def test_what_commits_nothing_is_within_every_limit(tmp_path: Path) -> None:
    """A decision without outlay, a price say, counts as 0: its money alone decides."""
    ledger = _ledger(tmp_path, [(5.0, None), (-5.0, None), (4.0, 1.0)])
    assert approve_by_rule(ledger, DAY, Approval(kinds=["orders"], max_outlay=0.0, max_outlay_day=0.0)) == 1
    assert [d["subject"] for d in ledger.find(Filter(states=("approved",)))] == ["item0"]


def test_nothing_is_approved_as_delivered(tmp_path: Path) -> None:
    """Without a kind named in the settings, every decision waits for a person."""
    ledger = _ledger(tmp_path, [(5.0, 1.0)])
    assert approve_by_rule(ledger, DAY, Approval()) == 0
    assert ledger.find(Filter(day=DAY))[0]["state"] == "proposed"


def test_the_history_names_the_rule(tmp_path: Path) -> None:
    """A decision approved by rule says so in its history, with the limits that held."""
    ledger = _ledger(tmp_path, [(5.0, 1.0)])
    assert approve_by_rule(ledger, DAY, Approval(kinds=["orders"])) == 1
    last = ledger.history(ledger.find(Filter(day=DAY))[0]["id"])[-1]
    assert (last["who"], last["state_to"]) == ("rule", "approved")
    assert "200" in last["why"]
