"""The mail server's settings: what is missing is said, what is no address is refused, a password is never shown."""

from __future__ import annotations

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from aislehub.connect.campaigns import Letter
from aislehub.connect.mail import Mail, MailSettings
from aislehub.core.errors import HubError

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
        Handler(), hostname="127.0.0.1", port=8625, auth_require_tls=False, auth_required=True,
        authenticator=lambda *_: AuthResult(success=False, handled=False), ready_timeout=30,
    )  # fmt: skip
    controller.start()
    try:
        outlet = Mail(
            _settings(port=8625, user="shop", password="hunter2"), lambda ms: {m: f"{m}@p.example" for m in ms}
        )
        with pytest.raises(HubError) as refused:
            outlet.deliver([LETTER])
    finally:
        controller.stop()
    assert refused.value.code == "mail.login" and "hunter2" not in str(refused.value)


def test_a_server_without_encryption_gets_no_password() -> None:
    """STARTTLS is asked for, as delivered; a server that does not offer it gets nothing."""
    controller = Controller(object(), hostname="127.0.0.1", port=8626, ready_timeout=30)
    controller.start()
    try:
        outlet = Mail(_settings(port=8626, security="starttls"), lambda ms: {m: f"{m}@p.example" for m in ms})
        with pytest.raises(HubError) as refused:
            outlet.deliver([LETTER])
    finally:
        controller.stop()
    assert refused.value.code == "mail.unreachable"
