"""One person in this house: their keys, what else is known to be theirs, and the columns in which persons stand."""

from __future__ import annotations

from dataclasses import dataclass

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.tables import quoted
from aislehub.data.mapping import MARKS, load_mapping
from aislehub.data.privacy.identities import identities_of, keys_of
from aislehub.data.privacy.state_rows import PERSON_COLUMNS
from aislehub.data.privacy.traces import Traces, is_telling

__all__ = ["Place", "keys_inside", "places", "traces_of"]

_RANDOM = 16  # a key of so many characters is no name of anything else


@dataclass(frozen=True)
class Place:
    """A stored table: its columns that hold person keys, and all that hold texts."""

    table: str
    persons: tuple[str, ...]
    texts: tuple[str, ...]


def traces_of(hub: Hub, person: str) -> Traces:
    """All that names this person here.

    Raises:
        HubError: `privacy.person` for an empty key or one of more than 200 characters.
    """
    person = person.strip()
    if not person or len(person) > 200 or "\x00" in person:
        raise HubError("privacy.person", person=person[:40])
    keys = keys_of(hub.state, person)
    values = tuple(row["value"] for row in identities_of(hub.state, hub.home, keys) if row["value"])
    ambiguous = frozenset(word for word in (*keys, *values) if _stands_for_something_else(hub, word))
    return Traces(keys, values, _fields(hub), ambiguous)


def places(hub: Hub) -> list[Place]:
    """Where persons may stand in each stored table, also in those whose contract this release no longer has."""
    fields, found = _fields(hub), []
    for table in hub.tables.stored():
        stored = hub.tables.stored_columns(table)
        contract = hub.registry.contracts.get(table)
        persons = contract.persons if contract else sorted(fields & set(stored))
        texts = tuple(name for name, kind in stored.items() if kind == "VARCHAR")
        found.append(Place(table, tuple(name for name in persons if name in stored), texts))
    return found


def keys_inside(hub: Hub, traces: Traces) -> list[str]:
    """Other persons' keys that hold one of this person's inside them."""
    found: set[str] = set()
    for place in places(hub):
        for column in set(place.persons) & traces.fields:
            wanted = " OR ".join(f'contains("{column}", {quoted(key)})' for key in traces.keys)
            rows = hub.tables.matching(place.table, wanted)
            found |= set(rows[column].to_pylist()) if rows.num_rows else set()
    return sorted(found - set(traces.keys))


def _fields(hub: Hub) -> frozenset[str]:
    """Names of fields that hold person keys: columns of contracts, and what exports call them."""
    contracts = hub.registry.contracts
    names = {name for contract in contracts.values() for name in contract.persons} - {"raw"}
    for path in (hub.home / "mappings").glob("*.toml"):
        mapping = load_mapping(path)
        if mapping.table in contracts:
            theirs = [mapping.columns.get(name, "") for name in contracts[mapping.table].persons]
            names |= {text for text in theirs if text and text[0] not in MARKS}
    return frozenset(names | PERSON_COLUMNS)


def _stands_for_something_else(hub: Hub, word: str) -> bool:
    """Whether a short key is also the name of a store, an item or the like."""
    if len(word) >= _RANDOM or not is_telling(word):
        return False
    for place in places(hub):
        others = sorted(set(place.texts) - set(place.persons))
        wanted = " OR ".join(f'"{column}" = {quoted(word)}' for column in others)
        if others and hub.tables.matching(place.table, wanted).num_rows:
            return True
    return False
