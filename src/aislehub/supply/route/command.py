"""`aislehub route`: plan tours for a problem in a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.output import print_json
from aislehub.core.text import say
from aislehub.supply.route.changes import changes
from aislehub.supply.route.document import read_json, time_in
from aislehub.supply.route.problem import Problem
from aislehub.supply.route.replan import SECONDS as REPLAN_SECONDS
from aislehub.supply.route.replan import SHIFT, replan
from aislehub.supply.route.running import Running, read_running
from aislehub.supply.route.solomon import is_solomon, read_solomon
from aislehub.supply.route.solve import Plan, plan_routes
from aislehub.supply.route.vrplib import read_vrplib
from aislehub.supply.route.written import document, write_plan

__all__ = ["commands", "read_problem"]

Objective = Literal["cost", "vehicles"]
SECONDS = 30.0
SUFFIXES = (".vrp", ".txt", ".json")


def route(
    file: Annotated[Path, typer.Argument(help="A problem: VRPLIB (.vrp), Solomon's text (.txt), or .json")],
    seconds: Annotated[
        float | None,
        typer.Option(help="Seconds of one core that it may take [30; of a running day 1.2]", min=0.1, max=86_400),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the search", min=0)] = 0,
    rounds: Annotated[
        int | None, typer.Option(help="End after so many rounds of search: the same plan on any machine", min=1)
    ] = None,
    objective: Annotated[
        Objective, typer.Option(help="What counts first: cost, or the number of vehicles and then cost")
    ] = "cost",
    running: Annotated[
        Path | None, typer.Option(help="A plan of this problem (.json) that is being driven; its rest is planned anew")
    ] = None,
    at: Annotated[str | None, typer.Option(help="With --running: the time now, 10:30")] = None,
    without: Annotated[list[str] | None, typer.Option(help="With --running: a stop that is cancelled")] = None,
    broken: Annotated[
        list[int] | None, typer.Option(help="With --running: number of a tour whose vehicle has broken down", min=1)
    ] = None,
    move_weight: Annotated[
        float | None,
        typer.Option(help="With --running: cost that moving a stop must save [mean cost per stop]", min=0),
    ] = None,
    shift: Annotated[
        float, typer.Option(help="With --running: minutes by which a stop may shift and is not moved", min=0)
    ] = SHIFT,
    roads: Annotated[
        Path | None, typer.Option(help="OpenStreetMap extract (.osm.pbf, .osm) along whose roads is driven")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the plan to .sol, .json, .geojson, .gpx, .csv, .parquet or .xlsx")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Plan tours: who is served by which vehicle, in what order, when, at what cost, and who is not and why.

    Example: aislehub route deliveries.json --seconds 20 --out plan.geojson
    """
    problem, told = read_problem(file, roads), dict[str, Any]()
    if running is None:
        _refuse_without_running(at=at, without=without, broken=broken, move_weight=move_weight)
        fewest = objective == "vehicles"
        plan = plan_routes(problem, seconds=seconds or SECONDS, seed=seed, rounds=rounds, fewest=fewest)
    else:
        if at is None:
            raise HubError("route.no_now", file=running)
        now, day = time_in(problem, at), read_running(running, problem)
        made = replan(
            problem, day.tours, now=now, without=day.cancelled | _stops(file, problem, without or []),
            broken=day.broken | _tours(running, day, broken or []), seconds=seconds or REPLAN_SECONDS, seed=seed,
            rounds=rounds, move_weight=move_weight, shift=round(shift * (60 if problem.is_clock else problem.step)),
        )  # fmt: skip
        plan, told = made.plan, changes(problem, made)
    if out:
        write_plan(plan, out, told)
    if as_json:
        print_json(document(plan) | told)
    else:
        _show(plan)
        _show_changes(told)
    for sentence in told.get("too_late", []):
        print(sentence, file=sys.stderr)
    lost = sum(1 for one in plan.unserved if plan.problem.stops[one.stop].prize is None)
    if lost:
        print(say("route.left", count=lost), file=sys.stderr)


def read_problem(path: Path, roads: Path | None = None) -> Problem:
    """Read a problem, its format by suffix, and of `.txt` and `.vrp` by what is inside.

    Args:
        roads: an OpenStreetMap extract, for JSON without a matrix.

    Raises:
        HubError: `file.suffix`, `file.missing` and what the formats' readers raise.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise HubError("file.suffix", file=path, suffix=path.suffix, known=", ".join(SUFFIXES))
    if not path.is_file():
        raise HubError("file.missing", file=path)
    if suffix == ".json":
        return read_json(path, roads)
    if roads is not None:
        raise HubError("route.roads_matrix", file=path)
    is_text = is_solomon(path.read_text(encoding="utf-8", errors="replace"))
    return read_solomon(path) if is_text else read_vrplib(path)


commands = (route,)


# -- helpers -----------------------------------------------------------------------------------------


def _refuse_without_running(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            raise HubError("route.no_running", option=f"--{name.replace('_', '-')}")


def _stops(file: Path, problem: Problem, names: Sequence[str]) -> frozenset[int]:
    known = [stop.name for stop in problem.stops]
    for name in names:
        if name not in known:
            raise HubError("route.unknown_id", file=file, id=name, suggestion=did_you_mean(name, known))
    return frozenset(known.index(name) for name in names)


def _tours(running: Path, day: Running, numbers: Sequence[int]) -> frozenset[int]:
    for number in numbers:
        if number > len(day.tours):
            raise HubError("route.no_tour", file=running, tour=number, tours=len(day.tours))
    return frozenset(number - 1 for number in numbers)


def _show_changes(told: Mapping[str, Any]) -> None:
    """What a plan made anew changes, a line a driver and a customer."""
    if not told:
        return
    console = Console()
    console.print(say(
        "route.replanned", now=told["now"], moved=len(told["moved"]), promised=told["promised"], shift=told["shift"],
        weight=f"{told['move_weight']:,.6g}",
    ))  # fmt: skip
    for one in told["drivers"]:
        console.print(f"  · {' '.join(one['what'])}")
    for one in told["customers"]:
        console.print(f"  · {one['what']}")


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
