"""Rejected rows: kept as they were written, with what broke; of an erased person, only that there was one."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

from aislehub.core.contract import Checked, Column, Contract
from aislehub.core.errors import did_you_mean
from aislehub.core.hub import Hub
from aislehub.data.layout import Block
from aislehub.data.loaded import Loaded
from aislehub.data.privacy.suppression import Turned

__all__ = ["REJECTED", "numbers", "reject", "reject_erased", "without_erased"]

REJECTED = Contract(
    "rejected",
    "One row that broke the contract of the table it was meant for; `known_at` says when it came",
    (
        Column("table", "text", "Table it was meant for"),
        Column("source", "text", "File, sheet, database table or source it came from"),
        Column("row", "int", "Its row in that source as a spreadsheet shows it, from 1", low=0),
        Column("raw", "text", "The row as it was written, a JSON object; it may name a person", person=True),
        Column("reasons", "text", "What broke: a JSON list of {code, column, value, limit}"),
    ),
    key="table source row raw",
)

_ERASED = {"code": "reject.erased", "column": "", "value": "", "limit": ""}


def reject(
    hub: Hub, contract: Contract, checked: Checked, block: Block, source: str, total: Loaded, *, dry_run: bool,
    turned: Turned | None,
) -> None:  # fmt: skip
    """Keep rejected rows as they were written, with their reasons; of an erased person, only that there was one."""
    rows: list[tuple[int, str, list[dict[str, str]]]] = []
    if checked.rejected.num_rows:
        hidden = turned(contract, checked.rejected) if turned else np.zeros(checked.rejected.num_rows, dtype=bool)
        places = checked.rejected["_row"]
        raw = block.cells.take(places).to_pylist()
        numbers = block.numbers.take(places.combine_chunks()).to_pylist()
        told = checked.rejected["_reasons"].to_pylist()
        for number, cells, reasons, is_hidden in zip(numbers, raw, told, hidden, strict=True):
            if is_hidden:
                rows.append((number, "{}", [dict(_ERASED)]))
                continue
            rows.append(
                (number, json.dumps(cells, ensure_ascii=False, default=str), _reasons(hub, json.loads(reasons)))
            )
    for broken in block.broken:
        fault = {"code": broken.code, "column": "", "value": ", ".join(broken.cells)[:200], "limit": broken.limit}
        rows.append((broken.number, json.dumps(broken.cells, ensure_ascii=False), [fault]))
    _keep_rejected(hub, contract, rows, source, total, dry_run=dry_run)


def reject_erased(
    hub: Hub, contract: Contract, numbers: np.ndarray, erased: np.ndarray, source: str, total: Loaded, *, dry_run: bool
) -> None:
    """Say of each row about somebody who was erased that it was refused, and nothing else of it."""
    rows = [(int(number), "{}", [dict(_ERASED)]) for number in numbers[erased]]
    _keep_rejected(hub, contract, rows, source, total, dry_run=dry_run)


def without_erased(contract: Contract, good: pa.Table, turned: Turned | None) -> tuple[pa.Table, np.ndarray]:
    """The rows that may come in, and which may not, bool (n,)."""
    if turned is None or not contract.persons or not good.num_rows:
        return good, np.zeros(good.num_rows, dtype=bool)
    erased = turned(contract, good)
    return (good.filter(pa.array(~erased)) if erased.any() else good), erased


def numbers(block: Block, checked: Checked) -> np.ndarray:
    """Row numbers in the source of the rows that kept their contract."""
    keep = np.ones(block.cells.num_rows, dtype=bool)
    if checked.rejected.num_rows:
        keep[checked.rejected["_row"].to_numpy()] = False
    return np.asarray(block.numbers.to_numpy(zero_copy_only=False))[keep]


def _keep_rejected(
    hub: Hub, contract: Contract, rows: list[tuple[int, str, list[dict[str, str]]]], source: str, total: Loaded, *,
    dry_run: bool,
) -> None:  # fmt: skip
    for number, _, faults in rows:
        for fault in faults[:1]:
            key = (fault["code"], fault["column"], fault["limit"])
            total.faults[key] += 1
            total.examples.setdefault(key, (source, number, fault))
    total.rejected += len(rows)
    if not rows or dry_run:
        return
    numbers, raws, reasons = zip(*rows, strict=True)
    kept = pa.table({
        "table": pa.repeat(contract.name, len(rows)),
        "source": pa.repeat(source, len(rows)),
        "row": pa.array(numbers, pa.int64()),
        "raw": pa.array(raws, pa.string()),
        "reasons": pa.array([json.dumps(faults, ensure_ascii=False) for faults in reasons], pa.string()),
    })  # fmt: skip
    hub.tables.append(REJECTED.name, REJECTED.require(kept))


def _reasons(hub: Hub, faults: list[dict[str, str]]) -> list[dict[str, str]]:
    """A day that cannot be taken from an unreadable moment is one fault, not two; an unknown key gets a suggestion."""
    values = {fault["value"] for fault in faults if fault["column"] != "day"}
    faults = [fault for fault in faults if fault["column"] != "day" or fault["value"] not in values]
    for fault in faults:
        if fault["code"] == "reject.unknown" and fault["limit"] in hub.registry.contracts:
            keys = hub.tables.fetch(fault["limit"], columns=[fault["column"]])[fault["column"]].to_pylist()
            fault["suggestion"] = did_you_mean(fault["value"], keys)
    return faults
