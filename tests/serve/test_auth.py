"""Users, sessions, tokens and the brake on guessing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from aislehub.core.errors import HubError
from aislehub.core.state import open_state, tokens, users
from aislehub.serve import auth


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A state database without users."""
    engine = open_state("", tmp_path)
    yield engine
    engine.dispose()


def refused(call: Callable[[], object]) -> str:
    """The code of the refusal."""
    with pytest.raises(HubError) as caught:
        call()
    return caught.value.code


def test_the_first_run_makes_an_admin_once(engine: Engine) -> None:
    """The first run returns a password that works; the second returns none and leaves it alone."""
    password = auth.ensure_admin(engine)
    assert password is not None and auth.ensure_admin(engine) is None
    user = auth.user_of(engine, auth.log_in(engine, "admin", password), "session")
    assert user == auth.User("admin", "admin")


def test_the_environment_sets_and_resets_the_admins_password(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """AISLEHUB_ADMIN_PASSWORD is the admin's password on the first run and later, and is never printed."""
    for password in ("first password", "second password"):
        monkeypatch.setenv(auth.PASSWORD_VARIABLE, password)
        assert auth.ensure_admin(engine) is None
        assert auth.log_in(engine, "admin", password)
    assert refused(lambda: auth.log_in(engine, "admin", "first password")) == "serve.login_wrong"


def test_a_new_admin_password_ends_old_sessions(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was logged in with the old password is not any more."""
    session = auth.log_in(engine, "admin", auth.ensure_admin(engine) or "")
    monkeypatch.setenv(auth.PASSWORD_VARIABLE, "another password")
    auth.ensure_admin(engine)
    assert auth.user_of(engine, session, "session") is None


def test_the_database_holds_no_secret_in_plain(engine: Engine) -> None:
    """Neither a password nor a token can be read from the state database."""
    auth.add_user(engine, "ann", "long password", "planner")
    secrets = ["long password", auth.log_in(engine, "ann", "long password"), auth.create_token(engine, "ann", "till")]
    with engine.connect() as connection:
        stored = str([*connection.execute(select(users)), *connection.execute(select(tokens))])
    assert not [secret for secret in secrets if secret in stored]
    assert "$argon2id$" in stored


def test_a_token_counts_only_as_what_it_is(engine: Engine) -> None:
    """A session is no bearer token, a bearer token no session, and anything else is nobody."""
    auth.add_user(engine, "ann", "long password", "viewer")
    session, bearer = auth.log_in(engine, "ann", "long password"), auth.create_token(engine, "ann", "x")
    assert auth.user_of(engine, session, "session") == auth.user_of(engine, bearer, "bearer")
    assert auth.user_of(engine, session, "bearer") is None
    assert auth.user_of(engine, bearer, "session") is None
    assert auth.user_of(engine, bearer + "x", "bearer") is None


def test_an_expired_or_revoked_token_is_nobody(engine: Engine) -> None:
    """A token ends at its time, at once when it is revoked, and a session when it is closed."""
    auth.add_user(engine, "ann", "long password", "viewer")
    session, kept, revoked = (
        auth.log_in(engine, "ann", "long password"),
        auth.create_token(engine, "ann", "kept", days=1),
        auth.create_token(engine, "ann", "revoked"),
    )
    digest = next(row["digest"] for row in auth.user_tokens(engine, "ann") if row["label"] == "revoked")
    assert auth.revoke_token(engine, "ann", digest) and not auth.revoke_token(engine, "ann", digest)
    assert auth.user_of(engine, revoked, "bearer") is None
    auth.close_session(engine, session)
    assert auth.user_of(engine, session, "session") is None
    assert auth.user_of(engine, kept, "bearer")
    with engine.begin() as connection:
        connection.execute(update(tokens).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert auth.user_of(engine, kept, "bearer") is None


def test_bad_users_are_refused(engine: Engine) -> None:
    """A name twice, no name, an unknown role and a short password are refused by name; so is a stranger's token."""
    auth.add_user(engine, "ann", "long password", "viewer")
    for code, name, password, role in (
        ("serve.user_known", "ann", "long password", "viewer"),
        ("serve.user_name", " ", "long password", "viewer"),
        ("serve.user_role", "bob", "long password", "king"),
        ("serve.password", "bob", "short", "viewer"),
    ):
        assert refused(lambda n=name, p=password, r=role: auth.add_user(engine, n, p, r)) == code
    assert refused(lambda: auth.create_token(engine, "bob", "x")) == "serve.user_unknown"
    assert [user.name for user in auth.all_users(engine)] == ["ann"]


def test_an_unknown_name_reads_as_a_wrong_password(engine: Engine) -> None:
    """Nobody learns which names exist, and a changed password is the only one that works."""
    auth.add_user(engine, "ann", "long password", "viewer")
    assert refused(lambda: auth.log_in(engine, "bob", "long password")) == "serve.login_wrong"
    assert refused(lambda: auth.change_password(engine, "ann", "wrong", "new password")) == "serve.login_wrong"
    auth.change_password(engine, "ann", "long password", "new password")
    assert refused(lambda: auth.log_in(engine, "ann", "long password")) == "serve.login_wrong"
    assert auth.log_in(engine, "ann", "new password")


def test_the_brake_waits_and_lets_go() -> None:
    """Five failures stop one key and no other; success or time lets it go, and memory stays small."""
    brake = auth.Throttle(attempts=5, seconds=300, keys=3)
    for _ in range(5):
        brake.check("ann")
        brake.failed("ann")
    with pytest.raises(HubError) as caught:
        brake.check("ann")
    assert caught.value.code == "serve.throttled" and 0 < caught.value.facts["seconds"] <= 301
    brake.check("bob")
    brake.succeeded("ann")
    brake.check("ann")
    for name in "abcdef":
        brake.failed(name)
    assert len(brake._failures) == 3
    quick = auth.Throttle(attempts=1, seconds=0.0)
    quick.failed("ann")
    quick.check("ann")
