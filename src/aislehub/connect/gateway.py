"""Messages to a gateway (text messages, an app) by signed posts, one a member, and to a file, all in one.

A post is a CloudEvent signed as alerts are (see `signed.py`), to an address of its own. Its id follows from decision
and member, by which the gateway knows a repeated one. The file has a name that follows from the decision, appears
whole, and is written again as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr, field_validator

from aislehub.connect.campaigns import Fate, Letter
from aislehub.connect.files import FileConnector
from aislehub.connect.signed import SignedPost, is_web
from aislehub.core.errors import HubError
from aislehub.core.outbox import Batch
from aislehub.core.settings import Settings, field

__all__ = ["Gateway", "GatewaySettings", "MessageFile"]


class GatewaySettings(Settings, section="gateway"):
    """Where messages to members are posted to."""

    url: str = field("", "Address of the gateway, http or https; empty = none")
    secret: SecretStr = field(
        SecretStr(""), "Secret of the signature, at least 24 bytes: `whsec_` and base64, or plain text"
    )
    attempts: int = field(3, "Attempts to post one message in one run", ge=1, le=10)
    timeout: float = field(10.0, "Seconds to wait for the gateway's answer", gt=0, le=120)

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if url and not is_web(url):
            raise ValueError("an address such as https://example.com/messages is needed")
        return url


class Gateway:
    """The gateway behind an address.

    Raises:
        HubError: `gateway.none` without an address, `webhook.secret` without a good secret.
    """

    at_once = False
    repeatable = True
    is_public = True

    def __init__(self, settings: GatewaySettings) -> None:
        if not settings.url:
            raise HubError("gateway.none")
        self._post = SignedPost(settings.url, settings.secret, settings.attempts, settings.timeout)

    def deliver(self, letters: Sequence[Letter]) -> Mapping[str, Fate]:
        """Post each letter; one that the gateway cannot take now waits."""
        states = {"delivered": "sent", "refused": "refused", "waiting": "waiting"}
        found = {letter.id: self._post.send(letter.id, _event(letter)) for letter in letters}
        return {id: (states[posted.state], posted.why) for id, posted in found.items()}


class MessageFile:
    """All letters of a decision in one CSV file of a folder, for an agency or a system that reads files."""

    at_once = True
    repeatable = True
    is_public = False

    def __init__(self, folder: Path) -> None:
        self._files = FileConnector(folder)

    def deliver(self, letters: Sequence[Letter]) -> Mapping[str, Fate]:
        """Write the file.

        Raises:
            HubError: `file.unwritable`.
        """
        rows = [
            {"kind": f"messages-{letter.campaign}", "day": letter.day, "message": letter.id, "customer": letter.member,
             "language": letter.language, "offer": letter.offer, "subject": letter.subject, "text": letter.text}
            for letter in letters
        ]  # fmt: skip
        path = self._files.send(Batch(letters[0].decision, rows))
        return {letter.id: ("sent", path) for letter in letters}


def _event(letter: Letter) -> dict[str, object]:
    return {
        "specversion": "1.0", "id": letter.id, "source": "/aislehub/campaigns", "type": "aislehub.message",
        "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"), "datacontenttype": "application/json",
        "subject": letter.campaign,
        "data": {"customer": letter.member, "language": letter.language, "offer": letter.offer,
                 "subject": letter.subject, "text": letter.text, "decision": letter.decision},
    }  # fmt: skip
