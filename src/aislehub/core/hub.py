"""One open house: its folder, settings, registry, tables, ledger, alerts and inbox."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Engine

from aislehub.core.alerts import Alerts
from aislehub.core.approval import Approval, approve_by_rule
from aislehub.core.day import DayReport, run_day
from aislehub.core.desk import Desk
from aislehub.core.errors import HubError
from aislehub.core.experiments import Experiments
from aislehub.core.guards import vets
from aislehub.core.inbox import Inbox
from aislehub.core.judging import judge_due
from aislehub.core.ledger import Ledger
from aislehub.core.log import new_run, start_log
from aislehub.core.registry import Registry, registry
from aislehub.core.settings import HubSettings
from aislehub.core.settings import home as default_home
from aislehub.core.state import open_state
from aislehub.core.tables import Tables

__all__ = ["Hub", "open_hub"]


@dataclass
class Hub:
    """Everything a command, a page or a test works with."""

    home: Path
    settings: HubSettings
    registry: Registry
    run: str

    @cached_property
    def tables(self) -> Tables:
        return Tables(self.home / "tables", self.registry.contracts, self.settings.timezone)

    @cached_property
    def state(self) -> Engine:
        return open_state(self.settings.state_url, self.home)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.state, self.run, vets(self.registry.guards, self.tables, self.home))

    @cached_property
    def alerts(self) -> Alerts:
        return Alerts(self.state, self.run)

    @cached_property
    def experiments(self) -> Experiments:
        return Experiments(self.state, self.run)

    @cached_property
    def inbox(self) -> Inbox:
        return Inbox(self.home / "inbox.db")

    @cached_property
    def desk(self) -> Desk:
        return Desk(self.tables, self.registry.answers, self.inbox, models=self.models, home=self.home)

    @property
    def models(self) -> Path:
        return self.home / "models"

    def run_day(
        self, day: date, *, learn_now: bool = False, progress: Callable[[str], None] = lambda name: None
    ) -> DayReport:
        """Run the steps of a business day, approve by rule, measure what is due, and join the small files.

        A second process that tries meanwhile is refused.

        Raises:
            HubError: `day.busy`.
        """
        with self.day_lock(day):
            report = run_day(
                self.tables, day, self.registry, folder=self.models, ledger=self.ledger, alerts=self.alerts,
                experiments=self.experiments, learn_now=learn_now, currency=self.settings.currency,
                workers=self.settings.workers, home=self.home, progress=progress,
            )  # fmt: skip
            approve_by_rule(self.ledger, day, Approval.load(self.home))
            measured = judge_due(self.ledger, self.tables, self.registry.judges, day, home=self.home)
            for name in self.registry.contracts:
                self.tables.compact(name)
            return replace(report, measured=measured)

    @contextmanager
    def day_lock(self, day: date) -> Iterator[None]:
        """The lock is the operating system's, so it goes with a killed process; the note says who holds it."""
        note = self.home / ".day.json"
        try:
            with FileLock(self.home / ".day.lock", timeout=0):
                now = datetime.now(UTC).isoformat(timespec="seconds")
                fresh = note.with_suffix(".new")  # renamed, so that nobody reads half of it
                fresh.write_text(json.dumps({"day": day.isoformat(), "pid": os.getpid(), "since": now}))
                fresh.replace(note)
                yield
                note.unlink(missing_ok=True)
        except Timeout as error:
            holder = {"day": day, "pid": "?", "since": "?"}
            if note.exists():
                holder |= json.loads(note.read_text())
            raise HubError("day.busy", **holder) from error

    def close(self) -> None:
        if "state" in vars(self):
            self.state.dispose()


@contextmanager
def open_hub(home: Path | None = None) -> Iterator[Hub]:
    """Open the house in `home` (default: AISLEHUB_HOME, else `.aislehub` here)."""
    folder = (home or default_home()).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    start_log(folder)
    hub = Hub(folder, HubSettings.load(folder), registry(), new_run())
    try:
        yield hub
    finally:
        hub.close()
