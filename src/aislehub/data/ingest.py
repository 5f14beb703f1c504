"""`aislehub ingest`: any export, folder, database or source in, facts that keep their contracts out.

Every row read is new, known or rejected. A rejected row is kept in the table `rejected`, as it was
written, with what broke the contract.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from aislehub.core.hub import open_hub
from aislehub.core.output import print_json
from aislehub.core.text import say
from aislehub.data.loaded import SHOWN, Loaded, joined
from aislehub.data.loading import ingest_path
from aislehub.data.rejected import REJECTED

__all__ = ["REJECTED", "commands", "ingest"]


def ingest(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A CSV, XLSX or Parquet file, a folder or zip of them, URL::table of a database, `complete-journey`, "
            "`m5` or `m5:FOLDER`, or `inbox`",
        ),
    ],
    as_: Annotated[
        str, typer.Option("--as", metavar="TABLE", help="The table the rows are for; default: guessed")
    ] = "",
    mapping: Annotated[
        Path | None,
        typer.Option(help="Mapping file: used when it exists, else written there; default: kept in the home folder"),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="COLUMN=EXPRESSION", help="Map one column, e.g. store==S01 (a constant) or item=SKU"
        ),
    ] = None,
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook; default: the one that holds the data")] = "",
    encoding: Annotated[str, typer.Option(help="Encoding of a text file; default: found out")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the mapping and what would happen; load nothing")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Load an export of any shape: guess and show the column mapping, check every row, keep what is rejected.

    Ends with 1 when rows were rejected (the others are loaded) or when nothing could be loaded.

    Example: aislehub ingest sales.csv --dry-run
    """
    with open_hub() as hub:
        loaded = ingest_path(
            hub,
            source,
            table=as_,
            mapping_file=mapping,
            sets=set_ or (),
            sheet=sheet,
            encoding=encoding,
            dry_run=dry_run,
        )
    console = Console(stderr=True)
    for one in loaded:
        _show(one, console, dry_run=dry_run)
    if json_:
        print_json(loaded[0].document() if len(loaded) == 1 else joined(loaded))
    if any(one.rejected for one in loaded):
        raise typer.Exit(1)


def _show(loaded: Loaded, console: Console, *, dry_run: bool) -> None:
    if loaded.mapping:
        sheet = Table(title=say("data.mapping_title_line", file=loaded.file, table=loaded.table), title_justify="left")
        for heading in ("ours", "theirs", "sure"):
            sheet.add_column(say(f"data.heading.{heading}"))
        for name, expression in loaded.mapping.columns.items():
            sure = loaded.mapping.confidence.get(name)
            sheet.add_row(name, expression, "" if sure is None else f"{sure:.0%}")
        console.print(sheet)
        console.print(
            say("data.mapping_saved", file=loaded.mapping_file), soft_wrap=True, markup=False, highlight=False
        )
    lines = [str(note) for note in loaded.notes]
    lines.append(
        say(
            "data.would_load" if dry_run else "data.loaded",
            **{k: getattr(loaded, k) for k in ("table", "read", "new", "known", "rejected")},
        )
    )
    if loaded.rejected:
        lines += [f"{count:,} × {loaded.sentence(key)}" for key, count in loaded.faults.most_common(SHOWN)]
        lines += [] if dry_run else [say("data.rejected_hint")]
    for line in lines:
        console.print(line, soft_wrap=True, markup=False, highlight=False)


commands = (ingest,)
