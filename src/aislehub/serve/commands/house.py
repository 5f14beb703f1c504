"""Verbs of the house itself: serve, token, settings, models, tables."""

from __future__ import annotations

import socket
from typing import Annotated, Any

import typer
from rich.table import Table

from aislehub.core.hub import open_hub
from aislehub.core.models import catalogue, learned_cards
from aislehub.core.output import print_json
from aislehub.core.settings import all_settings
from aislehub.core.text import say
from aislehub.serve.plan import console

__all__ = ["commands", "models", "serve", "settings", "tables", "token"]

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output")]


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 = every one")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port", min=1, max=65535)] = 8080,
    workers: Annotated[int, typer.Option(help="Processes that answer, each with its snapshots", min=1, max=64)] = 1,
) -> None:
    """Open the console and the API.

    Example: aislehub serve --port 8080 --workers 2
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from aislehub.serve.auth import ensure_admin

    with open_hub() as hub:
        password = ensure_admin(hub.state)
    url = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0') else host}:{port}"
    print(say("cli.serving", url=url), flush=True)
    if password:
        print(say("cli.first_password", password=password), flush=True)
    app = "aislehub.serve.api:create_app"
    config = uvicorn.Config(
        app, factory=True, host=host, port=port, workers=workers, log_level="warning",
        timeout_worker_healthcheck=60,  # a busy machine needs more than uvicorn's 5 s to start one
    )  # fmt: skip
    listening = config.bind_socket()
    # asyncio sets it only on sockets that name their protocol, and these do not: each answer would wait 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    if workers > 1:
        Multiprocess(config, sockets=[listening]).run()
    else:
        uvicorn.Server(config).run([listening])


def token(
    user: Annotated[str, typer.Argument(help="User the token acts for, e.g. admin")],
    label: Annotated[str, typer.Option(help="What it is for, e.g. the till's export")] = "",
) -> None:
    """Make a bearer token for the API; it is shown once.

    Example: aislehub token admin --label nightly-export
    """
    from aislehub.serve.auth import create_token, ensure_admin

    with open_hub() as hub:
        password = ensure_admin(hub.state)
        made = create_token(hub.state, user, label)
    print(made)
    if password:
        typer.echo(say("cli.first_password", password=password), err=True)


def settings(as_json: Json = False) -> None:
    """Every setting with its value, default and help; change them in hub.toml or the environment.

    Example: aislehub settings
    """
    rows: list[dict[str, Any]] = []
    with open_hub() as hub:
        for section, kind in all_settings().items():
            values = kind.load(hub.home)
            for name, info in kind.model_fields.items():
                rows.append({
                    "setting": f"{section}.{name}", "value": getattr(values, name), "default": info.default,
                    "help": info.description, "env": f"AISLEHUB_{section.upper()}__{name.upper()}",
                })  # fmt: skip
    if as_json:
        print_json(rows)
    else:
        _show(rows, ("setting", "value", "default", "help"))


def models(as_json: Json = False) -> None:
    """The model catalogue: files, hashes and licences of the weights; of models learned here, when and why.

    Example: aislehub models
    """
    rows = [vars(entry) for entry in catalogue().values()]
    with open_hub() as hub:
        for card, place in learned_cards(hub.models):
            file = str(place.relative_to(hub.home))
            learned = {"source": "learned", "day": card.day, "why": card.why, "metrics": card.metrics}
            rows.append({"name": card.model, "file": file, "licence": "own", **learned})
    if as_json:
        print_json(rows)
    else:
        _show(rows, ("name", "file", "licence", "source", "day", "why"))


def tables(as_json: Json = False) -> None:
    """Every table with its rows and version.

    Example: aislehub tables
    """
    with open_hub() as hub:
        rows = [
            {
                "table": name,
                "rows": hub.tables.count(name),
                "version": hub.tables.version(name),
                "help": contract.help,
            }
            for name, contract in sorted(hub.registry.contracts.items())
        ]
    if as_json:
        print_json(rows)
    else:
        _show(rows, ("table", "rows", "version", "help"))


def _show(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    table = Table(*columns, box=None, header_style="bold")
    for row in rows:
        table.add_row(*(str(row.get(name, "")) for name in columns))
    console().print(table)


commands = (serve, token, settings, models, tables)
