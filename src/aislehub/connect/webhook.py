"""Alerts to a webhook: one signed CloudEvent a change, posted until the receiver takes it, never as two.

An event is CloudEvents 1.0 in structured JSON, signed as `signed.py` says.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC
from typing import Any

from pydantic import SecretStr, field_validator

from aislehub.connect.signed import LEAST_SECRET, SignedPost, is_web
from aislehub.core.notices import Notice, Posted
from aislehub.core.reasons import sentence
from aislehub.core.settings import Settings, field
from aislehub.core.text import LANGUAGES, say

__all__ = ["Webhook", "WebhookSettings"]


class WebhookSettings(Settings, section="webhook"):
    """Where changes of alerts are posted to."""

    url: str = field("", "Address that alerts are posted to, http or https; empty = none")
    secret: SecretStr = field(
        SecretStr(""), f"Secret of the signature, at least {LEAST_SECRET} bytes: `whsec_` and base64, or plain text"
    )
    attempts: int = field(4, "Attempts to post one event in one run", ge=1, le=10)
    timeout: float = field(10.0, "Seconds to wait for the receiver's answer", gt=0, le=120)
    most: int = field(50, "Alerts told one by one in a run, the most money at risk first; the rest as one digest", ge=1)

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if url and not is_web(url):
            raise ValueError("an address such as https://example.com/alerts is needed")
        return url


class Webhook:
    """The receiver behind an address.

    Raises:
        HubError: `webhook.secret` when it is missing, too short or no base64: anybody could send alerts in our name.
    """

    def __init__(
        self, settings: WebhookSettings, *, sleep: Callable[[float], None] = time.sleep, seed: int | None = None
    ) -> None:
        self.settings = settings
        self._post = SignedPost(
            settings.url, settings.secret, settings.attempts, settings.timeout, sleep=sleep, seed=seed
        )

    def post(self, notice: Notice) -> Posted:
        """Post one event, again after a growing wait while the receiver cannot take it."""
        return self._post.send(notice.id, _event(notice))


def _event(notice: Notice) -> dict[str, Any]:
    """The CloudEvent: the alert's fields, and its sentence in every language."""
    data = dict(notice.content)
    if notice.kind == "digest":
        data["sentences"] = {lang: say("webhook.digest", lang, count=data["count"]) for lang in LANGUAGES}
    else:
        reason = {"code": data["cause"], "facts": data["facts"]}
        data["sentences"] = {lang: sentence(reason, lang) for lang in LANGUAGES}
    return {
        "specversion": "1.0", "id": notice.id, "source": "/aislehub/alerts", "type": f"aislehub.alert.{notice.kind}",
        "time": notice.at.astimezone(UTC).isoformat().replace("+00:00", "Z"), "datacontenttype": "application/json",
        "data": data,
    } | ({} if notice.kind == "digest" else {"subject": data["id"]})  # fmt: skip
