"""A house of four steps and one model, for test_day; as a script it runs days of which some are killed.

python tests/core/tiny_house.py HOME KILLS
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from aislehub.core.alerts import Alerts
from aislehub.core.contract import Column, Contract
from aislehub.core.day import DayReport, run_day
from aislehub.core.ledger import Ledger
from aislehub.core.registry import collect
from aislehub.core.settings import Settings, field
from aislehub.core.state import open_state
from aislehub.core.step import learn, step
from aislehub.core.tables import Tables

DAY = date(2017, 11, 5)

TAKINGS = Contract(
    "takings", "What was taken",
    (
        Column("id", "text", "Identity"),
        Column("shop", "text", "Where"),
        Column("pieces", "int", "How many"),
        Column("taken_at", "time", "When"),
    ),
    key="id", known_from="taken_at",
)  # fmt: skip
SUMS = Contract(
    "sums",
    "Pieces by shop",
    (Column("shop", "text", "Where"), Column("pieces", "int", "Sum")),
    key="shop",
    derived=True,
)
WISHES = Contract("wishes", "What each shop should get", (), key="subject", decision=True)
NOTICES = Contract(
    "notices", "How many wishes there are", (Column("wishes", "int", "Number"),), key="wishes", derived=True
)

SHORTFALLS = Contract("shortfalls", "A shop that took too little", (), key="day cause store subject", alert=True)


class Policy(Settings, section="tiny"):
    """How the tiny house works."""

    factor: float = field(1.0, "Wished pieces per piece taken", ge=0)
    low: int = field(5, "Fewer pieces than this are an alert", ge=0)
    broken: str = field("", "The step that fails")


class Teaching(Settings, section="tiny_teaching"):
    """How the tiny model is made."""

    rounding: int = field(2, "Digits that the model keeps", ge=0)


@step(reads="takings", writes=SUMS)
def sums(takings: ir.Table, *, policy: Policy) -> ir.Table:
    """Pieces by shop."""
    if policy.broken == "sums":
        raise ValueError("told to fail")
    return takings.group_by("shop").agg(pieces=takings.pieces.sum().cast("int64"))


@learn(reads="takings", model="mean", every_days=7)
def mean(takings: ir.Table, *, folder: Path, policy: Teaching) -> Mapping[str, Any]:
    """The mean pieces of a taking."""
    value = round(float(takings.pieces.mean().execute()), policy.rounding)
    (folder / "mean.json").write_text(json.dumps(value))
    return {"mean": value}


@step(reads="sums", writes=WISHES, model="mean")
def wishes(sums: ir.Table, *, day: date, policy: Policy, model: Path) -> pa.Table:
    """As many pieces as were taken, and the mean on top."""
    more = json.loads((model / "mean.json").read_text())
    if policy.broken == "wishes":
        raise ValueError("told to fail")
    rows = [
        {
            "store": row["shop"], "subject": row["shop"], "baseline": '{"name": "none"}', "horizon_days": 7,
            "action": json.dumps({"quantity": row["pieces"] * policy.factor}), "bound": "none", "outlay": 1.0,
            "money": row["pieces"] + more, "money_low": 0.0, "money_high": 99.0,
        }
        for row in sums.filter(ibis._.day == day).to_pyarrow().to_pylist()
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, WISHES.schema).drop_columns(["day"])


@step(reads="wishes", writes=NOTICES)
def notices(wishes: ir.Table, *, day: date) -> ir.Table:
    """How many wishes there are today."""
    return wishes.filter(wishes.day == day).agg(wishes=ibis._.count().cast("int64"))


@step(reads="sums", writes=SHORTFALLS)
def shortfalls(sums: ir.Table, *, day: date, policy: Policy) -> pa.Table:
    """Shops below the limit."""
    if policy.broken == "shortfalls":
        raise ValueError("told to fail")
    rows = [
        {
            "cause": "tiny.low", "store": row["shop"], "subject": "pieces", "owner": "planner",
            "money_at_risk": float(policy.low - row["pieces"]), "facts": json.dumps({"pieces": row["pieces"]}),
        }
        for row in sums.filter(ibis._.day == day).to_pyarrow().to_pylist() if row["pieces"] < policy.low
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, SHORTFALLS.schema).drop_columns(["day"])


REGISTRY = collect([sys.modules[__name__]])


def takings(*rows: tuple[str, str, int], day: date = DAY) -> pa.Table:
    """Good rows: id, shop, pieces, at noon of a day."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    cells = [{"id": id, "shop": shop, "pieces": pieces, "taken_at": noon} for id, shop, pieces in rows]
    return TAKINGS.check(pa.Table.from_pylist(cells)).good


def run(tables: Tables, ledger: Ledger | None, folder: Path, day: date = DAY, **more: Any) -> DayReport:
    """One day of the tiny house."""
    alerts = Alerts(ledger.engine) if ledger else None
    return run_day(tables, day, REGISTRY, folder=folder, ledger=ledger, alerts=alerts, **more)


def day_in(home: Path) -> DayReport:
    """One day in a home folder."""
    tables = Tables(home / "tables", REGISTRY.contracts)
    return run(tables, Ledger(open_state("", home)), home / "models")


def main(home: Path, kills: int) -> None:
    """Kill the day at random moments, each in a child of this process, then let one finish."""
    chance = random.Random(11)
    for moment in [*(chance.uniform(0.01, 0.9) for _ in range(kills)), None]:
        child = os.fork()
        if child == 0:
            os._exit(1 if day_in(home).failed else 0)
        if moment is not None:
            time.sleep(moment)
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
