"""Prices that have gone out are the prices in force: on labels, in the price list, at the till."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from aislehub.connect.files import FileConnector
from aislehub.connect.prices import PriceList, shown
from aislehub.core.book import Filter
from aislehub.core.desk import Desk
from aislehub.core.errors import HubError
from aislehub.core.inbox import Inbox
from aislehub.core.ledger import Ledger
from aislehub.core.outbox import Batch, send_approved
from aislehub.core.state import open_state
from aislehub.core.tables import Tables
from aislehub.price.till import till_price
from aislehub.schema import PRICES

DAY = date(2026, 3, 1)
ACTION = {
    "price": 2.49, "price_kind": "regular", "begins": "2026-03-02", "was": 2.99, "instead_of": 2.99, "least": 2.29,
    "most": 3.29,
}  # fmt: skip


class House:
    """A ledger with one approved price, the price list, and the till."""

    def __init__(self, folder: Path, **action: Any) -> None:
        self.folder = folder
        self.tables = Tables(None, {PRICES.name: PRICES})
        held = pa.Table.from_pylist(
            [{"store": "7", "item": "milk", "kind": "regular", "valid_from": date(2025, 1, 1), "price": 2.99}]
        )
        self.tables.append("prices", PRICES.require(held))
        self.ledger = Ledger(open_state("", folder))
        decision = {
            "store": ["7"], "subject": ["milk"], "action": [json.dumps(ACTION | action)],
            "baseline": ['{"name": "unchanged", "price": 2.99}'], "money": [5.0], "money_low": [1.0],
            "money_high": [9.0], "horizon_days": [7], "outlay": [None], "reasons": ["[]"], "bound": ["none"],
            "source": [""],
        }  # fmt: skip
        self.ledger.propose("price_changes", DAY, pa.table(decision), currency="EUR")
        inbox, answers = Inbox(folder / "inbox.db"), {till_price.name: till_price}
        self.desk = Desk(self.tables, answers, inbox, check_seconds=0, patience_seconds=60)

    @property
    def id(self) -> str:
        return str(self.ledger.find(Filter(kind="price_changes"))[0]["id"])

    def send(self) -> list[str]:
        outlet = FileConnector(self.folder / "out")
        return send_approved(self.ledger, PriceList(outlet, self.tables), "price_changes")

    def till(self, day: str, **more: Any) -> Mapping[str, Any]:
        return self.desk.ask("till_price", {"store": "7", "item": "milk", "day": day, **more})


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house with one proposed price."""
    return House(tmp_path)


def test_a_price_holds_once_it_was_sent(house: House) -> None:
    """Proposed and approved prices are on no label and at no till; once sent, the price holds from its day on."""
    assert house.send() == [] and house.till("2026-03-02")["price"] == 2.99
    house.ledger.approve(Filter(), who="ann")
    assert house.till("2026-03-02")["price"] == 2.99
    (file,) = house.send()
    assert Path(file).name.startswith("price_changes-2026-03-01-")
    written = pd.read_csv(file).to_dict("records")
    assert [(row["price"], row["was"], row["begins"]) for row in written] == [(2.49, 2.99, "2026-03-02")]
    assert house.till("2026-03-01")["price"] == 2.99
    found = house.till("2026-03-02")
    assert (found["price"], found["kind"], found["source"]) == (2.49, "regular", f"decision {house.id}")


def test_what_a_person_chose_is_what_holds(house: House) -> None:
    """An override within the guard-rails goes out; a former price is shown only above it."""
    with pytest.raises(HubError, match="guard-rails"):
        house.ledger.override(house.id, 0.99, who="ann", why="dump it")
    house.ledger.override(house.id, 3.19, who="ann", why="premium")
    (file,) = house.send()
    assert pd.isna(pd.read_csv(file)["was"][0]) and house.till("2026-03-05")["price"] == 3.19


def test_the_same_batch_twice_is_one_price(house: House) -> None:
    """A batch carried out again writes the same file and no second row."""
    row = {"decision": "d", "kind": "price_changes", "store": "7", "subject": "milk", "day": "2026-03-01", **ACTION}
    batch = Batch("b1", [row])
    outlet = PriceList(FileConnector(house.folder / "out"), house.tables)
    assert outlet.send(batch) == outlet.send(batch)
    assert house.tables.count("prices") == 2


def test_no_label_no_price(house: House, tmp_path: Path) -> None:
    """Where the labels cannot be written, the price is not in force; the next run finishes it."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    house.ledger.approve(Filter(), who="ann")
    with pytest.raises(HubError):
        send_approved(house.ledger, PriceList(FileConnector(blocked / "out"), house.tables), "price_changes")
    assert house.till("2026-03-02")["price"] == 2.99
    assert len(house.send()) == 1 and house.till("2026-03-02")["price"] == 2.49


def test_a_price_taken_back_brings_the_old_one_back(house: House) -> None:
    """Undone after it was sent, the price that held before holds again, and no former price is shown."""
    house.ledger.approve(Filter(), who="ann")
    house.send()
    house.ledger.undo(house.id, who="ann", why="wrong item")
    (file,) = house.send()
    assert pd.read_csv(file)["price"][0] == 2.99 and pd.isna(pd.read_csv(file)["was"][0])
    assert house.till("2099-01-01")["price"] == 2.99


def test_a_clearance_ends(tmp_path: Path) -> None:
    """A clearance price holds until its goods expire; then the regular price does again."""
    house = House(tmp_path, price_kind="clearance", price=1.49, ends="2026-03-04", least=1.0)
    house.ledger.approve(Filter(), who="ann")
    house.send()
    assert [house.till(f"2026-03-0{day}")["price"] for day in (1, 2, 4, 5)] == [2.99, 1.49, 1.49, 2.99]
    found = house.till("2026-03-03")
    assert (found["kind"], found["regular"], found["until"]) == ("clearance", 2.99, "2026-03-04")


def test_shown_leaves_what_it_is_given_alone() -> None:
    """The row of a batch is not changed by making a label of it."""
    row = {"price": 3.0, "was": 2.5}
    assert shown(row) == {"price": 3.0, "was": None} and row == {"price": 3.0, "was": 2.5}
