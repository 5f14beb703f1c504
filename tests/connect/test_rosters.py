"""Rosters that were sent are what people were told, each once."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from aislehub.connect.files import FileConnector
from aislehub.connect.rosters import RosterBook
from aislehub.core.book import Filter
from aislehub.core.ledger import Ledger
from aislehub.core.outbox import Batch, send_approved
from aislehub.core.state import open_state
from aislehub.core.tables import Tables
from aislehub.schema import ROSTERED

SUNDAY, MONDAY = date(2017, 12, 3), date(2017, 12, 4)


def shift(staff: str, day: int, begins: str = "08:00", ends: str = "16:00") -> dict[str, Any]:
    """A shift of December, as an action has it."""
    return {"staff": staff, "day": f"2017-12-{day:02d}", "begins": begins, "ends": ends, "breaks": ["12:00-12:30"],
            "skill": "till"}  # fmt: skip


class House:
    """A ledger, the table of what was told, and a folder for files."""

    def __init__(self, folder: Path) -> None:
        self.tables = Tables(None, {ROSTERED.name: ROSTERED}, "America/New_York")
        self.ledger = Ledger(open_state("", folder))
        self.book = RosterBook(FileConnector(folder / "out"), self.tables)

    def approved(self, *shifts: dict[str, Any], day: date = SUNDAY) -> str:
        """A roster of the store 7 for the week of that Monday, approved; its id."""
        action = {"hours": 7.5 * len(shifts), "shifts": list(shifts)}
        row = {
            "store": "7", "subject": MONDAY.isoformat(), "action": json.dumps(action), "money": 1.0, "money_low": 0.0,
            "money_high": 2.0, "baseline": '{"name": "same_every_day"}', "horizon_days": 7, "outlay": 1.0,
            "reasons": "[]", "bound": "none", "source": "",
        }  # fmt: skip
        self.ledger.propose("rosters", day, pa.Table.from_pylist([row]), currency="USD")
        (decision,) = self.ledger.find(Filter(kind="rosters", day=day))
        self.ledger.approve(Filter(ids=(decision["id"],)), who="ann")
        return str(decision["id"])

    def send(self) -> list[str]:
        return send_approved(self.ledger, self.book, "rosters")

    def told(self, day: date | None = None) -> dict[tuple[str, int], str | None]:
        """Who works on which day of December from when, as known at the close of a day."""
        rows = self.tables.run(lambda t: t.read("rostered", as_of=day)).to_pylist()
        return {(row["staff"], row["day"].day): row["begins"] for row in rows}


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house that has told nobody anything."""
    return House(tmp_path)


def test_a_sent_roster_is_told(house: House) -> None:
    """Nothing is told before it is sent; then each shift is a row with its decision, and a line of the file."""
    id = house.approved(shift("ana", 4), shift("ben", 5, "12:00", "20:00"))
    assert house.told() == {}
    (file,) = house.send()
    lines = pd.read_csv(file)
    assert lines[["staff", "on", "begins"]].values.tolist() == [
        ["ana", "2017-12-04", "08:00"],
        ["ben", "2017-12-05", "12:00"],
    ]
    rows = house.tables.run(lambda t: t.read("rostered")).to_pylist()
    assert {(row["decision"], row["breaks"], row["skill"]) for row in rows} == {(id, "12:00-12:30", "till")}


def test_a_past_that_is_run_again_knows_it_from_the_next_day_on(house: House) -> None:
    """Sent years later, as in the demo, a roster counts as told when its day had closed: not on that day, but after."""
    house.approved(shift("ana", 4))
    house.send()
    assert house.told(SUNDAY) == {}
    assert house.told(MONDAY) == {("ana", 4): "08:00"}


def test_the_same_batch_again_tells_nothing_more(house: House) -> None:
    """A batch that was cut after the table was written is carried out again without another row."""
    id = house.approved(shift("ana", 4))
    house.send()
    decision = house.ledger.get(id)
    row = {"decision": id, "kind": "rosters", "day": "2017-12-03", "store": "7", "subject": "2017-12-04",
           "compensates": "", **decision["action"]}  # fmt: skip
    version = house.tables.version("rostered")
    house.book.send(Batch("again", [row]))
    assert house.tables.version("rostered") == version


def test_a_later_roster_takes_off_what_it_does_not_hold(house: House) -> None:
    """A new roster of the week replaces the shifts of its days; days before it stay as they were told."""
    house.approved(shift("ana", 4), shift("ben", 5), shift("cem", 6))
    house.send()
    house.approved(shift("dia", 5, "09:00"), shift("cem", 6, "10:00", "18:00"), day=MONDAY)
    house.send()
    assert house.told() == {("ana", 4): "08:00", ("ben", 5): None, ("dia", 5): "09:00", ("cem", 6): "10:00"}


def test_taken_back_what_was_told_before_holds_again(house: House) -> None:
    """Undoing a sent roster takes its shifts off, or brings back those that it had replaced."""
    house.approved(shift("ana", 5))
    house.send()
    id = house.approved(shift("ana", 5, "10:00", "18:00"), shift("ben", 6), day=MONDAY)
    house.send()
    house.ledger.undo(id, who="ann")
    house.send()
    assert house.told() == {("ana", 5): "08:00", ("ben", 6): None}
