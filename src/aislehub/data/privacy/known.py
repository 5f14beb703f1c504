"""All that is known of one person, with what each thing means and where it came from: GDPR article 15, PIPL article 45.

Other persons' data stay out: of a decision or an alert that names several, only the part about this person is given.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.reads import note_read, reads_of
from aislehub.core.text import has, say
from aislehub.data.privacy.consent import standing
from aislehub.data.privacy.erase import is_own, rows_of
from aislehub.data.privacy.identities import identities_of
from aislehub.data.privacy.person import Place, places, traces_of
from aislehub.data.privacy.state_rows import named_rows
from aislehub.data.privacy.suppression import told_key
from aislehub.data.privacy.traces import Traces

__all__ = ["export_person", "known_of", "purpose_of"]

_INSIDE = {"_key", "_row", "_rev"}
_OWN = {"identities", "identity_checks", "same_persons", "reads"}  # told under names of their own


def known_of(hub: Hub, person: str) -> dict[str, Any]:
    """Everything about one person as one document."""
    traces = traces_of(hub, person)
    tables = {place.table: told for place in places(hub) if (told := _table(hub, place, traces))["rows"]}
    events = [e for _, e in hub.inbox.since() if traces.in_text(json.dumps(e, ensure_ascii=False))]
    return {
        "person": person, "keys": list(traces.keys), "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "identities": identities_of(hub.state, hub.home, traces.keys),
        "consent": standing(hub, traces.keys),
        "tables": tables,
        "waiting_events": events,
        "register": [_record(table.name, row, names, traces) for table, row, names in named_rows(hub.state, traces)
                     if table.name not in _OWN],
        "read_by": [{name: row[name] for name in ("who", "what", "at")} for row in reads_of(hub.state, traces.keys)],
    }  # fmt: skip


def export_person(hub: Hub, person: str, out: Path, *, who: str) -> dict[str, Any]:
    """Write all that is known of one person to a `.json` file, or to a `.zip` of one CSV a table; the document.

    Raises:
        HubError: `file.suffix`, `file.unwritable`.
    """
    if out.suffix not in (".json", ".zip"):
        raise HubError("file.suffix", file=out, suffix=out.suffix, known=".json, .zip")
    document = known_of(hub, person)
    text = json.dumps(document, ensure_ascii=False, indent=2, default=str)
    raw = text.encode() if out.suffix == ".json" else _zipped(document, text)
    partial = out.with_name(f".{out.name}.part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(raw)
        partial.replace(out)
    except OSError as error:
        raise HubError("file.unwritable", file=out, why=error) from error
    note_read(hub.state, who, "export-person", told_key(hub, person))
    return document


def purpose_of(table: str, help: str) -> str:
    """Why a table with persons is kept, in the reader's language; else what it is."""
    code = f"privacy_purpose.{table}"
    return say(code) if has(code) else help


def _table(hub: Hub, place: Place, traces: Traces) -> dict[str, Any]:
    name = place.table
    contract = hub.registry.contracts.get(name)
    rows = rows_of(hub, place, traces)
    kept = [column for column in rows.column_names if column not in _INSIDE]
    found = [
        row if is_own(row, place, traces) else _part(row, traces) for row in rows.select(kept).to_pylist()
    ]  # fmt: skip
    return {
        "what": contract.help if contract else "", "why": purpose_of(name, contract.help if contract else ""),
        "columns": {c.name: c.help for c in contract.columns if c.name in kept} if contract else {},
        "came_from": sorted({str(row["source"]) for row in found if row.get("source")}),
        "rows": found,
    }  # fmt: skip


def _part(row: Mapping[str, Any], traces: Traces) -> dict[str, Any]:
    """Of a row that is not about the person alone: what it is, and what it says of them."""
    about = {name: row[name] for name in ("day", "store", "subject", "known_at") if row.get(name) is not None}
    return about | {name: _excerpt(text, traces) for name, text in row.items() if isinstance(text, str)
                    and traces.in_text(text)}  # fmt: skip


def _record(table: str, row: Mapping[str, Any], names: list[str], traces: Traces) -> dict[str, Any]:
    about = {name: row[name] for name in ("id", "kind", "day", "store", "state", "at", "opened_at") if row.get(name)}
    return {"register": table, **about, "says": {name: _excerpt(row[name], traces) for name in names}}


def _excerpt(text: str, traces: Traces) -> Any:
    """The parts of a JSON text that name the person; of any other text, the sentence that does."""
    try:
        document = json.loads(text)
    except ValueError:
        return [part for part in text.replace("。", ".").split(".") if traces.in_text(part)] or [text[:80]]
    found = list(traces.mentions(document))
    return found if found or isinstance(document, dict | list) else document


def _zipped(document: Mapping[str, Any], text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("all.json", text)
        for name, told in document["tables"].items():
            archive.writestr(f"{name}.csv", pd.DataFrame(told["rows"]).to_csv(index=False))
        columns = [
            {"table": name, "column": column, "meaning": help}
            for name, told in document["tables"].items() for column, help in told["columns"].items()
        ]  # fmt: skip
        archive.writestr("columns.csv", pd.DataFrame(columns).to_csv(index=False))
    return packed.getvalue()
