"""Rosters that have gone out are what people were told: a way out that also writes them to `rostered`.

The shifts first, by another connector (a file), then the table. A batch that was cut in between is carried out again:
the outlet takes the same batch as once, and a decision whose shifts are told already is told nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from ibis import _

from aislehub.core.outbox import Batch, Connector
from aislehub.core.tables import Tables

__all__ = ["KIND", "RosterBook"]

KIND = "rosters"
WEEK = timedelta(days=6)
Row = Mapping[str, Any]


class RosterBook:
    """Carries rosters out by `outlet` and writes them down as told.

    Carrying the same batch out twice is as good as once: the rows of a decision are appended in one piece, and not
    again where rows of it are there.
    """

    def __init__(self, outlet: Connector, tables: Tables) -> None:
        self.name = f"rosters by {outlet.name}"  # a batch left open is nobody else's to finish
        self.outlet = outlet
        self.tables = tables

    def send(self, batch: Batch) -> str:
        """Put the shifts out, a row each, then into `rostered`; returns where they went."""
        target = self.outlet.send(Batch(batch.id, [line for row in batch.rows for line in _lines(row)]))
        ids = [str(row["decision"]) for row in batch.rows]
        known = {row["decision"] for row in self._told(_.decision.isin(ids))}
        rows = [made for row in batch.rows if row["decision"] not in known for made in self._rows(row)]
        if rows:
            contract = self.tables.contract("rostered")
            self.tables.append("rostered", contract.require(pa.Table.from_pylist(rows, schema=contract.schema)))
        return target

    def _rows(self, row: Row) -> Iterator[dict[str, Any]]:
        """What a decision changes for whom: its shifts, and those of its days that it does not hold any more."""
        day = date.fromisoformat(row["day"])
        if row.get("cancel"):
            yield from self._back(row, self._moment(row, day))
            return
        monday = date.fromisoformat(row["subject"])
        common = _common(row, self._moment(row, day))
        given = {(shift["staff"], date.fromisoformat(shift["day"])): shift for shift in row["shifts"]}
        for (staff, when), shift in given.items():
            yield common | {
                "staff": staff, "day": when, "begins": shift["begins"], "ends": shift["ends"],
                "breaks": " ".join(shift["breaks"]), "skill": shift["skill"],
            }  # fmt: skip
        since = max(monday, day + timedelta(days=1))
        for old in self._told(_.store == row["store"], _.day.between(since, monday + WEEK), _.begins.notnull()):
            if (old["staff"], old["day"]) not in given:
                yield common | {"staff": old["staff"], "day": old["day"]}

    def _back(self, row: Row, moment: datetime) -> Iterator[dict[str, Any]]:
        """What was told before the decision that is taken back, where nothing later was told."""
        mine = self._told(_.decision == row["compensates"])
        if not mine:
            return
        earlier = self.tables.read("rostered", as_of=min(old["told_at"] for old in mine))
        keys = [old["staff"] for old in mine]
        before = {
            (old["staff"], old["day"]): old
            for old in self.tables.run(lambda _t: earlier.filter(earlier.staff.isin(keys))).to_pylist()
        }
        for old in mine:
            was = before.get((old["staff"], old["day"]), {})
            shift = {name: was.get(name) for name in ("begins", "ends", "breaks", "skill")}
            place = {"store": was.get("store") or old["store"]}
            yield _common(row, moment) | {"staff": old["staff"], "day": old["day"]} | shift | place

    def _told(self, *which: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.tables.run(lambda t: t.read("rostered").filter(list(which))).to_pylist()
        return found

    def _moment(self, row: Row, day: date) -> datetime:
        """When people are told: now, or where days of the past are run again, when the decision's day had closed."""
        last = date.fromisoformat(row["subject"]) + WEEK
        zone = ZoneInfo(self.tables.timezone)
        now = datetime.now(UTC)
        if now.astimezone(zone).date() <= last:
            return now
        return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def _common(row: Row, moment: datetime) -> dict[str, Any]:
    return {
        "store": row["store"], "decision": row["decision"], "told_at": moment, "known_at": moment,
        "source": f"decision {row['decision']}",
    }  # fmt: skip


def _lines(row: Row) -> list[dict[str, Any]]:
    """A row a shift, for people and time clocks to read."""
    decision = {name: row[name] for name in ("decision", "kind", "day", "store", "subject", "compensates")}
    decision |= {"cancel": bool(row.get("cancel"))}
    shifts = [
        {"staff": shift["staff"], "on": shift["day"], "begins": shift["begins"], "ends": shift["ends"],
         "breaks": " ".join(shift["breaks"]), "skill": shift["skill"]}
        for shift in row["shifts"]
    ]  # fmt: skip
    return [decision | shift for shift in shifts] or [decision]
