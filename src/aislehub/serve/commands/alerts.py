"""Verbs on the register of alerts: list, show, suppress, resume, and tell the webhook."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from filelock import FileLock, Timeout

from aislehub.connect.webhook import Webhook, WebhookSettings
from aislehub.core.alerts import STATES, AlertFilter
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.notices import Told, tell
from aislehub.core.output import print_json, who, write_table
from aislehub.core.text import say
from aislehub.schema.alerts import OWNERS
from aislehub.serve import formats
from aislehub.serve.commands.decisions import Json, Why
from aislehub.serve.documents import alert_document
from aislehub.serve.lookup import known_store
from aislehub.serve.plan import show_alerts

__all__ = ["alert", "alerts", "commands", "notify", "resume", "suppress", "tell_webhook"]

Id = Annotated[str, typer.Argument(help="Id of the alert, or its first 6 characters or more")]


def alerts(
    state: Annotated[str, typer.Option(help="open, suppressed, closed or all")] = "open",
    owner: Annotated[str | None, typer.Option(help="Only of this role: planner, store, it or marketer")] = None,
    store: Annotated[str | None, typer.Option(help="Only this store")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the most money first; 0 = all", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Write to a .parquet, .csv, .json or .xlsx file")] = None,
    as_json: Json = False,
) -> None:
    """List alerts, the most money at risk first.

    Example: aislehub alerts --owner planner --limit 10
    """
    if state not in (*STATES, "all"):
        raise HubError("cli.alert_state", state=state, known=", ".join([*STATES, "all"]))
    if owner is not None and owner not in OWNERS:
        raise HubError("cli.alert_owner", owner=owner, known=", ".join(OWNERS))
    with open_hub() as hub:
        of_store = None if store is None else known_store(hub, store)
        which = AlertFilter(states=() if state == "all" else (state,), owner=owner, store=of_store)
        found = hub.alerts.find(which, limit=limit or None)
        if out:
            write_table(_flat(found), out)
        if as_json:
            print_json([alert_document(alert) for alert in found])
        elif not out:
            show_alerts(found[: limit or 30], total=len(found))


def alert(id: Id, as_json: Json = False) -> None:
    """Show one alert with every move of its history.

    Example: aislehub alert 1f3a9c
    """
    with open_hub() as hub:
        found = hub.alerts.get(id)
        history = hub.alerts.history(found["id"])
        document = alert_document(found)
        if as_json:
            print_json(document | {"history": history})
            return
        print(f"{found['id']}  {formats.alert_state(found)}")
        print(document["sentence"])
        money, owner = formats.money(found["money_at_risk"], found["currency"]), formats.word("owner", found["owner"])
        print(say("cli.alert_facts", money=money, owner=owner, first=found["first_day"], last=found["last_day"],
                  days=found["days"], source=found["source"] or "–"))  # fmt: skip
        for move in history:
            at, to = formats.instant(move["at"], hub.settings.timezone), {**move, "state": move["state_to"]}
            print(f"  {at}  {formats.alert_state(to)}  {move['who']}  {formats.label(move['why'])}".rstrip())


def suppress(
    id: Id,
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Business day on which it may come back")],
    why: Annotated[str, typer.Option(help="Reason, kept in the history")],
    as_json: Json = False,
) -> None:
    """Keep an alert quiet until a day; if its cause is still there then, it is open again.

    Example: aislehub suppress 1f3a9c --until 2017-12-10 --why "supplier is on strike"
    """
    with open_hub() as hub:
        found = hub.alerts.suppress(id, until.date(), who=who(), why=why)
        _tell(found, say("cli.suppressed", id=found["id"], until=found["until"]), as_json)


def resume(id: Id, why: Why = "", as_json: Json = False) -> None:
    """End the suppression of an alert.

    Example: aislehub resume 1f3a9c
    """
    with open_hub() as hub:
        found = hub.alerts.resume(id, who=who(), why=why)
        _tell(found, say("cli.resumed", id=found["id"]), as_json)


def notify(as_json: Json = False) -> None:
    """Post changes of alerts to the webhook, those that wait first; `aislehub day` does so at its end.

    Exit 1 when the receiver did not take all of them: what waits is posted by the next run.

    Example: aislehub notify
    """
    with open_hub() as hub:
        if not WebhookSettings.load(hub.home).url:
            raise HubError("cli.webhook_off")
        told = _post(hub)
    if told is None:
        raise HubError("cli.webhook_busy")
    if as_json:
        print_json(vars(told))
    else:
        print(_told(told))
    if told.refused or told.waiting:
        raise typer.Exit(1)


def tell_webhook(hub: Hub) -> None:
    """At the end of a day: post what has changed where a webhook is set. Whatever goes wrong there is said, and the
    day is done all the same."""
    try:
        told = _post(hub) if WebhookSettings.load(hub.home).url else None
    except HubError as error:
        print(error, file=sys.stderr)
        return
    if told is not None and told != Told():
        print(_told(told), file=sys.stderr)


def _post(hub: Hub) -> Told | None:
    """Tell the webhook; None while another process does."""
    settings = WebhookSettings.load(hub.home)
    try:
        with FileLock(hub.home / ".notify.lock", timeout=0):
            return tell(hub.alerts, Webhook(settings), most=settings.most)
    except Timeout:
        return None


def _told(told: Told) -> str:
    counts = {name: getattr(told, name) for name in ("delivered", "refused", "waiting")}
    return "\n".join([say("cli.told", **counts), *told.why])


def _tell(found: dict[str, Any], sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(alert_document(found))
    else:
        print(sentence)


def _flat(found: list[dict[str, Any]]) -> pd.DataFrame:
    """One row an alert for a spreadsheet: the sentence instead of its facts."""
    return pd.DataFrame([alert_document(alert) for alert in found]).drop(columns="facts", errors="ignore")


commands = (alerts, alert, suppress, resume, notify)
