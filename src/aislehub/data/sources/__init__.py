"""Sources: where facts come from. One file a source, one method each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

import pyarrow as pa

__all__ = ["Source"]


class Source(Protocol):
    """Anything that can hand over rows for tables."""

    def rows(self, since: datetime | None = None) -> Iterator[tuple[str, pa.Table]]:
        """Table name and rows, in the order in which they should be loaded (stores first).

        Args:
            since: only facts that became known at this instant or later; None = all. A source that cannot
                tell hands over everything: loading a row twice changes nothing.
        """
        ...
