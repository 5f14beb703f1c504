"""Read a file of any shape, a folder, or a database table as named columns and numbered rows.

The kind of a file is told by its first bytes, not by its name. Text files get their encoding and
delimiter from evidence in the whole file; everything found is said in notes, nothing is assumed
silently. Rows come in blocks, so a file larger than memory can be read, and more than once.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.text import say
from aislehub.data.layout import SAMPLE_RECORDS, Block, Layout, Record, find_layout, lay_out
from aislehub.data.sources.sql import read_sql

__all__ = ["Export", "Note", "read_exports", "read_whole"]

_SQL_ROWS = 100_000
_DELIMITERS = ",;\t|"
_SCAN_BYTES = 1 << 20
_LONGEST_QUOTE = 50  # physical lines; a quoted field that goes on longer has lost its closing quote
_SUFFIXES = {".csv", ".tsv", ".txt", ".tab", ".xlsx", ".xlsm", ".parquet", ".pq", ".gz", ".zip", ".xls"}


@dataclass(frozen=True)
class Note:
    """Something the reader should know about how a file was understood: a text code and its facts."""

    code: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return say(self.code, **self.facts)


@dataclass(frozen=True)
class Export:
    """One table as somebody exported it.

    Attributes:
        name: file name (with `#sheet` where a workbook has several), or `database::table`.
        columns: its column names as its owner wrote them, made unique.
        blocks: call it with a number of rows to read them in blocks of about that many, again and again.
        typed: values carry types (Parquet, databases); otherwise all cells are text.
        title: the words of title rows above the table.
        context: what they say, e.g. {"门店": "S01"}.
        semicolon: the delimiter is a semicolon, a sign of decimal commas.
        notes: how the file was understood.
    """

    name: str
    columns: tuple[str, ...]
    blocks: Callable[[int], Iterator[Block]]
    typed: bool = False
    title: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    semicolon: bool = False
    notes: tuple[Note, ...] = ()


def read_exports(source: str, knows: Callable[[str], bool], sheet: str = "", encoding: str = "") -> list[Export]:
    """The tables found in a file, in a folder or zip of files, or behind a SQLAlchemy URL.

    Args:
        source: a path, or `URL::table` such as `sqlite:///shop.db::orders` (`URL::SELECT …` works too).
        knows: whether a word is a known column name, to tell headers from titles.
        sheet: sheet of a workbook; empty = the one that holds the data.
        encoding: of a text file; empty = found out.

    Raises:
        HubError: `file.missing`, `file.empty`, `file.unreadable`, `data.kind`, `data.encoding`,
            `data.sheet`; from a database those of `read_sql`.
    """
    if "://" in source:
        return [_read_database(source)]
    path = Path(source)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES)
        if not files:
            raise HubError("file.empty", file=path)
        return [export for file in files for export in _read_file(file, knows, sheet, encoding)]
    return _read_file(path, knows, sheet, encoding)


def read_whole(path: Path) -> pd.DataFrame:
    """Every row below the header of a CSV (also gzipped), Parquet or xlsx file, in order: nothing is set aside.

    For files whose rows are all data, such as reviews: a row that looks like a total or a remark, or is empty, is one.
    Cells of text files and workbooks are text. A delimiter is one only if the header has it. What a row has more cells
    than the header belongs to its last cell.

    Raises:
        HubError: `file.missing`, `file.empty`, `file.unreadable`, `data.kind`.
    """
    if not path.is_file():
        raise HubError("file.missing", file=path)
    with path.open("rb") as stream:
        head = stream.read(1024)
    if not head.strip():
        raise HubError("file.empty", file=path)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise HubError("data.kind", file=path, kind="XLS (Excel 97-2003)")
    if head.startswith((b"PAR1", b"PK")):
        from openpyxl.utils.exceptions import InvalidFileException

        try:
            if head.startswith(b"PAR1"):
                return pd.read_parquet(path)
            return pd.read_excel(path, dtype=str, keep_default_na=False)
        except (pa.ArrowInvalid, InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
            raise HubError("file.unreadable", file=path, why=error) from error
    return _whole_text(path, gzip.open if head.startswith(b"\x1f\x8b") else _open_plain)


def _whole_text(path: Path, opened: Callable[[Path], Any]) -> pd.DataFrame:
    encoding, _ = _scan(path, opened, "")
    with opened(path) as stream:
        lines = io.TextIOWrapper(stream, encoding=encoding, errors="backslashreplace", newline="").readlines()
    csv.field_size_limit(1 << 24)
    delimiter = max(_DELIMITERS, key=lines[0].count)
    delimiter = delimiter if delimiter in lines[0] else "\x1f"
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:  # a quote that never closes, or stands within a cell: it spoils its own line alone
        lines[-1] = lines[-1].rstrip("\r\n")  # so that a quote still open there is seen to be torn
        rows = [record.cells for record in _records(iter(lines), delimiter, 0, False)]
    names = [name.strip() or f"column {at}" for at, name in enumerate(rows[0], 1)]
    width = len(names)
    filled = (row for row in rows[1:] if row)  # an empty line is no row; an empty text in quotes is one
    cells = [[*row[: width - 1], delimiter.join(row[width - 1 :]), *[""] * width][:width] for row in filled]
    return pd.DataFrame(cells, columns=names, dtype=object)


def _read_file(path: Path, knows: Callable[[str], bool], sheet: str, encoding: str) -> list[Export]:
    if not path.is_file():
        raise HubError("file.missing", file=path)
    with path.open("rb") as stream:
        head = stream.read(1024)
    if not head.strip():
        raise HubError("file.empty", file=path)
    if head.startswith(b"PAR1"):
        return [_read_parquet(path)]
    if head.startswith(b"PK"):
        return _read_zip(path, knows, sheet, encoding)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise HubError("data.kind", file=path, kind="XLS (Excel 97-2003)")
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<html", b"<!doctype", b"<table", b"<?xml")):
        raise HubError("data.kind", file=path, kind="HTML/XML")
    if path.suffix.lower() in {".parquet", ".pq", ".xlsx", ".xlsm"}:
        raise HubError("file.unreadable", file=path, why=say("data.not_its_kind", suffix=path.suffix))
    return [_read_text(path, knows, encoding, gzip.open if head.startswith(b"\x1f\x8b") else _open_plain)]


# -- text -------------------------------------------------------------------------------------------


def _open_plain(path: Path) -> IO[bytes]:
    return path.open("rb")


def _read_text(path: Path, knows: Callable[[str], bool], encoding: str, opened: Callable[[Path], Any]) -> Export:
    encoding, ends_with_newline = _scan(path, opened, encoding)

    def lines() -> Iterator[str]:
        with opened(path) as stream:
            yield from io.TextIOWrapper(stream, encoding=encoding, errors="backslashreplace", newline="")

    head = list(itertools.islice(lines(), SAMPLE_RECORDS))
    declared = head[0].strip().strip('"').lower() if head else ""
    has_sep_line = declared.startswith("sep=") and len(declared) == 5
    delimiter = declared[-1] if has_sep_line else _delimiter(head)

    def records() -> Iterator[Record]:
        return _records(lines(), delimiter, int(has_sep_line), ends_with_newline)

    layout = find_layout(list(itertools.islice(records(), SAMPLE_RECORDS)), knows)
    if layout is None:
        raise HubError("file.empty", file=path)
    notes = [Note("data.note.text", {"encoding": encoding, "delimiter": {"\t": "tab"}.get(delimiter, delimiter)})]
    return Export(
        name=path.name,
        columns=layout.names,
        blocks=lambda size: lay_out(records(), layout, size),
        title=layout.title,
        context=layout.context,
        semicolon=delimiter == ";",
        notes=(*notes, *_layout_notes(layout)),
    )


def _layout_notes(layout: Layout) -> list[Note]:
    notes = [Note("data.note.titles", {"count": layout.titles})] if layout.titles else []
    if not any(layout.header):
        notes.append(Note("data.note.headerless"))
    return notes


def _scan(path: Path, opened: Callable[[Path], Any], encoding: str) -> tuple[str, bool]:
    """Encoding of a text file from all its bytes, and whether its last line ends in a newline."""
    utf8 = codecs.getincrementaldecoder("utf-8")()
    is_utf8, odd, last, head = True, bytearray(), b"", b""
    try:
        with opened(path) as stream:
            while chunk := stream.read(_SCAN_BYTES):
                head = head or chunk[:4096]
                last = chunk[-4:]
                if len(odd) < _SCAN_BYTES:
                    odd += b"\n".join(line for line in chunk.splitlines() if not line.isascii())
                if is_utf8:
                    try:
                        utf8.decode(chunk)
                    except UnicodeDecodeError:
                        is_utf8 = False
    except (OSError, EOFError) as error:
        raise HubError("file.unreadable", file=path, why=error) from error
    found = encoding or _encoding(head, bytes(odd[:_SCAN_BYTES]), is_utf8)
    try:
        codecs.lookup(found)
    except LookupError as error:
        raise HubError("data.encoding", encoding=encoding) from error
    return found, last.rstrip(b"\x00").endswith((b"\n", b"\r"))


def _encoding(head: bytes, odd: bytes, is_utf8: bool) -> str:
    """Name the encoding: byte-order mark, then NUL pattern, then validity, then how Chinese it looks.

    In GB 2312 nearly all characters of running text have both bytes ≥ 0xA1; accents of Western text stand
    before an ASCII letter instead. Big5 has its frequent characters in rows 0xA4-0xC6.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head[1:200:2].count(0) > 0.3 * len(head[1:200:2]):
        return "utf-16-le"
    if head[0:200:2].count(0) > 0.3 * len(head[0:200:2]):
        return "utf-16-be"
    if is_utf8:
        return "utf-8"
    valid = odd.decode("utf-8", "ignore").encode()
    if sum(byte > 0x7F for byte in valid) > 0.9 * sum(byte > 0x7F for byte in odd):
        return "utf-8"  # a few broken bytes in a UTF-8 file; they stay visible as \xNN
    pairs = _double_bytes(odd)
    simplified = sum(0xB0 <= lead <= 0xF7 and trail >= 0xA1 for lead, trail in pairs)
    traditional = sum(0xA4 <= lead <= 0xC6 and (0x40 <= trail <= 0x7E or trail >= 0xA1) for lead, trail in pairs)
    if pairs and simplified >= 0.6 * len(pairs) and _decodes(odd, "gb18030"):
        return "gb18030"
    if pairs and traditional >= 0.8 * len(pairs) and _decodes(odd, "big5"):
        return "big5"
    return "cp1252" if _decodes(odd, "cp1252") else "latin-1"


def _double_bytes(odd: bytes) -> list[tuple[int, int]]:
    """(lead, trail) of each two-byte character, were this a two-byte encoding."""
    pairs, place = [], 0
    while place < len(odd) - 1:
        if odd[place] >= 0x81:
            pairs.append((odd[place], odd[place + 1]))
            place += 1
        place += 1
    return pairs


def _decodes(data: bytes, encoding: str) -> bool:
    """Whether at least 99 % of the bytes make sense (a sample may end inside a character)."""
    return len(data.decode(encoding, "ignore").encode(encoding, "ignore")) >= 0.99 * len(data) - 4


def _delimiter(head: Sequence[str]) -> str:
    """The delimiter that cuts most lines into the same number of cells, and into the most cells."""
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        widths = Counter(len(cells) for cells in csv.reader(head, delimiter=delimiter) if any(cells))
        wide = {width: count for width, count in widths.items() if width > 1}
        if not wide:
            continue
        width, count = max(wide.items(), key=lambda item: (item[1], item[0]))
        score = count / max(widths.total(), 1) + min(width, 20) / 100
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _records(lines: Iterator[str], delimiter: str, skip: int, ends_with_newline: bool) -> Iterator[Record]:
    """Records of a delimited file. A quote that never closes spoils its own line, not the rest of the file."""
    csv.field_size_limit(1 << 24)
    pending: list[str] = []  # physical lines given back by a record whose quote did not close
    held: list[str] = []  # physical lines of the record being read

    def feed() -> Iterator[str]:
        while True:
            line = pending.pop(0) if pending else next(lines, None)
            if line is None:
                return
            held.append(line)
            yield line

    number = skip
    for _ in range(skip):
        next(lines, None)
    reader = csv.reader(feed(), delimiter=delimiter)
    width = 0
    while True:
        held.clear()
        cells = next(reader, None)
        if cells is None:
            return
        number += 1
        at_end = not ends_with_newline and not held[-1].endswith(("\n", "\r"))
        unclosed = (at_end or len(held) > 1) and sum(line.count('"') for line in held) % 2 == 1
        if (unclosed and len(held) > 1 and (at_end or len(cells) != width)) or len(held) > _LONGEST_QUOTE:
            pending[:0] = held[1:]
            cells = next(csv.reader(held[:1], delimiter=delimiter, quoting=csv.QUOTE_NONE))
            reader = csv.reader(feed(), delimiter=delimiter)
            at_end = False
        width = max(width, len(cells)) if number < 3 else width
        yield Record(number, cells, "whole" if not at_end else "torn" if unclosed else "open")


# -- workbooks --------------------------------------------------------------------------------------


def _read_zip(path: Path, knows: Callable[[str], bool], sheet: str, encoding: str) -> list[Export]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if any(info.filename == "xl/workbook.xml" for info in members):
                return _read_workbook(path, knows, sheet)
            members = [
                m for m in members if Path(m.filename).suffix.lower() in _SUFFIXES and "__MACOSX" not in m.filename
            ]
            if not members:
                raise HubError("data.kind", file=path, kind="ZIP")
            folder = Path(tempfile.mkdtemp(prefix="aislehub-"))
            files = [Path(archive.extract(member, folder)) for member in sorted(members, key=lambda m: m.filename)]
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise HubError("file.unreadable", file=path, why=error) from error
    return [export for file in files for export in _read_file(file, knows, sheet, encoding)]


def _read_workbook(path: Path, knows: Callable[[str], bool], wanted: str) -> list[Export]:
    """The sheet with the data, and every other sheet of the same columns (one per month or store)."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(path, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise HubError("file.unreadable", file=path, why=error) from error
    grids = {sheet.title: _grid(sheet) for sheet in book.worksheets if sheet.sheet_state == "visible" or wanted}
    if wanted:
        if wanted not in grids:
            raise HubError("data.sheet", sheet=wanted, file=path, suggestion=did_you_mean(wanted, grids))
        grids = {wanted: grids[wanted]}
    layouts = {title: find_layout(grid[:SAMPLE_RECORDS], knows) for title, grid in grids.items()}
    found = {title: layout for title, layout in layouts.items() if layout is not None}
    if not found:
        raise HubError("file.empty", file=path)
    best = max(found, key=lambda title: (1 + found[title].hits) * np.log1p(len(grids[title]) - found[title].titles))
    chosen = [title for title in found if found[title].names == found[best].names]
    others = [title for title in found if title not in chosen]
    notes = [Note("data.note.sheet", {"sheet": ", ".join(chosen)})] if len(grids) > 1 else []
    if others:
        notes.append(Note("data.note.sheets_left", {"sheets": ", ".join(others)}))
    return [
        Export(
            name=path.name if len(chosen) == 1 else f"{path.name}#{title}",
            columns=found[title].names,
            blocks=_laid_out(grids[title], found[title]),
            title=found[title].title,
            context=found[title].context,
            notes=(*notes, *_layout_notes(found[title])),
        )
        for title in chosen
    ]


def _laid_out(grid: Sequence[Record], layout: Layout) -> Callable[[int], Iterator[Block]]:
    return lambda size: lay_out(grid, layout, size)


def _grid(sheet: Any) -> list[Record]:
    """All rows of a sheet as text; a cell merged over several rows holds for each of them."""
    rows = [[_cell_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    for area in sheet.merged_cells.ranges:
        top = rows[area.min_row - 1][area.min_col - 1] if area.min_row <= len(rows) else ""
        for row in rows[area.min_row : area.max_row]:
            row[area.min_col - 1] = top
    return [Record(number, cells) for number, cells in enumerate(rows, 1)]


def _cell_text(value: Any) -> str:
    """A cell as text that reads back exactly: ISO dates, numbers without `.0`."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case datetime():
            return str(value.date()) if value.time() == time() else value.isoformat(" ", "seconds")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case _:
            return str(value)


# -- typed sources ----------------------------------------------------------------------------------


def _read_parquet(path: Path) -> Export:
    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        rows = file.metadata.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise HubError("file.unreadable", file=path, why=error) from error
    if rows == 0:
        raise HubError("file.empty", file=path)
    flat = [name for name in schema.names if not pa.types.is_nested(schema.field(name).type)]

    def blocks(size: int) -> Iterator[Block]:
        start = 1
        try:
            for batch in pq.ParquetFile(path).iter_batches(size, columns=flat):
                yield Block(pa.Table.from_batches([batch]), pa.array(np.arange(start, start + batch.num_rows)))
                start += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise HubError("file.unreadable", file=path, why=error) from error

    nested = [name for name in schema.names if name not in flat]
    notes = (Note("data.note.nested", {"columns": ", ".join(nested)}),) if nested else ()
    return Export(path.name, tuple(flat), blocks, typed=True, notes=notes)


def _read_database(source: str) -> Export:
    url, _, query = source.partition("::")
    first = next(read_sql(url, query, chunk=1), None)
    if first is None:
        raise HubError("file.empty", file=source)

    def blocks(size: int) -> Iterator[Block]:
        start = 1
        for cells in read_sql(url, query, chunk=min(size, _SQL_ROWS)):
            yield Block(cells, pa.array(np.arange(start, start + cells.num_rows)))
            start += cells.num_rows

    shown = sqlalchemy.make_url(url).render_as_string(hide_password=True)
    return Export(f"{shown}::{query}", tuple(first.column_names), blocks, typed=True)
