"""`aislehub consent | identity | request | export-person | erase | proof | retain | lineage`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json, who
from aislehub.core.reads import note_read
from aislehub.core.text import say
from aislehub.data.privacy import consent as words
from aislehub.data.privacy import identities, requests
from aislehub.data.privacy.erase import erase_person, find_person
from aislehub.data.privacy.identities import keys_of
from aislehub.data.privacy.known import export_person
from aislehub.data.privacy.lineage import lineage_of
from aislehub.data.privacy.policy import Policy
from aislehub.data.privacy.proof import fingerprint, verified
from aislehub.data.privacy.retention import retain as remove_old
from aislehub.data.privacy.suppression import is_suppressed, told_key
from aislehub.schema.consents import PURPOSES

__all__ = ["commands"]

Person = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The person's random key: a customer or staff key")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
Named = Annotated[list[str], typer.Argument(metavar="KIND:VALUE", help="An identity, e.g. email:ann@example.com")]
RequestId = Annotated[str, typer.Argument(metavar="ID", help="Id of the request, or a unique beginning of six")]

consent = typer.Typer(name="consent", help="A member's word on each purpose: show, set.", no_args_is_help=True)
identity = typer.Typer(name="identity", help="Who a person key belongs to: link, find.", no_args_is_help=True)
request = typer.Typer(name="request", help="Requests of persons: open, verify, finish, list.", no_args_is_help=True)
proof = typer.Typer(name="proof", help="Proofs of erasures: verify.", no_args_is_help=True)


@consent.command()
def show(person: Person, as_json: Json = False) -> None:
    """What may be done with a member's data now, by purpose, and every word they said.

    Example: aislehub consent show cec2f3d695e9721e66f69
    """
    with open_hub() as hub:
        keys = keys_of(hub.state, person)
        now, history = words.standing(hub, keys), words.said(hub, keys)
        note_read(hub.state, who(), "consent show", told_key(hub, person))
    if as_json:
        print_json({"customer": person, "now": now, "history": history})
        return
    for row in now:
        code = "privacy.allowed" if row["allowed"] else "privacy.not_allowed"
        since = say("privacy.silent") if row["since"] is None else say("privacy.since", at=_moment(row["since"]))
        print(f"{say('privacy.purpose_' + row['purpose'])}: {say(code)} ({since})")
    _table(
        history, {"at": "privacy.at", "purpose": "privacy.purpose", "granted": "privacy.granted", "how": "privacy.how"}
    )


@consent.command(name="set")
def set_(
    person: Person,
    purpose: Annotated[str, typer.Argument(help=f"{', '.join(PURPOSES)} or all")],
    granted: Annotated[bool, typer.Option("--yes/--no", help="They agree, or they object")],
    at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"], help="When, in UTC; default: now")
    ] = None,
    how: Annotated[str, typer.Option(help="Where they said so, e.g. till, letter")] = "",
    notice: Annotated[str, typer.Option(help="Version of the notice that they were shown")] = "",
) -> None:
    """Note a member's word on a purpose. It is added to the history and holds at once.

    Example: aislehub consent set cec2f3d695e9721e66f69 personalisation --no --how till
    """
    with open_hub() as hub:
        for one in PURPOSES if purpose == "all" else (purpose,):
            new = words.say_word(hub, person, one, granted, at=at, how=how, notice=notice)
            print(say("privacy.word_noted" if new else "privacy.word_known", purpose=say(f"privacy.purpose_{one}")))


@identity.command()
def link(
    person: Person, named: Annotated[str, typer.Argument(metavar="KIND:VALUE", help="email:…, phone:… or card:…")]
) -> None:
    """Note that an address, number or card is said to be a person's. Only a request verifies it.

    Example: aislehub identity link cec2f3d695e9721e66f69 email:ann@example.com
    """
    with open_hub() as hub:
        if is_suppressed(hub, person, datetime.now(UTC)):
            raise HubError("privacy.erased")
        new = identities.link(hub.state, hub.home, person, identities.parse(named), who=who())
    print(say("privacy.linked" if new else "privacy.linked_already"))


@identity.command(name="find")
def find_(
    named: Annotated[str, typer.Argument(metavar="KIND:VALUE", help="email:…, phone:… or card:…")],
    as_json: Json = False,
) -> None:
    """The person keys that an identity is linked to. Looking is noted.

    Example: aislehub identity find email:ann@example.com
    """
    with open_hub() as hub:
        rows = identities.find(hub.state, hub.home, identities.parse(named))
        for row in rows:
            note_read(hub.state, who(), "identity find", row["person"])
    if as_json:
        print_json(rows)
    elif not rows:
        raise HubError("privacy.identity_unknown", kind=named.partition(":")[0])
    else:
        _table(rows, {"person": "privacy.person_key", "kind": "privacy.kind", "verified_at": "privacy.verified_at"})


@request.command(name="open")
def open_(
    kind: Annotated[str, typer.Argument(help=", ".join(requests.KINDS))], named: Named, as_json: Json = False
) -> None:
    """Open a request. Prints one code for each identity: send it there, by the channel itself, and nowhere else.

    Example: aislehub request open erase email:ann@example.com
    """
    with open_hub() as hub:
        parsed = [identities.parse(text) for text in named]
        minutes = Policy.load(hub.home).code_minutes
        id, codes = requests.open_request(hub.state, hub.home, kind, parsed, who=who(), minutes=minutes)
    if as_json:
        print_json({"request": id, "codes": list(codes.values()), "minutes": minutes})
        return
    print(say("privacy.opened", id=id, minutes=minutes))
    for one, code in zip(parsed, codes.values(), strict=False):
        print(say("privacy.send_code", kind=one.kind, code=code))


@request.command(name="verify")
def verify_request(
    id: RequestId,
    named: Annotated[str, typer.Argument(metavar="KIND:VALUE", help="The identity, as it was named")],
    code: Annotated[str, typer.Option(help="The code that came back")] = "",
    in_person: Annotated[str, typer.Option(help="Or what you checked on the person before you")] = "",
) -> None:
    """Verify an identity of a request, by its code or in person.

    Example: aislehub request verify 3f2a9c email:ann@example.com --code 12345678
    """
    with open_hub() as hub:
        if bool(code) == bool(in_person.strip()):
            raise HubError("privacy.code_or_person")
        tries = Policy.load(hub.home).code_tries
        state = requests.verify(
            hub.state, hub.home, id, identities.parse(named), who=who(), tries=tries, code=code, seen=in_person.strip()
        )
    print(say(f"privacy.now_{state}"))


@request.command()
def finish(
    id: RequestId,
    out: Annotated[
        Path | None, typer.Option(help="File for the export (.json, .zip) or the proof of an erasure")
    ] = None,
    why: Annotated[str, typer.Option(help="Of a correction: what was corrected and how")] = "",
) -> None:
    """Carry out a verified request: export, erase, object to every purpose, merge, or close a correction.

    Example: aislehub request finish 3f2a9c --out ann.zip
    """
    with open_hub() as hub:
        kind = requests.get(hub.state, id)["kind"]
        asked = requests.require(hub.state, id, kind)
        if kind in ("export", "erase") and out is None:
            raise HubError("privacy.needs_out", kind=kind)
        if kind == "merge":
            keys = requests.merge(hub.state, id)
            print(say("privacy.merged", count=len(keys)))
            return
        if kind == "export" and out is not None:
            export_person(hub, asked["person"], out, who=who())
            requests.close(hub.state, id, why=str(out))
        elif kind == "erase" and out is not None:
            _erase(hub, asked["person"], out, id)
            return
        elif kind == "object":
            for key in keys_of(hub.state, asked["person"]):
                for purpose in PURPOSES:
                    words.say_word(hub, key, purpose, False, how=f"request {asked['id']}")
            requests.close(hub.state, id)
        else:
            if not why.strip():
                raise HubError("privacy.needs_why")
            requests.close(hub.state, id, why=why)
    print(say("privacy.finished", id=asked["id"]))


@request.command(name="list")
def list_(as_json: Json = False) -> None:
    """Requests, newest first, with how they were verified.

    Example: aislehub request list
    """
    with open_hub() as hub:
        rows = requests.listed(hub.state)
    if as_json:
        print_json(rows)
    else:
        shown = {"id": "privacy.id", "kind": "privacy.kind", "state": "privacy.state", "opened_at": "privacy.opened_at"}
        _table(rows, shown)


def export_person_(
    person: Person,
    out: Annotated[Path, typer.Option(help="A .json file, or a .zip with one CSV a table")],
    request_id: Annotated[str, typer.Option("--request", help="The verified request that asks for it")] = "",
) -> None:
    """Write all that is known of one person, with what it means and where it came from. The reading is noted.

    Example: aislehub export-person cec2f3d695e9721e66f69 --out ann.zip
    """
    with open_hub() as hub:
        if request_id:
            requests.require(hub.state, request_id, "export", person)
        document = export_person(hub, person, out, who=who())
        if request_id:
            requests.close(hub.state, request_id, why=str(out))
    rows = sum(len(told["rows"]) for told in document["tables"].values())
    print(say("privacy.exported", rows=rows, tables=len(document["tables"]), file=out))
    if not any(document[part] for part in ("tables", "identities", "waiting_events", "register")):
        print(say("privacy.exported_nothing", person=person), file=sys.stderr)


def erase_(  # `erase` alone would be what the house asks of a module
    person: Person,
    proof_file: Annotated[Path, typer.Option("--proof", help="File for the signed proof")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, only what would go is shown")] = False,
    request_id: Annotated[str, typer.Option("--request", help="The verified request that asks for it")] = "",
) -> None:
    """Erase a person from every table, file, model and register, search for what is left, and sign the proof.

    It cannot be undone. Refused while a business day runs; cut in the middle, the same call finishes it.

    Example: aislehub erase cec2f3d695e9721e66f69 --yes --proof proof.json
    """
    with open_hub() as hub:
        if request_id:
            requests.require(hub.state, request_id, "erase", person)
        if not yes:
            found = find_person(hub, person)
            for name, count in {**found.tables, **found.state, "inbox": found.events}.items():
                if count:
                    print(f"{name}: {count:,}")
            if found.nothing:
                print(say("privacy.nothing_held"))
            raise HubError("privacy.needs_yes")
        _erase(hub, person, proof_file, request_id)


def _erase(hub: Hub, person: str, proof_file: Path, request_id: str) -> None:
    how = None
    if request_id:
        asked = next(row for row in requests.listed(hub.state) if row["id"].startswith(request_id))
        how = {"checks": [{n: str(c[n]) for n in ("how", "who", "verified_at")} for c in asked["checks"]]}
        request_id = asked["id"]
    document = erase_person(hub, person, proof_file, who=who(), verified=how, request=request_id)
    rows = sum(entry["rows"] for entry in document["tables"])
    search = document["search"]
    print(say("privacy.erased_now", rows=rows, tables=len(document["tables"]), files=search["files"], proof=proof_file))
    if not search["bytes_searched"]:
        print(say("privacy.short_key"))
    if document["models_to_relearn"]:
        print(say("privacy.relearned", models=", ".join(document["models_to_relearn"])))


@proof.command(name="verify")
def verify_proof(
    file: Annotated[Path, typer.Argument(help="The proof")],
    person: Annotated[str, typer.Option(help="A person key: is the proof about it?")] = "",
    as_json: Json = False,
) -> None:
    """Check the signature of a proof of erasure. Ends with 1 when it does not fit, or is about somebody else.

    Example: aislehub proof verify proof.json
    """
    with open_hub() as hub:
        found = verified(file, hub.home, person)
    document = found.document
    if as_json:
        print_json({"valid": True, "own": found.own, "about": found.about, "document": document})
    else:
        rows = sum(entry["rows"] for entry in document["tables"])
        left = len(document["search"]["found"])
        print(say("privacy.proof_valid", rows=rows, finished=document["finished"], left=left))
        key = fingerprint(document["public_key"])
        print(say("privacy.proof_own" if found.own else "privacy.proof_foreign", key=key))
        if found.about is not None:
            print(say("privacy.proof_about" if found.about else "privacy.proof_other"))
    if found.about is False:
        raise typer.Exit(1)


def retain(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Counted back from this day; default: today")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, only what would go is shown")] = False,
) -> None:
    """Remove rows that are older than `privacy.keep_days` says for their table; nothing is set at first.

    Example: aislehub retain --day 2017-12-03
    """
    with open_hub() as hub:
        removed = remove_old(hub, _day(day), dry_run=not yes)
    if not removed:
        print(say("privacy.keep_none"))
    for name, count in removed.items():
        print(say("privacy.removed" if yes else "privacy.would_remove", table=name, count=count))


def lineage(
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The business day")],
    out: Annotated[
        Path | None, typer.Option(help="File for the events, one JSON object a line; default: print")
    ] = None,
    namespace: Annotated[str, typer.Option(help="Namespace of jobs and datasets in the catalogue")] = "aislehub",
) -> None:
    """What each table of a day was made from, as OpenLineage events (spec 2-0-2).

    Example: aislehub lineage --day 2017-12-03 --out lineage.jsonl
    """
    with open_hub() as hub:
        events = lineage_of(hub, day.date(), namespace)
    lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
    if out is None:
        print(lines, end="")
        return
    try:
        out.write_text(lines, encoding="utf-8")
    except OSError as error:
        raise HubError("file.unwritable", file=out, why=error) from error
    print(say("privacy.lineage_written", count=len(events), file=out))


def _day(day: datetime | None) -> date:
    return day.date() if day else datetime.now(UTC).date()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _table(rows: list[dict[str, Any]], columns: dict[str, str]) -> None:
    if not rows:
        return
    table = Table(*(say(title) for title in columns.values()), box=None, header_style="bold")
    for row in rows:
        cells = [row[name] for name in columns]
        table.add_row(*("" if c is None else _moment(c) if isinstance(c, datetime) else str(c) for c in cells))
    Console().print(table)


commands = (consent, identity, request, proof, export_person_, erase_, retain, lineage)
