"""Sends the campaigns of a house to a mail server or gateway that runs here; a script that may be killed at any moment.

python tests/connect/mail_sender.py HOME CHANNEL PORT
"""

from __future__ import annotations

import json
import socket
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from aislehub.connect.campaigns import CampaignPost
from aislehub.connect.gateway import Gateway, GatewaySettings
from aislehub.connect.mail import Mail, MailSettings
from aislehub.core.book import Filter
from aislehub.core.ledger import Ledger
from aislehub.core.outbox import send_approved
from aislehub.core.sends import Sends
from aislehub.core.state import open_state
from aislehub.core.tables import Tables
from aislehub.law.messages import MessageRules
from aislehub.schema import CAMPAIGN_AUDIENCE, CAMPAIGN_PLANS, CONSENTS, CONTACTS

SUNDAY, NOON = date(2026, 11, 1), datetime(2026, 11, 2, 12, tzinfo=UTC)
SECRET = "a secret of at least twenty-four bytes"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
CONTRACTS = {one.name: one for one in (CAMPAIGN_AUDIENCE, CAMPAIGN_PLANS, CONSENTS, CONTACTS)}


class House:
    """A home with one campaign that is approved for some members."""

    def __init__(self, home: Path, decided: date = SUNDAY, timezone: str = "UTC") -> None:
        self.home = home
        self.decided = decided
        self.tables = Tables(home / "tables", CONTRACTS, timezone)
        self.ledger = Ledger(open_state("", home))
        self.sends = Sends(self.ledger.engine)

    def put(self, name: str, rows: list[dict[str, Any]]) -> None:
        contract = CONTRACTS[name]
        self.tables.append(name, contract.require(pa.Table.from_pylist(rows, schema=contract.schema)))

    def approve(self, name: str, treated: int, control: int = 3, channel: str = "email", **plan: Any) -> str:
        """A campaign of that name, decided and approved; its decision's id."""
        self.put("campaign_plans", [
            {"campaign": name, "offer": "2 for 1", "channel": channel, "starts": self.decided + timedelta(days=1),
             "control": 0.2, "horizon_days": 28, "subject_en": "{offer} for you",
             "text_en": "Come in: {offer} to {ends}.",
             "subject_zh": "给您的优惠：{offer}", "text_zh": "欢迎光临：{offer}，至 {ends}。",
             "known_at": LONG_AGO} | plan
        ])  # fmt: skip
        members = [(f"t{n}", "treatment", "zh" if n % 2 else "en") for n in range(treated)]
        members += [(f"c{n}", "control", "en") for n in range(control)]
        self.put("consents", [
            {"customer": member, "purpose": "messages", "granted": True, "at": LONG_AGO} for member, _, _ in members
        ])  # fmt: skip
        rows = [
            {"day": self.decided, "campaign": name, "customer": member, "status": status, "language": language,
             "country": "DE", "timezone": "Europe/Berlin"} for member, status, language in members
        ]  # fmt: skip
        known = self.tables.fetch("campaign_audience").to_pylist()
        self.tables.write(
            "campaign_audience", pa.Table.from_pylist([*known, *rows], schema=CAMPAIGN_AUDIENCE.schema), self.decided
        )
        action = {
            "messages": treated, "control": control, "segment": plan.get("segment") or "all", "offer": "2 for 1",
            "channel": channel,
        }  # fmt: skip
        row = {
            "store": "", "subject": name, "action": json.dumps(action), "baseline": '{"name": "send_nothing"}',
            "money": 1.0, "money_low": 0.0, "money_high": 2.0, "horizon_days": 28, "outlay": 0.0, "reasons": "[]",
            "bound": "none", "source": "",
        }  # fmt: skip
        proposed = [self._row(one) for one in self.ledger.find(Filter(kind="campaigns", day=self.decided))]
        self.ledger.propose("campaigns", self.decided, pa.Table.from_pylist([*proposed, row]), currency="EUR")
        (decision,) = self.ledger.find(Filter(kind="campaigns", subject=name))
        self.ledger.approve(Filter(ids=(decision["id"],)), who="ann")
        return str(decision["id"])

    def _row(self, decision: dict[str, Any]) -> dict[str, Any]:
        names = ("store", "subject", "money", "money_low", "money_high", "horizon_days", "outlay", "bound", "source")
        texts = {name: json.dumps(decision[name]) for name in ("action", "baseline", "reasons")}
        return {name: decision[name] for name in names} | texts

    def post(self, outlets: dict[str, Any], now: datetime = NOON, **rules: Any) -> CampaignPost:
        return CampaignPost(
            outlets, self.tables, self.ledger, MessageRules(**({"holdout": 0.0} | rules)), self.home, now=lambda: now
        )

    def send(self, outlets: dict[str, Any], now: datetime = NOON, **rules: Any) -> list[str]:
        """Send what is approved, and what an earlier run has left."""
        return send_approved(self.ledger, self.post(outlets, now, **rules), "campaigns")


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def mail(port: int, **more: Any) -> Mail:
    """The mail server on a port of this machine; every member has an address."""
    given = {
        "host": "localhost", "port": port, "security": "none", "sender": "Corner Shop <news@shop.example>",
        "public_url": "https://shop.example",
    } | more  # fmt: skip
    return Mail(MailSettings(**given), lambda members: {member: f"{member}@people.example" for member in members})


def gateway(port: int) -> Gateway:
    """The gateway on a port of this machine."""
    return Gateway(GatewaySettings.made_of({"url": f"http://127.0.0.1:{port}/messages", "secret": SECRET,
                                            "attempts": 1}))  # fmt: skip


if __name__ == "__main__":
    outlets = {"email": mail, "webhook": gateway}
    House(Path(sys.argv[1])).send({sys.argv[2]: outlets[sys.argv[2]](int(sys.argv[3]))})
