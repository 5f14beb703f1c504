"""Approved decisions as CSV files in a folder, each decision in exactly one file."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from aislehub.core.errors import HubError
from aislehub.core.outbox import Batch

__all__ = ["FileConnector"]


class FileConnector:
    """Writes `<kind>-<day>-<batch>.csv` into `folder`.

    The name follows from the content, and the file appears whole by a rename: a batch that is carried
    out again after a crash writes the very same file.
    """

    name = "file"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, batch: Batch) -> str:
        """Write the batch; returns the file's path.

        Raises:
            HubError: `file.unwritable`; nothing was left half-written.
        """
        first = batch.rows[0]
        path = self.folder / f"{first['kind']}-{max(str(row['day']) for row in batch.rows)}-{batch.id}.csv"
        partial = path.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with partial.open("w", encoding="utf-8", newline="") as stream:
                pd.DataFrame(batch.rows).to_csv(stream, index=False)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(path)
        except OSError as error:
            if partial.exists():
                partial.unlink()
            raise HubError("file.unwritable", file=path, why=error) from error
        return str(path)
