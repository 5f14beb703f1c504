"""What every command shares: reading and writing files, printing documents, and who gives the command."""

from __future__ import annotations

import errno
import getpass
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from aislehub.core.errors import HubError

__all__ = ["check_target", "print_json", "read_table", "who", "write_table"]

_READERS: dict[str, Callable[[Path, Sequence[str]], pd.DataFrame]] = {
    ".parquet": lambda path, codes: pd.read_parquet(path),
    ".csv": lambda path, codes: _read_csv(path, codes),
}
_WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".json": lambda frame, path: frame.to_json(
        path, orient="records", date_format="iso", force_ascii=False, double_precision=15
    ),
    ".xlsx": lambda frame, path: _without_zones(frame).to_excel(path, index=False),
}


def read_table(path: Path, *, codes: Sequence[str] = ()) -> pd.DataFrame:
    """Read a tidy table from Parquet or CSV (messy exports go through `aislehub ingest`).

    Args:
        path: the file.
        codes: columns of identifiers: where one of a CSV's is no plain whole number, all keep their text (`001`).

    Raises:
        HubError: `file.missing`, `file.suffix`, `file.empty`, `file.unreadable`.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise HubError("file.suffix", file=path, suffix=path.suffix, known=", ".join(_READERS))
    if not path.is_file():
        raise HubError("file.missing", file=path)
    if path.stat().st_size == 0:
        raise HubError("file.empty", file=path)
    try:
        frame = reader(path, codes)
    except (ValueError, OSError) as error:
        raise HubError("file.unreadable", file=path, why=error) from error
    if frame.empty:
        raise HubError("file.empty", file=path)
    return frame


def _read_csv(path: Path, codes: Sequence[str]) -> pd.DataFrame:
    frame = pd.read_csv(path, dtype=dict.fromkeys(codes, str))
    for name in frame.columns.intersection(list(codes)):
        if frame[name].str.fullmatch(r"0|[1-9]\d{0,17}").fillna(False).all():
            frame[name] = frame[name].astype("int64")
    return frame


def check_target(path: Path) -> None:
    """Refuse a file that `write_table` could not write: commands that work for long ask before the work.

    Raises:
        HubError: `file.suffix`, `file.unwritable`.
    """
    if path.suffix.lower() not in _WRITERS:
        raise HubError("file.suffix", file=path, suffix=path.suffix, known=", ".join(_WRITERS))
    folder = path.parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        number = errno.EACCES if folder.is_dir() else errno.ENOENT
        raise HubError("file.unwritable", file=path, why=f"{os.strerror(number)}: {folder}")


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table, its kind by suffix, whole or not at all.

    Raises:
        HubError: `file.suffix`, `file.unwritable` (a missing folder, no permission, a full disk).
    """
    check_target(path)
    writer = _WRITERS[path.suffix.lower()]
    partial = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        writer(frame, partial)
        partial.replace(path)
    except (OSError, ValueError) as error:  # ValueError: more rows than a sheet holds, a type that it cannot keep
        raise HubError("file.unwritable", file=path, why=error) from error
    finally:
        if partial.exists():
            partial.unlink()


def _without_zones(frame: pd.DataFrame) -> pd.DataFrame:
    """Excel knows no time zones: times as they read in UTC."""
    zoned = frame.select_dtypes("datetimetz").columns
    return frame.assign(**{name: frame[name].dt.tz_convert("UTC").dt.tz_localize(None) for name in zoned})


def who() -> str:
    """The name in the history for moves made on the command line."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user without a name
        return "cli"


def print_json(document: object) -> None:
    """One JSON document on standard output; dates and paths as text."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")
