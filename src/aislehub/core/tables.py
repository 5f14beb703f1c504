"""Facts and results live in tables with contracts; reading asks what was known on a day.

`Tables` knows contracts; the bytes are the business of `storage.py`. Three physical columns stay
inside: `_key` (row key), `_row` (content key) and `_rev` (0, or the number of the correction).
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake.exceptions import DeltaError
from filelock import FileLock, Timeout

from aislehub.core.contract import Contract
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.rowkeys import row_keys
from aislehub.core.storage import DeltaFolder, Memory, Storage

__all__ = ["Tables", "Written", "end_of_day", "quoted"]

_LOCK_SECONDS = 120
_ALWAYS = pa.scalar(datetime(1970, 1, 1, tzinfo=UTC), pa.timestamp("us", tz="UTC"))


@dataclass(frozen=True)
class Written:
    """What an append did: `read` = `new` + `known`."""

    table: str
    read: int
    new: int
    known: int
    version: int


def end_of_day(day: date, timezone: str = "UTC") -> datetime:
    """The instant at which business day `day` ends, in UTC (23- and 25-hour days included)."""
    return datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(timezone)).astimezone(UTC)


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


class Tables:
    """All tables of one house.

    Args:
        storage: a folder (Delta Lake), or None for memory.
        contracts: every table that may be read or written, by name.
        timezone: where a business day ends, for `as_of` dates.
    """

    def __init__(self, storage: Path | None, contracts: Mapping[str, Contract], timezone: str = "UTC") -> None:
        self.contracts = contracts
        self.timezone = timezone
        self.folder = storage
        self._storage: Storage = Memory() if storage is None else DeltaFolder(storage)
        self._engine = duckdb.connect(config={"threads": len(os.sched_getaffinity(0))})
        self._opening = threading.Lock()
        self._mine = threading.local()
        self._revised: dict[str, tuple[int, bool]] = {}

    # -- reading ---------------------------------------------------------------------------------

    @property
    def connection(self) -> Any:
        """Ibis on an in-memory DuckDB (a DuckDB *file* would lock other processes out), for this thread.

        DuckDB refuses a second call on a connection at work, so every thread has its own cursor.
        """
        if not hasattr(self._mine, "connection"):
            with self._opening:
                self._mine.connection = ibis.duckdb.from_connection(self._engine.cursor())
            self._mine.connection.raw_sql("SET TimeZone = 'UTC'")
            self._mine.views = {}
        return self._mine.connection

    def read(self, name: str, as_of: date | datetime | None = None) -> ir.Table:
        """The rows of `name`, lazily.

        With `as_of`, facts are those known before then, each key in the version known last by then, and
        results are the slices of days that had ended by then. A date means the end of that business day; a
        datetime without zone is UTC. Without `as_of`, facts are in their latest version.

        Raises:
            HubError: `tables.unknown`.
        """
        contract = self.contract(name)
        rows = self._physical(name)
        if rows is None:
            return self._view(name, contract.empty())
        if contract.is_fact:
            if as_of is not None:
                rows = rows.filter(rows.known_at < self._instant(as_of))
            if self._has_revisions(name):
                newest_first = [ibis.desc("known_at"), ibis.desc("_rev")]
                latest = ibis.row_number().over(group_by="_key", order_by=newest_first)
                rows = rows.mutate(_latest=latest).filter(ibis._._latest == 0)
        elif as_of is not None:
            rows = rows.filter(rows.day <= ibis.literal(_last_day(as_of, self.timezone)))
        have = set(rows.columns)
        return rows.select(
            **{c.name: rows[c.name] if c.name in have else ibis.null(_ibis_type(c.arrow)) for c in contract.columns}
        )

    def fetch(self, name: str, as_of: date | datetime | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of `name` as an Arrow table."""
        return self.run(lambda tables: tables.read(name, as_of).select(*(columns or self.contract(name).schema.names)))

    def run(self, build: Callable[[Tables], ir.Table]) -> pa.Table:
        """Execute an expression over these tables; once more when an erasure removed a file under it."""
        try:
            return build(self).to_pyarrow()
        except duckdb.IOException:
            return build(self).to_pyarrow()

    def version(self, name: str) -> int:
        """The version that last changed rows of `name`; -1 while there is no such table yet."""
        self.contract(name)
        return self._storage.version(name)

    def changed_at(self, name: str) -> int:
        """A number that is another one after every write, and costs less to look at than `version`; -1 = no table."""
        self.contract(name)
        return self._storage.changed_at(name)

    def count(self, name: str) -> int:
        """Rows stored, corrected versions included."""
        rows = self._physical(name)
        return 0 if rows is None else int(rows.count().execute())

    def contract(self, name: str) -> Contract:
        if name not in self.contracts:
            raise HubError("tables.unknown", table=name, suggestion=did_you_mean(name, self.contracts))
        return self.contracts[name]

    # -- writing ---------------------------------------------------------------------------------

    def append(self, name: str, rows: pa.Table) -> Written:
        """Add facts. A row already there is known and changes nothing; a new content for a key corrects it.

        `rows` keep the contract already (`Contract.check`). Empty `known_at` cells are filled from the
        contract's `known_from` or, where that lies ahead (a plan, a price of next week) or the contract names none,
        with now; a correction without `known_at` is known from now on. Where `known_from` is a day outside the key
        (the terms of today, then those from a day on), a row that lies ahead takes over on its day.

        Raises:
            HubError: `tables.busy` when another process keeps writing, `tables.unwritable` on a full disk.
        """
        contract = self.contract(name)
        if not contract.is_fact:
            raise TypeError(f"{name} is written by a step, in slices: use write()")
        keyed = _keyed(contract, rows)
        with self._writing(name):
            new = self._unseen(name, keyed)
            if new.num_rows:
                self._storage.append(name, self._with_known_at(contract, new))
            version = self._storage.version(name)
        return Written(name, rows.num_rows, new.num_rows, rows.num_rows - new.num_rows, version)

    def unseen(self, name: str, rows: pa.Table) -> int:
        """How many of `rows` an `append` would add."""
        return int(self._unseen(name, _keyed(self.contract(name), rows)).num_rows)

    def write(self, name: str, rows: pa.Table, day: date | None) -> int:
        """Replace the slice of one business day (or, with None, the whole table) of a step's result.

        Returns the new version. Raises as `append`, `contract.broken` when a row breaks its promise, and
        `tables.other_day` when a row is of a day other than the slice's.
        """
        contract = self.contract(name)
        if contract.is_fact:
            raise TypeError(f"{name} holds facts, which only grow: use append()")
        good = contract.require(rows)
        others = [] if day is None else [d for d in pc.unique(good["day"]).to_pylist() if d != day]
        if others:
            raise HubError("tables.other_day", table=name, day=day, found=min(others))
        with self._writing(name):
            self._storage.replace(name, good, None if day is None else ("day", day))
            return self._storage.version(name)

    def erase(self, name: str, column: str, values: Sequence[str]) -> int:
        """Remove every row whose `column` holds one of `values`, bytes included; returns how many."""
        self.contract(name).column(column)
        listed = ", ".join(map(quoted, values)) or "NULL"
        return self.rewrite(name, f'CAST("{column}" AS VARCHAR) IN ({listed})', lambda found: found.slice(0, 0))

    def rewrite(self, name: str, wanted: str, change: Callable[[pa.Table], pa.Table]) -> int:
        """Put what `change` makes of some rows in their place, the bytes of the old ones gone; returns how many.

        Rows are those stored: corrected versions too, with the physical columns. Where none is wanted, only files of
        older versions go.

        Args:
            name: a stored table, also one whose contract this release no longer has.
            wanted: SQL that holds for the rows, on the columns of `stored_columns`.
            change: these rows → those to be stored instead.
        """
        if name not in self._storage.names():
            return 0
        with self._writing(name):
            return self._storage.rewrite(name, wanted, change)

    def stored(self) -> list[str]:
        """Names of the tables that may hold anything, also those whose contract this release no longer has."""
        return self._storage.names()

    def stored_columns(self, name: str) -> dict[str, str]:
        """Physical columns of a stored table with their DuckDB types; empty when it holds nothing."""
        rows = self._relation(name)
        return {} if rows is None else dict(zip(rows.columns, map(str, rows.types), strict=True))

    def matching(self, name: str, wanted: str) -> pa.Table:
        """The stored rows for which `wanted` (SQL) holds, corrected versions too, with the physical columns."""
        rows = self._relation(name)
        return pa.table({}) if rows is None else rows.filter(wanted).to_arrow_table()

    def compact(self, name: str) -> None:
        """Join many small files into few (readers of older versions keep theirs for a week)."""
        with self._writing(name):
            self._storage.compact(name)

    # -- inside ----------------------------------------------------------------------------------

    def _physical(self, name: str) -> ir.Table | None:
        self.contract(name)
        data = self._storage.data(name)
        if data is None or not len(data):
            return None
        return self._view(name, data)

    def _relation(self, name: str) -> duckdb.DuckDBPyRelation | None:
        """All that is stored, on a cursor of its own."""
        data = self._storage.data(name)
        if data is None or not len(data):
            return None
        engine = self._engine.cursor()
        engine.execute("SET TimeZone = 'UTC'")
        if isinstance(data, list):
            return engine.read_parquet(data, union_by_name=True)
        engine.register("held", data)
        return engine.table("held")

    def _view(self, name: str, data: pa.Table | list[str]) -> ir.Table:
        """`data` under a name that this thread's DuckDB knows; the same one while the data are the same."""
        connection = self.connection
        held, view = self._mine.views.get(name, (None, None))
        if held is data or (isinstance(data, list) and held == data):
            return view
        if isinstance(data, pa.Table):
            label = f"{name}_{id(data)}"
            connection.con.register(label, data)
            view = connection.table(label)
            # Or every version would stay in memory. At exit there is nothing left to free.
            weakref.finalize(view.op(), connection.con.unregister, label).atexit = False
        else:
            view = connection.read_parquet(data, union_by_name=True, hive_partitioning=False)
        self._mine.views[name] = data, view
        return view

    def _has_revisions(self, name: str) -> bool:
        version = self._storage.version(name)
        if self._revised.get(name, (-1, False))[0] != version:
            rows = self._physical(name)
            self._revised[name] = version, rows is not None and bool((rows._rev.max() > 0).execute())
        return self._revised[name][1]

    def _instant(self, moment: date | datetime) -> ir.Value:
        """Facts known before this instant count."""
        instant = _zoned(moment) if isinstance(moment, datetime) else end_of_day(moment, self.timezone)
        return ibis.literal(instant.astimezone(UTC).isoformat()).cast("timestamp('UTC', 6)")

    def _unseen(self, name: str, keyed: pa.Table) -> pa.Table:
        """The rows not yet there, first occurrence each, with `_rev` = how many versions the key has already.

        A row that says again what an older version said is there already, unless its own `known_at` shows that it
        was said after another version: an item closed, opened and closed again.
        """
        stored = self._storage.data(name)
        engine = duckdb.connect()
        places = pa.array(np.arange(len(keyed)))
        engine.register("incoming", keyed.select(["_key", "_row", "known_at"]).append_column("place", places))
        if stored is None or not len(stored):
            engine.execute("CREATE VIEW stored AS SELECT _key, _row, known_at, 0 AS _rev FROM incoming WHERE false")
        elif isinstance(stored, pa.Table):
            engine.register("stored", stored.select(["_key", "_row", "known_at", "_rev"]))
        else:
            files = ", ".join(map(quoted, stored))
            engine.execute(f"CREATE VIEW stored AS SELECT _key, _row, known_at, _rev FROM read_parquet([{files}])")
        # Only stored rows whose key comes in again matter: a few, or all of them when a file is loaded twice.
        engine.execute("CREATE TABLE met AS SELECT _key, _row FROM stored WHERE _key IN (SELECT _key FROM incoming)")
        fresh = engine.sql("""
            WITH distinct_rows AS (SELECT _key, _row, min(place) AS place FROM incoming GROUP BY _key, _row),
                 several AS (SELECT _key FROM met GROUP BY _key HAVING count(*) > 1 UNION
                             SELECT _key FROM distinct_rows GROUP BY _key HAVING count(*) > 1),
                 said AS (SELECT _key, _row, known_at, place FROM incoming
                          WHERE known_at IS NOT NULL AND _key IN (FROM several) UNION ALL
                          SELECT _key, _row, known_at, _rev - 1_000_000_000 FROM stored WHERE _key IN (FROM several)),
                 in_turn AS (SELECT *, lag(_row) OVER (PARTITION BY _key ORDER BY known_at, place) AS before FROM said),
                 unseen AS (SELECT _key, place FROM distinct_rows
                            WHERE (_key, _row) NOT IN (SELECT (_key, _row) FROM met) UNION
                            SELECT _key, place FROM in_turn WHERE place >= 0 AND before IS DISTINCT FROM _row)
            SELECT place, CAST(row_number() OVER (PARTITION BY _key ORDER BY place) - 1 AS INTEGER)
                       + coalesce(versions, 0) AS _rev
            FROM unseen LEFT JOIN (SELECT _key, count(*) AS versions FROM met GROUP BY _key) USING (_key)
            ORDER BY place""").to_arrow_table()  # fmt: skip
        new = keyed if fresh.num_rows == keyed.num_rows else keyed.take(fresh["place"])
        return new.append_column("_rev", fresh["_rev"].cast(pa.int32()))

    def _with_known_at(self, contract: Contract, rows: pa.Table) -> pa.Table:
        now = pa.scalar(datetime.now(UTC), pa.timestamp("us", tz="UTC"))
        given = rows["known_at"]
        derived: Any = now
        if contract.known_from:
            origin = rows[contract.known_from]
            takes_over = pa.types.is_date32(origin.type) and contract.known_from not in contract.keys
            if pa.types.is_date32(origin.type):  # known from the day's first instant
                origin = _start_of_days(origin, self.timezone)
            origin = pc.coalesce(origin, _ALWAYS)  # an item without a first day of listing has been there all along
            is_correction, is_ahead = pc.greater(rows["_rev"], 0), pc.greater(origin, now)
            # The terms of next month, under the key of today's, must not hide these before they hold.
            is_known_now = pc.and_not(is_correction, is_ahead) if takes_over else pc.or_(is_correction, is_ahead)
            derived = pc.if_else(is_known_now, now, origin)
        filled = pc.coalesce(given, derived)
        return rows.set_column(rows.column_names.index("known_at"), "known_at", filled)

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """One writer per table; another process waits, and gives up with a sentence."""
        if self.folder is None:
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / f".{name}.lock", timeout=_LOCK_SECONDS):
                yield
        except Timeout as error:
            raise HubError("tables.busy", table=name, seconds=_LOCK_SECONDS) from error
        except (OSError, DeltaError) as error:
            raise HubError("tables.unwritable", table=name, why=str(error).splitlines()[0]) from error


def _keyed(contract: Contract, rows: pa.Table) -> pa.Table:
    """Rows with the key of their identity and of their content."""
    content = [c.name for c in contract.columns if c.name not in (*contract.keys, "known_at")]
    keyed = rows.append_column("_key", row_keys(rows, contract.keys))
    return keyed.append_column("_row", row_keys(keyed, ["_key", *content]))


def _start_of_days(days: pa.ChunkedArray, timezone: str) -> pa.ChunkedArray:
    local = days.cast(pa.timestamp("us"))
    return pc.assume_timezone(local, timezone, ambiguous="earliest", nonexistent="latest").cast(
        pa.timestamp("us", tz="UTC")
    )


def _last_day(moment: date | datetime, timezone: str) -> date:
    """The last business day that has ended by `moment`."""
    if not isinstance(moment, datetime):
        return moment
    return _zoned(moment).astimezone(ZoneInfo(timezone)).date() - timedelta(days=1)


def _zoned(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _ibis_type(kind: pa.DataType) -> Any:
    return ibis.Schema.from_pyarrow(pa.schema([pa.field("c", kind)]))["c"]
