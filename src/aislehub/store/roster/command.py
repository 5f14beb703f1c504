"""`aislehub roster FILE`: the cheapest roster of a file's problem, with proof of the gap."""

from __future__ import annotations

import os
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from aislehub.core.errors import HubError
from aislehub.core.output import print_json, write_table
from aislehub.core.text import say
from aislehub.store.roster.cost import Short, shortfalls
from aislehub.store.roster.document import read_document, read_roster
from aislehub.store.roster.keep import Change, changes, keeping
from aislehub.store.roster.nottingham import read_nottingham
from aislehub.store.roster.problem import Problem

if TYPE_CHECKING:
    from aislehub.store.roster.infeasible import Conflict
    from aislehub.store.roster.solve import Roster

__all__ = ["commands", "grid", "read_problem", "roster_command"]

READERS = {".txt": read_nottingham, ".json": read_document}
SHOWN_SHORTFALLS = 10
MOST_PROCESSES = 4
CHANGE = 10  # between what one person too many (1) and too few (100) cost where a file says nothing else


def roster_command(
    file: Annotated[Path, typer.Argument(help="The problem: .txt in Nottingham's format, .json in the hub's own")],
    seconds: Annotated[float, typer.Option(min=1, max=86400, help="Longest search; it ends when the best is proven")],
    out: Annotated[
        Path | None, typer.Option(help="Write the roster: .csv, .json, .xlsx, .parquet, or .txt with a line a person")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="A roster to repair, as --json prints it: each change costs --change")
    ] = None,
    change: Annotated[
        int, typer.Option(min=0, help="With --keep: what a change of somebody's day costs beside the file's costs")
    ] = CHANGE,
    seed: Annotated[int, typer.Option(min=0, help="Of the search")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Rosters: who works which shift, the cheapest way that keeps every rule, and how far from the best it can be.

    With --keep a roster is repaired with few changes, when somebody calls in sick say.

    Example: aislehub roster tests/store/roster/two_tills.json --seconds 10
    """
    from aislehub.store.roster.infeasible import conflicts
    from aislehub.store.roster.solve import solve

    problem = read_problem(file)
    kept = read_roster(keep) if keep else None
    if kept is not None:
        problem = keeping(problem, kept, {person.id: change for person in problem.staff})
    workers = min(os.cpu_count() or 1, MOST_PROCESSES)
    roster = solve(problem, seconds=seconds, seed=seed, workers=workers, start=kept or ())
    changed = None if kept is None or roster.cost is None else changes(kept, roster.assignments)
    against = conflicts(problem) if roster.status == "infeasible" else []
    if out and roster.status != "infeasible":
        _write(problem, roster, out)
    if as_json:
        _print_json(problem, roster, against, changed)
    if roster.status == "infeasible":
        raise HubError("roster.infeasible", conflicts=" ".join(map(_sentence, against)))
    _say_shortfalls(problem, roster)
    if changed is not None:
        _say_changes(changed)
    if not as_json and not out:
        _print(problem, roster)


def read_problem(path: Path) -> Problem:
    """The problem in a file, its format by suffix.

    Raises:
        HubError: `file.missing`, `file.suffix`, and those of the formats.
    """
    if path.suffix.lower() not in READERS:
        raise HubError("file.suffix", file=path, suffix=path.suffix, known=", ".join(READERS))
    if not path.is_file():
        raise HubError("file.missing", file=path)
    try:
        return READERS[path.suffix.lower()](path)
    except (OSError, UnicodeDecodeError) as error:
        raise HubError("file.unreadable", file=path, why=error) from error


def grid(problem: Problem, roster: Roster) -> list[list[str]]:
    """A line a person, a cell a day: the shift, "" = free."""
    at = {(one.person, one.day): one.shift for one in roster.assignments}
    return [[at.get((person.id, day), "") for day in range(problem.days)] for person in problem.staff]


def _write(problem: Problem, roster: Roster, path: Path) -> None:
    if path.suffix.lower() != ".txt":
        columns = ["person", "day", "shift", "skill"]
        write_table(pd.DataFrame([asdict(one) for one in roster.assignments], columns=columns), path)
        return
    try:
        path.write_text("".join("\t".join(line) + "\n" for line in grid(problem, roster)), encoding="utf-8")
    except OSError as error:
        raise HubError("file.unwritable", file=path, why=error) from error


def _print_json(
    problem: Problem, roster: Roster, against: list[Conflict], changed: list[Change] | None
) -> None:  # fmt: skip
    document: dict[str, Any] = {"cost": roster.cost, "bound": roster.bound, "status": roster.status,
                                "assignments": [asdict(one) for one in roster.assignments]}  # fmt: skip
    if against:
        document["conflicts"] = [asdict(one) for one in against]
    if changed is not None:
        document["changes"] = [asdict(one) for one in changed]
    short = shortfalls(problem, roster.assignments) if roster.cost is not None else []
    if short:
        document["short"] = [_facts(problem, one) for one in short]
    print_json(document)


def _sentence(conflict: Conflict) -> str:
    """One person's conflict in words: the rules, and the least change of each that would do."""
    rules = ", ".join(say(f"roster.rule_{rule}") for rule in conflict.rules)
    changes = "; ".join(
        say("roster.relax", rule=say(f"roster.rule_{one.rule}"), limit=one.limit, value=one.value)
        for one in conflict.relaxations
    )
    return say("roster.conflict", person=conflict.person, rules=rules, changes=changes or say("roster.relax_none"))


def _facts(problem: Problem, one: Short) -> dict[str, Any]:
    """A head count that is not met: how many are there and may be, and what it costs."""
    cover = one.cover
    able = sum(
        any(day == cover.day and shift in cover.shifts and cover.skill in ("", skill)
            for day, shift, skill in problem.options(person))
        for person in problem.staff
    )  # fmt: skip
    return {
        "day": cover.day, "shifts": list(cover.shifts), "skill": cover.skill, "required": cover.required,
        "there": one.there, "able": able, "cost": cover.under * (cover.required - one.there),
    }  # fmt: skip


def _say_shortfalls(problem: Problem, roster: Roster) -> None:
    """Head counts that nobody can fill are said, with the reason where the staff is the reason."""
    short = shortfalls(problem, roster.assignments)
    for one in short[:SHOWN_SHORTFALLS]:
        facts = _facts(problem, one)
        facts |= {"shifts": ", ".join(one.cover.shifts) or "—", "skill": one.cover.skill or "—"}
        print(say("roster.short", **facts), file=sys.stderr)
        if facts["able"] < one.cover.required:
            print(say("roster.short_able" if facts["able"] else "roster.short_nobody", **facts), file=sys.stderr)
    if len(short) > SHOWN_SHORTFALLS:
        print(say("roster.short_more", count=len(short) - SHOWN_SHORTFALLS), file=sys.stderr)


def _say_changes(changed: list[Change]) -> None:
    """What a repair changes, for whom."""
    print(say("roster.changes", count=len(changed)), file=sys.stderr)
    for one in changed:
        told = {"person": one.person, "day": one.day, "before": one.before or "—", "after": one.after or "—"}
        print(say("roster.change", **told), file=sys.stderr)


def _print(problem: Problem, roster: Roster) -> None:
    gap = f"{roster.gap or 0:.1%}"
    table = Table(
        title=say(f"roster.title_{roster.status}", cost=roster.cost, bound=roster.bound, gap=gap),
        box=None, header_style="bold",
    )  # fmt: skip
    table.add_column(say("roster.column_person"))
    for day in range(problem.days):
        table.add_column(str(day))
    table.add_column(say("roster.column_hours"), justify="right")
    minutes = {shift.id: shift.minutes for shift in problem.shifts}
    worked: Counter[str] = Counter()
    for one in roster.assignments:
        worked[one.person] += minutes[one.shift]
    for person, line in zip(problem.staff, grid(problem, roster), strict=True):
        table.add_row(person.id, *line, f"{worked[person.id] / 60:.1f}")
    Console().print(table)


roster_command.__name__ = "roster"

commands = (roster_command,)
