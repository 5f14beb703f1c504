"""A seat in a federation: what a house does as one party, from its rows to what it held and gained."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from typing import Any

from aislehub.core.hub import Hub
from aislehub.core.text import say
from aislehub.customer.federated.certificates import Identity
from aislehub.customer.federated.house import House, read_house
from aislehub.customer.federated.learned import Learned
from aislehub.customer.federated.party import Session, take_part
from aislehub.customer.federated.report import held, judged
from aislehub.customer.federated.tasks import Workshop
from aislehub.customer.federated.terms import Answered, Terms

__all__ = ["take_seat", "tell"]


def take_seat(
    hub: Hub, identity: Identity, host: str, port: int, *, stores: Sequence[str] | None, terms: Terms,
    again: bool = False, wait: float, save: bool, turn: AbstractContextManager[Any] | None = None,
) -> tuple[dict[str, Any], bool]:  # fmt: skip
    """Take part with the rows of a house until the coordinator says that all is done.

    Args:
        stores: those that are the party's; None = all.
        again: answer again what was answered before.
        wait: seconds to go on trying to connect.
        save: keep what was learned in the house's catalogue of models.
        turn: held while it works on its rows, where several parties share a machine.

    Returns:
        What was held and gained; and whether anything was learned.
    """
    began = time.perf_counter()

    def read(until: date, history_days: int, ahead_days: int) -> House:
        return read_house(hub.tables, until, stores=stores, history_days=history_days, ahead_days=ahead_days)

    workshop = Workshop(read, turn or nullcontext())
    session = asyncio.run(
        take_part(
            identity, host, port, workshop, terms=terms, answered=Answered(identity.folder / "answered.json", again),
            wait=wait, tell=tell,
        )
    )  # fmt: skip
    results = [Learned.read(message) for message in session.results]
    report = _report(identity, workshop, session, results) | {"seconds": round(time.perf_counter() - began, 1)}
    for learned in results if save else []:
        why = say("federated.why", parties=len(learned.card["parties"]))
        report["model"] = learned.save(hub.models, why=why).id
    return report, bool(results)


def tell(code: str, facts: Mapping[str, Any]) -> None:
    """What happens, as it happens, on standard error."""
    print(say(code, **facts), file=sys.stderr, flush=True)


def _report(identity: Identity, workshop: Workshop, session: Session, results: Sequence[Learned]) -> dict[str, Any]:
    report: dict[str, Any] = {"party": identity.name, "sums": session.sums, "sent": session.sent}
    report |= {"received": session.received, "refused": [str(error) for error in session.refused]}
    for house in workshop.houses.values():
        report |= held(house)
        for learned in results:
            report |= judged(house, learned)
    return report
