"""Write docs/cli.md, docs/settings.md and the index of verbs from the command line and the settings themselves.

Help sentences live beside what they describe; this tool only sets them as pages. `./hub docs` runs it, and
the one for the data-collection standard; a test fails until it was run after a change.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aislehub.core.registry import registry
from aislehub.core.settings import Settings, all_settings
from aislehub.serve.verbs import INDEX, as_commands, declared

ROOT = Path(__file__).parents[1]
COMMANDS = ROOT / "docs" / "cli.md"
SETTINGS = ROOT / "docs" / "settings.md"

COMMANDS_HEAD = """# Commands

<!-- Written by tools/reference.py from the commands' own help; edit the help, not this page. -->

In a clone, `./hub VERB …` prepares `.venv` and runs `aislehub VERB …`. Options of the house come before the verb:
`--home FOLDER`, `--lang en|zh`, `--version`.

- `--json` prints one JSON document on standard output and nothing else there; `--out FILE` writes a file, its kind by
  suffix: `.parquet`, `.csv`, `.json` or `.xlsx`. Progress and notices go to standard error.
- Exit code 0: done. 1: refused or failed, with a sentence and a hint. 2: wrong use.
- An id of a decision or an alert may be shortened to its first six characters or more.
"""

SETTINGS_HEAD = """# Settings

<!-- Written by tools/reference.py from the settings' own help; edit the help, not this page. -->

A setting comes, strongest first, from the environment, from `hub.toml` in the home folder, and from its default. The
home folder is `AISLEHUB_HOME`, else `.aislehub` in the working directory. One setting, both ways:

```toml
[approval]
max_outlay = 150.0
```

```sh
AISLEHUB_APPROVAL__MAX_OUTLAY=150.0
```

A name that does not exist or a value outside its limits is refused, with the nearest name or the limit.
`aislehub settings` shows the values in force. Read from the environment only:

| variable | what |
|---|---|
| `AISLEHUB_HOME` | the home folder |
| `AISLEHUB_LANG` | `en` or `zh`; else the system's language |
| `AISLEHUB_ADMIN_PASSWORD` | password of the console's user `admin`, set at every start |
"""


def commands_page() -> str:
    """All commands: what each does, an example, its arguments and options."""
    commands = dict(_commands(_all_commands()))
    index = "\n".join(
        f"| [`{name}`](#{name.replace(' ', '-')}) | {_help(command)[0]} |" for name, command in commands.items()
    )
    parts = [COMMANDS_HEAD, f"| command | what it does |\n|---|---|\n{index}\n"]
    parts += [_command(name, command) for name, command in commands.items()]
    return "\n".join(parts)


def index_of_verbs() -> str:
    """For each verb the module that declares it and its first sentence, as JSON."""
    modules = {name: module for module, verb in declared() for name in as_commands([verb])}
    index = {name: {"module": modules[name], "help": _help(command)[0]} for name, command in _all_commands().items()}
    return json.dumps(index, ensure_ascii=False, indent=1) + "\n"


def settings_page() -> str:
    """All settings by section: default, limits, meaning."""
    registry()
    own = {name: kind for name, kind in all_settings().items() if kind.__module__.startswith("aislehub.")}
    sections = [_section(name, kind) for name, kind in own.items()]
    return "\n".join([SETTINGS_HEAD, *sections])


def _all_commands() -> dict[str, Any]:
    return as_commands(verb for _, verb in declared())


def _commands(commands: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every command under its full name; those of a group after its own: `experiment plan`."""
    for name, command in commands.items():
        if not hasattr(command, "commands") or command.invoke_without_command:  # a group may do something by itself
            yield name, command
        if hasattr(command, "commands"):
            yield from ((f"{name} {inner}", found) for inner, found in _commands(command.commands))


def _command(name: str, command: Any) -> str:
    sentence, rest, example = _help(command)
    parameters = [parameter for parameter in command.params if parameter.name != "help"]
    arguments = [parameter for parameter in parameters if not _is_option(parameter)]
    shown = "".join(f" {_metavar(argument)}" for argument in arguments)
    lines = [f"## {name}", "", sentence, ""]
    if rest:
        lines += [rest, ""]
    lines += ["```sh", f"# aislehub {name}{shown} [OPTIONS]", *example, "```", ""]
    if parameters:
        lines += ["| | default | meaning |", "|---|---|---|", *map(_row, parameters), ""]
    return "\n".join(lines)


def _help(command: Any) -> tuple[str, str, list[str]]:
    """First sentence, what follows it, and the lines of the example."""
    told, _, example = (command.help or "").partition("Example:")
    first, _, rest = told.strip().partition("\n\n")
    return " ".join(first.split()), rest.strip(), [line.strip() for line in example.strip().splitlines()]


def _row(parameter: Any) -> str:
    name = ", ".join(parameter.opts) if _is_option(parameter) else _metavar(parameter)
    if parameter.required:
        default = "required"
    elif parameter.default is None or parameter.default is False or parameter.default == "":
        default = "–"
    else:
        default = f"`{str(parameter.default).removesuffix(' 00:00:00')}`"  # a date is parsed as midnight
    return f"| `{name}` | {default} | {_cell(parameter.help or '')} |"


def _is_option(parameter: Any) -> bool:
    return bool(parameter.opts[0].startswith("-"))


def _metavar(argument: Any) -> str:
    name = argument.metavar or argument.name.rstrip("_").upper()
    return f"{name} …" if argument.nargs == -1 else str(name)


def _section(name: str, kind: type[Settings]) -> str:
    schema = kind.model_json_schema()
    purpose = " ".join((kind.__doc__ or "").strip().split("\n\n")[0].split())
    rows = [
        f"| `{field}` | `{_json(told.get('default'))}` | {_limits(told)} | {_cell(told['description'])} |"
        for field, told in schema["properties"].items()
    ]
    head = "| setting | default | allowed | meaning |\n|---|---|---|---|"
    return "\n".join([f"## {name}", "", purpose, "", head, *rows, ""])


def _limits(told: dict[str, Any]) -> str:
    """What a value may be: its type and its limits, as JSON Schema names them."""
    if "enum" in told:
        return ", ".join(f"`{value}`" for value in told["enum"])
    kind = told.get("type") or " or ".join(part.get("type", "?") for part in told.get("anyOf", ()))
    words = {"integer": "whole number", "string": "text", "boolean": "true, false", "array": "list"}
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {told[limit]:g}" for limit, sign in signs.items() if limit in told]
    return ", ".join([words.get(kind, kind), *limits])


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    COMMANDS.write_text(commands_page(), encoding="utf-8")
    SETTINGS.write_text(settings_page(), encoding="utf-8")
    INDEX.write_text(index_of_verbs(), encoding="utf-8")
    runpy.run_path(str(ROOT / "tools" / "data_standard.py"), run_name="__main__")
