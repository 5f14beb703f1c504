"""Readiness: what is wrong with the data, what it costs and which capability can be trusted, before any model.

Every check (`faults.py`) is one aggregate query. It counts the faulty rows, adds up the money that they touch and keeps
the worst one as an example. A fault takes points from the capabilities that suffer from it, in proportion
to its share of the rows, until `unusable`, the share at which it takes them all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import typer
from ibis import _
from rich.console import Console
from rich.table import Table

import aislehub.schema as schema
from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError
from aislehub.core.hub import open_hub
from aislehub.core.output import print_json, write_table
from aislehub.core.step import step
from aislehub.core.text import say, word
from aislehub.data.faults import CHECKS, Facts, Policy

__all__ = ["CAPABILITIES", "READINESS", "assess", "document", "readiness", "score"]

READINESS = Contract(
    "readiness",
    "One table looked at, one fault found, or one capability scored",
    (
        Column("kind", "text", "What the row is about", values=("table", "fault", "capability")),
        Column("subject", "text", "Name of the table, the fault or the capability"),
        Column("table", "text", "Table that the fault is in, of a table itself", required=False),
        Column("count", "int", "Rows of the table, faulty cases, or faults that cost the capability points", "rows"),
        Column("share", "float", "Faulty cases in all cases looked at", "fraction", required=False),
        Column("money", "float", "Sales, or stock at cost, that the fault touches", "money", required=False),
        Column("score", "float", "How ready the capability is", "points", required=False, low=0, high=100),
        Column("status", "text", "What the score means", required=False, values=("ready", "care", "not_ready")),
        Column("first", "date", "First day in the table", required=False),
        Column("last", "date", "Last day in the table", required=False),
        Column("example", "text", "The worst case, a JSON object", required=False),
        Column("facts", "text", "What the sentences need: points by fault, a JSON object", required=False),
    ),
    key="day kind subject table",
    derived=True,
)  # fmt: skip


# Capability → (tables it cannot do without, tables that help it and the points it loses without them).
CAPABILITIES: Mapping[str, tuple[tuple[str, ...], Mapping[str, float]]] = {
    "demand": (("sales_lines",), {"items": 5, "promotions": 5, "prices": 5, "calendar": 5, "stock": 5}),
    "replenish": (("sales_lines", "stock", "lead_times"), {"items": 20, "promotions": 5, "receipts": 5}),
    "price": (("sales_lines", "items", "prices"), {"stock": 5, "competitor_prices": 5}),
    "customer": (("sales_lines", "customers"), {"items": 20, "events": 10}),
    "store": (("footfall",), {"sales_lines": 20, "sensor_events": 5}),
    "roster": (("staff", "sales_lines"), {"footfall": 10}),
    "route": (("customer_orders", "vehicles"), {"shipments": 10, "items": 10}),
}
# Points a capability loses when a whole table of its is simulated: it shows how things work, not how they are.
SIMULATED_HARM = 30.0
# … and when a fifth of its rows was rejected.
REJECTED_HARM = 50.0


# Facts only: readiness comes before any model.
_FACTS = {
    contract.name: contract for contract in (getattr(schema, name) for name in schema.__all__) if contract.is_fact
}


@step(reads=" ".join(["rejected", *_FACTS]), writes=READINESS)
def assess(rejected: ir.Table, *tables: ir.Table, day: date, policy: Policy) -> pa.Table:
    """Look at every table, find the faults, score the capabilities; as known at the close of `day`."""
    facts = Facts(dict(zip(_FACTS, tables, strict=True)), day, policy)
    looked = {name: look(name, rows) for name, rows in facts.tables.items()}
    faults = [*find_faults(facts, looked), *find_rejected(rejected, looked), *find_simulated(looked)]
    scores = [score(name, looked, faults, policy) for name in CAPABILITIES]
    rows = [*looked.values(), *faults, *scores]
    return pa.Table.from_pylist(
        [{"table": "", **row, "day": day, "facts": json.dumps(row.get("facts", {}))} for row in rows], READINESS.schema
    )


def look(name: str, rows: ir.Table) -> dict[str, Any]:
    """Rows, span and simulated rows of one table."""
    contract = _FACTS[name]
    dated = next((c for c in ("day", contract.known_from) if c in rows.columns), "known_at")
    simulated = rows.source.startswith("simulated") if "source" in rows.columns else ibis.literal(False)
    found = rows.aggregate(
        count=_.count(), first=rows[dated].cast("date").min(), last=rows[dated].cast("date").max(),
        simulated=_.count(where=simulated),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    facts = {"simulated": found.pop("simulated")}
    return {"kind": "table", "subject": name, "table": name, **found, "facts": facts}


def find_faults(facts: Facts, looked: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every check whose table has rows and which finds something."""
    for check in CHECKS:
        if not looked[check.table]["count"]:
            continue
        found = check.find(facts)
        if "cases" not in found.columns:
            found = found.mutate(cases=1)
        shown = [name for name in found.columns if name not in ("money", "cases")]
        case = ibis.struct({name: found[name] for name in shown})
        size = found.money.fill_null(0).abs()
        worst = case.argmax(ibis.struct({"size": size, "case": case}))  # ties: always the same one
        row = found.aggregate(count=_.cases.sum(), money=_.money.sum(), example=worst).to_pyarrow().to_pylist()[0]
        if not row["count"]:
            continue
        total = looked[check.table]["count"] if check.total is None else check.total(facts).to_pyarrow().as_py()
        example = json.dumps(_readable(row["example"]), default=str, ensure_ascii=False)
        share = min(1.0, row["count"] / max(total, 1))
        yield {
            "kind": "fault", "subject": check.name, "table": check.table, "count": int(row["count"]), "share": share,
            "money": row["money"], "example": example,
            "facts": {"harms": dict(check.harms), "unusable": check.unusable},
        }  # fmt: skip


def _readable(example: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(cell, 4) if isinstance(cell, float) else cell for name, cell in example.items()}


def find_rejected(rejected: ir.Table, looked: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows that broke the contract of their table, with one of them and why."""
    one = ibis.struct({"source": rejected.source, "row": rejected.row, "reasons": rejected.reasons})
    counted = rejected.group_by("table").aggregate(count=_.count(), example=one.argmin(rejected.row))
    for row in counted.to_pyarrow().to_pylist():
        name, count = row["table"], row["count"]
        if name in looked:
            users = [c for c, (needed, helpful) in CAPABILITIES.items() if name in (*needed, *helpful)]
            yield {
                "kind": "fault", "subject": "rejected", "table": name, "count": count,
                "share": count / (count + looked[name]["count"]), "example": json.dumps(row["example"], default=str),
                "facts": {"harms": dict.fromkeys(users, REJECTED_HARM), "unusable": 0.2},
            }  # fmt: skip


def find_simulated(looked: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows that were made up, table by table."""
    for name, row in looked.items():
        if count := row["facts"]["simulated"]:
            users = [c for c, (needed, helpful) in CAPABILITIES.items() if name in (*needed, *helpful)]
            yield {
                "kind": "fault", "subject": "simulated", "table": name, "count": count, "share": count / row["count"],
                "facts": {"harms": dict.fromkeys(users, SIMULATED_HARM), "unusable": 1.0},
            }  # fmt: skip


def score(
    capability: str, looked: Mapping[str, Mapping[str, Any]], faults: list[dict[str, Any]], policy: Policy
) -> dict[str, Any]:
    """100 points less what absent tables and faults take; 0 when a table is absent that it cannot do without."""
    needed, helpful = CAPABILITIES[capability]
    absent = [name for name in needed if not looked[name]["count"]]
    lost: dict[str, float] = {f"absent:{name}": 100.0 for name in absent}
    lost |= {f"absent:{name}": points for name, points in helpful.items() if not looked[name]["count"]}
    for fault in faults:
        points = fault["facts"]["harms"].get(capability, 0.0)
        if points:
            taken = points * min(1.0, fault["share"] / fault["facts"]["unusable"])
            lost[f"{fault['subject']}:{fault['table']}"] = taken
    points = max(0.0, 100.0 - sum(lost.values()))
    status = "ready" if points >= policy.ready else "care" if points >= policy.care else "not_ready"
    ordered = {name: round(taken, 1) for name, taken in sorted(lost.items(), key=lambda pair: -pair[1]) if taken >= 0.5}
    return {
        "kind": "capability", "subject": capability, "count": len(ordered), "score": round(points, 1),
        "status": status, "facts": {"lost": ordered},
    }  # fmt: skip


def document(rows: pa.Table, lang: str | None = None) -> dict[str, Any]:
    """The readiness table as one document with its sentences: what `--json` prints and the console shows.

    Returns:
        {"day", "tables": [{table, rows, first, last, days_old}], "faults": [{check, table, count, share, money,
        example, what, cost, do}] (most money first), "capabilities": [{capability, name, score, status, verdict,
        why}]}.
    """
    listed = rows.to_pylist()
    day: date | None = listed[0]["day"] if listed else None
    tables = [
        {"table": row["subject"], "rows": row["count"], "first": row["first"], "last": row["last"],
         "days_old": (day - row["last"]).days if day and row["last"] else None}
        for row in listed if row["kind"] == "table"
    ]  # fmt: skip
    faults = sorted((row for row in listed if row["kind"] == "fault"), key=lambda row: -(row["money"] or 0))
    return {
        "day": day,
        "tables": tables,
        "faults": [_fault(row, lang) for row in faults],
        "capabilities": [_capability(row, lang) for row in listed if row["kind"] == "capability"],
    }


def readiness(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Business day; the last one with sales if left out")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the rows to .parquet, .csv, .json or .xlsx")] = None,
) -> None:
    """Score the data before any model: faults, what each costs, what to do, and what can be trusted.

    Example: aislehub readiness --json
    """
    with open_hub() as hub:
        chosen = day.date() if day else _last_day(hub.tables)
        rows = assess.run(hub.tables, day=chosen, policy=Policy.load(hub.home))
        hub.tables.write("readiness", rows, chosen)
    if out:
        write_table(rows.to_pandas(), out)
    if as_json:
        print_json(document(rows))
    elif not out:
        _print(document(rows))


def _last_day(tables: Any) -> date:
    last: date | None = tables.read("sales_lines").day.max().execute()
    if last is None or pd.isna(last):
        raise HubError("readiness.empty")
    return pd.Timestamp(last).date()


def _fault(row: Mapping[str, Any], lang: str | None) -> dict[str, Any]:
    facts = {name: row[name] for name in ("count", "share", "table")}
    code = f"readiness.{row['subject']}"
    return {
        "check": row["subject"], "table": row["table"], "count": row["count"], "share": row["share"],
        "money": row["money"], "example": json.loads(row["example"] or "null"), "what": say(code, lang, **facts),
        "cost": say(f"{code}.cost", lang), "do": say(f"{code}.do", lang),
    }  # fmt: skip


def _capability(row: Mapping[str, Any], lang: str | None) -> dict[str, Any]:
    lost = json.loads(row["facts"])["lost"]
    why = [say("readiness.lost", lang, points=points, what=_cause(cause, lang)) for cause, points in lost.items()]
    return {
        "capability": row["subject"], "name": say(f"readiness.capability.{row['subject']}", lang),
        "score": row["score"], "status": row["status"], "verdict": say(f"readiness.status.{row['status']}", lang),
        "why": why,
    }  # fmt: skip


def _cause(cause: str, lang: str | None) -> str:
    fault, table = cause.split(":")
    return say(f"readiness.{fault}.short", lang, table=word("table", table, lang))


def _print(found: Mapping[str, Any]) -> None:
    console = Console(soft_wrap=True)
    scores = Table(title=say("readiness.title", day=found["day"]))
    for heading in ("capability", "score", "verdict", "why"):
        scores.add_column(say(f"readiness.heading.{heading}"))
    for row in found["capabilities"]:
        scores.add_row(row["name"], f"{row['score']:.0f}", row["verdict"], "; ".join(row["why"][:3]))
    console.print(scores)
    for fault in found["faults"]:
        money = say("readiness.money", money=f"{fault['money']:,.0f}") if fault["money"] else ""
        console.print(f"[bold]{fault['what']}[/bold] {money}")
        console.print(f"  {fault['cost']} {fault['do']}")
        if fault["example"]:
            console.print(
                f"  {say('readiness.example')} {json.dumps(fault['example'], ensure_ascii=False)}", markup=False
            )
    present = [f"{row['table']} {row['rows']:,}" for row in found["tables"] if row["rows"]]
    console.print(say("readiness.tables", tables=", ".join(present)), markup=False)


commands = (readiness,)
