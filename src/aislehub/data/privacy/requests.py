"""Requests of persons: opened for an identity, verified, carried out. Nothing happens before the verification.

A request names an identity. Either a one-time code, sent through that identity's own channel, comes back, or staff see
the person and say what they checked. A code holds for some minutes and some tries and for one request. To call two
persons one, an identity of each has to be verified within the same request: who has only one of them gets nowhere.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Engine, insert, select, update

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.state import identities, identity_checks, privacy_requests, same_persons, whole_ids, writing
from aislehub.data.privacy.identities import Identity, find, keys_of
from aislehub.data.privacy.keys import house_keys

__all__ = ["KINDS", "Kind", "close", "get", "listed", "merge", "note_erasure", "open_request", "require", "verify"]

Kind = Literal["export", "erase", "object", "correct", "merge"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_DIGITS = 8


def open_request(
    engine: Engine, home: Path, kind: str, named: Sequence[Identity], *, who: str, minutes: int
) -> tuple[str, dict[int, str]]:
    """Open a request for the person whom an identity is linked to.

    Args:
        named: one identity; for a merge one of each person.
        minutes: how long the codes hold.

    Returns:
        The request's id, and identity number → the code to send to it, which is kept only as a hash.

    Raises:
        HubError: `privacy.request_kind`, `privacy.request_names`, `privacy.identity_unknown`,
            `privacy.identity_shared` when it is linked to several persons and verified for none.
    """
    if kind not in KINDS:
        raise HubError("privacy.request_kind", kind=kind, suggestion=did_you_mean(kind, KINDS))
    needed = 2 if kind == "merge" else 1
    if len(named) != needed:
        raise HubError("privacy.request_names", kind=kind, needed=needed, count=len(named))
    links = [_the_link(engine, home, identity) for identity in named]
    id, keys = secrets.token_hex(8), house_keys(home)
    codes = {link["number"]: f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}" for link in links}
    now = datetime.now(UTC)
    with writing(engine) as connection:
        row = {"id": id, "kind": kind, "person": links[0]["person"], "state": "opened", "opened_at": now, "who": who}
        connection.execute(insert(privacy_requests).values(row))
        for number, code in codes.items():
            check = {
                "request": id, "identity": number, "code": keys.digest(f"code {id} {number}", code),
                "until": now + timedelta(minutes=minutes),
            }  # fmt: skip
            connection.execute(insert(identity_checks).values(check))
    return id, codes


def verify(
    engine: Engine, home: Path, id: str, identity: Identity, *, who: str, tries: int, code: str = "", seen: str = ""
) -> str:
    """Verify one identity of a request, by its code or in person; the request's state afterwards.

    Args:
        tries: wrong codes allowed.
        seen: what staff checked, e.g. "membership card and passport"; instead of a code.

    Raises:
        HubError: `privacy.request_unknown`, `privacy.request_state`, `privacy.not_named`, `privacy.code` (wrong, too
            late, too many tries: the same sentence, so that nobody learns which).
    """
    request = get(engine, id)
    if request["state"] != "opened":
        raise HubError("privacy.request_state", id=request["id"], state=request["state"])
    numbers = [row["number"] for row in find(engine, home, identity)]
    now = datetime.now(UTC)
    with writing(engine) as connection:
        mine = (identity_checks.c.request == request["id"]) & identity_checks.c.identity.in_(numbers)
        check = connection.execute(select(identity_checks).where(mine)).first()
        if check is None:
            raise HubError("privacy.not_named", id=request["id"])
        if not seen and not _is_right(home, request["id"], check, code, tries, now):
            connection.execute(update(identity_checks).where(mine).values(tries=check.tries + 1))
            connection.commit()  # a wrong try counts
            raise HubError("privacy.code")
        how = "in_person" if seen else "code"
        done = {"verified_at": now, "how": how, "who": who, "why": seen, "code": ""}
        connection.execute(update(identity_checks).where(mine).values(done))
        one = identities.c.number == check.identity
        connection.execute(update(identities).where(one).values(verified_at=now, how=how))
        waiting = (identity_checks.c.request == request["id"]) & identity_checks.c.verified_at.is_(None)
        if connection.execute(select(identity_checks.c.identity).where(waiting)).first() is not None:
            return "opened"
        this = privacy_requests.c.id == request["id"]
        connection.execute(update(privacy_requests).where(this).values(state="verified"))
        return "verified"


def require(engine: Engine, id: str, kind: str, person: str = "") -> dict[str, Any]:
    """The request, verified, of that kind and, where one is said, about that person.

    Raises:
        HubError: `privacy.request_unknown`, `privacy.request_other`, `privacy.request_state`.
    """
    request = get(engine, id)
    if request["kind"] != kind or (person and person not in keys_of(engine, request["person"])):
        raise HubError("privacy.request_other", id=request["id"], kind=request["kind"])
    if request["state"] != "verified":
        raise HubError("privacy.request_state", id=request["id"], state=request["state"])
    return request


def merge(engine: Engine, id: str) -> tuple[str, ...]:
    """Call the two persons of a verified request one; their keys. Rows stay as they are.

    Raises:
        HubError: as `require`.
    """
    request = require(engine, id, "merge")
    with writing(engine) as connection:
        checked = select(identities.c.person).join(
            identity_checks, identity_checks.c.identity == identities.c.number
        ).where(identity_checks.c.request == request["id"], identity_checks.c.verified_at.is_not(None))  # fmt: skip
        persons = list(dict.fromkeys(connection.execute(checked).scalars()))
        keys = sorted({key for person in persons for key in keys_of(engine, person, connection)})
        connection.execute(same_persons.delete().where(same_persons.c.person.in_(keys)))
        rows = [
            {"person": key, "main": request["person"], "request": request["id"], "at": datetime.now(UTC)}
            for key in keys
        ]
        connection.execute(insert(same_persons), rows)
        _close(connection, request["id"], "", None)
    return tuple(keys)


def close(engine: Engine, id: str, *, why: str = "", proof: Mapping[str, Any] | None = None) -> None:
    """The request was carried out; `proof` is kept with it."""
    with writing(engine) as connection:
        _close(connection, get(engine, id)["id"], why, proof)


def note_erasure(engine: Engine, proof: Mapping[str, Any], *, who: str) -> str:
    """Keep the proof of an erasure that no request asked for; its id."""
    id, now = secrets.token_hex(8), datetime.now(UTC)
    row = {"id": id, "kind": "erase", "person": proof["token"], "state": "done", "opened_at": now, "who": who,
           "closed_at": now, "why": "", "proof": json.dumps(dict(proof), ensure_ascii=False)}  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(privacy_requests).values(row))
    return id


def get(engine: Engine, id: str) -> dict[str, Any]:
    """A request; its id may be shortened to a unique beginning of six.

    Raises:
        HubError: `privacy.request_unknown`.
    """
    with engine.connect() as connection:
        ids = connection.execute(whole_ids(privacy_requests.c.id, id)).scalars().all()
        if len(ids) != 1:
            raise HubError("privacy.request_unknown", id=id)
        row = connection.execute(select(privacy_requests).where(privacy_requests.c.id == ids[0])).one()
    return _opened(dict(row._mapping))


def listed(engine: Engine, limit: int = 500) -> list[dict[str, Any]]:
    """Requests, newest first, each with how and by whom its identities were verified."""
    newest = select(privacy_requests).order_by(privacy_requests.c.opened_at.desc()).limit(limit)
    with engine.connect() as connection:
        rows = [_opened(dict(row._mapping)) for row in connection.execute(newest)]
        checks = [dict(row._mapping) for row in connection.execute(select(identity_checks))]
    for row in rows:
        mine = [check for check in checks if check["request"] == row["id"]]
        names = ("how", "who", "verified_at", "why")
        row["checks"] = [{name: check[name] for name in names} for check in mine]
    return rows


def _the_link(engine: Engine, home: Path, identity: Identity) -> dict[str, Any]:
    links = find(engine, home, identity)
    if not links:
        raise HubError("privacy.identity_unknown", kind=identity.kind)
    verified = [link for link in links if link["verified_at"] is not None]
    if len({link["person"] for link in (verified or links)}) > 1:
        raise HubError("privacy.identity_shared", kind=identity.kind, count=len(links))
    return (verified or links)[0]


def _is_right(home: Path, id: str, check: Any, code: str, tries: int, now: datetime) -> bool:
    if check.tries >= tries or now > check.until or not code:
        return False
    given = house_keys(home).digest(f"code {id} {check.identity}", code.strip())
    return hmac.compare_digest(given, check.code)


def _close(connection: Connection, id: str, why: str, proof: Mapping[str, Any] | None) -> None:
    values = {
        "state": "done", "closed_at": datetime.now(UTC), "why": why,
        "proof": None if proof is None else json.dumps(dict(proof), ensure_ascii=False),
    }  # fmt: skip
    connection.execute(update(privacy_requests).where(privacy_requests.c.id == id).values(values))


def _opened(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"proof": json.loads(row["proof"]) if row["proof"] else None}
