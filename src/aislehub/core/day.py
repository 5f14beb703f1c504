"""One business day: learn what is due, run every step, copy decisions to the ledger and alerts to their register.

A step whose inputs, policy, model and code are those of its last run is left alone, so a second run of
a day changes nothing, and a run that was killed is finished by running the day again.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, delete, insert, select

from aislehub.core import models
from aislehub.core.alerts import Alerts, Recorded
from aislehub.core.contract import Contract
from aislehub.core.errors import HubError
from aislehub.core.experiments import Experiments, Trial
from aislehub.core.fanout import fan_out
from aislehub.core.ledger import Ledger, Proposed
from aislehub.core.log import logger, run_id
from aislehub.core.registry import Registry
from aislehub.core.rowkeys import row_keys
from aislehub.core.settings import Settings
from aislehub.core.state import runs
from aislehub.core.step import Learn, Step, code_digest, policy_of
from aislehub.core.tables import Tables
from aislehub.core.text import say

__all__ = ["DayReport", "StepReport", "run_day"]


@dataclass(frozen=True)
class StepReport:
    """How one step went: `state` is ran, unchanged, failed or skipped."""

    step: str
    state: str
    rows: int = 0
    seconds: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class DayReport:
    """What `run_day` did."""

    day: date
    steps: list[StepReport]
    proposed: dict[str, Proposed] = field(default_factory=dict)
    alerts: Recorded = field(default_factory=Recorded)
    measured: dict[str, int] = field(default_factory=dict)
    experiments: list[Trial] = field(default_factory=list)  # those that the day has ended or rolled back

    @property
    def failed(self) -> list[StepReport]:
        return [report for report in self.steps if report.state == "failed"]


@dataclass
class _Day:
    """What the parts of one run share."""

    tables: Tables
    day: date
    registry: Registry
    policies: Mapping[str, Settings]
    folder: Path
    state: Engine | None
    seed: int
    currency: str
    workers: int
    home: Path | None
    trials: list[Trial]
    outputs: dict[str, str] = field(default_factory=dict)  # table → digest of its slice of this day
    models: dict[str, tuple[str, Path]] = field(default_factory=dict)  # model → card id, folder


def run_day(
    tables: Tables, day: date, registry: Registry, *, folder: Path, ledger: Ledger | None = None,
    alerts: Alerts | None = None, experiments: Experiments | None = None,
    policies: Mapping[str, Settings] | None = None, learn_now: bool = False, currency: str = "USD", seed: int = 0,
    workers: int = 1, home: Path | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> DayReport:  # fmt: skip
    """Run one business day on `tables`; the twin calls this too, on tables in memory and without ledger and register.

    Args:
        folder: where learned models are kept.
        policies: section → policy; a missing one is read from the settings of `home` (None = the default home).
        currency: that of the tables' money, an ISO code.
        workers: processes for steps that work store by store; 1 = all in this process.
        learn_now: learn every model even if its last version is young enough.
        progress: told the name of each step before it starts.

    Returns:
        One report a step. A failed step has left its table as it was, and its heirs are skipped.
    """
    context = _Day(
        tables,
        day,
        registry,
        policies or {},
        folder,
        ledger.engine if ledger else None,
        seed,
        currency,
        workers,
        home,
        experiments.on(day) if experiments else [],
    )
    moved: list[Trial] = []
    reports: list[StepReport] = []
    proposed: dict[str, Proposed] = {}
    found: dict[str, pa.Table] = {}
    broken: dict[str, StepReport] = {}
    for step in registry.steps:
        progress(step.name)
        started = time.perf_counter()
        heir_of = next((broken[name] for name in registry.inputs(step) if name in broken), None)
        if heir_of is not None:
            why = say(
                "day.skipped",
                table=", ".join(n for n in registry.inputs(step) if n in broken),
                step=heir_of.step,
                state=say(f"day.step_{heir_of.state}"),
            )
            report = StepReport(step.name, "skipped", why=why)
        else:
            report = _run_step(context, step, learn_now)
        report = replace(report, seconds=time.perf_counter() - started)
        reports.append(report)
        logger.info("step", extra={"step": step.name, "state": report.state, "rows": report.rows, "day": day})
        if report.state in ("failed", "skipped"):
            broken[step.writes.name] = report
        elif step.writes.decision and ledger is not None:
            proposed[step.writes.name] = _propose(context, step, ledger)
        elif step.writes.alert and alerts is not None:
            found[step.writes.name] = _slice(context, step.writes)
        elif step.writes.look and experiments is not None:
            moved += experiments.record(day, _slice(context, step.writes))
            context.trials = experiments.on(day)  # what was rolled back just now holds for the decisions that follow
    if ledger is not None:
        ledger.expire(day)
    if alerts is None:
        return DayReport(day, reports, proposed, experiments=moved)
    declared = [name for name, contract in registry.contracts.items() if contract.alert]
    recorded = alerts.record(day, found, currency=currency, declared=declared)
    return DayReport(day, reports, proposed, recorded, experiments=moved)


def _run_step(context: _Day, step: Step, learn_now: bool) -> StepReport:
    """Run one step unless nothing it depends on has changed since it ran for this day."""
    started = time.perf_counter()
    try:
        if step.model and step.model not in context.models:
            context.models[step.model] = _model(context, step, learn_now)
        policy = _policy(context, step)
        signature = _signature(context, step, policy)
        last = _last_run(context, step)
        if last is not None and last.signature == signature and last.state == "ran":
            context.outputs[step.writes.name] = last.output
            return StepReport(step.name, "unchanged", last.rows)
        versions = {name: context.tables.version(name) for name in step.reads}
        model = context.models[step.model][1] if step.model else None
        rows = _rows(context, step, policy, model)
        context.tables.write(step.writes.name, rows, context.day)
    except Exception as error:
        logger.exception("step failed", extra={"step": step.name, "day": context.day})
        _record(context, step, "failed", signature="", why=str(error))
        why = str(error) if isinstance(error, HubError) else f"{type(error).__name__}: {error}"
        return StepReport(step.name, "failed", why=why)
    output = _digest(step.writes.require(rows), step)
    context.outputs[step.writes.name] = output
    seconds = time.perf_counter() - started
    _record(
        context, step, "ran", signature=signature, output=output, rows=rows.num_rows, seconds=seconds, versions=versions
    )
    return StepReport(step.name, "ran", rows.num_rows)


def _rows(context: _Day, step: Step, policy: Settings | None, model: Path | None) -> pa.Table:
    """The step's rows: at once, or store by store in several processes where the tables can be reopened there."""
    offered: dict[str, Any] = {"model": model, "seed": context.seed, "currency": context.currency}
    if step.per is None or context.workers <= 1 or context.tables.folder is None:
        return step.run(context.tables, day=context.day, policy=policy, trials=context.trials, **offered)
    first = context.tables.read(step.reads[0], as_of=context.day)
    keys = sorted(context.tables.run(lambda _: first.select(step.per).distinct())[step.per].to_pylist())
    parts = [tuple(keys[start :: context.workers * 2]) for start in range(min(len(keys), context.workers * 2))]
    work = partial(
        _part, context.tables.folder, context.tables.timezone, dict(context.tables.contracts), step.function.__module__,
        step.name, context.day, policy, offered,
    )  # fmt: skip
    made = fan_out(work, parts, workers=context.workers)
    if not made:
        return step.writes.empty()
    return pa.concat_tables(made.values(), promote_options="permissive")  # an all-empty column has no type of its own


def _part(
    folder: Path, timezone: str, contracts: Mapping[str, Contract], module: str, name: str, day: date,
    policy: Settings | None, offered: Mapping[str, Any], only: tuple[str, ...],
) -> pa.Table:  # fmt: skip
    """In a worker process: the step on its share of the keys."""
    step: Step = getattr(importlib.import_module(module), name)
    return step.run(Tables(folder, contracts, timezone), day=day, policy=policy, only=only, **offered)


def _signature(context: _Day, step: Step, policy: Settings | None) -> str:
    """Everything a step's result depends on. A step's own result of the day counts by content, facts by version."""
    producers = context.registry.producers()
    inputs = {
        name: context.outputs.get(name) or ("" if name in producers else context.tables.version(name))
        for name in step.reads
    }  # fmt: skip
    parts = [
        step.name, inputs, policy.digest() if policy else "", context.models.get(step.model or "", ("",))[0],
        code_digest(step.function), context.seed, context.currency,
        [trial.design() for trial in context.trials] if step.asks_for("trials") else [],
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _digest(rows: Any, step: Step) -> str:
    """A hash of a slice's content, whatever the order of its rows."""
    keys = row_keys(rows, [column.name for column in step.writes.columns]).to_numpy().copy()
    keys.sort()
    return hashlib.sha256(keys.tobytes()).hexdigest()[:16]


def _policy_digest(context: _Day, owner: Step | Learn) -> str:
    policy = _policy(context, owner)
    return policy.digest() if policy else ""


def _policy(context: _Day, owner: Step | Learn) -> Settings | None:
    return _settings(context, owner.policy)


def _settings(context: _Day, kind: type[Settings] | None) -> Settings | None:
    return None if kind is None else context.policies.get(kind.section) or kind.load(context.home)


def _model(context: _Day, step: Step, learn_now: bool) -> tuple[str, Path]:
    """The learned model a step needs: a young enough one, or a new one."""
    name = step.model or ""
    learn = context.registry.learns.get(name)
    found = None if learn and learn_now else models.find_learned(context.folder, name, day=context.day.isoformat())
    if learn is not None:
        why = _why_learn(context, *found, learn) if found else "asked" if learn_now else "first"
        if why:
            _learn(context, learn, why)
            found = models.find_learned(context.folder, name, day=context.day.isoformat())
    if found is None:
        raise HubError("step.no_artifact", step=step.name, model=name)
    return found[0].id, found[1]


def _why_learn(context: _Day, card: models.Card, place: Path, learn: Learn) -> str:
    """Why to learn a model anew: `code`, `policy`, `erased`, `age`, or what its own rule says; empty = it may stay."""
    if card.code != code_digest(learn.function):
        return "code"
    if card.policy != _policy_digest(context, learn):
        return "policy"
    if models.is_outdated(place):
        return "erased"
    age = (context.day - date.fromisoformat(card.day)).days
    if age < learn.every_days:
        return ""
    if learn.due is None:
        return "age"
    return learn.due(context.tables, context.day, age=age, policy=_settings(context, policy_of(learn.due)))


def _learn(context: _Day, learn: Learn, why: str) -> None:
    policy = _policy(context, learn)
    context.folder.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".learning-", dir=context.folder))
    try:
        metrics = learn.run(context.tables, day=context.day, policy=policy, folder=made, seed=context.seed)
        versions = {name: context.tables.version(name) for name in learn.reads}
        card = models.save_learned(
            context.folder, learn.model, made, day=context.day.isoformat(), metrics=metrics, versions=versions,
            code=code_digest(learn.function), policy=_policy_digest(context, learn), why=why,
        )  # fmt: skip
        logger.info("learned", extra={"model": card.id, "why": why, "metrics": card.metrics})
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _propose(context: _Day, step: Step, ledger: Ledger) -> Proposed:
    return ledger.propose(
        step.writes.name, context.day, _slice(context, step.writes), currency=context.currency,
        model=context.models.get(step.model or "", ("",))[0], policy=_policy_digest(context, step),
        versions={name: context.tables.version(name) for name in step.reads}, once=step.writes.once,
        trial=next((one for one in context.trials if one.kind == step.writes.name and one.draws(context.day)), None),
    )  # fmt: skip


def _slice(context: _Day, contract: Contract) -> pa.Table:
    return context.tables.run(lambda t: (rows := t.read(contract.name)).filter(rows.day == context.day))


def _last_run(context: _Day, step: Step) -> Any:
    if context.state is None:
        return None
    with context.state.connect() as connection:
        mine = (runs.c.day == context.day) & (runs.c.step == step.name)
        return connection.execute(select(runs).where(mine)).one_or_none()


def _record(
    context: _Day, step: Step, state: str, *, signature: str, output: str = "", rows: int = 0, why: str = "",
    seconds: float = 0.0, versions: Mapping[str, int] | None = None,
) -> None:  # fmt: skip
    if context.state is None:
        return
    row = {
        "day": context.day, "step": step.name, "signature": signature, "output": output, "state": state, "why": why,
        "rows": rows, "seconds": seconds, "versions": json.dumps(dict(versions or {}), sort_keys=True), "run": run_id(),
        "at": datetime.now(UTC),
    }  # fmt: skip
    with context.state.begin() as connection:
        connection.execute(delete(runs).where((runs.c.day == context.day) & (runs.c.step == step.name)))
        connection.execute(insert(runs).values(row))
