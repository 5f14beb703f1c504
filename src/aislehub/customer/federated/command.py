"""`aislehub federate`: several houses learn together; on one machine to see it, or over a network."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json
from aislehub.core.text import say
from aislehub.customer.federated import recommender
from aislehub.customer.federated.certificates import COORDINATOR, Identity, found, load_identity
from aislehub.customer.federated.hall import Hall, open_hall
from aislehub.customer.federated.house import read_house
from aislehub.customer.federated.learned import Learned
from aislehub.customer.federated.plan import least_threshold
from aislehub.customer.federated.rehearsal import rehearse, shared_seconds
from aislehub.customer.federated.rounds import Summed
from aislehub.customer.federated.seat import take_seat, tell
from aislehub.customer.federated.split import deal, party_names
from aislehub.customer.federated.terms import Terms
from aislehub.customer.federated.train import Course, train
from aislehub.customer.federated.wire import Tap

__all__ = ["commands"]

_AHEAD = 28  # days by which parties judge what was learned
_STARTING = 600.0  # seconds that processes of this machine may take to start; one that ends is not waited for
_HELD = ("stores", "lines", "members", "items", "series")
_RECALLS = ("recall_alone", "recall_federated", "recall_central")
_WAPES = ("wape_mean4", "wape_ridge_alone", "wape_ridge", "wape_poisson")
_PROMISED = {"head": 100, "clip": 1.0, "ridge": 1.0}  # chosen on Complete Journey: benchmarks/federated.py
_PLAIN = {"head": 500, "clip": 5.0, "ridge": 150.0}

federate = typer.Typer(name="federate", invoke_without_command=True)
Day = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last business day; that of the last sales if left out")
]
Epsilon = Annotated[
    float, typer.Option(help="Promise to members: noise for this ε in the recommender; 0 = none", min=0, max=100)
]
Delta = Annotated[float, typer.Option(help="δ of the promise", min=1e-12, max=0.01)]
Head = Annotated[int | None, typer.Option(help="Items of the recommender [500; with a promise 100]", min=10, max=5000)]
Clip = Annotated[float | None, typer.Option(help="Length of a member's longest row [5; with a promise 1]", min=0.1)]
Ahead = Annotated[int, typer.Option(help="Last days kept back, by which each party judges what was learned", min=0)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
Seconds = Annotated[float, typer.Option(help="Seconds that a party may take for an answer", min=1)]


@federate.callback()
def on_this_machine(
    context: typer.Context,
    parties: Annotated[int, typer.Option(help="Franchisees that the stores are dealt out to: 3 or more", max=50)] = 4,
    epsilon: Epsilon = 0.0,
    delta: Delta = 1e-5,
    head: Head = None,
    clip: Clip = None,
    day: Day = None,
    seconds: Seconds = 120.0,
    as_json: Json = False,
) -> None:
    """Learn together without sharing rows: on this machine, with the stores dealt out to franchisees, a process each.

    They talk over TCP with TLS, as several hosts would with `init`, `coordinate` and `join`.

    Example: aislehub federate --parties 4 --epsilon 8
    """
    if context.invoked_subcommand is not None:
        return
    with open_hub() as hub, tempfile.TemporaryDirectory(prefix="aislehub-federation-") as place:
        folder = Path(place)
        names = party_names(parties)
        found(folder / "members", names)
        identity = load_identity(folder / "members" / COORDINATOR)
        course = _course(hub, day, _AHEAD, epsilon, delta, head, clip, shared_seconds(seconds, parties))
        for name, stores in zip(names, deal(hub.tables, parties), strict=True):
            (folder / f"{name}.stores").write_text("\n".join(stores), encoding="utf-8")
        began = time.perf_counter()
        run = partial(_run, course=course, wait=max(_STARTING, course.seconds))
        learned, sums = asyncio.run(rehearse(hub.home, identity, folder, course.seconds, run))
        files = [folder / f"{name}.json" for name in names]  # who fell out for good has none
        reports = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
        card = learned.save(hub.models, why=say("federated.why", parties=parties))
        central = _central(hub, course, learned, folder)
        document = {
            "model": card.id, "parties": reports, "central": central, "card": dict(learned.card),
            "seconds": round(time.perf_counter() - began, 1), "rounds": [_told(done) for done in sums],
        }  # fmt: skip
    if as_json:
        print_json(document)
    else:
        _show(document)


@federate.command()
def init(
    folder: Annotated[Path, typer.Argument(help="New folder; one inside it for each member")],
    party: Annotated[list[str], typer.Option(help="Name of a party; once for each, at least three")],
    days: Annotated[int, typer.Option(help="Days that the certificates hold", min=1, max=3650)] = 365,
) -> None:
    """Make the certificates of a federation, to be carried to its members.

    Example: aislehub federate init federation --party north --party south --party west
    """
    for made in found(folder, party, days=days):
        print(made)
    print(
        say("federated.carry", folder=folder, threshold=least_threshold(len(party)), parties=len(party)),
        file=sys.stderr,
    )


@federate.command()
def coordinate(
    cert: Annotated[Path, typer.Option(help="The coordinator's folder, from `federate init`")],
    port: Annotated[int, typer.Option(help="Port to listen on; 0 = any free one", min=0, max=65535)] = 8765,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "0.0.0.0",
    wait: Annotated[float, typer.Option(help="Seconds to wait until all parties are there", min=0)] = 300.0,
    epsilon: Epsilon = 0.0,
    delta: Delta = 1e-5,
    colluders: Annotated[int, typer.Option(help="Parties that may tell the coordinator their noise", min=0)] = 0,
    head: Head = None,
    clip: Clip = None,
    ahead_days: Ahead = 0,
    day: Day = None,
    seconds: Seconds = 120.0,
    record: Annotated[
        Path | None, typer.Option(help="Write every byte that parties send, as it leaves TLS, for an audit")
    ] = None,
    as_json: Json = False,
) -> None:
    """Coordinate a federation: ask for sums, learn from them, send everybody the result.

    Example: aislehub federate coordinate --cert federation/coordinator --port 8765
    """
    identity = load_identity(cert)
    with open_hub() as hub, ExitStack() as stack:
        course = _course(hub, day, ahead_days, epsilon, delta, head, clip, seconds, colluders)
        tap = stack.enter_context(_recording(record)) if record else None
        learned, sums = asyncio.run(_coordinate(identity, course, host, port, wait, tap))
        card = learned.save(hub.models, why=say("federated.why", parties=len(learned.card["parties"])))
    document = {"model": card.id, "card": dict(learned.card), "rounds": [_told(done) for done in sums]}
    if as_json:
        print_json(document)
    else:
        _show_rounds(document)


@federate.command()
def join(
    at: Annotated[str, typer.Option(help="The coordinator's HOST:PORT")],
    cert: Annotated[Path, typer.Option(help="The party's folder, from `federate init`")],
    stores: Annotated[Path | None, typer.Option(help="A file with the stores that are the party's, one a line")] = None,
    least_members: Annotated[int, typer.Option(help="Do not add a sum over fewer members than this", min=1)] = 20,
    most_epsilon: Annotated[
        float | None,
        typer.Option(help="Take part in learning from members only with a promise of at most this ε", min=0),
    ] = None,
    again: Annotated[bool, typer.Option(help="Answer again what was answered before")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to go on trying to connect", min=0)] = 300.0,
    save: Annotated[bool, typer.Option(help="Keep what was learned in the house's catalogue of models")] = True,
    out: Annotated[Path | None, typer.Option(help="Write what was held and gained, as JSON")] = None,
) -> None:
    """Take part in a federation as one party, with the rows of this house.

    Example: aislehub federate join --at hub.example.com:8765 --cert federation/north
    """
    host, port = _address(at)
    identity = load_identity(cert)
    with open_hub() as hub:
        only = stores.read_text(encoding="utf-8").split("\n") if stores else None
        report, has_learned = take_seat(
            hub, identity, host, port, stores=only, terms=Terms(least_members, most_epsilon), again=again, wait=wait,
            save=save,
        )  # fmt: skip
    if out:
        out.write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")
    else:
        print_json(report)
    if not has_learned:
        raise typer.Exit(1)


commands = (federate,)


async def _coordinate(
    identity: Identity, course: Course, host: str, port: int, wait: float, tap: Tap | None
) -> tuple[Learned, list[Summed]]:
    async with open_hall(identity, host, port, tap=tap, tell=tell) as hall:
        tell("federated.open", {"host": host, "port": hall.port, "parties": len(identity.parties)})
        return await _run(hall, course, wait)


async def _run(hall: Hall, course: Course, wait: float) -> tuple[Learned, list[Summed]]:
    await hall.wait(course.threshold or least_threshold(len(hall.identity.parties)), wait)
    try:
        learned, sums = await train(hall, course, lambda done: tell("federated.summed", _told(done)))
    finally:
        await hall.end(course.seconds)
    return learned, sums


def _course(
    hub: Hub, day: datetime | None, ahead_days: int, epsilon: float, delta: float, head: int | None, clip: float | None,
    seconds: float, colluders: int = 0,
) -> Course:  # fmt: skip
    items = hub.tables.read("items")
    names = items.filter(items.is_sellable.fill_null(True)).select("item").order_by("item").to_pandas()["item"]
    if names.empty:
        raise HubError("federated.no_items", home=hub.home)
    last = day.date() if day else _last_day(hub)
    usual = _PROMISED if epsilon else _PLAIN
    return Course(
        names.tolist(), last - timedelta(days=ahead_days), ahead_days=ahead_days, head=head or int(usual["head"]),
        clip=clip or usual["clip"], ridge=usual["ridge"], epsilon=epsilon, delta=delta, colluders=colluders,
        seconds=seconds,
    )  # fmt: skip


def _last_day(hub: Hub) -> date:
    last = hub.tables.read("sales_lines").day.max().to_pyarrow().as_py()
    if last is None:
        raise HubError("federated.no_last_day")
    return last


def _central(hub: Hub, course: Course, learned: Learned, folder: Path) -> dict[str, Any]:
    """What one house with the rows of all in the sum would have: how far the sums are off, and its recall."""
    houses = {
        name: read_house(
            hub.tables, course.until, stores=(folder / f"{name}.stores").read_text(encoding="utf-8").split("\n"),
            history_days=course.history_days, ahead_days=course.ahead_days,
        )
        for name in learned.card["parties"]
    }  # fmt: skip
    half = np.sum([recommender.gram(house, learned.head, course.clip) for house in houses.values()], axis=0)
    model = recommender.fit(half.copy(), course.ridge)
    recall = {name: float(recommender.recall(house, learned.head, model).mean()) for name, house in houses.items()}
    difference = float(np.abs(half - learned.half).max())
    return {
        "largest_difference": difference, "difference_is": "noise" if learned.sigma else "rounding",
        "recall": {name: round(one, 5) for name, one in recall.items()},
    }  # fmt: skip


def _told(done: Summed) -> dict[str, Any]:
    fallen = {name: str(why) for name, why in done.fallen.items()}
    return {
        "task": done.plan.task, "numbers": done.plan.length, "parties": len(done.parties), "sigma": done.plan.sigma,
        "fallen": fallen,
    }  # fmt: skip


@contextmanager
def _recording(path: Path) -> Iterator[Tap]:
    """A file of what parties send: a line with name and length before each piece."""
    try:
        file = path.open("wb")
    except OSError as error:
        raise HubError("file.unwritable", file=path, why=error) from error
    with file:

        def write(name: str, piece: bytes) -> None:
            file.write(f"{name} {len(piece)}\n".encode() + piece + b"\n")

        yield write


def _address(at: str) -> tuple[str, int]:
    host, _, port = at.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise HubError("federated.address", at=at)
    return host.strip("[]"), int(port)


def _show(document: Mapping[str, Any]) -> None:
    console, central = Console(), document["central"]
    reports = [
        report | {"recall_central": central["recall"][report["party"]]}
        for report in document["parties"]
        if report["party"] in central["recall"]
    ]
    until = document["card"]["until"]
    title = say("federated.title", parties=len(reports), until=until)
    console.print(_table(title, reports, {**dict.fromkeys(_HELD, "{:,}"), "sent": "{:,}"}))
    console.print(_table(say("federated.recall_title"), reports, dict.fromkeys(_RECALLS, "{:.4f}")))
    console.print(_table(say("federated.forecast_title"), reports, dict.fromkeys(_WAPES, "{:.4f}")))
    facts = {"difference": f"{central['largest_difference']:.1e}", "sigma": f"{document['card'].get('sigma', 0.0):.3g}"}
    print(say(f"federated.difference_{central['difference_is']}", **facts))
    _show_rounds(document)


def _table(title: str, reports: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(say("federated.column_party"))
    for column in columns:
        table.add_column(say(f"federated.column_{column}"), justify="right")
    for report in reports:
        table.add_row(report["party"], *(form.format(report[column]) for column, form in columns.items()))
    return table


def _show_rounds(document: Mapping[str, Any]) -> None:
    card = document["card"]
    if card["epsilon"]:
        facts = {name: card[name] for name in ("epsilon", "delta")}
        print(say("federated.promise", **facts, sigma=f"{card['sigma']:.3g}"))
    else:
        print(say("federated.no_promise"))
    print(say("federated.saved", model=document["model"], rounds=len(document["rounds"])))
