"""Behaviour events from outside: each checked against its contract, good ones kept, faults told one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aislehub.core.contract import Contract, explain_fault
from aislehub.core.inbox import Inbox
from aislehub.data.privacy.suppression import Turned

__all__ = ["take_in"]

_FAST = timedelta(minutes=15)  # how far a sender's clock may be ahead
_LONGEST = 200  # characters of a field
_LONGEST_PAYLOAD = 20_000


def take_in(
    inbox: Inbox, contract: Contract, events: Sequence[Mapping[str, Any]], turned: Turned | None = None
) -> dict[str, Any]:
    """Keep the good events of a parcel: those of the contract that have happened.

    Args:
        events: objects with the fields of `contract`; `payload` may be an object. `known_at` is not theirs
            to set: the hub knows an event when it arrives.
        turned: the test for persons who were erased; their events are refused.

    Returns:
        `received` = `new` + `known` + the number of `rejected`, each of which has its `index` in the parcel
        and its `reasons` (code, column, value, limit, sentence). Sending a parcel again changes nothing.
    """
    fields = [column.name for column in contract.columns if column.name != "known_at"]
    columns = {name: pa.array([_text(event.get(name)) for event in events], pa.string()) for name in fields}
    checked = contract.check(pa.table(columns))
    faults = {row["_row"]: json.loads(row["_reasons"]) for row in checked.rejected.to_pylist()}
    kept = [place for place in range(len(events)) if place not in faults]
    latest = datetime.now(UTC) + _FAST
    for place, at in zip(kept, checked.good["at"].to_pylist(), strict=True):
        if at > latest:
            until = latest.isoformat(timespec="seconds")
            faults[place] = [{"code": "serve.event_future", "column": "at", "value": at.isoformat(), "limit": until}]
    if turned is not None:
        for place, is_gone in zip(kept, turned(contract, checked.good), strict=True):
            if is_gone:
                faults.setdefault(place, []).append({"code": "reject.erased", "column": "", "value": "", "limit": ""})
    for name, texts in columns.items():
        limit = _LONGEST_PAYLOAD if name == "payload" else _LONGEST
        for place in np.flatnonzero(pc.greater(pc.utf8_length(texts), limit).fill_null(False).to_numpy(False)).tolist():
            start = texts[place].as_py()[:20] + "…"
            fault = {"code": "serve.event_long", "column": name, "value": start, "limit": str(limit)}
            faults.setdefault(place, []).append(fault)
    for place, event in enumerate(events):
        for name in event.keys() - set(fields):
            fault = {"code": "serve.event_field", "column": name, "value": "", "limit": ", ".join(fields)}
            faults.setdefault(place, []).append(fault)
    good = [
        {name: _plain(value) for name, value in row.items() if value is not None}
        for place, row in zip(kept, checked.good.to_pylist(), strict=True)
        if place not in faults
    ]
    new = inbox.add(good)
    rejected = [
        {"index": place, "reasons": [{**fault, "sentence": explain_fault(fault)} for fault in faults[place]]}
        for place in sorted(faults)
    ]
    return {"received": len(events), "new": new, "known": len(good) - new, "rejected": rejected}


def _text(value: object) -> str | None:
    """A JSON value as the text that the contract reads; encodable even if half a surrogate pair came in."""
    if value is None or isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int | float):
        text = str(value)
    else:
        text = json.dumps(value, ensure_ascii=False)
    return None if text is None else text.encode("utf-8", "replace").decode()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
