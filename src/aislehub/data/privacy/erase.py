"""Erasure: a person out of every table, file, model and register of the home, searched for afterwards, and signed for.

The order matters. First rows about the person are refused from now on. Then capabilities take the person out of what
they have learned, while the rows are still there to say what that was. Then come tables, the inbox, files, and last the
state database, which holds what the person is called. A journal without names keeps the counts: an erasure that was cut
is finished by giving the command again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import pyarrow as pa

from aislehub.core import models
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.log import logger
from aislehub.data.privacy import requests
from aislehub.data.privacy.files import Scan, clear_files, scan
from aislehub.data.privacy.keys import house_keys
from aislehub.data.privacy.person import Place, keys_inside, places, traces_of
from aislehub.data.privacy.policy import Policy
from aislehub.data.privacy.proof import hashed, signed, write_proof
from aislehub.data.privacy.state_rows import clear_state, named_rows, wipe_free_pages
from aislehub.data.privacy.suppression import suppress
from aislehub.data.privacy.traces import Traces

__all__ = ["Found", "erase_person", "find_person", "is_own", "rows_of"]

KIND = "aislehub erasure proof"
_PASSES = 3  # an ingest that had begun before may bring rows back once


@dataclass(frozen=True)
class Found:
    """Where a person stands now: rows by table, cells by table of the state database, events that wait."""

    tables: Mapping[str, int]
    state: Mapping[str, int]
    events: int

    @property
    def nothing(self) -> bool:
        return not (self.tables or self.state or self.events)


def find_person(hub: Hub, person: str) -> Found:
    """What an erasure would take away or change."""
    traces = traces_of(hub, person)
    tables = {place.table: rows_of(hub, place, traces).num_rows for place in places(hub)}
    state: dict[str, int] = {}
    for table, _, names in named_rows(hub.state, traces):
        state[table.name] = state.get(table.name, 0) + len(names)
    events = sum(traces.in_text(json.dumps(event, ensure_ascii=False)) for _, event in hub.inbox.since())
    return Found({name: count for name, count in tables.items() if count}, state, events)


def erase_person(
    hub: Hub, person: str, proof: Path, *, who: str, verified: Mapping[str, Any] | None = None, request: str = ""
) -> dict[str, Any]:
    """Erase a person and write the signed proof.

    Args:
        proof: file for the proof.
        verified: how, by whom and when the identity was verified; None = the operator answers for it.

    Returns:
        The proof.

    Raises:
        HubError: `day.busy` while a business day runs, `tables.busy`, `privacy.left` when the search still finds the
            person (the proof says where, and is written).
    """
    with hub.day_lock(datetime.now(UTC).date()):
        traces = traces_of(hub, person)
        others = keys_inside(hub, traces)
        journal = _Journal.open(hub, traces)
        suppress(hub, traces.keys)
        for name, erase in hub.registry.erasers.items():
            if name not in journal.done:
                what = [dict(erase(key, hub.tables, hub.home)) for key in traces.keys]
                journal.note(name, [one for one in what if one])
        for _ in range(_PASSES):
            _erase_tables(hub, traces, journal)
            journal.add("events", hub.inbox.erase(lambda e: traces.in_text(json.dumps(e, ensure_ascii=False))))
            for kind, count in clear_files(hub.home, traces, others, (proof, journal.path)).items():
                journal.add(f"files:{kind}", count)
            for name, count in clear_state(hub.state, traces, journal.token).items():
                journal.add(f"state:{name}", count)
            wipe_free_pages(hub.state)
            found = _search(hub, traces, others, (proof, journal.path))
            if not found.found:
                break
        document = signed(hub.home, _document(hub, traces, journal, found, who, verified, request))
        write_proof(proof, document)
        logger.info("erased", extra={"tables": journal.tables, "found": len(found.found)})
        if found.found:
            raise HubError("privacy.left", files=", ".join(found.found[:5]), count=len(found.found), proof=proof)
        if request:
            requests.close(hub.state, request, proof=document)
        else:
            requests.note_erasure(hub.state, document, who=who)
        journal.path.unlink()
        return document


def _erase_tables(hub: Hub, traces: Traces, journal: _Journal) -> None:
    lost = []
    for place in places(hub):
        name = place.table
        before = hub.tables.version(name) if name in hub.registry.contracts else None
        found = rows_of(hub, place, traces)
        dropped = sum(is_own(row, place, traces) for row in found.to_pylist())
        journal.begin(name, dropped, found.num_rows - dropped, before)
        change = partial(_without, place=place, traces=traces, token=journal.token)
        hub.tables.rewrite(name, traces.sql(place.persons, place.texts), change)
        after = hub.tables.version(name) if name in hub.registry.contracts else None
        journal.end(name, after)
        if dropped:
            lost.append(name)
    journal.outdated += [model for model in _mark_models(hub, lost) if model not in journal.outdated]
    journal.save()


def rows_of(hub: Hub, place: Place, traces: Traces) -> pa.Table:
    """Stored rows of a table that name the person, corrected versions too."""
    rows = hub.tables.matching(place.table, traces.sql(place.persons, place.texts))
    named = [
        is_own(row, place, traces) or any(row[c] is not None and traces.in_text(row[c]) for c in place.texts)
        for row in rows.to_pylist()
    ]  # fmt: skip
    return rows.filter(pa.array(named, pa.bool_()))


def is_own(row: Mapping[str, Any], place: Place, traces: Traces) -> bool:
    """Whether a row is about the person: their key, or a text that holds it, stands in a column of persons."""
    cells = [str(row[column]) for column in place.persons if row[column] is not None]
    return any(cell in traces.keys or traces.in_text(cell) for cell in cells)


def _without(rows: pa.Table, place: Place, traces: Traces, token: str) -> pa.Table:
    """Rows about the person dropped; in others, the name replaced."""
    kept = []
    for row in rows.to_pylist():
        if not is_own(row, place, traces):
            cleared = {c: traces.without(row[c], token) for c in place.texts if row[c] is not None}
            kept.append(row | cleared)
    return pa.Table.from_pylist(kept, rows.schema)


def _mark_models(hub: Hub, lost: list[str]) -> list[str]:
    """Models that learned from tables which lost rows are learned anew on the next day; their names."""
    if not Policy.load(hub.home).relearn:
        return []
    erased_exactly = {name for name in hub.registry.learns if _has_eraser(hub, name)}
    stale = [
        learn.model for learn in hub.registry.learns.values()
        if learn.model not in erased_exactly and not set(lost).isdisjoint(learn.reads)
    ]  # fmt: skip
    marked = []
    for model in stale:
        for _, place in models.learned_cards(hub.models, model):
            models.mark_outdated(place)
            marked.append(model)
    return sorted(set(marked))


def _has_eraser(hub: Hub, model: str) -> bool:
    """Whether the module that learns a model takes persons out of it itself."""
    return hub.registry.learns[model].function.__module__ in hub.registry.erasers


def _search(hub: Hub, traces: Traces, others: list[str], keep: tuple[Path, ...]) -> Scan:
    found = scan(hub.home, traces, others, keep)
    left = sorted({f"state:{table.name}" for table, _, _ in named_rows(hub.state, traces)})
    return Scan(found.files, found.bytes, found.raw, (*found.found, *left))


def _document(
    hub: Hub, traces: Traces, journal: _Journal, found: Scan, who: str, verified: Mapping[str, Any] | None, request: str
) -> dict[str, Any]:
    return {
        "kind": KIND, "version": 1, "persons": [hashed(key) for key in traces.keys], "request": request,
        "verified": dict(verified) if verified else {"how": "operator", "who": who}, "by": who,
        "begun": journal.begun, "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "tables": [{"table": name, **entry} for name, entry in sorted(journal.tables.items()) if _touched(entry)],
        "state": journal.counted("state:"), "events": journal.counts.get("events", 0),
        "files": journal.counted("files:"), "capabilities": journal.done, "models_to_relearn": journal.outdated,
        "token": journal.token, "suppressed": True,
        "search": {
            "files": found.files, "bytes": found.bytes, "bytes_searched": found.raw, "found": list(found.found),
        },
        "beyond": ["backups", "exports outside the home", "systems that data were sent to"],
    }  # fmt: skip


def _touched(entry: Mapping[str, Any]) -> bool:
    return bool(entry["rows"] or entry["mentions"])


@dataclass
class _Journal:
    """What was done so far, kept on disk without a name in it."""

    path: Path
    begun: str
    token: str
    tables: dict[str, dict[str, Any]]
    counts: dict[str, int]
    done: dict[str, Any]
    outdated: list[str]

    @classmethod
    def open(cls, hub: Hub, traces: Traces) -> _Journal:
        """The journal of an erasure of this person that was cut, or a new one."""
        digest = house_keys(hub.home).digest("erasing", min(traces.keys))[:16]
        path = hub.home / f".erasing-{digest}.json"
        if path.exists():
            return cls(path, **json.loads(path.read_text(encoding="utf-8")))
        begun = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(path, begun, f"erased-{token_hex(4)}", {}, {}, {}, [])

    def begin(self, table: str, rows: int, mentions: int, version: int | None) -> None:
        """Before a table is written: counts that a kill right after it must not lose."""
        entry = self.tables.setdefault(table, {"rows": 0, "mentions": 0, "version_before": version})
        if entry.get("open"):  # cut in the middle: what is found again was counted already, or is all there was
            entry["rows"], entry["mentions"] = max(entry["rows"], rows), max(entry["mentions"], mentions)
        else:
            entry["rows"] += rows
            entry["mentions"] += mentions
        entry["open"] = True
        if rows or mentions:
            self.save()

    def end(self, table: str, version: int | None) -> None:
        entry = self.tables[table]
        entry.pop("open", None)
        entry["version_after"] = version
        if _touched(entry):
            self.save()

    def add(self, what: str, count: int) -> None:
        if count:
            self.counts[what] = self.counts.get(what, 0) + count
            self.save()

    def note(self, capability: str, what: list[dict[str, Any]]) -> None:
        self.done[capability] = what
        self.save()

    def counted(self, prefix: str) -> dict[str, int]:
        return {name.removeprefix(prefix): n for name, n in sorted(self.counts.items()) if name.startswith(prefix)}

    def save(self) -> None:
        fresh = self.path.with_suffix(".part")
        kept = {name: value for name, value in vars(self).items() if name != "path"}
        fresh.write_text(json.dumps(kept, default=str), encoding="utf-8")
        fresh.replace(self.path)
