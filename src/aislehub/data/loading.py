"""Loading: rows of exports, sources and the inbox become facts, each new, known or rejected.

Loading the same rows again changes nothing, so a killed load is finished by loading again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from aislehub.core.contract import Checked
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.log import logger
from aislehub.data.guess import knows
from aislehub.data.layout import Block
from aislehub.data.loaded import Loaded
from aislehub.data.mapping import Mapping
from aislehub.data.new_stores import NewStores
from aislehub.data.planned import fact, plan_of
from aislehub.data.privacy.suppression import turned_away
from aislehub.data.reading import Export, Note, read_exports
from aislehub.data.rejected import numbers, reject, reject_erased, without_erased
from aislehub.data.shaping import Shaper
from aislehub.data.sources import Source
from aislehub.data.sources.complete_journey import CompleteJourney
from aislehub.data.sources.m5 import M5

__all__ = ["ingest_exports", "ingest_inbox", "ingest_path", "ingest_source"]

_BLOCK_ROWS = 1_000_000  # one look-up among the stored keys for each block
_TEXT_ROWS = 200_000  # text takes ten times the room
_NAMED = {"complete-journey": CompleteJourney, "m5": M5}


def ingest_path(
    hub: Hub,
    source: str,
    *,
    table: str = "",
    mapping_file: Path | None = None,
    sets: Sequence[str] = (),
    sheet: str = "",
    encoding: str = "",
    dry_run: bool = False,
) -> list[Loaded]:
    """What the command does, as a function: one `Loaded` per table filled.

    Raises:
        HubError: when nothing could be loaded; see `read_exports`, `guess`, `Mapping.check`.
    """
    name, _, folder = source.partition(":")
    if source == "inbox" or (name in _NAMED and not Path(source).exists()):
        if table or mapping_file or sets:
            raise HubError("data.mapped_already", source=source)
        if source == "inbox":
            return [ingest_inbox(hub, dry_run=dry_run)]
        made = _NAMED[name](Path(folder)) if folder else _NAMED[name]()
        return ingest_source(hub, made, name=source, dry_run=dry_run)
    exports = read_exports(source, knows, sheet=sheet, encoding=encoding)
    return ingest_exports(hub, exports, table=table, mapping_file=mapping_file, sets=sets, dry_run=dry_run)


def ingest_exports(
    hub: Hub,
    exports: Sequence[Export],
    *,
    table: str = "",
    mapping_file: Path | None = None,
    sets: Sequence[str] = (),
    dry_run: bool = False,
) -> list[Loaded]:
    """Load exports, tables that others refer to first.

    Raises:
        HubError: `tables.unknown`, `data.missing_columns`; those of guessing and of the mapping's check. All are
            raised before a row is written.
    """
    if table:
        fact(hub, table)
    planned = [plan_of(hub, export, table, mapping_file, sets) for export in exports]
    planned.sort(key=lambda plan: any(column.ref for column in hub.tables.contract(plan[1].mapping.table).columns))
    loaded: dict[str, Loaded] = {}
    for export, plan in planned:
        total = loaded.setdefault(plan.table, plan)
        if total is not plan:
            total.notes += [note for note in plan.notes if note not in total.notes]
        _load(hub, export, plan.mapping, total, dry_run=dry_run)
    return list(loaded.values())


def ingest_source(
    hub: Hub, source: Source, *, name: str, since: datetime | None = None, dry_run: bool = False
) -> list[Loaded]:
    """Load a source whose rows have the contracts' columns already; one `Loaded` per table."""
    loaded: dict[str, Loaded] = {}
    for table, rows in source.rows(since):
        _take(hub, rows, loaded.setdefault(table, Loaded(table, file=name)), dry_run=dry_run)
    return list(loaded.values())


def ingest_inbox(hub: Hub, *, dry_run: bool = False) -> Loaded:
    """Move waiting behaviour events into table `events`, each once, also when killed in between."""
    total = Loaded("events", file="inbox")
    waiting = hub.inbox.since()
    if waiting:
        fields = [column.name for column in fact(hub, "events").columns]
        cells = {name: pa.array([_as_text(event.get(name)) for _, event in waiting], pa.string()) for name in fields}
        _take(hub, pa.table(cells), total, dry_run=dry_run)
        if not dry_run:
            hub.inbox.remove(waiting[-1][0])
    return total


def _take(hub: Hub, rows: pa.Table, total: Loaded, *, dry_run: bool) -> None:
    """Check and append rows that have the contract's columns, and count what became of them."""
    contract = fact(hub, total.table)
    checked = contract.check(rows)
    turned = turned_away(hub)
    good, erased = without_erased(contract, checked.good, turned)
    new = hub.tables.unseen(total.table, good) if dry_run else hub.tables.append(total.table, good).new
    places = pa.array(np.arange(1, rows.num_rows + 1) + total.read)
    total.read += rows.num_rows
    total.new += new
    total.known += good.num_rows - new
    block = Block(rows, places)
    reject(hub, contract, checked, block, total.file, total, dry_run=dry_run, turned=turned)
    reject_erased(hub, contract, numbers(block, checked), erased, total.file, total, dry_run=dry_run)


def _as_text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _load(hub: Hub, export: Export, mapping: Mapping, total: Loaded, *, dry_run: bool) -> None:
    contract = hub.tables.contract(mapping.table)
    stores = NewStores(hub, contract)
    shaper = Shaper(mapping, contract, export.columns, export.context, export.typed, stores.zones)
    turned = turned_away(hub)
    skipped = 0
    for block in export.blocks(_BLOCK_ROWS if export.typed else _TEXT_ROWS):
        rows = shaper.rows(block)
        checked = contract.check(rows, stores.known(rows))
        kept = _kept(block, checked)
        good, erased = without_erased(contract, shaper.numbered(checked.good, kept), turned)
        if dry_run:
            new = hub.tables.unseen(contract.name, good)
        else:
            stores.make(good)
            reject(hub, contract, checked, block, export.name, total, dry_run=False, turned=turned)
            new = hub.tables.append(contract.name, good).new
        if dry_run:
            reject(hub, contract, checked, block, export.name, total, dry_run=True, turned=turned)
        reject_erased(hub, contract, numbers(block, checked), erased, export.name, total, dry_run=dry_run)
        total.read += block.cells.num_rows + len(block.broken)
        total.new += new
        total.known += good.num_rows - new
        skipped += block.skipped
        if any(broken.code == "reject.cut" for broken in block.broken):
            total.notes.append(Note("data.note.cut", {"file": export.name, "row": block.broken[-1].number}))
    if skipped:
        total.notes.append(Note("data.note.skipped", {"count": skipped, "file": export.name}))
    if stores.made:
        total.notes.append(
            Note("data.note.new_stores", {"count": len(stores.made), "stores": ", ".join(sorted(stores.made)[:8])})
        )
    logger.info(
        "ingested", extra={"file": export.name, "table": contract.name, "rows": total.read, "rejected": total.rejected}
    )


def _kept(block: Block, checked: Checked) -> pa.Table:
    """The block's cells of the good rows."""
    if not checked.rejected.num_rows:
        return block.cells
    keep = np.ones(block.cells.num_rows, dtype=bool)
    keep[checked.rejected["_row"].to_numpy()] = False
    return block.cells.filter(pa.array(keep))
