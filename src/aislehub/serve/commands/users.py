"""Who may log in: `aislehub user add`."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from aislehub.core.hub import open_hub
from aislehub.core.text import say

__all__ = ["add", "commands"]

user = typer.Typer(name="user", help="Users of the console and the API.", no_args_is_help=True)


@user.command()
def add(
    name: Annotated[str, typer.Argument(help="Name to log in with")],
    role: Annotated[str, typer.Option(help="viewer, planner or admin; staff = only their own roster")] = "viewer",
    staff: Annotated[str, typer.Option(help="Their key in the table `staff`, for the page My roster")] = "",
) -> None:
    """Add a user; the password is made up and shown once. They change it under Account.

    Example: aislehub user add anna --role staff --staff s36700
    """
    from aislehub.serve.auth import add_user
    from aislehub.serve.weeks import known_staff

    password = secrets.token_urlsafe(12)
    with open_hub() as hub:
        known_staff(hub, staff)
        add_user(hub.state, name.strip(), password, role, staff)
    print(say("cli.user_added", user=name.strip(), password=password))


commands = (user,)
