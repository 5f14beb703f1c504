"""Where bytes live: what only the Delta folder has to take care of. Both engines are tested in test_tables."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aislehub.core.storage import DeltaFolder, Memory, Storage

DAY = date(2017, 11, 5)


def rows(*names: str | None, day: date = DAY) -> pa.Table:
    """One row a name."""
    return pa.table({"day": pa.array([day] * len(names), pa.date32()), "name": pa.array(names, pa.string())})


def none(found: pa.Table) -> pa.Table:
    """No row in the place of those found."""
    return found.slice(0, 0)


@pytest.fixture(params=["memory", "delta"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An engine without tables."""
    return Memory() if request.param == "memory" else DeltaFolder(tmp_path)


def test_every_write_is_one_version(storage: Storage) -> None:
    """Append, replace and delete each count once; what changes no row counts not at all."""
    versions = [storage.version("t")]
    storage.append("t", rows("a"))
    versions.append(storage.version("t"))
    storage.replace("t", rows("b"), ("day", DAY))
    versions.append(storage.version("t"))
    assert storage.rewrite("t", "name = 'b'", none) == 1
    versions.append(storage.version("t"))
    storage.compact("t")
    versions.append(storage.version("t"))
    assert versions == [-1, 0, 1, 2, 2]


def test_a_first_write_that_was_killed_is_no_table(tmp_path: Path) -> None:
    """A folder without a commit in its log is as good as none, and the next write makes it a table."""
    storage = DeltaFolder(tmp_path)
    (tmp_path / "t" / "_delta_log").mkdir(parents=True)
    (tmp_path / "t" / "part-0.parquet").write_bytes(b"half a file")
    assert (storage.version("t"), storage.data("t")) == (-1, None)
    storage.append("t", rows("a"))
    assert storage.version("t") == 0 and len(storage.data("t") or []) == 1


def test_files_left_by_killed_writers_are_not_data(tmp_path: Path) -> None:
    """Only what a commit names is read."""
    storage = DeltaFolder(tmp_path)
    storage.append("t", rows("a"))
    (tmp_path / "t" / "part-9.parquet").write_bytes(b"half a file")
    assert [Path(file).name for file in storage.data("t") or []] != ["part-9.parquet"]
    assert len(storage.data("t") or []) == 1


def test_the_log_keeps_no_values(tmp_path: Path) -> None:
    """Statistics and operations in the log name days only, so that an erased value is not found there."""
    storage = DeltaFolder(tmp_path)
    storage.append("t", rows("secret-1", "secret-2"))
    storage.replace("t", rows("secret-3"), ("day", DAY))
    storage.append("t", rows("secret-4", "other"))
    storage.rewrite("t", "name = 'secret-4'", none)
    log = "".join(file.read_text() for file in (tmp_path / "t" / "_delta_log").glob("*.json"))
    assert "2017-11-05" in log and "secret" not in log


def test_rows_are_rewritten_and_others_kept(storage: Storage) -> None:
    """What holds for the statement is changed; other rows, and those with an empty cell, stay as they were."""
    storage.append("t", rows("a", "b", None))

    def shouted(found: pa.Table) -> pa.Table:
        return found.set_column(1, "name", pa.array([name.as_py().upper() for name in found["name"]]))

    assert storage.rewrite("t", "name = 'a'", shouted) == 1
    data = storage.data("t")
    names = data["name"].to_pylist() if isinstance(data, pa.Table) else pq.read_table(data)["name"].to_pylist()
    assert sorted(names, key=str) == ["A", None, "b"] and storage.names() == ["t"]
