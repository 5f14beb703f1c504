"""The outbox: approved decisions leave the house exactly once.

Sending is two steps that may be cut at any point. First, in one transaction, a batch is written down
(target and content) and its decisions become `sent`. Then the connector carries the batch out, which it
can do again without harm, and the decisions become `done`. What a crash left open is finished first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import insert, select, update

from aislehub.core.book import Filter
from aislehub.core.decision import carried_out
from aislehub.core.ledger import Ledger
from aislehub.core.log import logger
from aislehub.core.state import batches, decisions, writing

__all__ = ["Batch", "Connector", "send_approved"]


@dataclass(frozen=True)
class Batch:
    """What one call of a connector carries out.

    Attributes:
        id: the same content has the same id.
        rows: one dict per decision: its id, kind, day, store, subject and the action to carry out.
    """

    id: str
    rows: Sequence[Mapping[str, Any]]


class Connector(Protocol):
    """A way out of the house; carrying the same batch out twice must be as good as once."""

    name: str

    def send(self, batch: Batch) -> str:
        """Carry the batch out; returns where it went. Raises to say that nothing was carried out."""
        ...


def send_approved(ledger: Ledger, connector: Connector, kind: str, *, who: str = "outbox") -> list[str]:
    """Send every approved or overridden decision of one kind; returns where the batches went."""
    targets = [_carry_out(ledger, connector, batch, who) for batch in _open_batches(ledger, connector)]
    batch = _take(ledger, connector, kind, who)
    if batch is not None:
        targets.append(_carry_out(ledger, connector, batch, who))
    return targets


def _take(ledger: Ledger, connector: Connector, kind: str, who: str) -> Batch | None:
    """Write down what is to be sent and move it to `sent`, in one transaction."""
    ready = Filter(kind=kind, states=("approved", "overridden"))
    rows = [
        {
            "decision": d["id"], "kind": d["kind"], "day": d["day"].isoformat(), "store": d["store"],
            "subject": d["subject"], "compensates": d["compensates"] or "",
            **carried_out(d),
        }
        for d in ledger.find(ready, order="subject")
    ]  # fmt: skip
    if not rows:
        return None
    content = json.dumps(rows, ensure_ascii=False, sort_keys=True)
    batch = Batch(hashlib.sha256(content.encode()).hexdigest()[:12], rows)
    ids = [row["decision"] for row in rows]
    with writing(ledger.engine) as connection:
        moved = ledger.move_within(connection, ids, ("approved", "overridden"), "sent", who, f"batch {batch.id}")
        if moved != len(ids):  # somebody undid or sent one meanwhile: take none, the next call starts over
            connection.rollback()
            return None
        row = {
            "id": batch.id, "connector": connector.name, "target": "", "content": content, "state": "open",
            "at": datetime.now(UTC),
        }  # fmt: skip
        connection.execute(insert(batches).values(row))
        for start in range(0, len(ids), 900):
            mine = decisions.c.id.in_(ids[start : start + 900])
            connection.execute(update(decisions).where(mine).values(batch=batch.id))
    return batch


def _open_batches(ledger: Ledger, connector: Connector) -> list[Batch]:
    statement = select(batches.c.id, batches.c.content).where(
        batches.c.state == "open", batches.c.connector == connector.name
    )
    with ledger.engine.connect() as connection:
        return [Batch(row.id, json.loads(row.content)) for row in connection.execute(statement)]


def _carry_out(ledger: Ledger, connector: Connector, batch: Batch, who: str) -> str:
    target = connector.send(batch)
    ids = [str(row["decision"]) for row in batch.rows]
    with writing(ledger.engine) as connection:
        # One that was undone between the two steps is `reversed` already; its compensation follows in a later batch.
        ledger.move_within(connection, ids, ("sent",), "done", who, target)
        connection.execute(update(batches).where(batches.c.id == batch.id).values(state="done", target=target))
    logger.info("sent", extra={"batch": batch.id, "target": target, "decisions": len(ids)})
    return target
