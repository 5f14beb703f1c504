"""`aislehub twin`: try a policy on a simulated chain before a customer meets it, and see how real the chain is.

The policy and today's rules (or another policy) live the same days in the same chains, by the same chance. What comes
out is the money, the fill rate, the waste and the stock of each, and the difference with its interval over the chains.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Annotated

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Table

from aislehub.core.hub import open_hub
from aislehub.core.output import check_target, print_json, write_table
from aislehub.core.registry import registry
from aislehub.core.text import say
from aislehub.twin.fidelity import replays, resemblance
from aislehub.twin.live import WARM_UP, told, warmed
from aislehub.twin.observed import observe
from aislehub.twin.policy import TODAY, Policy
from aislehub.twin.report import FIGURES, Line, compare
from aislehub.twin.request import OWN
from aislehub.twin.world import World

__all__ = ["twin"]

twin = typer.Typer(name="twin", help="A simulated chain with known truth: run, tell, fidelity.", no_args_is_help=True)


@twin.command()
def run(
    policy: Annotated[Path, typer.Option(help="Policy file: who decides what, as in examples/policy_hub.toml")],
    days: Annotated[int, typer.Option(help="Days that count, after the common past", min=1, max=730)] = 56,
    against: Annotated[Path | None, typer.Option(help="Policy file to compare with; left out = today's rules")] = None,
    stores: Annotated[int, typer.Option(help="Stores of the chain", min=1, max=10_000)] = 10,
    items: Annotated[int, typer.Option(help="Items of its range", min=1, max=100_000)] = 60,
    family: Annotated[
        str, typer.Option(help="Worlds: heterogeneous, none, drift; own = fitted to this house's tables")
    ] = "heterogeneous",
    seed: Annotated[int, typer.Option(help="Seed of the first chain", min=0)] = 1,
    seeds: Annotated[int, typer.Option(help="Chains, each with a seed of its own", min=1, max=1000)] = 3,
    warm_up: Annotated[int, typer.Option(help="Days under today's rules before policies part", min=28)] = WARM_UP,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the rows to .parquet, .csv, .json or .xlsx")] = None,
) -> None:
    """Live a policy and another one in the same simulated chains: profit, fill, waste, stock, with intervals.

    Example: aislehub twin run --policy examples/policy_hub.toml --days 56 --seeds 3
    """
    if out:
        check_target(out)
    mine, other = Policy.read(policy), Policy.read(against) if against else TODAY
    if mine.name == other.name:
        other = replace(other, name=say("twin.other", name=other.name))
    worlds = _worlds(family, stores, items, range(seed, seed + seeds))
    lines = compare(worlds, [other, mine], days, registry(), warm_up=warm_up, progress=_tell(seed, seeds))
    rows = pd.DataFrame([asdict(line) for line in lines]).assign(
        family=family, stores=stores, items=items, days=days, seeds=seeds, source="simulated"
    )
    if out:
        write_table(rows, out)
    if as_json:
        print_json(rows.astype(object).where(rows.notna(), None).to_dict("records"))
    elif not out:
        _print(lines, say("twin.title", stores=stores, items=items, days=days, seeds=seeds, family=family))


@twin.command()
def tell(
    out: Annotated[Path, typer.Option(help="Folder for the tables, one .parquet file each")],
    days: Annotated[int, typer.Option(help="Days that the chain lives, by today's rules", min=1, max=1100)] = 364,
    stores: Annotated[int, typer.Option(help="Stores of the chain", min=1, max=10_000)] = 10,
    items: Annotated[int, typer.Option(help="Items of its range", min=1, max=100_000)] = 60,
    family: Annotated[str, typer.Option(help="Worlds: heterogeneous, none, drift; own = fitted")] = "heterogeneous",
    seed: Annotated[int, typer.Option(help="Seed of the chain", min=0)] = 1,
) -> None:
    """Write the tables of a simulated chain, every row marked: sales, stock, deliveries, doors, the app's log and more.

    Example: aislehub twin tell --days 364 --stores 10 --items 60 --out simulated
    """
    world = _worlds(family, stores, items, [seed])[0]
    tables: dict[str, list[pa.Table]] = {}
    for piece in told(warmed(world, seed, days)):
        for name, rows in piece.items():
            tables.setdefault(name, []).append(rows)
    out.mkdir(parents=True, exist_ok=True)
    for name, parts in tables.items():
        pq.write_table(pa.concat_tables(parts), out / f"{name}.parquet")
        print(say("twin.told", table=name, rows=sum(part.num_rows for part in parts), file=out / f"{name}.parquet"))


@twin.command()
def fidelity(
    stores: Annotated[int, typer.Option(help="Stores of most sales that are taken", min=1)] = 20,
    items: Annotated[int, typer.Option(help="Items of most sales that are taken", min=1)] = 100,
    days: Annotated[int, typer.Option(help="Last days that are taken", min=56, max=1100)] = 364,
    seed: Annotated[int, typer.Option(help="Seed of the first simulation", min=0)] = 1,
    seeds: Annotated[int, typer.Option(help="Simulations", min=2, max=100)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the rows to .parquet, .csv, .json or .xlsx")] = None,
) -> None:
    """Fit a twin to the chain's own tables and show how much it resembles them, figure by figure.

    Example: aislehub twin fidelity --stores 20 --items 100
    """
    if out:
        check_target(out)
    with open_hub() as hub:
        real = observe(hub.tables, stores=stores, items=items, days=days)
    rows = pd.DataFrame([asdict(one) for one in resemblance(real, replays(real, seeds=range(seed, seed + seeds)))])
    if out:
        write_table(rows, out)
    if as_json:
        print_json(rows.to_dict("records"))
    elif not out:
        title = say("twin.fidelity", stores=len(real.stores), items=len(real.items), days=days, first=real.first)
        table = Table(title=title)
        for name in ("", say("twin.real"), say("twin.twin"), say("twin.range")):
            table.add_column(name, justify="right" if name else "left")
        for row in rows.itertuples():
            interval = f"{row.low:.3f} … {row.high:.3f}"
            table.add_row(say(f"twin.resembles_{row.figure}"), f"{row.real:.3f}", f"{row.simulated:.3f}", interval)
        Console().print(table)
        print(say("twin.fidelity_note", seeds=seeds))


def _worlds(family: str, stores: int, items: int, seeds: Sequence[int]) -> list[World]:
    """A world a seed, of a family or fitted to the house's own tables."""
    if family != OWN:
        return [World.make(family, stores=stores, items=items, seed=seed) for seed in seeds]
    with open_hub() as hub:
        return [World.calibrated(hub.tables, stores=stores, items=items, seed=seed) for seed in seeds]


def _tell(seed: int, seeds: int) -> Callable[[str, World, date], None]:
    """Progress on standard error, where somebody looks."""

    def tell(policy: str, world: World, day: date) -> None:
        if sys.stderr.isatty():
            chain = say("twin.progress", policy=policy, number=world.seed - seed + 1, seeds=seeds, day=day)
            print(f"\r{chain}   ", end="", file=sys.stderr, flush=True)

    return tell


def _print(lines: list[Line], title: str) -> None:
    table = Table(title=title)
    first, second = lines[: len(FIGURES)], lines[len(FIGURES) :]
    for name in ("", first[0].policy, second[0].policy, say("twin.difference"), say("twin.interval")):
        table.add_column(name, justify="right" if name else "left")
    for other, mine in zip(first, second, strict=True):
        interval = "" if mine.low is None else f"{_shown(mine.low, mine.unit)} … {_shown(mine.high, mine.unit)}"
        table.add_row(
            say(f"twin.figure_{mine.figure}"), _shown(other.value, other.unit), _shown(mine.value, mine.unit),
            _shown(mine.difference, mine.unit), interval,
        )  # fmt: skip
    Console().print(table)
    print(say("twin.simulated"))


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{100 * value:,.1f} %" if unit == "fraction" else f"{value:,.0f}"


commands = (twin,)
