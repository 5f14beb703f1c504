"""The mail server's settings: what is missing is said, what is no address is refused, a password is never shown."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aislehub.connect.campaigns import Letter
from aislehub.connect.mail import Mail, MailSettings
from aislehub.core.errors import HubError
from tests.connect.mail_sender import free_port

LETTER = Letter("0" * 32, "d1", "coffee", "m1", "en", "2 for 1", "Hello\n there", "Come in.", "2026-11-02", "token")


def _settings(**values: object) -> MailSettings:
    given = {
        "host": "localhost",
        "security": "none",
        "sender": "news@shop.example",
        "public_url": "https://shop.example",
    }
    return MailSettings.made_of(given | values)


@pytest.mark.parametrize("missing", ["host", "sender", "public_url"])
def test_without_a_server_a_sender_or_a_way_out_no_mail_is_sent(missing: str) -> None:
    """The sentence names the setting."""
    with pytest.raises(HubError, match=f"mail.{missing}") as refused:
        Mail(_settings(**{missing: ""}), lambda members: {})
    assert refused.value.code == "mail.none"


@pytest.mark.parametrize(
    "values", [{"sender": "nobody"}, {"public_url": "javascript:alert(1)"}, {"reply_to": "a\nb@c.d"}]
)
def test_settings_that_cannot_be_right_are_refused(values: dict[str, str]) -> None:
    """A sender without an address, an address that is none of the web, a line break."""
    with pytest.raises(HubError) as refused:
        _settings(**values)
    assert refused.value.code == "settings.invalid"


def test_a_wrong_password_is_a_sentence_without_it() -> None:
    """A server that asks for a login and does not know it: nothing is handed over, and the password is not told."""

    class Handler:
        async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
            raise AssertionError("nothing may be handed over")

    controller = Controller(
        Handler(), hostname="127.0.0.1", port=free_port(), auth_require_tls=False, auth_required=True,
        authenticator=lambda *_: AuthResult(success=False, handled=False), ready_timeout=30,
    )  # fmt: skip
    controller.start()
    try:
        outlet = Mail(
            _settings(port=controller.port, user="shop", password="hunter2"),
            lambda ms: {m: f"{m}@p.example" for m in ms},
        )
        with pytest.raises(HubError) as refused:
            outlet.deliver([LETTER])
    finally:
        controller.stop()
    assert refused.value.code == "mail.login" and "hunter2" not in str(refused.value)


def test_a_server_without_encryption_gets_no_password() -> None:
    """STARTTLS is asked for, as delivered; a server that does not offer it gets nothing."""
    controller = Controller(object(), hostname="127.0.0.1", port=free_port(), ready_timeout=30)
    controller.start()
    try:
        outlet = Mail(
            _settings(port=controller.port, security="starttls"), lambda ms: {m: f"{m}@p.example" for m in ms}
        )
        with pytest.raises(HubError) as refused:
            outlet.deliver([LETTER])
    finally:
        controller.stop()
    assert refused.value.code == "mail.unreachable"


class Taken:
    """A handler that keeps what comes, and whether it came encrypted and after a login."""

    def __init__(self) -> None:
        self.came: list[tuple[str, list[str], bool, bool]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.came.append((envelope.mail_from, envelope.rcpt_tos, session.ssl is not None, session.authenticated))
        return "250 taken"


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Files of a certificate for a server of this name that has signed itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    plain = serialization.NoEncryption()
    files = folder / "server.pem", folder / "server.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return files


@pytest.fixture(params=["localhost", "other.example"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Controller, Taken]]:
    """A mail server that wants STARTTLS and a login, with a certificate for that name."""
    certificate, key = _certificate(tmp_path, request.param)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    taken = Taken()
    controller = Controller(
        taken, hostname="127.0.0.1", port=free_port(), tls_context=context, require_starttls=True, auth_required=True,
        authenticator=lambda _s, _session, _envelope, _how, data: AuthResult(success=data.password == b"hunter2"),
        ready_timeout=30,
    )  # fmt: skip
    controller.start()
    yield request.param, controller, taken
    controller.stop()


def test_mail_goes_encrypted_to_the_server_that_it_is_meant_for(
    server: tuple[str, Controller, Taken], tmp_path: Path
) -> None:
    """By STARTTLS and after the login, from the sender to the member's address alone; a certificate that nobody vouches
    for, or that is another server's, gets neither the password nor the mail."""
    name, controller, taken = server
    given = {"port": controller.port, "security": "starttls", "user": "shop", "password": "hunter2",
             "sender": "Corner Shop <news@shop.example>"}  # fmt: skip
    with pytest.raises(HubError, match="certificate") as refused:
        Mail(_settings(**given), lambda ms: {m: f"{m}@p.example" for m in ms}).deliver([LETTER])
    assert refused.value.code == "mail.unreachable" and taken.came == []
    outlet = Mail(
        _settings(**given, ca_file=str(tmp_path / "server.pem")), lambda ms: {m: f"{m}@p.example" for m in ms}
    )
    if name == "localhost":
        assert outlet.deliver([LETTER]) == {LETTER.id: ("sent", "")}
        outlet.close()
        assert taken.came == [("news@shop.example", ["m1@p.example"], True, True)]
    else:
        with pytest.raises(HubError, match="certificate"):
            outlet.deliver([LETTER])
        assert taken.came == []
