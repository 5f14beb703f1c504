"""Prices that have gone out are the prices in force: a way out that also writes what it carried out to `prices`.

The labels first, by another connector (a file, electronic labels), then the chain's own price list. A batch that was
cut in between is carried out again: the outlet takes the same batch as once, and the same rows of `prices` are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from aislehub.core.outbox import Batch, Connector
from aislehub.core.tables import Tables

__all__ = ["KIND", "PriceList", "shown"]

KIND = "price_changes"
_CENT = 0.005


class PriceList:
    """Carries prices out by `outlet` and puts them in force.

    Carrying the same batch out twice is as good as once: the outlet promises so, and a row of `prices` is known by its
    content.
    """

    def __init__(self, outlet: Connector, tables: Tables) -> None:
        self.name = f"prices by {outlet.name}"  # a batch left open is nobody else's to finish
        self.outlet = outlet
        self.tables = tables

    def send(self, batch: Batch) -> str:
        """Put the batch on the labels, then into the price list; returns where the labels are."""
        rows = [shown(row) for row in batch.rows]
        target = self.outlet.send(Batch(batch.id, rows))
        contract = self.tables.contract("prices")
        made = pa.Table.from_pylist([_in_force(row) for row in rows])
        self.tables.append("prices", contract.require(made))
        return target


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A decision's row as a label shows it.

    One that was taken back asks the price that held before again, from the next business day. A former price is shown
    only above the new one: a person may have chosen a higher one than was proposed.
    """
    label = dict(row)
    if row.get("cancel"):
        label |= {"price": row["instead_of"], "was": None}
    if label.get("was") is not None and label["was"] < label["price"] + _CENT:
        label["was"] = None
    return label


def _in_force(row: Mapping[str, Any]) -> dict[str, Any]:
    begins = date.fromisoformat(row["begins"])
    if row.get("cancel"):  # a price does not change inside a business day
        begins = max(begins, datetime.now(UTC).date()) + timedelta(days=1)
    ends = date.fromisoformat(row["ends"]) if row.get("ends") else None
    return {
        "store": row["store"], "item": row["subject"], "kind": row["price_kind"], "valid_from": begins,
        "valid_to": None if row.get("cancel") else ends, "price": float(row["price"]),
        "source": f"decision {row['decision']}", "known_at": None,
    }  # fmt: skip
