"""One open house: its own folder, settings, log, tables, ledger and inbox."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from aislehub.core.book import Filter
from aislehub.core.errors import HubError
from aislehub.core.hub import open_hub
from aislehub.core.state import runs

DAY = date(2017, 11, 5)


def test_everything_lives_in_the_home_folder(home: Path) -> None:
    """The default home is AISLEHUB_HOME; log, tables, ledger and inbox are made in it when first needed."""
    with open_hub() as hub:
        assert hub.home == home
        assert hub.ledger.find(Filter()) == [] and hub.inbox.since() == []
        assert hub.tables.folder == home / "tables"
        assert hub.ledger.run == hub.run
    assert {"hub.db", "inbox.db"} <= {file.name for file in home.iterdir()}


def test_the_house_that_is_open_decides(home: Path, tmp_path: Path) -> None:
    """A hub opened elsewhere reads that folder's settings, not those of the default home."""
    (home / "hub.toml").write_text('[hub]\ncurrency = "EUR"\n')
    other = tmp_path / "other"
    other.mkdir()
    (other / "hub.toml").write_text('[hub]\ncurrency = "CNY"\ntimezone = "Asia/Shanghai"\n')
    with open_hub(other) as hub:
        assert (hub.settings.currency, hub.tables.timezone) == ("CNY", "Asia/Shanghai")


def test_a_broken_hub_toml_stops_before_anything_is_touched(home: Path) -> None:
    """The error names the file; no table and no database was made."""
    (home / "hub.toml").write_text("[hub\n")
    with pytest.raises(HubError, match=r"hub\.toml cannot be read") as caught, open_hub():
        pytest.fail("opened")
    assert caught.value.code == "settings.broken_file"
    assert not (home / "tables").exists() and not (home / "hub.db").exists()


def test_a_day_without_data_fails_no_worse(home: Path) -> None:
    """An empty house runs its day: each step says how it went, the runs are kept, and the lock is given back."""
    with open_hub() as hub:
        report = hub.run_day(DAY)
        assert [step.step for step in report.steps] == [step.name for step in hub.registry.steps]
        assert {step.state for step in report.steps} <= {"ran", "failed", "skipped"}
        assert all(step.why for step in report.steps if step.state != "ran")
        with hub.state.connect() as connection:
            kept = connection.execute(select(runs)).mappings().all()
        assert {(row["step"], row["run"]) for row in kept if row["state"] == "ran"} == {
            (step.step, hub.run) for step in report.steps if step.state == "ran"
        }
        assert all(row["seconds"] > 0 for row in kept if row["state"] == "ran")
        with hub.day_lock(DAY):
            assert json.loads((home / ".day.json").read_text())["day"] == "2017-11-05"
        assert not (home / ".day.json").exists()
