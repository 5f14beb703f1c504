"""`aislehub VERB …`: the house's own verbs and those that capabilities declare."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from aislehub import __version__
from aislehub.core.errors import HubError
from aislehub.core.log import logger
from aislehub.core.settings import HubSettings
from aislehub.core.text import say
from aislehub.serve.verbs import Verbs

__all__ = ["build", "main"]

# Threads that wait for each other shall sleep, not spin: spinning costs LightGBM up to three times the processor
# time on a busy machine. Read when libgomp is loaded, so it is set before anything imports it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def build() -> typer.Typer:
    """The command line with every declared verb; a verb's module is loaded when the verb is called."""
    app = typer.Typer(
        cls=Verbs,
        help="aislehub: every decision with its reason, its expected money and, later, its measured money. "
        "每个决策有依据、有预期、有实测。",
        no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown",
    )  # fmt: skip
    app.callback()(_common)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 refused or failed with a sentence, 2 wrong use."""
    try:
        code = build()(args=arguments, standalone_mode=False)
        return code if isinstance(code, int) else 0  # how `typer.Exit(1)` arrives outside standalone mode
    except HubError as error:
        print(f"aislehub: {error}", file=sys.stderr)
        return 1
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        return 1
    except KeyboardInterrupt:
        print(say("cli.interrupted"), file=sys.stderr)
        return 130
    except BrokenPipeError:  # `aislehub decisions | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if _is_usage(error):
            error.show()  # type: ignore[attr-defined]
            return 2
        logger.exception("command failed")
        code = "cli.disk_full" if getattr(error, "errno", None) == errno.ENOSPC else "cli.defect"
        print(f"aislehub: {HubError(code, why=f'{type(error).__name__}: {error}')}", file=sys.stderr)
        return 1


def _is_usage(error: Exception) -> bool:
    """Wrong use, as the parser of the command line raises it (its class moved between releases)."""
    return hasattr(error, "show") and hasattr(error, "exit_code")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"aislehub {__version__}")
        raise typer.Exit


def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    home: Annotated[str, typer.Option(help="Folder that holds everything; default AISLEHUB_HOME or .aislehub")] = "",
    lang: Annotated[str, typer.Option(help="en or zh; default: the system's language")] = "",
) -> None:
    if home:
        os.environ["AISLEHUB_HOME"] = home
    lang = lang or os.environ.get("AISLEHUB_LANG") or HubSettings.load().language
    if lang:
        os.environ["AISLEHUB_LANG"] = lang


if __name__ == "__main__":
    sys.exit(main())
