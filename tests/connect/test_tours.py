"""Tours that have gone out are shipments to come: each stop once, and what was reported of it stays."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from aislehub.connect.files import FileConnector
from aislehub.connect.tours import Tours, stop_numbers
from aislehub.core.book import Filter
from aislehub.core.ledger import Ledger
from aislehub.core.outbox import Batch, send_approved
from aislehub.core.state import open_state
from aislehub.core.tables import Tables
from aislehub.schema import SHIPMENTS, STORES

DAY = date(2026, 3, 1)


def stop(store: str, arrives: str) -> dict[str, Any]:
    """A stop of a tour."""
    return {
        "stop": store,
        "store": store,
        "order": None,
        "arrives": arrives,
        "km": 12.5,
        "kg": 80.0,
        "l": 200.0,
        "cost": 9.5,
    }


TOURS = [
    {"vehicle": "truck 1", "stops": [stop("1", "05:30"), stop("2", "06:15")]},
    {"vehicle": "truck 2", "stops": [stop("3", "25:10")]},
]


class House:
    """A depot in Berlin with two tours proposed for 2 March."""

    def __init__(self, folder: Path, tours: list[dict[str, Any]]) -> None:
        self.folder = folder
        self.tables = Tables(None, {SHIPMENTS.name: SHIPMENTS, STORES.name: STORES}, "Asia/Shanghai")
        depot = pa.Table.from_pylist([{"store": "W", "kind": "warehouse", "timezone": "Europe/Berlin"}])
        self.tables.append("stores", STORES.require(depot))
        self.ledger = Ledger(open_state("", folder))
        decision = {
            "store": ["W"], "subject": ["2026-03-02"], "action": [json.dumps({"km": 30.0, "tours": tours})],
            "baseline": ['{"name": "fixed_tours", "km": 40.0}'], "money": [5.0], "money_low": [1.0],
            "money_high": [9.0], "horizon_days": [1], "outlay": [20.0], "reasons": ["[]"],
            "bound": ["none"], "source": [""],
        }  # fmt: skip
        self.ledger.propose("routes", DAY, pa.table(decision), currency="EUR")
        self.id = self.ledger.find(Filter(kind="routes"))[0]["id"]

    def send(self) -> list[str]:
        return send_approved(self.ledger, Tours(FileConnector(self.folder / "out"), self.tables), "routes")

    def shipments(self) -> list[dict[str, Any]]:
        return sorted(self.tables.fetch("shipments").to_pylist(), key=lambda row: (row["shipment"], row["stop"]))


def test_approved_tours_become_shipments_and_a_file(tmp_path: Path) -> None:
    """A row a stop, numbered within its tour, planned by the depot's own clock, also past midnight; the file has the
    same rows."""
    house = House(tmp_path, TOURS)
    assert house.send() == []
    house.ledger.approve(Filter(ids=(house.id,)), who="ann")
    (file,) = house.send()
    rows = house.shipments()
    assert [(row["shipment"], row["stop"], row["store"]) for row in rows] == [
        ("2026-03-02/W/truck 1", 1, "1"), ("2026-03-02/W/truck 1", 2, "2"), ("2026-03-02/W/truck 2", 1, "3"),
    ]  # fmt: skip
    assert rows[0]["planned_at"] == datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
    assert rows[2]["planned_at"] == datetime(2026, 3, 3, 0, 10, tzinfo=UTC)
    assert {row["source"] for row in rows} == {f"decision {house.id}"} and rows[0]["outcome"] is None
    assert (rows[0]["distance_km"], rows[0]["load_kg"], rows[0]["load_l"], rows[0]["cost"]) == (12.5, 80.0, 200.0, 9.5)
    assert pd.read_csv(file, dtype=str)["store"].tolist() == ["1", "2", "3"]
    assert house.send() == []


def test_carried_out_twice_is_as_good_as_once(tmp_path: Path) -> None:
    """A batch cut off and sent again adds nothing, and does not hide what a driver has reported meanwhile."""
    house = House(tmp_path, TOURS)
    row = {"decision": house.id, "kind": "routes", "day": "2026-03-01", "store": "W", "subject": "2026-03-02",
           "compensates": "", "km": 30.0, "tours": TOURS}  # fmt: skip
    outlet = Tours(FileConnector(tmp_path / "out"), house.tables)
    first = outlet.send(Batch("b1", [row]))
    reported = house.shipments()[0] | {"outcome": "delivered", "known_at": datetime(2026, 3, 2, 6, tzinfo=UTC)}
    house.tables.append("shipments", SHIPMENTS.require(pa.Table.from_pylist([reported], SHIPMENTS.schema)))
    assert outlet.send(Batch("b1", [row])) == first
    assert [one["outcome"] for one in house.shipments()] == ["delivered", None, None]
    assert house.tables.count("shipments") == 4


def test_tours_taken_back_are_cancelled_but_for_what_was_done(tmp_path: Path) -> None:
    """Undone after it went out, each stop is cancelled, except one whose end is known already."""
    house = House(tmp_path, TOURS)
    house.ledger.approve(Filter(ids=(house.id,)), who="ann")
    house.send()
    reported = house.shipments()[0] | {"outcome": "refused", "known_at": datetime(2026, 3, 2, 6, tzinfo=UTC)}
    house.tables.append("shipments", SHIPMENTS.require(pa.Table.from_pylist([reported], SHIPMENTS.schema)))
    house.ledger.undo(house.id, who="ann", why="snow")
    house.send()
    rows = house.shipments()
    assert [row["outcome"] for row in rows] == ["refused", "cancelled", "cancelled"]
    assert {row["source"] for row in rows} == {f"decision {house.id}"}


def test_another_plan_leaves_what_was_reported(tmp_path: Path) -> None:
    """A changed plan of tours on the road plans the stops still open anew; reported ones stay as they are, each
    stop keeps its number, a new one gets one of its own, and what the plan leaves out is cancelled, whole tours too."""
    house = House(tmp_path, TOURS)
    outlet = Tours(FileConnector(tmp_path / "out"), house.tables)
    row = {"decision": house.id, "kind": "routes", "day": "2026-03-01", "store": "W", "subject": "2026-03-02",
           "compensates": "", "km": 30.0, "tours": TOURS}  # fmt: skip
    outlet.send(Batch("b1", [row]))
    report = {"outcome": "delivered", "arrived_at": datetime(2026, 3, 2, 5, tzinfo=UTC),
              "known_at": datetime(2026, 3, 2, 6, tzinfo=UTC)}  # fmt: skip
    done = house.shipments()[0] | report
    house.tables.append("shipments", SHIPMENTS.require(pa.Table.from_pylist([done], SHIPMENTS.schema)))
    changed = [{"vehicle": "truck 1", "stops": [stop("4", "06:30"), stop("1", "07:00"), stop("2", "08:15")]}]
    outlet.send(Batch("b2", [row | {"tours": changed}]))
    rows = [one for one in house.shipments() if one["shipment"].endswith("truck 1")]
    assert [(one["store"], one["outcome"]) for one in rows] == [("1", "delivered"), ("2", None), ("4", None)]
    assert rows[0]["arrived_at"] == report["arrived_at"]
    assert [one["outcome"] for one in house.shipments() if one["shipment"].endswith("truck 2")] == ["cancelled"]
    outlet.send(Batch("b3", [row | {"tours": [{"vehicle": "truck 1", "stops": changed[0]["stops"][1:]}]}]))
    rows = [one for one in house.shipments() if one["shipment"].endswith("truck 1")]
    assert [(one["store"], one["outcome"]) for one in rows] == [("1", "delivered"), ("2", None), ("4", "cancelled")]


def test_an_arrival_alone_is_a_report(tmp_path: Path) -> None:
    """A stop at which the driver stands, and of which no outcome is known yet, stays as it is: in the same plan later,
    in one that drops it, and when the tours are taken back."""
    arrived = datetime(2026, 3, 2, 5, tzinfo=UTC)
    later = [{"vehicle": "truck 1", "stops": [stop("1", "05:40"), stop("2", "06:30")]}]
    without = [{"vehicle": "truck 1", "stops": [stop("2", "06:15")]}]
    for name, change in (("later", {"tours": later}), ("without", {"tours": without}), ("back", {"cancel": True})):
        house = House(tmp_path / name, TOURS)
        outlet = Tours(FileConnector(tmp_path / name / "out"), house.tables)
        row = {"decision": house.id, "kind": "routes", "day": "2026-03-01", "store": "W", "subject": "2026-03-02",
               "compensates": "", "km": 30.0, "tours": TOURS}  # fmt: skip
        outlet.send(Batch("b1", [row]))
        there = house.shipments()[0] | {"arrived_at": arrived, "known_at": datetime(2026, 3, 2, 6, tzinfo=UTC)}
        house.tables.append("shipments", SHIPMENTS.require(pa.Table.from_pylist([there], SHIPMENTS.schema)))
        outlet.send(Batch("b2", [row | change]))
        kept = [(one["arrived_at"], one["outcome"]) for one in house.shipments() if one["store"] == "1"]
        assert kept == [(arrived, None)], name


@given(plans=st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=4))
def test_a_number_stays_with_its_stop(plans: list[list[str]]) -> None:
    """Whatever plans follow each other, no number ever passes to another store, and no plan has one twice."""
    told: dict[int, dict[str, Any]] = {}
    for plan in plans:
        numbers = stop_numbers([{"store": store, "order": None} for store in plan], list(told.values()))
        assert len(set(numbers)) == len(plan)
        for number, store in zip(numbers, plan, strict=True):
            assert told.get(number, {"store": store})["store"] == store
            told[number] = {"stop": number, "store": store, "order": None, "arrived_at": None, "left_at": None,
                            "outcome": None}  # fmt: skip


def test_a_plan_without_tours_leaves_nothing_behind(tmp_path: Path) -> None:
    """Where nothing could be brought there is no file and no row, and the decision is done all the same."""
    house = House(tmp_path, [])
    house.ledger.approve(Filter(ids=(house.id,)), who="ann")
    house.send()
    assert house.shipments() == [] and not (tmp_path / "out").exists()
    assert house.ledger.get(house.id)["state"] == "done"
