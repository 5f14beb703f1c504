"""Simulated consents: what members might have said when they joined, for data that bring none.

About 60 in 100 agree to messages, a third say nothing and the others object; 2 in 100 object to being chosen for and to
analysis; of those who agreed to messages, one in 25 withdraws later. Made up from each member's key, so that it is the
same in every run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from aislehub.core.assign import arm
from aislehub.core.tables import Tables
from aislehub.schema.consents import CONSENTS

__all__ = ["SimulatedConsents"]

SOURCE = "simulated: consents"
MESSAGES = {"agreed": 0.60, "silent": 0.33, "objected": 0.07}
OTHERS = {"personalisation": 0.02, "analysis": 0.02}  # shares that object
WITHDRAWN = 0.04  # of those who agreed to messages


@dataclass(frozen=True)
class SimulatedConsents:
    """Words of the members who are in the tables.

    Args:
        tables: with customers and sales.
        seed: of the lots.
    """

    tables: Tables
    seed: int = 0

    def rows(self, since: datetime | None = None) -> Iterator[tuple[str, pa.Table]]:
        """The table consents: each member's words, from before their first purchase on."""
        first, last = self._span()
        members = self.tables.fetch("customers", columns=["customer"])["customer"].to_pylist()
        said = [row for member in members for row in self._words(member, first, last)]
        table = pa.Table.from_pylist(said, schema=CONSENTS.schema)
        yield "consents", table if since is None else table.filter(pc.greater_equal(table["known_at"], since))

    def _span(self) -> tuple[datetime, datetime]:
        """First and last moment of the chain's sales."""
        found = self.tables.run(
            lambda t: t.read("sales_lines").aggregate(first=_.sold_at.min(), last=_.sold_at.max())
        ).to_pylist()[0]
        now = datetime.now(UTC)
        return found["first"] or now, found["last"] or now

    def _words(self, member: str, first: datetime, last: datetime) -> Iterator[dict[str, object]]:
        joined = first - timedelta(days=1)
        word = arm(member, MESSAGES, salt=f"messages {self.seed}")
        if word != "silent":
            yield _row(member, "messages", word == "agreed", joined)
        if word == "agreed" and self._lot(member, "withdrawn", WITHDRAWN):
            days = max((last - first).days, 1)
            place = int(arm(member, {f"{n:03}": 1.0 for n in range(100)}, salt=f"when {self.seed}"))
            yield _row(member, "messages", False, first + timedelta(days=days * place / 100), "app")
        for purpose, share in OTHERS.items():
            if self._lot(member, purpose, share):
                yield _row(member, purpose, False, joined)

    def _lot(self, member: str, what: str, share: float) -> bool:
        return arm(member, {"yes": share, "no": 1 - share}, salt=f"{what} {self.seed}") == "yes"


def _row(member: str, purpose: str, granted: bool, at: datetime, how: str = "till") -> dict[str, object]:
    return {
        "customer": member, "purpose": purpose, "granted": granted, "at": at, "how": how, "notice": None,
        "source": SOURCE, "known_at": at,
    }  # fmt: skip
