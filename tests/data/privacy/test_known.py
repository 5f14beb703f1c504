"""An export tells a person all about themselves and nothing about others; a lineage tells where tables came from."""

from __future__ import annotations

import json
import stat
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import jsonschema_rs
import pytest
from sqlalchemy import insert

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.reads import last_reads, note_read
from aislehub.core.registry import registry
from aislehub.core.state import runs
from aislehub.core.text import has
from aislehub.data.privacy.known import export_person
from aislehub.data.privacy.lineage import lineage_of
from aislehub.data.privacy.retention import holdings, retain
from tests.data.privacy.conftest import ANN, BEN, DAY
from tests.data.privacy.openlineage import EVENT


def test_all_of_one_and_nothing_of_another(hub: Hub, tmp_path: Path) -> None:
    """Every table's rows, the event that waits, the ledger's word and who read are there; the other key nowhere."""
    note_read(hub.state, "eve", "page customers", ANN)
    out = tmp_path / "ann.json"
    export_person(hub, ANN, out, who="test")
    text = out.read_text()
    told = json.loads(text)
    assert {name: len(part["rows"]) for name, part in told["tables"].items()} == {
        "customers": 1, "sales_lines": 4, "consents": 1, "rejected": 1,
    }  # fmt: skip
    assert told["tables"]["sales_lines"]["columns"]["amount"].startswith("Money taken")
    assert len(told["waiting_events"]) == 1 and [row["who"] for row in told["read_by"]] == ["eve"]
    assert [row["register"] for row in told["register"]] == ["decisions"]
    assert BEN not in text
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert last_reads(hub.state)[0]["what"] == "export-person"


def test_every_table_with_persons_says_why_it_is_kept() -> None:
    """Whoever asks what is held is told the purpose in their language, and the table's name in words."""
    named = [name for name, contract in registry().contracts.items() if contract.persons]
    assert [name for name in named if not (has(f"privacy_purpose.{name}") and has(f"table.{name}"))] == []


def test_a_zip_has_a_csv_a_table(hub: Hub, tmp_path: Path) -> None:
    """The ZIP holds the whole document, one CSV for each table and what the columns mean; other kinds are refused."""
    export_person(hub, ANN, tmp_path / "ann.zip", who="test")
    with zipfile.ZipFile(tmp_path / "ann.zip") as packed:
        assert {"all.json", "columns.csv", "sales_lines.csv"} <= set(packed.namelist())
        assert packed.read("sales_lines.csv").decode().count(ANN) == 4
    with pytest.raises(HubError):
        export_person(hub, ANN, tmp_path / "ann.pdf", who="test")


def test_old_rows_go_where_a_limit_is_set(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a limit nothing goes; with one, rows before it and no others; a table that does not exist is named."""
    assert retain(hub, DAY) == {}
    (hub.home / "hub.toml").write_text("[privacy]\nkeep_days = {sales_lines = 1}\n")
    held = {one.table: one for one in holdings(hub, DAY)}
    assert held["sales_lines"].due == 4 and held["sales_lines"].oldest == DAY - timedelta(days=2)
    assert retain(hub, DAY, dry_run=True) == {"sales_lines": 4} and hub.tables.count("sales_lines") == 9
    assert retain(hub, DAY) == {"sales_lines": 4}
    assert {row["day"] for row in hub.tables.fetch("sales_lines").to_pylist()} == {DAY}
    (hub.home / "hub.toml").write_text("[privacy]\nkeep_days = {sales = 1}\n")
    with pytest.raises(HubError, match="sales"):
        retain(hub, DAY)


def test_lineage_keeps_the_specification(hub: Hub) -> None:
    """Every event keeps the schema of OpenLineage 2-0-2 and of its facets; a day without runs is said."""
    step = hub.registry.steps[0]
    common = {"day": DAY, "signature": "s", "run": "r1", "at": datetime(2026, 10, 6, 3, tzinfo=UTC), "seconds": 2.0}
    good = {"step": step.name, "state": "ran", "output": "abc", "rows": 5, "versions": '{"sales_lines": 1}', "why": ""}
    bad = {"step": "gone", "state": "failed", "output": "", "rows": 0, "versions": "{}", "why": "disk full"}
    with hub.state.begin() as connection:
        connection.execute(insert(runs), [common | good, common | bad])
    events = lineage_of(hub, DAY)
    assert sorted(event["eventType"] for event in events) == ["COMPLETE", "FAIL", "START", "START"]
    schema = jsonschema_rs.validator_for(EVENT, validate_formats=True)
    for event in json.loads(json.dumps(events)):
        schema.validate(event)
    assert not schema.is_valid(events[0] | {"eventTime": "yesterday"})
    done = next(event for event in events if event["eventType"] == "COMPLETE")
    assert done["inputs"][0]["facets"]["version"]["datasetVersion"] == "1"
    assert done["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 5
    assert [event["run"]["runId"] for event in lineage_of(hub, DAY)] == [event["run"]["runId"] for event in events]
    with pytest.raises(HubError):
        lineage_of(hub, date(2001, 1, 1))
