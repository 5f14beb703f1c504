"""Who a person key belongs to: identities (an address, a number) by a keyed hash, and persons that are one.

What an identity says is never stored in the open: the hash under the house's secret finds it, and the value itself is
kept under a second secret only where something may have to be sent there. Linking proves nothing: an identity counts as
verified once a request for it was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert, or_, select

from aislehub.core.errors import HubError
from aislehub.core.state import identities, same_persons, writing
from aislehub.data.privacy.keys import house_keys

__all__ = ["KINDS", "Identity", "find", "identities_of", "keys_of", "link", "parse"]

KINDS = {"email": True, "phone": True, "card": False}
"""Kind → whether its value is kept, locked, because something may have to be sent there."""


@dataclass(frozen=True)
class Identity:
    """One identity as people write it: `email:ann@example.com`."""

    kind: str
    value: str


def parse(text: str) -> Identity:
    """`kind:value` in one spelling, so that the same identity has the same hash.

    Raises:
        HubError: `privacy.identity`.

    Example:
        >>> parse("email: Ann@Example.com "), parse("phone:+86 138-0013-8000").value
        (Identity(kind='email', value='ann@example.com'), '+8613800138000')
    """
    kind, mark, value = text.partition(":")
    kind, value = kind.strip().lower(), value.strip()
    if kind == "email":
        value = value.lower() if re.fullmatch(r"[^@\s]+@[^@\s]+", value) else ""
    elif kind == "phone":
        value = re.sub(r"[\s().-]", "", value)
        value = value if re.fullmatch(r"\+?\d{5,15}", value) else ""
    elif kind == "card":
        value = re.sub(r"[\s-]", "", value).upper()
        value = value if re.fullmatch(r"\w{4,40}", value) else ""
    if not mark or kind not in KINDS or not value:
        raise HubError("privacy.identity", text=text[:80], kinds=", ".join(KINDS))
    return Identity(kind, value)


def link(engine: Engine, home: Path, person: str, identity: Identity, *, who: str) -> bool:
    """Note that an identity is said to be a person's; False when it is noted already."""
    keys = house_keys(home)
    digest = keys.digest(identity.kind, identity.value)
    row = {
        "person": person, "kind": identity.kind, "digest": digest, "linked_at": datetime.now(UTC), "who": who,
        "value": keys.locked(identity.value) if KINDS[identity.kind] else "",
    }  # fmt: skip
    with writing(engine) as connection:
        mine = (identities.c.person == person) & (identities.c.kind == identity.kind) & (identities.c.digest == digest)
        if connection.execute(select(identities.c.number).where(mine)).first():
            return False
        connection.execute(insert(identities).values(row))
    return True


def find(engine: Engine, home: Path, identity: Identity) -> list[dict[str, Any]]:
    """The links of an identity, verified ones first: number, person, kind, verified_at, how."""
    digest = house_keys(home).digest(identity.kind, identity.value)
    columns = (identities.c[name] for name in ("number", "person", "kind", "linked_at", "verified_at", "how"))
    mine = (identities.c.kind == identity.kind) & (identities.c.digest == digest)
    with engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(select(*columns).where(mine))]
    return sorted(rows, key=lambda row: (row["verified_at"] is None, row["number"]))


def identities_of(engine: Engine, home: Path, persons: Sequence[str]) -> list[dict[str, Any]]:
    """All identities of persons, values opened where they were kept."""
    keys = house_keys(home)
    with engine.connect() as connection:
        rows = connection.execute(select(identities).where(identities.c.person.in_(persons)))
        return [
            {
                "person": row.person, "kind": row.kind, "value": keys.opened(row.value) if row.value else None,
                "linked_at": row.linked_at, "verified_at": row.verified_at, "how": row.how,
            }
            for row in rows
        ]  # fmt: skip


def keys_of(engine: Engine, person: str, connection: Connection | None = None) -> tuple[str, ...]:
    """All keys of the person that `person` is one of, itself first."""
    if connection is None:
        with engine.connect() as own:
            return keys_of(engine, person, own)
    main = connection.execute(select(same_persons.c.main).where(same_persons.c.person == person)).scalar() or person
    rows = select(same_persons.c.person).where(or_(same_persons.c.main == main, same_persons.c.person == main))
    found = {main, *connection.execute(rows).scalars()}
    return (person, *sorted(found - {person}))
