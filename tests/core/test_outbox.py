"""Approved decisions leave the house exactly once."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import select

from aislehub.connect.files import FileConnector
from aislehub.core.book import Filter
from aislehub.core.errors import HubError
from aislehub.core.ledger import Ledger
from aislehub.core.outbox import Batch, send_approved
from aislehub.core.state import batches, open_state

DAY = date(2017, 11, 5)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Six proposed orders of one store."""
    ledger = Ledger(open_state("", tmp_path))
    count = 6
    rows = {
        "store": ["S1"] * count, "subject": [f"item{n}" for n in range(count)],
        "action": [json.dumps({"quantity": n}) for n in range(count)], "baseline": ['{"name": "none"}'] * count,
        "money": [float(n) for n in range(count)], "money_low": [0.0] * count, "money_high": [9.0] * count,
        "horizon_days": [7] * count, "outlay": [1.0] * count, "reasons": ["[]"] * count, "bound": ["none"] * count,
        "source": [""] * count,
    }  # fmt: skip
    ledger.propose("orders", DAY, pa.table(rows), currency="EUR")
    return ledger


class _DiesAfterWriting(FileConnector):
    """A connector whose process ends right after the file has appeared."""

    def send(self, batch: Batch) -> str:
        super().send(batch)
        raise KeyboardInterrupt


class _DiesBeforeWriting(FileConnector):
    """A connector whose process ends before the file has appeared."""

    def send(self, batch: Batch) -> str:
        raise KeyboardInterrupt


def _sent(folder: Path) -> list[str]:
    lines = [row for path in sorted(folder.glob("*.csv")) for row in csv.DictReader(path.open(encoding="utf-8"))]
    return sorted(line["decision"] for line in lines)


def test_approved_and_overridden_are_sent_once(ledger: Ledger, tmp_path: Path) -> None:
    """Every approved or overridden decision is in exactly one file, with the human's number; others in none."""
    found = ledger.find(Filter(day=DAY))
    ledger.approve(Filter(ids=(found[0]["id"], found[1]["id"])), who="ann")
    ledger.override(found[2]["id"], 40, who="ann", why="fair")
    ledger.reject(Filter(ids=(found[3]["id"],)), who="ann")
    out = FileConnector(tmp_path / "out")
    assert len(send_approved(ledger, out, "orders")) == 1
    assert send_approved(ledger, out, "orders") == []
    assert _sent(out.folder) == sorted(row["id"] for row in found[:3])
    text = next(out.folder.glob("*.csv")).read_text(encoding="utf-8")
    assert (
        next(row for row in csv.DictReader(text.splitlines()) if row["decision"] == found[2]["id"])["quantity"] == "40"
    )
    assert {d["state"] for d in ledger.find(Filter(ids=tuple(row["id"] for row in found[:3])))} == {"done"}


@pytest.mark.parametrize("dying", [_DiesAfterWriting, _DiesBeforeWriting])
def test_a_crash_while_sending_sends_nothing_twice(ledger: Ledger, tmp_path: Path, dying: type[FileConnector]) -> None:
    """A process that dies while a batch leaves is made up for by the next one, into the same file."""
    ledger.approve(Filter(day=DAY), who="ann")
    with pytest.raises(KeyboardInterrupt):
        send_approved(ledger, dying(tmp_path / "out"), "orders")
    out = FileConnector(tmp_path / "out")
    assert len(send_approved(ledger, out, "orders")) == 1
    assert _sent(out.folder) == sorted(row["id"] for row in ledger.find(Filter(day=DAY)))
    with ledger.engine.connect() as connection:
        assert [row.state for row in connection.execute(select(batches.c.state))] == ["done"]


def test_undoing_what_was_sent_sends_a_cancellation(ledger: Ledger, tmp_path: Path) -> None:
    """A sent decision is taken back by a compensating one that names it and leaves by the same way."""
    first = ledger.find(Filter(day=DAY))[0]
    ledger.approve(Filter(ids=(first["id"],)), who="ann")
    out = FileConnector(tmp_path / "out")
    send_approved(ledger, out, "orders")
    compensation = ledger.undo(first["id"], who="ann", why="wrong store")
    (path,) = send_approved(ledger, out, "orders")
    (row,) = csv.DictReader(Path(path).read_text(encoding="utf-8").splitlines())
    assert (row["decision"], row["compensates"], row["cancel"]) == (compensation["id"], first["id"], "True")
    assert ledger.get(first["id"])["state"] == "reversed"


def test_a_full_disk_leaves_no_half_file(ledger: Ledger, tmp_path: Path) -> None:
    """A folder that cannot be written is an error with its path; the decisions are sent by a later call."""
    ledger.approve(Filter(day=DAY), who="ann")
    blocked = tmp_path / "out"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(HubError) as error:
        send_approved(ledger, FileConnector(blocked), "orders")
    assert error.value.code == "file.unwritable"
    blocked.unlink()
    assert len(send_approved(ledger, FileConnector(blocked), "orders")) == 1
    assert len(_sent(blocked)) == 6
