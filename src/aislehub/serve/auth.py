"""Who is asking: users with a role, browser sessions, bearer tokens and a brake on guessing.

Passwords are kept as argon2 hashes, session and bearer tokens as SHA-256 digests: nobody who reads the
state database can log in with what it holds.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from aislehub.core.errors import HubError
from aislehub.core.state import tokens, users

__all__ = [
    "ROLES",
    "Throttle",
    "User",
    "add_user",
    "all_users",
    "change_password",
    "close_session",
    "create_pass",
    "create_token",
    "ensure_admin",
    "log_in",
    "pass_scope",
    "revoke_token",
    "user_of",
    "user_tokens",
]

Role = Literal["staff", "viewer", "planner", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most: staff see what is their own, a viewer reads, a planner moves decisions, an admin also
sees persons and users."""

SESSION_HOURS = 12
LEAST_PASSWORD = 8
SCOPE = 80
PASSWORD_VARIABLE = "AISLEHUB_ADMIN_PASSWORD"
_hasher = PasswordHasher()


@dataclass(frozen=True)
class User:
    """Somebody who has proved who they are.

    Attributes:
        staff: their key in the table `staff`; "" = they are nobody of the staff.
    """

    name: str
    role: Role
    staff: str = ""

    def may(self, role: Role) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)


def ensure_admin(engine: Engine) -> str | None:
    """Make the user `admin` on the first run; returns the password to show once, None when nobody needs it.

    With AISLEHUB_ADMIN_PASSWORD set that is the admin's password, also later: the way back for somebody
    who forgot it.
    """
    wanted = os.environ.get(PASSWORD_VARIABLE)
    with engine.connect() as connection:
        stored = connection.execute(select(users.c.password).where(users.c.name == "admin")).scalar()
        count = connection.execute(select(func.count()).select_from(users)).scalar()
    if stored is None and (wanted or not count):
        password = wanted or secrets.token_urlsafe(12)
        try:
            add_user(engine, "admin", password, "admin")
        except HubError:  # another process was first, and has shown its password
            return None
        return None if wanted else password
    if wanted and stored is not None and not _matches(stored, wanted):
        with engine.begin() as connection:
            connection.execute(update(users).where(users.c.name == "admin").values(password=_hashed(wanted)))
            connection.execute(delete(tokens).where(tokens.c.user == "admin", tokens.c.kind == "session"))
    return None


def add_user(engine: Engine, name: str, password: str, role: str, staff: str = "") -> None:
    """Add somebody.

    Args:
        staff: their key in the table `staff`, which the role `staff` cannot do without.

    Raises:
        HubError: `serve.user_name`, `serve.user_role`, `serve.user_known`, `serve.user_staff`, `serve.password` (under
            8 characters).
    """
    if not name.strip() or len(name) > 80:
        raise HubError("serve.user_name", user=name)
    if role not in ROLES:
        raise HubError("serve.user_role", role=role, known=", ".join(ROLES))
    if role == "staff" and not staff:
        raise HubError("serve.user_staff", user=name)
    row = {
        "name": name, "password": _hashed(password), "role": role, "staff": staff, "created_at": datetime.now(UTC),
    }  # fmt: skip
    try:
        with engine.begin() as connection:
            connection.execute(insert(users).values(**row))
    except IntegrityError as error:
        raise HubError("serve.user_known", user=name) from error


def all_users(engine: Engine) -> list[User]:
    """Everybody who may log in, by name."""
    with engine.connect() as connection:
        return [User(row.name, row.role, row.staff) for row in connection.execute(select(users).order_by(users.c.name))]


def change_password(engine: Engine, name: str, old: str, new: str) -> None:
    """Set a new password; sessions of the old one end.

    Raises:
        HubError: `serve.login_wrong`, `serve.password`.
    """
    with engine.begin() as connection:
        stored = connection.execute(select(users.c.password).where(users.c.name == name)).scalar()
        if stored is None or not _matches(stored, old):
            raise HubError("serve.login_wrong")
        connection.execute(update(users).where(users.c.name == name).values(password=_hashed(new)))
        connection.execute(delete(tokens).where(tokens.c.user == name, tokens.c.kind == "session"))


def create_token(engine: Engine, user: str, label: str, days: int | None = None) -> str:
    """A bearer token for the API, shown once.

    Args:
        days: how long it holds; None = until it is revoked.

    Raises:
        HubError: `serve.user_unknown`.
    """
    with engine.connect() as connection:
        if connection.execute(select(users.c.name).where(users.c.name == user)).scalar() is None:
            raise HubError("serve.user_unknown", user=user)
    return _issue(engine, user, "bearer", label[:80], None if days is None else timedelta(days=days))


def user_tokens(engine: Engine, user: str) -> list[dict[str, Any]]:
    """The bearer tokens of a user, newest first: digest, label, created_at, expires_at."""
    columns = (tokens.c.digest, tokens.c.label, tokens.c.created_at, tokens.c.expires_at)
    mine = select(*columns).where(tokens.c.user == user, tokens.c.kind == "bearer")
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(mine.order_by(tokens.c.created_at.desc()))]


def revoke_token(engine: Engine, user: str, digest: str) -> bool:
    """End a bearer token at once; False when the user has none of that digest."""
    with engine.begin() as connection:
        mine = (tokens.c.user == user) & (tokens.c.digest == digest) & (tokens.c.kind == "bearer")
        return connection.execute(delete(tokens).where(mine)).rowcount > 0


def create_pass(engine: Engine, user: str, scope: str, until: datetime) -> str:
    """A token for somebody without an account, which opens one thing alone until a moment; earlier ones for it end.

    Args:
        user: who hands it out.
        scope: what it opens, at most 80 characters.

    Raises:
        HubError: `serve.scope`.
    """
    if len(scope) > SCOPE:
        raise HubError("serve.scope", scope=scope, limit=SCOPE)
    with engine.begin() as connection:
        connection.execute(delete(tokens).where(tokens.c.kind == "pass", tokens.c.label == scope))
    return _issue(engine, user, "pass", scope, until - datetime.now(UTC))


def pass_scope(engine: Engine, token: str) -> str | None:
    """What a pass opens; None when it is unknown or expired."""
    which = (tokens.c.digest == _digest(token)) & (tokens.c.kind == "pass")
    with engine.connect() as connection:
        row = connection.execute(select(tokens.c.label, tokens.c.expires_at).where(which)).one_or_none()
    return None if row is None or row.expires_at < datetime.now(UTC) else str(row.label)


def log_in(engine: Engine, name: str, password: str) -> str:
    """A session token for the right password.

    Raises:
        HubError: `serve.login_wrong`, the same and as slow for an unknown name.
    """
    with engine.connect() as connection:
        stored = connection.execute(select(users.c.password).where(users.c.name == name)).scalar()
    if not _matches(stored or _nobody(), password) or stored is None:
        raise HubError("serve.login_wrong")
    with engine.begin() as connection:
        connection.execute(delete(tokens).where(tokens.c.expires_at < datetime.now(UTC)))
    return _issue(engine, name, "session", "", timedelta(hours=SESSION_HOURS))


def close_session(engine: Engine, token: str) -> None:
    """Log out: the session's token no longer works."""
    with engine.begin() as connection:
        connection.execute(delete(tokens).where(tokens.c.digest == _digest(token)))


def user_of(engine: Engine, token: str, kind: Literal["session", "bearer"]) -> User | None:
    """Whose token it is, None when it is unknown, of the other kind or expired."""
    columns = select(users.c.name, users.c.role, users.c.staff, tokens.c.expires_at)
    found = columns.join(tokens, tokens.c.user == users.c.name)
    with engine.connect() as connection:
        row = connection.execute(found.where(tokens.c.digest == _digest(token), tokens.c.kind == kind)).one_or_none()
    if row is None or (row.expires_at is not None and row.expires_at < datetime.now(UTC)):
        return None
    return User(row.name, row.role, row.staff)


@dataclass
class Throttle:
    """A brake on guessing: `attempts` failures within `seconds` for one key, then waiting.

    Counted in this process's memory, for at most `keys` keys (the oldest are forgotten).
    """

    attempts: int = 5
    seconds: float = 300.0
    keys: int = 10_000
    _failures: dict[str, deque[float]] = field(default_factory=dict, repr=False)

    def check(self, key: str) -> None:
        """Refuse while there were too many failures.

        Raises:
            HubError: `serve.throttled`, with the seconds to wait.
        """
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= time.monotonic() - self.seconds:
            failures.popleft()
        if len(failures) >= self.attempts:
            wait = int(failures[0] + self.seconds - time.monotonic()) + 1
            raise HubError("serve.throttled", seconds=wait)

    def failed(self, key: str) -> None:
        self._failures.setdefault(key, deque(maxlen=self.attempts)).append(time.monotonic())
        if len(self._failures) > self.keys:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, key: str) -> None:
        self._failures.pop(key, None)


def _issue(engine: Engine, user: str, kind: str, label: str, life: timedelta | None) -> str:
    token, now = secrets.token_urlsafe(32), datetime.now(UTC)
    row = {
        "digest": _digest(token), "user": user, "kind": kind, "label": label, "created_at": now,
        "expires_at": None if life is None else now + life,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(tokens).values(**row))
    return token


def _hashed(password: str) -> str:
    if len(password) < LEAST_PASSWORD:
        raise HubError("serve.password", length=len(password), least=LEAST_PASSWORD)
    return _hasher.hash(password)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    """A hash that no password matches, so that an unknown name takes as long as a known one."""
    return _hasher.hash(secrets.token_urlsafe(32))
