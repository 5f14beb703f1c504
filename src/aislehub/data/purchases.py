"""Purchases of customers from any table of customer, item and time, as somebody exported it.

Columns are found by the words that exports use (`headers.toml`), beside some that logs of events use; times may be
dates, ISO 8601, 31/12/2017, numbers of days, or seconds, milliseconds … since 1970. A row without customer, item or
time says nothing of anybody's taste and is counted, not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError
from aislehub.data.guess import guess, knows
from aislehub.data.mapping import normal
from aislehub.data.reading import Export, read_exports
from aislehub.data.written_moments import DAY, MICRO, DateEvidence, parse_moment
from aislehub.data.written_numbers import parse_number

__all__ = ["Purchases", "read_purchases"]

WANTED = Contract(
    "sales_lines",
    "One item that a customer bought",
    (
        Column("customer", "text", "Who"),
        Column("item", "text", "What"),
        Column("sold_at", "time", "When"),
        Column("store", "text", "Where", required=False),
        Column("receipt", "text", "Lines with the same one were bought together", required=False),
        Column("quantity", "float", "Units", required=False),
        Column("amount", "float", "Money paid", required=False),
        Column("price", "float", "Money of a unit", required=False),
        Column("discount", "float", "Money taken off", required=False),
        Column("category", "text", "Kind of the item", required=False),
    ),
    key="customer item sold_at",
    known_from="sold_at",
)
WORDS: Mapping[str, tuple[str, ...]] = {
    "customer": ("customer", "customer id", "user", "user id", "visitor id", "household key"),
    "item": ("item", "item id", "product id", "stock code", "asin"),
    "sold_at": ("time", "timestamp", "datetime", "date", "day", "event time", "invoice date", "ts"),
}
"""Names that are taken at their word, best first, whatever stands below them."""
SAID = {"customer": "customer", "item": "item", "sold_at": "time"}
BLOCK = 200_000
SAMPLE = 1000


@dataclass(frozen=True)
class Purchases:
    """What a file says.

    Attributes:
        lines: customer, item, day, time, and where the file has them store, receipt, quantity, amount and discount.
        items: one row an item: item, and category where the file has it.
        columns: our name → the file's.
        left_out: rows without customer, item or time, or that do not fit their header.
    """

    lines: pa.Table
    items: pd.DataFrame
    columns: Mapping[str, str]
    left_out: int


def read_purchases(file: Path, *, now: datetime) -> Purchases:
    """Read a CSV, Parquet or xlsx file.

    Args:
        now: nothing was bought later than a day after it.

    Raises:
        HubError: those of `read_exports`; `data.purchases_columns`, `data.purchases_time`, `data.purchases_future`,
            `data.purchases_none`.
    """
    export = read_exports(str(file), knows)[0]
    columns = _columns(export)
    missing = [SAID[name] for name in SAID if name not in columns]
    if missing:
        raise HubError("data.purchases_columns", file=file.name, missing=", ".join(missing),
                       found=", ".join(export.columns))  # fmt: skip
    cells, numbers, broken = _cells(export, list(columns.values()))
    raw = {ours: cells[theirs] for ours, theirs in columns.items()}
    names = {name: _texts(raw[name]) for name in ("customer", "item")}
    stated = pc.and_(pc.and_(pc.is_valid(names["customer"]), pc.is_valid(names["item"])), _is_filled(raw["sold_at"]))
    kept = stated.to_numpy()
    if not kept.any():
        raise HubError("data.purchases_none", file=file.name)
    raw = {ours: values.filter(stated) for ours, values in raw.items()}
    micros = _micros(raw["sold_at"], numbers[kept], file.name)
    late = np.flatnonzero(micros > (now.timestamp() * MICRO) + DAY)
    if len(late):
        raise HubError("data.purchases_future", file=file.name, count=len(late), line=int(numbers[kept][late[0]]),
                       value=str(np.datetime64(int(micros[late[0]]), "us")))  # fmt: skip
    lines = {name: values.filter(stated) for name, values in names.items()}
    lines |= {"day": pa.array((micros // DAY).astype(np.int32), pa.date32()), "time": pa.array(micros)}
    lines |= {name: _texts(raw[name]) for name in ("store", "receipt") if name in raw}
    lines |= _money({name: _floats(raw[name]) for name in ("quantity", "amount", "price", "discount") if name in raw})
    items = {"item": lines["item"]} | ({"category": _texts(raw["category"])} if "category" in raw else {})
    frame = pa.table(items).to_pandas().drop_duplicates("item", ignore_index=True)
    return Purchases(pa.table(lines), frame, columns, broken + int((~kept).sum()))


# -- columns -----------------------------------------------------------------------------------------


def _columns(export: Export) -> dict[str, str]:
    """Our name → the file's column."""
    found: dict[str, str] = {}
    by_word = {normal(name): name for name in reversed(export.columns)}
    for ours, words in WORDS.items():
        theirs = [by_word[normal(word)] for word in words if normal(word) in by_word]
        if theirs:
            found[ours] = theirs[0]
    first = next(export.blocks(SAMPLE), None)
    if first is None or not len(first.cells):
        raise HubError("file.empty", file=export.name)
    free = [name for name in export.columns if name not in found.values()]
    if free:
        rest = guess(free, first.cells.select(free), {WANTED.name: WANTED}, table=WANTED.name)
        found = {ours: name for ours, name in rest.columns.items() if name in free} | found
    return {name: found[name] for name in WANTED.schema.names if name in found}


def _cells(export: Export, columns: list[str]) -> tuple[pa.Table, NDArray[np.int64], int]:
    """Some columns of all rows, the rows' numbers as their owner counts, and how many rows did not fit."""
    tables, numbers, broken = [], [], 0
    for block in export.blocks(BLOCK):
        tables.append(block.cells.select(columns))
        numbers.append(block.numbers.to_numpy())
        broken += len(block.broken)
    return pa.concat_tables(tables, promote_options="permissive"), np.concatenate(numbers), broken


# -- values ------------------------------------------------------------------------------------------


def _texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Identifiers as text: 17850.0 is 17850; blank, nan and null are nothing."""
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
        whole = pc.all(pc.equal(values, pc.floor(values)), skip_nulls=True).as_py()
        values = values.cast(pa.int64()) if whole in (True, None) else values
    plain = pc.utf8_trim_whitespace(values.cast(pa.string()))
    if not pa.types.is_integer(values.type) and pc.all(pc.match_substring_regex(plain, r"^(\d+\.0)?$")).as_py():
        plain = pc.replace_substring_regex(plain, r"\.0$", "")
    nothing = pc.match_substring_regex(plain, r"(?i)^(|nan|null|none|n/a|<na>)$")
    return pc.if_else(pc.fill_null(nothing, True), None, plain)


def _is_filled(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(values.type):
        return pc.and_(pc.is_valid(values), pc.invert(pc.fill_null(pc.is_nan(values), True)))
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return pc.is_valid(_texts(values))
    return pc.is_valid(values)


def _floats(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers; what is none is empty."""
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return values.cast(pa.float64())
    return _by_value(values, parse_number, pa.float64())


def _by_value(values: pa.ChunkedArray, parse: Callable[[str], object], kind: pa.DataType) -> pa.ChunkedArray:
    """Each distinct text read once."""
    coded = pc.dictionary_encode(values).unify_dictionaries().combine_chunks()
    coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
    return pa.chunked_array(
        [pa.array([parse(text) for text in coded.dictionary.to_pylist()], kind).take(coded.indices)]
    )


def _micros(values: pa.ChunkedArray, numbers: NDArray[np.int64], file: str) -> NDArray[np.int64]:
    """Microseconds since 1970 of filled cells; a file's own clock where it names no zone."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        plain = pc.utf8_trim_whitespace(values)
        if not pc.all(pc.match_substring_regex(plain, r"^-?\d+(\.\d*)?$")).as_py():
            return _of_texts(plain, numbers, file)
        is_whole = not pc.any(pc.match_substring(plain, ".")).as_py()
        values = plain.cast(pa.int64() if is_whole else pa.float64())
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return _of_numbers(values.to_numpy(), numbers, file)
    if pa.types.is_temporal(values.type) and not pa.types.is_time(values.type):
        return values.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_numpy()
    raise HubError("data.purchases_time", file=file, line=int(numbers[0]), value=values[0].as_py())


def _of_numbers(values: NDArray[Any], numbers: NDArray[np.int64], file: str) -> NDArray[np.int64]:
    """Days since whenever (below 20,000), days of a spreadsheet, yyyymmdd, or seconds to nanoseconds since 1970."""
    low, high = float(values.min()), float(values.max())
    if low < 0:
        raise HubError("data.purchases_time", file=file, line=int(numbers[values.argmin()]), value=values.min())
    if high < 20_000:
        return (values * DAY).astype(np.int64)
    if high < 80_000:
        return ((values - 25_569.0) * DAY).astype(np.int64)  # a spreadsheet counts from 1899-12-30
    if low >= 19_000_101 and high <= 21_001_231:
        days = pd.to_datetime(pd.Series(values.astype(np.int64).astype(str)), format="%Y%m%d", errors="coerce")
        if days.notna().all():
            return days.astype("datetime64[us]").astype(np.int64).to_numpy()
    for limit, divided, by in ((1e11, 1, MICRO), (1e14, 1, 1000), (1e17, 1, 1), (1e20, 1000, 1)):
        if high < limit:
            return (values // divided * by).astype(np.int64) if divided > 1 else (values * by).astype(np.int64)
    raise HubError("data.purchases_time", file=file, line=int(numbers[values.argmax()]), value=values.max())


def _of_texts(plain: pa.ChunkedArray, numbers: NDArray[np.int64], file: str) -> NDArray[np.int64]:
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return plain.cast(kind).cast(pa.int64()).to_numpy()
        except pa.ArrowInvalid:  # not all of them ISO 8601: read below, one by one
            continue
    days = pc.unique(pc.replace_substring_regex(plain, r"(\d)[ tT].*$", r"\1"))
    seen = DateEvidence()
    seen.add(days.to_pylist())
    order, _ = seen.decide("mdy")

    def micros(text: str) -> int | None:
        moment = parse_moment(text, order)
        return None if moment is None else moment.micros

    found = _by_value(plain, micros, pa.int64())
    if found.null_count:
        at = int(np.flatnonzero(pc.is_null(found).to_numpy(zero_copy_only=False))[0])
        raise HubError("data.purchases_time", file=file, line=int(numbers[at]), value=plain[at].as_py())
    return found.to_numpy()


def _money(numbers: dict[str, pa.ChunkedArray]) -> dict[str, pa.ChunkedArray]:
    """Quantity, amount and discount of each line; the amount from the price where the file has no other."""
    price = numbers.pop("price", None)
    if price is not None and "amount" not in numbers:
        numbers["amount"] = pc.multiply(price, numbers["quantity"]) if "quantity" in numbers else price
    return numbers
