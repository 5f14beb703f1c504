"""`aislehub campaign`: plan a campaign, list all, stop one. A plan is a fact; the day's step does the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.hub import Hub, open_hub
from aislehub.core.message import blanks
from aislehub.core.output import print_json
from aislehub.core.tables import end_of_day
from aislehub.core.text import say, word
from aislehub.reach.campaign.audience import EXPLORE
from aislehub.schema.campaigns import CAMPAIGN_PLANS, CHANNELS

__all__ = ["BLANKS", "commands", "plan_campaign"]

BLANKS = ("offer", "ends")
"""Blanks that a text may have."""
LANGUAGES = ("en", "zh")

Name = Annotated[str, typer.Argument(help="Name of the campaign: letters, digits, - and _")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output")]
Day = datetime | None
campaign = typer.Typer(name="campaign", help="Campaigns: plan, list, stop.", no_args_is_help=True)


@campaign.command()
def plan(
    name: Name,
    offer: Annotated[str, typer.Option(help="What is offered, in words or as the till's code")],
    starts: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day on which messages go out")],
    channel: Annotated[str, typer.Option(help=f"Way to the member: {', '.join(CHANNELS)}")] = "email",
    segment: Annotated[str, typer.Option(help="Segment that it is for; left out = all members")] = "",
    ends: Annotated[Day, typer.Option(formats=["%Y-%m-%d"], help="Last day of the offer and of messages")] = None,
    every_days: Annotated[int, typer.Option(help="Days from one round to the next; 0 = one round", min=0)] = 0,
    control: Annotated[
        float, typer.Option(help="Share that by lot gets nothing, for comparison", min=0, max=0.9)
    ] = 0.2,
    explore: Annotated[
        float, typer.Option(help="Share drawn by lot also where uplift picks; 1 = all by lot", min=0, max=1)
    ] = EXPLORE,
    horizon_days: Annotated[int, typer.Option(help="Days over which the effect is counted", min=1, max=365)] = 28,
    message_cost: Annotated[float, typer.Option(help="Cost of one message", min=0)] = 0.0,
    offer_cost: Annotated[
        float, typer.Option(help="Expected cost of the offer for one member written to", min=0)
    ] = 0.0,
    budget: Annotated[float | None, typer.Option(help="Most money that one round may cost", min=0)] = None,
    subject_en: Annotated[str, typer.Option(help="Subject in English")] = "",
    text_en: Annotated[str, typer.Option(help="Text in English, with {offer} and {ends}")] = "",
    subject_zh: Annotated[str, typer.Option(help="Subject in Chinese")] = "",
    text_zh: Annotated[str, typer.Option(help="Text in Chinese, with {offer} and {ends}")] = "",
    as_json: Json = False,
) -> None:
    """Plan a campaign, or change one; from its first day's eve on, the business day proposes whom to write to.

    Example: aislehub campaign plan coffee --offer "2 for 1 coffee" --starts 2017-12-04 --text-en "Come in: {offer}."
    """
    values = {
        "campaign": name, "segment": segment or None, "offer": offer, "channel": channel, "starts": starts.date(),
        "ends": ends.date() if ends else None, "every_days": every_days or None, "control": control,
        "explore": explore, "horizon_days": horizon_days, "message_cost": message_cost, "offer_cost": offer_cost,
        "budget": budget,
        "subject_en": subject_en or None, "text_en": text_en or None, "subject_zh": subject_zh or None,
        "text_zh": text_zh or None, "source": None,
    }  # fmt: skip
    with open_hub() as hub:
        plan_campaign(hub, values)
    if as_json:
        print_json(values)
    else:
        print(say("campaign.planned", name=name, starts=values["starts"]))


@campaign.command(name="list")
def list_(as_json: Json = False) -> None:
    """All campaigns, the latest first, with their rounds in the ledger.

    Example: aislehub campaign list
    """
    with open_hub() as hub:
        rows = sorted(hub.tables.fetch("campaign_plans").to_pylist(), key=lambda row: (row["starts"], row["campaign"]))
        sent: dict[str, list[str]] = {}
        for one in hub.ledger.decided("campaigns"):
            sent.setdefault(one["subject"], []).append(one["state"])
    rows = [row | {"rounds": sent.get(row["campaign"], [])} for row in reversed(rows)]
    if as_json:
        print_json(rows)
        return
    if not rows:
        print(say("campaign.none"))
        return
    columns = ("campaign", "segment", "offer", "channel", "starts", "ends", "rounds")
    table = Table(*(say(f"campaign.column_{name}") for name in columns), box=None)
    for row in rows:
        rounds = ", ".join(say(f"state.{state}") for state in row["rounds"])
        shown = row | {"segment": row["segment"] or say("campaign.all_members"), "rounds": rounds,
                       "channel": word("campaign_channel", row["channel"])}  # fmt: skip
        table.add_row(*(Text(str(shown[name] or "–")) for name in columns))
    Console(highlight=False).print(table)


@campaign.command()
def stop(
    name: Name,
    day: Annotated[Day, typer.Option(formats=["%Y-%m-%d"], help="Last day of messages; default today")] = None,
    as_json: Json = False,
) -> None:
    """Let a campaign end: after that day no more rounds are proposed. What has gone out stays out.

    Example: aislehub campaign stop coffee --day 2017-12-10
    """
    with open_hub() as hub:
        known = {row["campaign"]: row for row in hub.tables.fetch("campaign_plans").to_pylist()}
        if name not in known:
            raise HubError("campaign.unknown", name=name, suggestion=did_you_mean(name, known))
        today = datetime.now(UTC).astimezone(ZoneInfo(hub.settings.timezone)).date()
        last = day.date() if day else today
        _append(hub, known[name] | {"ends": last}, last)
    if as_json:
        print_json({"campaign": name, "ends": last})
    else:
        print(say("campaign.stopped", name=name, ends=last))


def plan_campaign(hub: Hub, values: Mapping[str, Any]) -> None:
    """Write a plan down; one of the same name is changed by it.

    Raises:
        HubError: `campaign.name`, `campaign.channel`, `campaign.segment`, `campaign.text`, `campaign.blank`,
            `campaign.dates`.
    """
    if not re.fullmatch(r"[\w-]{1,60}", values["campaign"]):
        raise HubError("campaign.name", name=values["campaign"])
    if values["channel"] not in CHANNELS:
        raise HubError(
            "campaign.channel", channel=values["channel"], suggestion=did_you_mean(values["channel"], CHANNELS)
        )
    known = hub.tables.run(lambda t: t.read("customer_segments").select("segment").distinct())["segment"].to_pylist()
    if known and values["segment"] and values["segment"] not in known:
        suggestion = did_you_mean(values["segment"], known)
        raise HubError("campaign.segment", segment=values["segment"], suggestion=suggestion)
    if not any(values[f"text_{lang}"] for lang in LANGUAGES):
        raise HubError("campaign.text")
    texts = [values[f"{part}_{lang}"] or "" for part in ("subject", "text") for lang in LANGUAGES]
    strange = next((name for text in texts for name in sorted(blanks(text) - set(BLANKS))), None)
    if strange is not None:
        raise HubError("campaign.blank", blank=strange, known=", ".join(f"{{{name}}}" for name in BLANKS))
    ends = values["ends"]
    if (ends is not None and ends < values["starts"]) or (values["every_days"] and ends is None):
        raise HubError("campaign.dates", starts=values["starts"], ends=ends or "–")
    _append(hub, values, values["starts"] - timedelta(days=1))


def _append(hub: Hub, values: Mapping[str, Any], day: date) -> None:
    """A plan is known from now on; where days of the past are run again, from the close of `day` on."""
    closed = end_of_day(day, hub.settings.timezone) - timedelta(seconds=1)
    row = {**values, "known_at": min(datetime.now(UTC), closed)}
    rows = pa.Table.from_pylist([row], schema=CAMPAIGN_PLANS.schema)
    hub.tables.append("campaign_plans", CAMPAIGN_PLANS.require(rows))


commands = (campaign,)
