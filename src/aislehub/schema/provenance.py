"""The column every table may carry that says whether its rows are real."""

from __future__ import annotations

from aislehub.core.contract import Column

__all__ = ["SOURCE"]

SOURCE = Column("source", "text", "Where the row came from; `simulated` where it was made up", required=False)
