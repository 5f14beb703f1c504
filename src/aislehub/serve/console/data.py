"""Data: how ready it is, what each table holds, which rows were rejected and how exports are mapped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import ibis
from fastapi import APIRouter, Depends, Form, Request, Response

from aislehub.core.contract import explain_fault
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.reads import note_read
from aislehub.core.text import say
from aislehub.data.mapping import load_mapping
from aislehub.serve.auth import User
from aislehub.serve.console.shell import render, signed_in
from aislehub.serve.lookup import has_rows, last_day, readiness
from aislehub.serve.site import House, caller, needs

__all__ = ["context", "router"]

PREVIEW_ROWS = 500
router = APIRouter(prefix="/data", include_in_schema=False)


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The last readiness report, the tables with rows, the rejected rows and the saved mappings."""
    filled = [_table(hub, name) for name in sorted(hub.registry.contracts) if has_rows(hub, name)]
    rejected = _rejected(hub)
    return {
        "readiness": _readiness(hub), "filled": filled, "rejected": rejected, "grid": _grid(rejected),
        "mappings": [path.name for path in _mappings(hub)],
    }  # fmt: skip


@router.get("/table/{name}")
def preview(request: Request, site: House, name: str) -> Response:
    """The first rows of one table in a grid that sorts and filters."""
    signed_in(request)
    contract = site.hub.tables.contract(name)
    user = caller(request)
    if contract.persons and not (user and user.may("admin")):
        raise HubError("serve.persons", table=name, columns=", ".join(contract.persons))
    if contract.persons and user:
        note_read(site.hub.state, user.name, f"page data/table/{name}")
    rows = site.hub.tables.run(lambda tables: tables.read(name).limit(PREVIEW_ROWS)).to_pylist()
    count = site.hub.tables.count(name)
    grid = {
        "columns": [{"name": column.name, "title": column.name} for column in contract.columns],
        "rows": [{key: _plain(value) for key, value in row.items()} for row in rows],
    }
    return render(request, "data_table.html", contract=contract, count=count, grid=grid, shown=len(rows))


@router.get("/mapping/{name}")
def mapping(request: Request, site: House, name: str) -> Response:
    """One saved mapping as the text it is."""
    signed_in(request)
    path = _mapping(site.hub, name)
    return render(
        request, "data_mapping.html", name=name, text=path.read_text(encoding="utf-8"), error=None, saved=False
    )


@router.post("/mapping/{name}")
def save(
    request: Request, site: House, user: Annotated[User, Depends(needs("planner"))], name: str,
    text: Annotated[str, Form(max_length=100_000)],
) -> Response:  # fmt: skip
    """Keep an edited mapping if it is one; a faulty one is shown again with what is wrong."""
    path = _mapping(site.hub, name)
    text = text.replace("\r\n", "\n")
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    try:
        edited = load_mapping(draft)
        contract = site.hub.tables.contract(edited.table)
        for column in edited.columns:
            contract.column(column)
    except HubError as error:
        draft.unlink()
        return render(request, "data_mapping.html", status=422, name=name, text=text, error=error, saved=False)
    draft.replace(path)
    return render(request, "data_mapping.html", name=name, text=text, error=None, saved=True)


def _table(hub: Hub, name: str) -> dict[str, Any]:
    contract = hub.tables.contract(name)
    dated = "day" if "day" in contract.schema.names else ""
    return {
        "table": name, "help": contract.help, "rows": hub.tables.count(name), "version": hub.tables.version(name),
        "last": last_day(hub, name) if dated else None, "kind": "fact" if contract.is_fact else "result",
    }  # fmt: skip


def _readiness(hub: Hub) -> dict[str, Any] | None:
    day = last_day(hub, "readiness")
    if day is None:
        return None
    found = readiness(hub, day)
    found["capabilities"].sort(key=lambda row: -row["score"])
    return found


def _rejected(hub: Hub) -> list[dict[str, Any]]:
    """Rejected rows with their faults as sentences, the last ones first."""
    if not has_rows(hub, "rejected"):
        return []
    rows = hub.tables.run(
        lambda tables: tables.read("rejected").order_by(ibis.desc("known_at"), "row").limit(PREVIEW_ROWS)
    )
    return [
        {**row, "why": " ".join(explain_fault(fault) for fault in json.loads(row["reasons"]))}
        for row in rows.to_pylist()
    ]


def _grid(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rejected rows for the grid: the sentence first, then where they came from; not as written, for persons' sake."""
    columns = ("why", "table", "source", "row")
    return {
        "columns": [{"name": name, "title": say(f"serve.rejected_{name}")} for name in columns],
        "rows": [{name: row[name] for name in columns} for row in rows],
    }


def _mappings(hub: Hub) -> list[Path]:
    return sorted((hub.home / "mappings").glob("*.toml"))


def _mapping(hub: Hub, name: str) -> Path:
    """The file of one mapping; the name is looked up, never made into a path."""
    for path in _mappings(hub):
        if path.name == name:
            return path
    raise HubError("serve.mapping_unknown", name=name)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date | datetime) else value
