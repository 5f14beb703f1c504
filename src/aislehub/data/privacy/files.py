"""A person in the other files of the home: logs, exports, batches that went out as files, learned models.

Tables and databases have their own ways (`Tables.rewrite`, `clear_state`, `Inbox.erase`). Of what is left, a table in a
file loses the person's rows, a text loses the name in place, so that a process that appends to it meanwhile goes on,
and a learned model that holds the person is removed whole.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aislehub.data.privacy import keys as house
from aislehub.data.privacy.traces import Traces

__all__ = ["Scan", "clear_files", "scan"]

EXPORTS = "exports"
_LINES = {".csv", ".tsv", ".jsonl", ".txt"}
_DATABASES = (".db", ".db-wal", ".db-shm", ".db-journal")
_PIECE = 1 << 24


@dataclass(frozen=True)
class Scan:
    """What a search of every file of the home has found.

    Attributes:
        raw: whether the bytes themselves were searched for all keys; one too short is looked for decoded alone.
        found: files that still name the person, below the home.
    """

    files: int
    bytes: int
    raw: bool
    found: tuple[str, ...] = field(default=())


def clear_files(
    home: Path, traces: Traces, others: Sequence[str] = (), keep: Sequence[Path] = ()
) -> dict[str, int]:  # fmt: skip
    """Take the person out of the home's files beside tables and databases; how many of each kind were changed.

    Arguments as of `scan`.
    """
    changed: Counter[str] = Counter()
    needles = traces.needles(others)
    for path in list(_files(home, keep)):
        where = path.relative_to(home).parts[0]
        if where == "tables" or path.name.endswith(_DATABASES) or not _names(path, traces, needles):
            continue
        if where == "models":
            changed["models"] += _remove_model(home, path)
        elif where == EXPORTS or traces.in_text(path.name):
            path.unlink()
            changed["exports"] += 1
        elif path.suffix == ".parquet":
            changed["tables"] += _without_rows(path, traces)
        elif where != "log" and path.suffix in _LINES:
            changed["lists"] += _without_lines(path, traces)
        elif not _is_packed(path):
            changed["texts"] += _blotted(path, traces)
    return dict(changed)


def scan(home: Path, traces: Traces, others: Sequence[str] = (), keep: Sequence[Path] = ()) -> Scan:
    """Search every file of the home for the person: its bytes, and what packed and columnar files hold inside.

    Args:
        others: person keys that hold one of this person's inside them, such as `c12` in `c123`.
        keep: files that are not looked at.
    """
    needles = traces.needles(others)
    found, files, size = [], 0, 0
    for path in _files(home, keep):
        files, size = files + 1, size + _size(path)
        if _names(path, traces, needles):
            found.append(str(path.relative_to(home)))
    return Scan(files, size, traces.all_in_bytes(others), tuple(sorted(found)))


def _files(home: Path, keep: Sequence[Path]) -> Iterator[Path]:
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.is_symlink() and path not in keep and path.parent != home / house.FOLDER:
            yield path


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _names(path: Path, traces: Traces, needles: Sequence[bytes]) -> bool:
    """Whether a file names the person: in its bytes, in its name, as text, unpacked, or in a cell of a table.

    One that another process has put something else in the place of meanwhile holds nothing any more, and rows about
    the person are refused by now.
    """
    try:
        return _held(path, traces, needles)
    except FileNotFoundError:
        return False


def _held(path: Path, traces: Traces, needles: Sequence[bytes]) -> bool:
    if _holds(path, needles) or traces.in_text(path.name):
        return True
    if path.suffix == ".parquet":
        return _table_names(path, traces)
    if path.name.endswith(_DATABASES):
        return False  # raw bytes are searched, and what they mean by `clear_state`
    return any(_quick(piece.decode("utf-8", "replace"), traces) or _in(piece, needles) for piece in _pieces(path))


def _pieces(path: Path) -> Iterator[bytes]:
    """The file's bytes, unpacked, cut at ends of lines."""
    if zipfile.is_zipfile(path):
        yield from _unpacked(path.read_bytes())
        return
    before = b""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            lines, mark, rest = (before + piece).rpartition(b"\n")
            yield lines
            before = rest if mark else before + piece
    yield before


def _unpacked(raw: bytes) -> Iterator[bytes]:
    """What a zip holds, with the names of its files; archives in it, too."""
    if raw[:2] == b"\x1f\x8b":
        yield from _unpacked(gzip.decompress(raw))
    elif zipfile.is_zipfile(io.BytesIO(raw)):
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            for name in packed.namelist():
                yield name.encode()
                yield from _unpacked(packed.read(name))
    else:
        yield raw


def _in(raw: bytes, needles: Sequence[bytes]) -> bool:
    return any(needle in raw for needle in needles)


def _holds(path: Path, needles: Sequence[bytes]) -> bool:
    """Whether one of these byte strings is anywhere in the file."""
    longest = max(map(len, needles), default=0)
    tail = b""
    with path.open("rb") as stream:
        while needles and (piece := stream.read(_PIECE)):
            if _in(tail + piece, needles):
                return True
            tail = piece[-longest:]
    return False


def _table_names(path: Path, traces: Traces) -> bool:
    file = pq.ParquetFile(path)
    shape = zip(file.schema_arrow.names, file.schema_arrow.types, strict=True)
    for batch in file.iter_batches(columns=[name for name, kind in shape if _may_hold_text(kind)]):
        for name in batch.schema.names:
            distinct = _texts(batch.column(name))
            exact = name in traces.fields and not set(traces.keys).isdisjoint(distinct)
            if exact or any(_quick(text, traces) for text in distinct):
                return True
    return False


def _may_hold_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _may_hold_text(kind.value_type)
    return _is_text(kind) or bool(pa.types.is_nested(kind))


def _texts(column: pa.Array) -> list[str]:
    """The different texts of a column; a list or a structure as JSON."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not _is_text(kind):
        return [json.dumps(value, ensure_ascii=False, default=str) for value in column.to_pylist() if value is not None]
    return [text for text in column.dictionary_encode().dictionary.to_pylist() if text is not None]


def _quick(text: str, traces: Traces) -> bool:
    """`in_text`, after a look that is cheaper."""
    lowered = text.lower()
    may = any(word.lower() in lowered for word in traces.words) or any(key in text for key in traces.unsure)
    return may and traces.in_text(text)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_packed(path: Path) -> bool:
    return path.suffix == ".gz" or zipfile.is_zipfile(path)


def _without_rows(path: Path, traces: Traces) -> int:
    rows = pq.read_table(path)
    kept = [row for row in rows.to_pylist() if not any(_cell_names(cell, traces) for cell in row.values())]
    # Built anew: rows filtered out would leave their texts in a column's dictionary.
    return _replaced(path, lambda fresh: pq.write_table(pa.Table.from_pylist(kept, rows.schema), fresh))


def _cell_names(cell: object, traces: Traces) -> bool:
    if isinstance(cell, list | dict):
        return traces.in_text(json.dumps(cell, ensure_ascii=False, default=str))
    return isinstance(cell, str) and (cell in traces.keys or traces.in_text(cell))


def _without_lines(path: Path, traces: Traces) -> int:
    lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines(keepends=True)
    kept = "".join(line for line in lines if not traces.in_text(line))
    return _replaced(path, lambda fresh: fresh.write_text(kept, encoding="utf-8", errors="surrogateescape"))


def _replaced(path: Path, write: Callable[[Path], object]) -> int:
    fresh = path.with_name(f".{path.name}.part")
    write(fresh)
    os.replace(fresh, path)
    return 1


def _blotted(path: Path, traces: Traces) -> int:
    """Write over the name in place, byte for byte: whoever has the file open goes on writing behind it."""
    raw = path.read_bytes()
    with path.open("r+b") as stream:
        for word in traces.words:
            needle, start = word.encode(), 0
            lowered = raw.lower() if word in traces.values else raw
            while (place := lowered.find(needle.lower() if word in traces.values else needle, start)) >= 0:
                start = place + len(needle)
                around = raw[max(place - 1, 0) : place] + raw[start : start + 1]
                if not any(chr(byte).isalnum() and byte < 128 for byte in around):
                    stream.seek(place)
                    stream.write(b"x" * len(needle))
    return 1


def _remove_model(home: Path, path: Path) -> int:
    """Remove the learned version that a file belongs to; the next day that needs the model learns it anew."""
    place = next(
        (folder for folder in path.parents if (folder / "card.json").exists() and home / "models" in folder.parents),
        None,
    )
    if place is None:
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(place)
    return 1
