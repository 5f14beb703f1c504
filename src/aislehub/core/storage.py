"""Where table bytes live: a Delta Lake folder, or memory. `tables.py` is the only caller."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, write_deltalake

from aislehub.core.errors import HubError

__all__ = ["DeltaFolder", "Memory", "Storage"]

_COMPACT_ABOVE = 24  # files; a keyed read slows from 23 to 38 ms after some 60 small appends
_HISTORY = 50  # commits searched for the last one that changed rows
_KEEP_HOURS = 168  # a reader may hold the files of an older version for this long
_REFUSED = frozenset("%[]\\^|")  # characters of a folder's name that deltalake's URLs garble


class Storage(Protocol):
    """What `Tables` asks of an engine. Every write is one atomic new version."""

    def version(self, name: str) -> int: ...
    def changed_at(self, name: str) -> int: ...
    def data(self, name: str) -> pa.Table | list[str] | None: ...
    def append(self, name: str, rows: pa.Table) -> None: ...
    def replace(self, name: str, rows: pa.Table, where: tuple[str, object] | None) -> None: ...
    def rewrite(self, name: str, wanted: str, change: Callable[[pa.Table], pa.Table]) -> int: ...
    def names(self) -> list[str]: ...
    def compact(self, name: str) -> None: ...


class Memory:
    """Tables of one process: the twin's engine, and a quick one for tests."""

    def __init__(self) -> None:
        self._tables: dict[str, pa.Table] = {}
        self._versions: dict[str, int] = {}

    def version(self, name: str) -> int:
        return self._versions.get(name, -1)

    def changed_at(self, name: str) -> int:
        return self.version(name)

    def data(self, name: str) -> pa.Table | None:
        return self._tables.get(name)

    def append(self, name: str, rows: pa.Table) -> None:
        old = self._tables.get(name)
        self._set(name, rows if old is None else pa.concat_tables([old, rows], promote_options="default"))

    def replace(self, name: str, rows: pa.Table, where: tuple[str, object] | None) -> None:
        old = self._tables.get(name)
        if where is None or old is None:
            self._set(name, rows)
            return
        column, value = where
        kept = old.filter(pc.not_equal(old[column], pa.scalar(value, old[column].type)))
        self._set(name, pa.concat_tables([kept, rows], promote_options="default"))

    def rewrite(self, name: str, wanted: str, change: Callable[[pa.Table], pa.Table]) -> int:
        engine = _engine()
        engine.register("held", self._tables[name])
        stored = engine.table("held")
        found = stored.filter(wanted).to_arrow_table()
        if found.num_rows:
            kept = stored.filter(f"NOT coalesce({wanted}, false)").to_arrow_table()
            self._set(name, pa.concat_tables([kept, change(found).cast(kept.schema)]))
        return int(found.num_rows)

    def names(self) -> list[str]:
        return list(self._tables)

    def compact(self, name: str) -> None:
        """Nothing to do: memory holds one piece."""

    def _set(self, name: str, rows: pa.Table) -> None:
        self._tables[name] = rows
        self._versions[name] = self._versions.get(name, -1) + 1


class DeltaFolder:
    """One Delta Lake table per folder: many processes read while one writes."""

    def __init__(self, folder: Path) -> None:
        """Raises HubError `tables.folder` for a path that the engine cannot name."""
        if refused := sorted(_REFUSED & set(str(folder))):
            raise HubError("tables.folder", folder=folder, refused=" ".join(refused))
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / name

    def _open(self, name: str) -> DeltaTable | None:
        """None before the first commit, also where a killed first write has left its folder behind."""
        log = self.path(name) / "_delta_log"
        begun = log.exists() and any(log.glob("*.json"))
        return DeltaTable(self.path(name)) if begun else None

    def version(self, name: str) -> int:
        """The last version that changed rows; compaction and vacuum do not count."""
        table = self._open(name)
        if table is None:
            return -1
        for entry in table.history(_HISTORY):
            if entry.get("operation") not in {"OPTIMIZE", "VACUUM START", "VACUUM END"}:
                return int(entry["version"])
        return table.version()

    def changed_at(self, name: str) -> int:
        """When the log of versions got its last entry, in ns; one look at a folder."""
        try:
            return (self.path(name) / "_delta_log").stat().st_mtime_ns
        except FileNotFoundError:
            return -1

    def data(self, name: str) -> list[str] | None:
        table = self._open(name)
        return None if table is None else [unquote(uri) for uri in table.file_uris()]

    def append(self, name: str, rows: pa.Table) -> None:
        self._write(name, rows, mode="append", schema_mode="merge")

    def replace(self, name: str, rows: pa.Table, where: tuple[str, object] | None) -> None:
        if where is None or self._open(name) is None:
            self._write(name, rows, mode="overwrite", schema_mode="overwrite")
        else:
            column, value = where
            self._write(name, rows, mode="overwrite", schema_mode="merge", predicate=f"{column} = '{value}'")

    def rewrite(self, name: str, wanted: str, change: Callable[[pa.Table], pa.Table]) -> int:
        """Put what `change` makes of the rows for which `wanted` (SQL) holds in their place, old bytes gone.

        All rows are written anew: Delta's own DELETE would keep the values in the predicate of its log. What a killed
        writer has left beside the table goes, too.
        """
        files = self.data(name)
        if files is None and self.path(name).exists():
            shutil.rmtree(self.path(name))
        if not files:
            return 0
        engine = _engine()
        stored = engine.read_parquet(files, union_by_name=True)
        found = stored.filter(wanted).to_arrow_table()
        if found.num_rows:
            kept = stored.filter(f"NOT coalesce({wanted}, false)")
            # A table of DuckDB's own: scanning an Arrow table needs Python's lock, which the writer holds.
            engine.register("given", change(found).cast(found.schema))
            engine.execute("CREATE TABLE changed AS FROM given")
            engine.unregister("given")
            self._write(name, kept.union(engine.table("changed")).to_arrow_reader(100_000), mode="overwrite")
        table = DeltaTable(self.path(name))
        table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)
        return int(found.num_rows)

    def names(self) -> list[str]:
        """Every table's folder, also one that a killed first write has left behind."""
        return sorted(path.name for path in self.folder.glob("*/"))

    def _write(self, name: str, rows: pa.Table | pa.RecordBatchReader, **how: Any) -> None:
        """Commit with statistics of `day` alone (they spare a replaced slice from reading the others).

        The log then holds no other value of a row, so nothing of an erased person stays in it.
        """
        by_day = "day" in rows.schema.names
        statistics = {"delta.dataSkippingStatsColumns": "day"} if by_day else {"delta.dataSkippingNumIndexedCols": "0"}
        write_deltalake(self.path(name), rows, configuration=statistics, **how)

    def compact(self, name: str) -> None:
        table = self._open(name)
        if table is None or len(table.file_uris()) <= _COMPACT_ABOVE:
            return
        table.optimize.compact(commit_properties=CommitProperties(custom_metadata={"reason": "compaction"}))
        table.vacuum(retention_hours=_KEEP_HOURS, dry_run=False)


def _engine() -> duckdb.DuckDBPyConnection:
    """A database of one's own, whose times stay in UTC by that name: another zone's column joins with no stored one."""
    engine = duckdb.connect()
    engine.execute("SET TimeZone = 'UTC'")
    return engine
