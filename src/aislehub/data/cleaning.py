"""Clean values: numbers, dates, yes and no, and text, as tills, spreadsheets and web shops write them.

Every distinct value is read once, so the cost follows the number of distinct values. What one value
cannot tell (is 1,234 a thousand or a decimal? is 01/05 in January or in May?) is decided per column, from
all of its values, as a `Style`. A value that cannot be read stays as it was written, so that its row is
rejected with it; nothing is ever made up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aislehub.core.contract import ARROW, Column
from aislehub.data.written_moments import DAY, MICRO, DateOrder, parse_moment
from aislehub.data.written_numbers import Decimal, parse_number

__all__ = ["Style", "clean"]

_EMPTY = {
    "",
    "-",
    "--",
    "---",
    "—",
    "–",
    "null",
    "(null)",
    "none",
    "n/a",
    "#n/a",
    "na",
    "nan",
    "nat",
    "nil",
    "\\n",
    "#null!",
}
_YES = {"是", "有", "对", "真", "启用", "yes", "y", "true", "t", "1", "on", "x", "✓", "√", "ja", "oui", "si", "sí"}
_NO = {"否", "无", "没有", "不", "假", "停用", "no", "n", "false", "f", "0", "off", "nein", "non"}


@dataclass(frozen=True)
class Style:
    """How one column writes what a single value cannot tell.

    Attributes:
        decimal: the decimal mark of numbers such as 1,234.
        date_order: the order of dates such as 01/05/2017.
        timed: some value of the column has a time of day; where none has, a moment is the close of its day.
        typed: the source has types, so its text is text: no `n/a` for nothing, no `="00123"` for a code.
    """

    decimal: Decimal = "."
    date_order: DateOrder = "ymd"
    timed: bool = True
    typed: bool = False


def clean(raw: pa.ChunkedArray, column: Column, style: Style, zone: str | pa.Array, is_code: bool) -> pa.ChunkedArray:
    """One column's values, typed as promised; where some cannot be read, as text with those left as written.

    Args:
        raw: values (n,) of any type.
        column: what is promised.
        style: what the column's values showed together.
        zone: IANA time zone of moments without one, for all rows or one per row.
        is_code: the column holds codes: full-width letters and a spreadsheet's `.0` and `="…"` are undone.
    """
    if pa.types.is_dictionary(raw.type):
        raw = raw.cast(raw.type.value_type)
    if pa.types.is_large_string(raw.type):
        raw = raw.cast(pa.string())
    if raw.type == column.arrow and column.type != "text":
        return raw
    match column.type:
        case "text":
            return _clean_text(raw, is_code, style.typed)
        case "float" | "int":
            return _clean_number(raw, column, style)
        case "bool":
            return raw if pa.types.is_integer(raw.type) else _readable(raw, column, _parse_bool)
        case _:
            return _clean_moment(raw, column, style, zone)


def _clean_number(raw: pa.ChunkedArray, column: Column, style: Style) -> pa.ChunkedArray:
    if not pa.types.is_string(raw.type):
        return raw
    if style.decimal == ".":
        try:
            return raw.cast(pa.float64()) if column.type == "float" else raw.cast(pa.int64())
        except pa.ArrowInvalid:
            pass  # some value is written for people: read each distinct one below

    def parse(text: str) -> float | int | None:
        value = parse_number(text, style.decimal)
        if column.type == "float" or value is None:
            return value
        return int(value) if value.is_integer() else None

    return _readable(raw, column, parse)


def _parse_bool(text: str) -> bool | None:
    word = unicodedata.normalize("NFKC", text).strip().casefold()
    return True if word in _YES else False if word in _NO else None


def _readable(raw: pa.ChunkedArray, column: Column, parse: Callable[[str], object]) -> pa.ChunkedArray:
    """Read each distinct text once. With unreadable ones the result stays text, for the contract to name them."""
    coded = raw.cast(pa.string()).combine_chunks().dictionary_encode()
    texts: list[str] = coded.dictionary.to_pylist()
    blank = [_is_empty(text) for text in texts]
    values = [None if empty else parse(text) for text, empty in zip(texts, blank, strict=True)]
    if any(value is None and not empty for value, empty in zip(values, blank, strict=True)):
        lookup = pa.array(
            [
                None if empty else (text if value is None else str(value))
                for text, value, empty in zip(texts, values, blank, strict=True)
            ],
            pa.string(),
        )
    else:
        lookup = pa.array(values, column.arrow)
    return pa.chunked_array([lookup.take(coded.indices)])


def _is_empty(text: str) -> bool:
    return text.strip("\ufeff\u200b\u3000 \t\r\n").casefold() in _EMPTY


# -- text -------------------------------------------------------------------------------------------


def _clean_text(raw: pa.ChunkedArray, is_code: bool, typed: bool) -> pa.ChunkedArray:
    if pa.types.is_floating(raw.type):
        whole = pc.equal(raw, pc.floor(raw))
        if pc.all(pc.fill_null(whole, True)).as_py():  # codes that a missing value turned into floats
            raw = raw.cast(pa.int64())
    if not pa.types.is_string(raw.type):
        return raw.cast(pa.string())
    if typed:
        trimmed = pc.utf8_trim_whitespace(raw)
        blank = pc.equal(trimmed, "")
        return pc.if_else(blank, pa.scalar(None, pa.string()), trimmed) if pc.any(blank).as_py() else trimmed
    trimmed = pc.utf8_trim(raw, "\ufeff\u200b\u3000 \t\r\n")
    lowered = pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(_EMPTY)))
    if pc.any(lowered).as_py():
        trimmed = pc.if_else(lowered, pa.scalar(None, pa.string()), trimmed)
    if not is_code or not pc.any(pc.match_substring_regex(trimmed, r"[^\x21-\x7e]|^[='\"]|^\d+\.0+$")).as_py():
        return trimmed
    coded = trimmed.combine_chunks().dictionary_encode()
    lookup = pa.array([None if t is None else _clean_code(t) for t in coded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([lookup.take(coded.indices)])


def _clean_code(text: str) -> str:
    """`="00123"`, `'00123`, `123.0` and full-width １２３ as the code they stand for."""
    word = unicodedata.normalize("NFKC", text).strip()
    word = re.sub(r'^="(.*)"$', r"\1", word).lstrip("'")
    return re.sub(r"^(\d+)\.0+$", r"\1", word)


# -- dates and times --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Moments:
    """Moments of n rows: microseconds since 1970, whether that is UTC already, whether there is one."""

    micros: np.ndarray
    aware: np.ndarray
    read: np.ndarray


def _clean_moment(raw: pa.ChunkedArray, column: Column, style: Style, zone: str | pa.Array) -> pa.ChunkedArray:
    moments, unread = _moments(raw, style)
    if unread is not None:
        left = _clean_moment(pc.if_else(unread, pa.scalar(None, raw.type), raw), column, style, zone)
        return pc.if_else(unread, raw.cast(pa.string()), left.cast(pa.string()))
    instants = _instants(moments, style, zone)
    if column.type == "time":
        return instants
    return _local(instants, zone).cast(pa.date32())


def _moments(raw: pa.ChunkedArray, style: Style) -> tuple[_Moments, pa.ChunkedArray | None]:
    """All rows' moments, and a mask of the rows that cannot be read where there are any."""
    kind = raw.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        micros = raw.cast(pa.timestamp("us", tz=getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        read = np.asarray(pc.is_valid(raw))
        values = micros.fill_null(0).to_numpy()
        aware = np.full(len(raw), bool(getattr(kind, "tz", None)))
        return _Moments(values, aware, read), None
    if pa.types.is_string(kind):
        try:
            stamps = raw.cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            pass  # not plain ISO 8601: read each distinct value below
        else:
            values = stamps.cast(pa.int64()).fill_null(0).to_numpy()
            return _Moments(values, np.zeros(len(raw), bool), np.asarray(pc.is_valid(raw))), None
    coded = raw.cast(pa.string()).combine_chunks().dictionary_encode()
    texts: list[str] = coded.dictionary.to_pylist()
    found = [None if _is_empty(text) else parse_moment(text, style.date_order) for text in texts]
    wrong = [value is None and not _is_empty(text) for value, text in zip(found, texts, strict=True)]
    places = np.asarray(coded.indices.fill_null(len(texts)))

    def spread(values: Sequence[object], missing: object, kind: type) -> np.ndarray:
        return np.array([*values, missing], dtype=kind)[places]

    moments = _Moments(
        micros=spread([value.micros if value else 0 for value in found], 0, np.int64),
        aware=spread([bool(value and value.aware) for value in found], False, np.bool_),
        read=spread([value is not None for value in found], False, np.bool_),
    )
    return moments, pa.chunked_array([pa.array(spread(wrong, False, np.bool_))]) if any(wrong) else None


def _instants(moments: _Moments, style: Style, zone: str | pa.Array) -> pa.ChunkedArray:
    """Moments in UTC. In a column without times, a day's moment is its close, 23:59:59."""
    micros = moments.micros
    if not style.timed:
        micros = micros + np.where(moments.aware | (micros % DAY != 0), 0, DAY - MICRO)
    local = pa.array(micros, mask=~moments.read).cast(pa.timestamp("us"))
    instants = _per_zone(local, zone, _to_utc)
    if moments.aware.any():
        instants = pc.if_else(pa.array(moments.aware), local.cast(ARROW["time"]), instants)
    return pa.chunked_array([instants])


def _local(instants: pa.ChunkedArray, zone: str | pa.Array) -> pa.ChunkedArray:
    """Clock time in each row's zone."""
    return pa.chunked_array([_per_zone(instants.combine_chunks(), zone, _from_utc)])


def _to_utc(local: pa.Array, zone: str) -> pa.Array:
    return pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="latest").cast(ARROW["time"])


def _from_utc(instants: pa.Array, zone: str) -> pa.Array:
    return pc.local_timestamp(instants.cast(pa.timestamp("us", tz=zone)))


def _per_zone(times: pa.Array, zone: str | pa.Array, convert: Callable[[pa.Array, str], pa.Array]) -> pa.Array:
    if isinstance(zone, str):
        return convert(times, zone)
    result = None
    for name in pc.unique(zone).to_pylist():
        one = convert(times, name)
        result = one if result is None else pc.if_else(pc.equal(zone, name), one, result)
    return result if result is not None else convert(times, "UTC")
