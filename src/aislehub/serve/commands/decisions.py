"""Verbs on the ledger: list, approve, reject, override, undo, send, check."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from aislehub.connect.campaigns import KIND as CAMPAIGNS
from aislehub.connect.campaigns import CampaignPost, told
from aislehub.connect.esl import EslSettings, ShelfLabels
from aislehub.connect.files import FileConnector
from aislehub.connect.hub_file import KIND as SETTINGS
from aislehub.connect.hub_file import HubFile
from aislehub.connect.prices import KIND as PRICES
from aislehub.connect.prices import PriceList
from aislehub.connect.rosters import KIND as ROSTERS
from aislehub.connect.rosters import RosterBook
from aislehub.connect.tours import KIND as TOURS
from aislehub.connect.tours import Tours
from aislehub.core.book import Filter
from aislehub.core.decision import MOVES, carried_out
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.outbox import Connector, send_approved
from aislehub.core.output import print_json, who, write_table
from aislehub.core.reasons import sentence, wrong_facts
from aislehub.core.text import say
from aislehub.serve.campaign_post import campaign_post
from aislehub.serve.documents import FIELDS, decision_document
from aislehub.serve.formats import action, word
from aislehub.serve.lookup import known_kind, known_store, names
from aislehub.serve.plan import show_decisions

__all__ = ["approve", "check", "commands", "decisions", "override", "reject", "send", "undo"]

Ids = Annotated[list[str], typer.Argument(help="Ids of decisions, or their first 6 characters or more")]
Why = Annotated[str, typer.Option(help="Reason, kept in the history")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output")]


def decisions(
    kind: Annotated[str | None, typer.Option(help="Only this kind, e.g. orders")] = None,
    store: Annotated[str | None, typer.Option(help="Only this store")] = None,
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only this business day")] = None,
    state: Annotated[str | None, typer.Option(help="Only this state, e.g. proposed")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the most money first; 0 = all", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Write to a .parquet, .csv, .json or .xlsx file")] = None,
    as_json: Json = False,
) -> None:
    """List decisions, the most expected money first.

    Example: aislehub decisions --kind orders --state proposed --limit 10
    """
    if state and state not in MOVES:
        raise HubError("cli.state", state=state, known=", ".join(MOVES))
    with open_hub() as hub:
        which = replace(_known(hub, kind, store, day), states=(state,) if state else ())
        found = hub.ledger.find(which, limit=limit or None)
        if out:
            write_table(_flat(found), out)
        if as_json:
            print_json([decision_document(decision) for decision in found])
        elif not out:
            show_decisions(hub, found[: limit or 30], total=len(found))


def approve(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids, or their first 6 characters or more")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All proposed ones that the filters below select")] = False,
    kind: Annotated[str | None, typer.Option(help="With --all: only this kind")] = None,
    store: Annotated[str | None, typer.Option(help="With --all: only this store")] = None,
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="With --all: only this day")] = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Approve decisions by id, or all proposed ones of a filter; what the law forbids stays proposed.

    Example: aislehub approve --all --kind orders --store 367
    """
    if bool(ids) == all_:
        raise typer.BadParameter(say("cli.ids_or_all"))
    with open_hub() as hub:
        which = Filter(ids=tuple(ids)) if ids else replace(_known(hub, kind, store, day), states=("proposed",))
        _tell_moved(hub.ledger.approve(which, who=who(), why=why, refused=_tell_refused), "approved", as_json)


def reject(ids: Ids, why: Why = "", as_json: Json = False) -> None:
    """Reject decisions: today's rule or doing nothing stands.

    Example: aislehub reject 1f3a9c --why "promotion was cancelled"
    """
    with open_hub() as hub:
        _tell_moved(hub.ledger.reject(Filter(ids=tuple(ids)), who=who(), why=why), "rejected", as_json)


def override(
    id: Annotated[str, typer.Argument(help="Id of the decision, or its first 6 characters or more")],
    to: Annotated[str, typer.Option(help="A number for the decision's main field, or the action as JSON")],
    why: Annotated[str, typer.Option(help="Reason; it is judged with the outcome")],
    as_json: Json = False,
) -> None:
    """Approve another action than the one proposed.

    Example: aislehub override 1f3a9c --to 24 --why "school fair on Saturday"
    """
    with open_hub() as hub:
        decision = hub.ledger.override(id, _action(to), who=who(), why=why)
        if as_json:
            print_json(decision_document(decision))
        else:
            print(say("cli.overridden", id=decision["id"], action=action(carried_out(decision), decision["kind"])))


def undo(
    id: Annotated[str, typer.Argument(help="Id, or its first 6 characters or more")],
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Take the last move back; what was sent already gets a compensating decision.

    Example: aislehub undo 1f3a9c
    """
    with open_hub() as hub:
        decision = hub.ledger.undo(id, who=who(), why=why)
        code = "cli.compensated" if decision["compensates"] else "cli.undone"
        if as_json:
            print_json(decision_document(decision))
        else:
            print(say(code, id=decision["id"], state=say(f"state.{decision['state']}")))


def send(
    kind: Annotated[str, typer.Option(help="Kind of decisions to send")] = "orders",
    to: Annotated[Path | None, typer.Option(help="Folder for the files; default `outbox` in the home folder")] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="Prices: to the electronic shelf labels of [esl] instead of files")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write approved decisions as CSV, each exactly once; prices that went out are in force from their day on, rosters
    are told, changes of a model (`model_changes`) go into `hub.toml`, stops of tours (`routes`) are shipments to come,
    campaigns go to members by mail, gateway or file, and how many were sent, or why not, is counted.

    Example: aislehub send --kind orders
    """
    with open_hub() as hub:
        outlet = _outlet(hub, known_kind(hub, kind), to, labels)
        if isinstance(outlet, CampaignPost):
            _send_campaigns(hub, outlet, as_json)
            return
        files = send_approved(hub.ledger, outlet, kind)
        if as_json:
            print_json({"files": files})
        else:
            print("\n".join(files) if files else say("cli.nothing_to_send", kind=word("kind", kind)))


def check(
    kind: Annotated[str | None, typer.Option(help="Only this kind")] = None,
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only this business day")] = None,
    limit: Annotated[int, typer.Option(help="How many decisions, the most money first", min=1)] = 100,
    as_json: Json = False,
) -> None:
    """Count the facts in decisions' reasons again from the tables; exit 1 when one is not borne out.

    Example: aislehub check --kind orders --limit 20
    """
    with open_hub() as hub:
        found = hub.ledger.find(_known(hub, kind, None, day), limit=limit)
        wrong = [f"{d['id']}: {fact}" for d in found for fact in wrong_facts(hub.tables, d, hub.registry.checks)]
        if as_json:
            print_json({"checked": len(found), "wrong": wrong})
        if wrong:
            raise HubError("cli.facts_wrong", count=len(wrong), first="; ".join(wrong[:5]))
        if not as_json:
            print(say("cli.facts_right", count=len(found)))


def _known(hub: Hub, kind: str | None, store: str | None, day: datetime | None) -> Filter:
    """What was asked for, if there is such a kind of decision and such a store."""
    return Filter(
        day=day.date() if day else None,
        kind=None if kind is None else known_kind(hub, kind),
        store=None if store is None else known_store(hub, store),
    )


def _outlet(hub: Hub, kind: str, to: Path | None, labels: bool) -> Connector:
    """Where decisions of a kind go: settings into `hub.toml`, campaigns to members, others into files; prices also into
    the price list, by labels where these are asked for, tours into `shipments`, rosters into `rostered`."""
    if kind == SETTINGS:
        return HubFile(hub.home)
    if kind == CAMPAIGNS:
        return campaign_post(hub, to)
    files = FileConnector(to or hub.home / "outbox")
    if kind == TOURS:
        return Tours(files, hub.tables)
    if kind == ROSTERS:
        return RosterBook(files, hub.tables)
    if kind != PRICES:
        return files
    if not labels:
        return PriceList(files, hub.tables)
    settings = EslSettings.load(hub.home)
    if not (settings.url or settings.urls):
        raise HubError("esl.none")
    return PriceList(ShelfLabels(settings, files, names(hub, "items", "item")), hub.tables)


def _send_campaigns(hub: Hub, post: CampaignPost, as_json: bool) -> None:
    """Carry campaigns out and count their messages by what became of them, also where some have to wait."""
    try:
        files = send_approved(hub.ledger, post, CAMPAIGNS)
    except HubError:
        if not as_json:
            _tell_fates(post)
        raise
    if as_json:
        print_json({"files": files, "messages": told(post.fates)})
    elif files:
        _tell_fates(post)
    else:
        print(say("cli.nothing_to_send", kind=word("kind", CAMPAIGNS)))


def _tell_fates(post: CampaignPost) -> None:
    for code, count in told(post.fates).items():
        print(say("cli.fate", what=say(code), count=count))


def _tell_refused(decision: Mapping[str, Any], error: HubError) -> None:
    print(say("cli.refused", id=decision["id"][:8], why=error), file=sys.stderr)


def _tell_moved(count: int, state: str, as_json: bool) -> None:
    if as_json:
        print_json({"moved": count, "state": state})
    else:
        print(say("cli.moved", count=count, state=say(f"state.{state}")))


def _action(text: str) -> float | dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float | dict):
        raise HubError("cli.action", to=text)
    return value


def _flat(found: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a decision for a spreadsheet: action and baseline in columns, reasons as sentences."""
    rows = []
    for decision in found:
        row = {name: decision[name] for name in FIELDS if name not in ("action", "baseline", "reasons", "versions")}
        row |= {f"action_{name}": value for name, value in decision["action"].items()}
        row |= {f"baseline_{name}": value for name, value in decision["baseline"].items()}
        row["reasons"] = " ".join(sentence(reason) for reason in decision["reasons"])
        row["override"] = json.dumps(decision["override"], ensure_ascii=False) if decision["override"] else ""
        row["measured"] = json.dumps(decision["measured"]) if decision["measured"] else ""
        rows.append(row)
    return pd.DataFrame(rows)


commands = (decisions, approve, reject, override, undo, send, check)
