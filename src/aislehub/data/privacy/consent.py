"""A member's word on each purpose: said here or brought by an export, kept as a history, effective at once.

Said words are facts like any other (table `consents`), so every reader of that table sees the last one: a day at its
next run, an answer within the two seconds in which it looks for new versions.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.hub import Hub
from aislehub.data.privacy.suppression import is_suppressed, lift
from aislehub.law.consent import ARTICLES, may_use
from aislehub.schema.consents import CONSENTS, PURPOSES

__all__ = ["counts", "said", "say_word", "standing"]


def say_word(
    hub: Hub, customer: str, purpose: str, granted: bool, *, at: datetime | None = None, how: str = "", notice: str = ""
) -> bool:
    """Note a member's word; False when it is known already (same member, purpose, moment and word).

    A yes of somebody who was erased begins a new membership: their suppression ends, for what happens from then on.

    Raises:
        HubError: `law.purpose`, `privacy.erased` (a no of somebody of whom nothing is held), `privacy.ahead` (a
            moment that has not come).
    """
    if purpose not in PURPOSES:
        raise HubError("law.purpose", purpose=purpose, suggestion=did_you_mean(purpose, PURPOSES))
    now = datetime.now(UTC)
    moment = at or now
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment > now:
        raise HubError("privacy.ahead", at=moment.isoformat())
    if is_suppressed(hub, customer, moment) and not (granted and lift(hub, customer, moment)):
        raise HubError("privacy.erased")
    row = {
        "customer": customer, "purpose": purpose, "granted": granted, "at": moment, "how": how or None,
        "notice": notice or None,
    }  # fmt: skip
    checked = CONSENTS.require(pa.Table.from_pylist([row | {"known_at": now}], CONSENTS.schema))
    return hub.tables.append("consents", checked).new > 0


def said(hub: Hub, customers: tuple[str, ...]) -> list[dict[str, Any]]:
    """Every word of a member, oldest first."""
    rows = hub.tables.run(
        lambda tables: (t := tables.read("consents")).filter(t.customer.isin(customers)).order_by("at", "purpose")
    )
    return [dict(row) for row in rows.to_pylist()]


def standing(hub: Hub, customers: tuple[str, ...]) -> list[dict[str, Any]]:
    """What may be done with a member's data now, purpose by purpose, since when, and where it is written."""
    words = hub.tables.run(lambda tables: (t := tables.read("consents")).filter(t.customer.isin(customers))).to_pandas()
    found = []
    for purpose in PURPOSES:
        mine = words[words["purpose"] == purpose].sort_values("at", kind="stable")
        last = mine.iloc[-1] if len(mine) else None
        # The last word of any of a person's keys is the person's.
        key = customers[0] if last is None else str(last["customer"])
        allowed = bool(may_use([key], purpose, words, datetime.now(UTC))[0])
        laws = [article.name for (about, _), article in ARTICLES.items() if about == purpose]
        found.append({
            "purpose": purpose, "allowed": allowed, "said": None if last is None else bool(last["granted"]),
            "since": None if last is None else last["at"].to_pydatetime(), "law": laws,
        })  # fmt: skip
    return found


def counts(hub: Hub) -> list[dict[str, Any]]:
    """How many members' last word on a purpose was yes and how many no, at the end of each month with a word."""
    words = hub.tables.fetch("consents").to_pandas().sort_values("at", kind="stable")
    words["month"] = words["at"].dt.strftime("%Y-%m")
    found = []
    for month in sorted(words["month"].unique()):
        last = words[words["month"] <= month].drop_duplicates(["customer", "purpose"], keep="last")
        for (purpose, granted), rows in last.groupby(["purpose", "granted"]):
            found.append({"month": month, "purpose": purpose, "granted": bool(granted), "members": len(rows)})
    return found
