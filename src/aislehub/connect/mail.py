"""Mail to members, one message each, by the chain's own mail server.

SMTP with STARTTLS or TLS (RFC 3207, RFC 8314). A message has an identity that follows from decision and member, says
who it is for in plain text, and carries the link that ends all messages (RFC 2369, one click by RFC 8058). A mail
server does not know a repeated message, so one that was cut between hand-over and answer is never sent again.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.errors import HeaderParseError, MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator

from aislehub.connect.campaigns import Fate, Letter
from aislehub.core.errors import HubError
from aislehub.core.settings import Settings, field
from aislehub.core.text import say

__all__ = ["Addresses", "Mail", "MailSettings", "unsubscribe_link"]

Addresses = Callable[[Sequence[str]], Mapping[str, str]]
"""Members → their mail addresses; who has none is left out."""


class MailSettings(Settings, section="mail"):
    """The mail server that campaigns go out by."""

    host: str = field("", "Name of the mail server; empty = no mail is sent")
    port: int = field(587, "Its port", ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = field(
        "starttls", "starttls, tls from the first byte, or none (a server on this very machine)"
    )
    user: str = field("", "User name; empty = without logging in")
    password: SecretStr = field(SecretStr(""), "Password of that user")
    sender: str = field("", "Address that messages come from, e.g. Corner Shop <news@example.com>")
    reply_to: str = field("", "Address that answers go to; empty = the sender's")
    timeout: float = field(30.0, "Seconds to wait for an answer of the server", gt=0, le=300)
    ca_file: str = field("", "File of certificates that are trusted besides the system's; empty = none")
    addresses: str = field(
        "",
        "CSV file with the columns customer and email; empty = the addresses among the identities that the house holds",
    )
    public_url: str = field(
        "", "Address of this console as members reach it, for the link that ends messages, e.g. https://shop.example"
    )

    @field_validator("public_url")
    @classmethod
    def _is_web(cls, url: str) -> str:
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("an address such as https://shop.example is needed")
        return url.rstrip("/")

    @field_validator("sender", "reply_to")
    @classmethod
    def _is_address(cls, text: str) -> str:
        if text and not (text.isprintable() and _address(parseaddr(text)[1])):
            raise ValueError("an address such as Corner Shop <news@example.com> is needed")
        return text


def unsubscribe_link(settings: MailSettings, token: str) -> str:
    """The address that ends all messages to the member of a message."""
    return f"{settings.public_url}/unsubscribe/{token}"


class Mail:
    """The mail server behind the settings.

    Raises:
        HubError: `mail.none` without a server, a sender, or the address of the page that ends messages.
    """

    at_once = False
    repeatable = False
    is_public = True

    def __init__(self, settings: MailSettings, addresses: Addresses) -> None:
        missing = [name for name in ("host", "sender", "public_url") if not getattr(settings, name)]
        if missing:
            raise HubError("mail.none", missing=", ".join(f"mail.{name}" for name in missing))
        self.settings = settings
        self._addresses = addresses
        self._server: smtplib.SMTP | None = None

    def deliver(self, letters: Sequence[Letter]) -> Mapping[str, Fate]:
        """Send each letter to its member's address.

        Raises:
            HubError: `mail.unreachable`, `mail.login`: before anything was handed over.
        """
        known = self._addresses([letter.member for letter in letters])
        return {letter.id: self._send(letter, known.get(letter.member, "")) for letter in letters}

    def close(self) -> None:
        """End the connection, if there is one."""
        server, self._server = self._server, None
        if server is not None:
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()  # it has hung up already

    def _send(self, letter: Letter, address: str) -> Fate:
        if not address:
            return "refused", "mail.no_address"
        try:
            message = self._message(letter, address)
        except (ValueError, MessageError, HeaderParseError):
            return "refused", "mail.bad_address"
        server = self._connected()
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, why = next(iter(error.recipients.values()))
            return _answered(code, why)
        except smtplib.SMTPResponseException as error:
            return _answered(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError as error:
            return "refused", str(error)
        except (smtplib.SMTPException, OSError) as error:  # no answer: it may have been taken
            self._server = None
            return "unsure", str(error) or type(error).__name__
        return "sent", ""

    def _message(self, letter: Letter, address: str) -> EmailMessage:
        parsed = _address(address)
        if parsed is None:
            raise ValueError(address)
        domain = (_address(parseaddr(self.settings.sender)[1]) or parsed).domain
        link = unsubscribe_link(self.settings, letter.token)
        message = EmailMessage(policy=SMTP)
        message["From"] = self.settings.sender
        message["To"] = parsed
        if self.settings.reply_to:
            message["Reply-To"] = self.settings.reply_to
        message["Subject"] = " ".join(letter.subject.split())
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{letter.id}@{domain}>"
        message["Content-Language"] = letter.language
        message["List-Unsubscribe"] = f"<{link}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["Auto-Submitted"] = "auto-generated"
        footer = say("mail.footer", letter.language, link=link)
        message.set_content(f"{letter.text}\n\n-- \n{footer}\n")
        return message

    def _connected(self) -> smtplib.SMTP:
        """The connection, made anew where the server has closed it."""
        if self._server is not None:
            try:
                if self._server.noop()[0] == 250:
                    return self._server
            except (OSError, smtplib.SMTPException):
                self._server = None
        self._server = self._connect()
        return self._server

    def _connect(self) -> smtplib.SMTP:
        s = self.settings
        try:
            context = ssl.create_default_context()
            if s.ca_file:
                context.load_verify_locations(s.ca_file)
            if s.security == "tls":
                server: smtplib.SMTP = smtplib.SMTP_SSL(s.host, s.port, timeout=s.timeout, context=context)
            else:
                server = smtplib.SMTP(s.host, s.port, timeout=s.timeout)
            if s.security == "starttls":
                server.starttls(context=context)
            if s.user:
                server.login(s.user, s.password.get_secret_value())
        except smtplib.SMTPAuthenticationError as error:
            raise HubError("mail.login", host=s.host, user=s.user) from error
        except (OSError, smtplib.SMTPException) as error:
            raise HubError("mail.unreachable", host=s.host, port=s.port, why=str(error)) from error
        return server


def _answered(code: int, why: bytes | str) -> Fate:
    """4xx: not now; 5xx: never. Nobody got it in either case."""
    text = why.decode("utf-8", "replace") if isinstance(why, bytes) else why
    return ("waiting" if 400 <= code < 500 else "refused"), f"{code} {text}"


def _address(text: str) -> Address | None:
    """A bare address as it may stand in a header; None where it is none."""
    if not text or len(text) > 254 or not text.isprintable() or any(mark in text for mark in "<>,; "):
        return None
    try:
        address = Address(addr_spec=text)
    except (ValueError, HeaderParseError, IndexError):
        return None
    return address if address.domain and address.username else None
