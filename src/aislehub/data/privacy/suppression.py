"""Who was erased stays erased: rows of a late file about them are refused, until they come back as a new member.

The list holds keyed hashes, so it names nobody. Who agrees to a purpose again is let in again, but only with what
happened since: rows from before the erasure are still refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import insert, select, update

from aislehub.core.contract import Contract
from aislehub.core.hub import Hub
from aislehub.core.state import suppressed, writing
from aislehub.data.privacy.keys import house_keys

__all__ = ["ERASED", "Turned", "is_suppressed", "lift", "suppress", "told_key", "turned_away"]

ERASED = "-"
"""Stands for a key that must not come back by being asked for."""

Moment = datetime | None
Turned = Callable[[Contract, pa.Table], NDArray[np.bool_]]
"""`(contract, rows) -> bool (n,)`: the rows that name somebody who was erased."""

_PERSON = "person"


def suppress(hub: Hub, persons: tuple[str, ...]) -> None:
    """Refuse rows about these persons from now on."""
    keys, now = house_keys(hub.home), datetime.now(UTC)
    with writing(hub.state) as connection:
        for person in persons:
            mine = suppressed.c.digest == keys.digest(_PERSON, person)
            connection.execute(suppressed.delete().where(mine))
            row = {"digest": keys.digest(_PERSON, person), "erased_at": now}
            connection.execute(insert(suppressed).values(row))


def is_suppressed(hub: Hub, person: str, moment: datetime) -> bool:
    """Whether a row about this person, of that moment, would be refused."""
    with hub.state.connect() as connection:
        if connection.execute(select(suppressed.c.digest).limit(1)).first() is None:
            return False
        mine = suppressed.c.digest == house_keys(hub.home).digest(_PERSON, person)
        row = connection.execute(select(suppressed.c.erased_at, suppressed.c.lifted_at).where(mine)).first()
    return row is not None and _is_gone((row.erased_at, row.lifted_at), moment)


def told_key(hub: Hub, person: str) -> str:
    """The key as it may be written down: that of who was erased is `ERASED`."""
    return ERASED if person and is_suppressed(hub, person, datetime.now(UTC)) else person


def lift(hub: Hub, person: str, moment: datetime) -> bool:
    """Let a person in again who agreed after the erasure; False when `moment` lies before it."""
    digest = house_keys(hub.home).digest(_PERSON, person)
    here = (suppressed.c.digest == digest) & (suppressed.c.erased_at < moment)
    with writing(hub.state) as connection:
        return connection.execute(update(suppressed).where(here).values(lifted_at=moment)).rowcount > 0


def turned_away(hub: Hub) -> Turned | None:
    """The test for rows that come in; None while nobody was erased."""
    gone = _listed(hub)
    if not gone:
        return None
    keys = house_keys(hub.home)
    seen: dict[str, tuple[datetime, Moment] | None] = {}

    def test(contract: Contract, rows: pa.Table) -> NDArray[np.bool_]:
        found = np.zeros(rows.num_rows, dtype=bool)
        for column in contract.persons:
            if column not in rows.column_names:
                continue
            coded = rows[column].cast(pa.string()).combine_chunks().dictionary_encode()
            persons = coded.dictionary.to_pylist()
            for person in persons:
                if person not in seen:
                    seen[person] = gone.get(keys.digest(_PERSON, person))
            listed = np.array([seen[person] is not None for person in persons] + [False])
            places = np.flatnonzero(listed[pc.fill_null(coded.indices, len(persons)).to_numpy(zero_copy_only=False)])
            for place in places.tolist():
                person = persons[coded.indices[place].as_py()]
                found[place] |= _is_gone(seen[person], _moment(contract, rows, place)) and not _rejoins(
                    hub, contract, rows, place, person
                )
        return found

    return test


def _listed(hub: Hub) -> Mapping[str, tuple[datetime, Moment]]:
    with hub.state.connect() as connection:
        return {row.digest: (row.erased_at, row.lifted_at) for row in connection.execute(select(suppressed))}


def _is_gone(entry: tuple[datetime, Moment] | None, moment: datetime | None) -> bool:
    """A row without a moment of its own speaks of now."""
    if entry is None:
        return False
    erased_at, lifted_at = entry
    return lifted_at is None or (moment is not None and moment <= erased_at)


def _moment(contract: Contract, rows: pa.Table, place: int) -> datetime | None:
    """When a row happened; of a table that does not say, None."""
    value: Any = rows[contract.known_from][place].as_py() if contract.known_from in rows.column_names else None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time.max, UTC)
    return value if isinstance(value, datetime) else None


def _rejoins(hub: Hub, contract: Contract, rows: pa.Table, place: int, person: str) -> bool:
    """A word of consent, said after the erasure, ends the suppression."""
    if contract.name != "consents" or "granted" not in rows.column_names or not rows["granted"][place].as_py():
        return False
    said_at = _moment(contract, rows, place)
    return said_at is not None and lift(hub, person, said_at)
