"""`aislehub bench NAME`: run one of the committed benchmarks, contenders and baselines in one run."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

import pandas as pd
import typer
from rich.table import Table

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.output import check_target, print_json, write_table
from aislehub.serve.plan import console

__all__ = ["bench", "commands"]

FOLDER = Path(__file__).parents[4] / "benchmarks"


def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark: a file in benchmarks/")],
    data: Annotated[Path | None, typer.Option(help="Your own data instead of the benchmark's")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the rows to a file, .json by suffix")] = None,
    events: Annotated[
        Path | None, typer.Option(help="`recommend` on your purchases: a CSV or Parquet file of customer, item, time")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small part, to see that it runs")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Measure quality or cost: rows of bench, data, model, metric, value, low, high, cpu_s, peak_mb.

    Example: aislehub bench replenish --quick
    """
    module = _load(name)
    more = {} if events is None else {"events": events}
    if more and "events" not in inspect.signature(module.run).parameters:
        raise HubError("bench.no_events", name=name)
    if out:
        check_target(out)
    rows = module.run(data, quick=quick, **more)
    if out:
        write_table(pd.DataFrame(rows), out)
    if as_json:
        print_json(rows)
    else:
        table = Table(*rows[0], box=None, header_style="bold")
        for row in rows:
            table.add_row(*(f"{v:,.4g}" if isinstance(v, float) else "" if v is None else str(v) for v in row.values()))
        console().print(table)


def _load(name: str) -> ModuleType:
    """The benchmark's module. Benchmarks belong to the source tree, not to the installed package."""
    path = FOLDER / f"{name}.py"
    if not path.is_file():
        known = [file.stem for file in FOLDER.glob("*.py")]
        raise HubError("bench.unknown", name=name, suggestion=did_you_mean(name, known))
    if str(FOLDER.parent) not in sys.path:  # benchmarks may import each other
        sys.path.insert(0, str(FOLDER.parent))
    return importlib.import_module(f"{FOLDER.name}.{name}")


commands = (bench,)
