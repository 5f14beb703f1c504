"""Before an export is loaded: its table and its mapping, given, kept, or guessed, checked and kept for the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aislehub.core.contract import Contract
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.hub import Hub
from aislehub.core.text import say
from aislehub.data.guess import decide_styles, guess
from aislehub.data.loaded import Loaded
from aislehub.data.mapping import Mapping, fingerprint, load_mapping, save_mapping
from aislehub.data.reading import Export, Note
from aislehub.data.rejected import REJECTED

__all__ = ["Plan", "fact", "plan_of"]

_SAMPLE_ROWS = 20_000


def fact(hub: Hub, table: str) -> Contract:
    """The contract of a table of facts.

    Raises:
        HubError: `tables.unknown`.
    """
    contracts = {name: contract for name, contract in hub.registry.contracts.items() if contract.is_fact}
    if table not in contracts:
        raise HubError("tables.unknown", table=table, suggestion=did_you_mean(table, contracts))
    return contracts[table]


@dataclass
class Plan(Loaded):
    """An export's load with the mapping that will be used."""

    mapping: Mapping = field(default_factory=lambda: Mapping("", {}))


def plan_of(
    hub: Hub, export: Export, table: str, mapping_file: Path | None, sets: Sequence[str]
) -> tuple[Export, Plan]:
    """Find or guess the mapping, check it and save it; the next export of this shape uses it, edited or not."""
    notes = list(export.notes)
    path = _mapping_path(hub, export, table, mapping_file)
    if path is not None and path.exists():
        mapping = load_mapping(path)
        notes.append(Note("data.note.mapping_used", {"file": path}))
        contract = fact(hub, mapping.table)
        if table and table != mapping.table:
            raise HubError("data.mapping_table", file=path, table=mapping.table, wanted=table)
        if mapping.missing(contract) and mapping_file is None:  # saved open: this export may tell more
            again, _ = _guessed(hub, export, mapping.table)
            mapping = replace(again, columns={**again.columns, **mapping.columns})
        notes += _contradictions(mapping, contract, export)
    else:
        mapping, found = _guessed(hub, export, table)
        notes += found
        contract = fact(hub, mapping.table)
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
    plan = Plan(mapping.table, mapping=mapping, file=export.name, mapping_file=str(path), notes=notes)
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
