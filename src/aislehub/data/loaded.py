"""What became of the rows of an export: read = new + known + rejected, with the faults that rejected them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aislehub.core.contract import explain_fault
from aislehub.core.text import say
from aislehub.data.mapping import Mapping
from aislehub.data.reading import Note

__all__ = ["SHOWN", "Loaded", "joined"]

SHOWN = 8
"""Reasons told at most."""


@dataclass
class Loaded:
    """What became of the rows of one or more exports for one table: read = new + known + rejected."""

    table: str
    read: int = 0
    new: int = 0
    known: int = 0
    rejected: int = 0
    mapping: Mapping | None = None
    file: str = ""
    mapping_file: str = ""
    notes: list[Note] = field(default_factory=list)
    faults: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str, str], tuple[str, int, dict[str, str]]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "table": self.table,
            "read": self.read,
            "new": self.new,
            "known": self.known,
            "rejected": self.rejected,
            "mapping": dict(self.mapping.columns) if self.mapping else {},
            "mapping_file": self.mapping_file,
            "notes": [str(note) for note in self.notes],
            "reasons": [
                {"count": count, "example": self.sentence(key)} for key, count in self.faults.most_common(SHOWN)
            ],
        }

    def sentence(self, key: tuple[str, str, str]) -> str:
        """The first row with this fault, in words."""
        file, row, fault = self.examples[key]
        return say(
            "data.rejected_row",
            file=file,
            row=row,
            why=" ".join(filter(None, [explain_fault(fault), fault.get("suggestion")])),
        )


def joined(loaded: Iterable[Loaded]) -> dict[str, Any]:
    """Several tables in one document: sums, and each table's own."""
    documents = [one.document() for one in loaded]
    sums = {name: sum(document[name] for document in documents) for name in ("read", "new", "known", "rejected")}
    return {
        "table": ", ".join(d["table"] for d in documents),
        **sums,
        "mapping": {d["table"]: d["mapping"] for d in documents},
        "tables": documents,
    }
