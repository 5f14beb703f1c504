"""`aislehub route`: plan tours for a problem in a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from aislehub.core.errors import HubError
from aislehub.core.output import print_json
from aislehub.core.text import say
from aislehub.supply.route.document import read_json
from aislehub.supply.route.problem import Problem
from aislehub.supply.route.solomon import is_solomon, read_solomon
from aislehub.supply.route.solve import Plan, plan_routes
from aislehub.supply.route.vrplib import read_vrplib
from aislehub.supply.route.written import document, write_plan

__all__ = ["commands", "read_problem"]

SUFFIXES = (".vrp", ".txt", ".json")


def route(
    file: Annotated[Path, typer.Argument(help="A problem: VRPLIB (.vrp), Solomon's text (.txt), or .json")],
    seconds: Annotated[float, typer.Option(help="Seconds of one core that it may take", min=0.1, max=86_400)] = 30,
    seed: Annotated[int, typer.Option(help="Seed of the search", min=0)] = 0,
    rounds: Annotated[
        int | None, typer.Option(help="End after so many rounds of search: the same plan on any machine", min=1)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the plan to .sol, .json, .geojson, .gpx, .csv, .parquet or .xlsx")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Plan tours: who is served by which vehicle, in what order, when, at what cost, and who is not and why.

    Example: aislehub route deliveries.json --seconds 20 --out plan.geojson
    """
    plan = plan_routes(read_problem(file), seconds=seconds, seed=seed, rounds=rounds)
    if out:
        write_plan(plan, out)
    if as_json:
        print_json(document(plan))
    else:
        _show(plan)
    lost = sum(1 for one in plan.unserved if plan.problem.stops[one.stop].prize is None)
    if lost:
        print(say("route.left", count=lost), file=sys.stderr)


def read_problem(path: Path) -> Problem:
    """Read a problem, its format by suffix, and of `.txt` and `.vrp` by what is inside.

    Raises:
        HubError: `file.suffix`, `file.missing` and what the formats' readers raise.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise HubError("file.suffix", file=path, suffix=path.suffix, known=", ".join(SUFFIXES))
    if not path.is_file():
        raise HubError("file.missing", file=path)
    if suffix == ".json":
        return read_json(path)
    is_text = is_solomon(path.read_text(encoding="utf-8", errors="replace"))
    return read_solomon(path) if is_text else read_vrplib(path)


commands = (route,)


# -- helpers -----------------------------------------------------------------------------------------


def _show(plan: Plan) -> None:
    told, console = document(plan), Console()
    console.print(say(
        "route.title", name=plan.problem.name, stops=sum(map(len, told["routes"])), tours=len(told["tours"]),
        cost=f"{plan.cost:,.10g}", bound=f"{plan.bound:,.10g}", gap=f"{plan.gap:.1%}", solver=plan.solver,
    ))  # fmt: skip
    console.print(told["distances"])
    table = Table()
    for column in ("tour", "vehicle", "start", "end", "distance", "cost", "stops", "why"):
        table.add_column(say(f"route.column_{column}"))
    for number, tour in enumerate(told["tours"], start=1):
        trips = " | ".join(" ".join(map(str, trip)) for trip in tour["trips"])
        table.add_row(
            str(number), tour["vehicle"], f"{tour['start']}", f"{tour['end']}", f"{tour['distance']:,.6g}",
            f"{tour['cost']:,.6g}", trips, " ".join(tour["reasons"]),
        )  # fmt: skip
    console.print(table)
    for one in told["unserved"]:
        console.print(say("route.unserved", stop=one["stop"], why=one["why"], conflict="; ".join(one["conflict"])))
        for option in one["options"]:
            console.print(f"  · {option['what']}")
