"""What campaigns are sent by: the outlets that are set, and where a member's address comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from aislehub.connect.campaigns import CampaignPost, Outlet
from aislehub.connect.gateway import Gateway, GatewaySettings, MessageFile
from aislehub.connect.mail import Addresses, Mail, MailSettings
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.output import read_table
from aislehub.core.text import current_language
from aislehub.data.privacy.identities import identities_of
from aislehub.law.messages import MessageRules

__all__ = ["addresses_of", "campaign_post"]


class _Outlets(Mapping[str, Outlet]):
    """Channel → outlet, made at the first letter: a house without a mail server can still write files."""

    def __init__(self, hub: Hub, folder: Path | None) -> None:
        self._hub = hub
        self._folder = folder
        self._made: dict[str, Outlet] = {}

    def __getitem__(self, channel: str) -> Outlet:
        if channel not in self._made:
            self._made[channel] = self._make(channel)
        return self._made[channel]

    def __iter__(self) -> Iterator[str]:
        return iter(("email", "webhook", "file"))

    def __len__(self) -> int:
        return 3

    def _make(self, channel: str) -> Outlet:
        if self._folder is not None or channel == "file":
            return MessageFile(self._folder or self._hub.home / "outbox")
        if channel == "email":
            settings = MailSettings.load(self._hub.home)
            return Mail(settings, addresses_of(self._hub, settings))
        return Gateway(GatewaySettings.load(self._hub.home))


def campaign_post(hub: Hub, folder: Path | None = None) -> CampaignPost:
    """The way out of campaigns.

    Args:
        folder: all channels into files there; None = each channel by its own way.
    """
    language = hub.settings.language or current_language()
    return CampaignPost(
        _Outlets(hub, folder), hub.tables, hub.ledger, MessageRules.load(hub.home), hub.home,
        default_language=language,
    )  # fmt: skip


def addresses_of(hub: Hub, settings: MailSettings) -> Addresses:
    """Members' mail addresses: those that the house holds of identified members, or of the file that the settings name.

    Raises:
        HubError: `mail.address_columns`, and of the file.
    """
    if not settings.addresses:
        return partial(_identified, hub)
    path = Path(settings.addresses)
    table = read_table(path if path.is_absolute() else hub.home / path, codes=("customer",))
    if not {"customer", "email"} <= set(table.columns):
        raise HubError("mail.address_columns", file=path, columns=", ".join(map(str, table.columns)))
    known = dict(zip(table["customer"].astype(str), table["email"].fillna("").astype(str).str.strip(), strict=True))

    def in_file(members: Sequence[str]) -> dict[str, str]:
        return {member: known[member] for member in members if known.get(member)}

    return in_file


def _identified(hub: Hub, members: Sequence[str]) -> dict[str, str]:
    """Addresses by the house's journal of identities; of several the last one that was linked."""
    rows = identities_of(hub.state, hub.home, members)
    return {row["person"]: row["value"] for row in rows if row["kind"] == "email" and row["value"]}
