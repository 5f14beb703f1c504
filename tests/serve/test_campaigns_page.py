"""The page Campaigns tells audiences without telling persons; the link in a message ends all messages by one button."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from aislehub.core.book import Filter
from aislehub.core.hub import Hub
from aislehub.core.sends import Sends, message_id
from aislehub.reach.campaign.decide import CAMPAIGNS
from aislehub.schema import CAMPAIGN_AUDIENCE, CAMPAIGN_PLANS

from .conftest import DAY

SignIn = Callable[..., TestClient]
COUNTS = {"treatment": 40, "control": 10, "holdout": 3, "no_consent": 20}


@pytest.fixture
def campaign(hub: Hub) -> str:
    """A campaign whose texts hold markup, decided on DAY for 40 of 73 members; its decision's id."""
    plan = {
        "campaign": "coffee", "offer": "2 for 1", "channel": "email", "starts": DAY + timedelta(days=1), "control": 0.2,
        "horizon_days": 28, "text_en": "<b>Come</b> in: {offer}.", "text_zh": "欢迎光临：{offer}。",
        "source": "simulated: test",
    }  # fmt: skip
    _put(hub, "campaign_plans", [plan], CAMPAIGN_PLANS.schema)
    rows = [
        {"day": DAY, "campaign": "coffee", "customer": f"{status}-{n}", "status": status}
        for status, count in COUNTS.items() for n in range(count)
    ]  # fmt: skip
    hub.tables.write("campaign_audience", pa.Table.from_pylist(rows, schema=CAMPAIGN_AUDIENCE.schema), DAY)
    decision = {
        "day": DAY, "subject": "coffee", "audience": 73, "money": 12.0, "money_low": -5.0, "money_high": 30.0,
        "action": json.dumps({"messages": 40, "control": 10, "segment": "all", "offer": "2 for 1", "channel": "email"}),
        "baseline": json.dumps({"name": "send_nothing"}), "horizon_days": 28, "outlay": 4.0, "bound": "none",
        "reasons": json.dumps([{"code": "campaign.because_assumed", "facts": {"percent": 2, "low": -3, "high": 7},
                                "weight": 1}]), "source": "simulated: test",
    }  # fmt: skip
    hub.ledger.propose("campaigns", DAY, pa.Table.from_pylist([decision], schema=CAMPAIGNS.schema), currency="USD")
    (found,) = hub.ledger.find(Filter(kind="campaigns"))
    return str(found["id"])


def _put(hub: Hub, name: str, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    hub.tables.append(name, pa.Table.from_pylist(rows, schema=schema))


def test_without_a_campaign_the_page_says_how_to_plan_one(hub: Hub, sign_in: SignIn) -> None:
    """An empty house is told what a campaign is, and by which command."""
    page = sign_in().get("/campaigns").text
    assert "aislehub campaign plan" in page and "by lot gets nothing" in page


def test_the_page_tells_counts_and_texts_but_no_person(campaign: str, sign_in: SignIn) -> None:
    """Audience by what becomes of it, a small group not told, texts in both languages with markup as text."""
    page = sign_in().get("/campaigns").text
    cells = dict(re.findall(r'<th scope="row">([^<]+)</th><td class="figure">([^<]+)</td>', page))
    assert cells["get it"] == "40" and cells["without consent"] == "20" and cells["permanent holdout"] == "&lt; 5"
    assert "treatment-1" not in page and "no_consent-1" not in page
    assert "&lt;b&gt;Come&lt;/b&gt; in: 2 for 1." in page and "欢迎光临：2 for 1。" in page
    assert "is an assumption of the settings" in page and "$12.00" in page


def test_messages_are_counted_by_what_became_of_them(campaign: str, hub: Hub, sign_in: SignIn) -> None:
    """How many went out, and why others did not, in words; a reason of fewer than five is not told."""
    sends = Sends(hub.state)
    members = [f"treatment-{n}" for n in range(40)]
    sends.plan(campaign, "coffee", "email", members)
    ids = [message_id(campaign, member) for member in members]
    sends.settle(dict.fromkeys(ids[:10], ("withheld", "campaign.withdrawn")))
    sends.settle(dict.fromkeys(ids[10:13], ("refused", "mail.no_address")))
    sends.settle(dict.fromkeys(ids[13:], ("sent", "250 taken")))
    seen = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", sign_in().get("/campaigns").text))
    assert (seen["sent"], seen["consent withdrawn since"], seen["no address known"]) == ("27", "10", "&lt; 5")
    chinese = sign_in().get("/campaigns", headers={"Accept-Language": "zh"}).text
    assert "<dt>之后已撤回同意</dt><dd>10</dd>" in chinese


def test_a_measured_campaign_stands_with_its_interval(campaign: str, hub: Hub, sign_in: SignIn) -> None:
    """What it brought, its interval, and the sentence that says how it was measured."""
    facts = {"treated": 40, "control": 10, "each": 0.1, "low": -1.0, "high": 1.2, "usual": 20.0, "horizon": 28}
    hub.ledger.measure({campaign: {"money": 4.0, "low": -40.0, "high": 48.0, "chosen": None, "chance": 1.0,
                                   "method": "campaign.measured_nothing", "facts": facts}})  # fmt: skip
    page = sign_in().get("/campaigns").text
    assert "No measurable effect: 40 members" in page and "−$40.00 … $48.00" in page
    assert '"kind": "forest"' in page


def test_the_link_asks_first_and_the_button_ends_messages(campaign: str, hub: Hub, client: TestClient) -> None:
    """Opening the link changes nothing; posting to it, as mail programs do by one click, writes the member's no."""
    register = Sends(hub.state)
    register.plan(campaign, "coffee", "email", ["treatment-1"])
    token = register.of(campaign)[0]["token"]
    assert "Do you want to get no more messages" in client.get(f"/unsubscribe/{token}").text
    assert hub.tables.fetch("consents").num_rows == 0
    answer = client.post(f"/unsubscribe/{token}", content="List-Unsubscribe=One-Click")
    assert answer.status_code == 200 and "treatment-1" not in answer.text
    (row,) = hub.tables.fetch("consents").to_pylist()
    assert (row["customer"], row["purpose"], row["granted"], row["how"]) == ("treatment-1", "messages", False, "link")
    assert row["at"].date() >= date(2026, 1, 1)


@pytest.mark.parametrize("token", ["x", "%25", "..%2F..", "a" * 500])
def test_an_unknown_link_changes_nothing(hub: Hub, client: TestClient, token: str) -> None:
    """A made-up token is told so, and nobody's messages end."""
    assert client.get(f"/unsubscribe/{token}").status_code in (400, 404)
    assert client.post(f"/unsubscribe/{token}").status_code in (400, 404)
    assert hub.tables.fetch("consents").num_rows == 0
