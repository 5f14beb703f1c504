"""The plan on the terminal."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from aislehub.core.contract import DECISION_COLUMNS
from aislehub.core.day import DayReport
from aislehub.core.hub import open_hub
from aislehub.serve.plan import show_plan

DAY = date(2026, 11, 1)


def rows(subjects: list[str], money: float) -> pa.Table:
    """Decisions of one store worth so much each."""
    filled = {
        "store": "367", "action": '{"quantity": 1}', "baseline": '{"name": "nothing", "quantity": 0}', "money": money,
        "money_low": money, "money_high": money, "horizon_days": 7, "outlay": 0.0, "reasons": "[]", "bound": "none",
        "source": "facts",
    }  # fmt: skip
    told = [filled | {"subject": subject} for subject in subjects]
    return pa.Table.from_pylist(told, pa.schema([(column.name, column.arrow) for column in DECISION_COLUMNS]))


def test_the_plan_shows_the_best_of_each_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However much more the decisions of one kind are worth, the best of another kind is seen."""
    with open_hub(tmp_path) as hub:
        hub.ledger.propose("orders", DAY, rows([f"milk{at}" for at in range(5)], 1.0), currency="USD")
        hub.ledger.propose("price_changes", DAY, rows([f"tea{at}" for at in range(5)], 900.0), currency="USD")
        show_plan(hub, DayReport(DAY, []), top=4)
    shown = capsys.readouterr().out
    assert [shown.count(word) for word in ("tea", "milk")] == [2, 2]
    assert shown.index("tea") < shown.index("milk")
