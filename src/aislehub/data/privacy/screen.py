"""An objection and an erasure hold at once: what is asked about a person is looked at before it is answered.

An answer loads a new version of its tables aside, which takes seconds in a large house. Until then it would choose for
somebody who has just said no. Here the last words are read as soon as there is a new one, whoever wrote it down.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aislehub.core.hub import Hub
from aislehub.data.privacy.suppression import is_suppressed
from aislehub.law.consent import may_use

__all__ = ["Screen", "screen"]

Screen = Callable[[Mapping[str, Any], Sequence[str]], Mapping[str, Any]]
"""`screen(request, fields that name a person) -> request`, without what may not be used."""

_SETTLED = 100_000_000  # ns; a file system's clock may give the same time to two changes this close


def screen(hub: Hub) -> Screen:
    """The test for questions: of who was erased the key is taken away, for who objected nothing is chosen."""
    lock = threading.Lock()
    mark, said_no = -1, frozenset[str]()

    def objected() -> frozenset[str]:
        nonlocal mark, said_no
        now = hub.tables.changed_at("consents")
        if now != mark:
            with lock:
                said_no = _objected(hub)
                mark = now if time.time_ns() - now > _SETTLED else -1
        return said_no

    def screened(request: Mapping[str, Any], persons: Sequence[str]) -> Mapping[str, Any]:
        named = {field: str(request[field]) for field in persons if request.get(field)}
        if not named:
            return request
        gone = {field for field, person in named.items() if is_suppressed(hub, person, datetime.now(UTC))}
        left = {field: value for field, value in request.items() if field not in gone}
        said_no = any(person in objected() for field, person in named.items() if field not in gone)
        return {**left, "objected": True} if said_no else left

    return screened


def _objected(hub: Hub) -> frozenset[str]:
    """Members whose last word on personalisation is no."""
    words = hub.tables.run(lambda tables: (t := tables.read("consents")).filter(t.purpose == "personalisation"))
    rows = words.to_pandas()
    persons = rows["customer"].drop_duplicates().to_numpy(object)
    return frozenset(persons[~may_use(persons, "personalisation", rows, datetime.now(UTC))])
