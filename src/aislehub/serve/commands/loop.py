"""`aislehub loop`: the whole loop in one command, on a simulated chain whose truth is known.

The chain lives under today's rules. Then the hub decides every evening, a rule approves, the outbox carries out, and a
store-randomised experiment finds out what it is worth: half of the stores do what the hub proposes, the others what
today's rule would. At the end the money that was expected, the money measured by replay, and the money measured by the
experiment stand beside the truth: the same days lived twice, with all stores in the one arm and with all in the other.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import typer
from rich.table import Table

from aislehub.core.book import Filter
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.hub import Hub
from aislehub.core.log import new_run, start_log
from aislehub.core.outbox import Batch, send_approved
from aislehub.core.output import print_json
from aislehub.core.registry import registry
from aislehub.core.settings import HubSettings
from aislehub.core.settings import home as default_home
from aislehub.core.text import say
from aislehub.proof.design import Design
from aislehub.proof.experiment import Policy as ExperimentPolicy
from aislehub.proof.experiment import plan_trial, start_trial
from aislehub.proof.judge import spans, worth
from aislehub.serve.formats import word
from aislehub.serve.plan import console
from aislehub.twin.chain import Outcome
from aislehub.twin.live import Twin, live, warmed
from aislehub.twin.office import Office, needed
from aislehub.twin.policy import DECISIONS, Policy
from aislehub.twin.world import Family, World

__all__ = ["Result", "commands", "loop", "run_loop"]

METRIC = "margin_after_shrink"
EFFECT = 0.05
EXPERIMENT = "loop"
FIELDS = {"orders": {"quantity": "quantity"}, "price_changes": {"price": "price", "ends": "expires"}}
"""Decision table → fields of its action that the twin carries out, and the columns that it reads them from."""
SETTINGS = """# The simulated chain of `aislehub loop`; a simple forecast keeps it short.
[demand]
model = "seasonal_mean"

[approval]
kinds = ["{kind}"]
max_outlay = 1e9
max_outlay_day = 1e12
min_money_low = -1e9
"""


@dataclass(frozen=True)
class Result:
    """What the loop has found; `effect`, `low`, `high`, `truth` are margin after shrink, per store and day.

    Attributes:
        decided, carried_out: decisions in the ledger, and those that left through the outbox.
        expected, measured: sums over the treated stores' decisions that were measured, each by itself, over its
            baseline; None where none could be measured.
        together, together_low, together_high: what these decisions brought as a whole, by replay of their days: profit
            per store and day; None where the kind's decisions are not lived again.
        effect, low, high: treatment − control by the experiment, valid at all looks together.
        verdict: the experiment's, a code.
        truth: the twin's own answer to the same question.
        agrees: whether the experiment's interval holds the truth.
        profit_truth: the same of the profit, which also counts stock, waste and order lines.
    """

    kind: str
    stores: int
    days: int
    decided: int
    carried_out: int
    measured_count: int
    expected: float | None
    measured: float | None
    together: float | None
    together_low: float | None
    together_high: float | None
    effect: float
    low: float
    high: float
    verdict: str
    truth: float
    agrees: bool
    profit_truth: float


class _House:
    """A hub with tables on disk, a ledger and an outbox, which the twin asks every evening; it is its own connector.

    Before its first decision it plans and starts the experiment.
    """

    name = "twin"

    def __init__(self, hub: Hub, kind: str, weeks: int) -> None:
        self._hub, self._kind, self._weeks = hub, kind, weeks
        self._told: dict[str, list[pa.Table]] = {}
        self._sent: list[Mapping[str, Any]] = []

    @property
    def reads(self) -> set[str]:
        """Facts that the steps read; shoppers' clicks and door counts have no part in the margin."""
        names = {name for step in self._hub.registry.steps for name in self._hub.registry.inputs(step)}
        facts = {name for name in names if self._hub.registry.contracts[name].is_fact}
        return facts - {"events", "footfall"}

    def tell(self, rows: Mapping[str, pa.Table]) -> None:
        for name in self.reads & set(rows):
            self._told.setdefault(name, []).append(rows[name])

    def decide(self, day: date) -> dict[str, pa.Table]:
        """Run the business day, and hand out what was approved."""
        self.run_day(day)
        self._sent.clear()
        send_approved(self._hub.ledger, self, self._kind)
        return {self._kind: _rows(self._sent, self._kind)}

    def run_day(self, day: date) -> None:
        """Take in what it has been told, and run the business day."""
        for name, parts in self._told.items():
            self._hub.tables.append(name, pa.concat_tables(parts))
        self._told.clear()
        if not self._hub.experiments.all():
            _begin(self._hub, self._kind, day + timedelta(days=1), self._weeks)
        report = self._hub.run_day(day)
        if report.failed:
            raise HubError("twin.step_failed", step=report.failed[0].step, day=day, why=report.failed[0].why)

    def send(self, batch: Batch) -> str:
        self._sent += batch.rows
        return self.name


class _Baseline(Office):
    """The hub in memory, of whose decisions the baseline is carried out: today's rule in all stores."""

    def decide(self, day: date) -> dict[str, pa.Table]:
        return {
            kind: _rows([row | json.loads(row["baseline"]) for row in rows.to_pylist()], kind)
            for kind, rows in super().decide(day).items()
        }


def run_loop(home: Path, *, kind: str, family: str, stores: int, items: int, weeks: int, seed: int) -> Result:
    """Live the loop in `home`, a folder that does not exist yet.

    Raises:
        HubError: of the twin, the experiment and the steps, each with what to do.
    """
    home.mkdir(parents=True)
    (home / "hub.toml").write_text(SETTINGS.format(kind=kind), encoding="utf-8")
    start_log(home)
    policy = Policy("hub", **{decision: "hub" for decision, table in DECISIONS.items() if table == kind})  # type: ignore[arg-type]
    past = warmed(World.make(family, stores=stores, items=items, seed=seed), seed)
    hub = Hub(home, HubSettings.load(home), needed(registry(), [kind, "experiment_results"]), new_run())
    try:
        house, twin = _House(hub, kind, weeks), past.fork()
        live(twin, policy, 7 * weeks, office=house)
        last = twin.chain.today - timedelta(days=1)
        house.run_day(last)
        arms = [_everywhere(past.fork(), policy, kind, 7 * weeks, office) for office in (Office, _Baseline)]
        return _result(hub, kind, past.chain.world, *arms)
    finally:
        hub.close()


def loop(
    kind: Annotated[str, typer.Option(help="Decisions that are tried: orders, or price_changes")] = "orders",
    stores: Annotated[int, typer.Option(help="Stores of the chain", min=6, max=500)] = 24,
    items: Annotated[int, typer.Option(help="Items of its range", min=5, max=5_000)] = 40,
    weeks: Annotated[int, typer.Option(help="Weeks of the experiment", min=1, max=26)] = 4,
    family: Annotated[str, typer.Option(help="Family of worlds: heterogeneous, none or drift")] = "heterogeneous",
    seed: Annotated[int, typer.Option(help="Seed of the chain and its chance", min=0)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """The whole loop on a simulated chain: decide, approve by rule, experiment, measure, compare with the truth.

    It lives in the folder `loop` of the home, which is made anew each time; the console shows it.

    Example: aislehub loop --stores 12 --items 20 --weeks 2
    """
    if kind not in FIELDS:
        raise HubError("loop.kind", kind=kind, suggestion=did_you_mean(kind, FIELDS))
    Family.load(family)  # an unknown one is refused before an earlier loop is removed
    home = default_home() / "loop"
    if (home / "hub.toml").is_file():  # what an earlier loop has left
        shutil.rmtree(home)
    print(say("loop.begins", stores=stores, items=items, weeks=weeks, home=home), file=sys.stderr)
    result = run_loop(home, kind=kind, family=family, stores=stores, items=items, weeks=weeks, seed=seed)
    if as_json:
        print_json(asdict(result))
    else:
        _show(result, home)


def _begin(hub: Hub, kind: str, start: date, weeks: int) -> None:
    """Plan the experiment on the chain's past and start it."""
    policy = ExperimentPolicy.load(hub.home)
    design = Design(
        unit="store", metric=METRIC, effect=EFFECT, also=("margin", "sales"), outlier=policy.outlier,
        pre_days=policy.pre_days,
    )  # fmt: skip
    _, _, trial = plan_trial(hub, EXPERIMENT, design, kind, 0.5, 0, weeks, start - timedelta(days=1), policy.max_weeks)
    hub.experiments.plan(trial, who="loop")
    start_trial(hub, EXPERIMENT, start, who="loop")


def _everywhere(twin: Twin, policy: Policy, kind: str, days: int, office: type[Office]) -> list[Outcome]:
    """The same days with one arm in all stores."""
    with tempfile.TemporaryDirectory(prefix="loop-") as folder:
        (Path(folder) / "hub.toml").write_text(SETTINGS.format(kind=kind), encoding="utf-8")
        return live(twin, policy, days, office=office(registry(), [kind], Path(folder)))


def _money(world: World, lived: Sequence[Outcome]) -> dict[str, float]:
    """Margin after shrink, and profit, per store and day."""
    margin = [outcome.revenue - (world.cost * outcome.sold).sum(axis=1) - outcome.waste for outcome in lived]
    return {"margin": float(np.mean(margin)), "profit": float(np.mean([outcome.profit for outcome in lived]))}


def _result(hub: Hub, kind: str, world: World, treated: Sequence[Outcome], untreated: Sequence[Outcome]) -> Result:
    """What the ledger, the replay and the experiment say, and the truth of the days that the experiment ran."""
    last = hub.experiments.get(EXPERIMENT).last  # earlier than planned where it was rolled back
    looks = hub.tables.run(lambda tables: (rows := tables.read("experiment_results")).filter(rows.day == last))
    look = next(row for row in looks.to_pylist() if row["metric"] == METRIC)
    with_hub, without = (_money(world, lived[: look["days"]]) for lived in (treated, untreated))
    replayed = [row for row in hub.ledger.measured() if row["arm"].endswith(":treatment")]
    brought = worth(replayed)[0] if replayed else None
    whole = next(iter(spans(hub)), None)
    counts = hub.ledger.summary(Filter(kind=kind))
    truth = with_hub["margin"] - without["margin"]
    return Result(
        kind=kind, stores=look["n_control"] + look["n_treatment"], days=look["days"],
        decided=sum(group["count"] for group in counts),
        carried_out=sum(group["count"] for group in counts if group["state"] in ("done", "judged")),
        measured_count=len(replayed), expected=brought.expected if brought else None,
        measured=brought.measured if brought else None,
        together=whole.per_store_day if whole else None,
        together_low=whole.low / whole.store_days if whole else None,
        together_high=whole.high / whole.store_days if whole else None,
        effect=look["estimate"], low=look["low"], high=look["high"],
        verdict=look["verdict"], truth=truth, agrees=look["low"] <= truth <= look["high"],
        profit_truth=with_hub["profit"] - without["profit"],
    )  # fmt: skip


def _rows(decisions: Sequence[Mapping[str, Any]], kind: str) -> pa.Table:
    """Store, subject and what the twin carries out; a price without an end holds until it is changed again."""
    columns = {name: [row[name] for row in decisions] for name in ("store", "subject")}
    for field, column in FIELDS[kind].items():
        values = [row.get(field) for row in decisions]
        columns[column] = [value and date.fromisoformat(value) for value in values] if field == "ends" else values
    return pa.table(columns)


def _show(result: Result, home: Path) -> None:
    headers = (say(f"loop.{name}") for name in ("what", "money", "interval"))
    title = say("loop.title", **asdict(result) | {"kind": word("kind", result.kind)})
    table = Table(*headers, title=title, title_justify="left")
    if result.expected is not None and result.measured is not None:
        for name, money in (("expected", result.expected), ("measured", result.measured)):
            table.add_row(say(f"loop.{name}", count=result.measured_count), f"{money:,.2f}", "")
    if result.together is not None:
        interval = f"{result.together_low:+,.2f} … {result.together_high:+,.2f}"
        table.add_row(say("loop.together"), f"{result.together:+,.2f}", interval)
    table.add_row(say("loop.effect"), f"{result.effect:+,.2f}", f"{result.low:+,.2f} … {result.high:+,.2f}")
    table.add_row(say("loop.truth"), f"{result.truth:+,.2f}", "")
    table.add_row(say("loop.profit_truth"), f"{result.profit_truth:+,.2f}", "")
    out = console()
    out.print(table)
    verdict = say(f"experiment.verdict_{result.verdict}")
    out.print(say("loop.agrees" if result.agrees else "loop.differs", verdict=verdict))
    out.print(say("loop.simulated", home=home))


commands = (loop,)
