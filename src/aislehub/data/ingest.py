"""Ingest: any export, folder, database or source in, facts that keep their contracts out.

Every row read is new, known or rejected. A rejected row is kept in the table `rejected`, as it was
written, with what broke the contract. Loading the same rows again changes nothing, so a killed load is
finished by loading again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import typer
from rich.console import Console
from rich.table import Table

from aislehub.core.contract import Checked, Column, Contract, explain_fault
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.hub import Hub, open_hub
from aislehub.core.log import logger
from aislehub.core.output import print_json
from aislehub.core.settings import Settings
from aislehub.core.settings import field as setting
from aislehub.core.text import say
from aislehub.data.guess import decide_styles, guess, knows
from aislehub.data.layout import Block
from aislehub.data.mapping import Mapping, fingerprint, load_mapping, save_mapping
from aislehub.data.privacy.suppression import Turned, turned_away
from aislehub.data.reading import Export, Note, read_exports
from aislehub.data.shaping import Shaper
from aislehub.data.sources import Source
from aislehub.data.sources.complete_journey import CompleteJourney
from aislehub.data.sources.m5 import M5

__all__ = ["REJECTED", "Ingest", "Loaded", "commands", "ingest", "ingest_exports", "ingest_inbox", "ingest_source"]

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

_SAMPLE_ROWS = 20_000
_BLOCK_ROWS = 1_000_000  # one look-up among the stored keys for each block
_TEXT_ROWS = 200_000  # text takes ten times the room
_NAMED = {"complete-journey": CompleteJourney, "m5": M5}
_MADE = "named in an export"  # the source of a store that no list of stores has brought
_SHOWN = 8  # reasons on the screen
_ERASED = {"code": "reject.erased", "column": "", "value": "", "limit": ""}


class Ingest(Settings, section="ingest"):
    """How exports are taken in."""

    new_stores: Literal["first", "always", "never"] = setting(
        "first",
        "Stores that an export names and table `stores` lacks: make them until a list of stores is loaded (first), "
        "always or never",
    )


@dataclass
class Loaded:
    """What became of the rows of one or more exports for one table: read = new + known + rejected."""

    table: str
    read: int = 0
    new: int = 0
    known: int = 0
    rejected: int = 0
    mapping: Mapping | None = None
    file: str = ""
    mapping_file: str = ""
    notes: list[Note] = field(default_factory=list)
    faults: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str, str], tuple[str, int, dict[str, str]]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "table": self.table,
            "read": self.read,
            "new": self.new,
            "known": self.known,
            "rejected": self.rejected,
            "mapping": dict(self.mapping.columns) if self.mapping else {},
            "mapping_file": self.mapping_file,
            "notes": [str(note) for note in self.notes],
            "reasons": [
                {"count": count, "example": self.sentence(key)} for key, count in self.faults.most_common(_SHOWN)
            ],
        }

    def sentence(self, key: tuple[str, str, str]) -> str:
        """The first row with this fault, in words."""
        file, row, fault = self.examples[key]
        return say(
            "data.rejected_row",
            file=file,
            row=row,
            why=" ".join(filter(None, [explain_fault(fault), fault.get("suggestion")])),
        )


def ingest(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A CSV, XLSX or Parquet file, a folder or zip of them, URL::table of a database, `complete-journey`, "
            "`m5` or `m5:FOLDER`, or `inbox`",
        ),
    ],
    as_: Annotated[
        str, typer.Option("--as", metavar="TABLE", help="The table the rows are for; default: guessed")
    ] = "",
    mapping: Annotated[
        Path | None,
        typer.Option(help="Mapping file: used when it exists, else written there; default: kept in the home folder"),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="COLUMN=EXPRESSION", help="Map one column, e.g. store==S01 (a constant) or item=SKU"
        ),
    ] = None,
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook; default: the one that holds the data")] = "",
    encoding: Annotated[str, typer.Option(help="Encoding of a text file; default: found out")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the mapping and what would happen; load nothing")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Load an export of any shape: guess and show the column mapping, check every row, keep what is rejected.

    Ends with 1 when rows were rejected (the others are loaded) or when nothing could be loaded.

    Example: aislehub ingest sales.csv --dry-run
    """
    with open_hub() as hub:
        loaded = ingest_path(
            hub,
            source,
            table=as_,
            mapping_file=mapping,
            sets=set_ or (),
            sheet=sheet,
            encoding=encoding,
            dry_run=dry_run,
        )
    console = Console(stderr=True)
    for one in loaded:
        _show(one, console, dry_run=dry_run)
    if json_:
        print_json(loaded[0].document() if len(loaded) == 1 else _joined(loaded))
    if any(one.rejected for one in loaded):
        raise typer.Exit(1)


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
        _fact(hub, table)
    planned = [_plan(hub, export, table, mapping_file, sets) for export in exports]
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
        fields = [column.name for column in _fact(hub, "events").columns]
        cells = {name: pa.array([_as_text(event.get(name)) for _, event in waiting], pa.string()) for name in fields}
        _take(hub, pa.table(cells), total, dry_run=dry_run)
        if not dry_run:
            hub.inbox.remove(waiting[-1][0])
    return total


def _take(hub: Hub, rows: pa.Table, total: Loaded, *, dry_run: bool) -> None:
    """Check and append rows that have the contract's columns, and count what became of them."""
    contract = _fact(hub, total.table)
    checked = contract.check(rows)
    turned = turned_away(hub)
    good, erased = _without_erased(contract, checked.good, turned)
    new = hub.tables.unseen(total.table, good) if dry_run else hub.tables.append(total.table, good).new
    numbers = pa.array(np.arange(1, rows.num_rows + 1) + total.read)
    total.read += rows.num_rows
    total.new += new
    total.known += good.num_rows - new
    block = Block(rows, numbers)
    _reject(hub, contract, checked, block, total.file, total, dry_run=dry_run, turned=turned)
    _reject_erased(hub, contract, _numbers(block, checked), erased, total.file, total, dry_run=dry_run)


def _as_text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# -- before loading ---------------------------------------------------------------------------------


def _fact(hub: Hub, table: str) -> Contract:
    contracts = {name: contract for name, contract in hub.registry.contracts.items() if contract.is_fact}
    if table not in contracts:
        raise HubError("tables.unknown", table=table, suggestion=did_you_mean(table, contracts))
    return contracts[table]


@dataclass
class _Plan(Loaded):
    """An export's load with the mapping that will be used."""

    mapping: Mapping = field(default_factory=lambda: Mapping("", {}))


def _plan(hub: Hub, export: Export, table: str, mapping_file: Path | None, sets: Sequence[str]) -> tuple[Export, _Plan]:
    """Find or guess the mapping, check it and save it; the next export of this shape uses it, edited or not."""
    notes = list(export.notes)
    path = _mapping_path(hub, export, table, mapping_file)
    if path is not None and path.exists():
        mapping = load_mapping(path)
        notes.append(Note("data.note.mapping_used", {"file": path}))
        contract = _fact(hub, mapping.table)
        if table and table != mapping.table:
            raise HubError("data.mapping_table", file=path, table=mapping.table, wanted=table)
        if mapping.missing(contract) and mapping_file is None:  # saved open: this export may tell more
            again, _ = _guessed(hub, export, mapping.table)
            mapping = replace(again, columns={**again.columns, **mapping.columns})
        notes += _contradictions(mapping, contract, export)
    else:
        mapping, found = _guessed(hub, export, table)
        notes += found
        contract = _fact(hub, mapping.table)
        path = path or hub.home / "mappings" / f"{mapping.table}-{mapping.fingerprint}.toml"
    mapping = _with_sets(mapping, sets, contract)
    mapping.check(contract, export.columns, export.name)
    mapping = _with_only_store(hub, mapping, contract, notes)
    if not path.exists() or sets:
        save_mapping(mapping, path, contract)
    missing = mapping.missing(contract)
    if missing:
        raise HubError(
            "data.missing_columns", file=export.name, table=contract.name, columns=", ".join(missing),
            found=", ".join(export.columns), mapping=path, first=missing[0],
        )  # fmt: skip
    plan = _Plan(mapping.table, mapping=mapping, file=export.name, mapping_file=str(path), notes=notes)
    return export, plan


def _mapping_path(hub: Hub, export: Export, table: str, given: Path | None) -> Path | None:
    """The mapping file given, else the one saved for exports with these columns, if any."""
    if given is not None:
        return given
    saved = sorted((hub.home / "mappings").glob(f"{table or '*'}-{fingerprint(export.columns)}.toml"))
    return saved[0] if saved else None


def _guessed(hub: Hub, export: Export, table: str) -> tuple[Mapping, list[Note]]:
    contracts = {n: c for n, c in hub.registry.contracts.items() if c.is_fact and c is not REJECTED}
    first = next(export.blocks(_SAMPLE_ROWS), None)
    if first is None or not first.cells.num_rows:
        if first is None or not first.broken:
            raise HubError("file.empty", file=export.name)
        broken = first.broken[0]
        why = say(broken.code, value=", ".join(broken.cells), limit=broken.limit)
        raise HubError("data.no_whole_row", file=export.name, row=broken.number, why=why)
    sample = first.cells
    mapping = guess(
        export.columns, sample, contracts, table=table, name=f"{export.name} {export.title}", context=export.context
    )
    return decide_styles(mapping, contracts[mapping.table], export.blocks(_SAMPLE_ROWS), semicolon=export.semicolon)


def _contradictions(mapping: Mapping, contract: Contract, export: Export) -> list[Note]:
    """Where this export's dates settle an order that is not the mapping's."""
    if export.typed or not mapping.date_order:
        return []
    found, unsure = decide_styles(mapping, contract, export.blocks(_SAMPLE_ROWS), semicolon=export.semicolon)
    settled = found.date_order.keys() - {note.facts.get("column") for note in unsure}
    return [
        Note("data.note.contradiction", {"column": name, "order": order, "found": found.date_order[name]})
        for name, order in mapping.date_order.items()
        if name in settled and found.date_order[name] != order
    ]


def _with_sets(mapping: Mapping, sets: Sequence[str], contract: Contract) -> Mapping:
    for text in sets:
        name, mark, expression = text.partition("=")
        if not mark:
            raise HubError("data.set", value=text)
        contract.column(name)
        mapping = mapping.with_columns(**{name: expression})
    return mapping


def _with_only_store(hub: Hub, mapping: Mapping, contract: Contract, notes: list[Note]) -> Mapping:
    """An export that names no store is the only store's; a chain of several has to say which."""
    if mapping.missing(contract) != ["store"]:
        return mapping
    stores = hub.tables.fetch("stores", columns=["store"])["store"].to_pylist()
    if len(stores) > 1:
        return mapping
    store = stores[0] if stores else "main"
    notes.append(Note("data.note.only_store", {"store": store}))
    return mapping.with_columns(store=f"={store}")


# -- loading ----------------------------------------------------------------------------------------


def _load(hub: Hub, export: Export, mapping: Mapping, total: Loaded, *, dry_run: bool) -> None:
    contract = hub.tables.contract(mapping.table)
    stores = _Stores(hub, contract)
    shaper = Shaper(mapping, contract, export.columns, export.context, export.typed, stores.zones)
    turned = turned_away(hub)
    skipped = 0
    for block in export.blocks(_BLOCK_ROWS if export.typed else _TEXT_ROWS):
        rows = shaper.rows(block)
        checked = contract.check(rows, stores.known(rows))
        kept = _kept(block, checked)
        good, erased = _without_erased(contract, shaper.numbered(checked.good, kept), turned)
        if dry_run:
            new = hub.tables.unseen(contract.name, good)
        else:
            stores.make(good)
            _reject(hub, contract, checked, block, export.name, total, dry_run=False, turned=turned)
            new = hub.tables.append(contract.name, good).new
        if dry_run:
            _reject(hub, contract, checked, block, export.name, total, dry_run=True, turned=turned)
        _reject_erased(hub, contract, _numbers(block, checked), erased, export.name, total, dry_run=dry_run)
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


class _Stores:
    """Table `stores` while rows that refer to it come in."""

    def __init__(self, hub: Hub, contract: Contract) -> None:
        self._hub = hub
        self._refers = any(column.ref == "stores" for column in contract.columns)
        rows = hub.tables.fetch("stores", columns=["store", "timezone", "source"]).to_pylist()
        self._zones = {row["store"]: row["timezone"] or hub.settings.timezone for row in rows}
        policy = Ingest.load(hub.home).new_stores
        listed = any(row["source"] != _MADE for row in rows)
        self._open = policy == "always" or (policy == "first" and not listed)
        self.made: set[str] = set()

    def zones(self, stores: pa.ChunkedArray | None) -> str | pa.Array:
        """One time zone for all rows, or one per row."""
        chain = self._hub.settings.timezone
        if stores is None or set(self._zones.values()) <= {chain}:
            return chain
        coded = stores.combine_chunks().dictionary_encode()
        lookup = pa.array([self._zones.get(store, chain) for store in coded.dictionary.to_pylist()], pa.string())
        zones = lookup.take(coded.indices).fill_null(chain)
        distinct = pc.unique(zones).to_pylist()
        return distinct[0] if len(distinct) == 1 else zones

    def known(self, rows: pa.Table) -> Dict[str, set[str]] | None:
        return None if self._open or not self._refers else {"stores": set(self._zones)}

    def make(self, good: pa.Table) -> None:
        """Enter stores that rows name, until a list of stores is loaded; they count as known from the beginning."""
        if not (self._open and self._refers) or not good.num_rows:
            return
        new = sorted(set(pc.unique(good["store"]).to_pylist()) - set(self._zones))
        if not new:
            return
        contract = self._hub.tables.contract("stores")
        rows = pa.table({
            "store": pa.array(new), "source": pa.array([_MADE] * len(new)),
            "known_at": pa.array([datetime(1970, 1, 1, tzinfo=UTC)] * len(new), pa.timestamp("us", tz="UTC")),
        })  # fmt: skip
        self._hub.tables.append("stores", contract.check(rows).good)
        self._zones |= dict.fromkeys(new, self._hub.settings.timezone)
        self.made |= set(new)


def _reject(
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


def _reject_erased(
    hub: Hub, contract: Contract, numbers: np.ndarray, erased: np.ndarray, source: str, total: Loaded, *, dry_run: bool
) -> None:
    """Say of each row about somebody who was erased that it was refused, and nothing else of it."""
    rows = [(int(number), "{}", [dict(_ERASED)]) for number in numbers[erased]]
    _keep_rejected(hub, contract, rows, source, total, dry_run=dry_run)


def _without_erased(contract: Contract, good: pa.Table, turned: Turned | None) -> tuple[pa.Table, np.ndarray]:
    """The rows that may come in, and which may not, bool (n,)."""
    if turned is None or not contract.persons or not good.num_rows:
        return good, np.zeros(good.num_rows, dtype=bool)
    erased = turned(contract, good)
    return (good.filter(pa.array(~erased)) if erased.any() else good), erased


def _numbers(block: Block, checked: Checked) -> np.ndarray:
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


# -- showing ----------------------------------------------------------------------------------------


def _show(loaded: Loaded, console: Console, *, dry_run: bool) -> None:
    if loaded.mapping:
        sheet = Table(title=say("data.mapping_title_line", file=loaded.file, table=loaded.table), title_justify="left")
        for heading in ("ours", "theirs", "sure"):
            sheet.add_column(say(f"data.heading.{heading}"))
        for name, expression in loaded.mapping.columns.items():
            sure = loaded.mapping.confidence.get(name)
            sheet.add_row(name, expression, "" if sure is None else f"{sure:.0%}")
        console.print(sheet)
        console.print(
            say("data.mapping_saved", file=loaded.mapping_file), soft_wrap=True, markup=False, highlight=False
        )
    lines = [str(note) for note in loaded.notes]
    lines.append(
        say(
            "data.would_load" if dry_run else "data.loaded",
            **{k: getattr(loaded, k) for k in ("table", "read", "new", "known", "rejected")},
        )
    )
    if loaded.rejected:
        lines += [f"{count:,} × {loaded.sentence(key)}" for key, count in loaded.faults.most_common(_SHOWN)]
        lines += [] if dry_run else [say("data.rejected_hint")]
    for line in lines:
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _joined(loaded: Iterable[Loaded]) -> dict[str, Any]:
    """Several tables in one document: sums, and each table's own."""
    documents = [one.document() for one in loaded]
    sums = {name: sum(document[name] for document in documents) for name in ("read", "new", "known", "rejected")}
    return {
        "table": ", ".join(d["table"] for d in documents),
        **sums,
        "mapping": {d["table"]: d["mapping"] for d in documents},
        "tables": documents,
    }


commands = (ingest,)
