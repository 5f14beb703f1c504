"""The verbs of the command line: declared by modules, found by an index, loaded when called.

The house's own verbs are in `serve/commands`, a capability's in its `commands`. `verbs.json` says of each verb which
module declares it and the first sentence of its help: a call loads that one module, and the list of verbs loads none.
`./hub docs` writes it from the declarations.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from aislehub.capabilities import MODULES

__all__ = ["INDEX", "Verb", "Verbs", "as_commands", "declared"]

INDEX = Path(__file__).with_suffix(".json")

_HOUSE = (
    "demo", "day", "decisions", "alerts", "house", "bench", "loop", "priorities", "reviews", "scorecard", "users"
)  # fmt: skip

Verb = Callable[..., Any] | typer.Typer
"""A function with typer annotations, or verbs that belong together: `aislehub experiment plan`."""


class Verbs(TyperGroup):
    """All verbs by the index; only the one that is called is loaded."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=entry["help"]) for name, entry in _index().items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that is called, with its options; one that the index does not know is looked for in every module."""
        known = _index().get(args[0])
        modules = [known["module"]] if known else _modules()
        self.commands = {**self.commands, **as_commands(verb for _, verb in declared(modules))}
        return super().resolve_command(ctx, args)


def declared(modules: Iterable[str] | None = None) -> Iterator[tuple[str, Verb]]:
    """Every verb with the module that declares it, the house's own first."""
    for module in _modules() if modules is None else modules:
        for verb in getattr(import_module(module), "commands", ()):
            yield module, verb


def as_commands(verbs: Iterable[Verb]) -> dict[str, Any]:
    """Commands by name: `export_person_` is called `export-person`."""
    app = typer.Typer(rich_markup_mode="markdown")
    for verb in verbs:
        if isinstance(verb, typer.Typer):
            app.add_typer(verb)
        else:
            app.command(name=verb.__name__.rstrip("_").replace("_", "-"))(verb)
    return dict(typer.main.get_group(app).commands)


def _modules() -> tuple[str, ...]:
    return (*(f"aislehub.serve.commands.{name}" for name in _HOUSE), *MODULES)


@cache
def _index() -> dict[str, dict[str, str]]:
    return json.loads(INDEX.read_text(encoding="utf-8"))
